"""The auctioneer: keeps the call auctions going, by the calendar, as any participant may.

It opens auctions, says that trading is over, has them solved, proposes what was found and settles
what stands. All of it is in the state; what is kept here is a memo, so a restart loses nothing but
the indicative prices. A solver that dies costs its clearing, not the auction: another's is settled,
or all is voided. Once a clearing is proposed, the auction as it would be without the set-aside is
solved as well, if anything is withheld; nothing waits for that.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from suanli.market.auction import calendar
from suanli.market.auction.commands import (
    Clear,
    ClearWithout,
    CloseAuction,
    OpenAuction,
    SettleAuction,
)
from suanli.market.auction.instance import Auction, Clearing
from suanli.market.auction.phases import LATE, NO_CANCEL, OVER, phase
from suanli.market.auction.proposals import proposal
from suanli.market.auction.records import CLEARING, CLOSING, OPEN, SETTLED, VOID, Sitting
from suanli.planning.offering import LEAD_MS
from suanli.terms.instant import HOUR, SECOND

# What a solver may take at most, of the half of the time until the deadline.
SOLVE_MS_MAX: Final = 60 * SECOND
INDICATIVE_MS: Final = 5 * SECOND
# How often an answer is asked for, and how long until the same is said again.
POLL_MS: Final = SECOND
FINAL: Final = 2  # the number of a solution that is proposed; the ones before it are indicative
WITHOUT: Final = 3  # and of the one of the auction as it would be without the set-aside
KEPT_MAX: Final = 64  # auctions whose indicative prices are kept


class Solver(Protocol):
    """What finds clearings, in its own time."""

    def ask(self, key: tuple[int, int], auction: Auction, seconds: float) -> None:
        """Begin to solve."""
        ...

    def answer(self, key: tuple[int, int]) -> Clearing | None:
        """Return what was found, once; None while there is nothing, or if the solver died."""
        ...


class Indicative(NamedTuple):
    """What an auction would have come to, had it ended then."""

    at: int
    clearing: Clearing
    volumes: Any  # (cells,) lots bought


class Auctioneer:
    """Decides for the auctions; whoever runs it signs."""

    def __init__(self, solver: Solver,
                 sessions: tuple[str, ...] = tuple(calendar.SESSIONS)) -> None:
        self.solver = solver
        self.sessions = sessions
        self.indicative: dict[int, list[Indicative]] = {}
        self.has_more = False  # whether what was said last leads to more at the same instant
        self._asked: set[tuple[int, int]] = set()
        self._proposed: set[tuple[int, int]] = set()  # of those asked, what was found
        self._said: dict[tuple[Any, ...], int] = {}
        self._due: int | None = None
        self._instants: list[int] = []  # when something is due, as the last decision found it

    def next_instant(self, at: int) -> int | None:
        """Return when something is due even if nothing happens."""
        return None if self._due is None else max(at, self._due)

    def horizon(self, rooms: Any) -> int:
        """Return the end of the last hour that an open auction is about, 0 without any."""
        return max((s.start + s.hours * HOUR for s in rooms.market.tables["auctions"].values()
                    if s.status == OPEN), default=0)

    def decide(self, rooms: Any, at: int) -> list[Any]:
        """Return the commands that are due."""
        self._instants = []
        commands = [c for c in self._openings(rooms, at) if self._is_news(("open", *_key(c)), at)]
        for id, sitting in rooms.market.tables["auctions"].items():
            command = self._step(rooms, id, sitting, at)
            if command is not None and self._is_news(
                    (id, sitting.status, sitting.cursor, command.kind), at):
                commands.append(command)
        self.has_more = bool(commands)
        self._due = min((i for i in self._instants if i > at), default=None)
        return commands

    def _is_news(self, what: tuple[Any, ...], at: int) -> bool:
        """Say whether to say something: not again at once if it was refused."""
        if at < self._said.get(what, at - POLL_MS) + POLL_MS:
            return False
        self._said[what] = at
        return True

    def _openings(self, rooms: Any, at: int) -> Iterator[OpenAuction]:
        for name in self.sessions:
            session = calendar.SESSIONS[name]
            start = calendar.next_start(rooms.members, session, at)
            times = calendar.times(rooms.members, session, start)
            self._instants += [times.opens, times.gate]  # from its gate on the next one counts
            is_known = (name, start) in rooms.market.tables["auction_ids"]
            if times.opens <= at < times.no_cancel_from and not is_known:
                yield OpenAuction(name, start)

    def _step(self, rooms: Any, id: int, sitting: Sitting, at: int) -> Any:
        """Return what an auction needs now, or None."""
        if sitting.status in (SETTLED, VOID):
            self._forget(id)
            return None
        now = phase(sitting, at)
        if now in (OPEN, NO_CANCEL, LATE):
            self._instants += [sitting.no_cancel_from - LEAD_MS, sitting.no_cancel_from,
                               sitting.last]
            return self._indicate(rooms, id, sitting, at) if now == NO_CANCEL else None
        if now in (OVER, CLOSING):
            return CloseAuction(id)
        if at >= sitting.deadline:
            return SettleAuction(id)
        self._instants.append(sitting.deadline)
        return self._propose(rooms, id, sitting, at) if now == CLEARING else None

    def _propose(self, rooms: Any, id: int, sitting: Sitting, at: int) -> Clear | None:
        """Propose a clearing, and then the counterfactual one."""
        kinds = {FINAL: Clear, WITHOUT: ClearWithout} if sitting.withheld else {FINAL: Clear}
        number = next((n for n in kinds if (id, n) not in self._proposed), None)
        if number is None:
            return None
        ms = min(SOLVE_MS_MAX, (sitting.deadline - at) // 2)
        found = self._solved(rooms, (id, number), sitting, at, ms)
        if found is None:
            return None
        self._proposed.add((id, number))
        return proposal(id, found, kinds[number])

    def _indicate(self, rooms: Any, id: int, sitting: Sitting, at: int) -> None:
        """Find indicative prices twice: when cancelling ends, and half-way to the gate."""
        half = (sitting.no_cancel_from + sitting.gate) // 2
        self._instants.append(half)
        number = int(at >= half)
        found = self._solved(rooms, (id, number), sitting, at, INDICATIVE_MS)
        if found is None:
            return
        auctions = rooms.market.auctions
        frozen = auctions.frozen(id, sitting)
        if found.curve_lots.size == frozen.auction.curves.cell.size:
            volumes = frozen.volumes(frozen.fills(found), auctions.orders(id))
            self.indicative.setdefault(id, []).append(Indicative(at, found, volumes))
        for old in list(self.indicative)[:-KEPT_MAX]:
            del self.indicative[old]

    def _solved(self, rooms: Any, key: tuple[int, int], sitting: Sitting, at: int,
                ms: int) -> Clearing | None:
        """Return a solution when it is there; ask for it first."""
        if key not in self._asked:
            self._asked.add(key)
            frozen = rooms.market.auctions.frozen(key[0], sitting)
            auction = frozen.without if key[1] == WITHOUT else frozen.auction
            self.solver.ask(key, auction, ms / SECOND)
        found = self.solver.answer(key)
        self._instants.append(at + POLL_MS)
        return found

    def _forget(self, id: int) -> None:
        keys = {(id, number) for number in range(WITHOUT + 1)}
        self._asked -= keys
        self._proposed -= keys
        self._said = {what: at for what, at in self._said.items() if what[0] != id}


def _key(command: OpenAuction) -> tuple[str, int]:
    return command.session, command.start
