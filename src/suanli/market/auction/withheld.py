"""What the national-priority set-aside withholds from an auction, as steps that issuers could add.

Theory of operation: an issuer sells in an auction what it can issue, less what is set aside. When
the end is drawn, the device time that is still withheld is written down as one more step of each
cell in which the issuer's own curves or offers sell, at the dearest of their prices: they go on
where they stopped. The auction with these steps is the counterfactual: what would have been
without.

Laws
----
* Device time is counted once: over the grades of a chip (and the tiers), in the order of nodes.
* Only what is withheld *and* still unsold could have been sold; without a set-aside there is none.
* No sum of values can overflow: what does not fit below the auction's bound is left out.
"""

from suanli.ledger.state import Ledger
from suanli.market.auction.collateral import class_of
from suanli.market.auction.entry import VALUE_MAX
from suanli.market.auction.records import Orders, Sitting, WithheldStep
from suanli.market.book import SELL
from suanli.market.set_aside import SetAside
from suanli.terms.quantity import LOT, LOTS_MAX, device_ms_of, lots_of


def withheld_steps(sitting: Sitting, orders: Orders, set_aside: SetAside,
                   at: int) -> tuple[WithheldStep, ...]:
    """Return the steps that withheld device time would add at an instant, rising by cell."""
    if not set_aside.is_on:
        return ()
    steps, room = [], VALUE_MAX - sitting.value
    left: dict[int, int] = {}  # attestation -> device-milliseconds not yet in a step
    for cell, price in sorted(_dearest(sitting, orders).items()):
        lots = _taken(sitting, cell, set_aside, at, left)
        room -= 2 * lots * sitting.price_max  # twice, as in `admission.worth`
        if room < 0:
            break
        if lots:
            steps.append(WithheldStep(cell, lots, price))
    return tuple(steps)


def _dearest(sitting: Sitting, orders: Orders) -> dict[int, int]:
    """Return the dearest step by cell of what issuers sell by steps, in time."""
    dearest: dict[int, int] = {}
    for order in orders.values():
        if order.side != SELL or order.entered > sitting.ends:
            continue
        for curve in order.curves:
            if sitting.nodes[curve.cell // sitting.hours][0] == order.owner:
                price = max(price for price, _ in curve.steps)
                dearest[curve.cell] = max(price, dearest.get(curve.cell, price))
    return dearest


def _taken(sitting: Sitting, cell: int, set_aside: SetAside, at: int,
           left: dict[int, int]) -> int:
    """Take what is left of the withheld device time for a cell; return the lots it would back."""
    issuer, area, _, _ = sitting.nodes[cell // sitting.hours]
    ledger, start, total = set_aside.ledger, sitting.start_of(cell), 0
    for chip, ucu in _factors(ledger, sitting, cell):
        id = ledger.attestation_id(issuer, area, chip, start)
        if id is None:
            continue
        free = left.get(id, set_aside.kept_from_others_ms(id, at))
        lots = min(lots_of(free, ucu), LOTS_MAX - total)
        left[id] = free - device_ms_of(lots * LOT, ucu)
        total += lots
    return total


def _factors(ledger: Ledger, sitting: Sitting, cell: int) -> list[tuple[str, int]]:
    """Return the (chip, micro-CU) of the grade that is sold in a cell."""
    klass = ledger.token_class(class_of(ledger, sitting, cell))
    return [(chip, ucu) for chip, ucu, _ in klass.factors] if klass else []
