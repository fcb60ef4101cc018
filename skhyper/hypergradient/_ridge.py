"""Ridge regression and classification: every penalty from one Gram matrix.

For each output the parameters solve ``G = Xcᵀ (Xc w - yc) + α w = 0``; see ``_data`` for Xc.

Notation
--------
n, p, K : number of samples, features, outputs
W, U : solution and adjoint, (p, K)
α : penalty, (K,)
K : the smaller Gram matrix of Xc
C : dual solution, (n, K), with ``W = Xcᵀ C``
"""

import copy
from collections.abc import Mapping
from functools import cached_property
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

# Beyond it factors of the Gram matrix take longer than the conjugate gradients of a whole search.
_LARGEST_GRAM = 5000
_LARGEST_SPARSE_GRAM = 1000
# An eigendecomposition takes as long as so many Cholesky factors.
_MAX_FACTORS = 16
# Penalties below this part of the Gram matrix's diagonal are within rounding of zero.
_ROUNDING = 1e-10
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
        return isinstance(self._system, _Gram)

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
        self._system = _Gram(self._data) if dense else _Iterations(self._data)

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template)
        alpha = params.get("alpha", fitted.alpha)
        if params.keys() == {"alpha"} and isinstance(alpha, float) and 0 < alpha < np.inf:
            fitted.alpha = alpha  # the long way takes as long as a small fit
        else:
            validate_params(fitted.set_params(**params))
        self._alpha = np.broadcast_to(np.asarray(fitted.alpha, dtype=float), self._y_mean.shape)
        self._W = self._system.fit(self._Yc, self._alpha)
        self.is_exact = fitted.solver not in _ITERATIVE
        if not self.is_exact:  # as far as it comes, by the user's own wish
            return fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        return self._filled(fitted, self._flat and not is_classifier(self.estimator))

    def solve(self, dw: np.ndarray) -> np.ndarray:
        if self._by_gram:
            return dw  # for alpha alone the product of the solution with W is enough
        return self._system.solve(dw, self._alpha)

    def cross(self, u: np.ndarray) -> Gradient:
        if self._by_gram:
            return {"alpha": self._shared(self._system.slope(u, self._W, self._alpha))}
        return {"alpha": self._shared((u * self._W).sum(axis=0))}

    @property
    def _by_gram(self) -> bool:
        return isinstance(self._system, _Gram) and not self.inputs_wanted

    def leave_one_out(self) -> LeftOut | None:
        """By the diagonal h of the hat matrix: residuals over 1 - h.

        References
        ----------
        Allen (1974), "The relationship between variable selection and data augmentation and a
        method for prediction", Technometrics 16.
        """
        if is_classifier(self.estimator) or not isinstance(self._system, _Gram):
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


class _Gram:
    """Solutions at any penalty by the smaller Gram matrix of Xc."""

    def __init__(self, data: Centred):
        self._data = data
        n, p = data.shape
        self._primal = p <= n
        self._shifted = _Shifted(data.gram(), self._primal)

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        if self._primal:
            return self._shifted.solve(self._data.adjoint(Yc), alpha)
        self._C = self._shifted.solve(Yc, alpha)
        return self._data.adjoint(self._C)

    def slope(self, V: np.ndarray, W: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``Σ u∘w`` of each output, (K,), with ``u = (Xcᵀ Xc + α)⁻¹ V`` and the last fit's W."""
        if self._primal:
            return (self.solve(V, alpha) * W).sum(axis=0)
        # wᵀ u = cᵀ Xc (Xcᵀ Xc + α)⁻¹ v = cᵀ (Xc Xcᵀ + α)⁻¹ Xc v with w = Xcᵀ c
        return (self._C * self._shifted.solve(self._data.apply(V), alpha)).sum(axis=0)

    def solve(self, V: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ V`` for V of shape (p, K)."""
        if self._primal:
            return self._shifted.solve(V, alpha)
        U = self._woodbury(V, alpha)
        rest = V - self._data.adjoint(self._data.apply(U)) - alpha * U
        return U + self._woodbury(rest, alpha)  # once more, of what rounding has left

    def _woodbury(self, V: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        C = self._shifted.solve(self._data.apply(V), alpha)
        return (V - self._data.adjoint(C)) / alpha

    def left_out(
        self, Yc: np.ndarray, alpha: np.ndarray, ones: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Residuals of each sample by the fit of the others, (n, K), and their slopes by α.

        ``r / (1 - h)`` with residuals r and the diagonal h of the hat matrix. With fewer
        samples than features both vanish with α: there it is ``c / d``, with
        ``c = (Xc Xcᵀ + α)⁻¹ Yc`` and d the diagonal of that inverse, without its part along
        `ones` (of length 1), which the intercept takes.
        """
        values, vectors = self._shifted.spectrum
        inverse = 1 / (values[:, None] + alpha)
        Q = self._data.apply(vectors) if self._primal else vectors
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


class _Shifted:
    """``(K + α)⁻¹`` for a positive semidefinite K (n, n) and any α.

    By Cholesky at first; once there have been as many of them as take the time of an
    eigendecomposition, by that. So are penalties within rounding of zero, by which what rounding
    leaves in the null space of K would be divided.

    Parameters
    ----------
    K : ndarray of shape (n, n)
    whole : bool
        Whether solutions have a part in the null space of K, too.
    """

    def __init__(self, K: np.ndarray, whole: bool):
        self._K = K
        self._whole = whole
        self._smallest = _ROUNDING * float(np.diag(K).max(initial=0.0))
        self._factor: tuple[float, Any] | None = None
        self._n_factors = 0

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues (n,) and eigenvectors (n, n) of K, which they take the place of."""
        self._factor = None
        values, vectors = linalg.eigh(self._K, overwrite_a=True, driver="evd", check_finite=False)
        del self._K
        return np.maximum(values, 0.0), vectors

    def solve(self, B: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(K + α)⁻¹ B``, (n, m), with an α for each column of B."""
        if (
            "spectrum" not in self.__dict__
            and np.all(alpha == alpha[0])
            and self._prepare(alpha[0])
        ):
            return linalg.cho_solve(self._factor[1], B, check_finite=False)  # type: ignore[index]
        values, vectors = self.spectrum
        shifted = values[:, None] + alpha
        if self._whole:
            return vectors @ ((vectors.T @ B) / shifted)
        seen = (values > values[-1] * len(values) * np.finfo(float).eps)[:, None]
        inverse = np.where(seen, 1 / np.where(seen, shifted, 1.0), 0.0)
        return vectors @ (inverse * (vectors.T @ B))

    def _prepare(self, alpha: float) -> bool:
        """Factorise ``K + α``, if that is the way."""
        if self._factor is not None and self._factor[0] == alpha:
            return True
        if alpha <= self._smallest or self._n_factors >= _MAX_FACTORS:
            return False
        self._n_factors += 1
        shifted = self._K.copy()
        shifted[np.diag_indices(len(shifted))] += alpha
        # K is symmetric: as Fortran has it, it need not be copied.
        self._factor = alpha, linalg.cho_factor(shifted.T, overwrite_a=True, check_finite=False)
        return True


class _Iterations:
    """Solutions by conjugate gradients."""

    def __init__(self, data: Centred):
        self._data = data

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        return self.solve(self._data.adjoint(Yc), alpha)

    def solve(self, V: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ V`` for V of shape (p, K)."""
        return np.column_stack([self._solve(v, penalty) for v, penalty in zip(V.T, alpha)])

    def _solve(self, v: np.ndarray, penalty: float) -> np.ndarray:
        def product(w: np.ndarray) -> np.ndarray:
            return self._data.adjoint(self._data.apply(w[:, None]))[:, 0] + penalty * w

        return conjugate_gradients(product, v)
