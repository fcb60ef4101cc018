"""Ridge regression and classification: every penalty from one Gram matrix.

For each output the parameters solve ``G = Xcᵀ (Xc w - yc) + α w = 0``; see ``_data`` for Xc.

Notation
--------
n, p, K : number of samples, features, outputs
W, U : solution and adjoint, (p, K)
α : penalty, (K,)
C : dual solution, (n, K), with ``W = Xcᵀ C``
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
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
from skhyper.hypergradient._centred import SquaredLoss
from skhyper.hypergradient._problem import (
    Cotangents,
    Fit,
    Fold,
    Gradient,
    InnerProblem,
    NotDifferentiableError,
    Output,
    Traits,
    Want,
    check_not_overridden,
    fitted_clone,
    inner_problem,
)

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
class RidgeProblem(InnerProblem):
    """Ridge and RidgeClassifier by `alpha`, a number or one for each output."""

    names = ("alpha",)
    traits = Traits(passes_data=True, leaves_one_out=True)

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        base = RidgeClassifier if isinstance(estimator, RidgeClassifier) else Ridge
        check_not_overridden(estimator, base, "fit", "predict")
        if estimator.positive:
            raise NotDifferentiableError(f"{base.__name__}(positive=True) has no hypergradient.")

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> Fold:  # type: ignore[override]
        return _RidgeFold(self.estimator, X, y, sample_weight)


class _RidgeFold(Fold):
    """Training data, and the system that solves for any penalty."""

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any):
        self.estimator, self._raw = estimator, (X, y)
        self._template = template = _template(estimator, X, y)
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        # Sparse data are for iterations by default; those of low precision stay what they are.
        self.is_solved = (
            estimator.solver in _BY_GRAM
            and not sparse.issparse(X)
            and template.coef_.dtype == np.float64
        )
        X, y = checked_matrix(X), np.asarray(y)
        a = np.array(as_weights(sample_weight, X.shape[0]))
        if is_classifier(estimator):
            y = column_or_1d(y)
            a *= compute_sample_weight(estimator.class_weight, y)
            classes = template.classes_
            Y = np.where(y[:, None] == classes, 1.0, -1.0)
            Y = -Y if len(classes) == 1 else Y[:, 1:] if len(classes) == 2 else Y
        else:
            Y = checked_target(y).reshape(len(y), -1)
        self.loss = SquaredLoss.from_data(X, Y, a, y.ndim == 1, estimator.fit_intercept)
        data = self.loss.data
        limit = _LARGEST_SPARSE_GRAM if data.dense is None else _LARGEST_GRAM
        self.caches, primal = min(X.shape) <= limit, X.shape[1] <= len(Y)
        self.system: _Gram | _Iterations = (
            _Gram(data, self.loss.centers, primal) if self.caches else _Iterations(data)
        )

    @cached_property
    def system_left_out(self) -> "_Gram | None":
        """The system for leave-one-out."""
        if not isinstance(self.system, _Gram):
            return None
        n, p = self.loss.data.shape
        # With n - 1 features all samples are met: what is left of residuals is rounding.
        square = n - 1 <= p <= n
        return _Gram(self.loss.data, self.loss.centers, False) if square else self.system

    def fit(self, params: Mapping[str, Any]) -> Fit:
        fitted = copy.copy(self._template)
        alpha = params.get("alpha", fitted.alpha)
        if params.keys() == {"alpha"} and isinstance(alpha, float) and 0 < alpha < np.inf:
            fitted.alpha = alpha  # the long way takes as long as a small fit
        else:
            validate_params(fitted.set_params(**params))
        alpha = np.broadcast_to(np.array(fitted.alpha, dtype=float), self.loss.y_mean.shape)
        solution = self.system.fit(self.loss.Yc, alpha)
        is_exact = self.is_solved and solution.error <= _EXACT
        if is_exact:
            several = np.ndim(fitted.intercept_)
            self.loss.filled(fitted, fitted.coef_.ndim == 1, solution.W)
            if several:  # with a target of one column, unlike the coefficients
                fitted.intercept_ = np.atleast_1d(fitted.intercept_)
        else:  # as scikit-learn's own solver leaves it
            fitted = fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        return _RidgeFit(fitted, self, solution, is_exact)


@dataclass(frozen=True)
class _RidgeFit(Fit):
    estimator: Any
    fold: _RidgeFold
    solution: "_Solution"
    is_exact: bool

    def predict(self, X: Any, method: str) -> Output:
        loss, solution = self.fold.loss, self.solution
        if not solution.is_usable:
            raise NotDifferentiableError(
                f"The solution at alpha={solution.alpha.max():.3g} is lost in rounding: scale the "
                "features, or penalize more."
            )
        exact = loss.output(solution.W, X, solution.solve, self._cross)

        def vjp(d_value: np.ndarray, want: Want) -> Cotangents:
            if want.data:
                return exact.vjp(d_value, want)
            # For alpha alone the product of the adjoint with W is enough.
            product = loss.output(solution.W, X, lambda dW: dW, self._cross_by_product)
            return product.vjp(d_value, want)

        return Output(exact.value, vjp)

    def _cross(self, u: np.ndarray) -> Gradient:
        return self._shared((u * self.solution.W).sum(axis=0))

    def _cross_by_product(self, dW: np.ndarray) -> Gradient:
        return self._shared(self.solution.product(dW))

    def leave_one_out(self) -> Output | None:
        """By the diagonal h of the hat matrix: residuals over 1 - h.

        References
        ----------
        Allen (1974), "The relationship between variable selection and data augmentation and a
        method for prediction", Technometrics 16.
        """
        fold, loss = self.fold, self.fold.loss
        a = loss.data.weights
        if is_classifier(fold.estimator) or np.any(a == 0) or not fold.is_solved:
            return None
        if (system := fold.system_left_out) is None:
            return None
        left_out, slope, error = system.left_out(loss.Yc, self.solution.alpha)
        if not error <= _EXACT:
            return None
        root = np.sqrt(a)[:, None]

        def vjp(d_value: np.ndarray, want: Want) -> Cotangents:
            by_output = (d_value.reshape(slope.shape) * -slope / root).sum(axis=0)
            return Cotangents(self._shared(by_output))

        value = loss.Y - left_out / root
        return Output(value[:, 0] if loss.flat else value, vjp)

    def _shared(self, by_output: np.ndarray) -> Gradient:
        """The derivative with respect to `alpha`, from those of each output's."""
        is_shared = np.ndim(self.fold.estimator.alpha) == 0
        return {"alpha": float(by_output.sum()) if is_shared else by_output}


def _template(estimator: Any, X: Any, y: Any) -> Any:
    """A fitted clone of the estimator, made from a few samples: all but the coefficients."""
    y = np.asarray(y)
    rows = np.unique(y, return_index=True)[1] if is_classifier(estimator) else np.arange(2)
    X = copy_rows(X, rows)
    fitted = clone(estimator).set_params(solver="auto").fit(X, y[rows])
    return fitted.set_params(solver=estimator.solver)


@dataclass(frozen=True)
class _Solution:
    """The solution at one penalty for each output.

    Attributes
    ----------
    alpha, W : ndarray of shape (K,), (p, K)
    error : float
        Error of its predictions by rounding, relative to its residuals: those of
        leave-one-out with more features than samples, where those of training vanish.
    is_usable : bool
        Whether derivatives are not lost in rounding.
    """

    system: Any
    alpha: np.ndarray
    W: np.ndarray
    error: float
    is_usable: bool

    def solve(self, V: np.ndarray) -> np.ndarray:
        """``(Xcᵀ Xc + α)⁻¹ V`` for V of shape (p, K)."""
        U, change = self.system.solve(V, self.alpha)
        if not change <= _LARGEST_ERROR:
            raise NotDifferentiableError(
                f"Conjugate gradients do not end at alpha={self.alpha.max():.3g}: scale the "
                "features, or penalize more."
            )
        return U

    def product(self, V: np.ndarray) -> np.ndarray:
        """``Σ u∘w`` of each output, (K,), with ``u = (Xcᵀ Xc + α)⁻¹ V``."""
        return (self.solve(V) * self.W).sum(axis=0)


class _Gram:
    """Solutions at any penalty by a Gram matrix of Xc, or by orthogonal factors of Xc."""

    def __init__(self, data: Centered, centred: bool, primal: bool):
        self.data, self.primal = data, primal
        self._ones = np.sqrt(data.weights / data.weights.sum())[:, None] if centred else None
        self.shifted = Shifted(partial(data.gram, primal), primal, self._ones)
        self._rounding = _EPS * np.sqrt(max(data.shape)) * data.cancellation()
        # Lengths of the columns' means, which centering and predictions take away again.
        self._means = np.abs(data.mean) * np.sqrt(data.weights.sum())
        self._squares = data.squared_norms()

    @cached_property
    def orthogonal(self) -> Orthogonal:
        return Orthogonal(self.data.columns(np.arange(self.data.shape[1])))

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> "_GramSolution":
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        C = None
        if self.primal:
            target = self.data.adjoint(Yc)
            W = self.shifted.solve(target, alpha)
            error, slopes = self._error_of_primal(W, target, Yc, alpha)
        else:
            C = self.shifted.solve(Yc, alpha)
            W = self.data.adjoint(C)
            error, slopes = self._error_of_dual(W, C, alpha)
        accurate = bool(slopes <= _LARGEST_ERROR)
        dense = self.data.dense is not None or bool(np.prod(self.data.shape) <= _LARGEST_COPY)
        rotated = dense and not accurate
        if rotated:
            columns = zip(Yc.T, alpha)
            W = np.column_stack([self.orthogonal.fit(y[:, None], a) for y, a in columns])
        return _GramSolution(self, alpha, W, error, dense or accurate, C, rotated)

    def _error_of_primal(
        self, W: np.ndarray, target: np.ndarray, Yc: np.ndarray, alpha: np.ndarray
    ) -> tuple[float, float]:
        """Errors of predictions and of slopes."""
        lengths, condition = self.shifted.lengths_and_condition(alpha)
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

    def _error_of_dual(
        self, W: np.ndarray, C: np.ndarray, alpha: np.ndarray
    ) -> tuple[float, float]:
        inverse = self.shifted.mean_inverse(alpha)
        means = np.linalg.norm(self._means) / max(np.sqrt(self._squares.sum()), _TINY)
        slopes = self._rounding * self.shifted.size * inverse
        taken = self._rounding * (self._means @ np.abs(W)) * inverse
        sizes = np.linalg.norm(C, axis=0)
        error = slopes * (1 + means) + (taken / np.where(sizes > 0, sizes, 1.0)).max()
        return float(error), slopes

    def _rounding_of_columns(self, alpha: np.ndarray) -> float:
        lengths = np.sqrt(self._squares + alpha.min())
        return self._rounding * (1 + float((self._means / np.maximum(lengths, _TINY)).max()))

    def left_out(self, Yc: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Residuals of each sample by the fit of the others, (n, K), and their slopes by α.

        ``r / (1 - h)`` with residuals r and the diagonal h of the hat matrix. With fewer
        samples than features both vanish with α: there it is ``c / d``, with
        ``c = (Xc Xcᵀ + α)⁻¹ Yc`` and d the diagonal of that inverse, without its part along
        the intercept's direction. The last number is the error by rounding, relative to them.
        """
        values, vectors = self.shifted.spectrum
        ones = self._ones
        inverse = 1 / (values[:, None] + alpha)
        Q = self.data.apply(vectors) if self.primal else vectors
        if not self.primal and ones is not None:
            Q = Q - ones @ (ones.T @ Q)
            values = values[1:]
        b = Q.T @ Yc
        squares = Q * Q
        c, d = Q @ (inverse * b), squares @ inverse
        dc, dd = -Q @ (inverse**2 * b), -squares @ inverse**2
        with np.errstate(divide="ignore"):
            error = self._rounding * (values[-1] / (values[0] + alpha.min()) + 1)
        if self.primal:
            level = 0.0 if ones is None else ones**2
            c, d, dc, dd = Yc - c, 1 - level - d, -dc, -dd
            error /= max(float(d.min()), _EPS)
        elif self.data.shape[1] < len(Yc):  # scikit-learn's folds are by a singular matrix
            error = np.inf if alpha.min() == 0 else self._rounding * values[-1] / alpha.min()
        error *= self._rounding_of_columns(alpha) / self._rounding
        R = c / d
        smaller = np.linalg.norm(Yc, axis=0) / np.maximum(np.linalg.norm(R, axis=0), _TINY)
        return R, dc / d - c * dd / d**2, error * max(1.0, float(smaller.max()))


@dataclass(frozen=True)
class _GramSolution(_Solution):
    """By a Gram matrix: with the dual solution C, (n, K), and None of a primal one.

    It is `rotated` where it is by orthogonal factors, as the Gram matrix has too few digits.
    """

    system: _Gram
    C: np.ndarray | None
    rotated: bool

    def product(self, V: np.ndarray) -> np.ndarray:
        system = self.system
        if self.rotated:
            columns = zip(V.T[:, :, None], self.W.T[:, :, None], self.alpha)
            return np.concatenate([system.orthogonal.product(v, w, a) for v, w, a in columns])
        if self.C is None:
            return super().product(V)
        # wᵀ u = cᵀ Xc (Xcᵀ Xc + α)⁻¹ v = cᵀ (Xc Xcᵀ + α)⁻¹ Xc v with w = Xcᵀ c
        return (self.C * system.shifted.solve(system.data.apply(V), self.alpha)).sum(axis=0)

    def solve(self, V: np.ndarray) -> np.ndarray:
        system, alpha = self.system, self.alpha
        if self.rotated:
            columns = zip(V.T, alpha)
            return np.column_stack([system.orthogonal.solve(v[:, None], a) for v, a in columns])
        if self.C is None:
            return system.shifted.solve(V, alpha)
        U = self._woodbury(V)
        rest = V - system.data.adjoint(system.data.apply(U)) - alpha * U
        return U + self._woodbury(rest)  # once more, of what rounding has left

    def _woodbury(self, V: np.ndarray) -> np.ndarray:
        data = self.system.data
        C = self.system.shifted.solve(data.apply(V), self.alpha)
        return (V - data.adjoint(C)) / self.alpha


class _Iterations:
    """Solutions by conjugate gradients."""

    def __init__(self, data: Centered):
        self._data = data
        n, p = data.shape
        self._squares = data.squared_norms()[:, None] if p <= n else None

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> _Solution:
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        W, change = self.solve(self._data.adjoint(Yc), alpha)
        return _Solution(self, alpha, W, change, change <= _LARGEST_ERROR)

    def solve(self, V: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, float]:
        """``(Xcᵀ Xc + α)⁻¹ V`` for V of shape (p, K), and its relative error."""
        return converged_solver(self._data, np.broadcast_to(alpha, V.shape), V, self._squares)
