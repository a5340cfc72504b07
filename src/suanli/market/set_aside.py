"""What an issuer can still sell at need, and to whom: the national-priority set-aside.

The set-aside is device time that only named beneficiaries may buy.

Laws
----
* Until the release, at most `set_aside_ppm` of an hour's attested device time is withheld from
  everybody but the beneficiaries; after it nothing is.
* What beneficiaries have bought counts against the set-aside first.
* Beneficiaries pay the same price from the same offer: the set-aside is a right to be served.
"""

from typing import Any, NamedTuple

from suanli.ledger.state import Ledger
from suanli.market.commands import Entitle
from suanli.market.product import Product, ProductGrid
from suanli.members.state import Members
from suanli.terms.change import Change, Write, one_part
from suanli.terms.instant import HOUR
from suanli.terms.quantity import LOT, PPM, device_ms_of, lots_of
from suanli.terms.refusals import Code, Refusal

# What backs lots at which rating: (attestation, micro-CU, lots) by chip.
Sources = list[tuple[int, int, int]]


def lots_backed(sources: Sources) -> int:
    return sum(lots for _, _, lots in sources)


class Withheld(NamedTuple):
    """What is set aside of one attestation, in device-milliseconds, and until when."""

    set_aside_ms: int
    used_ms: int
    until: int

    def from_others_ms(self, at: int) -> int:
        """Return what nobody but a beneficiary may buy at an instant."""
        return max(0, self.set_aside_ms - self.used_ms) if at < self.until else 0


class SetAside:
    """What is withheld, for whom."""

    def __init__(self, members: Members, ledger: Ledger, tables: Any) -> None:
        self.members = members
        self.ledger = ledger
        self.tables = tables  # the market's

    def withheld(self, attestation: int) -> Withheld:
        """Return what is set aside of an attestation; it is published as it stands."""
        record = self.ledger.attestation(attestation)
        part = record.device_ms * self.members.parameter("set_aside_ppm") // PPM
        used = self.tables["set_aside"].get((record.start, attestation)) or 0
        until = record.start - self.members.parameter("set_aside_release_ms")
        return Withheld(part, used, until)

    def sellable_ms(self, attestation: int, buyer: int, at: int) -> int:
        """Return the device time that may still be issued to a buyer."""
        sellable = self.ledger.sellable_ms(attestation, at)
        if buyer in self.tables["beneficiaries"]:
            return sellable
        return max(0, sellable - self.withheld(attestation).from_others_ms(at))

    @property
    def is_on(self) -> bool:
        return self.members.parameter("set_aside_ppm") > 0

    def kept_from_others_ms(self, attestation: int, at: int) -> int:
        """Return the unsold device time that only the set-aside keeps from all others."""
        sellable = self.ledger.sellable_ms(attestation, at)
        return min(sellable, self.withheld(attestation).from_others_ms(at))

    def sources(self, product: Product, klass: int, buyer: int, at: int,
                grid: ProductGrid) -> Sources:
        """Return what can still back lots for a buyer, by chip of a grade."""
        sources = []
        for chip, ucu, _ in grid.token_class(klass).factors:
            id = self.ledger.attestation_id(product.issuer, product.area, chip, product.start)
            if id is None:
                continue
            sources.append((id, ucu, lots_of(self.sellable_ms(id, buyer, at), ucu)))
        return sources

    def to_issue(self, wanted: int, product: Product, klass: int, buyer: int, at: int,
                 grid: ProductGrid) -> Sources:
        """Return what the issuer can issue of so many lots."""
        found = []
        for attestation, ucu, available in self.sources(product, klass, buyer, at, grid):
            taken = min(wanted, available)
            if taken:
                found.append((attestation, ucu, taken))
                wanted -= taken
        return found

    def drawn(self, drawn: Sources, buyer: int, at: int) -> list[Write]:
        """Return the writes that count what was issued to a beneficiary."""
        if buyer not in self.tables["beneficiaries"]:
            return []
        writes = []
        for attestation, ucu, lots in drawn:
            withheld = self.withheld(attestation)
            if withheld.from_others_ms(at):
                start = self.ledger.attestation(attestation).start
                used = min(withheld.set_aside_ms, withheld.used_ms + device_ms_of(lots * LOT, ucu))
                writes.append(Write("market", "set_aside", (start, attestation), used))
        return writes

    def over(self, at: int) -> list[Write]:
        """Return what forgets the hours that are over."""
        return [Write("market", "set_aside", key, None)
                for key in self.tables["set_aside"] if key[0] + HOUR <= at]

    def entitle(self, command: Entitle) -> Change | Refusal:
        """Name a beneficiary, or take it back."""
        if self.members.member(command.member) is None:
            return Refusal(Code.UNKNOWN_PARTICIPANT, f"no participant {command.member}")
        known = command.member in self.tables["beneficiaries"]
        if not command.reason and not known:
            return one_part()
        return one_part(Write("market", "beneficiaries", command.member, command.reason or None))
