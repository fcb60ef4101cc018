"""Gaussian process regression by its noise and by the hyperparameters of its kernel.

With the target y, normalised if asked for, the weights solve ``G = (K + α) C - y = 0`` and the
mean of the process is ``σ K* C + μ`` (Rasmussen and Williams 2006, algorithm 2.1). Besides
predictions there is the *evidence* for a criterion, the log marginal likelihood of the
training data, whose derivative by K needs no adjoint (their eq. 5.9).

Notation
--------
n, m, p, T : number of training samples, of samples to predict, of features, of targets
K, K* : kernel matrices, (n, n) and (m, n)
A = K + α = L Lᵀ : with the noise α, (n, n)
C, U : solution and adjoint, (n, T)
μ, σ : mean and standard deviation of the target, (T,); 0 and 1 where it is not normalised
"""

from collections.abc import Mapping
from typing import Any

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
    Gradient,
    NotDifferentiableError,
    check_not_overridden,
    inner_problem,
)
from skhyper.hypergradient._stateful import StatefulProblem

__all__ = ["GaussianProcessProblem"]


@inner_problem.register(GaussianProcessRegressor)
class GaussianProcessProblem(StatefulProblem):
    """GaussianProcessRegressor by `alpha` and by what is not "fixed" in its kernel.

    Of the predictions the mean; and the evidence, as "log_marginal_likelihood".
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
        try:
            names = () if kernel is None else kernel_names(kernel)
        except NotDifferentiableError as error:
            self.why_not = str(error)
        self.names = tuple(f"kernel__{name}" for name in names)
        if np.ndim(estimator.alpha) == 0:
            self.names = ("alpha", *self.names)
        else:
            self.why_not += " An alpha for each sample is a constant."

    @property
    def passes_inputs(self) -> bool:
        return self.estimator.kernel is None or passes_inputs(self.estimator.kernel)

    def take(self, X: Any, y: Any) -> None:
        self._head = copy_rows(X, slice(0, 2))
        X, y = checked_matrix(X), checked_target(y)
        self._train, self._y = Pair(X, noise=True), y
        self._test: tuple[Any, Pair] = (None, self._train)
        self._learned: dict[bool, dict[str, Any]] = {}
        self._kernel_params: Mapping[str, Any] | None = None

    def fit(self, params: Mapping[str, Any]) -> Any:
        params = clone(dict(params), safe=False)
        fitted = clone(self.estimator).set_params(**params)
        validate_params(fitted)
        vars(fitted).update(self._learned_by(fitted))
        kernel_params = {name: value for name, value in params.items() if name != "alpha"}
        if self._kernel_params is None or not equal_params(kernel_params, self._kernel_params):
            kernel = fitted.kernel
            self._kernel = ConstantKernel(1.0) * RBF(1.0) if kernel is None else clone(kernel)
            self._gram = self._matrix(self._train)
            self._kernel_params = kernel_params
        self._mean, self._std = self._normalisation(fitted.normalize_y)
        y = (self._y - self._mean) / self._std
        self._factorise(fitted.alpha)
        C = linalg.cho_solve((self._L, True), y, check_finite=False)
        self._C = C.reshape(len(y), -1)
        n, T = self._C.shape
        # Alg. 2.1, line 7
        self._evidence = -0.5 * float(np.vdot(y, C))
        self._evidence -= T * float(np.log(np.diag(self._L)).sum() + n / 2 * np.log(2 * np.pi))
        fitted.kernel_ = clone(self._kernel)
        fitted.X_train_, fitted.y_train_ = self._train.X, y
        fitted.L_, fitted.alpha_ = self._L, C
        fitted.log_marginal_likelihood_value_ = self._evidence
        return fitted

    def _factorise(self, alpha: Any) -> None:
        A = np.array(self._gram.K)
        A.flat[:: len(A) + 1] += alpha
        try:
            self._L = linalg.cholesky(A, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError as error:
            raise np.linalg.LinAlgError(
                f"The kernel, {self._kernel}, is not returning a positive definite matrix. Try "
                "gradually increasing the 'alpha' parameter of your GaussianProcessRegressor "
                "estimator."
            ) from error

    def _normalisation(self, normalize: bool) -> tuple[Any, Any]:
        """μ and σ, of the shape of one row of y."""
        if not normalize:
            return np.zeros(self._y.shape[1:]), np.ones(self._y.shape[1:])
        mean, std = self._y.mean(axis=0), self._y.std(axis=0)
        # As scikit-learn has it for targets that are constant.
        constant = std < 10 * np.finfo(float).eps if np.ndim(std) else std == 0
        return mean, np.where(constant, 1.0, std)

    def _learned_by(self, estimator: Any) -> dict[str, Any]:
        """What scikit-learn learns about features and targets.

        From two samples, with targets that have the mean and the standard deviation of all.
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

    def _matrix(self, pair: Pair) -> Gram:
        try:
            kernel_names(self._kernel)
        except NotDifferentiableError:
            return opaque(self._kernel(pair.X) if pair.noise else self._kernel(pair.X, pair.Y))
        return gram(self._kernel, pair)

    def predict(self, X: Any, method: str) -> np.ndarray:
        self._method = method
        if self._test[0] is not X:
            self._test = (X, Pair(as_matrix(X), self._train.X))
        if method == "log_marginal_likelihood":
            return np.array([self._evidence / len(self._y)])
        self._gram_test = self._matrix(self._test[1])
        Z = self._std * (self._gram_test.K @ self._C) + self._mean
        return Z[:, 0] if Z.shape[1] == 1 else Z

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        if self._method == "log_marginal_likelihood":
            self._dA = d_output[0] / len(self._y) * self._evidence_slope()
            direct = self._named(self._gram.back(self._dA, "")[0])
            return None, {"alpha": float(np.trace(self._dA)), **direct}, np.zeros(self._m_by_p())
        self._D = self._std * d_output.reshape(len(d_output), -1)
        direct, dX, _ = self._gram_test.back(self._D @ self._C.T, "X")
        dX = None if dX is None else np.broadcast_to(dX, self._m_by_p())
        return self._gram_test.K.T @ self._D, self._named(direct), dX

    def _m_by_p(self) -> tuple[int, int]:
        return self._test[1].X.shape

    def _evidence_slope(self) -> np.ndarray:
        """``½ (C Cᵀ - T A⁻¹)``, eq. 5.9 summed over targets."""
        inverse, _ = linalg.lapack.dpotri(self._L, lower=True)
        # dpotri leaves the upper triangle as it was: zero.
        inverse += inverse.T
        inverse.flat[:: len(inverse) + 1] /= 2
        return 0.5 * (self._C @ self._C.T - self._C.shape[1] * inverse)

    def solve(self, dw: np.ndarray | None) -> np.ndarray | None:
        """The adjoint; None for the evidence, which depends on the solution in no other way."""
        return None if dw is None else linalg.cho_solve((self._L, True), dw, check_finite=False)

    def cross(self, u: np.ndarray | None) -> Gradient:
        if u is None:
            return {}
        kernel, _, _ = self._gram.back(u @ self._C.T, "")
        return {"alpha": float(np.vdot(u, self._C)), **self._named(kernel)}

    def cross_inputs(self, u: np.ndarray | None) -> np.ndarray | None:
        """``uᵀ ∂G/∂X`` less ``∂L/∂X``: the loss has the training data in it directly too."""
        dA = -self._dA if u is None else u @ self._C.T
        _, dX, dY = self._gram.back(dA, "XY")
        total = add_inputs(dX, dY)
        if u is not None:
            _, _, direct = self._gram_test.back(self._D @ self._C.T, "Y")
            total = add_inputs(total, None if direct is None else -direct)
        return None if total is None else np.broadcast_to(total, self._train.X.shape)

    def _named(self, gradient: Gradient) -> Gradient:
        return {f"kernel__{name}": value for name, value in gradient.items()}
