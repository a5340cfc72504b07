"""Units and their named roundings."""

import pytest

from suanli.terms.quantity import (
    INT64_MAX,
    LOT,
    TOKEN,
    cash_of,
    device_ms_of,
    is_amount,
    metered,
)


@pytest.mark.parametrize(("device_ms", "share", "rating", "tokens"), [
    (3_600_000, 1000, 1_000_000, TOKEN),
    (3_600_000, 500, 1_000_000, TOKEN // 2),
    (3_600_000, 1000, 430_000, TOKEN * 43 // 100),
    (1, 1000, 40, 0),  # rounded down: the remainder stays with the tenant
    (0, 1000, 1_000_000, 0),
])
def test_metered(device_ms: int, share: int, rating: int, tokens: int) -> None:
    assert metered(device_ms, share, rating) == tokens


@pytest.mark.parametrize(("tokens", "rating", "device_ms"), [
    (TOKEN, 1_000_000, 3_600_000), (TOKEN, 500_000, 7_200_000), (1, 1_000_000, 1), (0, 40, 0)])
def test_issuing_consumes_device_time_rounded_up(tokens: int, rating: int, device_ms: int) -> None:
    assert device_ms_of(tokens, rating) == device_ms


def test_price_times_lots_is_micro_rmb_exactly() -> None:
    assert [cash_of(LOT * lots, 1234) for lots in (1, 7, 1000)] == [1234, 7 * 1234, 1_234_000]


def test_cash_rounds_down() -> None:
    assert cash_of(LOT - 1, 1000) == 999


@pytest.mark.parametrize(("value", "expected"), [
    (1, True), (INT64_MAX, True), (0, False), (-1, False), (INT64_MAX + 1, False)])
def test_amounts_are_positive_int64(value: int, expected: bool) -> None:
    assert is_amount(value) is expected
