"""Failed deliveries: what was sold firm, was not there, and is made good by its seller.

Theory of operation: when a delivery hour is over, the device time of each chip that was up
(`chips.uptime`) is compared with the device time sold firm on it. What is missing falls on the firm
classes in proportion, and within a class on the tokens that their owners could not use, in
proportion again. Each owner gets back what their seller was paid for them in the mean, and on top
the larger of the governed penalty and what the cheapest other seller asks more. The tokens go back.

Laws
----
* Nobody is refunded more tokens than it had left, and all owners together no more than was missing.
* Tokens and cash move together, or neither does; asking again refunds only what is still owed.
* Both roundings are down; the remainder stays with the seller.
"""

from typing import Any, NamedTuple

from suanli.chips.state import Chips
from suanli.ledger.row import CASH, CLEARING, Kind, Row, RowCode, account, kind_of, link, owner_of
from suanli.ledger.state import Attestation, Ledger, TokenClass
from suanli.market.product import Product
from suanli.market.state import Market
from suanli.terms.change import Change, Part, Write
from suanli.terms.instant import HOUR
from suanli.terms.quantity import LOT, PPM, WHOLE_DEVICE, device_ms_of, metered
from suanli.terms.refusals import Code, Refusal
from suanli.terms.table import Table


class Contract(NamedTuple):
    """What an owner bought of a firm class and still has, used or not, and what it may claim.

    That is what the issuer was paid for it: what a reseller took beyond that is no claim on the
    issuer, which could else be raised at will by two who trade with each other.
    """

    tokens: int
    cash: int  # micro-RMB

    def price_of(self, tokens: int) -> int:
        """Return the mean price of some of them, micro-RMB, rounded down."""
        return self.cash * tokens // self.tokens if self.tokens else 0

    def bought(self, tokens: int, cash: int) -> "Contract":
        return Contract(self.tokens + tokens, self.cash + cash)

    def sold(self, tokens: int) -> "Contract":
        """Return what is left after a sale; what was paid leaves in proportion."""
        gone = min(tokens, self.tokens)
        return Contract(self.tokens - gone, self.cash - self.price_of(gone))


class Delivery:
    """Reads what was sold and what was there; answers one command."""

    def __init__(self, chips: Chips, ledger: Ledger, market: Market,
                 tables: dict[str, Table[Any, Any]]) -> None:
        self.chips = chips
        self.ledger = ledger
        self.market = market
        self.tables = tables  # settlement's, by name: a restored one is another object

    def make_good(self, id: int, at: int) -> Change | Refusal:
        """Return one part an owner; those that the seller cannot pay leave only their code."""
        klass = self.ledger.token_class(id)
        if klass is None or klass.tier != "firm":
            return Refusal(Code.UNKNOWN_CLASS, f"no class {id} of firm tokens is open")
        if at < klass.start + HOUR:
            return Refusal(Code.NOT_OVER, f"the hour from {klass.start} is not over at {at}")
        product = Product(klass.issuer, klass.area, klass.grade, klass.tier, klass.start)
        if strip := self.market.strips.unfixed(product):
            return Refusal(Code.STRIP_NOT_FIXED, f"what strip {strip} pays for the hour from "
                           f"{klass.start} is not fixed; accepted after market.fix_strip")
        unused = self._unused(id, klass.issuer)
        left = sum(unused.values())
        owed = min(self.missing(id, klass) - self._refunded(id), left)
        shares = {owner: owed * tokens // left for owner, tokens in unused.items() if owed > 0}
        parts = tuple(self._refund(id, klass, owner, tokens)
                      for owner, tokens in shares.items() if tokens)
        if not parts:
            return Refusal(Code.NOTHING_OWED, f"of class {id} nothing is owed: all that its owners "
                           "left unused was there, or is made good")
        return Change(parts, is_array=True, answer={"class": id, "tokens": sum(shares.values())})

    def _refunded(self, id: int) -> int:
        return sum(int(self.tables["refunded"].get((id, owner_of(holder))) or 0)
                   for holder in self.ledger.accounts_of.get(id, ())
                   if kind_of(holder) == Kind.HOLDER)

    def _unused(self, id: int, issuer: int) -> dict[int, int]:
        """Return the tokens that each owner but the seller has left, not on hold."""
        found = {}
        for holder in self.ledger.accounts_of.get(id, ()):
            if kind_of(holder) == Kind.HOLDER and owner_of(holder) not in (CLEARING, issuer):
                left = self.ledger.available(holder)
                if left:
                    found[owner_of(holder)] = left
        return found

    def missing(self, id: int, klass: TokenClass) -> int:
        """Return the tokens of the class whose device time was not there, rounded down."""
        missing = 0
        for chip, rating, _ in klass.factors:
            attestation = self.ledger.attestation_id(klass.issuer, klass.area, chip, klass.start)
            if attestation is None:
                continue
            record = self.ledger.attestation(attestation)
            own = self._sold_ms(id, attestation)
            sold = sum(self._sold_ms(other, attestation) for other in self._firm_on(record))
            there = self.chips.available_ms(klass.issuer, klass.area, chip, klass.start)
            if sold > there:
                missing += metered((sold - there) * own // sold, WHOLE_DEVICE, rating)
        return missing

    def _firm_on(self, record: Attestation) -> list[int]:
        """Return the firm classes that draw on an attestation."""
        return [id for id, klass in self.ledger.tables["classes"].items()
                if klass.tier == "firm" and klass.may_draw_on(record)]

    def _sold_ms(self, id: int, attestation: int) -> int:
        tokens = int(self.ledger.tables["issued"].get((id, attestation)) or 0)
        klass = self.ledger.token_class(id)
        rating = klass.rating(self.ledger.attestation(attestation).chip) if klass else None
        return device_ms_of(tokens, rating) if rating and tokens else 0

    def _refund(self, id: int, klass: TokenClass, owner: int, tokens: int) -> Part:
        contract = self.tables["contracts"].get((owner, id)) or Contract(0, 0)
        paid = contract.price_of(min(tokens, contract.tokens))
        penalty = paid * self.market.members.parameter("undelivered_penalty_ppm") // PPM
        cash = paid + max(penalty, self._replacement(klass, tokens) - paid)
        rows = [Row(RowCode.TRANSFER, 0, id, account(owner, id), account(klass.issuer, id), tokens)]
        if cash:
            rows.append(Row(RowCode.TRANSFER, 0, CASH, account(klass.issuer, CASH),
                            account(owner, CASH), cash))
        before = int(self.tables["refunded"].get((id, owner)) or 0)
        writes = (Write("settlement", "refunded", (id, owner), before + tokens),
                  *_contract_write(owner, id, contract.sold(tokens)))
        return Part(writes, link(rows))

    def _replacement(self, klass: TokenClass, tokens: int) -> int:
        """Return what the cheapest other seller of the grade asks for the tokens, micro-RMB."""
        asks = [price for (issuer, _, grade, tier), price in self.market.tables["offers"].items()
                if issuer != klass.issuer and (grade, tier) == (klass.grade, klass.tier)]
        return min(asks) * tokens // LOT if asks else 0


def contract_writes(contracts: Table[tuple[int, int], Contract], klass: int, issuer: int,
                    trades: list[tuple[int, int, int, int]]) -> tuple[Write, ...]:
    """Return what trades (seller, buyer, milli-RMB a token, lots) of a class make of contracts.

    What a reseller gives up goes to the buyer, whatever that paid; with oneself nothing is paid.
    """
    after: dict[int, Contract] = {}
    for seller, buyer, price, lots in trades:
        if seller == buyer:
            continue
        for owner in (seller, buyer):
            after.setdefault(owner, contracts.get((owner, klass)) or Contract(0, 0))
        left = after[seller].sold(lots * LOT)
        claim = price * lots if seller == issuer else after[seller].cash - left.cash
        after[seller], after[buyer] = left, after[buyer].bought(lots * LOT, claim)
    return tuple(write for owner, contract in after.items()
                 if contract.tokens or (owner, klass) in contracts
                 for write in _contract_write(owner, klass, contract))


def cleared_writes(contracts: Table[tuple[int, int], Contract], moved: dict[tuple[int, int], int],
                   paid: dict[tuple[int, int], int]) -> tuple[Write, ...]:
    """Return what tokens moved and paid for in an auction, by (owner, class), make of contracts."""
    writes: list[Write] = []
    for key, tokens in moved.items():
        contract = contracts.get(key) or Contract(0, 0)
        after = contract.bought(tokens, paid.get(key, 0)) if tokens > 0 else contract.sold(-tokens)
        if after.tokens or key in contracts:
            writes += _contract_write(*key, after)
    return tuple(writes)


def fixed_writes(contracts: Table[tuple[int, int], Contract], ledger: Ledger,
                 paid: dict[tuple[int, int], int]) -> tuple[Write, ...]:
    """Return what cash paid later for tokens, by (owner, class), makes of contracts.

    It counts for the part that its owner still has of all it ever got, rounded down: what was
    sold took its part of the price along, as far as it was fixed.
    """
    writes: list[Write] = []
    for (owner, klass), cash in paid.items():
        contract = contracts.get((owner, klass))
        if contract is not None:
            got = ledger.balance(account(owner, klass))[1]
            writes += _contract_write(owner, klass,
                                      contract.bought(0, cash * contract.tokens // got))
    return tuple(writes)


def _contract_write(owner: int, klass: int, contract: Contract) -> tuple[Write, ...]:
    value = contract if contract.tokens else None
    return (Write("settlement", "contracts", (owner, klass), value),)
