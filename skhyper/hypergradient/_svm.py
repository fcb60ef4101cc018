"""Support vector machines, with respect to C, epsilon and their kernel's hyperparameters.

scikit-learn's solution is refined to the exact one (see ``_active_set``). Under small changes of
the hyperparameters the partition of the samples is constant: given the coefficients at a bound,
those of the free samples F and the intercept solve

    G_F = (K β + b - t)_F = 0,    G_b = Σ β = 0.

The intercept of a machine without free samples is in the middle of two limits, one for each of
two samples: G_b is then half the sum of their equations.

The gradient is that of scikit-learn's output; it jumps where a sample changes sides. With
several classes there is one machine for each pair, and the output is that of
``decision_function_shape="ovo"``: the votes counted by "ovr" have derivative 0.

Notation
--------
n, m, q : number of training samples, of samples to predict, of machines
S, F, B : support vectors of any machine; free samples and those at their bound of one
β, b : signed dual coefficients, (n, q), and intercepts, (q,)
U, c : adjoints of the rows of G, (n, q), and of the sums, (q,)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.svm import SVC, SVR
from sklearn.utils import column_or_1d

from skhyper._numeric._data import as_matrix, as_weights
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._active_set import Machine, Solution, polish
from skhyper.hypergradient._kernels import Gram, Pair, add_inputs, gram, kernel_names, passes_inputs
from skhyper.hypergradient._losses import class_pairs

Adjoint = tuple[list[np.ndarray], np.ndarray]  # of each machine's equations; of its sum


@hg.inner_problem.register(SVC)
@hg.inner_problem.register(SVR)
class SupportVectorProblem(hg.InnerProblem):
    """SVC for `C`, SVR for `C` and `epsilon`, and both for the kernel's `gamma` and `coef0`."""

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        self.classifies = is_classifier(estimator)
        self.methods = ("decision_function" if self.classifies else "predict",)
        base = SVC if self.classifies else SVR
        hg.check_not_overridden(estimator, base, "fit", *self.methods)
        self.names = ("C",) if self.classifies else ("C", "epsilon")
        kernel, why_not = estimator.kernel, ""
        if callable(kernel) or kernel == "precomputed":
            why_not = f"The kernel {kernel!r} is not supported."
        else:
            self.names += kernel_names(kernel)
        if kernel == "poly":
            why_not = "The degree is an integer."
        self.traits = hg.Traits(why_not, solver_noise=1e-4, passes_data=passes_inputs(kernel))

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> hg.Fold:  # type: ignore[override]
        return _MachinesFold(self, X, y, sample_weight)


class _Trained(NamedTuple):
    """One machine: its training rows, its problem and its solution."""

    rows: np.ndarray
    machine: Machine
    solution: Solution


class _MachinesFold(hg.Fold):
    """Training data, and the matrix of the last kernel."""

    def __init__(self, problem: SupportVectorProblem, X: Any, y: Any, sample_weight: Any):
        self.problem = problem
        self._X, self._given_y, self.y = X, y, column_or_1d(y)
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.matrix = as_matrix(X)
        self.weights = as_weights(sample_weight, self.matrix.shape[0])
        self._known: tuple[Any, Any] = (None, None)
        self._train: Any = None
        self._test: tuple[Any, Any] = (None, None)

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        estimator, classifies = self.problem.estimator, self.problem.classifies
        fitted = hg.fitted_clone(estimator, params, self._X, self._given_y, **self._fit_params)
        kernel = _FittedKernel(fitted, self.matrix)
        if self._known[0] != kernel.key:
            if self._train is None or kernel.function is not None:
                self._train = kernel.pair(self.matrix, None)
            self._known = (kernel.key, kernel(self._train).K)
        K = self._known[1]
        classes = np.searchsorted(fitted.classes_, self.y) if classifies else None
        upper = float(fitted.C) * self.weights
        if classes is not None:
            upper = upper * fitted.class_weight_[classes]
        epsilon = None if classifies else float(fitted.epsilon)
        b = np.array(fitted.intercept_)
        machines, beta = [], np.zeros((len(K), len(b)))
        for k, (rows, y, start) in enumerate(self._parts(fitted, classes)):
            inside = upper[rows] > 0
            rows, y, start = rows[inside], y[inside], start[inside]
            K_rows = K if len(rows) == len(K) else K[np.ix_(rows, rows)]
            machine = Machine(K_rows, y, upper[rows], epsilon)
            solution = polish(machine, start, float(b[k]))
            machines.append(_Trained(rows, machine, solution))
            beta[rows, k], b[k] = solution.beta, solution.b
        # At least one sample, as a kernel matrix may not be empty.
        support = np.flatnonzero(beta.any(axis=1))
        support = support if len(support) else np.zeros(1, dtype=int)
        return _MachinesFit(fitted, self, kernel, self._train, machines, beta, b, support)

    def to_predict(self, X: Any, kernel: "_FittedKernel") -> Pair:
        """Pair of the data to predict and the training data."""
        if self._test[0] is not X or kernel.function is not None:
            self._test = (X, kernel.pair(as_matrix(X), self.matrix))
        return self._test[1]

    def _parts(self, fitted: Any, classes: np.ndarray | None) -> list:
        """Samples, targets and libsvm's β of each machine."""
        dual, n = fitted.dual_coef_, len(self.weights)
        beta = np.zeros((dual.shape[0], n))
        # libsvm's indices count only samples with a positive weight.
        support = np.flatnonzero(self.weights > 0)[fitted.support_]
        beta[:, support] = dual.toarray() if sparse.issparse(dual) else dual
        if classes is None:
            return [(np.arange(n), self.y.astype(float), beta[0])]
        if len(fitted.classes_) == 2:
            return [(np.arange(n), np.where(classes == 1, 1.0, -1.0), beta[0])]
        parts = []
        for i, j in class_pairs(len(fitted.classes_)):
            rows = np.flatnonzero((classes == i) | (classes == j))
            first = classes[rows] == i
            own = np.where(first, beta[j - 1, rows], beta[i, rows])
            parts.append((rows, np.where(first, 1.0, -1.0), own))
        return parts


@dataclass(frozen=True)
class _MachinesFit(hg.Fit):
    """Fit of several machines; β, b and S (`support`) as in the notation."""

    estimator: Any
    fold: _MachinesFold
    kernel: "_FittedKernel"
    train: Pair
    machines: list[_Trained]
    beta: np.ndarray
    b: np.ndarray
    support: np.ndarray

    @property
    def solutions(self) -> list[Solution]:
        """Refined solution of each machine; `exact` is False where refinement failed."""
        return [solution for _, _, solution in self.machines]

    def predict(self, X: Any, method: str) -> hg.Output:
        if method != self.fold.problem.methods[0]:
            raise hg.NotDifferentiableError(
                f"{type(self.estimator).__name__} has derivatives of "
                f"{self.fold.problem.methods[0]!r}, but not of {method!r}: use a scorer that calls "
                "the former, or one with a surrogate loss."
            )
        pair = self.fold.to_predict(X, self.kernel)
        self.kernel.know(pair)
        test = self.kernel(pair.take(slice(None), self.support))
        decisions = test.K @ self.beta[self.support] + self.b
        value = decisions[:, 0] if len(self.b) == 1 else decisions
        return hg.Output(value, partial(self._vjp, test))

    def _vjp(self, test: Gram, d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
        D = d_value.reshape(len(d_value), -1)
        dS = D @ self.beta[self.support].T
        dw, direct, dX = self._direct(test, D, dS)
        u = self._solve(dw)
        cross = self._cross(u)
        params = {name: hg.minus(direct.get(name), cross.get(name)) for name in {**direct, **cross}}
        if not want.data:
            return hg.Cotangents(params, None, dX)
        total = self._cross_data(u, test.back(dS, "Y")[2], direct.get("gamma", 0.0))
        return hg.Cotangents(params, None if total is None else -total, dX)

    def _direct(
        self, test: Gram, D: np.ndarray, dS: np.ndarray
    ) -> tuple[Adjoint, hg.Gradient, np.ndarray | None]:
        """``∂L/∂w``, and the derivatives at fixed w."""
        V = np.zeros_like(self.beta)
        V[self.support] = test.K.T @ D
        direct, dX, _ = test.back(dS, "X")
        at_bound = [
            V[rows[s.bound], k] @ s.beta[s.bound] for k, (rows, _, s) in enumerate(self.machines)
        ]
        # Coefficients at a bound are proportional to C.
        direct["C"] = float(sum(at_bound)) / float(self.estimator.C)
        dw = [V[rows[s.rows], k] for k, (rows, _, s) in enumerate(self.machines)]
        return (dw, D.sum(axis=0)), direct, dX

    def _solve(self, dw: Adjoint) -> Adjoint:
        parts, sums = [], np.zeros(len(self.b))
        for k, (_, _, solution) in enumerate(self.machines):
            if solution.system is None:
                parts.append(np.full(2, dw[1][k] / 2))
            else:
                part, sums[k] = solution.system.solve(dw[0][k], dw[1][k])
                parts.append(part)
        return parts, sums

    def _cross(self, u: Adjoint) -> hg.Gradient:
        """``uᵀ ∂G/∂θ``."""
        C = float(self.estimator.C)
        by_C = by_epsilon = 0.0
        for part, c, (_, machine, s) in zip(*u, self.machines):
            grown = s.beta * s.bound
            by_C += float(part @ (machine.K[s.rows] @ grown) + c * grown.sum()) / C
            by_epsilon += float(part @ s.row_signs)
        gradient, _, _ = self._through_kernel(u, "")[0]
        gradient["C"] = by_C
        if not self.fold.problem.classifies:
            gradient["epsilon"] = by_epsilon
        return gradient

    def _through_kernel(
        self, u: Adjoint, wrt: str
    ) -> tuple[tuple[hg.Gradient, Any, Any], np.ndarray]:
        """``Uᵀ ∂(K β)`` at fixed β, and the rows of K involved."""
        U = np.zeros_like(self.beta)
        for k, (part, (rows, _, s)) in enumerate(zip(u[0], self.machines)):
            np.add.at(U[:, k], rows[s.rows], part)
        about = np.flatnonzero(U.any(axis=1))
        found = self.kernel(self.train.take(about, self.support))
        return found.back(U[about] @ self.beta[self.support].T, wrt), about

    def _cross_data(
        self, u: Adjoint, direct: np.ndarray | None, direct_gamma: float
    ) -> np.ndarray | None:
        """``uᵀ ∂G/∂X`` less ``∂L/∂X``, as predictions also depend on the training data directly.

        With gamma="scale", gamma is a function of the data.
        """
        (gradient, dX, dY), rows = self._through_kernel(u, "XY")
        dS = add_inputs(dY, None if direct is None else -direct)
        if dX is None or dS is None:
            return None
        X = self.fold.matrix
        total = np.zeros(X.shape)
        total[rows] += dX
        total[self.support] += dS
        if self.kernel.scaled:
            d_gamma = gradient.get("gamma", 0.0) - direct_gamma
            total += d_gamma * _scale_slope(X, self.kernel.gamma)
        return total


class _FittedKernel:
    """Kernel of a fitted machine, as scikit-learn has resolved it.

    Attributes
    ----------
    key : tuple
        Equal for equal kernels.
    function : callable or None
        User-defined kernel.
    scaled : bool
        Whether gamma was computed from the data.
    """

    def __init__(self, fitted: Any, X: Any):
        kernel = fitted.kernel
        self.function = kernel if callable(kernel) else None
        self._name = "precomputed" if self.function else kernel
        self.scaled = fitted.gamma == "scale" and "gamma" in kernel_names(self._name)
        self.gamma = _gamma_of(fitted.gamma, X)
        self._settings = {"gamma": self.gamma, "coef0": fitted.coef0, "degree": fitted.degree}
        self.key = (kernel, *self._settings.values())

    def pair(self, X: Any, Y: Any) -> Pair:
        if self.function is None:
            return Pair(X, Y)
        K = self.function(X, X if Y is None else Y)
        return Pair(K.toarray() if sparse.issparse(K) else np.asarray(K, dtype=float))

    def know(self, pair: Pair) -> None:
        """Compute all matrices of a pair before a part of it is taken."""
        pair.known({"precomputed": "precomputed", "rbf": "squared"}.get(self._name, "products"))

    def __call__(self, pair: Pair) -> Gram:
        self.know(pair)
        return gram(self._name, pair, **self._settings)


def _gamma_of(gamma: Any, X: Any) -> float:
    if gamma == "auto":
        return 1.0 / X.shape[1]
    if gamma == "scale":
        variance = _variance(X)
        return 1.0 / (X.shape[1] * variance) if variance != 0 else 1.0
    return float(gamma)


def _variance(X: Any) -> float:
    """Variance of all entries, as in scikit-learn."""
    return float(X.multiply(X).mean() - X.mean() ** 2) if sparse.issparse(X) else float(X.var())


def _scale_slope(X: np.ndarray, gamma: float) -> np.ndarray:
    """``∂γ/∂X`` for γ = 1 / (p · variance of X)."""
    variance = X.var()
    if variance == 0:
        return np.zeros_like(X)
    return -gamma / variance * 2 * (X - X.mean()) / X.size
