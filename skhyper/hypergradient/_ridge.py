"""Ridge regression and classification: every penalty from one eigendecomposition.

For each output the parameters solve ``G = Xcᵀ (Xc w - yc) + α w = 0``; see ``_data`` for Xc.

Notation
--------
n, p, K : number of samples, features, outputs
W, U : solution and adjoint, (p, K)
α : penalty, (K,)
Λ, Q : eigenvalues and eigenvectors of the smaller Gram matrix of Xc
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.base import clone, is_classifier
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from skhyper._numeric._curvature import conjugate_gradients
from skhyper._numeric._data import (
    Centred,
    as_weights,
    checked_matrix,
    checked_target,
    few_rows,
)
from skhyper._sklearn import validate_params
from skhyper.hypergradient._centred import CentredProblem
from skhyper.hypergradient._problem import (
    Gradient,
    LeftOut,
    NotDifferentiableError,
    check_not_overridden,
    fitted_clone,
    inner_problem,
)

__all__ = ["RidgeProblem"]

# Beyond it an eigendecomposition takes longer than the conjugate gradients of a whole search.
_LARGEST_GRAM = 5000
_LARGEST_SPARSE_GRAM = 1000
# Solvers that stop at a tolerance. The others find the solution, as the problem does.
_ITERATIVE = ("lsqr", "sparse_cg", "sag", "saga", "lbfgs")


@inner_problem.register(Ridge)
@inner_problem.register(RidgeClassifier)
class RidgeProblem(CentredProblem):
    """Ridge and RidgeClassifier by `alpha`, a number or one for each output."""

    names = ("alpha",)

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        base = RidgeClassifier if isinstance(estimator, RidgeClassifier) else Ridge
        check_not_overridden(estimator, base, "fit", "predict")
        if estimator.positive:
            raise NotDifferentiableError(f"{base.__name__}(positive=True) has no hypergradient.")

    @property
    def worth_keeping(self) -> bool:
        return isinstance(self._system, _Spectrum)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self._template = _template(self.estimator, X, y)
        self._raw = X, y
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        X, y = checked_matrix(X), np.asarray(y)
        a = np.array(as_weights(sample_weight, X.shape[0]))
        if is_classifier(self.estimator):
            a *= compute_sample_weight(self.estimator.class_weight, y)
            classes = self._template.classes_
            Y = np.where(y[:, None] == classes, 1.0, -1.0)
            Y = Y[:, 1:] if len(classes) == 2 else Y
        else:
            Y = checked_target(y).reshape(len(y), -1)
        self._take(X, Y, a, y.ndim == 1)
        limit = _LARGEST_SPARSE_GRAM if self._data.dense is None else _LARGEST_GRAM
        dense = min(X.shape) <= limit
        self._system = _Spectrum(self._data) if dense else _Iterations(self._data)

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template).set_params(**params)
        validate_params(fitted)
        self._alpha = np.broadcast_to(np.asarray(fitted.alpha, dtype=float), self._y_mean.shape)
        self._W = self._system.fit(self._Yc, self._alpha)
        if fitted.solver in _ITERATIVE:  # as far as it comes, by the user's own wish
            return fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        return self._filled(fitted, self._flat and not is_classifier(self.estimator))

    def solve(self, dw: np.ndarray) -> np.ndarray:
        return self._system.solve(dw, self._alpha, self.inputs_wanted)

    def cross(self, u: np.ndarray) -> Gradient:
        return {"alpha": self._shared((u * self._W).sum(axis=0))}

    def leave_one_out(self) -> LeftOut | None:
        """By the diagonal h of the hat matrix: residuals over 1 - h.

        References
        ----------
        Allen (1974), "The relationship between variable selection and data augmentation and a
        method for prediction", Technometrics 16.
        """
        if is_classifier(self.estimator) or not isinstance(self._system, _Spectrum):
            return None
        a = self._data.weights
        if np.any(a == 0):
            return None
        left_out, slope = self._system.left_out(
            self._Yc, self._alpha, np.sqrt(a / a.sum()) if self.estimator.fit_intercept else None
        )
        root = np.sqrt(a)[:, None]
        predictions = self._Y - left_out / root

        def pull_back(d: np.ndarray) -> Gradient:
            return {"alpha": self._shared((d.reshape(slope.shape) * -slope / root).sum(axis=0))}

        return LeftOut(predictions[:, 0] if self._flat else predictions, pull_back)

    def _shared(self, per_output: np.ndarray) -> Any:
        """A derivative by each output's alpha as one by `alpha`."""
        return float(per_output.sum()) if np.ndim(self.estimator.alpha) == 0 else per_output


def _template(estimator: Any, X: Any, y: Any) -> Any:
    """A fitted clone of the estimator, made from a few samples: all but the coefficients."""
    y = np.asarray(y)
    rows = np.unique(y, return_index=True)[1] if is_classifier(estimator) else np.arange(2)
    X = few_rows(X, rows)
    fitted = clone(estimator).set_params(solver="auto").fit(X, y[rows])
    return fitted.set_params(solver=estimator.solver)


class _Spectrum:
    """Solutions at any penalty by one eigendecomposition of the smaller Gram matrix."""

    def __init__(self, data: Centred):
        self._data = data
        n, p = data.shape
        self._primal = p <= n
        self._values, self._vectors = linalg.eigh(data.gram(), overwrite_a=True, driver="evd")
        self._values = np.maximum(self._values, 0.0)

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        if self._primal:
            return self.solve(self._data.adjoint(Yc), alpha)
        inverse = 1 / (self._values[:, None] + alpha)
        return self._data.adjoint(self._vectors @ (inverse * (self._vectors.T @ Yc)))

    def left_out(
        self, Yc: np.ndarray, alpha: np.ndarray, ones: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Residuals of each sample by the fit of the others, (n, K), and their slopes by α.

        ``r / (1 - h)`` with residuals r and the diagonal h of the hat matrix. With fewer
        samples than features both vanish with α: there it is ``c / d``, with
        ``c = (Xc Xcᵀ + α)⁻¹ Yc`` and d the diagonal of that inverse, without its part along
        `ones` (of length 1), which the intercept takes.
        """
        inverse = 1 / (self._values[:, None] + alpha)
        Q = self._data.apply(self._vectors) if self._primal else self._vectors
        if not self._primal and ones is not None:
            Q = Q - np.outer(ones, ones @ Q)
        b = Q.T @ Yc
        squares = Q * Q
        c, d = Q @ (inverse * b), squares @ inverse
        dc, dd = -Q @ (inverse**2 * b), -squares @ inverse**2
        if self._primal:
            level = 0.0 if ones is None else (ones**2)[:, None]
            c, d, dc, dd = Yc - c, 1 - level - d, -dc, -dd
        return c / d, dc / d - c * dd / d**2

    def solve(self, V: np.ndarray, alpha: np.ndarray, outside: bool = False) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ V`` for V of shape (p, K).

        With fewer samples than features its part outside of the row space of Xc, ``V / α``,
        is there only if asked for: no product with coefficients sees it.
        """
        inverse = 1 / (self._values[:, None] + alpha)
        if self._primal:
            return self._vectors @ (inverse * (self._vectors.T @ V))
        floor = self._values[-1] * len(self._values) * np.finfo(float).eps
        seen = (self._values > floor)[:, None]
        scaled = np.where(seen, 1 / np.where(seen, self._values[:, None], 1), 0.0)
        C = scaled * (self._vectors.T @ self._data.apply(V))
        U = self._data.adjoint(self._vectors @ (inverse * C))
        if not outside:
            return U
        rest = V - self._data.adjoint(self._vectors @ C)
        # Once more, of what rounding has left.
        again = scaled * (self._vectors.T @ self._data.apply(rest))
        return U + (rest - self._data.adjoint(self._vectors @ again)) / alpha


class _Iterations:
    """Solutions by conjugate gradients."""

    def __init__(self, data: Centred):
        self._data = data

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        return self.solve(self._data.adjoint(Yc), alpha)

    def solve(self, V: np.ndarray, alpha: np.ndarray, outside: bool = True) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ V`` for V of shape (p, K)."""
        return np.column_stack([self._solve(v, penalty) for v, penalty in zip(V.T, alpha)])

    def _solve(self, v: np.ndarray, penalty: float) -> np.ndarray:
        def product(w: np.ndarray) -> np.ndarray:
            return self._data.adjoint(self._data.apply(w[:, None]))[:, 0] + penalty * w

        return conjugate_gradients(product, v)
