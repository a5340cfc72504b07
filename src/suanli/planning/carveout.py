"""The carve-out: what a pool's free devices are kept for, before the rest is shared.

* Firm: device time that was sold firm is consumed in the ledger, and failover headroom is never
  issued; so shared work gets at most the devices whose hour can still be sold. Whoever owns firm
  tokens of the hour may have any.
* Inference floor: of each pool, a governed part is kept for serving.
"""

from typing import Any

import numpy as np

from suanli.planning.admission import Seller
from suanli.planning.view import FIRM, PPM, SERVING, SHARED, TIERS, Ints, View
from suanli.settlement.buying import RENEWAL_LEAD_MS
from suanli.terms.instant import HOUR, hour_of
from suanli.terms.quantity import WHOLE_DEVICE


def carve_out(rooms: Any, view: View, sellers: tuple[Seller, ...], at: int) -> Ints:
    """Return (tiers, pools): thousandths of free devices that a tier may not have."""
    kept = np.zeros((TIERS, len(sellers)), dtype=np.int64)
    left: dict[tuple[int, str, str], int] = {}  # zones of an area sell from one attestation
    for pool, (operator, _, area, chip) in enumerate(sellers):
        key = (operator, area, chip)
        free = int(view.spare[pool])
        may_sell = min(free, left.setdefault(key, _sellable(rooms, key, at)))
        left[key] -= may_sell
        kept[SERVING, pool] = kept[SHARED, pool] = free - may_sell
    kept[SHARED] += _floor(rooms, view)
    kept[FIRM] = 0
    return kept


def _sellable(rooms: Any, key: tuple[int, str, str], at: int) -> int:
    """Return thousandths of devices whose hour, and near its end the next, can still be sold."""
    hour = hour_of(at)
    found = _sellable_ms(rooms, key, hour.start, at) * WHOLE_DEVICE // (hour.end - at)
    if hour.end - at > RENEWAL_LEAD_MS:
        return found
    return min(found, _sellable_ms(rooms, key, hour.end, at) * WHOLE_DEVICE // HOUR)


def _sellable_ms(rooms: Any, key: tuple[int, str, str], start: int, at: int) -> int:
    id = rooms.ledger.attestation_id(*key, start)
    return 0 if id is None else int(rooms.ledger.sellable_ms(id, at))


def _floor(rooms: Any, view: View) -> Ints:
    """Return by pool what is left of the inference floor beside the serving that runs."""
    part = rooms.members.parameter("inference_floor_ppm")
    if not part:
        return np.zeros(len(view.pools), dtype=np.int64)
    jobs, rows = view.jobs, view.rows(view.active)
    rows = rows[jobs.tier[rows] == SERVING]
    serves = np.bincount(jobs.pool[rows], weights=jobs.devices[rows] * jobs.allotted[rows],
                         minlength=len(view.pools)).astype(np.int64)
    capacity = view.capacity_by_pool * WHOLE_DEVICE
    floor: Ints = np.maximum(0, capacity * part // PPM - serves)
    return floor
