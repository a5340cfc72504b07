"""Student's t against SciPy's, and an interval by hand."""

import pytest
from scipy.stats import t

from suanli.simulation.confidence import mean_of, quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 29, 99])
def test_quantiles(freedom: int) -> None:
    assert quantile(freedom) == pytest.approx(t.ppf(0.975, freedom), abs=1e-8)


def test_a_mean_of_three() -> None:
    found = mean_of([1.0, 2.0, 3.0])
    assert found.value == 2
    assert found.half == pytest.approx(4.302653 / 3 ** 0.5, abs=1e-6)
    assert mean_of([5.0]).half is None
