"""Kernel ridge regression, with respect to its penalty and its kernel's hyperparameters.

With R the diagonal matrix of the roots of the sample weights, the parameters solve
``G = (R K R + α) V - R Y = 0``, and the dual coefficients are ``C = R V``. Caches: the fold
holds what does not depend on hyperparameters, the kernel matrix belongs to one value of the
kernel's hyperparameters, and factorizations of ``R K R + α`` to the penalties seen with it.

Notation
--------
n, m, p, T : number of training samples, of samples to predict, of features, of targets
K, K* : kernel matrices, (n, n) and (m, n)
r : roots of the sample weights, (n, 1)
V, U : solution and adjoint, (n, T)
C : dual coefficients, (n, T)
α : penalty, (T,)
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.utils.extmath import row_norms

from skhyper._numeric._data import (
    as_matrix,
    as_weights,
    checked_matrix,
    checked_target,
    copy_rows,
    equal_params,
)
from skhyper._sklearn import validate_params
from skhyper.hypergradient._kernels import (
    Gram,
    Pair,
    add_inputs,
    gram,
    kernel_names,
    opaque,
    passes_inputs,
)
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
    implicit_vjp,
    inner_problem,
    prefixed,
)

__all__ = ["KernelRidgeFit", "KernelRidgeFold", "KernelRidgeProblem", "Shifted"]

# Number of Cholesky factorizations before an eigendecomposition, which costs about 20 of them: in
# total a search costs at most three times the cheaper of the two.
_FACTORS_BEFORE_SPECTRUM = 10
# Rounding errors, relative to leave-one-out residuals: up to the first, the solution computed
# here is scored (else scikit-learn's own fit); above the second there is no hypergradient.
_EXACT = 1e-9
_LARGEST_ERROR = 1e-3
_EPS = np.finfo(float).eps


@inner_problem.register(KernelRidge)
class KernelRidgeProblem(InnerProblem):
    """KernelRidge, for `alpha` (a number or one for each target) and its kernel.

    `gamma` and `coef0` where the kernel has them; for a kernel of
    ``sklearn.gaussian_process.kernels`` all that is not "fixed", as in ``kernel__length_scale``.
    """

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        check_not_overridden(estimator, KernelRidge, "fit", "predict", "_get_kernel")
        why_not = ""
        try:
            names = kernel_names(estimator.kernel)
        except NotDifferentiableError as error:
            names, why_not = (), str(error)
        if not isinstance(estimator.kernel, str):
            # scikit-learn calls the kernel with two arguments, for which WhiteKernel is zero.
            names = tuple(f"kernel__{n}" for n in names if not n.endswith("noise_level"))
        self.names = ("alpha", *names)
        if isinstance(estimator.kernel, str) and "poly" in estimator.kernel:
            why_not = "The degree is taken as an integer."
        data = passes_inputs(estimator.kernel)
        self.traits = Traits(why_not, passes_data=data, leaves_one_out=True)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> "KernelRidgeFold":  # type: ignore[override]
        return KernelRidgeFold(self.estimator, X, y, sample_weight)


class _AtKernel(NamedTuple):
    """What fits with equal kernels share: the kernel and its matrix on the training data."""

    params: Mapping[str, Any]
    kernel: "_KernelOf"
    gram: Gram
    system: "Shifted"


class KernelRidgeFold(Fold):
    """Training data, and the matrix and factorizations of the last kernel.

    Attributes
    ----------
    train : Pair
    r, rY : ndarray
        Roots of the sample weights, (n, 1), and their product with the target, (n, T).
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any):
        self.estimator = estimator
        head = copy_rows(X, slice(0, 2))
        # Fitted attributes on features need only two samples.
        seen = KernelRidge().fit(head, np.zeros(head.shape[0]))
        features = ("n_features_in_", "feature_names_in_")
        self._seen = {name: value for name, value in vars(seen).items() if name in features}
        self._raw = X, y
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._is_single = seen.X_fit_.dtype == np.float32  # kept by scikit-learn
        X, y = checked_matrix(X), checked_target(y)
        self.is_flat = y.ndim == 1
        self.r = np.sqrt(as_weights(sample_weight, X.shape[0]))[:, None]
        self._is_weighted = bool((self.r != 1).any())
        self.rY = self.r * y.reshape(len(y), -1)
        self._largest = float(row_norms(X, squared=True).max())
        self.train = Pair(X)
        self._test: tuple[Any, Pair] = (None, self.train)
        self._at: _AtKernel | None = None

    def fit(self, params: Mapping[str, Any]) -> "KernelRidgeFit":
        params = clone(dict(params), safe=False)
        fitted = clone(self.estimator).set_params(**params)
        validate_params(fitted)
        at = self._at_kernel(fitted, {k: v for k, v in params.items() if k != "alpha"})
        alpha = np.atleast_1d(np.asarray(fitted.alpha, dtype=float))
        solver = at.system.at(np.broadcast_to(alpha, self.rY.shape[1:]))
        V = solver.solve(self.rY)
        C = self.r * V
        error = solver.error()
        by_own = self._is_single or not error * at.kernel.rounding(self._largest) <= _EXACT
        if by_own:  # scikit-learn's own solution
            fitted = fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        else:
            fitted.dual_coef_ = C.ravel() if self.is_flat else C.copy()
            fitted.X_fit_ = self.train.X
            vars(fitted).update(self._seen)
        is_shared = np.ndim(params.get("alpha", self.estimator.alpha)) == 0
        return KernelRidgeFit(fitted, self, at, solver, V, C, error, is_shared, by_own)

    def _at_kernel(self, fitted: Any, params: Mapping[str, Any]) -> _AtKernel:
        if self._at is None or not equal_params(params, self._at.params):
            # A clone, as the fitted estimator is returned and may be changed by the caller.
            kernel = _KernelOf(clone(fitted), self.train.X.shape[1])
            gram = kernel(self.train)
            weighted = self.r * gram.K * self.r.T if self._is_weighted else gram.K
            self._at = _AtKernel(params, kernel, gram, Shifted(weighted))
        return self._at

    def to_predict(self, X: Any) -> Pair:
        """Pair of the data to predict and the training data."""
        if self._test[0] is not X:
            self._test = (X, Pair(as_matrix(X), self.train.X))
        return self._test[1]


@dataclass(frozen=True)
class KernelRidgeFit(Fit):
    """A fit: `V` and `C` as in the notation, the rounding `error` as in ``ShiftedSolver``."""

    estimator: Any
    fold: KernelRidgeFold
    at: _AtKernel
    solver: "ShiftedSolver"
    V: np.ndarray
    C: np.ndarray
    error: float
    is_shared: bool
    by_own_solver: bool

    def predict(self, X: Any, method: str) -> Output:
        if not self.error <= _LARGEST_ERROR:
            raise NotDifferentiableError(
                f"The solution at alpha={self.solver.alpha.min():.3g} is lost in rounding: the "
                "kernel's matrix is too close to a singular one."
            )
        r, C, at, pair = self.fold.r, self.C, self.at, self.fold.to_predict(X)
        test = at.kernel(pair)
        Z = test.K @ C

        def direct(d_value: np.ndarray, want: Want) -> tuple[Any, Cotangents]:
            D = d_value.reshape(len(d_value), -1)
            gradient, dX, dY = test.back(D @ C.T, "XY" if want.data else "")
            if dX is not None:
                dX = np.broadcast_to(dX, pair.X.shape)
            return r * (test.K.T @ D), Cotangents(self._named(gradient), dY, dX)

        def cross(u: np.ndarray, want: Want) -> Cotangents:
            per_target = (u * self.V).sum(axis=0)
            kernel, dX, dY = at.gram.back((r * u) @ C.T, "XY" if want.data else "")
            total = add_inputs(dX, dY)
            if total is not None:
                total = np.broadcast_to(total, self.fold.train.X.shape)
            return Cotangents({"alpha": self._by_alpha(per_target), **self._named(kernel)}, total)

        value = Z[:, 0] if self.fold.is_flat else Z
        return Output(value, implicit_vjp(direct, self.solver.solve, cross))

    def _by_alpha(self, per_target: np.ndarray) -> Any:
        if self.is_shared:
            return float(per_target.sum())
        size = np.size(self.fold.estimator.alpha)
        return per_target if size == len(per_target) else per_target.sum(keepdims=True)

    def leave_one_out(self, shift: np.ndarray | None = None) -> Output | None:
        """``y - v / diag(A⁻¹)`` with ``A = r K r + α`` and v the dual coefficients.

        Parameters
        ----------
        shift : ndarray of shape (n, T), default=None
            Added to the targets of all other samples when one is left out, and subtracted
            from its prediction.

        References
        ----------
        Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eq. 5.12.
        """
        r = self.fold.r
        if len(np.unique(self.solver.alpha)) > 1 or np.any(r == 0) or self.by_own_solver:
            return None
        inverse = self.solver.inverse()
        d = np.diag(inverse)[:, None]
        Y = self.fold.rY / r
        s = inverse @ r if shift is not None else np.zeros_like(d)
        added = np.zeros_like(Y) if shift is None else shift
        V = self.V + added * s
        left_out = Y - V / d / r

        def vjp(d_value: np.ndarray, want: Want) -> Cotangents:
            g = -d_value.reshape(Y.shape) / r
            # ∂L/∂A, from dA⁻¹ = -A⁻¹ dA A⁻¹.
            M = (inverse * (g * V / d**2).sum(axis=1)) @ inverse
            M -= (inverse @ (g / d)) @ self.V.T
            M -= (inverse @ (g * added / d).sum(axis=1, keepdims=True)) @ s.T
            kernel, _, _ = self.at.gram.back(r * M * r.T, "")
            alpha: Any = float(np.trace(M))
            if not self.is_shared:
                alpha = np.full(np.shape(self.fold.estimator.alpha), alpha)
            return Cotangents({"alpha": alpha, **self._named(kernel)})

        return Output(left_out[:, 0] if self.fold.is_flat else left_out, vjp)

    def _named(self, gradient: Gradient) -> Gradient:
        return gradient if isinstance(self.estimator.kernel, str) else prefixed("kernel", gradient)


class _KernelOf:
    """Kernel of a KernelRidge: maps a pair of point sets to its matrix."""

    def __init__(self, estimator: Any, n_features: int):
        self._estimator = estimator
        kernel, gamma = estimator.kernel, estimator.gamma
        if gamma is None and kernel == "chi2":
            raise ValueError("KernelRidge(kernel='chi2') needs a number for gamma; got None.")
        self._settings = {
            "gamma": 1 / n_features if gamma is None else gamma,
            "coef0": estimator.coef0,
            "degree": estimator.degree,
        }
        try:
            kernel_names(kernel)
            self._known = True
        except NotDifferentiableError:
            self._known = False

    def __call__(self, pair: Pair) -> Gram:
        kernel = self._estimator.kernel
        if self._known:
            return gram(kernel, pair, **self._settings)
        params = self._estimator.kernel_params or {}
        return opaque(pairwise_kernels(pair.X, pair.Y, metric=kernel, **params))

    def rounding(self, largest: float) -> float:
        """Rounding error of the kernel's values, relative to that of a sum.

        `largest` is the largest squared norm of a point. scikit-learn computes the squared
        distances of "rbf" as differences of squared norms; those of kernels with length-scales
        as differences of points divided by these.
        """
        kernel = self._estimator.kernel
        if isinstance(kernel, str):
            return 1.0 + self._settings["gamma"] * largest if kernel == "rbf" else 1.0
        if not hasattr(kernel, "get_params"):
            return 1.0
        scales = [v for n, v in kernel.get_params().items() if n.endswith("length_scale")]
        return 1.0 + np.sqrt(largest) / min([np.min(scale) for scale in scales], default=np.inf)


class Shifted:
    """Solver of ``(A + α) V = B`` for a symmetric A and many α.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Not changed.

    Attributes
    ----------
    spectrum : tuple of ndarray or None
        Eigenvalues and eigenvectors of A, once they are cheaper than more factorizations.
    """

    def __init__(self, A: np.ndarray):
        self._A = A
        self._last: ShiftedSolver | None = None
        self._n_factors = 0
        self.spectrum: tuple[np.ndarray, np.ndarray] | None = None

    def at(self, alpha: np.ndarray) -> "ShiftedSolver":
        """Solver for an α of shape (T,), one value for each column of B."""
        if self._last is None or not np.array_equal(alpha, self._last.alpha):
            alpha = np.array(alpha)
            factors = None if self.spectrum is not None else self._factors(np.unique(alpha))
            self._last = ShiftedSolver(self._A, alpha, factors, self.spectrum)
        return self._last

    def _factors(self, alpha: np.ndarray) -> dict[float, Any] | None:
        """Cholesky factors by α; None (and a spectrum) where they are too many or do not exist."""
        self._n_factors += len(alpha)
        if self._n_factors <= _FACTORS_BEFORE_SPECTRUM:
            try:
                return {a: self._factor(a) for a in alpha}
            except np.linalg.LinAlgError:
                pass  # Not positive definite (sigmoid kernel): use eigenvalues.
        self.spectrum = linalg.eigh(self._A, driver="evd")
        return None

    def _factor(self, alpha: float) -> Any:
        shifted = np.array(self._A, order="F")
        shifted.flat[:: len(shifted) + 1] += alpha
        return linalg.cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)


@dataclass(frozen=True)
class ShiftedSolver:
    """Solver of ``(A + α) V = B`` for one α of shape (T,), by factors or by a spectrum."""

    A: np.ndarray
    alpha: np.ndarray
    factors: dict[float, Any] | None
    spectrum: tuple[np.ndarray, np.ndarray] | None

    def error(self) -> float:
        """Rounding error of the dual solution, relative to leave-one-out residuals.

        These residuals are the dual solution divided by the diagonal of ``(A + α)⁻¹``.
        """
        n, lowest = len(self.A), float(self.alpha.min())
        size = np.linalg.norm(self.A)
        if self.spectrum is not None:
            with np.errstate(divide="ignore"):
                inverse = float(np.abs(1 / (self.spectrum[0] + lowest)).mean())
        else:  # Hutchinson's estimate of the mean eigenvalue, with one vector
            assert self.factors is not None
            probe = np.random.default_rng(0).choice([-1.0, 1.0], size=n)
            solved = linalg.cho_solve(self.factors[lowest], probe, check_finite=False)
            inverse = float((probe * solved).mean())
        return float(_EPS * np.sqrt(n) * size * inverse)

    def inverse(self) -> np.ndarray:
        """``(A + α)⁻¹`` for an α that all columns share."""
        if self.spectrum is None:
            assert self.factors is not None
            (factor,) = self.factors.values()
            return linalg.cho_solve(factor, np.eye(len(self.A)), check_finite=False)
        values, Q = self.spectrum
        return (Q / (values + self.alpha[0])) @ Q.T

    def solve(self, B: np.ndarray) -> np.ndarray:
        """V of shape (n, T)."""
        if self.spectrum is None:
            assert self.factors is not None
            V = np.empty_like(B)
            for a, factor in self.factors.items():
                of_a = self.alpha == a
                V[:, of_a] = linalg.cho_solve(factor, B[:, of_a], check_finite=False)
            return V
        values, Q = self.spectrum
        shifted = values[:, None] + self.alpha
        tiny = np.finfo(float).eps * np.abs(shifted).max(axis=0)
        singular = np.abs(shifted) <= tiny
        if singular.any():
            warnings.warn(
                "Singular matrix in solving dual problem. Using least-squares solution instead.",
                stacklevel=2,
            )
        inverse = np.where(singular, 0.0, 1 / np.where(singular, 1.0, shifted))
        return Q @ (inverse * (Q.T @ B))
