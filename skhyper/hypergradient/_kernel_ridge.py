"""Kernel ridge regression by its penalty and by the hyperparameters of its kernel.

With the roots of the sample weights on the diagonal of R, the parameters solve
``G = (R K R + α) V - R Y = 0``, and the dual coefficients are ``C = R V``. What the kernel
shares between settings belongs to the fold, its matrix to a setting of the kernel, and the
factors of ``R K R + α`` to the penalties seen with it.

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
from typing import Any

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
    Gradient,
    NotDifferentiableError,
    check_not_overridden,
    fitted_clone,
    inner_problem,
)
from skhyper.hypergradient._stateful import LeftOut, StatefulProblem

__all__ = ["KernelRidgeProblem", "Shifted"]

# An eigendecomposition takes as long as some 20 Cholesky factorisations: half of them are
# spent before it, so that no search pays more than twice (three times) what it had to.
_FACTORS_BEFORE_SPECTRUM = 10
# Errors by rounding, relative to the residuals of leave-one-out: within the one the solution
# found here is scored, beyond the other there is none.
_EXACT = 1e-9
_LARGEST_ERROR = 1e-3
_EPS = np.finfo(float).eps


@inner_problem.register(KernelRidge)
class KernelRidgeProblem(StatefulProblem):
    """KernelRidge by `alpha`, a number or one for each target, and by its kernel.

    `gamma` and `coef0` where the kernel has them; of a kernel of
    ``sklearn.gaussian_process.kernels`` what is not "fixed", as in ``kernel__length_scale``.
    """

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        check_not_overridden(estimator, KernelRidge, "fit", "predict", "_get_kernel")
        try:
            names = kernel_names(estimator.kernel)
        except NotDifferentiableError as error:
            names, self.why_not = (), str(error)
        if not isinstance(estimator.kernel, str):
            # scikit-learn calls the kernel with two arguments, of which the noise sees nothing.
            names = tuple(f"kernel__{n}" for n in names if not n.endswith("noise_level"))
        self.names = ("alpha", *names)
        if isinstance(estimator.kernel, str) and "poly" in estimator.kernel:
            self.why_not = "The degree is taken as an integer."

    @property
    def passes_inputs(self) -> bool:
        return passes_inputs(self.estimator.kernel)

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        head = copy_rows(X, slice(0, 2))
        # What scikit-learn learns about the features, from two samples.
        seen = KernelRidge().fit(head, np.zeros(head.shape[0]))
        features = ("n_features_in_", "feature_names_in_")
        self._seen = {name: value for name, value in vars(seen).items() if name in features}
        self._raw = X, y
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._is_single = seen.X_fit_.dtype == np.float32  # which scikit-learn keeps
        X, y = checked_matrix(X), checked_target(y)
        self._flat = y.ndim == 1
        self._r = np.sqrt(as_weights(sample_weight, X.shape[0]))[:, None]
        self._weighted = bool((self._r != 1).any())
        self._rY = self._r * y.reshape(len(y), -1)
        self._largest = float(row_norms(X, squared=True).max())
        self._train = Pair(X)
        self._test: tuple[Any, Pair] = (None, self._train)
        self._kernel_params: Mapping[str, Any] | None = None

    def fit(self, params: Mapping[str, Any]) -> Any:
        params = clone(dict(params), safe=False)
        fitted = clone(self.estimator).set_params(**params)
        validate_params(fitted)
        kernel_params = {name: value for name, value in params.items() if name != "alpha"}
        if self._kernel_params is None or not equal_params(kernel_params, self._kernel_params):
            # Its kernel is a clone's: the one who gets the fitted estimator may change it.
            self._kernel = _KernelOf(clone(fitted), self._train.X.shape[1])
            self._gram = self._kernel(self._train)
            K = self._gram.K
            self._system = Shifted(self._r * K * self._r.T if self._weighted else K)
            self._kernel_params = kernel_params
        alpha = np.atleast_1d(np.asarray(fitted.alpha, dtype=float))
        self._alpha = np.broadcast_to(alpha, self._rY.shape[1:])
        self._shared = np.ndim(fitted.alpha) == 0
        self._system.prepare(self._alpha)
        self._V = self._system.solve(self._rY)
        self._C = self._r * self._V
        self._error = self._system.error()
        self._is_own = not self._error * self._kernel.rounding(self._largest) <= _EXACT
        if self._is_single or self._is_own:  # as scikit-learn's own solver leaves it
            return fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        fitted.dual_coef_ = self._C.ravel() if self._flat else self._C.copy()
        fitted.X_fit_ = self._train.X
        vars(fitted).update(self._seen)
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        if not self._error <= _LARGEST_ERROR:
            raise NotDifferentiableError(
                f"The solution at alpha={self._alpha.min():.3g} is lost in rounding: the kernel's "
                "matrix is too close to a singular one."
            )
        if self._test[0] is not X:
            self._test = (X, Pair(as_matrix(X), self._train.X))
        self._gram_test = self._kernel(self._test[1])
        Z = self._gram_test.K @ self._C
        return Z[:, 0] if self._flat else Z

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        self._D = d_output.reshape(len(d_output), -1)
        direct, dX, _ = self._gram_test.back(self._D @ self._C.T, "X")
        dX = None if dX is None else np.broadcast_to(dX, self._test[1].X.shape)
        dV = self._r * (self._gram_test.K.T @ self._D)
        return dV, self._named(direct), dX

    def solve(self, dw: np.ndarray) -> np.ndarray:
        return self._system.solve(dw)

    def cross(self, u: np.ndarray) -> Gradient:
        per_target = (u * self._V).sum(axis=0)
        kernel, _, _ = self._gram.back((self._r * u) @ self._C.T, "")
        if self._shared:
            alpha = float(per_target.sum())
        else:
            size = np.size(self.estimator.alpha)
            alpha = per_target if size == len(per_target) else per_target.sum(keepdims=True)
        return {"alpha": alpha, **self._named(kernel)}

    def cross_inputs(self, u: np.ndarray) -> np.ndarray | None:
        """``uᵀ ∂G/∂X`` less ``∂L/∂X``: predictions have the training data in them too."""
        _, dX, dY = self._gram.back((self._r * u) @ self._C.T, "XY")
        _, _, direct = self._gram_test.back(self._D @ self._C.T, "Y")
        total = add_inputs(add_inputs(dX, dY), None if direct is None else -direct)
        return None if total is None else np.broadcast_to(total, self._train.X.shape)

    def leave_one_out(self, shift: np.ndarray | None = None) -> LeftOut | None:
        """``y - v / diag(A⁻¹)`` with ``A = r K r + α`` and v its dual coefficients.

        Parameters
        ----------
        shift : ndarray of shape (n, T), default=None
            What is added to the target of all samples where one is left out; the predictions
            are less it.

        References
        ----------
        Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eq. 5.12.
        """
        r = self._r
        if len(np.unique(self._alpha)) > 1 or np.any(r == 0):
            return None
        if self._is_single or self._is_own:
            return None
        inverse = self._system.inverse()
        d = np.diag(inverse)[:, None]
        Y = self._rY / r
        s = inverse @ r if shift is not None else np.zeros_like(d)
        shift = np.zeros_like(Y) if shift is None else shift
        V = self._V + shift * s
        left_out = Y - V / d / r

        def pull_back(d_output: np.ndarray) -> Gradient:
            g = -d_output.reshape(Y.shape) / r
            # ∂L/∂A, from dA⁻¹ = -A⁻¹ dA A⁻¹.
            M = (inverse * (g * V / d**2).sum(axis=1)) @ inverse
            M -= (inverse @ (g / d)) @ self._V.T
            M -= (inverse @ (g * shift / d).sum(axis=1, keepdims=True)) @ s.T
            kernel, _, _ = self._gram.back(r * M * r.T, "")
            alpha = float(np.trace(M))
            by_alpha = alpha if self._shared else np.full(np.shape(self.estimator.alpha), alpha)
            return {"alpha": by_alpha, **self._named(kernel)}

        return LeftOut(left_out[:, 0] if self._flat else left_out, pull_back)

    def _named(self, gradient: Gradient) -> Gradient:
        prefix = "" if isinstance(self.estimator.kernel, str) else "kernel__"
        return {prefix + name: value for name, value in gradient.items()}


class _KernelOf:
    """The kernel of a KernelRidge, from a pair of point sets to its matrix."""

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
        """How much larger the rounding of the kernel's values is than that of a sum.

        `largest` is the largest squared length of a point. scikit-learn has the squared distances
        of "rbf" as differences of such; those of kernels with length-scales of points over these.
        """
        kernel = self._estimator.kernel
        if isinstance(kernel, str):
            return 1.0 + self._settings["gamma"] * largest if kernel == "rbf" else 1.0
        if not hasattr(kernel, "get_params"):
            return 1.0
        scales = [v for n, v in kernel.get_params().items() if n.endswith("length_scale")]
        return 1.0 + np.sqrt(largest) / min([np.min(scale) for scale in scales], default=np.inf)


class Shifted:
    """Solutions of ``(A + α) V = B`` for a symmetric A and many α.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Not changed.

    Attributes
    ----------
    spectrum : tuple of ndarray or None
        Eigenvalues and eigenvectors of A, from when they are cheaper than more factors.
    """

    def __init__(self, A: np.ndarray):
        self._A = A
        self._alpha: np.ndarray | None = None
        self._n_factors = 0
        self.spectrum: tuple[np.ndarray, np.ndarray] | None = None

    def prepare(self, alpha: np.ndarray) -> None:
        """Make ready for an α of shape (T,), one for each column of B."""
        if self._alpha is not None and np.array_equal(alpha, self._alpha):
            return
        self._alpha = np.array(alpha)
        if self.spectrum is not None:
            return
        distinct = np.unique(alpha)
        self._n_factors += len(distinct)
        if self._n_factors <= _FACTORS_BEFORE_SPECTRUM:
            try:
                self._factors = {a: self._factor(a) for a in distinct}
                return
            except np.linalg.LinAlgError:
                pass  # Not positive definite, as with the sigmoid kernel: by eigenvalues.
        self.spectrum = linalg.eigh(self._A, driver="evd")

    def _factor(self, alpha: float) -> Any:
        shifted = np.array(self._A, order="F")
        shifted.flat[:: len(shifted) + 1] += alpha
        return linalg.cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)

    def error(self) -> float:
        """Error of the dual solution by rounding, relative to residuals of leave-one-out.

        These are the dual solution over the diagonal of ``(A + α)⁻¹``.
        """
        n, lowest = len(self._A), float(self._alpha.min())
        size = np.linalg.norm(self._A)
        if self.spectrum is not None:
            with np.errstate(divide="ignore"):
                inverse = float(np.abs(1 / (self.spectrum[0] + lowest)).mean())
        else:  # by a random vector
            probe = np.random.default_rng(0).choice([-1.0, 1.0], size=n)
            solved = linalg.cho_solve(self._factors[lowest], probe, check_finite=False)
            inverse = float((probe * solved).mean())
        return float(_EPS * np.sqrt(n) * size * inverse)

    def inverse(self) -> np.ndarray:
        """``(A + α)⁻¹`` of the one α that all columns share."""
        if self.spectrum is None:
            (factor,) = self._factors.values()
            return linalg.cho_solve(factor, np.eye(len(self._A)), check_finite=False)
        values, Q = self.spectrum
        return (Q / (values + self._alpha[0])) @ Q.T

    def solve(self, B: np.ndarray) -> np.ndarray:
        """V of shape (n, T)."""
        if self.spectrum is None:
            V = np.empty_like(B)
            for a, factor in self._factors.items():
                of_a = self._alpha == a
                V[:, of_a] = linalg.cho_solve(factor, B[:, of_a], check_finite=False)
            return V
        values, Q = self.spectrum
        shifted = values[:, None] + self._alpha
        tiny = np.finfo(float).eps * np.abs(shifted).max(axis=0)
        singular = np.abs(shifted) <= tiny
        if singular.any():
            warnings.warn(
                "Singular matrix in solving dual problem. Using least-squares solution instead.",
                stacklevel=2,
            )
        inverse = np.where(singular, 0.0, 1 / np.where(singular, 1.0, shifted))
        return Q @ (inverse * (Q.T @ B))
