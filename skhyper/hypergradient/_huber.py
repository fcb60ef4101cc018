"""HuberRegressor: coefficients, intercept and scale are the solution of one problem.

Training minimizes ``F = Σ a (σ + σ H(t)) + α |w|²`` over ``(w, b, σ)``, with ``t = r / σ``,
``r = y - x w - b``, and ``H(t) = t²`` for ``|t| < ε``, else ``2 ε |t| - ε²``. A sample with
``|t| < ε`` adds ``(2 a / σ) (dz + t dσ)²`` to the second derivative of F, so that σ acts as the
coefficient of one more feature, t.

Notation
--------
n, p : number of samples, features;  a : sample weights, (n,)
v = (w, b, σ) : solution, (q,)
E : columns of the design besides X: ones for the intercept, and t
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.linear_model import HuberRegressor

from skhyper._numeric._curvature import Design, hessian_solver
from skhyper._numeric._data import as_matrix, as_weights, checked_matrix, checked_target
from skhyper._numeric._newton import step_length
from skhyper.hypergradient import _problem as hg

_MAX_STEPS = 50
# Minimum scale after a Newton step, relative to scikit-learn's.
_SMALLEST_SCALE = 1e-2
# Length of the last Newton step, in the norm of the Hessian: where Newton's method stops, and the
# largest that is accepted where rounding ends it.
_NEWTON_RTOL, _ACCEPTED = 1e-9, 1e-6


@hg.inner_problem.register(HuberRegressor)
class HuberProblem(hg.InnerProblem):
    """HuberRegressor with respect to `alpha` and `epsilon`.

    scikit-learn's L-BFGS stops early; without further Newton steps the gradient is off by 3e-3.
    """

    names = ("alpha", "epsilon")
    inherits = ("fit", "predict")
    traits = hg.Traits(passes_data=True)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> hg.Fold:  # type: ignore[override]
        matrix, target = checked_matrix(X), checked_target(y).ravel()
        a = as_weights(sample_weight, len(target))
        ones = np.ones((len(target), int(self.estimator.fit_intercept)))
        # Centered features, where the intercept absorbs the means: better conditioned.
        mean = np.zeros(matrix.shape[1])
        if self.estimator.fit_intercept and not sparse.issparse(matrix):
            mean = matrix.mean(axis=0)
            matrix = matrix - mean
        return _HuberFold(self.estimator, X, y, sample_weight, matrix, target, a, ones, mean)


@dataclass(frozen=True)
class _HuberFold(hg.Fold):
    """The data as given, and for the formulas: `matrix` is X less its `mean`."""

    estimator: HuberRegressor
    X: Any
    y: Any
    sample_weight: Any
    matrix: Any
    target: np.ndarray
    a: np.ndarray
    ones: np.ndarray
    mean: np.ndarray

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        given = {"sample_weight": self.sample_weight}
        return _HuberFit(self, hg.fitted_clone(self.estimator, params, self.X, self.y, **given))


class _Solution(NamedTuple):
    """v, t, and the function that applies ``H⁻¹`` to a vector."""

    v: np.ndarray
    t: np.ndarray
    solve: Callable[..., np.ndarray]


@dataclass(frozen=True)
class _HuberFit(hg.Fit):
    fold: _HuberFold
    estimator: Any

    def predict(self, X: Any, method: str) -> hg.Output:
        v, t, solve = self._solution
        matrix, mean, ones = self.fold.matrix, self.fold.mean, self.fold.ones
        X_test = as_matrix(X)
        if np.any(mean):
            X_test = (X_test.toarray() if sparse.issparse(X_test) else X_test) - mean
        p = X_test.shape[1]

        def direct(d_value: np.ndarray, want: hg.Want) -> tuple[Any, hg.Cotangents]:
            b = [d_value.sum()] * ones.shape[1]
            dv = np.concatenate([X_test.T @ d_value, b, [0.0]])
            dX = np.outer(d_value, v[:p]) if want.data else None
            return dv, hg.Cotangents({}, X_test=dX)

        def cross(u: np.ndarray, want: hg.Want) -> hg.Cotangents:
            a, epsilon = self.fold.a, self.estimator.epsilon
            dz = matrix @ u[:p] + u[p:-1].sum()  # change of the predictions along u, (n,)
            outside = np.abs(t) >= epsilon
            by_z = -2 * a * np.sign(t) * outside
            by_epsilon = by_z @ dz - 2 * epsilon * (a @ outside) * u[-1]
            gradient = {"alpha": float(2 * u[:p] @ v[:p]), "epsilon": float(by_epsilon)}
            if not want.data or sparse.issparse(matrix):
                return hg.Cotangents(gradient)
            inside = np.abs(t) < epsilon
            slope = -a * np.where(inside, 2 * t, 2 * epsilon * np.sign(t))
            curved = 2 * a / v[-1] * inside * (dz + t * u[-1])
            return hg.Cotangents(gradient, np.outer(curved, v[:p]) + np.outer(slope, u[:p]))

        return hg.Output(X_test @ v[:p] + v[p:-1].sum(), hg.implicit_vjp(direct, solve, cross))

    @cached_property
    def _solution(self) -> _Solution:
        """Exact solution, by Newton's method started from scikit-learn's."""
        fitted, fold = self.estimator, self.fold
        b = [fitted.intercept_ + fold.mean @ fitted.coef_] if fitted.fit_intercept else []
        v, distance = self._newton(np.concatenate([fitted.coef_, b, [fitted.scale_]]))
        if not distance <= _ACCEPTED:  # scikit-learn's solution may be far off for unscaled data
            middle = np.median(fold.target) * fold.ones[:1].ravel()
            spread = np.sqrt(np.mean((fold.target - middle.sum()) ** 2))
            start = np.concatenate([np.zeros(fold.matrix.shape[1]), middle, [spread]])
            v, distance = self._newton(start)
        if not distance <= _ACCEPTED:
            raise hg.NotDifferentiableError(
                f"Newton's method finds no solution of HuberRegressor(alpha={fitted.alpha:.3g}): "
                "its scale tends to zero if the features can fit all samples. Increase alpha."
            )
        t = self._residual(v)[1]
        return _Solution(v, t, self._factorize(v, t))

    def _residual(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``∂F/∂v`` and t."""
        matrix, a, epsilon = self.fold.matrix, self.fold.a, self.estimator.epsilon
        p = matrix.shape[1]
        t = (self.fold.target - matrix @ v[:p] - v[p:-1].sum()) / v[-1]
        clipped = np.clip(t, -epsilon, epsilon)
        slope = -2 * a * clipped
        by_scale = a @ (1 - clipped**2)
        by_w = matrix.T @ slope + 2 * self.estimator.alpha * v[:p]
        return np.concatenate([by_w, self.fold.ones.T @ slope, [by_scale]]), t

    def _newton(self, v: np.ndarray) -> tuple[np.ndarray, float]:
        """Newton's method: the solution, and the length of the last step relative to σ.

        Lengths are in the norm of the Hessian, which is invariant to scaling of features.
        """
        floor, distance = _SMALLEST_SCALE * v[-1], np.inf
        G, t = self._residual(v)
        for _ in range(_MAX_STEPS):
            step = -self._factorize(v, t)(G)

            def slope(length: float, v: np.ndarray = v, step: np.ndarray = step) -> float:
                new = v + length * step
                return float(self._residual(new)[0] @ step) if new[-1] > floor else np.inf

            length, decrement = step_length(slope, 8.0)
            if length == 0:
                break
            # F is of the order of σ, as is its second derivative with respect to σ.
            distance = float(np.sqrt(decrement / (self.fold.a.sum() * v[-1])))
            v = v + length * step
            G, t = self._residual(v)
            if length == 1 and distance < _NEWTON_RTOL:
                break
        return v, distance

    def _factorize(self, v: np.ndarray, t: np.ndarray) -> Callable[..., np.ndarray]:
        inside = np.abs(t) < self.estimator.epsilon
        design = Design.from_blocks(self.fold.matrix, np.column_stack([self.fold.ones, t]))
        l2 = np.zeros(design.shape[1])
        l2[: self.fold.matrix.shape[1]] = 2 * self.estimator.alpha
        return hessian_solver(design, 2 * self.fold.a / v[-1] * inside, l2)
