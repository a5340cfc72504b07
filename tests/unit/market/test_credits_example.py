"""The worked example of `docs/explanation/credits.md`, computed: why there are no parities."""

from itertools import permutations
from pathlib import Path

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall
from tests.stage import CHIP, SINGLE, key

from suanli.bootstrap import datasheet_text
from suanli.chips.datasheet import parse
from suanli.clearing import solve
from suanli.ledger.commands import Attest
from suanli.loop.agent import Agent
from suanli.market.auction.commands import SetLink
from suanli.market.auction.prices import last_price
from suanli.market.commands import Convert, GrantCredit
from suanli.market.product import Product
from suanli.members.commands import Register
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.terms.instant import HOUR

PAGE = Path(__file__).resolve().parents[3] / "docs" / "explanation" / "credits.md"
POSTED = {1: 1200, 4: 1000, 5: 800}  # operator -> milli-RMB a token of its own
AREAS = {1: AREA, 4: "area-2", 5: "area-3"}
CALM, CROWDED = 0, 1  # hours: links with room, and full ones
WANTED = {CALM: 100, CROWDED: 3000}  # lots in the first area; 100 in each of the others
LINK_LOTS = 300


class Alliance(Hall):
    """Three operators, an area each, that sell 2,000 lots an hour at their posted prices."""

    def opened(self) -> "Alliance":
        super().opened()
        for operator, area in AREAS.items():
            if operator != 1:
                self._join(operator, area)
        for source, target in permutations(AREAS.values(), 2):
            self.must(1, SetLink(source, target, LINK_LOTS, 0))
        return self

    def _join(self, operator: int, area: str) -> None:
        name = f"operator {operator}"
        assert self.must(1, Register(name, ("operator",), bytes(key(name).verify_key))).answer[
            "member"] == operator
        self.agents[operator] = Agent(key(name), "stage", operator)
        fleet = Fleet((HostGroup(area, area, CHIP, 8, 2),), POSTED[operator])
        for command in onboard(fleet, parse(datasheet_text())):
            self.must(operator, command)
        self.must(operator, Attest(area, CHIP, DAY_AHEAD, 24, 16))

    def auctioned(self) -> "Alliance":
        for hour in (CALM, CROWDED):
            for operator, area in AREAS.items():
                self.must(operator, self.curve(SELL, (POSTED[operator], 2000), issuer=operator,
                                               area=area, hour=hour))
                lots = WANTED[hour] if operator == 1 else 100
                self.must(3, self.curve(BUY, (2000, lots), area=area, hour=hour))
        self.close()
        frozen = self.rooms.market.auctions.frozen(self.auction, self.sitting)
        assert self.clear(2, solve(frozen.auction, seconds=5.0).clearing).code == 0
        assert self.settle() == "settled"
        return self

    def converted(self, operator: int, hour: int) -> tuple[int, int, int]:
        """Prepay one of an operator's own tokens and convert it; (price, lots, face left)."""
        product = Product(operator, AREAS[operator], SINGLE, "firm", DAY_AHEAD + hour * HOUR)
        price = last_price(self.rooms.market.tables, product)
        self.must(operator, GrantCredit(2, POSTED[operator] * 1000))
        answer = self.must(2, Convert(*product, POSTED[operator] * 1000 // price)).answer
        return price, answer["lots"], answer["left_micro_rmb"]


@pytest.fixture(scope="module")
def found() -> dict[int, list[tuple[int, int, int]]]:
    alliance = Alliance().opened().auctioned()
    return {hour: [alliance.converted(operator, hour) for operator in POSTED] for hour in WANTED}


def test_prices_are_one_where_links_have_room_and_separate_where_they_are_full(
        found: dict[int, list[tuple[int, int, int]]]) -> None:
    assert found[CALM] == [(800, 1500, 0), (800, 1250, 0), (800, 1000, 0)]
    # in the second area an hour is bought at the third operator's price
    assert found[CROWDED] == [(2000, 600, 0), (800, 1250, 0), (800, 1000, 0)]


def test_the_page_says_what_was_computed(found: dict[int, list[tuple[int, int, int]]]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, hour in (("calm", CALM), ("crowded", CROWDED)):
        cells = [f"{price / 1000:.1f} RMB: {lots / 1000:.3f} token" for price, lots, _ in
                 found[hour]]
        assert f"| {name} | {' | '.join(cells)} |" in text
