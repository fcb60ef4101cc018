"""The loop of every search: get candidates, run their folds, collect trials."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from skhyper._trial import History, StopReason, Trial
from skhyper.evaluation._candidates import Candidates
from skhyper.evaluation._executor import Pool
from skhyper.evaluation._objective import FoldJob, finished_trial
from skhyper.evaluation._observers import Observer

__all__ = ["Budget", "Evaluator", "Racer"]


@dataclass(frozen=True)
class Budget:
    """Limits of a search other than the number of candidates.

    Attributes
    ----------
    max_time : float or None
        Seconds after which no further trial is started.
    n_parallel : int
        Maximum number of trials that run at the same time.
    ordered : bool
        If True, each proposal uses only results that do not depend on the speed of the workers,
        so that trials are the same in every run.
    """

    max_time: float | None = None
    n_parallel: int = 1
    ordered: bool = False


class Racer(Protocol):
    """Stops trials early, after some of their folds."""

    def goes_on(self, trial: Trial, history: History) -> bool:
        """Whether to run the next fold of a trial.

        Called after each fold but the last, in the order of the folds.

        Parameters
        ----------
        trial : Trial
            The trial as if it ended here: ``"stopped"``, with the loss of its first folds; or
            ``"failed"``.
        history : History
            All trials so far; with ``Budget.ordered``, those the trial was proposed from.
        """


@dataclass
class _Running:
    """Results of a trial's folds, and the number of these after which the racer continued it."""

    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    n_raced: int = 0


class Evaluator:
    """Runs trials until the candidates, the time or an observer end the search.

    Parameters
    ----------
    candidates : Candidates
        Source of params.
    pool : Pool
        Runs the folds.
    base : History
        Earlier trials; they keep their numbers.
    budget : Budget
    racer : Racer or None
        None runs all folds of each trial.
    observers : sequence of Observer
        Called in this order.
    pick : callable
        Maps a fold's scores to the one that is optimized.

    Attributes
    ----------
    history : History
        All trials so far.
    stop_reason : StopReason
        Why the search ended.
    """

    def __init__(
        self,
        candidates: Candidates,
        pool: Pool,
        base: History,
        budget: Budget,
        racer: Racer | None = None,
        observers: Sequence[Observer] = (),
        pick: Callable[[Any], float] = float,
    ):
        self._candidates = candidates
        self._pool = pool
        self._base = base
        self._budget = budget
        self._racer = racer
        self._observers = tuple(observers)
        self._pick = pick
        self._deadline = None if budget.max_time is None else time.monotonic() + budget.max_time
        self._n_splits = max(1, len(base.splits))  # a function has no folds and runs once
        # With a racer, folds wait here, where it can cancel them; a pool would start some early.
        self._holds_folds = racer is not None
        self._all_at_once = candidates.known_ahead and pool.n_workers > 1 and racer is None
        self._waiting: deque[FoldJob] = deque()
        self._trials: list[Trial] = list(base)
        self._running: dict[int, _Running] = {}
        self._asking = True
        self._cut = False
        self.stop_reason = StopReason("", "candidates")

    @property
    def history(self) -> History:
        return self._with_trials(self._trials)

    def _with_trials(self, trials: Iterable[Trial]) -> History:
        base = self._base  # `dataclasses.replace` takes several times as long
        return History(tuple(trials), base.seed, base.fingerprint, base.splits)

    def run(self) -> None:
        """Run the search to its end."""
        try:
            self._fill()
            while self._running and not self._cut:
                self._wait()
        except BaseException:
            self._pool.close(kill=True)
            raise
        self._pool.close(kill=self._cut)

    def _wait(self) -> None:
        for job, result in self._pool.wait():
            self._collect(job, result)
            if not self._cut and self._running:
                self._check_time()
            if self._cut:
                return
            self._fill()
        self._fill()  # after a round of joblib; there was no room before

    def _fill(self) -> None:
        """Submit waiting folds, and start new trials while a worker is free."""
        self._submit_waiting()
        while self._asking and self._may_ask():
            self._check_time()
            if not self._asking:
                return
            params = self._candidates.ask(self._history_for(len(self._trials)))
            if params is None:
                self._stop(self._candidates.exhausted_reason)
                return
            self._start(params)

    def _stop(self, reason: StopReason, cut: bool = False) -> None:
        """Start no further trials; with `cut`, do not wait for running ones either."""
        self._asking = False
        self._cut = cut
        self.stop_reason = reason

    def _check_time(self) -> None:
        if self._deadline is None or time.monotonic() < self._deadline:
            return
        n_done = len(self._trials) - len(self._base) - len(self._running)
        # Cancel jobs that were all submitted at the start.
        cut = self._all_at_once and n_done > 0
        if cut or (self._asking and len(self._trials) > len(self._base)):
            reason = f"max_time={self._budget.max_time} seconds have passed"
            self._stop(StopReason(reason, "max_time"), cut)

    def _may_ask(self) -> bool:
        if self._all_at_once:
            return True
        n_parallel = self._budget.n_parallel
        if len(self._running) >= n_parallel or self._waiting or not self._pool.has_room:
            return False
        oldest = min(self._running, default=len(self._trials))
        return not self._budget.ordered or oldest > len(self._trials) - n_parallel

    def _history_for(self, number: int) -> History:
        """The history from which trial `number` is proposed and raced.

        If `ordered`, it has the results of the trials up to ``number - n_parallel``; later ones
        appear as running, whether they are or not.
        """
        if not self._budget.ordered:
            return self.history
        first_hidden = max(number - self._budget.n_parallel + 1, len(self._base))
        hidden = [
            Trial(t.number, t.params, started=t.started) for t in self._trials[first_hidden:number]
        ]
        return self._with_trials(self._trials[:first_hidden] + hidden)

    def _start(self, params: Mapping[str, Any]) -> None:
        number = len(self._trials)
        scores = np.full(self._n_splits, np.nan)
        self._trials.append(Trial(number, params, scores=scores, started=time.time()))
        self._running[number] = _Running()
        new = number - len(self._base)
        n = self._candidates.n_candidates
        self._waiting.extend(FoldJob(new, fold, params, n) for fold in range(self._n_splits))
        self._submit_waiting()

    def _submit_waiting(self) -> None:
        while self._waiting and (self._pool.has_room or not self._holds_folds):
            job = self._waiting.popleft()
            for observer in self._observers:
                job = observer.on_fold_start(job)
            self._pool.submit(job)

    def _collect(self, job: FoldJob, result: dict[str, Any]) -> None:
        for observer in self._observers:
            observer.on_fold_end(job, result)
        number = job.trial + len(self._base)
        if number not in self._running:
            return  # the trial was stopped while this fold ran
        self._running[number].results[job.fold] = result
        n_folds = self._n_folds_at_end(number)
        if n_folds is not None:
            self._end_trial(number, n_folds)

    def _n_folds_at_end(self, number: int) -> int | None:
        """Number of folds of a trial that ends now; None if it continues.

        Later folds of a stopped trial are discarded, even if they were run, so that the trial does
        not depend on the speed of the workers.
        """
        running = self._running[number]
        if self._racer is not None:
            while running.n_raced in running.results and running.n_raced < self._n_splits - 1:
                running.n_raced += 1
                so_far = self._with_results(number, running.n_raced)
                if not self._racer.goes_on(so_far, self._history_for(number)):
                    return running.n_raced
        return self._n_splits if len(running.results) == self._n_splits else None

    def _with_results(self, number: int, n_folds: int) -> Trial:
        results = self._running[number].results
        folds = [results[fold] for fold in range(n_folds)]
        return finished_trial(self._trials[number], folds, self._pick)

    def _end_trial(self, number: int, n_folds: int) -> None:
        trial = self._with_results(number, n_folds)
        if n_folds < self._n_splits:
            self._cancel(number - len(self._base))
        del self._running[number]
        self._trials[number] = trial
        history = self.history
        reasons = [observer.on_trial_end(trial, history) for observer in self._observers]
        for reason in filter(None, reasons[::-1]):  # the first reason is kept
            self._stop(reason, cut=True)

    def _cancel(self, new: int) -> None:
        """Do not run the remaining folds of a trial."""
        self._waiting = deque(job for job in self._waiting if job.trial != new)
        self._pool.cancel(new)
