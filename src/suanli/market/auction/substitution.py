"""One device offered in several grades, and delivered in one.

Theory of operation: a seller's curve may name, beside its grade, others of the same issuer that
rate the same chip. Its steps stand at a node of their own, its grades joined by `|`. From there an
arc leads to the product of each of these grades, with the ratio of the chip's two ratings as its
gain; what arrives is sold there like any other.

Laws
----
* Tokens of another grade are issued on the device time of tokens that the same set retires: what
  is attested was never less than what is sold, whatever happened since the order came.
* The order holds a lot more an hour for each other grade: rounding to whole lots, and of device
  time to whole milliseconds, takes no more.
* Its seller earns what its lots bring where they arrive, at the prices there. Rounding may take up
  to a lot of the grade delivered, an hour; it is the seller's, which asked for the substitution.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from suanli.ledger.row import CLEARING, REGRADED, Kind, Row, RowCode, account
from suanli.ledger.state import Ledger, TokenClass
from suanli.market.auction.commands import EnterCurve, Node
from suanli.market.auction.instance import UNIT, Auction, Clearing
from suanli.market.auction.records import Held, Sitting
from suanli.market.auction.verification import arriving, spilled
from suanli.market.auction.wellformed import GAIN_MAX
from suanli.market.book import SELL
from suanli.market.product import Product, ProductGrid
from suanli.terms.errors import present
from suanli.terms.quantity import LOT
from suanli.terms.refusals import Code, Refusal

JOINT: Final = "|"
OTHERS_MAX: Final = 7


class Arrival(NamedTuple):
    """Lots that a node of several grades brings to one of its products."""

    source: int  # cell of the node of several grades
    target: int  # cell of a product
    lots: int  # in the product's grade


# -- nodes ---------------------------------------------------------------------------------


def node_of(command: EnterCurve) -> Node:
    """Return the node at which a curve's steps stand."""
    return (command.issuer, command.area, JOINT.join((command.grade, *command.also)),
            command.tier)


def grades_of(node: Node) -> tuple[str, ...]:
    """Return the grades in which what is sold at a node may be delivered, its own first."""
    return tuple(node[2].split(JOINT)) if node[0] else (node[2],)


def is_joint(node: Node) -> bool:
    """Say whether a node is one of several grades."""
    return len(grades_of(node)) > 1


def products(node: Node) -> list[Node]:
    """Return the products that a node of several grades may be delivered as, its own first."""
    return [(node[0], node[1], grade, node[3]) for grade in grades_of(node)]


def refusal(command: EnterCurve, sender: int, grid: ProductGrid) -> Refusal | None:
    """Return why a curve cannot be delivered in the other grades that it names, or None."""
    grades = (command.grade, *command.also)
    if command.side != SELL or command.issuer != sender:
        return _malformed("other grades on an order that is no sell of its issuer's; an operator's "
                          "sell of its own product is accepted")
    if len(command.also) > OTHERS_MAX or len(set(grades)) < len(grades):
        return _malformed(f"grades {', '.join(grades)}; up to {OTHERS_MAX} others, each named "
                          "once, are accepted")
    if any(JOINT in grade for grade in grades):
        return _malformed(f"a grade's name with {JOINT!r}; others can be substituted")
    return _chip_refusal(command, grades, grid)


def _chip_refusal(command: EnterCurve, grades: tuple[str, ...],
                  grid: ProductGrid) -> Refusal | None:
    factors = [{chip: ucu for chip, ucu, _ in grade.factors} if grade else {}
               for grade in (grid.units.grade(command.issuer, name) for name in grades)]
    if len(factors[0]) != 1:
        return _malformed(f"grade {command.grade!r} has {len(factors[0])} chips; one of a single "
                          "chip can be delivered in others")
    (chip, rating), = factors[0].items()
    for name, known in zip(grades, factors, strict=True):
        gain = known.get(chip, 0) * UNIT // rating
        if not 1 <= gain <= GAIN_MAX:
            return _malformed(f"grade {name!r} rates {chip} at {known.get(chip, 0)} micro-CU; a "
                              f"grade that rates it, up to {GAIN_MAX} parts per million of "
                              f"{command.grade!r}, is accepted")
    return None


def opened(command: EnterCurve, grid: ProductGrid) -> None:
    """Open the token classes of the other grades: settlement finds them there."""
    for node in products(node_of(command)):
        grid.class_of(Product(*node, command.start))


# -- arcs ----------------------------------------------------------------------------------


def gain(ledger: Ledger, source: Product, target: Product) -> int:
    """Return how many parts per million of a token of the target a token of the source is."""
    (chip, rating, _), = _record(ledger, source).factors
    other = present(_record(ledger, target).rating(chip), "a grade was refused that rates no chip")
    return other * UNIT // rating


def _record(ledger: Ledger, product: Product) -> TokenClass:
    klass = present(ledger.class_id(*product), "the classes were opened with the order")
    return present(ledger.token_class(klass), "a class id names a class")


# -- settlement ----------------------------------------------------------------------------


def arrivals(sitting: Sitting, auction: Auction, clearing: Clearing) -> Iterator[Arrival]:
    """Yield what nodes of several grades bring, less what is spilled on arrival."""
    arcs = auction.arcs
    brought, left_over = arriving(arcs, clearing.flows), spilled(auction, clearing)
    for arc in np.flatnonzero(clearing.flows).tolist():
        source, target = int(arcs.source[arc]), int(arcs.target[arc])
        if not is_joint(sitting.nodes[source // sitting.hours]):
            continue
        lots = int(brought[arc])
        if arcs.gain_ppm[arc] != UNIT:
            lost = min(lots, int(left_over[target]))
            left_over[target] -= lost
            lots -= lost
        yield Arrival(source, target, lots)


def regraded_rows(owner: int, held: Held, regraded: dict[int, int]) -> list[Row]:
    """Return the rows that issue lots by class on the device time of what was held."""
    attestation = held.issued[0][0] if held.issued else 0
    return [Row(RowCode.ISSUE, REGRADED, klass, account(owner, klass, Kind.ISSUER),
                account(CLEARING, klass), lots * LOT, attestation=attestation)
            for klass, lots in sorted(regraded.items()) if lots]


def _malformed(reason: str) -> Refusal:
    return Refusal(Code.ORDER_MALFORMED, reason)
