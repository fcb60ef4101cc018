"""Results of a running or interrupted search, and messages about missing ones."""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sklearn.exceptions import NotFittedError

from skhyper._sklearn import teardown_callbacks
from skhyper._trial import History, StopReason
from skhyper.callbacks import StopOnInterrupt
from skhyper.evaluation import Terminated, interruption_name, sigterm_interrupts
from skhyper.search._results import (
    RESULTS,
    RESULTS_OF_TRIALS,
    forget_results,
    results_so_far,
    store_partial_results,
)
from skhyper.search._warnings import warn

# With the callback StopOnInterrupt.
STOPPED = StopReason("stopped by Ctrl-C", "interrupted")


@contextmanager
def interruptions_stored(search: Any) -> Iterator[None]:
    """Context that stores the trials and a stop reason on any interruption, SIGTERM included.

    On exit it tears down callbacks.
    """
    before = vars(search).get("history_")
    with sigterm_interrupts():
        try:
            yield
        except BaseException as error:
            if not isinstance(error, Exception):
                _store_interruption(search, before, error)
            raise
        finally:
            teardown_callbacks(search)


def _store_interruption(search: Any, before: History | None, error: BaseException) -> None:
    """Store the trials; without any of this fit, those of the last one if `warm_start`."""
    history = vars(search).get("history_")
    warm = search.get_params(deep=False).get("warm_start", False)
    stale = history is None or (history is before and not warm)
    search.history_ = History() if stale else history
    search.n_trials_ = len(search.history_)
    reason = f"interrupted by {interruption_name(error)}"
    search.stop_reason_ = StopReason(reason, "interrupted")
    forget_results(search, keep=() if stale else RESULTS_OF_TRIALS)
    if "cv_results_" not in vars(search):
        store_partial_results(search)


def stop_callbacks(search: Any) -> list[StopOnInterrupt]:
    """The callbacks of a search that let Ctrl-C end it regularly."""
    callbacks = getattr(search, "_skl_callbacks", [])
    found = [callback for callback in callbacks if isinstance(callback, StopOnInterrupt)]
    if found and threading.current_thread() is not threading.main_thread():
        warn(
            "StopOnInterrupt has no effect on a search outside of the main thread, as Python "
            "delivers Ctrl-C to the main thread only. End it by max_time or by a callback."
        )
    return [callback for callback in found if callback.is_active]


def stops(
    callbacks: Sequence[StopOnInterrupt], error: BaseException, history: History
) -> StopReason | None:
    """Stop reason of a search that Ctrl-C ends regularly; None if the error is to be raised."""
    ctrl_c = isinstance(error, KeyboardInterrupt) and not isinstance(error, Terminated)
    if not callbacks or not ctrl_c or history.best is None:
        return None
    print(  # noqa: T201
        f"Ctrl-C: the search ends after {len(history) - len(history.pending)} trials. Press it "
        "again to abort.",
        file=sys.stderr,
        flush=True,
    )
    return STOPPED


class Interruptible:
    """Mixin of searches: results while a search runs, messages about those that are missing."""

    refit: Any

    def __sklearn_is_fitted__(self) -> bool:
        message = self._what_is_missing()
        if message:
            raise NotFittedError(message)
        return "cv_results_" in self.__dict__

    def __getattr__(self, name: str) -> Any:
        # Called only for missing attributes.
        if name in RESULTS_OF_TRIALS and self.__dict__.get("_is_running"):
            self.__dict__.update(results_so_far(self))
            if name in self.__dict__:
                return self.__dict__[name]
        if name in RESULTS and (message := self._what_is_missing()):
            raise AttributeError(message)
        return object.__getattribute__(self, name)  # raises the usual error

    def _what_is_missing(self) -> str:
        """Why there is no model after a fit, and how to get one; empty if none is expected."""
        known = self.__dict__
        reason = known.get("stop_reason_")
        if reason is None or "best_estimator_" in known:
            return ""
        # `scorer_` is among the last results that are stored.
        interrupted = reason.kind == "interrupted" and ("scorer_" not in known or self.refit)
        failed = "cv_results_" in known and bool(self.refit)
        if not interrupted and not failed:
            return ""
        what = reason if reason.kind == "interrupted" else "not completed"
        start = f"This {type(self).__name__} is not fitted: the last fit was {what}"
        again = "call fit again"
        if "warm_start" in known:
            again += ", with warm_start=True to continue from its trials"
        if "cv_results_" not in known:
            return f"{start} before a trial was completed, so there are no results. C{again[1:]}."
        return (
            f"{start} after {known['n_trials_']} trials, before a model was refitted. Call "
            f"refit_best(X, y) to fit the best candidate to all data, or {again}."
        )
