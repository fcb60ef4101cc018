"""Selection of the strength of the prior on held-out samples.

The folds of a search cannot reveal overfitting of the hyperparameters: each sample is in the
training data of all folds but one, so even for pure noise the loss of a fold that is omitted from
the criterion decreases with that of the others. Here a part of the samples is removed from *all*
training and validation data, and predicted afterwards.

Notation
--------
m, K : number of held-out parts, of strengths; the first strength is infinite
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from skhyper._sklearn import check_method_params, n_samples, safe_split
from skhyper._trial import Trial
from skhyper.evaluation import FoldJob, GradientObjective, Objective, finished_trial
from skhyper.hypergradient import Criterion
from skhyper.samplers import Answer, Shrinkage, descent, tied_descent
from skhyper.space import Space

# Candidate strengths, as the deviation from the mean, in natural logarithms, at which the penalty
# balances the steepest slope at tied components.
_MOVES = (0.3, 1.0, 3.0, 10.0, math.inf)
_N_PARTS = 5
_N_CHECKED = 2
# Maximum number of trials per descent; the comparison of strengths needs no convergence.
_MAX_TRIALS = 15
_TOL = 1e-4
# Number of consecutive weaker strengths without improvement after which the selection ends.
_PATIENCE = 2
# Tied components are selected if they are worse by at most this number of standard errors.
_N_ERRORS = 0.5


@dataclass(frozen=True)
class HeldOutLosses:
    """Losses of the folds and of the held-out samples by strength of the prior.

    Attributes
    ----------
    strengths : ndarray of shape (K,)
        In decreasing order, from infinity (tied components).
    cv : ndarray of shape (m, K)
        Mean of the criterion over the folds, without the held-out samples.
    held_out : ndarray of shape (m, K)
        Mean of the criterion over the held-out samples.
    """

    strengths: np.ndarray
    cv: np.ndarray
    held_out: np.ndarray

    @property
    def chosen(self) -> float:
        """The strength of minimum held-out loss, or infinity if that is nearly as good.

        *Nearly* is within half a standard error of the difference over the held-out parts. Without
        any losses the strength is 0.
        """
        if not self.held_out.size:
            return 0.0
        best = self.held_out.mean(axis=0).argmin()
        gained = self.held_out[:, 0] - self.held_out[:, best]
        error = gained.std(ddof=1) / math.sqrt(len(gained)) if len(gained) > 1 else 0.0
        return float(self.strengths[0 if gained.mean() <= _N_ERRORS * error else best])


@dataclass(frozen=True)
class HeldOut:
    """Searches without held-out parts of the samples.

    `names` are the differentiable hyperparameters, `n_jobs` the number of parts that run at the
    same time, in threads; if ``is_over()``, no further strength is tried.
    """

    objective: Objective
    criterion: Criterion
    names: frozenset[str]
    n_jobs: int | None = None
    is_over: Callable[[], bool] = lambda: False

    def choose(self, space: Space, point: np.ndarray) -> HeldOutLosses:
        """Losses for decreasing strengths, until the held-out loss stops improving.

        The descents start at `point` (d,), near the best point with tied components.
        """
        return self._losses(space, point, None, _N_PARTS)

    def check(self, space: Space, point: np.ndarray, strength: float) -> HeldOutLosses:
        """Losses with tied components and with `strength`, on the first two parts."""
        return self._losses(space, point, [strength], _N_CHECKED)

    def _losses(
        self, space: Space, point: np.ndarray, strengths: list[float] | None, n_parts: int
    ) -> HeldOutLosses:
        shrinkage = Shrinkage.from_space(space, self.names)
        parts = list(itertools.islice(parts_of(self.objective.splits), n_parts))
        searches = [_Search(self, space, shrinkage, rows) for rows in parts]
        point = shrinkage.tied(point)
        searches = [
            s for s in self._each(partial(_Search.start_tied, point=point), searches) if s.is_finite
        ]
        if not searches:
            return HeldOutLosses(np.empty(0), np.empty((0, 0)), np.empty((0, 0)))
        if strengths is None:
            away = np.mean([shrinkage.deviation_gradient(s.best.slope) for s in searches], axis=0)
            strengths = [float(np.abs(away).max()) / move for move in _MOVES]
        used = [math.inf]
        for strength in strengths:
            if self.is_over() or _n_since_best([s.held_out for s in searches]) >= _PATIENCE:
                break
            going = self._each(partial(_Search.continue_with, strength=strength), searches)
            finite = [search for search in going if search.is_finite]
            if not finite:
                break
            searches = finite
            used.append(strength)
        cv, held_out = (
            [values[: len(used)] for values in lists]
            for lists in zip(*[(s.cv, s.held_out) for s in searches])
        )
        return HeldOutLosses(np.array(used), np.array(cv), np.array(held_out))

    def _each(self, do: Callable, searches: list["_Search"]) -> list["_Search"]:
        return Parallel(n_jobs=self.n_jobs, require="sharedmem")(delayed(do)(s) for s in searches)


def _n_since_best(held_out: Sequence[Sequence[float]]) -> int:
    """Number of strengths after the one with the minimum mean loss."""
    means = np.mean(held_out, axis=0)
    return len(means) - 1 - int(np.argmin(means))


class _Search:
    """Descents on the training part; the held-out samples score the results."""

    def __init__(self, whole: HeldOut, space: Space, shrinkage: Shrinkage, rows: np.ndarray):
        # Only the criterion is used: scores may be several, or no losses.
        o = replace(
            whole.objective, verbose=0, return_train_score=False, error_score=np.nan, keep=None
        )
        self._space, self._shrinkage = space, shrinkage
        self._moves = np.array([name in whole.names for name in space.names])
        self._moves &= [math.isinf(dimension.n_values) for dimension in space.dimensions]
        self._folds = _Criterion(*without(o, rows), whole)
        self._judge = _Criterion(*only(o, rows), whole)
        self.cv: list[float] = []
        self.held_out: list[float] = []

    @property
    def is_finite(self) -> bool:
        return bool(self.cv) and bool(np.all(np.isfinite([*self.cv, *self.held_out])))

    def start_tied(self, point: np.ndarray) -> "_Search":
        """Descend to the best point with tied components."""
        self.best_point, self.best = point, Answer(math.inf, np.zeros(len(point)), {})
        return self._follow(tied_descent(self._shrinkage, point, self._moves, _TOL), 0.0)

    def continue_with(self, strength: float) -> "_Search":
        """Continue from the best point with a prior of this strength."""
        self.best = self._with_prior(self.best_point, strength)
        return self._follow(descent(self.best_point, self._moves, _TOL), strength)

    def _follow(self, steps: Any, strength: float) -> "_Search":
        point = next(steps)
        for _ in range(_MAX_TRIALS):
            answer = self._with_prior(point, strength)
            if answer.value < self.best.value:
                self.best_point, self.best = point, answer
            try:
                point = steps.send(answer)
            except StopIteration:
                break
        self.cv.append(self._folds(self._space, self.best_point).value)
        self.held_out.append(self._judge(self._space, self.best_point).value)
        return self

    def _with_prior(self, point: np.ndarray, strength: float) -> Answer:
        penalty = self._shrinkage.penalty(point, strength)
        return self._folds(self._space, point).plus(*penalty)


class _Criterion:
    """Weighted mean of the criterion over folds as a function of points; nan if a fold fails."""

    def __init__(self, objective: Objective, weights: Sequence[float], whole: HeldOut):
        self._objective = GradientObjective.of(objective, whole.criterion, whole.names)
        self._weights = np.asarray(weights) / np.sum(weights)
        self._known: dict[bytes, Answer] = {}

    def __call__(self, space: Space, point: np.ndarray) -> Answer:
        key = point.tobytes()
        if key not in self._known:
            (params,) = space.from_unit(point[None])
            answer = Answer(math.nan, np.full(space.n_dims, np.nan), {})
            if space.accepts(params):
                answer = self._compute(space, point, params)
            self._known[key] = answer
        return self._known[key]

    def _compute(self, space: Space, point: np.ndarray, params: Any) -> Answer:
        number = len(self._known)
        jobs = [FoldJob(number, fold, params, 1) for fold in range(len(self._weights))]
        folds = [self._objective.run(job) for job in jobs]
        value = float(self._weights @ [fold.get("criterion", math.nan) for fold in folds])
        # Scores are not used: they may differ from the criterion.
        trial = finished_trial(Trial(number, params), folds, lambda scores: 0.0)
        return Answer(value, space.gradient_to_unit(point, trial.gradient or {}), {})


def parts_of(splits: Sequence[tuple[Any, Any]]) -> Iterator[np.ndarray]:
    """Rows to hold out, by part: test sets of whole folds, or pieces of them if at most two."""
    tests: list[np.ndarray] = []
    seen: set[int] = set()
    for _, test in splits:
        rows = _rows(test)
        if seen.isdisjoint(rows.tolist()):
            tests.append(rows)
            seen.update(rows.tolist())
    if len(tests) <= 2:
        tests = [row[None] for row in np.concatenate(tests)]
    n_parts = min(_N_PARTS, len(tests))
    return (np.concatenate(tests[i::n_parts]) for i in range(n_parts))


def without(objective: Objective, held_out: np.ndarray) -> tuple[Objective, np.ndarray]:
    """The objective without the held-out samples, and the weights of its folds."""
    o = objective
    kept = np.setdiff1d(np.arange(n_samples(o.X)), held_out)
    X, y = safe_split(o.estimator, o.X, o.y, kept)
    splits = []
    for train, test in o.splits:
        pair = [np.setdiff1d(_rows(part), held_out) for part in (train, test)]
        if all(map(len, pair)):
            splits.append(tuple(np.searchsorted(kept, part) for part in pair))
    fit_params = check_method_params(o.X, params=o.fit_params, indices=kept)
    score_params = check_method_params(o.X, params=o.score_params, indices=kept)
    fewer = replace(o, X=X, y=y, splits=splits, fit_params=fit_params, score_params=score_params)
    return fewer, np.ones(len(splits))


def only(objective: Objective, held_out: np.ndarray) -> tuple[Objective, np.ndarray]:
    """The objective on held-out samples, predicted by models fitted without any of them.

    Also returns the weights of its folds.
    """
    tests: dict[bytes, list[np.ndarray]] = {}
    left = held_out
    for train, test in objective.splits:
        rows = np.intersect1d(_rows(test), left)
        left = np.setdiff1d(left, rows)
        if len(rows):
            others = np.setdiff1d(_rows(train), held_out)
            tests.setdefault(others.tobytes(), []).append(rows)
    splits = [(np.frombuffer(k, dtype=np.intp), np.concatenate(v)) for k, v in tests.items()]
    return replace(objective, splits=splits), np.array([len(test) for _, test in splits])


def _rows(part: Any) -> np.ndarray:
    part = np.asarray(part)
    return np.flatnonzero(part) if part.dtype == bool else part.astype(np.intp)
