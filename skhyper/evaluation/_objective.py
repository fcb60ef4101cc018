"""What a trial costs and yields: one fold's fit and score, and the trial made of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._sklearn import HAS_CALLBACKS, fit_and_score
from skhyper._trial import Trial

_NOT_FINITE = "The score is not finite; if the scorer raised, a warning has its traceback."

__all__ = ["FoldJob", "Objective", "finished_trial"]


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
    """

    estimator: Any
    X: Any
    y: Any
    splits: Sequence[tuple[Any, Any]]
    scorer: Any
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    error_score: Any
    return_train_score: bool
    verbose: int

    def run(self, job: "FoldJob") -> dict[str, Any]:
        """Fit and score one fold.

        Returns
        -------
        result : dict
            ``test_scores``, ``fit_time``, ``score_time``, ``n_test_samples``, ``fit_error``
            and, if asked for, ``train_scores``, as scikit-learn's own search has them.
        """
        return fit_and_score(
            clone(self.estimator),
            self.X,
            self.y,
            train=self.splits[job.fold][0],
            test=self.splits[job.fold][1],
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
            "caller": job.caller,
            "callback_ctx": job.context if HAS_CALLBACKS else None,
        }


@dataclass(frozen=True)
class FoldJob:
    """One fold of one trial, as it is sent to a worker."""

    trial: int
    fold: int
    params: Mapping[str, Any]
    n_candidates: int
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
    errors = [out["fit_error"] for out in folds if out["fit_error"] is not None]
    fitted = [out for out in folds if out["fit_error"] is None]
    slopes = [out.get("gradient") for out in fitted]
    known = all(slope is not None for slope in slopes)
    mean = scores.mean()
    # A number as error_score is a score like others, unless no fold has another.
    failed = not fitted or not np.isfinite(mean)
    criteria = [
        out.get("criterion", np.nan) if out["fit_error"] is None else -score
        for out, score in zip(folds, scores)
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
