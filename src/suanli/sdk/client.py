"""A client of the HTTP API, over the Unix socket or TCP."""

from pathlib import Path
from typing import Any

import httpx

TIMEOUT_S = 60.0
MALFORMED = 422


class Refused(Exception):
    """The server refused a command: `code` is permanent, `name` its name."""

    def __init__(self, code: int, name: str, reason: str) -> None:
        super().__init__(f"{name} ({code}): {reason}")
        self.code = code
        self.name = name
        self.reason = reason


class ServerError(Exception):
    """The server could not be reached, or could not answer."""


class Malformed(Exception):
    """The server could not read a request: a field is missing or out of its range."""


class Client:
    """One server, by its socket or by its address and credential."""

    def __init__(self, socket: Path | None = None, address: str = "http://localhost",
                 credential: str | None = None) -> None:
        transport = httpx.HTTPTransport(uds=str(socket)) if socket else None
        headers = {"authorization": f"Bearer {credential}"} if credential else {}
        self._http = httpx.Client(transport=transport, base_url=address, headers=headers,
                                  timeout=TIMEOUT_S)

    def close(self) -> None:
        self._http.close()

    def is_alive(self) -> bool:
        try:
            return self._http.get("/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a GET."""
        return self._checked("GET", path, params=query).json()

    def list(self, what: str, **query: Any) -> list[dict[str, Any]]:
        """Return one of the lists: jobs, receipts, balances, prices, orders, fleet, chips,
        slices."""
        rows: list[dict[str, Any]] = self.get(f"/v1/{what}", **query)
        return rows

    def submit(self, **job: Any) -> int:
        """Submit a job (fields of `JobRequest`); return its id once it is in a block."""
        return int(self._checked("POST", "/v1/jobs", json=job).json()["id"])

    def defer(self, job: dict[str, Any], by: int, budget: int) -> int:
        """Have a job run by an instant within a budget, micro-RMB; return its number."""
        fields = {"job": job, "by": by, "budget": budget}
        return int(self._checked("POST", "/v1/deferred", json=fields).json()["id"])

    def quote(self, **job: Any) -> Any:
        """Return what a job (fields of `JobRequest`) would cost: now, tonight, this week."""
        return self._checked("POST", "/v1/quotes", json=job).json()

    def job(self, id: int) -> dict[str, Any]:
        row: dict[str, Any] = self.get(f"/v1/jobs/{id}")
        return row

    def explain(self, id: int) -> dict[str, Any]:
        """Return where a job stands and why; of a queued one when it is predicted to start."""
        row: dict[str, Any] = self.get(f"/v1/jobs/{id}/explanation")
        return row

    def cancel(self, id: int) -> None:
        self._checked("POST", f"/v1/jobs/{id}/cancel")

    def logs(self, id: int, stream: str, offset: int = 0, attempt: int | None = None) -> bytes:
        """Return the next piece of a job's output; of its last attempt, if none is named."""
        which = {} if attempt is None else {"attempt": attempt}
        return self._checked("GET", f"/v1/jobs/{id}/logs",
                             params={"stream": stream, "offset": offset, **which}).content

    def receipt(self, job: int) -> dict[str, Any]:
        """Return a job's receipt file."""
        receipt: dict[str, Any] = self.get(f"/v1/receipts/{job}")
        return receipt

    def order(self, **order: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._checked("POST", "/v1/orders", json=order).json()
        return answer

    def cancel_order(self, id: int) -> None:
        self._checked("DELETE", f"/v1/orders/{id}")

    def auction_order(self, **order: Any) -> dict[str, Any]:
        """Enter an order in a call auction (fields of `AuctionOrderRequest`)."""
        answer: dict[str, Any] = self._checked("POST", "/v1/auction-orders", json=order).json()
        return answer

    def cancel_auction_order(self, id: int, as_operator: bool = False) -> None:
        self._checked("DELETE", f"/v1/auction-orders/{id}", params={"as_operator": as_operator})

    def grant_credit(self, member: str, micro_rmb: int) -> dict[str, Any]:
        """Grant a member (by name or number) credit of this server's operator."""
        fields = {"member": member, "micro_rmb": micro_rmb}
        answer: dict[str, Any] = self._checked("POST", "/v1/credits", json=fields).json()
        return answer

    def convert(self, **conversion: Any) -> dict[str, Any]:
        """Convert credit into tokens (fields of `ConversionRequest`)."""
        answer: dict[str, Any] = self._checked("POST", "/v1/conversions", json=conversion).json()
        return answer

    def write_strip(self, **strip: Any) -> dict[str, Any]:
        """Offer a strip (fields of `StripRequest`) as the operator."""
        answer: dict[str, Any] = self._checked("POST", "/v1/strips", json=strip).json()
        return answer

    def take_strip(self, id: int) -> dict[str, Any]:
        """Buy a strip, whole; return its new number, what was paid and what is held."""
        answer: dict[str, Any] = self._checked("POST", f"/v1/strips/{id}/take").json()
        return answer

    def withdraw_strip(self, id: int) -> None:
        self._checked("DELETE", f"/v1/strips/{id}")

    def shutdown(self) -> None:
        self._checked("POST", "/v1/shutdown")

    def _checked(self, method: str, path: str, **fields: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **fields)
        except httpx.HTTPError as error:
            raise ServerError(f"the server does not answer: {error}") from error
        if response.is_success:
            return response
        detail = _detail(response)
        if isinstance(detail, dict) and "code" in detail:
            raise Refused(detail["code"], detail["name"], detail["reason"])
        if response.status_code == MALFORMED:
            raise Malformed(_fields(detail))
        raise ServerError(f"{method} {path}: {response.status_code}: {detail}")


def _fields(detail: Any) -> str:
    """Return pydantic's list of problems, or a sentence, as one line."""
    if not isinstance(detail, list):
        return str(detail)
    return "; ".join(f"{'.'.join(map(str, d['loc'][1:]))}: {d['msg']}, found {d.get('input')!r}"
                     for d in detail)


def _detail(response: httpx.Response) -> Any:
    try:
        return response.json().get("detail")
    except ValueError:
        return response.text[:200]
