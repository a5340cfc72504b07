"""Roles x commands, as one table. A command that is not here for a role is not its right."""

from typing import Final

OPERATOR, TENANT, AUDITOR, REGULATOR, BANK, SOLVER = (
    "operator", "tenant", "auditor", "regulator", "bank", "solver")

# An auction goes on whoever asks for it, and whoever solves best is heard.
_AUCTION = frozenset({"market.open_auction", "market.close_auction", "market.clear",
                      "market.clear_without", "market.settle_auction"})
_ANYONE = frozenset({"members.delegate", "ledger.batch"}) | _AUCTION
_TRADER = frozenset({"market.order", "market.cancel", "market.modify", "market.reopen",
                     "market.auction_curve", "market.auction_block", "market.auction_flexible",
                     "market.auction_cancel", "settlement.make_good"})

RIGHTS: Final[dict[str, frozenset[str]]] = {
    OPERATOR: _ANYONE | _TRADER | {
        "chips.register_zone", "chips.register_host", "chips.set_host_state",
        "units.declare_rating", "units.define_grade",
        "ledger.attest", "ledger.sweep", "market.post_offer", "market.grant_credit",
        "schedule.place", "schedule.place_many", "schedule.started", "schedule.stop",
        "schedule.warn", "schedule.ended", "schedule.renew", "schedule.preempt",
        "settlement.meter",
    },
    TENANT: _ANYONE | _TRADER | {"schedule.submit", "schedule.cancel", "market.convert"},
    AUDITOR: frozenset({"members.delegate"}) | _AUCTION,
    REGULATOR: frozenset({"members.delegate", "members.register", "members.set_parameter",
                          "members.stay_parameter", "market.entitle", "market.exempt",
                          "market.reopen", "market.set_link"}) | _AUCTION,
    BANK: _ANYONE | {"ledger.grant"},
    SOLVER: frozenset({"members.delegate"}) | _AUCTION,
}


def has_right(roles: tuple[str, ...], kind: str) -> bool:
    """Say whether any of the roles may send this command."""
    return any(kind in RIGHTS[role] for role in roles)
