"""Roles x commands, as one table. A command that is not here for a role is not its right."""

from typing import Final

OPERATOR, TENANT, AUDITOR, REGULATOR, BANK, SOLVER = (
    "operator", "tenant", "auditor", "regulator", "bank", "solver")

# Auctions go on, and strips are fixed, whoever asks for it; whoever solves best is heard.
_PUBLIC = frozenset({"market.open_auction", "market.close_auction", "market.clear",
                     "market.clear_without", "market.settle_auction", "market.fix_strip"})
_ANYONE = frozenset({"members.delegate", "ledger.batch"}) | _PUBLIC
_TRADER = frozenset({"market.order", "market.cancel", "market.modify", "market.reopen",
                     "market.auction_curve", "market.auction_block", "market.auction_flexible",
                     "market.auction_offer", "market.auction_cancel", "settlement.make_good"})

RIGHTS: Final[dict[str, frozenset[str]]] = {
    OPERATOR: _ANYONE | _TRADER | {
        "chips.register_zone", "chips.register_host", "chips.set_host_state",
        "units.declare_rating", "units.define_grade",
        "ledger.attest", "ledger.sweep", "market.post_offer", "market.grant_credit",
        "market.write_strip", "market.withdraw_strip",
        "schedule.place", "schedule.place_many", "schedule.started", "schedule.stop",
        "schedule.warn", "schedule.ended", "schedule.renew", "schedule.preempt",
        "settlement.meter",
    },
    TENANT: _ANYONE | _TRADER | {"schedule.submit", "schedule.cancel", "market.take_strip",
                                 "market.convert"},
    AUDITOR: frozenset({"members.delegate"}) | _PUBLIC,
    REGULATOR: frozenset({"members.delegate", "members.register", "members.set_parameter",
                          "members.stay_parameter", "market.entitle", "market.exempt",
                          "market.reopen", "market.set_link"}) | _PUBLIC,
    BANK: _ANYONE | {"ledger.grant"},
    SOLVER: frozenset({"members.delegate"}) | _PUBLIC,
}


def has_right(roles: tuple[str, ...], kind: str) -> bool:
    """Say whether any of the roles may send this command."""
    return any(kind in RIGHTS[role] for role in roles)
