"""How much device time was really there, hour by hour: what a failed delivery is measured by.

`since` holds when the devices up of a kind (operator, area, chip) last changed, `served` the
device-milliseconds of the hours up to that instant, as far back as `KEPT_HOURS`. Later hours need
no entry: nothing changed in them.
"""

from typing import Final

from suanli.terms.change import Write
from suanli.terms.instant import HOUR, hour_of
from suanli.terms.table import Table

Kind = tuple[int, str, str]  # operator, area, chip
Since = Table[Kind, int]
Served = Table[tuple[int, str, str, int], int]
KEPT_HOURS: Final = 48  # longer than tokens of a past hour live by default


def on_change(room: str, since: Since, served: Served, kind: Kind, devices: int,
              at: int) -> list[Write]:
    """Return the writes that close the books of `devices` devices up to an instant.

    Call it with the devices that were up until now, whenever that number changes.
    """
    began = since.get(kind)
    writes = [Write(room, "since", kind, at)]
    if began is None:
        return writes
    oldest = hour_of(at).start - KEPT_HOURS * HOUR
    first = hour_of(began).start
    for start in range(max(first, oldest), at, HOUR):
        more = devices * (min(at, start + HOUR) - max(began, start))
        key = (*kind, start)
        writes.append(Write(room, "served", key, int(served.get(key) or 0) + more))
    for start in range(first - KEPT_HOURS * HOUR, min(first + HOUR, oldest), HOUR):
        if (*kind, start) in served:
            writes.append(Write(room, "served", (*kind, start), None))
    return writes


def available_ms(since: Since, served: Served, kind: Kind, devices: int, start: int) -> int:
    """Return the device-milliseconds up in a past hour, `devices` being up now.

    An hour further back than what is kept counts as wholly served by today's devices.
    """
    began = since.get(kind)
    known = int(served.get((*kind, start)) or 0)
    if began is None or began >= start + HOUR:
        return known
    return known + devices * (start + HOUR - max(began, start))
