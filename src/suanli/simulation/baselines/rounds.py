"""What round-based schedulers share: when a round begins, and how the jobs chosen for it get seats.

Hosts change hands at round boundaries only; what a job frees before is idle till then (Gavel, OSDI
2020, section 5). Jobs that stay keep their devices where no larger gang needs them. Seats go to
the largest gangs first: with sizes that divide each other and hosts, whatever fits by count then
fits whole; otherwise a gang without a seat sits the round out.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from suanli.planning.scheduler import Action, Bind, Preempt
from suanli.planning.view import Ints, View

Seat = list[tuple[int, int]]  # (host, devices)


class Rounds:
    """The grid of rounds; it starts anew with the first job on an empty fleet."""

    def __init__(self, round_ms: int) -> None:
        self.round_ms = round_ms
        self._start: int | None = None

    def begins(self, view: View, at: int) -> bool:
        """Return whether a round begins now."""
        if self._start is None or not view.active:
            self._start = at
        return (at - self._start) % self.round_ms == 0

    def after(self, at: int) -> int:
        """Return when the next round begins."""
        return at + self.round_ms - (at - (self._start or 0)) % self.round_ms


def unstoppable(view: View) -> list[tuple[int, int]]:
    """Return (row, pool) of active jobs that nobody may stop: they are in every round."""
    jobs, rows = view.jobs, view.rows(view.active)
    return [(int(r), int(jobs.pool[r])) for r in rows[jobs.is_preemptible[rows] == 0]]


def take_seats(view: View, chosen: Sequence[tuple[int, int]]) -> Iterator[Action]:
    """Yield what makes exactly the chosen (row, pool) run, as far as whole gangs find seats."""
    seating = _Seating(view, chosen)
    for row in view.rows(view.active):
        if int(row) not in seating.kept:
            yield Preempt(int(row))
    for row, seat in seating.seats.items():
        yield Bind(row, tuple((host, view.free_devices(host, count)) for host, count in seat))


class _Seating:
    """Who keeps a seat and who gets which, decided before anybody moves."""

    def __init__(self, view: View, chosen: Sequence[tuple[int, int]]) -> None:
        jobs = view.jobs
        self.view, self.kept = view, set[int]()
        self.seats: dict[int, Seat] = {}
        self.room = view.devices.copy()  # [hosts], not yet given in this round
        self.spare = self.room.copy()  # [hosts], room that nobody chosen holds now
        held = [(row, pool) for row, pool in chosen if jobs.pool[row] == pool]
        for row, _ in held:
            for host, devices in view.slots[row]:
                self.spare[host] -= len(devices)
        fixed = [row for row, _ in held if not jobs.is_preemptible[row]]
        for row in fixed:
            self._keep(row)
        held_rows = {row for row, _ in held}
        for size in sorted({int(jobs.devices[row]) for row, _ in chosen}, reverse=True):
            group = [pair for pair in chosen if jobs.devices[pair[0]] == size]
            moving = [pair for pair in group if pair[0] not in held_rows]
            for row, pool in group:
                if row in held_rows and row not in self.kept and not self._keep(row):
                    moving.append((row, pool))
            for row, pool in moving:
                self._seat(row, pool, size)

    def _keep(self, row: int) -> bool:
        slots = self.view.slots[row]
        fits = all(self.room[host] >= len(devices) for host, devices in slots)
        for host, devices in slots:
            if fits:
                self.room[host] -= len(devices)
            else:
                self.spare[host] += len(devices)
        if fits:
            self.kept.add(row)
        return fits

    def _seat(self, row: int, pool: int, size: int) -> None:
        lo, hi = int(self.view.first_host[pool]), int(self.view.first_host[pool + 1])
        width = int(self.view.devices[lo:hi].max(initial=1))
        whole, rest = divmod(size, width)
        room, spare = self.room[lo:hi], self.spare[lo:hi]
        empty = np.flatnonzero(room == width)
        hosts = empty[np.argsort(-spare[empty], kind="stable")][:whole]
        if len(hosts) < whole:
            return
        seat = [(lo + int(host), width) for host in hosts]
        if rest:
            host = _tightest(room, spare, rest, hosts)
            if host is None:
                return
            seat.append((lo + host, rest))
        for host, count in seat:
            self.room[host] -= count
            self.spare[host] -= count
        self.seats[row] = seat


def _tightest(room: Ints, spare: Ints, count: int, taken: Ints) -> int | None:
    """Return the host left with the least, first where nobody chosen has to move."""
    fits = room >= count
    fits[taken] = False
    if not fits.any():
        return None
    free = fits & (spare >= count)
    if free.any():
        return int(np.where(free, spare, np.iinfo(np.int64).max).argmin())
    return int(np.where(fits, spare, np.iinfo(np.int64).min).argmax())
