"""The figures of a week: what happened, by delivery day; strips, credits, what hedging is worth."""

from collections import Counter
from typing import Any, Final

from suanli.schedule.phases import ENDED
from suanli.simulation.week.cleared import Cleared
from suanli.simulation.week.hedging import bills
from suanli.simulation.week.record import Day, Sold, day_of
from suanli.simulation.week.run import Outcome
from suanli.simulation.week.stage import OPERATORS, Operator
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
        "strips": [_strip(outcome, sold) for sold in record.strips.values()],
        "credits": [_credit(outcome, operator) for operator in OPERATORS],
        "hedging": [bill._asdict() for bill in bills(plan, record.bought, record.refunded)],
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
        if cleared.cap_wanted else None,
        "decode_tokens": round(cleared.decode_lots / 1000, 1),
        "decode_mean": round(cleared.decode_mean) or None,
        "start_cost_rmb": round(cleared.start_cost / RMB),
        "started_tokens": round(cleared.started_lots / 1000, 1),
        "start_earned_rmb": round(cleared.start_earned / RMB, 2),
        "withheld_tokens": round(cleared.withheld_lots / 1000, 1),
        "without_mean": None if cleared.without_mean is None else round(cleared.without_mean),
        "set_aside_cost_rmb": None if cleared.set_aside_cost is None
        else round(cleared.set_aside_cost / RMB, 2)}


def _strip(outcome: Outcome, sold: Sold) -> Figures:
    """Return a strip's prices, and in how many hours it was fixed at which."""
    strip, prices = sold.strip, sold.fixed.values()
    found: Figures = {
        "operator": outcome.record.names[strip.issuer],
        "buyer": outcome.record.names[sold.buyer], "floor": strip.floor_mrmb,
        "cap": strip.cap_mrmb, "hours": strip.hours}
    if not strip.spread:
        return found  # its price was fixed as it was taken
    return found | {
        "at_floor": sum(price == strip.floor_mrmb for price in prices),
        "between": sum(strip.floor_mrmb < price < strip.cap_mrmb for price in prices),
        "at_cap": sum(price == strip.cap_mrmb for price in prices)}


def _credit(outcome: Outcome, operator: Operator) -> Figures:
    """Return what became of what an operator was prepaid."""
    issuer, = (id for id, name in outcome.record.names.items() if name == operator.name)
    credit, lots = outcome.record.credits[issuer], outcome.record.converted[issuer]
    prepaid = credit.converted / operator.price_mrmb  # lots
    return {
        "operator": operator.name, "price": operator.price_mrmb,
        "granted_rmb": round(credit.granted / RMB, 2),
        "converted_rmb": round(credit.converted / RMB, 2), "tokens": round(lots / 1000, 1),
        "mean": round(credit.converted / lots) if lots else None,
        "worth": round(lots / prepaid, 3) if lots else None,
        "sold_out": outcome.record.sold_out[issuer],
        "returned_rmb": round(credit.returned / RMB, 2),
        "owed_rmb": round((credit.granted - credit.converted - credit.returned) / RMB, 2)}


def _day(number: int, auctions: list[Cleared], day: Day, jobs: Counter[str]) -> Figures:
    """Return a day's row; of the day-ahead auction for its hours, with nothing where none cleared.
    """
    mine = [_auction(c) for c in auctions
            if c.session == "day-ahead" and day_of(c.start) == number]
    row: Figures = {"day": number, "auctions": len(mine)}
    row |= mine[0] if mine else {}
    return row | {
        "spot_trades": day.trades, "resales": day.resales, "spot_tokens": day.trade_lots / 1000,
        "drawn_tokens": round(day.drawn_lots / 1000, 1),
        "spot_mean": round(day.trade_cash / day.trade_lots) if day.trade_lots else None,
        "jobs_ended": jobs.total() - jobs[OWN], "jobs_on_own": jobs[OWN], "jobs_lost": jobs["lost"],
        "refunds": day.refunds, "refunded_tokens": round(day.refunded_tokens / TOKEN, 1),
        "refunded_rmb": round(day.refunded / RMB, 2)}
