"""Who is there in the simulated week, and what happens to them on which day.

Three operators with a few hosts each, so small that a week runs in minutes; their posted prices are
those of DESIGN section 1. All of them deliver one grade, so that an hour bought in one area may be
served in another along a governed link; two of them have a second one, and one starts half of its
hosts only if a day pays for it. Each has sold its own tokens before, to tenants who hold its credit
now. Demand, sizes, links, costs and the set-aside are our assumption.
"""

from typing import Any, Final, NamedTuple

from suanli.ledger.commands import Grant
from suanli.market.auction.commands import SetLink
from suanli.market.commands import Entitle, GrantCredit, PostOffer
from suanli.members.commands import SetParameter
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.simulation.world import EPOCH, World
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import LOT, RMB, TOKEN
from suanli.units.commands import DefineGrade

# The world begins on a Sunday: its day sells the week from Monday, and the first day-ahead.
SUNDAY: Final = EPOCH + 3 * DAY
GRADE, DECODE = "any-train", "any-decode"
WORKLOADS: Final = {GRADE: "llm-training", DECODE: "llm-decode"}
DEVICES: Final = 8  # of a host
FIRM: Final = "firm"
TIERS: Final = (FIRM, "spot")
NEED_LOTS: Final = 4_000  # what each enterprise needs, every hour: 4 tokens
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
    grades: tuple[str, ...] = (GRADE,)  # several are of the same devices, and offered together
    start_cost: int = 0  # micro-RMB a day, of the half of its hosts that does not run anyway

    @property
    def fleet(self) -> Fleet:
        group = HostGroup(self.area, self.area, self.chip, DEVICES, self.hosts)
        return Fleet((group,), self.price_mrmb)

    @property
    def credit(self) -> int:
        """Return what each of its holders has prepaid, micro-RMB."""
        return PREPAID_TOKENS * TOKEN // LOT * self.price_mrmb


OPERATORS: Final = (
    Operator("operator-a", "east", "h100-sxm-80", 6, 1200, (GRADE, DECODE)),
    Operator("operator-b", "north", "h800-sxm-80", 8, 1000),
    Operator("operator-c", "west", "a100-sxm-80", 12, 800, (GRADE, DECODE), 60 * RMB),
)
FAILING: Final = OPERATORS[1]
BUYS_SPOT, BUYS_AHEAD, BUYS_WEEK = "enterprise-spot", "enterprise-ahead", "enterprise-week"
TAKES_FIXED, TAKES_COLLAR = "enterprise-fixed", "enterprise-collar"
ENTERPRISES: Final = (BUYS_SPOT, BUYS_AHEAD, BUYS_WEEK, TAKES_FIXED, TAKES_COLLAR)
PEOPLE: Final = tuple(f"tenant-{n:03d}" for n in range(1, 196))  # 200 tenants with the five above
# Who has prepaid each operator for so many tokens at its posted price; they neither bid nor trade.
HOLDERS: Final = {o: PEOPLE[160 + 8 * n:168 + 8 * n] for n, o in enumerate(OPERATORS)}
PREPAID_TOKENS: Final = 40
BENEFICIARY: Final = PEOPLE[-1]  # of the set-aside
SET_ASIDE_PPM: Final = 100_000


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
    """Return (who, command) of what is said before the first hour: rules, grades, prices, links."""
    said: list[tuple[str, Any]] = [
        ("governor", SetParameter("price_mrmb_max", CAP_MRMB, effective=SUNDAY + 1)),
        ("governor", SetParameter("auction_no_cancel_ms", NO_CANCEL_MS)),
        ("governor", SetParameter("set_aside_ppm", SET_ASIDE_PPM)),
        ("governor", Entitle(members[BENEFICIARY], "public research"))]
    for operator in OPERATORS:
        said.append(("governor", Grant(members[operator.name], TENANT_CASH)))
        for grade in operator.grades:
            said.append((operator.name, DefineGrade(grade, WORKLOADS[grade], False,
                                                    (operator.chip,))))
            said += [(operator.name, PostOffer(operator.area, grade, tier, operator.price_mrmb))
                     for tier in TIERS]
        said += [(operator.name, GrantCredit(members[holder], operator.credit))
                 for holder in HOLDERS[operator]]
        said += [("governor", SetLink(operator.area, other.area, LINK_LOTS, LINK_FEE_MRMB))
                 for other in OPERATORS if other != operator]
    return said


def lowered_cap(plan: Plan) -> SetParameter:
    """Return the regulator's announcement."""
    return SetParameter("price_mrmb_max", LOWERED_CAP_MRMB, effective=plan.cap_falls)
