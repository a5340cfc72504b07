"""On which pools a job may run now, by price, grade and area; and what its work costs there.

Jobs that ask for the same get the same answer, so answers are kept until prices, grades or the
hour change.
"""

from typing import Any, NamedTuple

from suanli.chips.topology import LEVELS
from suanli.planning.blocks import Blocks
from suanli.planning.view import FIRM, PPM, SERVING, SHARED
from suanli.schedule.job import Spec
from suanli.terms.instant import HOUR, hour_of
from suanli.terms.quantity import cash_of, metered

SERVING_CLASSES = frozenset({"llm-prefill", "llm-decode", "embedding"})


class Seller(NamedTuple):
    """Whose pool it is: one chip model in one zone of one operator."""

    operator: int
    zone: str
    area: str
    chip: str


class Admitted(NamedTuple):
    """By pool: speed in parts per million of the reference chip (0: not now), and cost of work.

    `cost` is in micro-CU x milli-RMB for the same work, so that pools compare; `tier` is FIRM
    where the tenant owns firm tokens of this hour: then only where it owns them.
    """

    speeds: tuple[int, ...]
    cost: tuple[int, ...]
    tier: int


class Admission:
    """What the market says to requests, from one instant's rooms."""

    def __init__(self, rooms: Any, sellers: tuple[Seller, ...], blocks: Blocks, at: int) -> None:
        self.rooms = rooms
        self.sellers = sellers
        self.blocks = blocks
        self.hour = hour_of(at)
        self._grades = {(operator, grade.workload, grade.in_gang, chip): (name, ucu)
                        for (operator, name), grade in rooms.units.tables["grades"].items()
                        for chip, ucu, _ in grade.factors}
        self._owned = rooms.schedule.tables["reservations"]
        self._owners = {owner for owner, _ in self._owned}
        self._known: dict[Any, Admitted] = {}

    def grade(self, spec: Spec, pool: int) -> tuple[str, int] | None:
        """Return the grade that delivers a job in a pool, and the device's micro-CU in it."""
        seller = self.sellers[pool]
        return self._grades.get((seller.operator, spec.workload, spec.in_gang, seller.chip))

    def hourly_cost(self, spec: Spec, pool: int) -> int | None:
        """Return what an hour of the whole job costs in a pool, micro-RMB.

        None: it is not for sale, or a device there has less memory than asked for.
        """
        found = self._offer(spec, pool)
        if found is None:
            return None
        allotted = self.rooms.chips.allot(self.sellers[pool].chip, spec.share, spec.memory_gb)
        return allotted and cash_of(metered(HOUR * spec.devices, allotted.share, found[0]),
                                    found[1])

    def of(self, spec: Spec, tenant: int) -> Admitted:
        """Return where a job may run now."""
        owner = tenant if tenant in self._owners else None
        key = (spec.chips, spec.workload, spec.area, spec.devices, spec.share,
               spec.memory_gb, spec.max_hourly_cost, spec.level_required, spec.devices_min, owner)
        if key not in self._known:
            self._known[key] = self._admit(spec, owner)
        return self._known[key]

    def _admit(self, spec: Spec, owner: int | None) -> Admitted:
        speeds, cost, owns = [], [], []
        for pool, seller in enumerate(self.sellers):
            speed = spec.speed_ppm(seller.chip) or 0 if self._is_open(spec, pool) else 0
            speeds.append(speed)
            ucu, price = self._offer(spec, pool) or (0, 0)
            cost.append(ucu * price * PPM // speed if speed else 0)
            owns.append(bool(speed) and owner is not None and self._owns(owner, spec, pool))
        if any(owns):
            return Admitted(tuple(s * own for s, own in zip(speeds, owns, strict=True)),
                            tuple(cost), FIRM)
        return Admitted(tuple(speeds), tuple(cost),
                        SERVING if spec.workload in SERVING_CLASSES else SHARED)

    def _is_open(self, spec: Spec, pool: int) -> bool:
        """Say whether a pool is for sale to a job, in its area, and could ever hold it."""
        hourly = self.hourly_cost(spec, pool)
        widest = self.blocks.widest[LEVELS.index(spec.level_required), pool]
        return (hourly is not None and hourly <= spec.max_hourly_cost
                and spec.area in ("", self.sellers[pool].area) and bool(widest >= spec.width_min))

    def _offer(self, spec: Spec, pool: int) -> tuple[int, int] | None:
        """Return (micro-CU of a device, milli-RMB a token), or None where nothing is offered."""
        seller, found = self.sellers[pool], self.grade(spec, pool)
        if found is None or spec.speed_ppm(seller.chip) is None:
            return None
        price = self.rooms.market.offer(seller.operator, seller.area, found[0], "spot")
        return None if price is None else (found[1], price)

    def _owns(self, tenant: int, spec: Spec, pool: int) -> bool:
        seller, found = self.sellers[pool], self.grade(spec, pool)
        klass = found and self.rooms.ledger.class_id(seller.operator, seller.area, found[0],
                                                     "firm", self.hour.start)
        return klass is not None and (tenant, klass) in self._owned
