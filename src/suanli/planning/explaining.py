"""Why a job waits: its position, what keeps it back in one word and one sentence, the price gap.

The first that holds is told:

`no-chip`       no pool has the chip with so many devices: it is never admitted
`next-round`    it fits and nobody is before it
`behind`        it fits, but others are tried first
`kept`          it would fit on devices that are kept for a job that has waited too long
`sold`          it would fit, but the free devices' hour is sold, or they are kept for serving
`dearer`        it would fit, on chips that are dearer for its work than it may use
`fragmented`    enough devices are free, but not together on one host
`no-block`      enough devices are free, but not within one block of the level that it requires
`no-whole-host` enough devices are free, but too few hosts are wholly free
`capacity`      fewer devices are free than it asks for
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from suanli.chips.topology import LEVELS
from suanli.planning.scheduler import Scheduler
from suanli.planning.tokenflow.drains import Drain
from suanli.planning.tokenflow.queue import DEARER_MAX
from suanli.planning.tokenflow.scheduler import TokenFlow
from suanli.planning.view import NO_SLICE, PPM, Ints, View
from suanli.terms.instant import in_words
from suanli.terms.quantity import WHOLE_DEVICE


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a job waits at an instant. `price_gap`: the part by which a chip is too dear."""

    position: int | None  # 1 is next; None: it is never admitted
    waiting: int
    constraint: str
    sentence: str
    price_gap: float | None = None


def explain(view: View, scheduler: Scheduler, row: int, at: int) -> Explanation:
    """Return why a queued row waits; under others than TokenFlow from the view alone."""
    if not view.jobs.speed[row].any():
        return Explanation(None, len(view.queued), "no-chip", (
            f"no pool has {_devices(int(view.jobs.devices[row]))} of a chip that it may use: it is "
            "never admitted"))
    return _Case(view, scheduler, row, at).explanation()


class _Case:
    """One job at one instant."""

    def __init__(self, view: View, scheduler: Scheduler, row: int, at: int) -> None:
        self.view, self.row, self.at = view, row, at
        # Of an elastic job the fewest that it accepts.
        self.devices, self.share = int(view.jobs.devices_min[row]), int(view.jobs.share[row])
        self.level = int(view.jobs.level_required[row])
        self.open: list[int] = np.flatnonzero(view.jobs.speed[row]).tolist()
        self.worth, self.order, self.by = self.open, _by_entry(view), "earlier"
        self.drains: dict[int, Drain] = {}
        self.prices = np.ones(len(view.pools))
        if isinstance(scheduler, TokenFlow):
            queue = scheduler.queue(view, at)
            self.order, self.by = queue.rows, "lighter"
            self.prices = scheduler.entitlements.prices
            self.drains = {owner: drain for owner, drain in scheduler.drains.by_row.items()
                           if owner != row and owner in view.queued}
            chosen = queue.pools[np.flatnonzero(queue.rows == row)[0]].tolist()
            self.worth = [pool for pool in chosen if pool in self.open]
        self.kept = self._kept()

    def explanation(self) -> Explanation:
        position = int(np.flatnonzero(self.order == self.row)[0]) + 1
        constraint, sentence, *gap = self._constraint(position)
        return Explanation(position, len(self.order), constraint, sentence, *gap)

    def _constraint(self, position: int) -> tuple[str, str] | tuple[str, str, float]:
        if any(self._fits(pool, self.kept[pool]) and self._has_room(pool) for pool in self.worth):
            if position == 1:
                return "next-round", "it fits, and starts with the next round"
            return "behind", f"it fits; tried before it, because {self.by}: {position - 1}"
        for pool in self.worth:
            if self._fits(pool, None) and self._has_room(pool):
                return "kept", self._kept_for(pool)
        for pool in self.worth:
            if self._fits(pool, None):
                return "sold", (f"it fits on {self.view.pools[pool].chip}, but what is free there "
                                "is sold for this hour or kept for serving")
        for pool in self.open:
            if self._fits(pool, self.kept[pool]) and self._has_room(pool):
                return self._dearer(pool)
        return self._too_few(max(self.worth, key=self._free))

    # -- what is free --------------------------------------------------------------------------

    def _free(self, pool: int) -> int:
        """Return a pool's wholly free devices."""
        lo, hi = self.view.first_host[pool], self.view.first_host[pool + 1]
        return int(self.view.free[lo:hi].sum())

    def _fits(self, pool: int, closed: Ints | None) -> bool:
        """Say whether a pool has room now, some of its hosts left out."""
        lo, hi = self.view.first_host[pool], self.view.first_host[pool + 1]
        is_open = np.ones(hi - lo, dtype=np.bool_) if closed is None else ~closed.astype(bool)
        part = self.view.part(self.row, pool)
        if part < WHOLE_DEVICE:
            fits = self.view.used[lo:hi][is_open] + part <= WHOLE_DEVICE
            slice = int(self.view.jobs.slice[self.row, pool])
            if slice != NO_SLICE:
                fits &= self.view.after[slice, self.view.standing[lo:hi][is_open]] >= 0
            return bool(fits.any())
        size = max(1, int(self.view.devices[lo:hi].max()))
        free = self.view.free[lo:hi] * is_open
        return self._fit_together(free, size) and (
            not self.level or any(self._fit_together(free * part, size)
                                  for part in self._blocks(lo, hi)))

    def _blocks(self, lo: int, hi: int) -> Iterator[Ints]:
        """Yield 1 for each of the hosts lo to hi that a gang at its level may stand on."""
        of = self.view.blocks.within(self.level)[lo:hi]
        for block in np.unique(of[of >= 0]):
            yield (of == block).astype(np.int64)
        yield from np.eye(hi - lo, dtype=np.int64)  # a host by itself is within any level

    def _fit_together(self, free: Ints, size: int) -> bool:
        """Say whether whole hosts, and one for the rest, are among hosts with so many free."""
        hosts, rest = divmod(self.devices, size)
        whole = int((free == size).sum())
        return whole >= hosts and (not rest or whole > hosts or bool(
            ((free < size) & (free >= rest)).any()))

    def _has_room(self, pool: int) -> bool:
        """Say whether the carve-out leaves it enough."""
        return self.devices * self.view.part(self.row, pool) <= self.view.room(self.row, pool)

    def _kept(self) -> dict[int, Ints]:
        """Return by pool which hosts are kept for others before the job is surely over."""
        view, found = self.view, dict[int, Ints]()
        for pool in self.open:
            lo, hi = int(view.first_host[pool]), int(view.first_host[pool + 1])
            found[pool] = np.zeros(hi - lo, dtype=np.int64)
            restore = view.restore_ms if view.jobs.preemptions[self.row] else 0
            # Promised starts pass over reservations, as in TokenFlow.
            until = self.at + (0 if view.jobs.slo_ms[self.row]
                               else restore + view.limit_on(self.row, pool))
            for drain in self.drains.values():
                if drain.pool == pool and drain.start < until:
                    found[pool][np.array(drain.hosts) - lo] = 1
        return found

    # -- the sentences -------------------------------------------------------------------------

    def _kept_for(self, pool: int) -> str:
        owner, drain = min(((row, drain) for row, drain in self.drains.items()
                            if drain.pool == pool), key=lambda item: item[1].start)
        return (f"free devices of {self.view.pools[pool].chip} are kept for job "
                f"{self.view.jobs.id[owner]}, which starts within "
                f"{in_words(max(0, drain.start - self.at))}; it could outstay that")

    def _dearer(self, pool: int) -> tuple[str, str, float]:
        cost = self.prices * PPM / np.maximum(self.view.jobs.speed[self.row], 1)
        ratio = float(cost[pool] / cost[self.open].min())
        chip, gap = self.view.pools[pool].chip, 1 - DEARER_MAX / ratio
        return "dearer", (f"it fits on {chip}, which costs {ratio:.2f} times its cheapest chip for "
                          f"the same work, and up to {DEARER_MAX} times is accepted: {chip} would "
                          f"have to cost {gap:.0%} less"), gap

    def _too_few(self, pool: int) -> tuple[str, str]:
        view, free, chip = self.view, self._free(pool), self.view.pools[pool].chip
        lo, hi = view.first_host[pool], view.first_host[pool + 1]
        size, asked = int(view.devices[lo:hi].max()), _devices(self.devices)
        if self.share < WHOLE_DEVICE:
            part = view.part(self.row, pool)
            sliced = view.pools[pool].profiles and part < WHOLE_DEVICE
            return "capacity", (f"no device of {chip} has {part} thousandths free"
                                + (" where a slice of them may stand" if sliced else ""))
        if free < self.devices:
            return "capacity", f"it asks for {asked}; {free} of {chip} are free"
        if self._fit_together(view.free[lo:hi], size):
            return "no-block", (f"{free} devices of {chip} are free, but not {self.devices} within "
                                f"one {LEVELS[self.level]}")
        if self.devices < size:
            return "fragmented", (f"{free} devices of {chip} are free, but on no host "
                                  f"{self.devices} together")
        hosts, whole = -(-self.devices // size), int((view.free[lo:hi] == size).sum())
        return "no-whole-host", (f"{free} devices of {chip} are free, but it needs {hosts} hosts "
                                 f"of {size} and {whole} are wholly free")


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"


def _by_entry(view: View) -> Ints:
    rows = view.rows(view.queued)
    return rows[np.lexsort((rows, view.jobs.queued_at[rows]))]
