"""The benchmark of a large gang times what it says: a placement within one spine."""

from suanli.simulation.bench_gang import measure_gang


def test_a_gang_of_4096_is_decided_in_time() -> None:
    row = measure_gang()
    assert 0 < row["gang_4096_ms"] <= 50  # type: ignore[operator]  # the issue's target
    assert abs(row["gang_in_use"] - 0.6) < 0.02  # type: ignore[operator]
