"""Gaussian process regression, with respect to its noise and its kernel's hyperparameters.

With the target y, normalized if requested, the weights solve ``G = (K + α) C - y = 0`` and the
predictive mean is ``σ K* C + μ`` (Rasmussen and Williams 2006, algorithm 2.1). The *evidence*,
the log marginal likelihood of the training data, is a further output for criteria; its
derivative with respect to K needs no adjoint (their eq. 5.9).

Notation
--------
n, m, p, T : number of training samples, of samples to predict, of features, of targets
K, K* : kernel matrices, (n, n) and (m, n)
A = K + α = L Lᵀ : with the noise α, (n, n)
C, U : solution and adjoint, (n, T)
μ, σ : mean and standard deviation of the target, (T,); 0 and 1 without normalization
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from skhyper._numeric._data import (
    as_matrix,
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
    InnerProblem,
    NotDifferentiableError,
    Output,
    Traits,
    Want,
    check_not_overridden,
    implicit_vjp,
    inner_problem,
    prefixed,
)

__all__ = ["GaussianProcessProblem"]


@inner_problem.register(GaussianProcessRegressor)
class GaussianProcessProblem(InnerProblem):
    """GaussianProcessRegressor, for `alpha` and all that is not "fixed" in its kernel.

    Outputs are the predictive mean, and the evidence as "log_marginal_likelihood".
    """

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        check_not_overridden(
            estimator, GaussianProcessRegressor, "fit", "predict", "log_marginal_likelihood"
        )
        kernel = estimator.kernel
        if estimator.optimizer is not None and (kernel is None or kernel.n_dims):
            raise NotDifferentiableError(
                f"The fit of GaussianProcessRegressor(optimizer={estimator.optimizer!r}) learns "
                "the hyperparameters of the kernel itself: set optimizer=None."
            )
        names: tuple[str, ...] = ()
        why_not = ""
        try:
            names = () if kernel is None else kernel_names(kernel)
        except NotDifferentiableError as error:
            why_not = str(error)
        self.names = tuple(f"kernel__{name}" for name in names)
        if np.ndim(estimator.alpha) == 0:
            self.names = ("alpha", *self.names)
        else:
            why_not += " An alpha for each sample is a constant."
        data = kernel is None or passes_inputs(kernel)
        self.traits = Traits(why_not, passes_data=data)

    def load(self, X: Any, y: Any) -> Fold:  # type: ignore[override]
        return _ProcessFold(self.estimator, X, y)


class _Kernel(NamedTuple):
    """A kernel with its hyperparameters, and its matrix on the training data."""

    params: Mapping[str, Any]
    kernel: Any
    gram: Gram


class _ProcessFold(Fold):
    """Training data, and the matrix of the last kernel."""

    def __init__(self, estimator: Any, X: Any, y: Any):
        self._estimator = estimator
        self._head = copy_rows(X, slice(0, 2))
        X, y = checked_matrix(X), checked_target(y)
        self.train, self._y = Pair(X, noise=True), y
        self._test: tuple[Any, Pair] = (None, self.train)
        self._learned: dict[bool, dict[str, Any]] = {}
        self._last: _Kernel | None = None

    def fit(self, params: Mapping[str, Any]) -> Fit:
        params = clone(dict(params), safe=False)
        fitted = clone(self._estimator).set_params(**params)
        validate_params(fitted)
        vars(fitted).update(self._learned_by(fitted))
        kernel = self._kernel(fitted, {k: v for k, v in params.items() if k != "alpha"})
        mean, std = self._normalisation(fitted.normalize_y)
        y = (self._y - mean) / std
        L = _factorized(kernel, fitted.alpha)
        solution = linalg.cho_solve((L, True), y, check_finite=False)
        C = solution.reshape(len(y), -1)
        n, T = C.shape
        # Alg. 2.1, line 7
        evidence = -0.5 * float(np.vdot(y, solution))
        evidence -= T * float(np.log(np.diag(L)).sum() + n / 2 * np.log(2 * np.pi))
        fitted.kernel_ = clone(kernel.kernel)
        fitted.X_train_, fitted.y_train_ = self.train.X, y
        fitted.L_, fitted.alpha_ = L, solution
        fitted.log_marginal_likelihood_value_ = evidence
        return _ProcessFit(fitted, self, kernel, mean, std, L, C, evidence)

    def _kernel(self, fitted: Any, params: Mapping[str, Any]) -> _Kernel:
        if self._last is None or not equal_params(params, self._last.params):
            kernel = fitted.kernel
            kernel = ConstantKernel(1.0) * RBF(1.0) if kernel is None else clone(kernel)
            self._last = _Kernel(params, kernel, _matrix(kernel, self.train))
        return self._last

    def to_predict(self, X: Any) -> Pair:
        """Pair of the data to predict and the training data."""
        if self._test[0] is not X:
            self._test = (X, Pair(as_matrix(X), self.train.X))
        return self._test[1]

    def _normalisation(self, normalize: bool) -> tuple[Any, Any]:
        """μ and σ, each in the shape of one row of y."""
        if not normalize:
            return np.zeros(self._y.shape[1:]), np.ones(self._y.shape[1:])
        mean, std = self._y.mean(axis=0), self._y.std(axis=0)
        # As in scikit-learn for constant targets.
        constant = std < 10 * np.finfo(float).eps if np.ndim(std) else std == 0
        return mean, np.where(constant, 1.0, std)

    def _learned_by(self, estimator: Any) -> dict[str, Any]:
        """Fitted attributes on features and targets.

        From two samples, whose targets have the mean and the standard deviation of all.
        """
        normalize = bool(estimator.normalize_y)
        if normalize not in self._learned:
            mean, std = self._y.mean(axis=0), self._y.std(axis=0)
            targets = np.stack([mean - std, mean + std])[: self._head.shape[0]]
            seen = clone(estimator).set_params(kernel=RBF(), alpha=1.0, optimizer=None)
            seen.fit(self._head, targets)
            own = estimator.get_params(deep=False)
            self._learned[normalize] = {k: v for k, v in vars(seen).items() if k not in own}
        return self._learned[normalize]


def _matrix(kernel: Any, pair: Pair) -> Gram:
    try:
        kernel_names(kernel)
    except NotDifferentiableError:
        return opaque(kernel(pair.X) if pair.noise else kernel(pair.X, pair.Y))
    return gram(kernel, pair)


def _factorized(kernel: _Kernel, alpha: Any) -> np.ndarray:
    """L of ``K + α``."""
    A = np.array(kernel.gram.K)
    A.flat[:: len(A) + 1] += alpha
    try:
        return linalg.cholesky(A, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(
            f"The kernel, {kernel.kernel}, is not returning a positive definite matrix. Try "
            "gradually increasing the 'alpha' parameter of your GaussianProcessRegressor "
            "estimator."
        ) from error


@dataclass(frozen=True)
class _ProcessFit(Fit):
    """A fit: mean and standard deviation of the target, L, C and the evidence."""

    estimator: Any
    fold: _ProcessFold
    kernel: _Kernel
    mean: Any
    std: Any
    L: np.ndarray
    C: np.ndarray
    evidence: float

    def predict(self, X: Any, method: str) -> Output:
        pair = self.fold.to_predict(X)
        if method == "log_marginal_likelihood":
            value = np.array([self.evidence / len(self.C)])
            return Output(value, partial(self._evidence_vjp, pair))
        C, train, test = self.C, self.kernel.gram, _matrix(self.kernel.kernel, pair)
        Z = self.std * (test.K @ C) + self.mean

        def direct(d_value: np.ndarray, want: Want) -> tuple[Any, Cotangents]:
            D = self.std * d_value.reshape(len(d_value), -1)
            gradient, dX, dY = test.back(D @ C.T, "XY" if want.data else "")
            dX = None if dX is None else np.broadcast_to(dX, pair.X.shape)
            return test.K.T @ D, Cotangents(prefixed("kernel", gradient), dY, dX)

        def solve(dw: np.ndarray) -> np.ndarray:
            return linalg.cho_solve((self.L, True), dw, check_finite=False)

        def cross(u: np.ndarray, want: Want) -> Cotangents:
            gradient, dX, dY = train.back(u @ C.T, "XY" if want.data else "")
            params = {"alpha": float(np.vdot(u, C)), **prefixed("kernel", gradient)}
            return Cotangents(params, self._like_training_data(add_inputs(dX, dY)))

        return Output(Z[:, 0] if Z.shape[1] == 1 else Z, implicit_vjp(direct, solve, cross))

    def _evidence_vjp(self, pair: Pair, d_value: np.ndarray, want: Want) -> Cotangents:
        dA = d_value[0] / len(self.C) * self._evidence_slope()
        gradient, dX, dY = self.kernel.gram.back(dA, "XY" if want.data else "")
        params = {"alpha": float(np.trace(dA)), **prefixed("kernel", gradient)}
        if not want.data:
            return Cotangents(params)
        total = self._like_training_data(add_inputs(dX, dY))
        return Cotangents(params, total, np.zeros(pair.X.shape))

    def _like_training_data(self, dX: Any) -> np.ndarray | None:
        return None if dX is None else np.broadcast_to(dX, self.fold.train.X.shape)

    def _evidence_slope(self) -> np.ndarray:
        """``½ (C Cᵀ - T A⁻¹)``, eq. 5.9 summed over targets."""
        inverse, _ = linalg.lapack.dpotri(self.L, lower=True)
        # dpotri leaves the upper triangle unchanged: zero.
        inverse += inverse.T
        inverse.flat[:: len(inverse) + 1] /= 2
        return 0.5 * (self.C @ self.C.T - self.C.shape[1] * inverse)
