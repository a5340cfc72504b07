"""Where auctions are solved: at once, for worlds whose time stands still, or in a thread."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from suanli.clearing.solve import solve
from suanli.market.auction.instance import Auction, Clearing

Key = tuple[int, int]
Solve = Callable[[Auction, float], Clearing]


def solved(auction: Auction, seconds: float) -> Clearing:
    """Return the clearing that `solve` finds."""
    return solve(auction, seconds=seconds).clearing


class AtOnce:
    """Solves when asked."""

    def __init__(self, find: Solve = solved) -> None:
        self._find = find
        self._found: dict[Key, Clearing] = {}

    def ask(self, key: Key, auction: Auction, seconds: float) -> None:
        self._found[key] = self._find(auction, seconds)

    def answer(self, key: Key) -> Clearing | None:
        return self._found.pop(key, None)


class InThread:
    """Solves one auction after another in a thread of its own."""

    def __init__(self, find: Solve = solved) -> None:
        self._find = find
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="clearing")
        self._pending: dict[Key, Future[Clearing]] = {}
        self.died: dict[Key, BaseException] = {}  # what killed a solver, by its task

    def ask(self, key: Key, auction: Auction, seconds: float) -> None:
        self._pending[key] = self._pool.submit(self._find, auction, seconds)

    def answer(self, key: Key) -> Clearing | None:
        future = self._pending.get(key)
        if future is None or not future.done():
            return None
        del self._pending[key]
        error = future.exception()
        if error is not None:
            self.died[key] = error
            return None
        return future.result()
