"""Who is there in the simulated week, and what happens to them on which day.

Three operators with a few hosts each, so small that a week runs in minutes; their posted prices are
those of DESIGN section 1. All of them deliver one grade, so that an hour bought in one area may be
served in another along a governed link. Demand, sizes and links are our assumption.
"""

from typing import Any, Final, NamedTuple

from suanli.ledger.commands import Grant
from suanli.market.auction.commands import SetLink
from suanli.market.commands import PostOffer
from suanli.members.commands import SetParameter
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.simulation.world import EPOCH, World
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.units.commands import DefineGrade

# The world begins on a Sunday: its day sells the week from Monday, and the first day-ahead.
SUNDAY: Final = EPOCH + 3 * DAY
GRADE: Final = "any-train"
WORKLOAD: Final = "llm-training"
DEVICES: Final = 8  # of a host
TIERS: Final = ("firm", "spot")
TENANT_CASH: Final = 10**12  # micro-RMB: a million RMB
CAP_MRMB, LOWERED_CAP_MRMB = 5_000, 2_500
LINK_LOTS, LINK_FEE_MRMB = 20_000, 20
NO_CANCEL_MS: Final = 2 * MINUTE  # indicative prices twice in it, as in ten
FAIL_HOUR, BACK_HOUR = 13, 19  # after the noon gate of the next day's auction


class Operator(NamedTuple):
    """An operator with one area and one chip."""

    name: str
    area: str
    chip: str
    hosts: int
    price_mrmb: int

    @property
    def fleet(self) -> Fleet:
        group = HostGroup(self.area, self.area, self.chip, DEVICES, self.hosts)
        return Fleet((group,), self.price_mrmb)


OPERATORS: Final = (
    Operator("operator-a", "east", "h100-sxm-80", 6, 1200),
    Operator("operator-b", "north", "h800-sxm-80", 8, 1000),
    Operator("operator-c", "west", "a100-sxm-80", 12, 800),
)
FAILING: Final = OPERATORS[1]
BUYS_STRIP, BUYS_AHEAD, BUYS_SPOT = "enterprise-strip", "enterprise-ahead", "enterprise-spot"
ENTERPRISES: Final = (BUYS_STRIP, BUYS_AHEAD, BUYS_SPOT)
PEOPLE: Final = tuple(f"tenant-{n:03d}" for n in range(1, 198))  # 200 tenants with the three above


class Plan(NamedTuple):
    """Which delivery days the week has, counted from 1, and what happens on which."""

    days: int
    seed: int

    @property
    def fail_day(self) -> int:
        return (self.days + 1) // 2

    @property
    def scarce_day(self) -> int:
        return max(self.fail_day, self.days - 1)

    @property
    def ends(self) -> int:
        return self.day(self.days + 1)

    def day(self, number: int) -> int:
        """Return the first instant of a delivery day; 0 is the Sunday before them."""
        return SUNDAY + number * DAY

    @property
    def cap_falls(self) -> int:
        """Return when the cap is lowered: before the scarce day's auction opens."""
        return self.day(self.scarce_day - 1) + HOUR


def world_of(plan: Plan, datasheet: str) -> World:
    """Return who is there at the start."""
    operators = tuple((operator.name, operator.fleet) for operator in OPERATORS)
    return World("week", plan.seed, SUNDAY, operators, (*PEOPLE, *ENTERPRISES), datasheet,
                 TENANT_CASH)


def opening(plan: Plan, members: dict[str, int]) -> list[tuple[str, Any]]:
    """Return (who, command) of what is said before the first hour: grades, prices, links, caps."""
    said: list[tuple[str, Any]] = [
        ("governor", SetParameter("price_mrmb_max", CAP_MRMB, effective=SUNDAY + 1)),
        ("governor", SetParameter("auction_no_cancel_ms", NO_CANCEL_MS))]
    for operator in OPERATORS:
        said.append(("governor", Grant(members[operator.name], TENANT_CASH)))
        said.append((operator.name, DefineGrade(GRADE, WORKLOAD, False, (operator.chip,))))
        said += [(operator.name, PostOffer(operator.area, GRADE, tier, operator.price_mrmb))
                 for tier in TIERS]
        said += [("governor", SetLink(operator.area, other.area, LINK_LOTS, LINK_FEE_MRMB))
                 for other in OPERATORS if other != operator]
    return said


def lowered_cap(plan: Plan) -> SetParameter:
    """Return the regulator's announcement."""
    return SetParameter("price_mrmb_max", LOWERED_CAP_MRMB, effective=plan.cap_falls)
