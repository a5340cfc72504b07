"""A resting order and a trade as records, and the ledger rows that follow from them."""

from dataclasses import KW_ONLY, dataclass

from suanli.ledger.row import CASH, Kind, Row, RowCode, account
from suanli.market.book import BUY
from suanli.terms.quantity import LOT

CLEARING = 0


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


def hold_id(order: int, version: int) -> bytes:
    """Return the id of an order's hold, 16 bytes."""
    return b"ord" + order.to_bytes(8, "big") + version.to_bytes(5, "big")


def hold_of(id: int, order: Resting, klass: int) -> Row:
    """Put on hold what an order needs for all that is left of it, hidden parts included."""
    unit = CASH if order.side == BUY else klass
    amount = order.lots * (order.price_mrmb if order.side == BUY else LOT)
    return Row(RowCode.HOLD, 0, unit, account(order.owner, unit), account(CLEARING, unit),
               amount, id=hold_id(id, order.version))


def taken_rows(trade: Trade) -> list[Row]:
    """Hand over what both sides of a trade have given to the clearing account."""
    return [Row(RowCode.TRANSFER, 0, trade.klass, account(CLEARING, trade.klass),
                account(trade.buyer, trade.klass), trade.lots * LOT),
            Row(RowCode.TRANSFER, 0, CASH, account(CLEARING, CASH),
                account(trade.seller, CASH), trade.lots * trade.price_mrmb)]


def issue_rows(drawn: list[tuple[int, int, int]], price: int, buyer: int, klass: int,
               issuer: int) -> list[Row]:
    """Issue what was drawn, as (attestation, micro-CU, lots), and deliver it against payment."""
    seller = account(issuer, klass)
    rows = [Row(RowCode.ISSUE, 0, klass, account(issuer, klass, Kind.ISSUER), seller,
                lots * LOT, attestation=attestation) for attestation, _, lots in drawn]
    lots = sum(taken for _, _, taken in drawn)
    rows.append(Row(RowCode.TRANSFER, 0, klass, seller, account(buyer, klass), lots * LOT))
    rows.append(Row(RowCode.TRANSFER, 0, CASH, account(buyer, CASH), account(issuer, CASH),
                    lots * price))
    return rows
