"""Prepaid credits: what an operator was paid for its own tokens becomes tokens at auction prices.

Theory of operation: an operator sells its own tokens at its own posted price, elsewhere and for
money that came in there. What it owes for them is granted here as *credit*: a claim on that one
operator with a face value in micro-RMB. The holder converts it into any of the operator's products
at the price of the last auction that traded the product: the face is burned, the tokens are issued
like those of any sale. What they are worth elsewhere, the market says: they are ordinary tokens.

Laws
----
* Face burned = price x lots, exactly: nothing is rounded.
* Credits outstanding = granted - converted - returned.
* Tokens come out of attested device time only, less what is set aside.
* A credit backs nothing, never expires, and goes to nobody but its issuer.

Order of checks of a conversion: product, lots, auction price, rate, position, face, device time.
"""

from typing import Any, NamedTuple

from suanli.ledger.kernel import PREPAID_CREDIT
from suanli.ledger.row import Kind, Row, RowCode, account, kind_of, link, owner_of
from suanli.ledger.state import Ledger
from suanli.market.auction.prices import last_price
from suanli.market.book import BUY
from suanli.market.commands import Convert, GrantCredit, Order
from suanli.market.limits import Limits
from suanli.market.postings import issued_rows
from suanli.market.product import Product, ProductGrid, credit_of
from suanli.market.set_aside import SetAside, Sources, lots_backed
from suanli.members.state import Members
from suanli.terms.canonical import values_of
from suanli.terms.change import Change, Part, one_part
from suanli.terms.quantity import INT64_MAX, LOTS_MAX, is_amount
from suanli.terms.refusals import Code, Refusal
from suanli.terms.table import Table


class Owed(NamedTuple):
    """What an issuer owes in credits, micro-RMB; `by_member` has no zeros."""

    granted: int
    converted: int
    returned: int
    by_member: dict[int, int]


class Credits:
    """Grants and converts; the ledger remembers."""

    def __init__(self, members: Members, ledger: Ledger, tables: dict[str, Table[Any, Any]],
                 limits: Limits, set_aside: SetAside) -> None:
        self.members = members
        self.ledger = ledger
        self.tables = tables  # the market's
        self.limits = limits
        self.set_aside = set_aside

    # -- reading ---------------------------------------------------------------------------

    def issuers(self) -> list[int]:
        """Return who has ever granted credit, in the order of their first grants."""
        return [klass.issuer for _, klass in sorted(self.ledger.tables["classes"].items())
                if klass.standing == PREPAID_CREDIT]

    def face(self, issuer: int, owner: int) -> int:
        """Return what an owner has left with an issuer, micro-RMB."""
        credit = self.ledger.class_id(*credit_of(issuer))
        return self.ledger.available(account(owner, credit)) if credit else 0

    def owed(self, issuer: int) -> Owed:
        """Return what an issuer owes, and to whom."""
        credit = self.ledger.class_id(*credit_of(issuer))
        if credit is None:
            return Owed(0, 0, 0, {})
        granted, converted, *_ = self.ledger.balance(account(issuer, credit, Kind.ISSUER))
        owners = sorted(owner_of(id) for id in self.ledger.accounts_of.get(credit, ())
                        if kind_of(id) == Kind.HOLDER)
        faces = {owner: face for owner in owners if (face := self.face(issuer, owner))}
        return Owed(granted, converted, faces.pop(issuer, 0), faces)

    # -- commands --------------------------------------------------------------------------

    def grant(self, command: GrantCredit, sender: int, grid: ProductGrid) -> Change | Refusal:
        """Issue credit to a member; the first of an issuer opens its class."""
        if self.members.member(command.member) is None:
            return Refusal(Code.UNKNOWN_PARTICIPANT, f"no participant {command.member}")
        if command.member == sender:
            return Refusal(Code.SAME_ACCOUNT, "a credit is a claim on you; anybody else is "
                           "accepted")
        if not is_amount(command.micro_rmb):
            return Refusal(Code.AMOUNT_OUT_OF_RANGE, f"{command.micro_rmb} micro-RMB; 1 to "
                           f"{INT64_MAX} is accepted")
        credit = grid.class_of(credit_of(sender))
        row = Row(RowCode.ISSUE, 0, credit, account(sender, credit, Kind.ISSUER),
                  account(command.member, credit), command.micro_rmb)
        return one_part(*grid.writes(), rows=row.pack(), member=command.member,
                        left_micro_rmb=self.face(sender, command.member) + command.micro_rmb)

    def convert(self, command: Convert, at: int, sender: int,
                grid: ProductGrid) -> Change | Refusal:
        """Burn face and issue tokens for it, all of the lots or none."""
        *place, lots = values_of(command)
        product = Product(*place)
        if refusal := grid.refusal(product, at) or _order_refusal(product, lots, sender):
            return refusal
        price = last_price(self.tables, product)
        if price is None:
            return Refusal(Code.NO_AUCTION_PRICE, f"no auction has traded the hour from "
                           f"{product.start} of {product.grade!r} in {product.area!r}, "
                           f"{product.tier}; one that did is accepted")
        wish = Order(*product, BUY, price, lots, True)
        if refusal := self.limits.refusal(0, product, wish, sender, at, grid):
            return refusal
        drawn = self.set_aside.to_issue(lots, product, grid.class_of(product), sender, at, grid)
        if lots * price > self.face(product.issuer, sender) or lots_backed(drawn) < lots:
            return self._short(product, price, lots, sender, at, grid)
        return self._converted(product, price, drawn, sender, at, grid)

    def _short(self, product: Product, price: int, lots: int, owner: int, at: int,
               grid: ProductGrid) -> Refusal:
        """Say what does not suffice for the lots, and for how many it does."""
        face, issuable = self.face(product.issuer, owner), lots_backed(
            self.set_aside.sources(product, grid.class_of(product), owner, at, grid))
        most = min(face // price, issuable)
        code = (Code.INSUFFICIENT_BALANCE if lots * price > face
                else Code.ISSUANCE_ABOVE_ATTESTATION)
        return Refusal(code, f"{lots} lots at {price} milli-RMB a token; you have {face} micro-RMB "
                       f"with operator {product.issuer}, which can issue {issuable} lots: {most} "
                       "lots are accepted")

    def _converted(self, product: Product, price: int, drawn: Sources, owner: int, at: int,
                   grid: ProductGrid) -> Change:
        issuer, klass = product.issuer, grid.class_of(product)
        credit = grid.class_of(credit_of(issuer))
        lots = lots_backed(drawn)
        face = price * lots
        burned = Row(RowCode.RETIRE, 0, credit, account(owner, credit),
                     account(issuer, credit, Kind.ISSUER), face)
        writes = (*grid.writes(), *self.limits.counted(owner, at),
                  *self.set_aside.drawn(drawn, owner, at))
        answer = {"class": klass, "lots": lots, "price_mrmb": price, "face_micro_rmb": face,
                  "left_micro_rmb": self.face(issuer, owner) - face,
                  "trades": [[issuer, owner, price, lots]]}
        rows = link([burned, *issued_rows(drawn, owner, klass, issuer)])
        return Change((Part(writes, rows),), answer, spend=face)


def _order_refusal(product: Product, lots: int, sender: int) -> Refusal | None:
    if not 1 <= lots <= LOTS_MAX:
        return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"{lots} lots; 1 to {LOTS_MAX} lots of 0.001 "
                       "token are accepted")
    if product.issuer == sender:
        return Refusal(Code.SAME_ACCOUNT, "you are the issuer; credit of another is accepted")
    return None
