"""The loop of every search: get candidates, run their folds, collect trials."""

import math
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from skhyper._trial import History, StopReason, Trial
from skhyper.evaluation._breadth_first import BreadthFirst
from skhyper.evaluation._candidates import Candidates
from skhyper.evaluation._deadline import Deadline
from skhyper.evaluation._executor import Pool
from skhyper.evaluation._objective import FoldJob, finished_trial
from skhyper.evaluation._observers import Observer
from skhyper.evaluation._racing import with_fold_effects

# Number of parallel trials for each proposal of a batch.
_RUNNING_PER_BATCH = 32


@dataclass(frozen=True)
class Budget:
    """Limits of a search other than the number of candidates.

    Attributes
    ----------
    max_time : float or None
        Seconds after which no further fold is started, if there is a trial. A pool of worker
        processes or threads also abandons running folds, and leaves time for the refit.
    n_parallel : int
        Maximum number of trials that run at the same time.
    ordered : bool
        If True, each proposal uses only results that do not depend on the speed of the workers,
        so that trials are the same in every run.
    refit_scale : float
        Time of the refit relative to that of a fold's fit: the ratio of their numbers of samples, 0
        without a refit.
    """

    max_time: float | None = None
    n_parallel: int = 1
    ordered: bool = False
    refit_scale: float = 0.0


@runtime_checkable
class Racer(Protocol):
    """Stops trials early, after some of their folds."""

    def goes_on(self, trial: Trial, history: History) -> bool:
        """Whether to run the next fold of a trial.

        Called after each fold but the last, in a random order that is the same for all trials.

        Parameters
        ----------
        trial : Trial
            The trial as if it ended here: ``"stopped"``, with the loss of the folds so far and
            nan scores for the others; or ``"failed"``.
        history : History
            All trials so far; with ``Budget.ordered``, those the trial was proposed from.
        """


@dataclass(frozen=True)
class Resumed:
    """Where an earlier process stopped in the same search.

    Attributes
    ----------
    folds : dict
        From numbers of earlier trials that are still running to results of their folds.
    n_given : int or None
        Number of the first trial that the search itself made; None if it made none of the earlier
        ones.
    seconds : float
        Time that the search took before.
    """

    folds: Mapping[int, Mapping[int, dict[str, Any]]] = field(default_factory=dict)
    n_given: int | None = None
    seconds: float = 0.0


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
    resumed : Resumed
        Trials of `base` that are to be continued.

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
        resumed: Resumed = Resumed(),
    ):
        self._candidates = candidates
        self._pool = pool
        self._base = base
        self._budget = budget
        self._racer = racer
        self._observers = tuple(observers)
        self._pick = pick
        self._resumed = resumed
        self._deadline = Deadline(budget.max_time, budget.refit_scale, pool, resumed.seconds)
        self._n_splits = max(1, len(base.splits))  # a function has no folds and runs once
        # With a racer or a deadline, folds wait here, where they can be cancelled.
        self._holds_folds = racer is not None or self._deadline.is_enforced
        self._fold_order = list(range(self._n_splits))
        if racer is not None:
            rng = np.random.default_rng([base.seed, 0, 2])
            self._fold_order = rng.permutation(self._n_splits).tolist()
        self._breadth_first: BreadthFirst | None = None
        if racer is not None and self._n_splits > 1 and self._knows_all_candidates:
            self._breadth_first = BreadthFirst(budget.n_parallel)
        self._all_at_once = candidates.known_ahead and pool.n_workers > 1 and not self._holds_folds
        # Proposals may be made in batches where that hides few results from them.
        self._n_ahead = 1 if budget.ordered else max(1, budget.n_parallel // _RUNNING_PER_BATCH)
        self._waiting: deque[FoldJob] = deque()
        self._trials: list[Trial] = list(base)
        self._proposals: list[int] = []  # of which each trial is, or to which it was added
        for trial in base:
            self._count(trial)
        self._running: dict[int, _Running] = {}
        # Trial that the jobs of this process count as 0, and the first one that the search made.
        self._first_job = min(resumed.folds, default=len(base))
        self._first_own = len(base) if resumed.n_given is None else resumed.n_given
        self._n_done = 0
        if resumed.seconds:
            self._n_done = len(base) - len(resumed.folds)
            for result in (result for trial in base for result in trial.folds):
                self._deadline.on_fold_end(result)
        self._asking = True
        self._cut = False
        self.stop_reason = StopReason("", "candidates")

    @property
    def history(self) -> History:
        return self._with_trials(self._trials)

    @property
    def _knows_all_candidates(self) -> bool:
        """Whether all candidates are available before the first trial ends."""
        candidates = self._candidates
        is_bounded = math.isfinite(candidates.n_candidates) and self._budget.max_time is None
        return is_bounded and not candidates.uses_losses

    def _with_trials(self, trials: Iterable[Trial]) -> History:
        base = self._base  # `dataclasses.replace` takes several times as long
        return History(tuple(trials), base.seed, base.fingerprint, base.splits)

    def _count(self, trial: Trial) -> None:
        last = self._proposals[-1] if self._proposals else -1
        self._proposals.append(max(0, last) if trial.shared else last + 1)

    @property
    def _n_proposals(self) -> int:
        return self._proposals[-1] + 1 if self._proposals else 0

    def run(self) -> None:
        """Run the search to its end."""
        try:
            self._resume()
            self._fill()
            # Folds of a stopped trial may occupy all workers while no trial is running.
            while (self._running or self._asking) and not self._cut:
                self._wait()
        except BaseException:
            self._pool.close(kill=True)
            raise
        self._pool.close(kill=self._cut)

    def _resume(self) -> None:
        """Continue the unfinished trials of an earlier process, without their finished folds."""
        for number, results in sorted(self._resumed.folds.items()):
            self._running[number] = _Running(dict(results))
        last = bisect_left(self._proposals, self._n_proposals - 1)
        if last in self._running and self._candidates.has_followers:
            # The process may have died before it wrote all candidates added to this proposal.
            self._add_followers(self._trials[last].params, self.history)
        for number in list(self._running):
            n_folds = self._n_folds_at_end(number)
            if n_folds is not None:
                self._end_trial(number, n_folds)
            else:
                self._add_jobs(number)
            if self._cut:
                return
        self._check_time()
        if not self._cut:
            self._submit_waiting()

    def _wait(self) -> None:
        for job, result in self._pool.wait(self._deadline.seconds_left(self._n_done > 0)):
            self._collect(job, result)
            if not self._cut and self._running:
                self._check_time()
            if self._cut:
                return
            self._fill()
        # After a timeout, or a round of joblib in which no worker was free.
        if self._running:
            self._check_time()
        if not self._cut:
            self._fill()

    def _fill(self) -> None:
        """Submit waiting folds, and start or continue trials while a worker is free."""
        self._submit_waiting()
        self._start_new()
        if self._breadth_first is not None and not self._asking:
            self._continue_after_first_fold(self._breadth_first)

    def _start_new(self) -> None:
        while self._asking and self._may_ask():
            self._check_time()
            if not self._asking:
                return
            history = self._history_for(len(self._trials))
            params = self._candidates.ask(history, self._n_ahead)
            if params is None:
                self._stop(self._candidates.exhausted_reason)
                return
            self._start(params)

    def _stop(self, reason: StopReason, cut: bool = False) -> None:
        """Start no further trials; with `cut`, do not wait for running ones."""
        self._asking = False
        self._cut = cut
        self.stop_reason = reason

    def _check_time(self) -> None:
        if not self._deadline.is_set or (not self._n_done and len(self._trials) == len(self._base)):
            return  # at least one trial is started
        if self._deadline.is_over(self._n_done > 0):
            cut = self._n_done > 0 or self._deadline.is_enforced
            if cut or self._asking:
                self._stop_by_time("seconds have passed", cut)
        elif self._asking and self._n_done > 0 and not self._all_at_once:
            n_left = sum(
                self._n_splits - len(running.results)
                for number, running in self._running.items()
                if not self._trials[number].shared
            )
            rounds = math.ceil((n_left + self._n_splits) / self._pool.n_workers)
            if not self._deadline.leaves_time_for(rounds):
                self._stop_by_time("seconds leave no time for another trial")

    def _stop_by_time(self, why: str, cut: bool = False) -> None:
        self._stop(StopReason(f"max_time={self._budget.max_time} {why}", "max_time"), cut)

    def _may_ask(self) -> bool:
        if self._all_at_once:
            return True
        if self._waiting or not self._pool.has_room:
            return False
        if self._breadth_first is not None:
            return True
        if self._candidates.known_ahead and self._racer is None:
            return True
        n_parallel = self._budget.n_parallel
        running = {self._proposals[number] for number in self._running}
        if len(running) >= n_parallel:
            return False
        oldest = min(running, default=self._n_proposals)
        return not self._budget.ordered or oldest > self._n_proposals - n_parallel

    def _history_for(self, number: int) -> History:
        """The history from which trial `number` is proposed and raced.

        If `ordered`, it has the results of all but the last ``n_parallel - 1`` proposals before;
        these appear as running, whether they are or not. In a breadth-first race these are
        numbers of its ranking.
        """
        if self._breadth_first is not None and self._breadth_first.is_ranked:
            raced = list(self._trials)
            for i in self._breadth_first.hidden_from(number) - self._running.keys():
                t = raced[i]
                raced[i] = Trial(i, t.params, started=t.started, shared=t.shared)
            return self._with_trials(raced)
        if not self._budget.ordered:
            return self.history
        is_new = number == len(self._trials)
        proposal = self._n_proposals if is_new else self._proposals[number]
        number = bisect_left(self._proposals, proposal)  # not one that was added to it
        first_hidden = bisect_left(self._proposals, proposal - self._budget.n_parallel + 1)
        first_hidden = max(first_hidden, self._first_own)
        hidden = [
            Trial(t.number, t.params, started=t.started, shared=t.shared)
            for t in self._trials[first_hidden:number]
        ]
        return self._with_trials(self._trials[:first_hidden] + hidden)

    def _start(self, params: Mapping[str, Any]) -> None:
        """Start a proposal, with the candidates that share its fits."""
        history = self.history if self._candidates.has_followers else None
        first = len(self._trials)
        self._add_trial(params)
        self._add_followers(params, history)
        for number in range(first, len(self._trials)):
            self._add_jobs(number)
        self._submit_waiting()

    def _add_followers(self, params: Mapping[str, Any], history: History | None) -> None:
        for one in () if history is None else self._candidates.followers(params, history):
            self._add_trial(one, shared=True)

    def _add_trial(self, params: Mapping[str, Any], shared: bool = False) -> None:
        number, scores = len(self._trials), np.full(self._n_splits, np.nan)
        trial = Trial(number, params, scores=scores, started=time.time(), shared=shared)
        self._trials.append(trial)
        self._count(trial)
        self._running[number] = _Running()
        for observer in self._observers:
            observer.on_trial_start(trial)

    def _add_jobs(self, number: int) -> None:
        """Queue the folds of a trial that have no result."""
        params, new = self._trials[number].params, number - self._first_job
        n = self._candidates.n_candidates + len(self._resumed.folds)
        order = self._fold_order if self._may_continue(number) else self._fold_order[:1]
        left = [i for i in order if i not in self._running[number].results]
        self._waiting.extend(FoldJob(new, fold, params, n) for fold in left)

    def _may_continue(self, number: int) -> bool:
        """Whether a trial may run more than its first fold."""
        return self._breadth_first is None or self._breadth_first.has_started(number)

    def _continue_after_first_fold(self, race: BreadthFirst) -> None:
        """Continue trials in a breadth-first race, if all candidates have run their first fold."""
        if not race.is_ranked:
            first, own = self._fold_order[0], range(self._first_own, len(self._trials))
            if any(first not in trial.results for trial in self._running.values()):
                return
            race.rank({number: self._score_of(number, first) for number in own})
        while not (self._waiting or self._cut) and self._pool.has_room:
            number = race.next_trial(self._running)
            if number is None:
                return
            n_folds = self._n_folds_at_end(number)
            if n_folds is None:
                self._add_jobs(number)
                self._submit_waiting()
            else:
                self._end_trial(number, n_folds)

    def _score_of(self, number: int, fold: int) -> float:
        if number not in self._running:  # an earlier process has ended it
            return float(self._trials[number].scores[fold])
        return self._pick(self._running[number].results[fold]["test_scores"])

    def _submit_waiting(self) -> None:
        while self._waiting and (self._pool.has_room or not self._holds_folds):
            if self._deadline.is_enforced and self._is_too_late_for(self._waiting[0]):
                self._abandon_waiting()
                return
            job = self._waiting.popleft()
            for observer in self._observers:
                job = observer.on_fold_start(job)
            self._pool.submit(job)

    def _is_too_late_for(self, job: FoldJob) -> bool:
        done = self._running[job.trial + self._first_job].results.values()
        return self._n_done > 0 and not self._deadline.leaves_time_for(1, like=done)

    def _abandon_waiting(self) -> None:
        """End the trials whose remaining folds would not end in time."""
        for job in self._waiting:
            self._running.pop(job.trial + self._first_job, None)
        self._waiting.clear()
        self._stop_by_time("seconds leave no time for another fold", cut=not self._running)

    def _collect(self, job: FoldJob, result: dict[str, Any]) -> None:
        self._deadline.on_fold_end(result)
        for observer in self._observers:
            observer.on_fold_end(job, result)
        number = job.trial + self._first_job
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
        running, order = self._running[number], self._fold_order
        if not self._may_continue(number):
            return None
        if self._racer is not None:
            for fold in order[running.n_raced : -1]:
                if fold not in running.results:
                    break
                running.n_raced += 1
                so_far = self._with_results(number, running.n_raced)
                if not self._racer.goes_on(so_far, self._history_for(number)):
                    return running.n_raced
        return self._n_splits if len(running.results) == self._n_splits else None

    def _with_results(self, number: int, n_folds: int) -> Trial:
        results = self._running[number].results
        run = sorted(self._fold_order[:n_folds])
        return finished_trial(self._trials[number], [results[i] for i in run], self._pick, run)

    def _end_trial(self, number: int, n_folds: int) -> None:
        trial = self._with_results(number, n_folds)
        if n_folds < self._n_splits:
            trial = with_fold_effects(trial, self._history_for(number))
            self._cancel(number - self._first_job)
        del self._running[number]
        self._n_done += 1
        self._trials[number] = trial
        history = self.history
        reasons = [observer.on_trial_end(trial, history) for observer in self._observers]
        for reason in filter(None, reasons[::-1]):  # the first reason is kept
            self._stop(reason, cut=True)

    def _cancel(self, new: int) -> None:
        """Do not run the remaining folds of a trial."""
        self._waiting = deque(job for job in self._waiting if job.trial != new)
        self._pool.cancel(new)
