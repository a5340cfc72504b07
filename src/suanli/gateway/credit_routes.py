"""The API's routes for prepaid credits: what is owed, granting, converting."""

from typing import Any

from fastapi import FastAPI, HTTPException

from suanli.gateway.answers import OPERATOR, TENANT, operators_own, refusal_of, settled
from suanli.gateway.requests import ConversionRequest, CreditRequest
from suanli.gateway.service import Service
from suanli.market.commands import Convert, GrantCredit
from suanli.terms.refusals import Code, Refusal


def add(app: FastAPI, service: Service, is_local: bool) -> None:
    """Add the routes; `is_local`: they are served on the Unix socket."""

    @app.get("/v1/credits")
    def listed() -> list[dict[str, Any]]:
        with service.lock:
            return credits(service.rooms, service.agents[TENANT].member)

    @app.post("/v1/credits", status_code=201)
    def grant(request: CreditRequest) -> dict[str, Any]:
        operators_own(is_local)
        with service.lock:
            member = _member(service.rooms, request.member)
        if member is None:
            raise HTTPException(403, refusal_of(Refusal(
                Code.UNKNOWN_PARTICIPANT, f"found {request.member!r}; a participant's name or "
                "number is accepted")))
        answer = settled(service.ask(OPERATOR, GrantCredit(member, request.micro_rmb)))
        return {"height": answer.height, **answer.receipt.answer}

    @app.post("/v1/conversions", status_code=201)
    def convert(request: ConversionRequest) -> dict[str, Any]:
        command = Convert(request.issuer, request.area, request.grade, request.tier, request.start,
                          request.lots)
        answer = settled(service.ask(TENANT, command))
        return {"height": answer.height, **answer.receipt.answer}


def credits(rooms: Any, reader: int) -> list[dict[str, Any]]:
    """Return what each issuer owes in credits, in all, to the reader, and by member; micro-RMB."""
    rows, member = [], rooms.members.member
    for issuer in rooms.market.credits.issuers():
        owed = rooms.market.credits.owed(issuer)
        rows.append({
            "id": issuer, "issuer": member(issuer).name, "granted": owed.granted,
            "converted": owed.converted, "returned": owed.returned,
            "owed": sum(owed.by_member.values()), "mine": owed.by_member.get(reader, 0),
            "by_member": [{"member": id, "name": member(id).name, "face": face}
                          for id, face in owed.by_member.items()]})
    return rows


def _member(rooms: Any, named: str) -> int | None:
    """Return the member of a name; else of a number."""
    names = {member.name: id for id, member in rooms.members.tables["members"].items()}
    return ({str(id): id for id in names.values()} | names).get(named)
