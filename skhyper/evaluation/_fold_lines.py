"""The lines that scikit-learn prints for each fold with ``verbose`` above 1."""

from collections.abc import Mapping
from typing import Any

from joblib.logger import short_format_time

from skhyper.evaluation._objective import FoldJob

_WIDTH = 80


def fold_lines(job: FoldJob, result: Mapping[str, Any], verbose: int, n_splits: int) -> list[str]:
    """The lines of a fold that scikit-learn did not run itself; empty if `verbose` is at most 1."""
    if verbose <= 1:
        return []
    progress = f" {job.fold + 1}/{n_splits}" if verbose > 2 else ""
    progress += f"; {job.trial + 1}/{job.n_candidates}" if verbose > 9 else ""
    params = ", ".join(f"{name}={job.params[name]}" for name in sorted(job.params))
    start = f"[CV{progress}] START {params}"
    scores = _scores(result["test_scores"], result.get("train_scores")) if verbose > 2 else ""
    seconds = short_format_time(result["fit_time"] + result["score_time"])
    end = f"[CV{progress}] END "
    text = f"{params}{';' if params else ''}{scores} total time={seconds}"
    line = end + "." * (_WIDTH - len(end) - len(text)) + text
    return [start + "." * (_WIDTH - len(start)), line] if verbose > 9 else [line]


def _scores(test: Any, train: Any) -> str:
    if isinstance(test, dict):
        trained = {} if train is None else {n: f"train={train[n]:.3f}, " for n in test}
        return "".join(f" {n}: ({trained.get(n, '')}test={test[n]:.3f})" for n in sorted(test))
    return (
        f", score={test:.3f}" if train is None else f", score=(train={train:.3f}, test={test:.3f})"
    )
