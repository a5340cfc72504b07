"""How right and how fast the auction solver is, on public days with published answers.

Three ways to close the Italian market at its borders, each clearing passed to the verifier:

* *prices*: zones abroad take their published prices and blocks are decided here. Zone prices
  and decisions are compared. Whoever is in the money abroad is served there, so no price moves and
  no rejection of a block in the money can be reproduced.
* *pinned*: the published exchanges are given and blocks are decided here. Prices react, so a block
  may not be accepted at a loss; rejections in the money are reproduced, but some prices are not,
  since the exchanges alone leave them open within an interval.
* *replayed*: the exchanges are given, and which blocks were accepted. Flows are compared. The table
  has no awarded quantities, so how much of a block at the money is taken is decided here.

The ladder's auctions are synthetic. Seconds are wall time of this process, one thread.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from suanli.clearing import Outcome, solve
from suanli.market.auction.instance import Auction, Ints
from suanli.market.auction.verification import block_surplus, verify
from suanli.simulation.auctions import LADDER, synthetic_auction
from suanli.simulation.traces.italy import TICKS_PER_EUR, Day, Tables, day_of, read_tables
from suanli.terms.errors import InputError, invariant

ITALY = Path("market", "italy")
CENT = TICKS_PER_EUR // 100
SEED = 1
# Below the 0.5 %: an answer this near is taken, and the search for a better one ends.
LADDER_GAP = 1e-4
LADDER_SECONDS = {"S": 1.5, "M": 45.0, "L": 900.0}
Figures = dict[str, Any]
Advance = Callable[[int, int], None]


class Cleared(NamedTuple):
    """One day, cleared and verified."""

    day: Day
    outcome: Outcome
    seconds: float  # build, solve, verify


def measure_days(folder: Path, advance: Advance) -> Figures:
    """Return the figures of all days of a folder.

    Raises: InputError where it cannot be read.
    """
    started = time.perf_counter()
    tables = read_tables(folder)
    load = time.perf_counter() - started
    days = tables.days()
    cleared: dict[str, list[Cleared]] = {"prices": [], "pinned": [], "replayed": []}
    for done, (way, day) in enumerate([(way, day) for way in cleared for day in days]):
        cleared[way].append(_cleared(tables, day, way))
        advance(done + 1, len(cleared) * len(days))
    return _figures(load, days, cleared)


def measure_ladder(ladder: str, advance: Advance) -> Figures:
    """Return seconds, gap and rejections of each size up to one.

    Raises: InputError for a size that is none.
    """
    if ladder not in ("none", *LADDER):
        raise InputError(f"--ladder: found {ladder!r}; none, {', '.join(LADDER)} are accepted")
    names = list(LADDER)[:0 if ladder == "none" else list(LADDER).index(ladder) + 1]
    found = {}
    for done, name in enumerate(names):
        found[name] = _step(name)
        advance(done + 1, len(names))
    return found


def _step(name: str) -> Figures:
    auction = synthetic_auction(LADDER[name], SEED)
    started = time.perf_counter()
    outcome = solve(auction, seconds=LADDER_SECONDS[name], gap=LADDER_GAP)
    _verified(auction, outcome)
    return {"areas_hours_blocks": list(LADDER[name]), "steps": int(auction.curves.cell.size),
            "seconds": round(time.perf_counter() - started, 3), "gap": outcome.gap,
            "blocks_accepted": int((outcome.clearing.block_ppm > 0).sum()),
            "paradoxically_rejected": int(outcome.paradoxically_rejected.size),
            "method": outcome.method}


def _cleared(tables: Tables, day: str, way: str) -> Cleared:
    started = time.perf_counter()
    built = day_of(tables, day, "prices" if way == "prices" else "exchanges", way == "replayed")
    outcome = solve(built.auction)
    _verified(built.auction, outcome)
    return Cleared(built, outcome, time.perf_counter() - started)


def _verified(auction: Auction, outcome: Outcome) -> None:
    breach = verify(auction, outcome.clearing)
    invariant(breach is None, "a clearing of the benchmark stands", breach=breach)


def _figures(load: float, days: list[str], cleared: dict[str, list[Cleared]]) -> Figures:
    free, pinned, replayed = (cleared[way] for way in ("prices", "pinned", "replayed"))
    flows = {day: _flow_error(one) for day, one in zip(days, replayed, strict=True)}
    share = load / len(days)
    return {
        "italy_days": len(days),
        "italy_prices_exact": sum(int((_price_error(one) * 2 < CENT).sum()) for one in free),
        "italy_prices_total": sum(one.day.price.size for one in free),
        "italy_flow_mae": float(np.concatenate(list(flows.values())).mean()),
        "italy_flow_mae_by_day": {day: round(float(e.mean()), 6) for day, e in flows.items()},
        "italy_block_match": sum(_matching(one) for one in free),
        "italy_blocks": sum(one.day.block_accepted.size for one in free),
        "paradoxically_accepted": sum(_losers(one) for way in cleared.values() for one in way),
        "seconds_per_day": round(share + float(np.mean([one.seconds for one in free])), 3),
        "seconds_per_day_max": round(share + max(one.seconds for one in free), 3),
        "pinned_paradoxically_accepted": sum(_losers(one) for one in pinned),
        "pinned_paradoxically_rejected": sum(
            int(one.outcome.paradoxically_rejected.size) for one in pinned),
        "pinned_block_match": sum(_matching(one) for one in pinned),
        "pinned_price_mae": round(float(np.concatenate(
            [_price_error(one) for one in pinned]).mean()) / TICKS_PER_EUR, 4),
        "pinned_seconds_per_day": round(share + float(np.mean([o.seconds for o in pinned])), 3),
        "methods": sorted({one.outcome.method for way in cleared.values() for one in way}),
    }


def _price_error(one: Cleared) -> Ints:
    """Return how far each zone's price is from the published one, in ticks."""
    return np.asarray(np.abs(one.outcome.clearing.prices[:one.day.price.size] - one.day.price))


def _flow_error(one: Cleared) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return how far each inner link's net flow is from the published one, in MWh."""
    flows = one.outcome.clearing.flows[one.day.link_arcs]
    net = (flows[:, 0] - flows[:, 1]) / one.day.lots_per_mwh
    return np.abs(net - one.day.link_flow / 1000)


def _matching(one: Cleared) -> int:
    return int(((one.outcome.clearing.block_ppm > 0) == (one.day.block_accepted == 1)).sum())


def _losers(one: Cleared) -> int:
    """Return how many accepted blocks lose at the clearing's prices."""
    surplus = block_surplus(one.day.auction.blocks, one.outcome.clearing.prices)
    return int(((one.outcome.clearing.block_ppm > 0) & (surplus < 0)).sum())
