"""The search for the best decision that stands: relaxation, first answer, master program and cuts.

State: `best` is the best clearing so far, whole and exact; `bound` what no clearing exceeds.
"""

import math
import time

import numpy as np

from suanli.clearing.cuts import Cutter
from suanli.clearing.decision import Decision, Priced, Rejected, as_ppm, nothing
from suanli.clearing.dispatch import HALF_LOT, Dispatcher
from suanli.clearing.joint import Joint, is_for
from suanli.clearing.model import Master, Proposal
from suanli.clearing.pricing import priced
from suanli.clearing.reinsertion import reinserted, repaired, without_orphans
from suanli.clearing.rounding import allocate, net_sales
from suanli.clearing.solver import Infeasible
from suanli.clearing.steps import first_window, touched, widened
from suanli.market.auction.instance import UNIT, Auction, Clearing, Ints
from suanli.market.auction.verification import welfare_of

# A ratio this near to 0, to a least ratio or to 1 is meant to be it.
RATIO_TOLERANCE = 1e-6
# A small auction is first tried by cuts, for so long; what is left is the joint program's.
CUTTING_SHARE, CUTTING_SECONDS_MAX = 0.3, 5.0
NOISE = 1e-3  # micro-RMB
GRAIN = 1e-12  # of the welfare: floats know no better
LOST_MAX = 2  # lots that rounding may lose over each arc
CURVES_SECONDS = 60.0  # for the one program that is always tried


class Search:
    """One auction's search; `run` it, and read what is there even if it raises."""

    def __init__(self, auction: Auction, until: float, gap: float) -> None:
        self.auction, self.until, self.gap = auction, until, gap
        self.best: Clearing | None = None
        self.standing: Priced | None = None
        self.bound = _most(auction)
        self.method = "decoupled"
        self.cuts = 0
        self.is_narrowed = False  # a cut may have taken a better choice away

    def run(self) -> None:
        """Search until the best is proven or the time is over.

        Raises: TimeoutError, Unsolved.
        """
        auction = self.auction
        dispatcher = Dispatcher(auction, first_window(auction))
        if self._has_nothing_to_decide():
            self._curves(dispatcher)
            return
        try:
            self._decide(dispatcher)
        finally:
            if self.best is None:
                self._curves(dispatcher)

    def _has_nothing_to_decide(self) -> bool:
        return not self.auction.blocks.side.size and not self.auction.offers.fixed.size

    def _curves(self, dispatcher: Dispatcher) -> None:
        """Clear without blocks; where whole lots do not balance at the prices, with lots to lose.

        Arcs with another gain bring whole lots only, so a cell may get less than it seems to.
        """
        until = time.perf_counter() + CURVES_SECONDS
        for lost in range(LOST_MAX + 1):
            found = priced(dispatcher, nothing(self.auction), until, lost)
            if isinstance(found, Priced):
                if self._has_nothing_to_decide() and not lost:
                    self._lower(found.welfare)
                self._keep(found, "curves")
            if self.best is not None:
                break
        self._prove()

    def _decide(self, dispatcher: Dispatcher) -> None:
        master = self._relaxed(dispatcher)
        if not is_for(self.auction):
            self._improve(dispatcher, master, self.until)
            return
        now = time.perf_counter()
        self._improve(dispatcher, master, now + min(CUTTING_SHARE * (self.until - now),
                                                    CUTTING_SECONDS_MAX))
        if not self._is_proven() and self.method != "exact":
            self._choose(dispatcher)

    def _choose(self, dispatcher: Dispatcher) -> None:
        """Let one program choose decision and prices; forbid what whole prices do not support."""
        joint = Joint(self.auction)
        while not self._is_proven():
            try:
                start = self.standing.decision if self.standing else None
                choice = joint.solve(self.until, self.gap, start)
            except Infeasible:
                break
            self._lower(choice.bound)
            found = priced(dispatcher, choice.decision, self.until)
            if isinstance(found, Priced):
                self._keep(found, "heuristic")
                break
            joint.cut(choice)
            self.cuts += 1
            if not choice.is_optimal:
                break
        self._prove()

    def _relaxed(self, dispatcher: Dispatcher) -> Master:
        """Solve the relaxation, in windows that are wide enough; take a first answer from it."""
        window, steps = dispatcher.window, 2
        while True:
            master = Master(self.auction, window)
            proposal = master.relax(self.until)
            narrow = touched(master.columns, proposal.steps, HALF_LOT)
            if not narrow.size:
                break
            steps *= 4
            window = widened(self.auction, window, steps, narrow)
        self._lower(proposal.bound)
        self._answer(dispatcher, proposal)
        return master

    def _answer(self, dispatcher: Dispatcher, proposal: Proposal) -> None:
        """Make an answer of a proposal that need not stand, and improve it."""
        decision = whole_decision(self.auction, proposal)
        found = repaired(dispatcher, decision, self.until)
        self._keep(found, "heuristic")
        self._keep(reinserted(dispatcher, found, self.until), "heuristic")

    def _improve(self, dispatcher: Dispatcher, master: Master, until: float) -> None:
        """Alternate between the master program and prices, until a proposal stands."""
        cutter = Cutter(self.auction, master.places)
        while not self._is_proven():
            start = self.standing.decision if self.standing else None
            try:
                proposal = master.solve(until, self.gap, start)
            except TimeoutError:
                break
            except Infeasible:
                # every choice that is not cut off has been tried
                if self.best is not None and not self.is_narrowed:
                    self.bound = self.best.welfare
                break
            if not self.is_narrowed:
                self._lower(proposal.bound)
            if self._is_proven():
                break
            narrow = touched(master.columns, proposal.steps, HALF_LOT)
            if narrow.size:
                # cuts are by blocks, and need not be found again, but their columns move
                master = Master(self.auction, widened(self.auction, master.window, 50, narrow))
                cutter = Cutter(self.auction, master.places)
                continue
            decision = proposed_decision(self.auction, proposal)
            found = priced(dispatcher, decision, self.until)
            if isinstance(found, Priced):
                self._keep(found, "heuristic")
                break
            else:
                self._learn(dispatcher, master, cutter, found)
            if not proposal.is_optimal:
                break
        self._prove()

    def _learn(self, dispatcher: Dispatcher, master: Master, cutter: Cutter,
               rejected: Rejected) -> None:
        """Cut a proposal that does not stand, and see what is left of it."""
        ppm, least = rejected.decision.block_ppm, self.auction.blocks.ratio_ppm
        partial = np.flatnonzero((ppm > 0) & (ppm < UNIT) & (ppm != least))
        # a cut is by what is taken at all: another ratio of the same blocks may have stood
        self.is_narrowed |= bool(((ppm > 0) & (least < UNIT)).any())
        if partial.size:
            master.keep_whole(partial)
        else:
            for cut in cutter.cuts(rejected):
                master.cut(cut.taken, cut.others)
                self.cuts += 1
        found = repaired(dispatcher, rejected.decision, self.until)
        self._keep(reinserted(dispatcher, found, self.until), "heuristic")

    def _keep(self, found: Priced, method: str) -> None:
        """Keep an answer, in whole lots, if it is better than the best."""
        if self.standing is not None and found.welfare <= self.standing.welfare:
            return
        clearing = finished(self.auction, found)
        if clearing is not None and (self.best is None or clearing.welfare > self.best.welfare):
            self.best, self.standing, self.method = clearing, found, method

    def _lower(self, bound: float) -> None:
        # welfare is whole, so a bound between two wholes is the lower, but for the floats' noise
        if math.isfinite(bound):
            noise = max(NOISE, GRAIN * abs(bound))
            self.bound = min(self.bound, math.floor(bound + noise))

    def _is_proven(self) -> bool:
        if self.best is None:
            return False
        return self.bound - self.best.welfare <= self._slack(self.gap)

    def _prove(self) -> None:
        """Say of the best that it is exact if nothing above it is left."""
        if self.best is not None and self.bound - self.best.welfare <= self._slack(0.0):
            self.method, self.bound = "exact", self.best.welfare

    def _slack(self, gap: float) -> float:
        """Return how far from the bound counts as there: the solver's own grain at least."""
        # twice the grain: the bound was given as much for its own noise
        return max(gap, 2 * GRAIN) * max(abs(self.bound), 1)


def finished(auction: Auction, found: Priced) -> Clearing | None:
    """Return the clearing in whole lots, or None where rounding fails."""
    decision = found.decision
    net = net_sales(auction, decision.block_ppm)
    whole = allocate(auction, found.prices, net, decision.offers)
    if whole is None:
        return None
    clearing = Clearing(found.prices, whole.lots, decision.block_ppm, decision.offers,
                        whole.flows, 0)
    return clearing._replace(welfare=welfare_of(auction, clearing))


def proposed_decision(auction: Auction, proposal: Proposal) -> Decision:
    """Return an integer program's proposal as whole ratios."""
    return Decision(_ratios(auction, proposal), (proposal.offers > 0.5).astype(np.int64))


def whole_decision(auction: Auction, proposal: Proposal) -> Decision:
    """Return a relaxation's proposal with every block of half or more accepted whole.

    Of an exclusive group only its largest part is.
    """
    blocks, ratio = auction.blocks, proposal.ratio.copy()
    taken = ratio >= 0.5 - RATIO_TOLERANCE
    for block in np.flatnonzero(taken & (blocks.group >= 0)).tolist():
        rivals = np.flatnonzero(blocks.group == blocks.group[block])
        taken[block] = rivals[np.argmax(ratio[rivals])] == block
    ppm = without_orphans(blocks, np.where(taken, UNIT, 0))
    return Decision(ppm, (proposal.offers >= 0.5).astype(np.int64))


def _ratios(auction: Auction, proposal: Proposal) -> Ints:
    blocks = auction.blocks
    ppm = as_ppm(proposal.ratio)
    near = RATIO_TOLERANCE * UNIT * 10
    ppm = np.where(np.abs(ppm - UNIT) <= near, UNIT, ppm)
    ppm = np.where(np.abs(ppm - blocks.ratio_ppm) <= near, blocks.ratio_ppm, ppm)
    ppm = np.where(ppm < blocks.ratio_ppm // 2, 0, np.maximum(ppm, blocks.ratio_ppm))
    return np.where(blocks.ratio_ppm == UNIT, np.where(ppm >= UNIT // 2, UNIT, 0), ppm)


def _most(auction: Auction) -> int:
    """Return a bound that needs no solver: everything sold for nothing's worth of cost."""
    curves, blocks = auction.curves, auction.blocks
    span = max(abs(auction.price_max), abs(auction.price_min), 1)
    most = max([span, *(int(np.abs(p).max()) for p in (curves.price, blocks.price) if p.size)])
    return most * (int(curves.lots.sum()) + int(blocks.leg_lots.sum()))
