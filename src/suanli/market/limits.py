"""How much one participant may hold, and how much it may send.

Laws
----
* A buyer's tokens of a product, with all that it bids for, stay within its part of the product's
  attested tokens; a hedger's part is a regulator's record. An issuer's own products are free.
* What trades with its owner's own order is there: nobody's trade is of tokens, or at a price, that
  it could not give to another.
* One participant has a bounded number of orders in one product, and sends a bounded number a
  minute: what it can make the state hold is bounded.

Order of checks: rate, resting orders, position; what trades with one's own, once that is known.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from suanli.ledger.row import CASH, Row, account
from suanli.ledger.state import Ledger
from suanli.market.book import BUY
from suanli.market.commands import Exempt, Order
from suanli.market.postings import Trade
from suanli.market.product import Product, ProductGrid
from suanli.members.state import Members
from suanli.terms.change import Change, Write, one_part
from suanli.terms.instant import MINUTE
from suanli.terms.quantity import LOT, PPM, WHOLE_DEVICE, metered
from suanli.terms.refusals import Code, Refusal


class Exemption(NamedTuple):
    """A hedger's own position limit, and why it has one."""

    ppm: int
    reason: str


class Limits:
    """The limits on one participant. `lots` is derived from the market's orders."""

    def __init__(self, members: Members, ledger: Ledger, tables: Any) -> None:
        self.members = members
        self.ledger = ledger
        self.tables = tables  # the market's
        # (owner, product) -> {order: lots it bids for, 0 for a sale}; none is empty
        self._resting: dict[tuple[int, tuple[int, str, str, str, int]], dict[int, int]] = {}

    def note(self, id: int, order: Any, new: Any) -> None:
        """Take notice of a write of a resting order (`Resting`); `new` None: it is gone."""
        key = (order.owner, order.product)
        mine = self._resting.setdefault(key, {})
        if new is not None:
            mine[id] = new.lots if new.side == BUY else 0
            return
        mine.pop(id, None)
        if not mine:
            del self._resting[key]

    def forget(self) -> None:
        """Forget the resting orders; each is noted again as it is restored."""
        self._resting = {}

    def refusal(self, id: int, product: Product, order: Order, sender: int, at: int,
                grid: ProductGrid) -> Refusal | None:
        """Return which limit an order breaks; `id` is that of the one it replaces, or 0."""
        return (self.rate_refusal(sender, at)
                or self._resting_refusal(id, product, order, sender)
                or self._position_refusal(id, product, order, sender, grid))

    def counted(self, sender: int, at: int) -> list[Write]:
        """Return the write that counts an order, where the rate is limited."""
        if not self.members.parameter("orders_per_minute_max"):
            return []
        minute, sent = self._sent(sender, at)
        return [Write("market", "rates", sender, (minute, sent + 1))]

    def _sent(self, sender: int, at: int) -> tuple[int, int]:
        minute, sent = self.tables["rates"].get(sender) or (0, 0)
        return (minute, sent) if minute == at // MINUTE else (at // MINUTE, 0)

    def rate_refusal(self, sender: int, at: int) -> Refusal | None:
        """Return why a participant may not send another order in this minute, or None."""
        most = self.members.parameter("orders_per_minute_max")
        if not most or self._sent(sender, at)[1] < most:
            return None
        return Refusal(Code.ORDER_RATE_EXCEEDED,
                       f"you have sent {most} orders in this minute; that many are accepted")

    def _resting_refusal(self, id: int, product: Product, order: Order,
                         sender: int) -> Refusal | None:
        most = self.members.parameter("orders_resting_max")
        if order.is_ioc or id or len(self._resting.get((sender, product), ())) < most:
            return None
        return Refusal(Code.ORDERS_RESTING_EXCEEDED,
                       f"you have {most} orders in this product; that many are accepted")

    def _position_refusal(self, id: int, product: Product, order: Order, sender: int,
                          grid: ProductGrid) -> Refusal | None:
        if order.side != BUY:
            return None
        return self.position_refusal(sender, product, order.lots * LOT, grid, id)

    def position_refusal(self, owner: int, product: Product, more: int, grid: ProductGrid,
                         replaced: int = 0) -> Refusal | None:
        """Return why an owner may not get, or bid for, `more` CU-microseconds, or None.

        `replaced`: an order of its that is not there for this.
        """
        ppm = self.ppm_of(owner)
        if not ppm or owner == product.issuer:
            return None
        bids = sum(lots for other, lots in self._resting.get((owner, product), {}).items()
                   if other != replaced)
        wanted = self.held(owner, product) + bids * LOT + more
        most = self.attested(product, grid) * ppm // PPM
        if wanted <= most:
            return None
        return Refusal(Code.POSITION_LIMIT_EXCEEDED,
                       f"with this, participant {owner} would have or bid for {wanted} CU-us of "
                       f"the product; {most} are accepted, {ppm} parts per million of what is "
                       "attested")

    def self_trade_refusal(self, trades: list[Trade], side: int,
                           freed: Iterable[Row]) -> Refusal | None:
        """Return why an order may not trade with its owner's own, or None.

        Such a trade moves nothing, so no row would find out that there is nothing to move.
        `freed`: the rows that give holds back before it trades.
        """
        own = next((t for t in trades if t.buyer == t.seller), None)
        if own is None:
            return None
        unit = CASH if side == BUY else own.klass
        mine, holds = account(own.buyer, unit), self.ledger.tables["holds"]
        has = self.ledger.available(mine) + sum(holds[row.hold][2] for row in freed
                                                if row.debit == mine)
        gives = sum(t.lots * (t.price_mrmb if side == BUY else LOT) for t in trades)
        if gives <= has:
            return None
        return Refusal(Code.INSUFFICIENT_BALANCE, f"it would trade {gives} of what you have {has} "
                       "of, some of it with an order of yours; what you have is accepted")

    def ppm_of(self, owner: int) -> int:
        """Return an owner's part of a product, in parts per million; 0: it has no limit."""
        exemption = self.tables["exemptions"].get(owner)
        return int(exemption.ppm if exemption else self.members.parameter("position_ppm_max"))

    def held(self, owner: int, product: Product) -> int:
        """Return the tokens that an owner has, those that it offers for sale among them."""
        klass = self.ledger.class_id(*product)
        if klass is None:
            return 0
        debits, credits, *_ = self.ledger.balance(account(owner, klass))
        return credits - debits

    def attested(self, product: Product, grid: ProductGrid) -> int:
        """Return what all attested device time of a product's hour is worth under its grade."""
        grade = grid.units.grade(product.issuer, product.grade)
        total = 0
        for chip, ucu, _ in grade.factors if grade else ():
            id = self.ledger.attestation_id(product.issuer, product.area, chip, product.start)
            if id is not None:
                total += metered(self.ledger.attestation(id).device_ms, WHOLE_DEVICE, ucu)
        return total

    def exempt(self, command: Exempt) -> Change | Refusal:
        """Record a hedger's own limit, or take it back."""
        if self.members.member(command.member) is None:
            return Refusal(Code.UNKNOWN_PARTICIPANT, f"no participant {command.member}")
        if not 0 <= command.ppm <= PPM:
            return Refusal(Code.AMOUNT_OUT_OF_RANGE, f"{command.ppm} parts per million; 0 to "
                           f"{PPM} is accepted")
        if command.ppm:
            record = Exemption(command.ppm, command.reason)
            return one_part(Write("market", "exemptions", command.member, record))
        known = command.member in self.tables["exemptions"]
        return one_part(*([Write("market", "exemptions", command.member, None)] if known else []))
