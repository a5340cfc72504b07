"""How a request for a job becomes the spec that goes into the chain."""

from suanli.gateway.answers import TENANT
from suanli.gateway.requests import JobRequest
from suanli.gateway.service import Service
from suanli.schedule.job import PPM, Spec
from suanli.terms.canonical import sha256


def spec_of(service: Service, request: JobRequest) -> Spec:
    """Return the job's spec; without chips, every chip of the fleet at its known speed."""
    with service.lock:
        rooms = service.rooms
        names = request.chips or list(dict.fromkeys(
            host.chip for host in rooms.chips.tables["hosts"].values()))
        ratings = {chip: rating.ucu for (_, chip, workload, gang), rating
                   in rooms.units.tables["ratings"].items()
                   if workload == request.workload and gang == (request.devices > 1)}
    first = ratings.get(names[0], 1) if names else 1
    chips = tuple((name, max(1, ratings.get(name, first) * PPM // first)) for name in names)
    return Spec(request.name or request.argv[0], tuple(request.argv),
                tuple(sorted(request.environment.items())), request.directory, request.devices,
                request.share, request.workload, chips, request.area, request.time_limit_ms,
                request.max_hourly_cost, request.grace_ms, _commitment(service, request),
                request.is_preemptible, level_required=request.level_required,
                level_preferred=request.level_preferred, devices_min=request.devices_min,
                memory_gb=request.memory_gb)


def _commitment(service: Service, request: JobRequest) -> bytes:
    """Return a commitment to the tenant that only its agent's key can open."""
    return sha256(service.agents[TENANT].salt(request.name), TENANT.encode())
