"""An auction at gate closure, as arrays: what `clearing` solves and `verification` judges.

The grid
--------
A *cell* is one product or demand node in one delivery hour: ``cell = node * hours + hour``.
All quantities are int64 lots (0.001 token), prices milli-RMB a token; their product is micro-RMB.

Orders
------
* `Curves`: one row a price step of an hourly order, divisible. A step may belong to a minimum-
  income offer (`offer`): it counts only if the offer is accepted as a whole.
* `Blocks`: quantities over several cells at one limit, the quantity-weighted mean price; accepted
  by a ratio that is 0 or at least `ratio_ppm` (1,000,000: all or nothing). The accepted quantity
  of a leg is ``lots * accepted_ppm // 1_000_000``. A linked block is accepted by no greater ratio
  than its `parent`; the ratios of an exclusive `group` sum to 1,000,000 at most.
* `Offers`: a seller's fixed cost, micro-RMB, to be earned by its steps beyond their own prices.

Arcs
----
An arc carries up to `capacity` lots out of `source` into `target`, where
``flow * gain_ppm // 1_000_000`` arrive, for a `fee` a token that leaves. Transport has gain one;
substitution of grades has the ratio of their ratings. What an arc with another gain loses by
rounding down, or brings too much because only whole lots leave, is spilled: nobody's, no more an
arc than one lot brings, rounded up.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
UNIT = 1_000_000  # a ratio or gain of one
PRICE_BOUND = 10**9  # a million RMB a token: far above any cap
NONE = -1  # no parent, group or offer


class Curves(NamedTuple):
    """Steps of hourly orders, each array of shape (steps,)."""

    cell: Ints
    side: Ints  # 0 buy, 1 sell
    price: Ints
    lots: Ints
    offer: Ints  # index into Offers, or -1


class Blocks(NamedTuple):
    """Block orders, each array of shape (blocks,); legs of block b: leg_start[b]:leg_start[b+1]."""

    side: Ints
    price: Ints
    ratio_ppm: Ints  # the least acceptance ratio, 1 to 1,000,000
    parent: Ints  # index of the block it is linked to, or -1
    group: Ints  # number of its exclusive group, or -1
    leg_start: Ints  # shape (blocks + 1,)
    leg_cell: Ints  # shape (legs,)
    leg_lots: Ints


class Offers(NamedTuple):
    """Minimum-income offers, shape (offers,)."""

    fixed: Ints  # micro-RMB


class Arcs(NamedTuple):
    """Transport and substitution, each array of shape (arcs,)."""

    source: Ints  # cell
    target: Ints
    capacity: Ints  # lots, 0 or more
    fee: Ints  # milli-RMB a token that leaves the source
    gain_ppm: Ints


_NOTHING = np.zeros(0, np.int64)
NO_BLOCKS = Blocks(_NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, np.zeros(1, np.int64),
                   _NOTHING, _NOTHING)
NO_OFFERS = Offers(_NOTHING)
NO_ARCS = Arcs(_NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING)


@dataclass(frozen=True, slots=True, eq=False)
class Auction:
    """All that a solver may know of an auction.

    The bounds hold for the price of every order and cell; but see `highest`.
    """

    cells: int
    price_min: int
    price_max: int
    curves: Curves
    blocks: Blocks = NO_BLOCKS
    offers: Offers = NO_OFFERS
    arcs: Arcs = NO_ARCS

    @property
    def highest(self) -> Ints:
        """Return the most that each cell's price may be: (cells,).

        What leaves over an arc with a gain above one is worth as much more than what it becomes:
        else no prices would do where that is wanted at the bound.
        """
        most = np.full(self.cells, self.price_max)
        worth = np.minimum(-(-self.arcs.gain_ppm * self.price_max // UNIT), PRICE_BOUND)
        np.maximum.at(most, self.arcs.source, worth)
        return most


class Clearing(NamedTuple):
    """What a solver answers."""

    prices: Ints  # milli-RMB a token, shape (cells,)
    curve_lots: Ints  # accepted lots of each step, shape (steps,)
    block_ppm: Ints  # accepted ratio of each block, shape (blocks,)
    offer_accepted: Ints  # 0 or 1, shape (offers,)
    flows: Ints  # lots leaving each arc's source, shape (arcs,)
    welfare: int  # micro-RMB: values of buyers - costs of sellers - fees - fixed costs
