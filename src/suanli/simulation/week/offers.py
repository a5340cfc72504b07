"""What operators offer in the auctions by hand; what they do not, their server offers by itself.

An operator whose devices are of several grades offers them together, at its posted price: the
auction chooses in which they are delivered. One that would have to start half of its hosts offers
that half at its base price, and only if the day earns what starting costs. Of the week each offers
part of its fleet, in whole standard blocks.
"""

from collections.abc import Iterator
from typing import Any, Final

from suanli.ledger.row import CLEARING
from suanli.market.auction.commands import EnterBlock, EnterCurve, EnterOffer, Leg
from suanli.market.auction.instance import UNIT
from suanli.market.auction.records import Sitting
from suanli.market.book import SELL
from suanli.simulation.week.bids import WEEK_BLOCK_LOTS
from suanli.simulation.week.stage import DEVICES, FIRM, GRADE, Operator
from suanli.terms.quantity import lots_of

WEEK_PPM: Final = 250_000  # part of an operator's fleet that it offers for the whole week
SPARE_LOTS: Final = 1  # an hour's device time is issued in two parts, each rounded up


def daily_offers(rooms: Any, auction: int, operator: Operator, issuer: int,
                 at: int) -> Iterator[tuple[str, EnterCurve | EnterOffer]]:
    """Yield what an operator of several grades offers in a day-ahead auction: all it can issue."""
    sitting = rooms.market.tables["auctions"][auction]
    also = operator.grades[1:]
    free = {start: _issuable(rooms, operator, issuer, start, at)
            for start in map(sitting.start_of, range(sitting.hours))} if also else {}
    started = {start: lots // 2 for start, lots in free.items()} if operator.start_cost else {}
    price = min(rooms.market.offer(issuer, operator.area, GRADE, FIRM), sitting.price_max)
    place = auction, issuer, operator.area, GRADE, FIRM
    for start, lots in free.items():
        # the order holds a lot more for each other grade
        lots -= started.get(start, 0) + len(also) + SPARE_LOTS
        if lots > 0:
            yield operator.name, EnterCurve(*place, start, SELL, ((price, lots),), 0, 0, also=also)
    if hours := tuple((start, ((operator.price_mrmb, lots),))
                      for start, lots in started.items() if lots):
        yield operator.name, EnterOffer(*place, hours, operator.start_cost, 0)


def _issuable(rooms: Any, operator: Operator, issuer: int, start: int, at: int) -> int:
    """Return the lots of an hour that an operator can still issue to anybody."""
    id = rooms.ledger.attestation_id(issuer, operator.area, operator.chip, start)
    if id is None:
        return 0
    (_, ucu, _), = rooms.units.grade(issuer, GRADE).factors
    return lots_of(rooms.market.set_aside.sellable_ms(id, CLEARING, at), ucu)


def weekly_offers(sitting: Sitting, auction: int, operator: Operator, issuer: int,
                  rating: int) -> Iterator[tuple[str, EnterBlock]]:
    """Yield the blocks of the week that an operator sells at its posted price."""
    lots = operator.hosts * DEVICES * rating // 1000 * WEEK_PPM // UNIT
    legs = tuple(Leg(issuer, operator.area, GRADE, FIRM, sitting.start_of(hour), WEEK_BLOCK_LOTS)
                 for hour in range(sitting.hours))
    for _ in range(lots // WEEK_BLOCK_LOTS):
        yield operator.name, EnterBlock(auction, SELL, operator.price_mrmb, UNIT, legs, 0, "", 0)
