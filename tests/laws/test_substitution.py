"""Random auctions with devices offered in up to three grades: they stand, settle and conserve."""

import random

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall
from tests.stage import CHIP, SINGLE

from suanli.clearing import solve
from suanli.market.auction.commands import Leg
from suanli.market.auction.settling import RENT
from suanli.market.auction.verification import verify
from suanli.terms.instant import HOUR
from suanli.units.commands import DeclareRating, DefineGrade

GRADES = {"infer": "llm-prefill", "decode": "llm-decode"}
RATINGS = (333_333, 700_001, 1_000_000, 1_412_345, 2_718_281)


def hall_of(random_: random.Random) -> Hall:
    """A hall with three grades of one chip and random orders in two hours; few lots on purpose."""
    hall = Hall().opened()
    for name, workload in GRADES.items():
        hall.must(1, DeclareRating(CHIP, workload, False, 0, random_.choice(RATINGS), "measured"))
        hall.must(1, DefineGrade(name, workload, False, (CHIP,)))
    grades = [SINGLE, *GRADES]
    for _ in range(random_.randint(1, 3)):
        first, *also = random_.sample(grades, random_.randint(1, 3))
        hall.must(1, hall.curve(SELL, (random_.randint(1, 1500), lots(random_)), grade=first,
                                also=tuple(also), hour=random_.randint(0, 1)))
    for member in (2, 3) * random_.randint(1, 4):
        grade, issuer = random_.choice(grades), random_.randint(0, 1)
        price = random_.randint(1, 3000)
        if random_.random() < 0.6:
            hall.must(member, hall.curve(BUY, (price, lots(random_)), grade=grade, issuer=issuer,
                                         hour=random_.randint(0, 1)))
        else:
            legs = tuple(Leg(issuer, AREA, grade, "firm", DAY_AHEAD + hour * HOUR,
                             random_.randint(1, 500)) for hour in (0, 1))
            hall.must(member, hall.block(BUY, price, 1, legs=legs))
    return hall


def lots(random_: random.Random) -> int:
    return random_.randint(1, random_.choice((5, 50, 3000)))


def run(seed: int) -> None:
    hall = hall_of(random.Random(seed))
    before = [hall.cash(owner) + hall.held(owner) for owner in (1, 2, 3)]
    hall.close()
    auction = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting).auction
    clearing = solve(auction, seconds=10).clearing
    assert verify(auction, clearing) is None
    hall.clear(3, clearing)
    assert hall.settle() == "settled"
    assert hall.sums() == {}
    after = [hall.cash(owner) + hall.held(owner) for owner in (1, 2, 3)]
    assert sum(after) + hall.cash(RENT) == sum(before)
    assert hall.cash(RENT) >= 0
    for attestation in hall.rooms.ledger.tables["attestations"].values():
        assert attestation.consumed_ms <= attestation.device_ms
    for order in hall.rooms.market.tables["auction_orders"].values():
        for cell, some in order.filled if order.side == BUY else ():
            grade = hall.sitting.nodes[cell // hall.sitting.hours][2]
            assert hall.lots(order.owner, cell % hall.sitting.hours, grade=grade) >= some


@pytest.mark.parametrize("seed", range(60))
def test_it_stands_and_conserves(seed: int) -> None:
    run(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(60, 1500))
def test_it_stands_and_conserves_often(seed: int) -> None:
    run(seed)
