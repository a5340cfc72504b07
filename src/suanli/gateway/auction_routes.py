"""The API's routes for call auctions: what is open, orders in and out, what became of them."""

from typing import Any

from fastapi import FastAPI, HTTPException

from suanli.gateway import auctions
from suanli.gateway.answers import OPERATOR, TENANT, operators_own, refusal_of, settled
from suanli.gateway.quotes import Prices
from suanli.gateway.requests import AuctionOrderRequest
from suanli.gateway.service import Answer, Service
from suanli.market.auction.commands import (
    CancelOrder,
    Enter,
    EnterBlock,
    EnterCurve,
    EnterFlexible,
    EnterOffer,
    Leg,
)
from suanli.market.auction.records import OPEN
from suanli.terms.errors import InputError
from suanli.terms.refusals import Code, Refusal


def add(app: FastAPI, service: Service, is_local: bool) -> None:
    """Add the routes; `is_local`: they are served on the Unix socket."""
    _reading(app, service)
    _trading(app, service, is_local)


def _reading(app: FastAPI, service: Service) -> None:
    @app.get("/v1/auctions")
    def listed() -> list[dict[str, Any]]:
        with service.lock:
            return auctions.auctions(service.rooms, service.clock.now())

    @app.get("/v1/sessions")
    def sessions() -> list[dict[str, Any]]:
        with service.lock:
            return auctions.sessions(service.rooms, service.clock.now())

    @app.get("/v1/auctions/{id}")
    def one(id: int) -> dict[str, Any]:
        with service.lock:
            found = auctions.auction(service.rooms, id, service.clock.now(),
                                     _indicative(service, id))
        return _found(found, Code.UNKNOWN_AUCTION, f"no auction {id}; `suanli auction status` "
                      "lists those there are")

    @app.get("/v1/auction-orders")
    def orders(as_operator: bool = False) -> list[dict[str, Any]]:
        who = OPERATOR if as_operator else TENANT
        with service.lock:
            return auctions.orders(service.rooms, service.agents[who].member)

    @app.get("/v1/auction-orders/{id}/explanation")
    def explanation(id: int) -> dict[str, Any]:
        with service.lock:
            found = auctions.explain_order(service.rooms, id, service.clock.now())
        return _found(found, Code.UNKNOWN_ORDER, f"no auction order {id}; `suanli auction "
                      "orders` lists yours")


def _trading(app: FastAPI, service: Service, is_local: bool) -> None:
    def said(command: Any, as_operator: bool) -> Answer:
        if as_operator:
            operators_own(is_local)
        return settled(service.ask(OPERATOR if as_operator else TENANT, command))

    @app.post("/v1/auction-orders", status_code=201)
    def enter(request: AuctionOrderRequest) -> dict[str, Any]:
        answer = said(command_of(request), request.as_operator)
        return {"id": answer.receipt.answer["order"], "height": answer.height}

    @app.delete("/v1/auction-orders/{id}")
    def cancel(id: int, as_operator: bool = False) -> dict[str, Any]:
        return {"id": id, "height": said(CancelOrder(id), as_operator).height}


def command_of(request: AuctionOrderRequest) -> Enter:
    """Return the command of a request: flexible, a curve, an offer or a block by what it says."""
    leg, side = request.legs[0], int(request.side == "sell")
    place = (leg.issuer, leg.area, leg.grade, leg.tier)
    if request.hours:
        return EnterFlexible(request.auction, *place, request.price_mrmb, leg.lots, request.hours,
                             request.earliest, request.latest, request.order)
    if request.steps:
        return EnterCurve(request.auction, *place, leg.start, side, tuple(request.steps),
                          request.fixed_micro_rmb, request.order, also=tuple(request.also))
    if request.fixed_micro_rmb:
        return _offer(request)
    legs = tuple(Leg(each.issuer, each.area, each.grade, each.tier, each.start, each.lots)
                 for each in request.legs)
    return EnterBlock(request.auction, side, request.price_mrmb, request.ratio_ppm, legs,
                      request.parent, request.group, request.order)


def _offer(request: AuctionOrderRequest) -> EnterOffer:
    """Return a minimum-income offer: of one product, in the hours of all legs."""
    places = {(leg.issuer, leg.area, leg.grade, leg.tier) for leg in request.legs}
    if request.side != "sell" or len(places) > 1:
        raise InputError(f"a fixed cost of a {request.side} of {len(places)} products; one of a "
                         "sell, with legs of one product, is accepted")
    hours = tuple((leg.start, tuple(leg.steps) or ((request.price_mrmb, leg.lots),))
                  for leg in request.legs)
    return EnterOffer(request.auction, *places.pop(), hours, request.fixed_micro_rmb,
                      request.order)


def indicative_prices(service: Service) -> Prices:
    """Return what the auctions that are about to end would come to, by product and hour."""
    found: Prices = {}
    market = service.rooms.market
    for id, sitting in market.tables["auctions"].items():
        if sitting.status == OPEN and (kept := _indicative(service, id)):
            for cell in kept[-1].volumes.nonzero()[0].tolist():
                issuer, area, grade, tier = sitting.nodes[cell // sitting.hours]
                if tier == "firm":
                    found[issuer, area, grade, sitting.start_of(cell)] = int(
                        kept[-1].clearing.prices[cell])
    return found


def _indicative(service: Service, id: int) -> list[Any]:
    auctioneer = service.driver.planner.auctioneer
    return auctioneer.indicative.get(id, []) if auctioneer else []


def _found(found: dict[str, Any] | None, code: Code, reason: str) -> dict[str, Any]:
    if found is None:
        raise HTTPException(404, refusal_of(Refusal(code, reason)))
    return found
