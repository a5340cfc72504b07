"""The figures of a week: what happened, by delivery day, and what hedging is worth."""

from collections import Counter
from typing import Any, Final

from suanli.schedule.phases import ENDED
from suanli.simulation.week.hedging import bills
from suanli.simulation.week.record import Cleared, Day, day_of
from suanli.simulation.week.run import Outcome
from suanli.terms.quantity import RMB, TOKEN

OWN: Final = "on own hours"  # beside the outcomes
Figures = dict[str, Any]


def figures(outcome: Outcome) -> Figures:
    """Return everything that the report tells, in RMB, tokens and milli-RMB a token."""
    plan, record = outcome.plan, outcome.record
    jobs = _jobs(outcome.rooms)
    refused: Counter[str] = Counter()
    for (_, code), count in record.refused.items():
        refused[code] += count
    return {
        "days": plan.days, "seed": plan.seed, "fail_day": plan.fail_day,
        "scarce_day": plan.scarce_day, "hours_checked": outcome.hours_checked,
        "blocks": outcome.blocks, "state_root": outcome.state_root,
        "weekly": [_auction(c) for c in record.cleared
                   if c.session == "weekly" and c.start == plan.day(1)],
        "by_day": [_day(day, record.cleared, record.days[day], jobs.get(day, Counter()))
                   for day in range(1, plan.days + 1)],
        "paid_refunds": sorted({record.names[id] for day in record.days.values()
                                for id in day.payers}),
        "auctions_settled": sum(bool(c.lots) for c in record.cleared),
        "auctions_void": record.voided,
        "refused": dict(sorted(refused.items())),
        "hedging": [bill._asdict() for bill in bills(plan, record.bought)],
    }


def _jobs(rooms: Any) -> dict[int, Counter[str]]:
    """Return jobs ended by day and outcome; under OWN those that cost no cash but own tokens."""
    found: dict[int, Counter[str]] = {}
    for id, job in rooms.schedule.tables["jobs"].items():
        if job.phase != ENDED:
            continue
        day = found.setdefault(day_of(job.ended), Counter())
        day[job.outcome] += 1
        _, tokens, cash = rooms.settlement.usage(id, job.attempt)
        day[OWN] += bool(tokens) and not cash
    return found


def _auction(cleared: Cleared) -> Figures:
    return {
        "price_min": cleared.price_min, "price_mean": round(cleared.price_mean),
        "price_max": cleared.price_max, "tokens": cleared.lots / 1000,
        "welfare_rmb": round(cleared.welfare / RMB), "rejected": cleared.rejected,
        "cap": cleared.cap, "cap_hours": cleared.cap_hours,
        "cap_filled": round(cleared.cap_filled / cleared.cap_wanted, 3)
        if cleared.cap_wanted else None}


def _day(number: int, auctions: list[Cleared], day: Day, jobs: Counter[str]) -> Figures:
    """Return a day's row; of the day-ahead auction for its hours, with nothing where none cleared.
    """
    mine = [_auction(c) for c in auctions
            if c.session == "day-ahead" and day_of(c.start) == number]
    row: Figures = {"day": number, "auctions": len(mine)}
    row |= mine[0] if mine else {}
    return row | {
        "spot_trades": day.trades, "resales": day.resales, "spot_tokens": day.trade_lots / 1000,
        "spot_mean": round(day.trade_cash / day.trade_lots) if day.trade_lots else None,
        "jobs_ended": jobs.total() - jobs[OWN], "jobs_on_own": jobs[OWN], "jobs_lost": jobs["lost"],
        "refunds": day.refunds, "refunded_tokens": round(day.refunded_tokens / TOKEN, 1),
        "refunded_rmb": round(day.refunded / RMB, 2)}
