"""What ``verbose=1`` prints of a search: one line for each trial."""

import math
from collections.abc import Callable
from typing import Any

from skhyper._trial import History, Trial

__all__ = ["opening_line", "prints_trials", "trial_line"]

# Characters of one value; estimators, for instance, have long ones.
_LONGEST_VALUE = 60


def opening_line(n_splits: int, n_candidates: float, max_time: float | None) -> str:
    """scikit-learn's first line; it knows no search whose length is not known."""
    if math.isinf(n_candidates):
        return f"Fitting {n_splits} folds for each candidate, for max_time={max_time} seconds"
    return (
        f"Fitting {n_splits} folds for each of {n_candidates} candidates, totalling "
        f"{n_candidates * n_splits} fits"
    )


def prints_trials(n_total: float) -> Callable[[Any, History, Trial], None]:
    """What prints the line of each trial, of `n_total` with those that the search starts from."""

    def print_line(search: Any, history: History, trial: Trial) -> None:
        print(trial_line(history, trial, n_total))  # noqa: T201  (what `verbose` asks for)

    return print_line


def trial_line(history: History, trial: Trial, n_total: float) -> str:
    """Number, score, best score so far, seconds and setting of a trial.

    Examples
    --------
    >>> from skhyper import History, Trial
    >>> trial = Trial(0, {"C": 0.5}, "complete", loss=-0.9, seconds=0.1)
    >>> trial_line(History((trial,)), trial, 50)
    '[1/50] score=0.9, best=0.9, 0.1 s: C=0.5'
    """
    n_done = sum(t.state != "running" for t in history)
    of_all = "" if math.isinf(n_total) else f"/{n_total}"
    score = "failed" if trial.state == "failed" else f"score={-trial.loss:.5g}"
    best = "no score yet" if history.best is None else f"best={-history.best.loss:.5g}"
    setting = ", ".join(f"{name}={_short(value)}" for name, value in trial.params.items())
    return f"[{n_done}{of_all}] {score}, {best}, {trial.seconds:.1f} s: {setting}"


def _short(value: Any) -> str:
    text = f"{value:.5g}" if isinstance(value, float) else " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
