"""How outcomes become HTTP answers: a receipt, or a refusal with its status and its words."""

from typing import Any, Final

from fastapi import HTTPException

from suanli.gateway.service import Answer
from suanli.terms.refusals import Code, Refusal

STATUS: Final = {
    Code.UNKNOWN_JOB: 404, Code.UNKNOWN_ORDER: 404, Code.UNKNOWN_AUCTION: 404,
    Code.UNKNOWN_STRIP: 404,
    Code.ROLE_LACKS_RIGHT: 403, Code.DELEGATION_LACKS_RIGHT: 403, Code.BAD_SIGNATURE: 403,
    Code.UNKNOWN_PARTICIPANT: 403, Code.NOT_THE_OWNER: 403}
TENANT: Final = "tenant"  # the agent that the server's own clients act through
OPERATOR: Final = "operator"  # and the one they sell through


def operators_own(is_local: bool) -> None:
    """Refuse what only the operator may do, unless the file mode protects the transport.

    A credential over TCP speaks for the tenant's agent, and for nobody else.
    """
    if not is_local:
        raise HTTPException(403, "what the operator does is taken over the Unix socket only")


def settled(outcome: Answer | Refusal) -> Answer:
    """Return the answer, or raise the refusal as HTTP."""
    if isinstance(outcome, Refusal):
        raise HTTPException(STATUS.get(outcome.code, 409), refusal_of(outcome))
    return outcome


def refusal_of(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as JSON."""
    return {"code": int(refusal.code), "name": refusal.code.name.lower(),
            "reason": refusal.reason, "is_transient": refusal.is_transient}
