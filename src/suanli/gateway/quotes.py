"""What a job would cost: now, tonight and within a week, at the prices that stand.

A price of an hour is what buying it now costs: the best ask in the book or the posted price; for
hours that nobody asks a price for, what their last auction came to. Indicative prices of an auction
that is about to end go before both. Nothing is promised: others buy too.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from suanli.market.index import forward_curve
from suanli.schedule.job import Spec
from suanli.terms.instant import DAY, HOUR, hour_of
from suanli.terms.quantity import cash_of, metered
from suanli.terms.refusals import Code, Refusal

NIGHT_HOURS: Final = 8  # the off-peak hours of a day: 00 to 08 UTC
WEEK_HOURS: Final = 168

Prices = dict[tuple[int, str, str, int], int]  # (issuer or 0, area, grade, start) -> milli-RMB


class Grade(NamedTuple):
    """Where a job could run: one chip under one grade, and its tokens an hour."""

    issuer: int
    area: str
    grade: str
    tokens: int


def quote(rooms: Any, spec: Spec, at: int, indicative: Prices) -> list[dict[str, Any]] | Refusal:
    """Return the cheapest start within each window: hours in a row for the whole time limit."""
    hours = -(-spec.time_limit_ms // HOUR)
    if hours > WEEK_HOURS:
        return Refusal(Code.TIME_LIMIT_OUT_OF_RANGE, f"{hours} h; at most {WEEK_HOURS} are quoted")
    first = hour_of(at).start
    midnight = -(-(first + 1) // DAY) * DAY
    windows = (("now", first, first + hours * HOUR),
               ("tonight", midnight, midnight + max(NIGHT_HOURS, hours) * HOUR),
               ("this week", first, first + WEEK_HOURS * HOUR))
    found = [row for name, start, end in windows
             if (row := _cheapest(rooms, spec, hours, name, start, end, indicative))]
    return found or Refusal(Code.NO_OFFER, f"nothing is offered for {spec.workload} on "
                            f"{', '.join(chip for chip, _ in spec.chips)}; `suanli price` lists "
                            "what is")


def _cheapest(rooms: Any, spec: Spec, hours: int, name: str, start: int, end: int,
              indicative: Prices) -> dict[str, Any] | None:
    rows = [row for grade in grades_of(rooms, spec)
            for row in _starts(rooms, grade, hours, start, end, indicative)]
    best = min(rows, key=lambda row: (row["cost_micro_rmb"], row["start"]), default=None)
    return best and {"id": name, "when": name, **best}


def grades_of(rooms: Any, spec: Spec) -> Iterator[Grade]:
    """Yield what is offered firm and admits the job."""
    chips, in_gang = {chip for chip, _ in spec.chips}, spec.devices > 1
    for issuer, area, name, tier in rooms.market.tables["offers"]:
        record = rooms.units.grade(issuer, name)
        if tier != "firm" or (record.workload, record.in_gang) != (spec.workload, in_gang):
            continue
        if spec.area in ("", area):
            for chip, rating, _ in record.factors:
                if chip in chips:
                    yield Grade(issuer, area, name,
                                metered(HOUR * spec.devices, spec.share, rating))


def _starts(rooms: Any, grade: Grade, hours: int, start: int, end: int,
            indicative: Prices) -> Iterator[dict[str, Any]]:
    """Yield a row for every start in a window at which all hours have a price."""
    issuer, area, name, tokens = grade
    costs: list[int | None] = []
    for point in forward_curve(rooms.market, issuer, area, name, "firm",
                               range(start, end, HOUR)):
        price = indicative.get((issuer, area, name, point.start), point.price)
        costs.append(None if price is None else cash_of(tokens, price))
    for n in range(len(costs) - hours + 1):
        some = [cost for cost in costs[n:n + hours] if cost is not None]
        if len(some) == hours:
            yield {"start": start + n * HOUR, "hours": hours, "issuer": issuer, "area": area,
                   "grade": name, "tokens": tokens * hours, "cost_micro_rmb": sum(some)}
