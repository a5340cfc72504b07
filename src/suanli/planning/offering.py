"""What an operator offers in an auction: its posted price, for what is asked and attested.

Shortly before cancelling ends the operator looks at what buyers want of its grades, in its own
areas and where links lead, and offers as much of each hour as can still be issued. What is asked in
several grades of the same devices is offered in the order of the grades' names, so that nothing is
offered twice. An operator with orders of its own in the auction offers by hand.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from suanli.ledger.row import CLEARING
from suanli.market.auction.calendar import SESSIONS
from suanli.market.auction.commands import EnterBlock, EnterCurve, Leg, Node
from suanli.market.auction.phases import NO_CANCEL, phase
from suanli.market.auction.records import OPEN, Sitting
from suanli.market.book import BUY, SELL
from suanli.terms.instant import MINUTE
from suanli.terms.quantity import LOT, LOTS_MAX, device_ms_of, lots_of

LEAD_MS: Final = MINUTE
ANY_PART_PPM: Final = 1


def offers(rooms: Any, operator: int, at: int) -> Iterator[EnterCurve | EnterBlock]:
    """Yield the sell orders that an operator should enter now, one an hour and grade."""
    for id, sitting in rooms.market.tables["auctions"].items():
        if is_due(sitting, at) and (id, operator) not in rooms.market.auctions.owned:
            yield from _offers_in(rooms, operator, id, sitting, at)


def is_due(sitting: Sitting, at: int) -> bool:
    """Say whether operators answer the demand now."""
    return at >= sitting.no_cancel_from - LEAD_MS and phase(sitting, at) in (OPEN, NO_CANCEL)


def _offers_in(rooms: Any, operator: int, id: int, sitting: Sitting,
               at: int) -> Iterator[EnterCurve | EnterBlock]:
    wanted = _wanted(rooms, id, sitting)
    taken: dict[int, int] = defaultdict(int)  # attestation -> device-ms offered
    for (issuer, area, grade, tier), price in sorted(rooms.market.tables["offers"].items()):
        if issuer != operator or not sitting.price_min <= price <= sitting.price_max:
            continue
        for hour in range(sitting.hours):
            start = sitting.start_of(hour)
            asked = _asked(rooms, wanted, (issuer, area, grade, tier), hour)
            lots = _offered(rooms, (operator, area, grade), start, at, min(asked, LOTS_MAX), taken)
            if lots:
                yield _offer(id, sitting, (issuer, area, grade, tier), start, price, lots)


def _offer(id: int, sitting: Sitting, product: Node, start: int, price: int,
           lots: int) -> EnterCurve | EnterBlock:
    """Return one hour's offer, to be taken in any part; as a block where no curves are taken."""
    if SESSIONS[sitting.session].takes_curves:
        return EnterCurve(id, *product, start, SELL, ((price, lots),), 0, 0)
    return EnterBlock(id, SELL, price, ANY_PART_PPM, (Leg(*product, start, lots),), 0, "", 0)


def _wanted(rooms: Any, id: int, sitting: Sitting) -> dict[tuple[Node, int], int]:
    """Return the lots that buyers want by (node, hour), whatever their limits."""
    wanted: dict[tuple[Node, int], int] = defaultdict(int)
    auction = rooms.market.auctions.frozen(id, sitting).auction
    curves, blocks = auction.curves, auction.blocks
    for cell, side, lots in zip(curves.cell.tolist(), curves.side.tolist(), curves.lots.tolist(),
                                strict=True):
        if side == BUY:
            wanted[sitting.nodes[cell // sitting.hours], cell % sitting.hours] += lots
    for block, side in enumerate(blocks.side.tolist()):
        for leg in range(blocks.leg_start[block], blocks.leg_start[block + 1]):
            if side == BUY:
                cell = int(blocks.leg_cell[leg])
                wanted[sitting.nodes[cell // sitting.hours], cell % sitting.hours] += int(
                    blocks.leg_lots[leg])
    return wanted


def _asked(rooms: Any, wanted: dict[tuple[Node, int], int], product: Node, hour: int) -> int:
    """Return what is wanted of a product: of it, or at a demand node that it reaches."""
    _, area, grade, tier = product
    areas = [area, *(target for source, target in rooms.market.tables["links"]
                     if source == area)]
    found: int = wanted.get((product, hour), 0)
    return found + sum(wanted.get(((0, where, grade, tier), hour), 0) for where in areas)


def _offered(rooms: Any, grade: tuple[int, str, str], start: int, at: int, asked: int,
             taken: dict[int, int]) -> int:
    """Return how many of the lots asked can still be issued, and count them as offered."""
    operator, area, name = grade
    offered = 0
    for chip, ucu, _ in rooms.units.grade(operator, name).factors:
        id = rooms.ledger.attestation_id(operator, area, chip, start)
        if id is None or offered == asked:
            continue
        free = rooms.market.set_aside.sellable_ms(id, CLEARING, at) - taken[id]
        lots = min(asked - offered, lots_of(free, ucu))
        taken[id] += device_ms_of(lots * LOT, ucu)
        offered += lots
    return offered
