"""What the API shows of call auctions: where they stand, what they came to, why an order was left.

Where nothing was traded an auction's price is only a bound, so none is shown there. Beside each
price stands what it would have been without the national-priority set-aside, if that kept any out.
"""

from collections.abc import Sequence
from typing import Any, Final

from suanli.gateway import incomes
from suanli.market.auction import calendar
from suanli.market.auction.admission import prices_of
from suanli.market.auction.instance import Ints
from suanli.market.auction.orders import CurveOrder, FlexibleOrder, OfferOrder, starts_of
from suanli.market.auction.phases import phase
from suanli.market.auction.records import AuctionOrder, Result, Sitting, from_bytes
from suanli.market.book import BUY
from suanli.planning.auctioneer import Indicative
from suanli.terms.errors import present

SIDES: Final = ("buy", "sell")
KINDS: Final = ("curve", "block", "flexible", "offer")


def auctions(rooms: Any, at: int) -> list[dict[str, Any]]:
    """Return the auctions that are known, oldest first."""
    tables = rooms.market.tables["auctions"]
    return [_summary(rooms, id, sitting, at) for id, sitting in sorted(tables.items())]


def sessions(rooms: Any, at: int) -> list[dict[str, Any]]:
    """Return the next auction of each session by the calendar: which hours, and when."""
    rows = []
    for name, session in calendar.SESSIONS.items():
        start = calendar.next_start(rooms.members, session, at)
        rows.append({"id": name, "session": name, "start": start, "hours": session.hours,
                     **calendar.times(rooms.members, session, start)._asdict()})
    return rows


def auction(rooms: Any, id: int, at: int,
            indicative: Sequence[Indicative] = ()) -> dict[str, Any] | None:
    """Return an auction with its prices: what it came to, or indicative ones before its gate.

    `indicative`: what the server's auctioneer keeps of it.
    """
    sitting = rooms.market.auctions.sitting(id)
    if sitting is None:
        return None
    result = rooms.market.tables["auction_results"].get(id)
    return {**_summary(rooms, id, sitting, at),
            "offers_left_out": incomes.left_out(rooms, id) if result else None,
            "prices": _prices(sitting, from_bytes(result.prices), from_bytes(result.volumes),
                              _without(result)) if result else [],
            "indicative": [{"at": found.at, "welfare": found.clearing.welfare,
                            "prices": _prices(sitting, found.clearing.prices, found.volumes)}
                           for found in indicative]}


def orders(rooms: Any, owner: int) -> list[dict[str, Any]]:
    """Return an owner's auction orders, oldest first."""
    found = rooms.market.tables["auction_orders"].items()
    return [_order(rooms, id, order) for id, order in sorted(found) if order.owner == owner]


def explain_order(rooms: Any, id: int, at: int) -> dict[str, Any] | None:
    """Return what became of an order, why, and which price would have been in the money."""
    order = rooms.market.tables["auction_orders"].get(id)
    if order is None:
        return None
    sitting = present(rooms.market.auctions.sitting(order.auction),
                      "an order's auction is there")
    result = rooms.market.tables["auction_results"].get(order.auction)
    found = incomes.Found(rooms, order.auction, sitting, result) if result else None
    fixed = incomes.fixed_cost(order)
    income = incomes.earned(order, found) if fixed and found else None
    needed = _price_needed(order, sitting, found) if found else None
    return {**_order(rooms, id, order), "phase": phase(sitting, at), "price_needed_mrmb": needed,
            "income_micro_rmb": income, "why": _why(order, sitting, result, needed, income, at)}


def _summary(rooms: Any, id: int, sitting: Sitting, at: int) -> dict[str, Any]:
    market = rooms.market
    best = market.tables["clearings"].get(id)
    result = market.tables["auction_results"].get(id)
    of = result or best
    return {"id": id, "session": sitting.session, "start": sitting.start, "hours": sitting.hours,
            "phase": phase(sitting, at), "opens": sitting.opens,
            "no_cancel_from": sitting.no_cancel_from, "gate": sitting.gate, "ends": sitting.ends,
            "deadline": sitting.deadline,
            "orders": sum(len(ids) for (auction, _), ids in market.auctions.owned.items()
                          if auction == id),
            "solver": of.solver if of else None, "welfare_micro_rmb": of.welfare if of else None,
            "blocks_rejected": result.rejected if result else None,
            "rent_micro_rmb": result.rent if result else None,
            "withheld_lots": sum(step.lots for step in sitting.withheld),
            "set_aside_cost_micro_rmb": _set_aside_cost(result)}


def _without(result: Result | None) -> Ints | None:
    """Return the prices by cell had nothing been set aside; None where nobody knows."""
    return from_bytes(result.prices_without) if result and result.prices_without else None


def _set_aside_cost(result: Result | None) -> int | None:
    """Return what buyers paid more for what they bought than it would have cost, micro-RMB."""
    without = _without(result)
    if result is None or without is None:
        return None
    more = from_bytes(result.prices) - without
    return int((more * from_bytes(result.volumes)).sum())


def _prices(sitting: Sitting, prices: Ints, volumes: Ints,
            without: Ints | None = None) -> list[dict[str, Any]]:
    """Return price and lots of each node and hour where something is (or would be) bought.

    `without`: the prices had nothing been set aside, if they are known.
    """
    rows = []
    for cell, lots in enumerate(volumes.tolist()):
        if lots:
            issuer, area, grade, tier = sitting.nodes[cell // sitting.hours]
            price = int(prices[cell])
            other = None if without is None else int(without[cell])
            rows.append({"issuer": issuer or None, "area": area, "grade": grade, "tier": tier,
                         "start": sitting.start_of(cell), "price_mrmb": price, "lots": lots,
                         "price_without_mrmb": other,
                         "difference_mrmb": None if other is None else price - other})
    return rows


def _order(rooms: Any, id: int, order: AuctionOrder) -> dict[str, Any]:
    terms = order.terms
    kind = next(kind for kind in KINDS if getattr(order, kind))
    has_steps = isinstance(terms, (CurveOrder, OfferOrder))
    return {"id": id, "auction": order.auction, "kind": kind, "side": SIDES[order.side],
            "price_mrmb": prices_of(terms) if has_steps else prices_of(terms)[0],
            "fixed_micro_rmb": incomes.fixed_cost(order), "lots": _lots(order),
            "entered": order.entered, "filled_lots": sum(lots for _, lots in order.filled)}


def _lots(order: AuctionOrder) -> int:
    terms = order.terms
    if isinstance(terms, FlexibleOrder):
        return terms.lots * terms.hours
    if isinstance(terms, OfferOrder):
        return sum(lots for _, steps in terms.hours for _, lots in steps)
    pairs = terms.steps if isinstance(terms, CurveOrder) else terms.legs
    return sum(lots for _, lots in pairs)


def _price_needed(order: AuctionOrder, sitting: Sitting, found: incomes.Found) -> int | None:
    """Return the limit at which the order is in the money at the prices found; None: no trade."""
    best: int | None = None
    for legs in _choices(order, sitting):
        at = {cell: found.price(cell, order.side) for cell, _ in legs}
        if all(price is None for price in at.values()):
            continue
        cost = sum((at[cell] or found.prices[cell]) * lots for cell, lots in legs)
        lots = sum(lots for _, lots in legs)
        mean = -(-cost // lots) if order.side == BUY else cost // lots
        if best is None or (mean < best) == (order.side == BUY):
            best = mean
    return best


def _choices(order: AuctionOrder, sitting: Sitting) -> list[list[tuple[int, int]]]:
    """Return the sets of (cell, lots) that the order could have been taken at."""
    terms = order.terms
    if isinstance(terms, FlexibleOrder):
        first = terms.node * sitting.hours
        return [[(first + start + hour, terms.lots) for hour in range(terms.hours)]
                for start in starts_of(terms)]
    if isinstance(terms, OfferOrder):
        return [[(cell, 1)] for cell, _ in terms.hours]
    return [[(terms.cell, 1)]] if isinstance(terms, CurveOrder) else [list(terms.legs)]


def _why(order: AuctionOrder, sitting: Sitting, result: Result | None, needed: int | None,
         income: int | None, at: int) -> str:
    """Return one sentence on what became of an order."""
    if sitting.ends and order.entered > sitting.ends:
        return f"it came at {order.entered}, after the end that was drawn, {sitting.ends}"
    if result is None:
        return f"the auction is {phase(sitting, at)}"
    filled = sum(lots for _, lots in order.filled)
    if filled == _lots(order):
        return "it was taken whole"
    if filled:
        return f"{filled} of {_lots(order)} lots were taken: the rest was at or beyond the price"
    if income is not None:
        return incomes.why_left(income, incomes.fixed_cost(order))
    if needed is None:
        return "nothing was traded in its hours"
    if _is_in_the_money(order, needed):
        return ("it was in the money and left out: a block may be, where taking it would have "
                "moved the price against itself or another (paradoxically rejected), where "
                "another of its group was taken, or its parent was not")
    limit = "or more" if order.side == BUY else "or less"
    return (f"its limit was short of the price; {needed} milli-RMB a token {limit} would have been "
            "in the money")


def _is_in_the_money(order: AuctionOrder, needed: int) -> bool:
    terms = order.terms
    best = prices_of(terms)[0]
    return best >= needed if order.side == BUY else best <= needed
