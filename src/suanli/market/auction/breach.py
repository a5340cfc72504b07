"""What is wrong with an auction or a clearing: the first rule broken, and where."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suanli.market.auction.instance import Ints

LEAST, MOST = -2**63, 2**63 - 1  # no bound, for `outside`


class Breach(NamedTuple):
    """A broken rule: at which index of what `accepted` names, the number found there."""

    rule: str
    where: int
    found: int
    accepted: str


def outside(rule: str, what: str, found: Ints, low: Ints | int, high: Ints | int,
            judged: NDArray[np.bool_] | None = None) -> Breach | None:
    """Return the first number outside [low, high] among those judged (default: all), or None."""
    bad = (found < low) | (found > high)
    if judged is not None:
        bad &= judged
    if not bad.any():
        return None
    where = int(bad.argmax())
    least = int(np.broadcast_to(np.asarray(low), found.shape)[where])
    most = int(np.broadcast_to(np.asarray(high), found.shape)[where])
    return Breach(rule, where, int(found[where]), f"{what} {where}: {_range(least, most)}")


def _range(least: int, most: int) -> str:
    if most == MOST:
        return f"{least} or more"
    return f"{most} or less" if least == LEAST else f"{least} to {most}"


def not_array(rule: str, where: int, what: str, array: object, size: int) -> Breach | None:
    """Return a breach unless `array` is a one-dimensional int64 array of `size` numbers."""
    if isinstance(array, np.ndarray) and array.dtype == np.int64 and array.shape == (size,):
        return None
    found = array.size if isinstance(array, np.ndarray) else -1
    return Breach(rule, where, found, f"{what}: an int64 array of shape ({size},)")


def not_integer(rule: str, where: int, what: str, value: object) -> Breach | None:
    """Return a breach unless `value` is an integer (a bool is not)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return None
    return Breach(rule, where, -1, f"{what}: an integer")
