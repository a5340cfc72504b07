"""The datasheet reads whole, keeps its doubts, and names what is wrong with another."""

from decimal import Decimal

import pytest

from suanli.bootstrap import datasheet_text
from suanli.chips.datasheet import parse
from suanli.terms.errors import InputError


def test_every_row_is_there_with_source_and_confidence() -> None:
    chips = parse(datasheet_text())
    assert len(chips) == 37
    assert all(chip.confidence for chip in chips.values())
    assert not chips["v100-sxm-16"].is_verified
    assert chips["h100-sxm-80"].is_verified
    assert chips["ascend-910c-128"].addressable_devices == 2
    assert chips["v100-sxm-16"].bf16_tflops == Decimal(125)  # FP16 stands in
    assert chips["kunlun-p800-96"].memory_gbps is None


def test_public_chips_are_taken_over_unchanged(public_data: object) -> None:
    from pathlib import Path
    public = (Path(str(public_data)) / "chips" / "devices.csv").read_text(encoding="utf-8")
    assert datasheet_text().startswith(public)


@pytest.mark.parametrize(("old", "new", "said"), [
    ("origin_class", "origin", "origin_class: the column is missing"),
    (",foreign,data-centre,SXM5,1,80,", ",martian,data-centre,SXM5,1,80,", "'martian'"),
    (",SXM5,1,80,HBM3,3350,989", ",SXM5,0,80,HBM3,3350,989", "addressable_devices_per_package"),
    (",SXM5,1,80,HBM3,3350,989", ",SXM5,1,-80,HBM3,3350,989", "mem_gb: found '-80'"),
    (",SXM5,1,80,HBM3,3350,989", ",SXM5,1,eighty,HBM3,3350,989", "mem_gb: found 'eighty'"),
    ("3350,989,989,1979,1979", "3350,1979,1979,3958,3958", "989 (BF16) and 1979"),
    ("h200-sxm-141", "h100-sxm-80", "stands twice"),
])
def test_wrong_sheets_are_named(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse(datasheet_text().replace(old, new), "sheet.csv")
    assert said in str(error.value)
    assert "sheet.csv" in str(error.value)
