"""The HTTP API, `/v1`: what the command line and other clients use.

A refusal is 409 (or 403, 404 by its code) with its code number, name and reason. Over TCP a
credential is needed; the Unix socket is protected by its file mode.
"""

import hmac
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from suanli import __version__
from suanli.chain.proof import receipt_of
from suanli.gateway import auction_routes, credit_routes, quotes, strip_routes, views
from suanli.gateway.answers import TENANT, refusal_of, settled
from suanli.gateway.deferred import DeferredJobs
from suanli.gateway.requests import (
    DeferredRequest,
    EnvelopeRequest,
    JobRequest,
    OrderRequest,
)
from suanli.gateway.service import Service
from suanli.gateway.specs import spec_of
from suanli.market.commands import Cancel as CancelOrder
from suanli.market.commands import Order
from suanli.members.envelope import Envelope
from suanli.schedule.commands import Cancel, Submit
from suanli.terms.errors import AdapterError, InputError
from suanli.terms.refusals import Code, Refusal

LOG_BYTES_MAX = 256 * 1024


def create_app(service: Service, credential: str | None, stop: Callable[[], None],
               deferred: DeferredJobs) -> FastAPI:
    """Return the API over a service; `credential` None means that the transport is trusted."""
    app = FastAPI(title="suanli", version=__version__, docs_url=None, redoc_url=None)

    @app.middleware("http")
    async def authorise(request: Request,
                        call: Callable[[Request], Awaitable[Response]]) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if credential is not None and not hmac.compare_digest(given.encode(),
                                                              credential.encode()):
            return JSONResponse({"detail": "a credential is needed: Authorization: Bearer, with "
                                 "the text of `credential` in the data directory"}, 401)
        return await call(request)

    @app.exception_handler(InputError)
    def malformed(request: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(AdapterError)
    def unavailable(request: Request, error: AdapterError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)

    _reading(app, service)
    _jobs(app, service)
    _deferring(app, deferred)
    _trading(app, service)
    auction_routes.add(app, service, is_local=credential is None)
    credit_routes.add(app, service, is_local=credential is None)
    strip_routes.add(app, service, is_local=credential is None)

    @app.post("/v1/shutdown")
    def shutdown() -> dict[str, str]:
        stop()
        return {"status": "stopping"}

    return app


def _reading(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        if service.broken is not None:
            raise HTTPException(503, f"stopped: {service.broken}")
        return {"status": "ok", "version": __version__}

    @app.get("/v1/status")
    def status() -> dict[str, Any]:
        with service.lock:
            application = service.driver.engine.application
            return {"chain": application.domain.genesis.chain, "height": application.height,
                    "head": application.head.hex(),
                    "validators": [k.hex() for k in application.domain.genesis.validators]}

    for path, view in (("fleet", views.fleet), ("balances", views.balances),
                       ("receipts", views.receipts), ("jobs", views.jobs),
                       ("statements", views.statements),
                       ("orders", views.orders), ("index", views.index),
                       ("candles", views.candles)):
        def read(view: Any = view) -> list[dict[str, Any]]:
            with service.lock:
                return view(service)  # type: ignore[no-any-return]
        # A closure per view; the default argument must not become a query parameter.
        app.get(f"/v1/{path}", name=path)(_without_parameters(read))

    @app.get("/v1/chips")
    def chips() -> list[dict[str, Any]]:
        return views.chips(service.rooms.chips.datasheet)

    @app.get("/v1/slices")
    def slices() -> list[dict[str, Any]]:
        return views.slices(service.rooms.chips.profiles)

    for path, timed in (("prices", views.prices), ("tickers", views.tickers),
                        ("curve", views.curve), ("caps", views.caps),
                        ("set-asides", views.set_asides)):
        def read_now(view: Any = timed) -> list[dict[str, Any]]:
            with service.lock:
                return view(service, service.clock.now())  # type: ignore[no-any-return]
        app.get(f"/v1/{path}", name=path)(_without_parameters(read_now))


def _without_parameters(read: Callable[[], Any]) -> Callable[[], list[dict[str, Any]]]:
    def endpoint() -> list[dict[str, Any]]:
        return read()  # type: ignore[no-any-return]
    return endpoint


def _jobs(app: FastAPI, service: Service) -> None:
    @app.post("/v1/jobs", status_code=201)
    def submit(request: JobRequest) -> dict[str, Any]:
        answer = settled(service.ask(TENANT, Submit(spec_of(service, request))))
        return {"id": answer.receipt.answer["job"], "height": answer.height}

    @app.post("/v1/quotes")
    def quote(request: JobRequest) -> list[dict[str, Any]]:
        spec = spec_of(service, request)
        with service.lock:
            found = quotes.quote(service.rooms, spec, service.clock.now(),
                                 auction_routes.indicative_prices(service))
        if isinstance(found, Refusal):
            raise HTTPException(409, refusal_of(found))
        return found

    @app.get("/v1/jobs/{id}")
    def job(id: int) -> dict[str, Any]:
        with service.lock:
            return views.job_row(service, id, _job(service, id))

    explanations = cache(lambda: _explanations(service))

    @app.get("/v1/jobs/{id}/explanation")
    def explanation(id: int) -> dict[str, Any]:
        explained = explanations()
        with service.lock:
            _job(service, id)
            return explained.of(id)  # type: ignore[no-any-return]

    @app.post("/v1/jobs/{id}/cancel")
    def cancel(id: int) -> dict[str, Any]:
        return {"id": id, "height": settled(service.ask(TENANT, Cancel(id))).height}

    @app.get("/v1/jobs/{id}/logs")
    def logs(id: int, stream: str = "stdout", offset: int = 0,
             attempt: int | None = None) -> Response:
        if stream not in ("stdout", "stderr") or offset < 0:
            raise HTTPException(422, "stream stdout or stderr and an offset of 0 or more")
        with service.lock:
            last = _job(service, id).attempt
        if attempt is None:
            attempt = last
        elif not 0 <= attempt <= last:
            raise HTTPException(422, f"attempt {attempt}; job {id} is at attempt {last}")
        path = service.driver.cluster.log_path(id, attempt, stream)  # type: ignore[attr-defined]
        if not path.is_file():
            return Response(b"", media_type="application/octet-stream")
        with path.open("rb") as handle:
            handle.seek(offset)
            return Response(handle.read(LOG_BYTES_MAX), media_type="application/octet-stream")

    @app.get("/v1/receipts/{job}")
    def receipt(job: int) -> dict[str, Any]:
        with service.lock:
            found = service.receipts.by_job.get(job)
            block = service.driver.engine.block(found.height) if found else None
            if found is None or block is None:
                raise HTTPException(404, refusal_of(Refusal(
                    Code.UNKNOWN_JOB, f"job {job} has no receipt; a job that has ended does")))
            genesis = service.driver.engine.application.domain.genesis
        return {**receipt_of(block, found.index), "job": job,
                "validators": [key.hex() for key in genesis.validators]}


def _deferring(app: FastAPI, deferred: DeferredJobs) -> None:
    @app.get("/v1/deferred")
    def rows() -> list[dict[str, Any]]:
        return deferred.rows()

    @app.post("/v1/deferred", status_code=201)
    def defer(request: DeferredRequest) -> dict[str, Any]:
        return {"id": deferred.add(request.job, request.by, request.budget).id}


def _trading(app: FastAPI, service: Service) -> None:
    @app.post("/v1/orders", status_code=201)
    def order(request: OrderRequest) -> dict[str, Any]:
        command = Order(request.issuer, request.area, request.grade, request.tier, request.start,
                        int(request.side == "sell"), request.price_mrmb, request.lots,
                        request.is_ioc, time_in_force=request.time_in_force,
                        until=request.until, is_post_only=request.is_post_only,
                        visible_lots=request.visible_lots, self_trade=request.self_trade,
                        is_market=request.is_market)
        answer = settled(service.ask(TENANT, command))
        return {"id": answer.receipt.answer["order"], "height": answer.height,
                **answer.receipt.answer}

    @app.delete("/v1/orders/{id}")
    def cancel_order(id: int) -> dict[str, Any]:
        return {"id": id, "height": settled(service.ask(TENANT, CancelOrder(id))).height}

    @app.post("/v1/envelopes", status_code=201)
    def envelope(request: EnvelopeRequest) -> dict[str, Any]:
        try:
            data = bytes.fromhex(request.envelope)
        except ValueError:
            raise HTTPException(422, "an envelope is hexadecimal") from None
        answer = settled(service.submit(Envelope.from_bytes(data)))
        return {"height": answer.height, "index": answer.index,
                "codes": list(answer.receipt.codes),
                "answer": {k: v for k, v in answer.receipt.answer.items()
                           if isinstance(v, (int, str, list))}}


def _explanations(service: Service) -> Any:
    """Imported late: only who asks waits for the scheduler's solver and kernels."""
    from suanli.gateway.explanations import Explanations
    return Explanations(service)


def _job(service: Service, id: int) -> Any:
    job = service.rooms.schedule.job(id)
    if job is None:
        raise HTTPException(404, refusal_of(Refusal(Code.UNKNOWN_JOB, f"no job {id}")))
    return job
