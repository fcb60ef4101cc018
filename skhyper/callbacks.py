"""Callbacks of a search, on every supported scikit-learn.

Give them to a search by ``set_callbacks``. On scikit-learn 1.9 its own callbacks
(``sklearn.callback``) work too and see every fit; a callback may besides have a method
``on_trial_end(search, trial)``, called in the main process after each trial, which stops
the search by returning True.
"""

import sys
import time
from typing import Any, TextIO

from skhyper._trial import Trial

__all__ = ["Callback", "ProgressBar"]


class Callback:
    """A callback to which nothing happens: override what you need.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import BayesSearchCV
    >>> from skhyper.callbacks import Callback
    >>> class GoodEnough(Callback):
    ...     def on_trial_end(self, search, trial):
    ...         return -trial.loss > 0.95
    >>> search = BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=50)
    >>> search.set_callbacks(GoodEnough()).fit(*load_iris(return_X_y=True)).stop_reason_
    'a callback asked to stop'
    """

    def setup(self, estimator: Any, context: Any) -> None:
        """Before the search."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Before the search as a whole, each fold and the refit; folds in their worker."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """After the same."""

    def on_trial_end(self, search: Any, trial: Trial) -> bool | None:
        """After each trial, in the main process; True stops the search.

        ``search.history_`` holds all trials so far.
        """

    def teardown(self, estimator: Any, context: Any) -> None:
        """After the search, also if it failed."""


class ProgressBar(Callback):
    """One line of text that shows how far a search is and what it has found.

    Parameters
    ----------
    file : file object, default=None
        Where to write; standard error by default.
    width : int, default=24
        Number of characters of the bar.

    Examples
    --------
    >>> import sys
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import SearchCV
    >>> from skhyper.callbacks import ProgressBar
    >>> X, y = load_iris(return_X_y=True)
    >>> search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 10}])
    >>> search.set_callbacks(ProgressBar()).fit(X, y).n_trials_
    2
    """

    def __init__(self, file: TextIO | None = None, width: int = 24):
        self.file = file
        self.width = width
        self._begin()

    def _begin(self, total: int | None = None) -> None:
        self._total, self._done = total, 0
        self._start = time.monotonic()
        self._shown = 0

    def __getstate__(self) -> dict[str, Any]:
        # Workers get a copy to which nothing happens; a stream cannot be sent to them.
        return {**self.__dict__, "file": None}

    def setup(self, estimator: Any, context: Any) -> None:
        self._begin()

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        if context.task_name == "search" and context.max_subtasks:
            self._begin(context.max_subtasks // estimator.n_splits_)

    def on_trial_end(self, search: Any, trial: Trial) -> None:
        self._done += 1
        self._write(search.history_.best)

    def teardown(self, estimator: Any, context: Any) -> None:
        if self._done:
            print(file=self.file or sys.stderr, flush=True)

    def _write(self, found: Trial | None) -> None:
        total = max(self._total or self._done, self._done)
        filled = self.width * self._done // total
        bar = "#" * filled + "." * (self.width - filled)
        spent = time.monotonic() - self._start
        left = spent / self._done * (total - self._done)
        best = "" if found is None else f"  best {-found.loss:.4g}"
        line = f"[{bar}] {self._done}/{total} trials  {spent:.0f} s, about {left:.0f} s left{best}"
        print("\r" + line.ljust(self._shown), end="", file=self.file or sys.stderr, flush=True)
        self._shown = len(line)
