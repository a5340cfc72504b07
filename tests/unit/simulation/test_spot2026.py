"""The inventory reader: the published counts, samples that keep the mix, and bad rows."""

from pathlib import Path

import pytest

from suanli.simulation.traces.spot2026 import NODES, chips, read_fleet, stratified
from suanli.terms.errors import InputError

HEADER = "gpu_model,gpu_capacity_num,cpu_num,node_name\n"


def test_the_published_inventory(public_data: Path) -> None:
    fleet = read_fleet(public_data / "traces" / "spot2026", 1)
    assert sum(g.count for g in fleet.hosts) == 4278
    assert sum(g.count * g.devices for g in fleet.hosts) == 10_412
    h800 = [g for g in fleet.hosts if g.chip == "h800-sxm-80"]
    assert [(g.devices, g.count) for g in h800] == [(8, 219)]
    series = {g.devices: g.count for g in fleet.hosts if g.chip == "gpu-series-1"}
    assert series == {1: 902, 4: 10, 8: 77}


@pytest.mark.parametrize("scale", [0.5, 0.1, 0.03])
def test_a_sample_keeps_the_mix_and_is_the_same_every_time(public_data: Path,
                                                           scale: float) -> None:
    folder = public_data / "traces" / "spot2026"
    whole, sample = read_fleet(folder, 1), read_fleet(folder, scale)
    assert sample == read_fleet(folder, scale)
    assert sum(g.count for g in sample.hosts) == int(4278 * scale + 0.5)
    taken = {(g.chip, g.devices): g.count for g in sample.hosts}
    for group in whole.hosts:
        assert abs(taken.get((group.chip, group.devices), 0) - group.count * scale) < 1


def test_largest_remainders_get_what_is_left() -> None:
    """0.9, 0.6, 1.5: one whole, and two of the three left over to the largest remainders."""
    hosts = {("a", 1): 9, ("b", 1): 6, ("c", 8): 15}
    assert stratified(hosts, 0.1) == {("a", 1): 1, ("b", 1): 1, ("c", 8): 1}


def test_anonymised_models_are_rated_as_an_assumption_and_say_so() -> None:
    sheet = chips()
    for chip, like in (("gpu-series-1", "l40s-48"), ("gpu-series-2", "h20-96")):
        assert sheet[chip].bf16_tflops == sheet[like].bf16_tflops
        assert sheet[chip].confidence == "assumption"
        assert "ASSUMPTION" in sheet[chip].notes
    assert sheet["h800-sxm-80"].confidence != "assumption"


@pytest.mark.parametrize(("text", "said"), [
    ("gpu_model\n", ":1: gpu_capacity_num: the column is missing"),
    (HEADER + "A10,1,128,0\nTPU,4,1,1\n", ":3: gpu_model: found 'TPU'"),
    (HEADER + "A10,0,128,0\n", ":2: gpu_capacity_num: found '0'"),
    (HEADER + "A10,-8,128,0\n", ":2: gpu_capacity_num: found '-8'"),
    (HEADER + "A10,65,128,0\n", ":2: gpu_capacity_num: found '65'"),
    (HEADER + "A10\n", ":2: gpu_capacity_num: found None"),
])
def test_malformed_rows_are_named_by_file_line_and_column(tmp_path: Path, text: str,
                                                          said: str) -> None:
    (tmp_path / NODES).write_text(text)
    with pytest.raises(InputError) as error:
        read_fleet(tmp_path, 1)
    assert str(error.value).startswith(str(tmp_path / NODES))
    assert said in str(error.value)


@pytest.mark.parametrize(("scale", "said"), [
    (0, "above 0"), (1.5, "at most 1"), (float("nan"), "above 0"), (0.01, "no host of 1")])
def test_a_scale_that_leaves_nothing_is_refused(tmp_path: Path, scale: float, said: str) -> None:
    (tmp_path / NODES).write_text(HEADER + "A10,1,128,0\n")
    with pytest.raises(InputError, match=said):
        read_fleet(tmp_path, scale)
