"""A live job explained: the market's reasons, the scheduler's, and where it is or how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.stage import spec

from suanli.bootstrap import TENANT, open_service
from suanli.config import Settings
from suanli.gateway.explanations import Explanations
from suanli.gateway.service import Answer, Service
from suanli.schedule.commands import Cancel, Submit
from suanli.terms.quantity import RMB
from suanli.terms.refusals import Code, Refusal

CHIP = (("cpu-core", 1_000_000),)


@contextmanager
def opened(directory: Path, grant: int) -> Iterator[Service]:
    made, _ = open_service(directory, Settings(grant_micro_rmb=grant))
    made.start()
    yield made
    made.stop()
    made.driver.cluster.close()
    made.driver.engine.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A core-hour costs 0.2 RMB, and the tenant has a hundred."""
    with opened(tmp_path, 100 * RMB) as made:
        yield made


def submit(service: Service, **changes: Any) -> int:
    fields = {"argv": ("sleep", "60"), "chips": CHIP, "max_hourly_cost": 10 * RMB,
              "environment": (("PATH", "/usr/bin:/bin"),), "time_limit_ms": 600_000}
    answer = service.ask(TENANT, Submit(spec(**(fields | changes))))
    assert isinstance(answer, Answer)
    return int(answer.receipt.answer["job"])


def explained(service: Service, job: int) -> dict[str, Any]:
    with service.lock:
        return Explanations(service).of(job)


def cores(service: Service) -> int:
    return next(iter(service.rooms.chips.tables["hosts"].values())).devices


def test_a_job_that_waits_for_a_full_host(service: Service) -> None:
    running = submit(service, devices=cores(service))
    waiting = submit(service)
    found = explained(service, waiting)
    assert (found["constraint"], found["position"], found["waiting"]) == ("capacity", 1, 1)
    assert found["sentence"] == "it asks for 1 device; 0 of cpu-core are free"
    assert found["at"] < found["starts_earliest"] <= found["starts_latest"]
    assert waiting in service.rooms.schedule.ids_in("queued")
    placed = explained(service, running)
    assert placed["constraint"] is None
    assert "cpu-core" in placed["sentence"]
    service.ask(TENANT, Cancel(waiting))
    assert explained(service, waiting)["sentence"].startswith("it ended: cancelled")


def test_a_price_above_what_it_may_cost(service: Service) -> None:
    found = explained(service, submit(service, max_hourly_cost=50_000))
    assert found["constraint"] == "too-dear"
    assert found["price_gap_micro_rmb"] == pytest.approx(150_000, rel=0.01)
    assert "may cost 0.05 RMB" in found["sentence"]
    assert found["starts_latest"] is None


def test_a_chip_that_nobody_has_is_refused_with_the_reason(service: Service) -> None:
    refused = service.ask(TENANT, Submit(spec(argv=("true",))))
    assert isinstance(refused, Refusal)
    assert refused.code == Code.NO_ADMISSIBLE_CHIP
    assert "h100-sxm-80" in refused.reason


def test_funds_that_do_not_pay_for_the_hour(tmp_path: Path) -> None:
    with opened(tmp_path, grant=1) as service:
        found = explained(service, submit(service))
    assert found["constraint"] == "no-funds"
    assert found["price_gap_micro_rmb"] > 0
    assert "its tenant has 0.000001 RMB" in found["sentence"]


def test_what_is_not_offered_and_what_was_refused(service: Service,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    submit(service, devices=cores(service))
    waiting = submit(service)
    with service.lock:
        cycle = service.driver.planner.cycle
        assert cycle.mirror is not None
        cycle.mirror.hide(waiting)
        assert explained(service, waiting)["constraint"] == "refused"
        cycle.mirror.follow(waiting)
        assert explained(service, waiting)["constraint"] == "capacity"
        monkeypatch.setattr(service.rooms.market, "offer", lambda *product: None)
        cycle.mirror.reprice(service.clock.now())
        assert explained(service, waiting)["constraint"] == "no-offer"
