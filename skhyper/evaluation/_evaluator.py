"""The loop of every search: ask, submit folds, collect trials, call back."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from skhyper._sklearn import HAS_CALLBACKS
from skhyper._trial import History, Trial
from skhyper.evaluation._candidates import Candidates
from skhyper.evaluation._executor import Pool
from skhyper.evaluation._objective import FoldJob, error_message, finished_trial, fold_error

__all__ = ["Evaluator"]

# Complete failures with one message after which a sequential search ends, if nothing else was seen.
_FAILURES_TO_STOP = 3


class Evaluator:
    """Runs trials until the candidates, the time or a callback say stop.

    Parameters
    ----------
    candidates : Candidates
        Where settings come from.
    pool : Pool
        Where folds run.
    history : History
        Trials made before; they are kept and numbered first.
    pick : callable
        From a fold's scores to the one that is optimised.
    n_parallel : int
        Number of trials that may run at the same time.
    ordered : bool
        Whether a question sees only the results that it would see at any speed of the
        workers. Trials are then the same at every run.
    max_time : float or None
        Seconds after which no further trial is started.
    search : estimator
        Handed to callbacks in this process.
    caller : estimator or None
        Handed to scikit-learn's callbacks where folds run; None if there are none.
    context : callback context or None
        Of the search; folds are its sub-tasks. None where nobody listens.
    on_trial_end : callable
        ``on_trial_end(trial, history) -> bool``, True to stop.
    gives_up : bool
        Whether to stop when the first trials fail in every fold with one message, unless all
        settings are known ahead.

    Attributes
    ----------
    history : History
        All trials so far.
    stop_reason : str
        Why the search ended.
    gave_up : bool
        Whether it ended because all trials failed alike.
    """

    def __init__(
        self,
        candidates: Candidates,
        pool: Pool,
        history: History,
        pick: Callable[[Any], float],
        *,
        n_parallel: int,
        ordered: bool,
        max_time: float | None,
        search: Any,
        caller: Any,
        context: Any,
        on_trial_end: Callable[[Trial, History], bool],
        gives_up: bool = False,
    ):
        self._candidates = candidates
        self._pool = pool
        self._pick = pick
        self._all_at_once = candidates.known_ahead and pool.n_workers > 1
        self._n_parallel = n_parallel
        self._ordered = ordered
        self._deadline = None if max_time is None else time.monotonic() + max_time
        self._max_time = max_time
        self._search = search
        self._caller = caller
        self._context = context
        self._fold_contexts: dict[tuple[int, int], Any] = {}
        self._on_trial_end = on_trial_end
        self._base = history
        self._trials: list[Trial] = list(history)
        self._n_splits = max(1, len(history.splits))  # what has no folds runs once
        self._folds: dict[int, dict[int, dict]] = {}
        self._asking = True
        self._cut = False
        self._watches = gives_up and not candidates.known_ahead
        self._messages: list[str] = []  # of failed trials, while there are no others
        for trial in history:
            self._is_hopeless(trial)
        self.stop_reason = ""
        self.gave_up = False

    @property
    def history(self) -> History:
        return replace(self._base, trials=tuple(self._trials))

    def run(self) -> None:
        """Run the search to its end."""
        try:
            self._fill()
            while self._folds and not self._cut:
                self._wait()
        except BaseException:
            self._pool.close(kill=True)
            raise
        self._pool.close(kill=self._cut)

    def _wait(self) -> None:
        for job, result in self._pool.wait():
            self._collect(job, result)
            if not self._cut and self._folds:
                self._check_time()
            if self._cut:
                return
            self._fill()
        self._fill()  # a round of joblib has room again only now

    def _fill(self) -> None:
        """Ask and submit while a worker is, or is about to be, free."""
        while self._asking and self._may_ask():
            self._check_time()
            if not self._asking:
                return
            params = self._candidates.ask(self._visible_history())
            if params is None:
                self._stop(self._candidates.exhausted_reason)
                return
            self._submit(params)

    def _stop(self, reason: str, cut: bool = False) -> None:
        """Ask no more; with `cut`, do not wait for what is running either."""
        self._asking = False
        self._cut = cut
        self.stop_reason = reason

    def _check_time(self) -> None:
        if self._deadline is None or time.monotonic() < self._deadline:
            return
        n_done = len(self._trials) - len(self._base) - len(self._folds)
        # What was submitted all at once would otherwise run for as long as it takes.
        cut = self._all_at_once and n_done > 0
        if cut or (self._asking and len(self._trials) > len(self._base)):
            self._stop(f"max_time={self._max_time} seconds are over", cut)

    def _may_ask(self) -> bool:
        if self._all_at_once:
            return True
        if len(self._folds) >= self._n_parallel or not self._pool.has_room:
            return False
        oldest = min(self._folds, default=len(self._trials))
        return not self._ordered or oldest > len(self._trials) - self._n_parallel

    def _visible_history(self) -> History:
        """The history as a question may see it.

        With `ordered`, trial t is asked for with the results of the trials up to
        ``t - n_parallel`` only, later ones being pending whether they are done or not.
        """
        if not self._ordered or self._n_parallel == 1:
            return self.history
        first_hidden = max(len(self._trials) - self._n_parallel + 1, len(self._base))
        hidden = [Trial(t.number, t.params) for t in self._trials[first_hidden:]]
        return replace(self._base, trials=tuple(self._trials[:first_hidden] + hidden))

    def _submit(self, params: Mapping[str, Any]) -> None:
        number = len(self._trials)
        self._trials.append(Trial(number, params))
        self._folds[number] = {}
        new = number - len(self._base)
        for fold in range(self._n_splits):
            context = self._fold_context(new, fold)
            self._pool.submit(
                FoldJob(new, fold, params, self._candidates.n_candidates, self._caller, context)
            )

    def _fold_context(self, new: int, fold: int) -> Any:
        """The context that goes with a job, None where callbacks are not told by its worker."""
        if self._context is None or (HAS_CALLBACKS and self._caller is None):
            return None
        task_id = new * self._n_splits + fold
        context = self._context.subcontext(task_name="candidate-split-evaluation", task_id=task_id)
        if HAS_CALLBACKS:
            return context
        # Before scikit-learn 1.9 its workers know no callbacks: they are told from here.
        context.call_on_fit_task_begin(estimator=self._search)
        self._fold_contexts[new, fold] = context
        return None

    def _collect(self, job: FoldJob, result: dict[str, Any]) -> None:
        if (job.trial, job.fold) in self._fold_contexts:
            context = self._fold_contexts.pop((job.trial, job.fold))
            context.call_on_fit_task_end(estimator=self._search)
        number = job.trial + len(self._base)
        folds = self._folds[number]
        folds[job.fold] = result
        if len(folds) < self._n_splits:
            return
        del self._folds[number]
        ordered = [folds[fold] for fold in range(self._n_splits)]
        trial = finished_trial(self._trials[number], ordered, self._pick)
        self._trials[number] = trial
        hopeless = self._is_hopeless(trial)
        if self._on_trial_end(trial, self.history):
            self._stop("a callback asked to stop", cut=True)
        elif hopeless:
            self.gave_up = True
            n = len(self._messages)
            self._stop(f"all of the first {n} trials failed with the same error", cut=True)

    def _is_hopeless(self, trial: Trial) -> bool:
        """Whether all trials so far failed in every fold with the same message."""
        if not self._watches:
            return False
        errors = [fold_error(fold, self._pick) for fold in trial.folds]
        self._messages += [error_message(error) if error else "" for error in errors[:1]]
        same = {error_message(error) if error else "" for error in errors} | set(self._messages)
        self._watches = len(same) == 1 and "" not in same
        return self._watches and len(self._messages) >= _FAILURES_TO_STOP
