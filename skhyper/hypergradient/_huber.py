"""HuberRegressor: coefficients, intercept and scale are one solution.

Training minimises ``F = Σ a (σ + σ H(t)) + α |w|²`` over ``(w, b, σ)``, with ``t = r / σ``,
``r = y - x w - b``, and ``H(t) = t²`` for ``|t| < ε``, else ``2 ε |t| - ε²``. Samples inside
bend F as ``(2 a / σ) (dz + t dσ)²``, so that σ acts as the coefficient of one more feature, t.

Notation
--------
n, p : number of samples, features;  a : sample weights, (n,)
v = (w, b, σ) : solution, (q,)
E : columns of the design besides X: ones for the intercept, and t
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import HuberRegressor

from skhyper._numeric._curvature import Design, hessian_solver
from skhyper._numeric._data import as_matrix, as_weights, checked_matrix, checked_target
from skhyper._numeric._newton import step_length
from skhyper.hypergradient._problem import (
    Gradient,
    NotDifferentiableError,
    check_not_overridden,
    fitted_clone,
    inner_problem,
)
from skhyper.hypergradient._stateful import StatefulProblem

__all__ = ["HuberProblem"]

_MAX_STEPS = 50
# A step may not bring the scale below this part of scikit-learn's.
_SMALLEST_SCALE = 1e-2
# Length of the last step, in the norm of the Hessian, and the largest that is accepted where
# rounding ends the steps.
_NEWTON_RTOL, _ACCEPTED = 1e-9, 1e-6


@inner_problem.register(HuberRegressor)
class HuberProblem(StatefulProblem):
    """HuberRegressor by `alpha` and `epsilon`.

    Its L-BFGS stops early: Newton's steps go on from there, or the gradient is off by 3e-3.
    """

    names = ("alpha", "epsilon")

    def __init__(self, estimator: HuberRegressor):
        super().__init__(estimator)
        check_not_overridden(estimator, HuberRegressor, "fit", "predict")

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self._X, self._y = X, y
        self._given = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._matrix, self._target = checked_matrix(X), checked_target(y).ravel()
        self._a = as_weights(sample_weight, len(self._target))
        self._ones = np.ones((len(self._target), int(self.estimator.fit_intercept)))
        # The intercept takes up the means: the Hessian then has fewer digits to lose.
        self._mean = np.zeros(self._matrix.shape[1])
        if self.estimator.fit_intercept and not sparse.issparse(self._matrix):
            self._mean = self._matrix.mean(axis=0)
            self._matrix = self._matrix - self._mean

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = fitted_clone(self.estimator, params, self._X, self._y, **self._given)
        self._alpha, self._epsilon = float(fitted.alpha), float(fitted.epsilon)
        b = [fitted.intercept_ + self._mean @ fitted.coef_] if fitted.fit_intercept else []
        self._v = np.concatenate([fitted.coef_, b, [fitted.scale_]])
        self._solver = None
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        if self._solver is None:
            self._polish()
        self._X_test = as_matrix(X)
        if np.any(self._mean):
            dense = sparse.issparse(self._X_test)
            self._X_test = (self._X_test.toarray() if dense else self._X_test) - self._mean
        p = self._X_test.shape[1]
        return self._X_test @ self._v[:p] + self._v[p:-1].sum()

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        b = [d_output.sum()] * self._ones.shape[1]
        dv = np.concatenate([self._X_test.T @ d_output, b, [0.0]])
        p = self._X_test.shape[1]
        return dv, {}, np.outer(d_output, self._v[:p]) if self.inputs_wanted else None

    def solve(self, dw: np.ndarray) -> np.ndarray:
        return self._solver(dw)

    def cross(self, u: np.ndarray) -> Gradient:
        p, a, t = self._matrix.shape[1], self._a, self._t
        outside = np.abs(t) >= self._epsilon
        by_z = -2 * a * np.sign(t) * outside
        by_epsilon = by_z @ self._dz(u) - 2 * self._epsilon * (a @ outside) * u[-1]
        return {"alpha": float(2 * u[:p] @ self._v[:p]), "epsilon": float(by_epsilon)}

    def cross_inputs(self, u: np.ndarray) -> np.ndarray | None:
        if sparse.issparse(self._matrix):
            return None
        p, inside = self._matrix.shape[1], np.abs(self._t) < self._epsilon
        slope = -self._a * np.where(inside, 2 * self._t, 2 * self._epsilon * np.sign(self._t))
        bent = 2 * self._a / self._v[-1] * inside * (self._dz(u) + self._t * u[-1])
        return np.outer(bent, self._v[:p]) + np.outer(slope, u[:p])

    def _dz(self, u: np.ndarray) -> np.ndarray:
        """Change of the predictions along u, (n,)."""
        p = self._matrix.shape[1]
        return self._matrix @ u[:p] + u[p:-1].sum()

    def _residual(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``∂F/∂v`` and t."""
        p, a, epsilon = self._matrix.shape[1], self._a, self._epsilon
        t = (self._target - self._matrix @ v[:p] - v[p:-1].sum()) / v[-1]
        clipped = np.clip(t, -epsilon, epsilon)
        slope = -2 * a * clipped
        by_scale = a @ (1 - clipped**2)
        by_w = self._matrix.T @ slope + 2 * self._alpha * v[:p]
        return np.concatenate([by_w, self._ones.T @ slope, [by_scale]]), t

    def _polish(self) -> None:
        v, distance = self._newton(self._v)
        if not distance <= _ACCEPTED:  # the start may be far: its data were not to scale
            p = self._matrix.shape[1]
            middle = np.median(self._target) * self._ones[:1].ravel()
            spread = np.sqrt(np.mean((self._target - middle.sum()) ** 2))
            v, distance = self._newton(np.concatenate([np.zeros(p), middle, [spread]]))
        self._distance = distance
        if not distance <= _ACCEPTED:
            raise NotDifferentiableError(
                f"HuberRegressor(alpha={self._alpha:.3g}) has no solution that Newton's method "
                "finds: its scale goes to zero where features can fit all samples."
            )
        self._v, self._t = v, self._residual(v)[1]
        self._solver = self._factorize(v, self._t)

    def _newton(self, v: np.ndarray) -> tuple[np.ndarray, float]:
        """Newton's steps, with the length of the last one relative to the scale σ.

        Lengths are in the norm of the Hessian, which no scale of a feature changes.
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
            # F is of the order of σ, and so is its curvature along σ itself.
            distance = float(np.sqrt(decrement / (self._a.sum() * v[-1])))
            v = v + length * step
            G, t = self._residual(v)
            if length == 1 and distance < _NEWTON_RTOL:
                break
        return v, distance

    def _factorize(self, v: np.ndarray, t: np.ndarray):
        inside = np.abs(t) < self._epsilon
        design = Design.from_blocks(self._matrix, np.column_stack([self._ones, t]))
        l2 = np.zeros(design.shape[1])
        l2[: self._matrix.shape[1]] = 2 * self._alpha
        return hessian_solver(design, 2 * self._a / v[-1] * inside, l2)
