"""What the API shows of strips: which can be taken, which are taken, and each of their hours."""

from collections.abc import Iterator
from typing import Any

from suanli.market.strip import Strip, Taken


def strips(rooms: Any, at: int) -> list[dict[str, Any]]:
    """Return the strips that can be taken now, oldest first."""
    return [{"id": id, **_terms(written.strip), "offered_until": written.until,
             "copies": written.copies}
            for id, written in sorted(rooms.market.tables["strips"].items()) if at < written.until]


def taken_strips(rooms: Any) -> list[dict[str, Any]]:
    """Return the strips that somebody has taken and that are not over, oldest first."""
    return [_taken(id, taken) for id, taken in sorted(rooms.market.tables["strips_taken"].items())]


def strip(rooms: Any, id: int) -> dict[str, Any] | None:
    """Return a strip with its hours: what each may cost, what it is fixed at and what was paid."""
    taken = rooms.market.tables["strips_taken"].get(id)
    if taken is not None:
        return {**_taken(id, taken), "prices": list(_hours(taken))}
    written = rooms.market.tables["strips"].get(id)
    if written is None:
        return None
    nobodys = Taken(written.strip, 0, (0,) * written.strip.hours)
    return {"id": id, **_terms(written.strip), "offered_until": written.until,
            "copies": written.copies, "prices": list(_hours(nobodys))}


def _terms(strip: Strip) -> dict[str, Any]:
    return {"issuer": strip.issuer, "area": strip.area, "grade": strip.grade, "tier": strip.tier,
            "start": strip.start, "hours": strip.hours, "lots": strip.lots,
            "floor_mrmb": strip.floor_mrmb, "cap_mrmb": strip.cap_mrmb}


def _taken(id: int, taken: Taken) -> dict[str, Any]:
    strip = taken.strip
    return {"id": id, **_terms(strip), "buyer": taken.buyer,
            "fixed_hours": sum(map(bool, taken.prices)),
            "paid_micro_rmb": sum(row["paid_micro_rmb"] for row in _hours(taken)),
            "held_micro_rmb": strip.spread * taken.prices.count(0)}


def _hours(taken: Taken) -> Iterator[dict[str, Any]]:
    """Yield a row an hour; of what nobody has taken, nothing is paid."""
    strip = taken.strip
    for hour, price in enumerate(taken.prices):
        paid = (price or strip.floor_mrmb) * strip.lots if taken.buyer else 0
        yield {"id": strip.product(hour).start, "start": strip.product(hour).start,
               "lots": strip.lots, "floor_mrmb": strip.floor_mrmb, "cap_mrmb": strip.cap_mrmb,
               "price_mrmb": price or None, "paid_micro_rmb": paid}
