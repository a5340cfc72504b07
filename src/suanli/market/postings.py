"""The ledger rows of the spot book: holds of resting orders, trades, and what is given back.

Every trade is delivery against payment: what the maker gives comes out of its hold into the
clearing account (owner 0) and from there to the taker; what the taker gives goes straight to the
maker.
"""

from dataclasses import KW_ONLY, dataclass

from suanli.ledger.row import CASH, CLEARING, Kind, Row, RowCode, account
from suanli.market.book import BUY, SELL
from suanli.market.book.messages import TRADED
from suanli.market.kinds import Met
from suanli.market.set_aside import Sources, lots_backed
from suanli.terms.quantity import LOT
from suanli.terms.room import changed


@dataclass(frozen=True, slots=True)
class Resting:
    """An order in the book. `lots` is what is left; `version` numbers its holds."""

    owner: int
    product: tuple[int, str, str, str, int]
    side: int
    price_mrmb: int
    lots: int
    version: int
    _: KW_ONLY
    until: int = 0  # instant at which it is over; 0: with its hour
    is_post_only: bool = False
    visible_lots: int = 0  # an iceberg's part; 0: a plain order
    shown_lots: int = 0  # an iceberg's: what is left of the part that queues
    self_trade: str = ""

    @property
    def queuing_lots(self) -> int:
        """What of it shows: of an iceberg, the part that queues."""
        return self.shown_lots or self.lots

    def is_over(self, at: int) -> bool:
        return 0 < self.until <= at


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill: what the follow-ups turn into a reservation."""

    buyer: int
    seller: int
    klass: int
    price_mrmb: int
    lots: int

    @property
    def told(self) -> list[int]:
        """What an answer says of it."""
        return [self.seller, self.buyer, self.price_mrmb, self.lots]


def hold_row(id: int, order: Resting, klass: int, version: int) -> Row:
    """Hold what a resting order may have to give: cash at its limit, or tokens."""
    unit = CASH if order.side == BUY else klass
    amount = order.lots * (order.price_mrmb if order.side == BUY else LOT)
    return Row(RowCode.HOLD, 0, unit, account(order.owner, unit), account(CLEARING, unit),
               amount, id=_hold_id(id, version))


def void_row(id: int, order: Resting, klass: int) -> Row:
    """Give back what a resting order holds."""
    unit = CASH if order.side == BUY else klass
    return Row(RowCode.VOID, 0, unit, account(order.owner, unit), account(CLEARING, unit), 0,
               hold=_hold_id(id, order.version))


def met_rows(maker: Resting, met: Met, taker: int, klass: int) -> list[Row]:
    """Trade with a resting order, or take off it what may not trade."""
    if met.kind == TRADED:
        return trade_rows(maker, met, taker, klass)
    rows = [void_row(met.maker, maker, klass)]
    if left := maker.lots - met.quantity:
        rows.append(hold_row(met.maker, changed(maker, lots=left), klass, maker.version))
    return rows


def trade_rows(maker: Resting, fill: Met, taker: int, klass: int) -> list[Row]:
    """Post the maker's part out of its hold, hold the rest anew, and pay the taker's side."""
    cash, lots = fill.price * fill.quantity, fill.quantity * LOT
    given, taken = (lots, cash) if maker.side == SELL else (cash, lots)
    unit, other = (klass, CASH) if maker.side == SELL else (CASH, klass)
    rows = given_rows(maker, fill, fill.price, klass)
    rows.append(Row(RowCode.TRANSFER, 0, unit, account(CLEARING, unit), account(taker, unit),
                    given))
    if taker != maker.owner:
        rows.append(Row(RowCode.TRANSFER, 0, other, account(taker, other),
                        account(maker.owner, other), taken))
    return rows


def given_rows(maker: Resting, fill: Met, price: int, klass: int) -> list[Row]:
    """Post a resting order's part out of its hold, and hold the rest anew."""
    unit = klass if maker.side == SELL else CASH
    given = fill.quantity * (LOT if maker.side == SELL else price)
    rows = [Row(RowCode.POST, 0, unit, account(maker.owner, unit), account(CLEARING, unit),
                given, hold=_hold_id(fill.maker, maker.version))]
    if left := maker.lots - fill.quantity:
        rest = changed(maker, lots=left)
        rows.append(hold_row(fill.maker, rest, klass, maker.version))
    return rows


def issue_rows(drawn: Sources, price: int, buyer: int, klass: int,
               issuer: int) -> list[Row]:
    """Issue lots, and hand them over against cash."""
    cash = lots_backed(drawn) * price
    return [*issued_rows(drawn, buyer, klass, issuer),
            Row(RowCode.TRANSFER, 0, CASH, account(buyer, CASH), account(issuer, CASH), cash)]


def issued_rows(drawn: Sources, buyer: int, klass: int,
                issuer: int) -> list[Row]:
    """Issue lots, and hand them over."""
    seller = account(issuer, klass)
    rows = [Row(RowCode.ISSUE, 0, klass, account(issuer, klass, Kind.ISSUER), seller,
                lots * LOT, attestation=attestation) for attestation, _, lots in drawn]
    rows.append(Row(RowCode.TRANSFER, 0, klass, seller, account(buyer, klass),
                    lots_backed(drawn) * LOT))
    return rows


def taken_rows(trade: Trade) -> list[Row]:
    """Hand over what both sides of a trade have given to the clearing account."""
    return [Row(RowCode.TRANSFER, 0, trade.klass, account(CLEARING, trade.klass),
                account(trade.buyer, trade.klass), trade.lots * LOT),
            Row(RowCode.TRANSFER, 0, CASH, account(CLEARING, CASH),
                account(trade.seller, CASH), trade.lots * trade.price_mrmb)]


def _hold_id(order: int, version: int) -> bytes:
    return b"ord" + order.to_bytes(8, "big") + version.to_bytes(5, "big")
