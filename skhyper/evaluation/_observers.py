"""Observers: objects whose hooks the evaluator calls for folds and trials, in the main process.

Observers are called in their order. The journal comes first, so that a trial is on the disk before
any other observer is called.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from skhyper._sklearn import HAS_CALLBACKS
from skhyper._trial import History, StopReason, Trial
from skhyper.evaluation._objective import FoldJob, error_message, fold_error

# Number of trials without any score, all with the same error, after which a search stops.
_MAX_FAILURES = 3


class Observer:
    """Base class whose hooks do nothing."""

    def on_trial_start(self, trial: Trial) -> None:
        """Called with each candidate, before its first fold is submitted."""

    def on_fold_start(self, job: FoldJob) -> FoldJob:
        """Called before a fold is submitted; returns the job, possibly with data for the worker."""
        return job

    def on_fold_end(self, job: FoldJob, result: dict[str, Any]) -> None:
        """Called with the result of each fold, in the order in which they arrive."""

    def on_trial_end(self, trial: Trial, history: History) -> StopReason | None:
        """Called after each trial; `history` contains it.

        Returns
        -------
        reason : StopReason or None
            Why the search should stop; None to continue.
        """
        return None


class FoldCallbacks(Observer):
    """scikit-learn's callbacks for folds.

    From scikit-learn 1.9 on, workers call them, with `caller` and the context sent with the job.
    Older versions do not support this; they are then called here, with `search`. Folds are subtasks
    of `context`, that of the search.
    """

    def __init__(self, search: Any, caller: Any, context: Any, n_splits: int):
        self._search = search
        self._caller = caller
        self._context = context
        self._n_splits = n_splits
        self._running: dict[tuple[int, int], Any] = {}  # before scikit-learn 1.9

    def on_fold_start(self, job: FoldJob) -> FoldJob:
        number = job.trial * self._n_splits + job.fold
        context = self._context.subcontext(task_name="candidate-split-evaluation", task_id=number)
        if HAS_CALLBACKS:
            return replace(job, caller=self._caller, context=context)
        context.call_on_fit_task_begin(estimator=self._search)
        self._running[job.trial, job.fold] = context
        return job

    def on_fold_end(self, job: FoldJob, result: dict[str, Any]) -> None:
        if not HAS_CALLBACKS:
            context = self._running.pop((job.trial, job.fold))
            context.call_on_fit_task_end(estimator=self._search)


class TrialCallbacks(Observer):
    """Calls ``on_trial_end(search, trial)`` of a search's callbacks.

    ``search.history_`` is set before, for callbacks to read. Each of the `hooks` is called first,
    as ``hook(search, history, trial) -> bool``. The search stops if any of them returns True.
    """

    def __init__(self, search: Any, hooks: Iterable[Callable] = ()):
        self._search = search
        self._hooks = tuple(hooks)

    def on_trial_end(self, trial: Trial, history: History) -> StopReason | None:
        self._search.history_ = history
        answers = [hook(self._search, history, trial) for hook in self._hooks]
        for callback in getattr(self._search, "_skl_callbacks", []):
            if hasattr(callback, "on_trial_end"):
                answers.append(callback.on_trial_end(self._search, trial))
        return StopReason("a callback asked to stop", "callback") if any(answers) else None


class FailureWatch(Observer):
    """Stops a search whose first trials all fail in every fold with the same error.

    `pick` maps a fold's scores to the one that is optimized; `base` are the trials the search
    starts from. `gave_up` is whether it stopped the search.
    """

    def __init__(self, pick: Callable[[Any], float], base: Iterable[Trial] = ()):
        self._pick = pick
        self._is_watching = True
        self._messages: list[str] = []  # of the first fold of each trial
        self.gave_up = False
        for trial in base:
            self._all_failed(trial)

    def on_trial_end(self, trial: Trial, history: History) -> StopReason | None:
        if not self._all_failed(trial):
            return None
        self.gave_up = True
        reason = f"all of the first {len(self._messages)} trials failed with the same error"
        return StopReason(reason, "failures")

    def _all_failed(self, trial: Trial) -> bool:
        """Whether there are enough trials, all of whose folds failed with the same error."""
        if not self._is_watching or trial.shared:
            return False
        errors = [fold_error(fold, self._pick) for fold in trial.folds]
        params = repr(dict(trial.params))  # some errors name them
        messages = [error_message(error).replace(params, "") if error else "" for error in errors]
        self._messages += messages[:1]
        different = {*messages, *self._messages}
        self._is_watching = len(different) == 1 and "" not in different
        return self._is_watching and len(self._messages) >= _MAX_FAILURES
