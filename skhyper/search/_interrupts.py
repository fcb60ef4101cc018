"""What a search that was interrupted still has, and what it says of the rest."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from skhyper._trial import History
from skhyper.evaluation import interruption_name

__all__ = ["OF_THE_LAST_FIT", "Interruptible"]

# What must not be left from an earlier fit where this one was interrupted or failed.
OF_THE_LAST_FIT = (
    "best_estimator_",
    "best_index_",
    "best_params_",
    "best_score_",
    "cv_results_",
    "multimetric_",
    "refit_time_",
    "scorer_",
)


class Interruptible:
    """A search that explains what is missing after an interruption.

    Attributes
    ----------
    stop_reason_ : str
        Starts with "interrupted" if an interruption ended the last fit.
    """

    def __sklearn_is_fitted__(self) -> bool:
        message = self._what_is_missing()
        if message:
            raise NotFittedError(message)
        return "cv_results_" in self.__dict__

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there only.
        if name in OF_THE_LAST_FIT and (message := self._what_is_missing()):
            raise AttributeError(message)
        return object.__getattribute__(self, name)  # raises the error of before

    def _what_is_missing(self) -> str:
        """Why there is no refitted model and how to get one; empty without an interruption."""
        known = self.__dict__
        reason = known.get("stop_reason_", "")
        if not reason.startswith("interrupted"):
            return ""
        start = f"This {type(self).__name__} is not fitted: the last fit was {reason}"
        again = "all fit again"
        if "warm_start" in known:
            again += ", with warm_start=True to continue from its trials"
        if "best_params_" not in known:
            return f"{start} before a trial was completed, so there are no results. C{again}."
        return (
            f"{start} after {known['n_trials_']} trials, before a model was refitted. Refit the "
            "best one by clone(search.estimator).set_params(**search.best_params_).fit(X, y). Or "
            f"c{again}."
        )

    def _store_interrupted(self, before: Any, error: BaseException) -> None:
        """Results after an interruption, wherever in ``fit`` it came."""
        history = self.__dict__.get("history_")
        if history is before and not self.warm_start:
            history = None  # of an earlier fit: this one has no trial yet
        self.history_ = History() if history is None else history
        self.n_trials_ = len(self.history_)
        self.stop_reason_ = f"interrupted by {interruption_name(error)}"
        for name in OF_THE_LAST_FIT:
            self.__dict__.pop(name, None)
        if self.n_trials_:
            self._store_what_there_is()

    def _store_what_there_is(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = self._results()
        self.cv_results_ = results
        losses = self._losses_to_choose_by()
        losses = self.history_.losses if losses is None else losses
        if not np.all(np.isnan(losses)):
            self.best_index_ = int(np.nanargmin(losses))
            best = self.history_[self.best_index_]
            self.best_params_, self.best_score_ = dict(best.params), -best.loss
