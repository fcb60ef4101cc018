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

from skhyper._numeric._data import checked_matrix, checked_target, copy_rows
from skhyper._sklearn import validate_params
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._dual import KernelFold, dual_output, like_points, shifted_factor
from skhyper.hypergradient._kernels import (
    Gram,
    Pair,
    add_inputs,
    gram,
    kernel_names,
    passes_inputs,
    why_unknown,
)


@hg.inner_problem.register(GaussianProcessRegressor)
class GaussianProcessProblem(hg.InnerProblem):
    """GaussianProcessRegressor, for `alpha` and all that is not "fixed" in its kernel.

    Outputs are the predictive mean, and the evidence as "log_marginal_likelihood".
    """

    inherits = ("fit", "predict", "log_marginal_likelihood")

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        kernel = estimator.kernel
        if estimator.optimizer is not None and (kernel is None or kernel.n_dims):
            raise hg.NotDifferentiableError(
                f"The fit of GaussianProcessRegressor(optimizer={estimator.optimizer!r}) learns "
                "the hyperparameters of the kernel itself: set optimizer=None."
            )
        why_not = "" if kernel is None else why_unknown(kernel)
        names = () if why_not or kernel is None else kernel_names(kernel)
        self.names = tuple(f"kernel__{name}" for name in names)
        if np.ndim(estimator.alpha) == 0:
            self.names = ("alpha", *self.names)
        else:
            why_not += " An alpha for each sample is a constant."
        data = kernel is None or passes_inputs(kernel)
        self.traits = hg.Traits(why_not, passes_data=data)

    def load(self, X: Any, y: Any) -> hg.Fold:  # type: ignore[override]
        return _ProcessFold(self.estimator, X, y)


class _Kernel(NamedTuple):
    """A kernel with its hyperparameters, and its matrix on the training data."""

    kernel: Any
    train: Gram


class _ProcessFold(KernelFold):
    """Training data, and the matrix of the last kernel."""

    def __init__(self, estimator: Any, X: Any, y: Any):
        self._estimator = estimator
        self._head = copy_rows(X, slice(0, 2))
        super().__init__(checked_matrix(X), noise=True)
        self._y = checked_target(y)
        self._learned: dict[bool, dict[str, Any]] = {}

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        params = clone(dict(params), safe=False)
        fitted = clone(self._estimator).set_params(**params)
        validate_params(fitted)
        vars(fitted).update(self._learned_by(fitted))
        kernel = self.for_kernel(params, lambda: self._with_matrix(fitted.kernel))
        mean, std = self._normalization(fitted.normalize_y)
        y = (self._y - mean) / std
        try:
            L = shifted_factor(kernel.train.K, fitted.alpha)
        except np.linalg.LinAlgError as error:
            raise np.linalg.LinAlgError(
                f"The kernel, {kernel.kernel}, is not returning a positive definite matrix. Try "
                "gradually increasing the 'alpha' parameter of your GaussianProcessRegressor "
                "estimator."
            ) from error
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

    def _with_matrix(self, kernel: Any) -> _Kernel:
        kernel = ConstantKernel(1.0) * RBF(1.0) if kernel is None else clone(kernel)
        return _Kernel(kernel, gram(kernel, self.train))

    def _normalization(self, normalize: bool) -> tuple[Any, Any]:
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


@dataclass(frozen=True)
class _ProcessFit(hg.Fit):
    """A fit: mean and standard deviation of the target, L, C and the evidence."""

    estimator: Any
    fold: _ProcessFold
    kernel: _Kernel
    mean: Any
    std: Any
    L: np.ndarray
    C: np.ndarray
    evidence: float

    def predict(self, X: Any, method: str) -> hg.Output:
        pair = self.fold.to_predict(X)
        if method == "log_marginal_likelihood":
            value = np.array([self.evidence / len(self.C)])
            return hg.Output(value, partial(self._evidence_vjp, pair))
        test, std = gram(self.kernel.kernel, pair), self.std

        def solve(dw: np.ndarray) -> np.ndarray:
            return linalg.cho_solve((self.L, True), dw, check_finite=False)

        def params(gradient: hg.Gradient, u: np.ndarray | None = None) -> hg.Gradient:
            noise = {} if u is None else {"alpha": float(np.vdot(u, self.C))}
            return {**noise, **hg.prefixed("kernel", gradient)}

        mean = dual_output(self.kernel.train, test, pair, self.C, solve, params)
        Z = std * mean.value + self.mean

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            return mean.vjp(std * d_value.reshape(Z.shape), want)

        return hg.Output(Z[:, 0] if Z.shape[1] == 1 else Z, vjp)

    def _evidence_vjp(self, pair: Pair, d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
        dA = d_value[0] / len(self.C) * self._evidence_slope()
        gradient, dX, dY = self.kernel.train.back(dA, "XY" if want.data else "")
        params = {"alpha": float(np.trace(dA)), **hg.prefixed("kernel", gradient)}
        if not want.data:
            return hg.Cotangents(params)
        total = like_points(add_inputs(dX, dY), pair.Y)
        return hg.Cotangents(params, total, np.zeros(pair.X.shape))

    def _evidence_slope(self) -> np.ndarray:
        """``½ (C Cᵀ - T A⁻¹)``, eq. 5.9 summed over targets."""
        inverse, _ = linalg.lapack.dpotri(self.L, lower=True)
        # dpotri leaves the upper triangle unchanged: zero.
        inverse += inverse.T
        inverse.flat[:: len(inverse) + 1] /= 2
        return 0.5 * (self.C @ self.C.T - self.C.shape[1] * inverse)
