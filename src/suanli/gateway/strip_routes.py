"""The API's routes for strips: what is offered and taken, written and withdrawn, and the hours."""

from typing import Any

from fastapi import FastAPI, HTTPException

from suanli.gateway import strips
from suanli.gateway.answers import OPERATOR, TENANT, operators_own, refusal_of, settled
from suanli.gateway.requests import StripRequest
from suanli.gateway.service import Service
from suanli.market.commands import TakeStrip, WithdrawStrip, WriteStrip
from suanli.terms.refusals import Code, Refusal


def add(app: FastAPI, service: Service, is_local: bool) -> None:
    """Add the routes; `is_local`: they are served on the Unix socket."""
    _reading(app, service)
    _trading(app, service, is_local)


def _reading(app: FastAPI, service: Service) -> None:
    @app.get("/v1/strips")
    def offered() -> list[dict[str, Any]]:
        with service.lock:
            return strips.strips(service.rooms, service.clock.now())

    @app.get("/v1/strips-taken")
    def taken() -> list[dict[str, Any]]:
        with service.lock:
            return strips.taken_strips(service.rooms)

    @app.get("/v1/strips/{id}")
    def one(id: int) -> dict[str, Any]:
        with service.lock:
            found = strips.strip(service.rooms, id)
        if found is None:
            raise HTTPException(404, refusal_of(Refusal(
                Code.UNKNOWN_STRIP, f"no strip {id}; `suanli strip list` lists those that can be "
                "taken, with --taken those that are")))
        return found


def _trading(app: FastAPI, service: Service, is_local: bool) -> None:
    @app.post("/v1/strips", status_code=201)
    def write(request: StripRequest) -> dict[str, Any]:
        operators_own(is_local)
        command = WriteStrip(request.area, request.grade, request.tier, request.start,
                             request.hours, request.lots, request.floor_mrmb, request.cap_mrmb,
                             request.until, request.copies)
        answer = settled(service.ask(OPERATOR, command))
        return {"id": answer.receipt.answer["strip"], "height": answer.height}

    @app.post("/v1/strips/{id}/take", status_code=201)
    def take(id: int) -> dict[str, Any]:
        answer = settled(service.ask(TENANT, TakeStrip(id)))
        said = answer.receipt.answer
        return {"id": said["strip"], "height": answer.height, "paid_micro_rmb": said["paid"],
                "held_micro_rmb": said["held"]}

    @app.delete("/v1/strips/{id}")
    def withdraw(id: int) -> dict[str, Any]:
        operators_own(is_local)
        return {"id": id, "height": settled(service.ask(OPERATOR, WithdrawStrip(id))).height}
