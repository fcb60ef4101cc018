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

__all__ = ["ProgressBar"]


class ProgressBar:
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
        self._total, self._done, self._best = total, 0, None
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

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        pass

    def on_trial_end(self, search: Any, trial: Trial) -> None:
        self._done += 1
        if trial.state == "complete" and (self._best is None or -trial.loss > self._best):
            self._best = -trial.loss
        self._write()

    def teardown(self, estimator: Any, context: Any) -> None:
        if self._done:
            print(file=self.file or sys.stderr, flush=True)

    def _write(self) -> None:
        total = max(self._total or self._done, self._done)
        filled = self.width * self._done // total
        bar = "#" * filled + "." * (self.width - filled)
        spent = time.monotonic() - self._start
        left = spent / self._done * (total - self._done)
        best = "" if self._best is None else f"  best {self._best:.4g}"
        line = f"[{bar}] {self._done}/{total} trials  {spent:.0f} s, about {left:.0f} s left{best}"
        print("\r" + line.ljust(self._shown), end="", file=self.file or sys.stderr, flush=True)
        self._shown = len(line)
