"""What a trial costs and yields: one fold's fit and score, and the trial made of them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._sklearn import HAS_CALLBACKS, fit_and_score
from skhyper._trial import Trial

_NOT_FINITE = "The score is not finite."

__all__ = ["FoldJob", "Objective", "error_message", "finished_trial", "fold_error"]


@dataclass(frozen=True)
class Objective:
    """The data, folds and scoring that every trial of a search shares.

    Attributes
    ----------
    estimator : estimator
        Unfitted; cloned for each fit.
    X, y : array-like
    splits : list of (train, test) index arrays
        Drawn once, so that all settings see the same folds.
    scorer : callable
        As scikit-learn's searches make it.
    fit_params, score_params : dict
        Routed metadata.
    error_score : float or "raise"
    return_train_score : bool
    verbose : int
    quiet : bool
        Whether no warning is given of each score that fails; the search gives one of all.
    """

    estimator: Any
    X: Any
    y: Any
    splits: Sequence[Any]
    scorer: Any
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    error_score: Any
    return_train_score: bool
    verbose: int
    quiet: bool = False

    def without_splits(self) -> tuple["Objective", Sequence[tuple[Any, Any]]]:
        """What all jobs share, and what each fold's ``run`` gets besides: its own indices."""
        return replace(self, splits=(None,) * len(self.splits)), self.splits

    def run(self, job: "FoldJob", train: Any = None, test: Any = None) -> dict[str, Any]:
        """Fit and score one fold, on its own split unless that is given.

        Returns
        -------
        result : dict
            ``test_scores``, ``fit_time``, ``score_time``, ``n_test_samples``, ``fit_error``
            and, if asked for, ``train_scores``, as scikit-learn's own search has them; and
            ``score_error`` where scoring failed.
        """
        if train is None:
            train, test = self.splits[job.fold]
        return fit_and_score(
            clone(self.estimator),
            self.X,
            self.y,
            train=train,
            test=test,
            parameters=job.params,
            fit_params=self.fit_params,
            score_params=self.score_params,
            scorer=self.scorer,
            **self.options(job),
        )

    def options(self, job: "FoldJob") -> dict[str, Any]:
        """What scikit-learn's ``_fit_and_score`` wants to know besides data and setting."""
        return {
            "verbose": self.verbose,
            "return_train_score": self.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "return_parameters": False,
            "split_progress": (job.fold, len(self.splits)),
            "candidate_progress": (job.trial, job.n_candidates),
            "error_score": self.error_score,
            "quiet": self.quiet,
            "caller": job.caller,
            "callback_ctx": job.context if HAS_CALLBACKS else None,
        }


@dataclass(frozen=True)
class FoldJob:
    """One fold of one trial, as it is sent to a worker."""

    trial: int
    fold: int
    params: Mapping[str, Any]
    n_candidates: float
    caller: Any = None
    context: Any = None


def finished_trial(
    trial: Trial, folds: Sequence[dict[str, Any]], pick: Callable[[Any], float]
) -> Trial:
    """The trial with the results of all its folds.

    Parameters
    ----------
    trial : Trial
        As it was asked for.
    folds : sequence of dict
        What the objective returned for each split, in order.
    pick : callable
        From what scoring returned for a fold to the one score that is optimised.
    """
    scores = np.array([pick(out["test_scores"]) for out in folds], dtype=float)
    failures = [fold_error(out, pick) for out in folds]
    errors = [error for error in failures if error]
    good = [out for out, error in zip(folds, failures) if not error]
    slopes = [out.get("gradient") for out in good]
    known = all(slope is not None for slope in slopes)
    mean = scores.mean()
    # A number as error_score is a score like others, unless no fold has another.
    failed = not good or not np.isfinite(mean)
    criteria = [
        -score if error else out.get("criterion", np.nan)
        for out, error, score in zip(folds, failures, scores)
    ]
    return Trial(
        number=trial.number,
        params=trial.params,
        state="failed" if failed else "complete",
        scores=scores,
        # The only place where a score (greater is better) becomes a loss.
        loss=np.nan if failed else -float(mean),
        folds=tuple(folds),
        seconds=sum(out["fit_time"] + out["score_time"] for out in folds),
        message=errors[0] if errors else _NOT_FINITE * failed,
        gradient=mean_of(slopes, len(folds)) if known and not failed else None,
        criterion=float(np.mean(criteria)),
    )


def fold_error(out: Mapping[str, Any], pick: Callable[[Any], Any]) -> str | None:
    """Traceback of a fold whose fit, or whose score by the metric picked, failed; None if not."""
    if out["fit_error"] is not None:
        return out["fit_error"]
    error = out.get("score_error")
    return pick(error) if isinstance(error, dict) else error


def error_message(traceback: str) -> str:
    """Type and message of the exception at the end of a traceback, without its frames."""
    _, frame, tail = traceback.rpartition("\n  File ")
    found = re.search(r"^(?=\S)", tail.partition("\n")[2], re.MULTILINE) if frame else None
    return tail.partition("\n")[2][found.start() :].strip() if found else traceback.strip()


def mean_of(values: Sequence[Any], n: int) -> Any:
    """Sum over n of numbers, of arrays, or of dicts of them; nan where some are of another kind.

    What is not among the values, up to n, counts as zero.
    """
    if all(isinstance(value, Mapping) for value in values):
        return {name: mean_of([value[name] for value in values], n) for name in values[0]}
    if len({np.shape(value) for value in values}) > 1 or isinstance(values[0], Mapping):
        return np.nan
    mean = np.sum(values, axis=0) / n
    return float(mean) if np.ndim(mean) == 0 else mean
