"""Lasso and elastic net, for one target, for several, or for several that share their support.

Training minimises ``|yc - Xc W|² / 2A + α ρ Σ |W_jk| + α (1 - ρ) |W|² / 2``, and the multi-task
models with the lengths of rows ``|W_j|`` in place of ``Σ_k |W_jk|``; see ``_data`` for Xc. What is
differentiated is the solution itself: see ``ElasticNetSolver``.

Notation
--------
p, K : number of features, outputs;  A : sum of the sample weights
α, ρ : `alpha`, `l1_ratio`
W, U : solution and adjoint, (p, K)
N : derivative of the l1 norm by W, (p, K): signs, or rows of length 1
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso

from skhyper._numeric import ElasticNetSolver
from skhyper._numeric._data import as_weights, checked_matrix, checked_target, copy_rows
from skhyper._numeric._quadratic import dense_if_small
from skhyper._sklearn import validate_params
from skhyper.hypergradient._centred import CentredProblem
from skhyper.hypergradient._problem import (
    Gradient,
    NotDifferentiableError,
    check_not_overridden,
    fitted_clone,
    inner_problem,
)

__all__ = ["LassoProblem"]

# scikit-learn's defaults; with looser values its own fit is returned.
_DEFAULT_TOLERANCE, _DEFAULT_ITERATIONS = 1e-4, 1000
# Condition number of the Hessian, for each sweep of `max_iter`, up to which coordinate descent
# converges: scikit-learn's was measured to take one sweep for every 2 to 15 at the default
# tolerance, 0.2 to 3 at 1e-12.
_CONDITION_PER_SWEEP = 3.0
# Sweeps that it takes below the default tolerance to move a coefficient by its soft threshold
# where residuals are next to zero: measured at 10 to 60, as all others move with it.
_SWEEPS_PER_THRESHOLD = 100.0
# Duality gap at which scikit-learn stops, relative to the objective, above which the distance to
# the solution shows in scores.
_VISIBLE_GAP = 2e-3


@inner_problem.register(ElasticNet)
@inner_problem.register(MultiTaskElasticNet)
class LassoProblem(CentredProblem):
    """Lasso, ElasticNet and their multi-task twins by `alpha` and `l1_ratio`."""

    # On 100 random problems no better minimum lay beyond a rise of 5 %; and penalties next to
    # none take by far the longest.
    one_valley = True

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        bases = (MultiTaskLasso, MultiTaskElasticNet, Lasso, ElasticNet)
        base = next(b for b in bases if isinstance(estimator, b))
        check_not_overridden(estimator, base, "fit", "predict")
        pure = isinstance(estimator, Lasso | MultiTaskLasso)
        self.names = ("alpha",) if pure else ("alpha", "l1_ratio")

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        rows = slice(0, 2)
        # All of a fitted estimator but its coefficients, from a penalty that needs none.
        own = {"alpha": self.estimator.alpha, "warm_start": self.estimator.warm_start}
        easy = clone(self.estimator).set_params(alpha=1e12, warm_start=False)
        self._template = easy.fit(copy_rows(X, rows), np.asarray(y)[rows]).set_params(**own)
        self._raw = X, y
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        X, Y = checked_matrix(X), checked_target(y)
        a = as_weights(sample_weight, X.shape[0])
        joint = self._joint = isinstance(self.estimator, MultiTaskElasticNet)
        self._column = Y.ndim == 2
        Y = Y.reshape(len(Y), -1)
        self._take(dense_if_small(X), Y, a, Y.shape[1] == 1 and not joint, 1 / a.sum(), True)
        self._c = self._data.adjoint(self._Yc) / a.sum()
        self._squares = (self._Yc**2).sum(axis=0) / a.sum()
        n, p = X.shape
        interpolates = p >= n - bool(self.estimator.fit_intercept)
        self._column_squares = self._data.squared_norms() if interpolates else None
        positive = getattr(self.estimator, "positive", False)
        centred = self.estimator.fit_intercept
        self._solver = ElasticNetSolver.from_data(self._data, self._Yc, centred, positive, joint)

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        self._alpha, self._ratio = float(fitted.alpha), float(fitted.l1_ratio)
        l1, l2 = self._alpha * self._ratio, self._alpha * (1 - self._ratio)
        ones = np.ones(self._data.shape[1])
        self._solver.minimize(l1 * ones, l2 * ones, approximate=False)
        self._W = self._solver.W
        early = not self._solver.exact or self._does_not_converge(fitted)
        visible = self._gap_is_visible(fitted.tol, l1)
        self.is_exact = not early and not visible
        W = self._W if self.is_exact else None
        if visible and not early and fitted.selection == "cyclic":
            W = self._solver.coordinate_descent(
                self._alpha, self._ratio, fitted.tol, fitted.max_iter
            )
        if W is None:
            return fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        fitted = self._filled(fitted, self._flat, W)
        if self._flat and self._column and fitted.fit_intercept:
            fitted.intercept_ = np.atleast_1d(fitted.intercept_)  # as of scikit-learn
        return fitted

    def _does_not_converge(self, fitted: Any) -> bool:
        """Whether scikit-learn's own fit ends before its tolerance, or by a loose one."""
        if fitted.tol > _DEFAULT_TOLERANCE or fitted.max_iter < _DEFAULT_ITERATIONS:
            return True
        digits = np.log10(max(fitted.tol, np.finfo(float).tiny)) / np.log10(_DEFAULT_TOLERANCE)
        if self._solver.condition > _CONDITION_PER_SWEEP * fitted.max_iter / digits**2:
            return True
        if self._column_squares is None:
            return False
        # With so many features coordinate descent first interpolates. Then only the penalty moves
        # coefficients, each by at most its soft threshold in a sweep.
        sweeps = 1.0 if fitted.tol == _DEFAULT_TOLERANCE else _SWEEPS_PER_THRESHOLD
        thresholds = self._alpha * self._ratio * self._data.weights.sum()  # times x_jᵀ x_j
        distances = np.abs(self._W) * self._column_squares[:, None]
        return bool((sweeps * distances > fitted.max_iter * thresholds).any())

    def _gap_is_visible(self, tol: float, l1: float) -> bool:
        """Whether scikit-learn's tolerance, ``tol |yc|²``, is a large part of the objective."""
        W = self._W
        # At the solution; by the optimality conditions no residuals are needed.
        objective = self._squares - (W * self._c).sum(axis=0)
        objective = (objective + l1 * (W * self._solver.normals()).sum(axis=0)) / 2
        total = objective.sum() if self._joint else objective
        squares = self._squares.sum() if self._joint else self._squares
        return bool(np.any(tol * squares > _VISIBLE_GAP * total))

    def predict(self, X: Any, method: str) -> np.ndarray:
        if not self._solver.exact:
            raise NotDifferentiableError(
                f"The support was not found at alpha={self._alpha:.3g}: there are more features "
                "than samples can tell apart."
            )
        return super().predict(X, method)

    def solve(self, dw: np.ndarray) -> np.ndarray:
        return self._solver.solve(dw)

    def cross(self, u: np.ndarray) -> Gradient:
        by_l1, by_l2 = float((u * self._solver.normals()).sum()), float((u * self._W).sum())
        return {
            "alpha": self._ratio * by_l1 + (1 - self._ratio) * by_l2,
            "l1_ratio": self._alpha * (by_l1 - by_l2),
        }
