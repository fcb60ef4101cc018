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
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight

from skhyper._numeric import Orthogonal, Shifted
from skhyper._numeric._data import (
    Centered,
    as_weights,
    checked_matrix,
    checked_target,
    copy_rows,
)
from skhyper._numeric._normal import converged_solver
from skhyper._sklearn import validate_params
from skhyper.hypergradient._centred import CentredProblem
from skhyper.hypergradient._problem import (
    Gradient,
    NotDifferentiableError,
    check_not_overridden,
    fitted_clone,
    inner_problem,
)
from skhyper.hypergradient._stateful import LeftOut

__all__ = ["RidgeProblem"]

# Beyond it factors of the Gram matrix take longer than the conjugate gradients of a whole search.
_LARGEST_GRAM = 5000
_LARGEST_SPARSE_GRAM = 1000
# Entries of sparse data, zeros included, that may be made dense.
_LARGEST_COPY = 20_000_000
# Errors by rounding, relative to residuals: within the one a fold is scored by the solution
# found here, within the other derivatives are by a Gram matrix or by conjugate gradients.
_EXACT = 1e-9
_LARGEST_ERROR = 1e-7
_EPS, _TINY = np.finfo(float).eps, np.finfo(float).tiny
# Solvers of scikit-learn's that have their digits from a Gram matrix, as the problem has.
_BY_GRAM = ("auto", "cholesky")


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
    def caches(self) -> bool:
        return isinstance(self._system, _Gram)

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self._template = _template(self.estimator, X, y)
        self._raw = X, y
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        # Sparse data are for iterations by default; those of low precision stay what they are.
        self._is_solved = (
            self.estimator.solver in _BY_GRAM
            and not sparse.issparse(X)
            and self._template.coef_.dtype == np.float64
        )
        X, y = checked_matrix(X), np.asarray(y)
        a = np.array(as_weights(sample_weight, X.shape[0]))
        if is_classifier(self.estimator):
            y = column_or_1d(y)
            a *= compute_sample_weight(self.estimator.class_weight, y)
            classes = self._template.classes_
            Y = np.where(y[:, None] == classes, 1.0, -1.0)
            Y = -Y if len(classes) == 1 else Y[:, 1:] if len(classes) == 2 else Y
        else:
            Y = checked_target(y).reshape(len(y), -1)
        self._take(X, Y, a, y.ndim == 1)
        limit = _LARGEST_SPARSE_GRAM if self._data.dense is None else _LARGEST_GRAM
        self._by_rows: _Gram | None = None
        if min(X.shape) <= limit:
            self._system: Any = _Gram(
                self._data, self.estimator.fit_intercept, X.shape[1] <= len(Y)
            )
        else:
            self._system = _Iterations(self._data)

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = copy.copy(self._template)
        alpha = params.get("alpha", fitted.alpha)
        if params.keys() == {"alpha"} and isinstance(alpha, float) and 0 < alpha < np.inf:
            fitted.alpha = alpha  # the long way takes as long as a small fit
        else:
            validate_params(fitted.set_params(**params))
        self._alpha = np.broadcast_to(np.asarray(fitted.alpha, dtype=float), self._y_mean.shape)
        self._W = self._system.fit(self._Yc, self._alpha)
        self.is_exact = self._is_solved and self._system.error <= _EXACT
        if not self.is_exact:  # as scikit-learn's own solver leaves it
            return fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        several = np.ndim(fitted.intercept_)
        self._filled(fitted, fitted.coef_.ndim == 1)
        if several:  # with a target of one column, unlike the coefficients
            fitted.intercept_ = np.atleast_1d(fitted.intercept_)
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        if not self._system.is_usable:
            raise NotDifferentiableError(
                f"The solution at alpha={self._alpha.max():.3g} is lost in rounding: scale the "
                "features, or penalise more."
            )
        return super().predict(X, method)

    def solve(self, dw: np.ndarray) -> np.ndarray:
        if self._by_gram:
            return dw  # for alpha alone the product of the solution with W is enough
        u = self._system.solve(dw, self._alpha)
        if not self._system.is_usable:
            raise NotDifferentiableError(
                f"Conjugate gradients do not end at alpha={self._alpha.max():.3g}: scale the "
                "features, or penalise more."
            )
        return u

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
        if np.any(a == 0) or not self._is_solved:
            return None
        n, p = self._data.shape
        if self._by_rows is None:
            # With n - 1 features all samples are met: what is left of residuals is rounding.
            centred = self.estimator.fit_intercept
            square = n - 1 <= p <= n
            self._by_rows = _Gram(self._data, centred, False) if square else self._system
        left_out, slope, error = self._by_rows.left_out(self._Yc, self._alpha)
        if not error <= _EXACT:
            return None
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
    X = copy_rows(X, rows)
    fitted = clone(estimator).set_params(solver="auto").fit(X, y[rows])
    return fitted.set_params(solver=estimator.solver)


class _Gram:
    """Solutions at any penalty by a Gram matrix of Xc, or by orthogonal factors of Xc.

    Attributes
    ----------
    error : float
        Error of the last solution's predictions by rounding, relative to its residuals: those
        of leave-one-out with more features than samples, where those of training vanish.
    """

    def __init__(self, data: Centered, centred: bool, primal: bool):
        self._data, self._primal = data, primal
        self._ones = np.sqrt(data.weights / data.weights.sum())[:, None] if centred else None
        self._shifted = Shifted(partial(data.gram, primal), primal, self._ones)
        self._rounding = _EPS * np.sqrt(max(data.shape)) * data.cancellation()
        # Lengths of the columns' means, which centring and predictions take away again.
        self._means = np.abs(data.mean) * np.sqrt(data.weights.sum())
        self._squares = data.squared_norms()
        self._rotated = False

    @cached_property
    def _orthogonal(self) -> Orthogonal:
        return Orthogonal(self._data.columns(np.arange(self._data.shape[1])))

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        if self._primal:
            target = self._data.adjoint(Yc)
            W = self._shifted.solve(target, alpha)
            self.error, slopes = self._error_of_primal(W, target, Yc, alpha)
        else:
            self._C = self._shifted.solve(Yc, alpha)
            W = self._data.adjoint(self._C)
            self.error, slopes = self._error_of_dual(W, alpha)
        dense = self._data.dense is not None or np.prod(self._data.shape) <= _LARGEST_COPY
        self._rotated = bool(dense and not slopes <= _LARGEST_ERROR)
        self.is_usable = bool(dense or slopes <= _LARGEST_ERROR)
        if self._rotated:
            columns = zip(Yc.T, alpha)
            W = np.column_stack([self._orthogonal.fit(y[:, None], a) for y, a in columns])
            self._W = W
        return W

    def _error_of_primal(
        self, W: np.ndarray, target: np.ndarray, Yc: np.ndarray, alpha: np.ndarray
    ) -> tuple[float, float]:
        """Errors of predictions and of slopes."""
        lengths, condition = self._shifted.lengths_and_condition(alpha)
        if not np.isfinite(condition) or not np.all(np.isfinite(W)):
            return np.inf, np.inf
        size = (Yc * Yc).sum(axis=0)
        rest = size - (W * target).sum(axis=0) - alpha * (W * W).sum(axis=0)
        # Below that the difference is rounding of the sizes.
        rest = np.where(rest > _EPS * size, rest, 0.0)
        moved = np.linalg.norm(lengths * W, axis=0) + np.sqrt(size)
        error = self._rounding_of_columns(alpha) * np.sqrt(condition) * moved
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(size > 0, error / np.sqrt(rest), 0.0)
        return float(relative.max(initial=0.0)), self._rounding * condition

    def _error_of_dual(self, W: np.ndarray, alpha: np.ndarray) -> tuple[float, float]:
        inverse = self._shifted.mean_inverse(alpha)
        means = np.linalg.norm(self._means) / max(np.sqrt(self._squares.sum()), _TINY)
        slopes = self._rounding * self._shifted.size * inverse
        taken = self._rounding * (self._means @ np.abs(W)) * inverse
        sizes = np.linalg.norm(self._C, axis=0)
        error = slopes * (1 + means) + (taken / np.where(sizes > 0, sizes, 1.0)).max()
        return float(error), slopes

    def _rounding_of_columns(self, alpha: np.ndarray) -> float:
        lengths = np.sqrt(self._squares + alpha.min())
        return self._rounding * (1 + float((self._means / np.maximum(lengths, _TINY)).max()))

    def slope(self, V: np.ndarray, W: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``Σ u∘w`` of each output, (K,), with ``u = (Xcᵀ Xc + α)⁻¹ V`` and the last fit's W."""
        if self._rotated:
            columns = zip(V.T[:, :, None], W.T[:, :, None], alpha)
            return np.concatenate([self._orthogonal.product(v, w, a) for v, w, a in columns])
        if self._primal:
            return (self.solve(V, alpha) * W).sum(axis=0)
        # wᵀ u = cᵀ Xc (Xcᵀ Xc + α)⁻¹ v = cᵀ (Xc Xcᵀ + α)⁻¹ Xc v with w = Xcᵀ c
        return (self._C * self._shifted.solve(self._data.apply(V), alpha)).sum(axis=0)

    def solve(self, V: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ V`` for V of shape (p, K)."""
        if self._rotated:
            columns = zip(V.T, alpha)
            return np.column_stack([self._orthogonal.solve(v[:, None], a) for v, a in columns])
        if self._primal:
            return self._shifted.solve(V, alpha)
        U = self._woodbury(V, alpha)
        rest = V - self._data.adjoint(self._data.apply(U)) - alpha * U
        return U + self._woodbury(rest, alpha)  # once more, of what rounding has left

    def _woodbury(self, V: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        C = self._shifted.solve(self._data.apply(V), alpha)
        return (V - self._data.adjoint(C)) / alpha

    def left_out(self, Yc: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Residuals of each sample by the fit of the others, (n, K), and their slopes by α.

        ``r / (1 - h)`` with residuals r and the diagonal h of the hat matrix. With fewer
        samples than features both vanish with α: there it is ``c / d``, with
        ``c = (Xc Xcᵀ + α)⁻¹ Yc`` and d the diagonal of that inverse, without its part along
        the intercept's direction. The last number is the error by rounding, relative to them.
        """
        values, vectors = self._shifted.spectrum
        ones = self._ones
        inverse = 1 / (values[:, None] + alpha)
        Q = self._data.apply(vectors) if self._primal else vectors
        if not self._primal and ones is not None:
            Q = Q - ones @ (ones.T @ Q)
            values = values[1:]
        b = Q.T @ Yc
        squares = Q * Q
        c, d = Q @ (inverse * b), squares @ inverse
        dc, dd = -Q @ (inverse**2 * b), -squares @ inverse**2
        with np.errstate(divide="ignore"):
            error = self._rounding * (values[-1] / (values[0] + alpha.min()) + 1)
        if self._primal:
            level = 0.0 if ones is None else ones**2
            c, d, dc, dd = Yc - c, 1 - level - d, -dc, -dd
            error /= max(float(d.min()), _EPS)
        elif self._data.shape[1] < len(Yc):  # scikit-learn's folds are by a singular matrix
            error = np.inf if alpha.min() == 0 else self._rounding * values[-1] / alpha.min()
        error *= self._rounding_of_columns(alpha) / self._rounding
        R = c / d
        smaller = np.linalg.norm(Yc, axis=0) / np.maximum(np.linalg.norm(R, axis=0), _TINY)
        return R, dc / d - c * dd / d**2, error * max(1.0, float(smaller.max()))


class _Iterations:
    """Solutions by conjugate gradients; attributes as of ``_Gram``."""

    def __init__(self, data: Centered):
        self._data = data
        n, p = data.shape
        self._squares = data.squared_norms()[:, None] if p <= n else None

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        self.error = 0.0
        return self.solve(self._data.adjoint(Yc), alpha)

    def solve(self, V: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ V`` for V of shape (p, K)."""
        penalties = np.broadcast_to(alpha, V.shape)
        U, change = converged_solver(self._data, penalties, V, self._squares)
        self.error = max(self.error, change)
        self.is_usable = self.error <= _LARGEST_ERROR
        return U
