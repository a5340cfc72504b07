"""What the API shows: plain rows from the state, amounts in the units that people use beside
the exact integers."""

from typing import Any

from suanli.chips.datasheet import Chip
from suanli.chips.slices import ANYWHERE, Profile
from suanli.gateway.answers import TENANT
from suanli.gateway.service import Service
from suanli.gateway.tape import INTERVAL_MS
from suanli.ledger.kernel import PREPAID_CREDIT
from suanli.ledger.row import CASH, Kind, class_of, kind_of, owner_of
from suanli.market.auction.settling import RENT
from suanli.market.index import cap_proposal, forward_curve, spot_index, ticker
from suanli.schedule.job import Job
from suanli.terms.instant import DAY, HOUR, hour_of
from suanli.terms.quantity import RMB, TOKEN, cash_of, metered
from suanli.units.rating import rate
from suanli.units.workload import SUITE, WORKLOAD_CLASSES


def jobs(service: Service) -> list[dict[str, Any]]:
    """Return every job, oldest first."""
    return [job_row(service, id, job) for id, job in sorted(
        service.rooms.schedule.tables["jobs"].items())]


def job_row(service: Service, id: int, job: Job) -> dict[str, Any]:
    spec = service.rooms.schedule.spec(id)
    attempts = [service.rooms.settlement.usage(id, n) for n in range(1, job.attempt + 1)]
    device_ms, tokens, cash = (sum(usage[i] for usage in attempts) for i in range(3))
    receipt = service.receipts.by_job.get(id)
    return {
        "id": id, "name": spec.name, "phase": job.phase, "outcome": job.outcome,
        "stop_reason": job.stop_reason, "exit_code": job.exit_code, "attempt": job.attempt,
        "devices": spec.devices, "devices_min": spec.width_min,
        "share": spec.share, "memory_gb": spec.memory_gb,
        "share_allotted": service.rooms.schedule.share_on(spec, job.chip) if job.chip else None,
        "devices_placed": sum(len(indices) for _, indices in job.slots),
        "workload": spec.workload, "chip": job.chip,
        "hosts": [host for host, _ in job.slots], "submitted": job.submitted,
        "placed": job.placed, "ended": job.ended, "waited_ms": job.waited_ms,
        "device_ms": device_ms, "tokens": tokens, "cash_micro_rmb": cash,
        "level_required": spec.level_required, "level_preferred": spec.level_preferred,
        "is_preemptible": spec.is_preemptible, "preemptions": job.preemptions,
        "progress_ms": job.progress_ms, "lost_ms": job.lost_ms,
        "cpu_ms": job.cpu_ms, "memory_bytes_max": job.memory_bytes_max,
        "receipt": f"{receipt.height}-{receipt.index}" if receipt else None,
    }


def receipts(service: Service) -> list[dict[str, Any]]:
    """Return the receipts of ended jobs."""
    return [{"id": f"{r.height}-{r.index}", "job": r.job, "height": r.height, "index": r.index,
             "time": r.time} for r in service.receipts.by_job.values()]


def balances(service: Service) -> list[dict[str, Any]]:
    """Return every holder's balance that is not nothing."""
    ledger, rows = service.rooms.ledger, []
    for id, balance in ledger.tables["accounts"].items():
        if kind_of(id) != Kind.HOLDER or (balance[0] == balance[1] and not balance[2]):
            continue
        member = service.rooms.members.member(owner_of(id))
        unit, in_words = _unit(service, class_of(id), ledger.available(id))
        rows.append({
            "id": str(id), "owner": member.name if member else
            "congestion rent" if owner_of(id) == RENT else "clearing", "unit": unit,
            "available": ledger.available(id), "held": balance[2], "in_words": in_words})
    return rows


def _unit(service: Service, klass: int, amount: int) -> tuple[str, str]:
    """Return what a class counts, and an amount of it in words."""
    if klass == CASH:
        return "cash", f"{amount / RMB:.6f} RMB"
    record = service.rooms.ledger.token_class(klass)
    if record.standing == PREPAID_CREDIT:
        issuer = service.rooms.members.member(record.issuer).name
        return f"credit of {issuer}", f"{amount / RMB:.6f} RMB of face"
    return (f"{record.area}/{record.grade}/{record.tier}/{record.start}",
            f"{amount / TOKEN:.9f} token")


def statements(service: Service) -> list[dict[str, Any]]:
    """Return what each tenant has used of each operator, and paid."""
    members = service.rooms.members
    return [{"id": f"{operator}/{tenant}", "operator": members.member(operator).name,
             "tenant": members.member(tenant).name, "device_ms": device_ms, "tokens": tokens,
             "cash_micro_rmb": cash}
            for (operator, tenant), (device_ms, tokens, cash)
            in service.rooms.settlement.tables["statements"].items()]


def prices(service: Service, at: int) -> list[dict[str, Any]]:
    """Return the posted prices, what an hour of a device costs, and what is left this hour."""
    rooms, rows = service.rooms, []
    for (issuer, area, grade, tier), price in rooms.market.tables["offers"].items():
        record = rooms.units.grade(issuer, grade)
        for chip, ucu, _ in record.factors:
            attestation = rooms.ledger.attestation_id(issuer, area, chip, hour_of(at).start)
            rows.append({
                "id": f"{issuer}/{area}/{grade}/{tier}", "area": area, "grade": grade,
                "tier": tier, "chip": chip, "workload": record.workload, "issuer": issuer,
                "is_gang": record.in_gang, "rating_ucu": ucu, "price_mrmb": price,
                "device_hour_micro_rmb": cash_of(metered(HOUR, 1000, ucu), price),
                "sellable_device_ms": rooms.ledger.sellable_ms(attestation, at)
                if attestation else 0})
    return rows


def orders(service: Service) -> list[dict[str, Any]]:
    """Return the resting orders; of others' icebergs only what shows."""
    me = service.agents[TENANT].member
    return [{"id": id, "owner": o.owner, "product": list(o.product),
             "side": ("buy", "sell")[o.side], "price_mrmb": o.price_mrmb,
             "lots": o.lots if o.owner == me else o.queuing_lots}
            for id, o in sorted(service.rooms.market.tables["orders"].items())]


def index(service: Service) -> list[dict[str, Any]]:
    """Return the volume-weighted spot index by area, grade, tier and delivery hour."""
    found = spot_index(service.receipts.tape.candles)
    return [{"id": "/".join(map(str, key)), "area": key[0], "grade": key[1], "tier": key[2],
             "start": key[3], "price_mrmb": price, "lots": lots}
            for key, (price, lots) in sorted(found.items())]


def candles(service: Service) -> list[dict[str, Any]]:
    """Return every product's candles, oldest first."""
    return [{"id": f"{'/'.join(map(str, product))}/{candle.start}", "product": list(product),
             "interval_ms": INTERVAL_MS, **candle._asdict()}
            for product, kept in sorted(service.receipts.tape.candles.items()) for candle in kept]


def tickers(service: Service, at: int) -> list[dict[str, Any]]:
    """Return the last day of every product that traded in it, and where its band stands."""
    rows, market = [], service.rooms.market
    for product, kept in sorted(service.receipts.tape.candles.items()):
        found, guard = ticker(kept, at - DAY), market.guard(product, at)
        if found:
            rows.append({"id": "/".join(map(str, product)), "product": list(product),
                         "phase": guard.watch.phase(guard.rules, at), "band_low": guard.band.low,
                         "band_high": guard.band.high, **found._asdict()})
    return rows


def curve(service: Service, at: int) -> list[dict[str, Any]]:
    """Return the forward curve of everything offered: a day of delivery hours."""
    market, first = service.rooms.market, hour_of(at).start
    hours = range(first, first + DAY, HOUR)
    return [{"id": f"{issuer}/{area}/{grade}/{tier}/{point.start}", "issuer": issuer,
             "area": area, "grade": grade, "tier": tier, "price_mrmb": point.price,
             **point._asdict()}
            for issuer, area, grade, tier in sorted(market.tables["offers"])
            for point in forward_curve(market, issuer, area, grade, tier, hours)]


def caps(service: Service, at: int) -> list[dict[str, Any]]:
    """Return the price caps in force and announced, and what the last day's prices call for."""
    members = service.rooms.members
    tape = service.receipts.tape.candles.values()
    high = max((c.high_mrmb for kept in tape for c in kept if c.start >= at - DAY), default=0)
    rows = []
    for name in ("price_mrmb_min", "price_mrmb_max"):
        value, announced = members.parameter(name, at), members.announcement(name)
        is_due = announced is not None and announced.effective > at
        row = {"id": name, "value": value, "announced": announced.value if is_due else None,
               "effective": announced.effective if is_due else None, "proposed": None}
        if name == "price_mrmb_max":
            row["proposed"] = cap_proposal(high, value, members.parameter("cap_touch_ppm"),
                                           members.parameter("cap_step_ppm"))
        rows.append(row)
    return rows


def set_asides(service: Service, at: int) -> list[dict[str, Any]]:
    """Return what is set aside of every hour that is still ahead, and what of it is left."""
    rows, market = [], service.rooms.market
    for id, record in service.rooms.ledger.tables["attestations"].items():
        withheld = market.set_aside.withheld(id)
        if withheld.set_aside_ms and at < withheld.until:
            rows.append({"id": id, "operator": record.operator, "area": record.area,
                         "chip": record.chip, "start": record.start,
                         "withheld_ms": withheld.from_others_ms(at), **withheld._asdict()})
    return rows


def fleet(service: Service) -> list[dict[str, Any]]:
    """Return every host, and how much of it is in use."""
    rooms, rows = service.rooms, []
    for name, host in rooms.chips.tables["hosts"].items():
        used = rooms.schedule.used(name, host.devices)
        zone = rooms.chips.zone_of(host)
        rows.append({"id": name, "zone": host.zone, "area": zone.area,
                     "operator": rooms.members.member(zone.operator).name, "chip": host.chip,
                     "devices": host.devices, "devices_used": sum(1 for u in used if u),
                     "leaf": host.leaf, "spine": host.spine,
                     "link": host.link or rooms.chips.datasheet[host.chip].link,
                     "network": host.network, "is_up": host.is_up, "identity": host.identity})
    return rows


def chips(datasheet: dict[str, Chip]) -> list[dict[str, Any]]:
    """Return the datasheet with each chip's declared rating by class, alone and in a gang."""
    rows = []
    for chip in datasheet.values():
        ratings = {}
        for name, workload in WORKLOAD_CLASSES.items():
            ratings[name] = rate(chip, workload, False)
            ratings[f"{name}/gang"] = rate(chip, workload, True)
        rows.append({"id": chip.id, "vendor": chip.vendor, "model": chip.model,
                     "origin": chip.origin, "addressable_devices": chip.addressable_devices,
                     "is_verified": chip.is_verified, "confidence": chip.confidence,
                     "sources": list(chip.sources), "suite": SUITE, "ratings_ucu": ratings})
    return rows


def slices(profiles: dict[str, tuple[Profile, ...]]) -> list[dict[str, Any]]:
    """Return the slice profiles of every chip that has any."""
    return [{"id": f"{chip}/{profile.name}", "chip": chip, "profile": profile.name,
             "compute": f"{profile.numerator}/{profile.denominator}", "share": profile.share,
             "memory_gb": profile.memory_gb, "units": f"{profile.size} of {profile.units}",
             "starts": " ".join(map(str, profile.starts)) or ANYWHERE,
             "instances_max": profile.instances_max, "confidence": profile.confidence,
             "source": profile.source}
            for chip, several in profiles.items() for profile in several]
