"""Ridge regression and classification: solutions at any penalty from one Gram matrix.

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
from sklearn.base import is_classifier
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight

from skhyper._numeric import Orthogonal, Shifted
from skhyper._numeric._data import Centered, as_weights, checked_matrix, checked_target
from skhyper._numeric._normal import converged_solver
from skhyper._sklearn import validate_params
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._centered import SquaredLoss

# Sizes above which factorizations of the Gram matrix cost more than conjugate gradients throughout.
_LARGEST_GRAM = 5000
_LARGEST_SPARSE_GRAM = 1000
# Number of entries of sparse data, zeros included, up to which they may be made dense.
_LARGEST_COPY = 20_000_000
# Rounding errors, relative to residuals: up to the first, the solution computed here is scored
# (else scikit-learn's own fit); up to the second, derivatives use the Gram matrix or conjugate
# gradients.
_EXACT = 1e-9
_LARGEST_ERROR = 1e-7
_EPS, _TINY = np.finfo(float).eps, np.finfo(float).tiny
# scikit-learn's solvers that use a Gram matrix and hence have the accuracy of this one.
_BY_GRAM = ("auto", "cholesky")


@hg.inner_problem.register(Ridge | RidgeClassifier)
class RidgeProblem(hg.InnerProblem):
    """Ridge and RidgeClassifier, for `alpha`: a number or one for each output."""

    names = ("alpha",)
    inherits = ("fit", "predict")
    traits = hg.Traits(passes_data=True, leaves_one_out=True)

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        if estimator.positive:
            name = type(estimator).__name__
            raise hg.NotDifferentiableError(f"{name}(positive=True) has no hypergradient.")

    def load(self, X: Any, y: Any, **fit_params: Any) -> hg.Fold:
        return self.load_part(hg.TrainingPart.of(X, y, **fit_params))

    def load_part(self, part: hg.TrainingPart) -> hg.Fold:
        return _RidgeFold(self.estimator, part, **part.fit_params)


class _RidgeFold(hg.Fold):
    """Training data, and a solver for any penalty."""

    def __init__(self, estimator: Any, part: hg.TrainingPart, sample_weight: Any = None):
        self.estimator, self._part = estimator, part
        X, y = part.copied()
        self._template = template = hg.template_of(estimator, X, y, solver="auto")
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        # scikit-learn solves sparse data iteratively, and float32 data in float32.
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

    def trim(self) -> None:
        if isinstance(self.system, _Gram) and self.system.primal:
            data = self.loss.data
            data.drop(partial(_centered, self._part, data.weights, self.loss.centers))

    @cached_property
    def system_left_out(self) -> "_Gram | None":
        """Solver for leave-one-out."""
        if not isinstance(self.system, _Gram):
            return None
        n, p = self.loss.data.shape
        # With p >= n - 1 the target is interpolated: residuals would be rounding errors.
        square = n - 1 <= p <= n
        return _Gram(self.loss.data, self.loss.centers, False) if square else self.system

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        fitted = copy.copy(self._template)
        alpha = params.get("alpha", fitted.alpha)
        if params.keys() == {"alpha"} and isinstance(alpha, float) and 0 < alpha < np.inf:
            fitted.alpha = alpha  # set_params is as slow as a small fit
        else:
            validate_params(fitted.set_params(**params))
        alpha = np.broadcast_to(np.array(fitted.alpha, dtype=float), self.loss.y_mean.shape)
        solution = self.system.fit(self.loss.Yc, alpha)
        is_exact = self.is_solved and solution.error <= _EXACT
        if is_exact:
            several = np.ndim(fitted.intercept_)
            self.loss.filled(fitted, fitted.coef_.ndim == 1, solution.W)
            if several:  # also for a target with one column
                fitted.intercept_ = np.atleast_1d(fitted.intercept_)
        else:  # scikit-learn's own solution
            fitted = hg.fitted_clone(
                self.estimator, params, *self._part.copied(), **self._fit_params
            )
        return _RidgeFit(fitted, self, solution, is_exact)


@dataclass(frozen=True)
class _RidgeFit(hg.Fit):
    estimator: Any
    fold: _RidgeFold
    solution: "_Solution"
    is_exact: bool

    def predict(self, X: Any, method: str) -> hg.Output:
        loss, solution = self.fold.loss, self.solution
        if not solution.is_usable:
            raise hg.NotDifferentiableError(
                f"The solution at alpha={solution.alpha.max():.3g} is dominated by rounding "
                "errors: scale the features, or increase alpha."
            )
        W, shared = solution.W, self._shared
        exact = loss.output(W, X, solution.solve, lambda u: shared((u * W).sum(axis=0)))

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            if want.data:
                return exact.vjp(d_value, want)
            # With respect to alpha alone, the product of the adjoint with W suffices.
            product = loss.output(W, X, lambda dW: dW, lambda dW: shared(solution.product(dW)))
            return product.vjp(d_value, want)

        return hg.Output(exact.value, vjp)

    def leave_one_out(self) -> hg.Output | None:
        """Residuals over 1 - h, with h the diagonal of the hat matrix.

        Allen (1974), "The relationship between variable selection and data augmentation and a
        method for prediction", Technometrics 16.
        """
        fold, loss = self.fold, self.fold.loss
        a = loss.data.weights
        usable = fold.is_solved and not is_classifier(fold.estimator) and not np.any(a == 0)
        if not usable or (system := fold.system_left_out) is None:
            return None
        left_out, slope, error = system.left_out(loss.Yc, self.solution.alpha)
        if not error <= _EXACT:
            return None
        root = np.sqrt(a)[:, None]

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            by_output = (d_value.reshape(slope.shape) * -slope / root).sum(axis=0)
            return hg.Cotangents(self._shared(by_output))

        value = loss.Y - left_out / root
        return hg.Output(value[:, 0] if loss.flat else value, vjp)

    def _shared(self, by_output: np.ndarray) -> hg.Gradient:
        """Derivative with respect to `alpha`, from those for each output."""
        is_shared = np.ndim(self.fold.estimator.alpha) == 0
        return {"alpha": float(by_output.sum()) if is_shared else by_output}


def _centered(part: hg.TrainingPart, a: np.ndarray, centers: bool) -> Centered:
    return Centered.from_data(checked_matrix(part.copied()[0]), a, centers)


@dataclass(frozen=True)
class _Solution:
    """Solution W (p, K) at one penalty for each output.

    `error` is the rounding error of its predictions, relative to its residuals; with more
    features than samples, where training residuals vanish, relative to those of leave-one-out.
    `is_usable`: derivatives are more than rounding errors.
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
            raise hg.NotDifferentiableError(
                f"Conjugate gradients do not converge at alpha={self.alpha.max():.3g}: scale the "
                "features, or increase alpha."
            )
        return U

    def product(self, V: np.ndarray) -> np.ndarray:
        """``Σ u∘w`` for each output, (K,), with ``u = (Xcᵀ Xc + α)⁻¹ V``."""
        return (self.solve(V) * self.W).sum(axis=0)


class _Gram:
    """Solver for any penalty, by a Gram matrix of Xc or an orthogonal factorization of Xc."""

    def __init__(self, data: Centered, centers: bool, primal: bool):
        self.data, self.primal = data, primal
        self._ones = np.sqrt(data.weights / data.weights.sum())[:, None] if centers else None
        self.shifted = Shifted(partial(data.gram, primal), primal, self._ones)
        self._rounding = _EPS * np.sqrt(max(data.shape)) * data.cancellation()
        # Norms of the columns' means, which centering and predictions subtract.
        self._means = np.abs(data.mean) * np.sqrt(data.weights.sum())
        self._squares = data.squared_norms()
        self._may_rotate = data.dense is not None or bool(np.prod(data.shape) <= _LARGEST_COPY)
        self._target: np.ndarray | None = None

    @cached_property
    def orthogonal(self) -> Orthogonal:
        return Orthogonal(self.data.columns(np.arange(self.data.shape[1])))

    def fit(self, Yc: np.ndarray, alpha: np.ndarray) -> "_GramSolution":
        """``(Xcᵀ Xc + α)⁻¹ Xcᵀ Yc``, (p, K)."""
        C = None
        if self.primal:
            if self._target is None:
                self._target = self.data.adjoint(Yc)
            target = self._target
            W = self.shifted.solve(target, alpha)
            error, slopes = self._error_of_primal(W, target, Yc, alpha)
        else:
            C = self.shifted.solve(Yc, alpha)
            W = self.data.adjoint(C)
            error, slopes = self._error_of_dual(W, C, alpha)
        accurate = bool(slopes <= _LARGEST_ERROR)
        dense = self._may_rotate
        rotated = dense and not accurate
        if rotated:
            columns = zip(Yc.T, alpha)
            W = np.column_stack([self.orthogonal.fit(y[:, None], a) for y, a in columns])
        return _GramSolution(self, alpha, W, error, dense or accurate, C, rotated)

    def _error_of_primal(
        self, W: np.ndarray, target: np.ndarray, Yc: np.ndarray, alpha: np.ndarray
    ) -> tuple[float, float]:
        """Errors of predictions and of derivatives."""
        lengths, condition = self.shifted.lengths_and_condition(alpha)
        if not np.isfinite(condition) or not np.all(np.isfinite(W)):
            return np.inf, np.inf
        size = (Yc * Yc).sum(axis=0)
        rest = size - (W * target).sum(axis=0) - alpha * (W * W).sum(axis=0)
        # Smaller differences are rounding errors.
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
        """Leave-one-out residuals, (n, K), their derivatives with respect to α, and the error.

        ``r / (1 - h)`` with residuals r and the diagonal h of the hat matrix. With fewer
        samples than features both vanish as α tends to 0; there it is ``c / d``, with
        ``c = (Xc Xcᵀ + α)⁻¹ Yc`` and d the diagonal of that inverse, less its part along the
        direction of the intercept. The error is that of rounding, relative to the residuals.
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
        elif self.data.shape[1] < len(Yc):  # singular matrix for scikit-learn
            error = np.inf if alpha.min() == 0 else self._rounding * values[-1] / alpha.min()
        error *= self._rounding_of_columns(alpha) / self._rounding
        R = c / d
        smaller = np.linalg.norm(Yc, axis=0) / np.maximum(np.linalg.norm(R, axis=0), _TINY)
        return R, dc / d - c * dd / d**2, error * max(1.0, float(smaller.max()))


@dataclass(frozen=True)
class _GramSolution(_Solution):
    """Solution by a Gram matrix: with the dual solution C, (n, K); None for a primal one.

    `rotated`: by an orthogonal factorization, where the Gram matrix is too inaccurate.
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
        return U + self._woodbury(rest)  # one step of iterative refinement

    def _woodbury(self, V: np.ndarray) -> np.ndarray:
        data = self.system.data
        C = self.system.shifted.solve(data.apply(V), self.alpha)
        return (V - data.adjoint(C)) / self.alpha


class _Iterations:
    """Solver by conjugate gradients."""

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
