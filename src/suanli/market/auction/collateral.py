"""What an owner's orders of one auction hold, and the rows that bring the holds there.

All orders of an owner in an auction share one hold for each class: cash for its buys, tokens for
its sells. Of an exclusive group, only the dearest member counts. Since prices are uniform and no
block, with what is linked below it, is accepted at a loss, what is held always pays.

An issuer holds tokens that it issues as the order comes in, against attested device time; what
is not sold is retired again.
"""

from collections import defaultdict
from collections.abc import Callable

from suanli.ledger.row import CASH, CLEARING, Kind, Row, RowCode, account
from suanli.ledger.state import Ledger
from suanli.market.auction.orders import CurveOrder, FlexibleOrder, OfferOrder
from suanli.market.auction.records import AuctionOrder, Held, Orders, Sitting
from suanli.market.auction.substitution import grades_of
from suanli.market.book import BUY
from suanli.market.product import Product, ProductGrid
from suanli.market.set_aside import SetAside
from suanli.terms.errors import present
from suanli.terms.quantity import LOT, lots_of
from suanli.terms.refusals import Code, Refusal

NOTHING = Held(0, ())
Units = dict[int, int]  # cell, or CASH_CELL -> lots, or micro-RMB
CASH_CELL = -1


def needed(orders: Orders) -> Units:
    """Return what orders of one owner must hold: lots by cell, micro-RMB under CASH_CELL."""
    return together(orders, _alone)


def together(orders: Orders, alone: Callable[[AuctionOrder], Units]) -> Units:
    """Return the sums of what orders come to alone; of an exclusive group the most by unit."""
    total: Units = defaultdict(int)
    groups: dict[str, Units] = defaultdict(dict)
    for order in orders.values():
        group = order.block.group if order.block else ""
        for unit, amount in alone(order).items():
            if group:
                groups[group][unit] = max(amount, groups[group].get(unit, 0))
            else:
                total[unit] += amount
    for most in groups.values():
        for unit, amount in most.items():
            total[unit] += amount
    return dict(total)


def _alone(order: AuctionOrder) -> Units:
    terms = order.terms
    if isinstance(terms, FlexibleOrder):
        return {CASH_CELL: terms.price * terms.lots * terms.hours}
    if isinstance(terms, OfferOrder):
        return {cell: sum(lots for _, lots in steps) for cell, steps in terms.hours}
    if isinstance(terms, CurveOrder):
        if terms.side == BUY:
            return {CASH_CELL: sum(price * lots for price, lots in terms.steps)}
        return {terms.cell: sum(lots for _, lots in terms.steps) + terms.spare}
    if terms.side == BUY:
        return {CASH_CELL: terms.price * sum(lots for _, lots in terms.legs)}
    return dict(terms.legs)


class Collateral:
    """The rows of one change of one owner's holds in one auction."""

    def __init__(self, id: int, sitting: Sitting, owner: int, at: int, grid: ProductGrid,
                 set_aside: SetAside, held: dict[int, Held]) -> None:
        self.id = id
        self.sitting = sitting
        self.owner = owner
        self.at = at
        self.grid = grid
        self.set_aside = set_aside
        self.held = held  # class -> what is held now; changed as rows are made
        self.rows: list[Row] = []

    def cover(self, before: Units, after: Units) -> Refusal | None:
        """Make the rows that take the holds from what was needed to what is needed now.

        Refuses ISSUANCE_ABOVE_ATTESTATION where an issuer cannot issue what it would sell.
        """
        before, after = self._by_class(before), self._by_class(after)
        for unit in sorted(before.keys() | after.keys()):
            wanted = after.get(unit, 0)
            if wanted == before.get(unit, 0):
                continue
            if unit == CASH_CELL:
                self._hold(CASH, wanted, ())
            elif refusal := self._hold_tokens(unit, wanted):
                return refusal
        return None

    def _by_class(self, units: Units) -> Units:
        """Return the units with all that is held in one class under the cell of its product."""
        total: Units = defaultdict(int)
        for unit, amount in units.items():
            total[unit if unit == CASH_CELL else home(self.sitting, unit)] += amount
        return total

    def _hold_tokens(self, cell: int, lots: int) -> Refusal | None:
        product = product_of(self.sitting, cell)
        issuer = product.issuer
        klass = self.grid.class_of(product)
        if issuer != self.owner:
            self._hold(klass, lots * LOT, ())
            return None
        now = self.held.get(klass, NOTHING)
        self._void(klass, now)
        if lots * LOT > now.amount:
            fresh = self._issue(product, klass, lots * LOT - now.amount)
            if isinstance(fresh, Refusal):
                return fresh
            issued = (*now.issued, *fresh)
        else:
            back = retired(self.owner, klass, now.issued, now.amount - lots * LOT)
            self.rows += back[0]
            issued = back[1]
        self._rehold(klass, lots * LOT, issued)
        return None

    def _hold(self, klass: int, amount: int, issued: tuple[tuple[int, int], ...]) -> None:
        self._void(klass, self.held.get(klass, NOTHING))
        self._rehold(klass, amount, issued)

    def _void(self, klass: int, now: Held) -> None:
        if now.amount:
            self.rows.append(resolution(self.id, self.owner, klass, RowCode.VOID, 0))

    def _rehold(self, klass: int, amount: int, issued: tuple[tuple[int, int], ...]) -> None:
        if amount:
            self.rows.append(Row(RowCode.HOLD, 0, klass, account(self.owner, klass),
                                 account(CLEARING, klass), amount,
                                 id=hold_id(self.id, self.owner, klass)))
        self.held[klass] = Held(amount, issued)

    def _issue(self, product: Product, klass: int,
               tokens: int) -> list[tuple[int, int]] | Refusal:
        """Issue tokens over the chips of the grade, less what is set aside for beneficiaries."""
        issued, left = [], tokens
        for chip, ucu, _ in self.grid.token_class(klass).factors:
            id = self.grid.ledger.attestation_id(product.issuer, product.area, chip, product.start)
            if id is None:
                continue
            free = self.set_aside.sellable_ms(id, CLEARING, self.at)
            taken = min(left, lots_of(free, ucu) * LOT)
            if taken:
                issued.append((id, taken))
                left -= taken
        if left:
            return Refusal(Code.ISSUANCE_ABOVE_ATTESTATION, f"{left // LOT} of {tokens // LOT} "
                           f"lots of the hour from {product.start} are more than your attested "
                           "device time can back now")
        self.rows += [Row(RowCode.ISSUE, 0, klass, account(self.owner, klass, Kind.ISSUER),
                          account(self.owner, klass), amount, attestation=id)
                      for id, amount in issued]
        return issued


def retired(owner: int, klass: int, issued: tuple[tuple[int, int], ...],
            tokens: int) -> tuple[list[Row], tuple[tuple[int, int], ...]]:
    """Return the rows that retire tokens, last issued first, and what then stays issued."""
    rows, kept = [], list(issued)
    while tokens:
        attestation, amount = kept.pop()
        taken = min(tokens, amount)
        rows.append(Row(RowCode.RETIRE, 0, klass, account(owner, klass),
                        account(owner, klass, Kind.ISSUER), taken, attestation=attestation))
        if taken < amount:
            kept.append((attestation, amount - taken))
        tokens -= taken
    return rows, tuple(kept)


def resolution(id: int, owner: int, klass: int, code: RowCode, amount: int) -> Row:
    """Return the row that posts or voids an owner's hold in a class."""
    return Row(code, 0, klass, account(owner, klass), account(CLEARING, klass), amount,
               hold=hold_id(id, owner, klass))


def hold_id(auction: int, owner: int, klass: int) -> bytes:
    return b"auct" + b"".join(n.to_bytes(4, "big") for n in (auction, owner, klass))


def class_of(ledger: Ledger, sitting: Sitting, cell: int) -> int:
    """Return the token class of a product's cell that somebody sells at."""
    return present(ledger.class_id(*product_of(sitting, cell)),
                   "what is sold in an auction is held in its class")


def product_of(sitting: Sitting, cell: int) -> Product:
    """Return the product whose tokens are held for what is sold in a cell: of its first grade."""
    return Product(*sitting.nodes[home(sitting, cell) // sitting.hours], sitting.start_of(cell))


def home(sitting: Sitting, cell: int) -> int:
    """Return the cell of the product in whose class a cell's sales are held."""
    node = sitting.nodes[cell // sitting.hours]
    product = (node[0], node[1], grades_of(node)[0], node[3])
    return cell if product == node else (
        sitting.nodes.index(product) * sitting.hours + cell % sitting.hours)
