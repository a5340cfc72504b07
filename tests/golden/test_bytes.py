"""Bytes that may never change: rows, envelopes, genesis hash, roots of what has happened."""

import json
from pathlib import Path

from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall
from tests.stage import SINGLE, START, key, spec

from suanli.domain.genesis import Genesis
from suanli.domain.state_machine import Domain
from suanli.ledger.row import CASH, Row, RowCode, account, unpack
from suanli.market.auction.commands import EnterOffer
from suanli.market.commands import Convert, GrantCredit
from suanli.members.envelope import Envelope, sign
from suanli.schedule.commands import Ended, Preempt, Submit
from suanli.terms.canonical import encode
from suanli.terms.command import encode_command

GOLDEN = json.loads((Path(__file__).parent / "bytes.json").read_text())
GRANT = GrantCredit(2, 1_200_000)
CONVERT = Convert(1, AREA, SINGLE, "firm", DAY_AHEAD, 1000)


def found() -> dict[str, str]:
    row = Row(RowCode.HOLD, 1, CASH, account(2, CASH), account(3, CASH), 5, id=b"i" * 16,
              hold=b"h" * 16, timeout=START, attestation=7, device_ms=8, user=b"u" * 16,
              rating=9, share=10)
    envelope = sign(key("tenant"), "golden", 2, 1, ["schedule.cancel", [1]])
    genesis = Genesis("golden", START, ("members", "ledger"),
                      (("bank", ("bank", "regulator"), bytes(key("bank").verify_key)),),
                      (bytes(key("bank").verify_key),), "")
    roots = Domain(genesis).roots()
    commands = {"ended": Ended(7, 2, START, START + 1, 143, False, 5, 6), "preempt": Preempt(7, 9),
                "submit": Submit(spec()), "auction_offer": EnterOffer(
                    1, 1, "a", "g", "firm", ((START, ((5, 6), (7, 8))), (START + 1, ((9, 1),))),
                    20, 3), "grant_credit": GRANT, "convert": CONVERT}
    return {**{name: encode(encode_command(c)).hex() for name, c in commands.items()},
            "auction": " ".join(auction_roots()), "credits": " ".join(credit_roots()),
            "row": row.pack().hex(), "envelope": envelope.to_bytes().hex(),
            "genesis_hash": genesis.hash().hex(), "roots": encode(roots).hex()}


def auction_roots() -> list[str]:
    """Return the market's root when an auction is closed, and when it is settled."""
    hall, roots = Hall().opened(), []
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.curve(BUY, (1000, 100)))
    hall.close()
    roots.append(hall.domain.roots()["market"].hex())
    assert hall.clear(3, hall.clearing(800, {0: 100, 1: 100}, flows={0: 100})).code == 0
    hall.settle()
    return [*roots, hall.domain.roots()["market"].hex()]


def credit_roots() -> list[str]:
    """Return the ledger's root when credit is granted, and when some of it is converted."""
    hall, roots = Hall().opened(), []
    hall.priced(800)
    for member, command in ((1, GRANT), (2, CONVERT)):
        hall.must(member, command)
        roots.append(hall.domain.roots()["ledger"].hex())
    return roots


def test_bytes_are_what_they_always_were() -> None:
    assert found() == GOLDEN


def test_golden_bytes_decode() -> None:
    assert unpack(bytes.fromhex(GOLDEN["row"]))[0].amount == 5
    assert Envelope.from_bytes(bytes.fromhex(GOLDEN["envelope"])).is_signed()
