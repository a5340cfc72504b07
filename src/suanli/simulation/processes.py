"""Runs trials over processes; each result is handed over as soon as it is there.

Rows do not depend on the number of processes: a trial is a function of its parameters. A process
whose parent is gone ends itself, so that a killed replay leaves nothing running.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from suanli.simulation.run import Progress
from suanli.simulation.trials import Result, Trial, run_trial
from suanli.terms.errors import Unavailable

Done = Callable[[Trial, Result], None]


def run_trials(trials: Sequence[Trial], processes: int, done: Done, progress: Progress) -> None:
    """Run trials, calling `done` for each in the order in which they finish.

    `progress` counts jobs of the one trial where there is only one, trials otherwise.

    Raises
    ------
    Unavailable
        When a process dies; what is done is done.
    """
    if len(trials) == 1:
        done(trials[0], run_trial(trials[0], progress))
    elif min(processes, len(trials)) == 1:
        for number, trial in enumerate(trials, 1):
            done(trial, run_trial(trial))
            progress(number, len(trials))
    else:
        _spread(trials, processes, done, progress)


def _spread(trials: Sequence[Trial], processes: int, done: Done, progress: Progress) -> None:
    # Fresh processes, not forks: the parent has threads (a progress bar, numba).
    pool = ProcessPoolExecutor(min(processes, len(trials)),
                               multiprocessing.get_context("spawn"), _end_with_parent)
    try:
        running: dict[Future[Result], Trial] = {pool.submit(run_trial, t): t for t in trials}
        for number, future in enumerate(as_completed(running), 1):
            done(running[future], future.result())
            progress(number, len(trials))
    except BrokenProcessPool as error:
        raise Unavailable("a process of this replay died (was memory short?)") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
