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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.utils.extmath import row_norms

from skhyper._numeric._data import as_weights, checked_matrix, checked_target
from skhyper._sklearn import validate_params
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._dual import DualSolver, DualSystem, KernelFold, dual_output
from skhyper.hypergradient._kernels import (
    Gram,
    Pair,
    gram,
    kernel_names,
    passes_inputs,
    why_unknown,
)

# Rounding errors, relative to leave-one-out residuals: up to the first, the solution computed
# here is scored (else scikit-learn's own fit); above the second there is no hypergradient.
_EXACT = 1e-9
_LARGEST_ERROR = 1e-3


@hg.inner_problem.register(KernelRidge)
class KernelRidgeProblem(hg.InnerProblem):
    """KernelRidge, for `alpha` (a number or one for each target) and its kernel.

    `gamma` and `coef0` where the kernel has them; for a kernel of
    ``sklearn.gaussian_process.kernels`` all that is not "fixed", as in ``kernel__length_scale``.
    """

    inherits = ("fit", "predict", "_get_kernel")

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        why_not = why_unknown(estimator.kernel)
        names = () if why_not else kernel_names(estimator.kernel)
        if not isinstance(estimator.kernel, str):
            # scikit-learn calls the kernel with two arguments, for which WhiteKernel is zero.
            names = tuple(f"kernel__{n}" for n in names if not n.endswith("noise_level"))
        self.names = ("alpha", *names)
        if isinstance(estimator.kernel, str) and "poly" in estimator.kernel:
            why_not = "The degree is taken as an integer."
        data = passes_inputs(estimator.kernel)
        self.traits = hg.Traits(why_not, passes_data=data, leaves_one_out=True)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> "KernelRidgeFold":  # type: ignore[override]
        return KernelRidgeFold(self.estimator, X, y, sample_weight)


class _AtKernel(NamedTuple):
    """Quantities shared by fits with equal kernels."""

    gram: Callable[[Pair], Gram]
    train: Gram
    system: DualSystem
    rounding: float  # error of the kernel's values, relative to that of a sum


class KernelRidgeFold(KernelFold):
    """Training data, and the matrix and factorizations of the last kernel.

    `r` are the roots of the sample weights, (n, 1), `rY` is their product with the target, (n, T).
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any):
        self.estimator, self._raw = estimator, (X, y)
        seen = hg.template_of(KernelRidge(), X, y)
        features = ("n_features_in_", "feature_names_in_")
        self._seen = {name: value for name, value in vars(seen).items() if name in features}
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._is_single = seen.X_fit_.dtype == np.float32  # kept by scikit-learn
        X, y = checked_matrix(X), checked_target(y)
        super().__init__(X)
        self.is_flat = y.ndim == 1
        self.r = np.sqrt(as_weights(sample_weight, X.shape[0]))[:, None]
        self.rY = self.r * y.reshape(len(y), -1)
        self._largest = float(row_norms(X, squared=True).max())

    def fit(self, params: Mapping[str, Any]) -> "KernelRidgeFit":
        params = clone(dict(params), safe=False)
        fitted = clone(self.estimator).set_params(**params)
        validate_params(fitted)
        # A clone, as the fitted estimator is returned and may be changed by the caller.
        at = self.for_kernel(params, lambda: self._at_kernel(clone(fitted)))
        alpha = np.atleast_1d(np.asarray(fitted.alpha, dtype=float))
        solver = at.system.at(np.broadcast_to(alpha, self.rY.shape[1:]))
        V = solver.solve(self.rY)
        C = self.r * V
        error = solver.error()
        by_own = self._is_single or not error * at.rounding <= _EXACT
        if by_own:  # scikit-learn's own solution
            fitted = hg.fitted_clone(self.estimator, params, *self._raw, **self._fit_params)
        else:
            fitted.dual_coef_ = C.ravel() if self.is_flat else C.copy()
            # scikit-learn's compiled code of "chi2" takes no read-only arrays.
            is_chi2 = isinstance(fitted.kernel, str) and fitted.kernel.endswith("chi2")
            X = self.train.X
            fitted.X_fit_ = np.require(X, requirements="W") if is_chi2 else X
            vars(fitted).update(self._seen)
        is_shared = np.ndim(params.get("alpha", self.estimator.alpha)) == 0
        return KernelRidgeFit(fitted, self, at, solver, V, C, error, is_shared, by_own)

    def _at_kernel(self, estimator: Any) -> _AtKernel:
        kernel, gamma = estimator.kernel, estimator.gamma
        if gamma is None and kernel == "chi2":
            raise ValueError("KernelRidge(kernel='chi2') needs a number for gamma; got None.")
        gamma = 1 / self.train.X.shape[1] if gamma is None else gamma
        settings = {"gamma": gamma, "coef0": estimator.coef0, "degree": estimator.degree}

        def evaluate(pair: Pair) -> Gram:
            return gram(kernel, pair, estimator.kernel_params, **settings)

        train = evaluate(self.train)
        weighted = self.r * train.K * self.r.T if (self.r != 1).any() else train.K
        rounding = _rounding(kernel, gamma, self._largest)
        return _AtKernel(evaluate, train, DualSystem(weighted), rounding)


def _rounding(kernel: Any, gamma: float, largest: float) -> float:
    """Rounding error of a kernel's values, relative to that of a sum.

    `largest` is the largest squared norm of a point. scikit-learn computes the squared distances
    of "rbf" as differences of squared norms; those of kernels with length-scales as differences
    of points divided by these.
    """
    if isinstance(kernel, str):
        return 1.0 + gamma * largest if kernel == "rbf" else 1.0
    if not hasattr(kernel, "get_params"):
        return 1.0
    scales = [v for n, v in kernel.get_params().items() if n.endswith("length_scale")]
    return 1.0 + np.sqrt(largest) / min([np.min(scale) for scale in scales], default=np.inf)


@dataclass(frozen=True)
class KernelRidgeFit(hg.Fit):
    """A fit: `V` and `C` as in the notation, the rounding `error` as in ``DualSolver``."""

    estimator: Any
    fold: KernelRidgeFold
    at: _AtKernel
    solver: DualSolver
    V: np.ndarray
    C: np.ndarray
    error: float
    is_shared: bool
    by_own_solver: bool

    def predict(self, X: Any, method: str) -> hg.Output:
        if not self.error <= _LARGEST_ERROR:
            raise hg.NotDifferentiableError(
                f"The solution at alpha={self.solver.alpha.min():.3g} is dominated by rounding "
                "errors: the kernel matrix is nearly singular. Increase alpha."
            )
        at, pair, is_flat = self.at, self.fold.to_predict(X), self.fold.is_flat
        test = at.gram(pair)
        Z = dual_output(at.train, test, pair, self.C, self.solver.solve, self._params, self.fold.r)

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            return Z.vjp(d_value.reshape(Z.value.shape), want)

        return hg.Output(Z.value[:, 0] if is_flat else Z.value, vjp)

    def _params(self, gradient: hg.Gradient, u: np.ndarray | None = None) -> hg.Gradient:
        is_string = isinstance(self.estimator.kernel, str)
        named = gradient if is_string else hg.prefixed("kernel", gradient)
        return named if u is None else {"alpha": self._by_alpha((u * self.V).sum(axis=0)), **named}

    def _by_alpha(self, per_target: np.ndarray) -> Any:
        if self.is_shared:
            return float(per_target.sum())
        size = np.size(self.fold.estimator.alpha)
        return per_target if size == len(per_target) else per_target.sum(keepdims=True)

    def leave_one_out(self, shift: np.ndarray | None = None) -> hg.Output | None:
        """``y - v / diag(A⁻¹)`` with ``A = r K r + α`` and v the dual coefficients.

        `shift`, (n, T), is added to the targets of all other samples when one is left out, and
        subtracted from its prediction. Rasmussen and Williams (2006), Gaussian Processes for
        Machine Learning, eq. 5.12.
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

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            g = -d_value.reshape(Y.shape) / r
            # ∂L/∂A, from dA⁻¹ = -A⁻¹ dA A⁻¹.
            M = (inverse * (g * V / d**2).sum(axis=1)) @ inverse
            M -= (inverse @ (g / d)) @ self.V.T
            M -= (inverse @ (g * added / d).sum(axis=1, keepdims=True)) @ s.T
            kernel, _, _ = self.at.train.back(r * M * r.T, "")
            alpha: Any = float(np.trace(M))
            if not self.is_shared:
                alpha = np.full(np.shape(self.fold.estimator.alpha), alpha)
            return hg.Cotangents({"alpha": alpha, **self._params(kernel)})

        return hg.Output(left_out[:, 0] if self.fold.is_flat else left_out, vjp)
