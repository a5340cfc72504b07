"""Where a whole gang goes in one pool: one host if it can, else whole hosts and one remainder.

A gang that states a level goes into the smallest network block that has room, and never beyond
the level that it requires; one that states none may spread over the whole pool.

The rules differ only in which fitting host comes first: `tightest` leaves the least over, so that
what is whole stays whole; `first` takes hosts in the order of registration.
"""

from typing import Literal

import numpy as np

from suanli.chips.topology import LEAF, ZONE
from suanli.planning.view import NO_SLICE, Slots, View
from suanli.terms.quantity import WHOLE_DEVICE

Rule = Literal["tightest", "first"]


def place(view: View, row: int, pool: int, rule: Rule) -> Slots | None:
    """Return where a job could go in a pool now, or None."""
    lo, hi = int(view.first_host[pool]), int(view.first_host[pool + 1])
    devices, share = int(view.jobs.devices[row]), view.part(row, pool)
    if devices * share > view.room(row, pool):
        return None
    if share < WHOLE_DEVICE:
        return _fraction(view, lo, hi, share, int(view.jobs.slice[row, pool]), rule)
    free = view.free[lo:hi]
    size = int(view.devices[lo:hi].max(initial=0))
    if devices <= size:
        host = _choose(free, devices, rule)
        return None if host is None else ((lo + host, view.free_devices(lo + host, devices)),)
    required, preferred = (int(view.jobs.level_required[row]), int(view.jobs.level_preferred[row]))
    if not (required or preferred):
        return _spread(view, lo, hi, free, devices, size, rule)
    for level in range(LEAF, (required or ZONE) + 1):
        block = _block(view, lo, hi, level, devices, size, rule)
        if block is not None:
            inside = np.where(view.blocks.within(level)[lo:hi] == block, free, 0)
            return _spread(view, lo, hi, inside, devices, size, rule)
    return None


def _choose(free: np.ndarray, devices: int, rule: Rule) -> int | None:
    """Return the index of the host to take, or None."""
    fits = free >= devices
    if not fits.any():
        return None
    if rule == "first":
        return int(fits.argmax())
    return int(np.where(fits, free, np.iinfo(free.dtype).max).argmin())


def _fraction(view: View, lo: int, hi: int, share: int, slice: int, rule: Rule) -> Slots | None:
    left = WHOLE_DEVICE - view.used[lo:hi] - share
    fits = left >= 0
    if slice != NO_SLICE:
        fits &= view.after[slice, view.standing[lo:hi]] >= 0
    if not fits.any():
        return None
    best = fits.argmax() if rule == "first" else np.where(fits, left, WHOLE_DEVICE + 1).argmin()
    host, device = divmod(int(best), left.shape[1])
    return ((lo + host, (device,)),)


def _block(view: View, lo: int, hi: int, level: int, devices: int, size: int,
           rule: Rule) -> int | None:
    """Return the block of a level that has room, or None; `tightest`: with fewest whole hosts."""
    free, block = view.free[lo:hi], view.blocks.within(level)[lo:hi]
    wanted, rest = divmod(devices, size)
    count = int(block.max(initial=-1)) + 1
    whole = np.bincount(block[(block >= 0) & (free == size)], minlength=count)
    enough = np.bincount(block[(block >= 0) & (free >= max(1, rest))], minlength=count)
    return _choose(np.where(enough >= wanted + (rest > 0), whole, 0), wanted, rule)


def _spread(view: View, lo: int, hi: int, free: np.ndarray, devices: int, size: int,
            rule: Rule) -> Slots | None:
    """Fill whole hosts of those with `free` devices, then one more with the remainder."""
    wanted, rest = divmod(devices, size)
    whole = np.flatnonzero((free == size) & (view.devices[lo:hi] == size))
    if len(whole) < wanted:
        return None
    taken = whole[:wanted]
    slots = tuple((lo + int(h), view.free_devices(lo + int(h), size)) for h in taken)
    if not rest:
        return slots
    left = free.copy()
    left[taken] = 0
    host = _choose(left, rest, rule)
    return None if host is None else (*slots, (lo + host, view.free_devices(lo + host, rest)))
