"""Output of a search with ``verbose=1``: one line for each trial."""

import math
from collections.abc import Mapping
from typing import Any

from skhyper._trial import History, Trial
from skhyper.evaluation import FoldJob, Observer, fold_lines

# Maximum number of characters of one value; the repr of an estimator may be longer.
_MAX_VALUE_LENGTH = 60


def opening_line(
    n_splits: int, n_candidates: float, max_time: float | None, is_raced: bool = False
) -> str:
    """scikit-learn's first line, adapted if the number of fits is unknown."""
    if math.isinf(n_candidates):
        return f"Fitting {n_splits} folds for each candidate, for max_time={max_time} seconds"
    return (
        f"Fitting {n_splits} folds for each of {n_candidates} candidates, totalling "
        f"{'at most ' * is_raced}{n_candidates * n_splits} fits"
    )


def racing_line(history: History) -> str:
    """Summary of what racing has saved."""
    n_stopped = sum(trial.state == "stopped" for trial in history)
    n_run, n_all = (sum(map(len, f)) for f in zip(*((t.folds, t.scores) for t in history)))
    return f"Racing stopped {n_stopped} of {len(history)} candidates: {n_run} of {n_all} fits"


class TrialLines(Observer):
    """Prints a line after each trial; `n_total` includes earlier trials, inf if unknown."""

    def __init__(self, n_total: float):
        self._n_total = n_total

    def on_trial_end(self, trial: Trial, history: History) -> None:
        if not trial.shared:
            print(trial_line(history, trial, self._n_total))  # noqa: T201  (requested by `verbose`)


def print_fold(verbose: int, n_splits: int, job: FoldJob, result: Mapping[str, Any]) -> None:
    """Print what scikit-learn does after a fold."""
    for line in fold_lines(job, result, verbose, n_splits):
        print(line)  # noqa: T201


def trial_line(history: History, trial: Trial, n_total: float) -> str:
    """Number, score, best score so far, seconds and params of a trial.

    Examples
    --------
    >>> from skhyper import History, Trial
    >>> trial = Trial(0, {"C": 0.5}, "complete", loss=-0.9, seconds=0.1)
    >>> trial_line(History((trial,)), trial, 50)
    '[1/50] score=0.9, best=0.9, 0.1 s: C=0.5'
    """
    n_done = sum(t.state != "running" and not t.shared for t in history)
    of_all = "" if math.isinf(n_total) else f"/{n_total}"
    score = "failed" if trial.state == "failed" else f"score={-trial.loss:.5g}"
    if trial.state == "stopped":
        score = f"stopped after {len(trial.folds)} of {len(trial.scores)} folds, estimated {score}"
    best = "no score yet" if history.best is None else f"best={-history.best.loss:.5g}"
    params = ", ".join(f"{name}={_short(value)}" for name, value in trial.params.items())
    return f"[{n_done}{of_all}] {score}, {best}, {trial.seconds:.1f} s: {params}"


def _short(value: Any) -> str:
    text = f"{value:.5g}" if isinstance(value, float) else " ".join(repr(value).split())
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 3]}..."
