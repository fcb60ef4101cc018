"""Leave-one-out in closed form: all folds of a candidate from one fit."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import metrics
from sklearn.base import clone

from skhyper._readonly import protected
from skhyper._sklearn import check_method_params, n_samples, scorer_parts
from skhyper.evaluation._objective import PREDICTIONS, FoldJob, Objective
from skhyper.hypergradient import (
    Criterion,
    Fold,
    NotDifferentiableError,
    Output,
    Want,
    inner_problem,
)


class LeaveOneOut:
    """Scores and gradients of all folds of a candidate, from one fit on all data."""

    def __init__(self, objective: Objective, criterion: Criterion, names: frozenset[str]):
        self._objective = objective
        self._criterion = criterion
        self._names = names
        self._lock = threading.Lock()
        self._fold: Fold | None = None
        self._of_trial = -1
        self._results: list[dict[str, Any]] = []

    @staticmethod
    def fits(objective: Objective, criterion: Criterion, names: frozenset[str]) -> bool:
        """Whether the folds are leave-one-out, and the estimator has the closed form.

        The score must be a single metric, minus the criterion for one sample, and nothing else may
        need the fitted models.
        """
        exact = criterion.exact and criterion.method == "predict"
        needs_models = objective.return_train_score or objective.score_params
        plain = not isinstance(objective.scorer, dict) and _is_score_of_one(objective.scorer)
        if not exact or needs_models or not plain or not _leaves_one_out(objective):
            return False
        try:
            problem = inner_problem(clone(objective.estimator))
        except NotDifferentiableError:
            return False
        return problem.traits.leaves_one_out and names <= set(problem.names)

    def run(self, job: FoldJob) -> dict[str, Any] | None:
        """Result of one fold; None if the closed form is not available or failed."""
        with self._lock:
            if job.trial != self._of_trial:
                self._of_trial, self._results = job.trial, self._all(job.params)
        return self._results[job.fold] if self._results else None

    def _all(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        o = self._objective
        start = time.time()
        try:
            if self._fold is None:
                problem = inner_problem(clone(o.estimator))
                fit_params = check_method_params(o.X, params=o.fit_params)
                self._fold = problem.load(protected(o.X), protected(o.y), **fit_params)
            if set(params) - self._names:
                return []
            left_out = self._fold.fit(params).leave_one_out()
            return [] if left_out is None else self._folds(left_out, params, start)
        except Exception:  # noqa: BLE001  (single folds will report the error)
            return []

    def _folds(self, left_out: Output, params: Mapping[str, Any], start: float) -> list[dict]:
        y, n = np.asarray(self._objective.y), len(self._objective.splits)
        values, slopes = np.empty(n), np.zeros_like(left_out.value)
        for k, (_, test) in enumerate(self._objective.splits):
            loss = self._criterion.on(y[test])
            values[k], slopes[test] = loss(left_out.value[test])
        # Gradients of single folds would cost n times as much: all folds have that of the mean.
        gradient = left_out.vjp(slopes / n, Want(tuple(params))).params
        seconds = (time.time() - start) / n
        kept = {name: gradient[name] for name in params}
        keep = self._objective.keep
        predicted = [
            {PREDICTIONS: {"predict": left_out.value[test]}} if keep and keep.methods else {}
            for _, test in self._objective.splits
        ]
        return [
            {
                "fit_error": None,
                "test_scores": -float(value),
                "n_test_samples": 1,
                "fit_time": seconds,
                "score_time": 0.0,
                "criterion": float(value),
                "gradient": kept,
                "gradient_error": None,
                "gradient_time": 0.0,
                **predictions,
            }
            for value, predictions in zip(values, predicted)
        ]


# Metrics defined for a single sample and for all numbers.
_SCORES_OF_ONE = (
    metrics.mean_squared_error,
    metrics.root_mean_squared_error,
    metrics.mean_absolute_error,
    metrics.mean_absolute_percentage_error,
    metrics.mean_pinball_loss,
)


def _leaves_one_out(objective: Objective) -> bool:
    splits: Sequence[tuple[Any, Any]] = objective.splits
    n = n_samples(objective.X)
    if len(splits) != n or n < 3:
        return False
    left: set[int] = set()
    for train, test in splits:
        test = np.asarray(test)
        if test.shape != (1,) or test.dtype.kind not in "iu":
            return False
        train = np.asarray(train)
        if train.shape != (n - 1,) or train.dtype.kind not in "iu" or test[0] in train:
            return False
        if len(np.unique(train)) != n - 1:
            return False
        left.add(int(test[0]))
    return len(left) == n


def _is_score_of_one(scorer: Any) -> bool:
    """Whether a scorer is one of these metrics of scikit-learn."""
    parts = scorer_parts(scorer)
    return parts is not None and parts[0] in _SCORES_OF_ONE
