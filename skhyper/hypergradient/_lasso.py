"""Lasso and elastic net, for one target, for several, or for several with a joint support.

Training minimizes ``|yc - Xc W|² / 2A + α ρ Σ |W_jk| + α (1 - ρ) |W|² / 2``, and the multi-task
models the same with row norms ``|W_j|`` in place of ``Σ_k |W_jk|``; see ``_data`` for Xc. The exact
solution is differentiated: see ``ElasticNetSolver``.

Notation
--------
p, K : number of features, outputs;  A : sum of the sample weights
α, ρ : `alpha`, `l1_ratio`
W, U : solution and adjoint, (p, K)
N : derivative of the l1 norm with respect to W, (p, K): signs, or rows of length 1
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso

from skhyper._numeric import ElasticNetSolver
from skhyper._numeric._data import as_weights, checked_matrix, checked_target
from skhyper._numeric._quadratic import dense_if_small
from skhyper._sklearn import validate_params
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._centered import SquaredLoss

# scikit-learn's defaults; with looser values its own fit is returned.
_DEFAULT_TOLERANCE, _DEFAULT_ITERATIONS = 1e-4, 1000
# Coordinate descent counts as converging up to this condition number of the Hessian for each sweep
# of `max_iter`. Measured for scikit-learn: one sweep for every 2 to 15 at the default tolerance,
# 0.2 to 3 at 1e-12.
_CONDITION_PER_SWEEP = 3.0
# Sweeps below the default tolerance that move a coefficient by its soft threshold where residuals
# are almost zero: measured at 10 to 60, as all other coefficients move too.
_SWEEPS_PER_THRESHOLD = 100.0
# Duality gap at which scikit-learn stops, relative to the objective, above which the difference
# from the solution is visible in scores.
_VISIBLE_GAP = 2e-3


@hg.inner_problem.register(ElasticNet)
@hg.inner_problem.register(MultiTaskElasticNet)
class LassoProblem(hg.InnerProblem):
    """Lasso, ElasticNet and their multi-task versions, for `alpha` and `l1_ratio`."""

    # On 100 random problems there was no better minimum beyond an increase of 5 %; fits with tiny
    # penalties are by far the most expensive.
    traits = hg.Traits(is_quasiconvex=True, passes_data=True)
    inherits = ("fit", "predict")

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        pure = isinstance(estimator, Lasso | MultiTaskLasso)
        self.names = ("alpha",) if pure else ("alpha", "l1_ratio")

    def load(self, X: Any, y: Any, **fit_params: Any) -> hg.Fold:
        return self.load_part(hg.TrainingPart.of(X, y, **fit_params))

    def load_part(self, part: hg.TrainingPart) -> hg.Fold:
        joint, centers = (
            isinstance(self.estimator, MultiTaskElasticNet),
            self.estimator.fit_intercept,
        )
        loss = None if joint else SquaredLoss.from_part(part, centers)
        return _LassoFold(self.estimator, part, loss or _loss_of(part, centers, joint), joint)


def _loss_of(part: hg.TrainingPart, centers: bool, joint: bool) -> SquaredLoss:
    X, y = part.copied()
    X, Y = checked_matrix(X), checked_target(y)
    a = as_weights(part.fit_params.get("sample_weight"), X.shape[0])
    Y = Y.reshape(len(Y), -1)
    flat = Y.shape[1] == 1 and not joint
    return SquaredLoss.from_data(dense_if_small(X), Y, a, flat, centers, 1 / a.sum(), lean=True)


class _LassoFold(hg.Fold):
    """Training data, and a solver warm-started from its last solution."""

    def __init__(self, estimator: Any, part: hg.TrainingPart, loss: SquaredLoss, joint: bool):
        self._estimator, self._part, self.loss, self._joint = estimator, part, loss, joint
        # All fitted attributes but the coefficients, from a fit whose penalty makes these zero. Two
        # equal targets would be warned of.
        few, target = part.copied(2)
        unequal = np.arange(np.size(target), dtype=float).reshape(np.shape(target))
        self._template = hg.template_of(estimator, few, unequal, alpha=1e12, warm_start=False)
        self._template.coef_ = None
        self._column, centers = np.ndim(target) == 2, estimator.fit_intercept
        data, Yc = loss.data, loss.Yc
        n = np.count_nonzero(data.weights)
        self._squares = (Yc**2).sum(axis=0) / data.weights.sum()
        interpolates = data.shape[1] >= n - bool(centers)
        self._column_squares = data.squared_norms() if interpolates else None
        positive = getattr(estimator, "positive", False)
        self._solver = ElasticNetSolver.from_data(data, Yc, centers, positive, joint)
        self._solved: tuple[float, float] | None = None

    def solver(self, alpha: float, ratio: float) -> ElasticNetSolver:
        """Solver at its solution for these penalties."""
        if self._solved != (alpha, ratio):
            self._solved = None  # in case of an exception
            ones = np.ones(self.loss.data.shape[1])
            self._solver.minimize(
                alpha * ratio * ones, alpha * (1 - ratio) * ones, approximate=False
            )
            self._solved = alpha, ratio
        return self._solver

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        alpha, ratio, flat = float(fitted.alpha), float(fitted.l1_ratio), self.loss.flat
        solver = self.solver(alpha, ratio)
        solution = W, N = solver.W.copy(), solver.normals()
        early = not solver.exact or self._does_not_converge(fitted, W)
        visible = self._gap_is_visible(fitted.tol, alpha * ratio, W, N)
        is_exact = not early and not visible
        shown = W if is_exact else None
        if visible and not early and fitted.selection == "cyclic":
            shown = solver.coordinate_descent(alpha, ratio, fitted.tol, fitted.max_iter)
        if shown is None:
            if not solver.exact:
                solver.trim()  # it has no derivative to compute
            fitted = self._part.fitted(self._estimator, params)
        else:
            fitted = self.loss.filled(fitted, flat, shown)
            if flat and self._column and fitted.fit_intercept:
                fitted.intercept_ = np.atleast_1d(fitted.intercept_)  # as in scikit-learn
        return _LassoFit(fitted, self, alpha, ratio, *solution, solver.exact, is_exact)

    def trim(self) -> None:
        self._solver.trim()

    def _does_not_converge(self, fitted: Any, W: np.ndarray) -> bool:
        """Whether scikit-learn's own fit stops early, or at a loose tolerance."""
        if fitted.tol > _DEFAULT_TOLERANCE or fitted.max_iter < _DEFAULT_ITERATIONS:
            return True
        digits = np.log10(max(fitted.tol, np.finfo(float).tiny)) / np.log10(_DEFAULT_TOLERANCE)
        if self._solver.condition > _CONDITION_PER_SWEEP * fitted.max_iter / digits**2:
            return True
        if self._column_squares is None:
            return False
        # With more features than samples coordinate descent first interpolates the target; then
        # a sweep moves each coefficient by at most its soft threshold.
        sweeps = 1.0 if fitted.tol == _DEFAULT_TOLERANCE else _SWEEPS_PER_THRESHOLD
        # Thresholds are multiplied by x_jᵀ x_j.
        thresholds = float(fitted.alpha) * float(fitted.l1_ratio) * self.loss.data.weights.sum()
        distances = np.abs(W) * self._column_squares[:, None]
        return bool((sweeps * distances > fitted.max_iter * thresholds).any())

    def _gap_is_visible(self, tol: float, l1: float, W: np.ndarray, N: np.ndarray) -> bool:
        """Whether scikit-learn's tolerance, ``tol |yc|²``, is large relative to the objective."""
        # At the solution; by the optimality conditions it needs no residuals.
        objective = self._squares - (W * self._solver.c).sum(axis=0)
        objective = (objective + l1 * (W * N).sum(axis=0)) / 2
        total = objective.sum() if self._joint else objective
        squares = self._squares.sum() if self._joint else self._squares
        return bool(np.any(tol * squares > _VISIBLE_GAP * total))


@dataclass(frozen=True)
class _LassoFit(hg.Fit):
    estimator: Any
    fold: _LassoFold
    alpha: float
    ratio: float
    W: np.ndarray
    N: np.ndarray
    solved: bool
    is_exact: bool

    def predict(self, X: Any, method: str) -> hg.Output:
        if not self.solved:
            raise hg.NotDifferentiableError(
                f"The support was not found at alpha={self.alpha:.3g}: too many features are "
                "nearly linearly dependent. Increase alpha."
            )
        return self.fold.loss.output(self.W, X, self._solve, self._cross)

    def _solve(self, dW: np.ndarray) -> np.ndarray:
        return self.fold.solver(self.alpha, self.ratio).solve(dW)

    def _cross(self, u: np.ndarray) -> hg.Gradient:
        by_l1, by_l2 = float((u * self.N).sum()), float((u * self.W).sum())
        return {
            "alpha": self.ratio * by_l1 + (1 - self.ratio) * by_l2,
            "l1_ratio": self.alpha * (by_l1 - by_l2),
        }
