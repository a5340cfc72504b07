"""The rating formula against the worked examples of hal.md 4.6, and its laws."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.bootstrap import datasheet_text
from suanli.chips.datasheet import parse
from suanli.units.rating import interconnect_multiplier, rate
from suanli.units.workload import WORKLOAD_CLASSES

CHIPS = parse(datasheet_text())
CLASSES = ("llm-training", "llm-prefill", "llm-decode", "vision-training", "embedding")
# chip, package B x M for the five classes, X in training, X in decode, gang training (B M X).
# None: not given there, or given for figures that are not the datasheet's.
EXAMPLES = [
    ("h100-sxm-80", (1.00, 1.00, 1.00, 1.00, 1.00), 1.00, 1.00, 1.00),
    ("h200-sxm-141", (1.12, 1.05, 1.45, 1.17, 1.08), 0.99, 0.96, 1.11),
    ("h800-sxm-80", (1.00, 1.00, 1.00, 1.00, 1.00), 0.84, 0.89, 0.84),
    ("h20-96", (0.18, 0.17, 0.68, 0.30, 0.21), 1.14, 1.03, 0.21),
    ("a100-sxm-80", (0.34, 0.34, 0.55, 0.45, 0.39), 1.08, 1.02, 0.37),
    ("a800-sxm-80", (0.34, 0.34, 0.55, 0.45, 0.39), 1.03, 0.98, 0.36),
    ("l40s-48", (0.30, 0.34, 0.21, 0.32, 0.35), 0.64, 0.78, 0.19),
    ("rtx-4090-24", (0.13, 0.18, 0.15, 0.24, 0.21), 0.81, 0.78, 0.11),
    ("mi300x-192", (1.49, 1.36, 1.69, 1.38, 1.33), 0.95, 0.95, 1.41),
    ("ascend-910b2-64", (0.37, 0.39, 0.42, 0.45, 0.43), 1.01, 0.99, 0.38),
    ("ascend-910b3-64", (0.32, 0.33, 0.40, 0.41, 0.37), None, None, 0.33),
    ("ascend-910b4-32", (0.23, 0.29, 0.22, 0.34, 0.32), 1.05, 1.02, 0.25),
    ("ascend-910c-128", (0.83, 0.79, 0.97, 0.87, 0.82), 1.01, 0.99, 0.84),
    ("mlu370-x8-48", (0.09, 0.10, 0.13, 0.14, 0.12), 1.09, 1.03, 0.10),
    ("mlu590", (0.28, 0.27, 0.36, 0.33, 0.30), 1.06, 1.02, 0.30),
    ("hygon-k100ai-64", (0.19, 0.20, 0.23, 0.25, 0.23), 0.78, 0.79, 0.15),
    ("hygon-z100", (0.02, 0.03, 0.08, 0.05, 0.04), None, None, None),
    ("mtt-s4000-48", (0.10, 0.11, 0.16, 0.16, 0.13), 1.10, 1.03, 0.11),
    ("iluvatar-bi-v150-64", (0.21, 0.21, 0.37, 0.31, 0.25), None, None, None),
    ("metax-c500-64", (0.29, 0.31, 0.44, 0.40, 0.35), None, None, None),
    ("jetson-agx-orin-64", (0.04, 0.04, 0.05, 0.06, 0.05), None, None, None),
    ("ascend-310p-24", (0.05, 0.07, 0.03, 0.07, 0.07), None, None, None),
    ("cpu-2s-amx", (0.12, 0.11, 0.18, 0.15, 0.13), None, None, None),
]
ROUNDED = Decimal("0.00501")  # the table prints two places


def package(chip: str, workload: str, in_gang: bool = False) -> Decimal:
    """The package's rating without calibration, in CU."""
    ucu = rate(replace(CHIPS[chip], addressable_devices=1), WORKLOAD_CLASSES[workload], in_gang,
               calibration=Decimal(1))
    assert ucu is not None
    return Decimal(ucu) / 1_000_000


@pytest.mark.parametrize(("chip", "alone", "x_train", "x_decode", "gang"), EXAMPLES)
def test_worked_examples(chip: str, alone: tuple[float, ...], x_train: float | None,
                         x_decode: float | None, gang: float | None) -> None:
    for workload, expected in zip(CLASSES, alone, strict=True):
        assert abs(package(chip, workload) - Decimal(str(expected))) <= ROUNDED, workload
    for workload, expected_x in (("llm-training", x_train), ("llm-decode", x_decode)):
        if expected_x is not None:
            found = interconnect_multiplier(CHIPS[chip], WORKLOAD_CLASSES[workload],
                                            CHIPS[chip].link_gbps)
            assert found is not None
            assert abs(found - Decimal(str(expected_x))) <= ROUNDED, workload
    if gang is not None:
        assert abs(package(chip, "llm-training", True) - Decimal(str(gang))) <= ROUNDED


@pytest.mark.parametrize("workload", CLASSES)
@pytest.mark.parametrize("in_gang", [False, True])
def test_the_reference_is_exactly_one(workload: str, in_gang: bool) -> None:
    assert rate(CHIPS["h100-sxm-80"], WORKLOAD_CLASSES[workload], in_gang) == 1_000_000


@pytest.mark.parametrize("workload", CLASSES)
def test_shares_sum_to_one(workload: str) -> None:
    shares = WORKLOAD_CLASSES[workload]
    assert shares.compute + shares.memory + shares.link + shares.host == 1


def test_declared_is_discounted_and_halved_by_addressable_device() -> None:
    whole = package("ascend-910c-128", "llm-training") * 1_000_000
    declared = rate(CHIPS["ascend-910c-128"], WORKLOAD_CLASSES["llm-training"], False)
    assert declared == int(whole * Decimal("0.70") / 2) or abs(
        Decimal(declared or 0) - whole * Decimal("0.35")) < 1


def test_an_unknown_figure_gives_no_rating() -> None:
    assert rate(CHIPS["kunlun-p800-96"], WORKLOAD_CLASSES["llm-training"], False) is None
    assert rate(CHIPS["metax-c500-64"], WORKLOAD_CLASSES["llm-training"], True) is None


@given(st.sampled_from(CLASSES), st.booleans(),
       st.sampled_from(["memory_gb", "memory_gbps", "bf16_tflops", "link_gbps"]),
       st.integers(1, 5000), st.integers(1, 5000))
def test_more_of_a_resource_never_lowers_a_rating(workload: str, in_gang: bool, figure: str,
                                                  less: int, more: int) -> None:
    low, high = sorted((less, more))
    ratings = [rate(replace(CHIPS["a100-sxm-80"], **{figure: Decimal(value)}),
                    WORKLOAD_CLASSES[workload], in_gang) or 0 for value in (low, high)]
    assert ratings[0] <= ratings[1]
