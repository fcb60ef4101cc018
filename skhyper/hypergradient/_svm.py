"""Support vector machines by C, by epsilon and by the hyperparameters of their kernel.

scikit-learn fits; its solution is then polished (see ``_active_set``), and where samples stand
is a constant of small changes. So with the coefficients at a bound given, those of the free
samples F and the intercept solve

    G_F = (K β + b - t)_F = 0,    G_b = Σ β = 0.

A machine without free samples has its intercept in the middle of two limits, one for each of
two samples: half of the sum of their equations is G_b then.

The gradient is that of scikit-learn's output. It jumps where a sample changes sides. Several
classes make one machine for each pair, and the output is that of
``decision_function_shape="ovo"``: the votes that "ovr" counts have no slope.

Notation
--------
n, m, q : number of training samples, of samples to predict, of machines
S, F, B : support vectors of any machine; free samples and those at their bound of one
β, b : signed dual coefficients, (n, q), and intercepts, (q,)
U, c : adjoints of the rows of G, (n, q), and of the sums, (q,)
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.svm import SVC, SVR
from sklearn.utils import column_or_1d

from skhyper._numeric._data import as_matrix, as_weights
from skhyper.hypergradient._active_set import Machine, Solution, polish
from skhyper.hypergradient._kernels import Gram, Pair, add_inputs, gram, kernel_names, passes_inputs
from skhyper.hypergradient._losses import class_pairs
from skhyper.hypergradient._problem import (
    Gradient,
    NotDifferentiableError,
    check_not_overridden,
    fitted_clone,
    inner_problem,
)
from skhyper.hypergradient._stateful import StatefulProblem

__all__ = ["SupportVectorProblem"]

Adjoint = tuple[list[np.ndarray], np.ndarray]  # of the equations of each machine; of its sum


@inner_problem.register(SVC)
@inner_problem.register(SVR)
class SupportVectorProblem(StatefulProblem):
    """SVC by `C`, SVR by `C` and `epsilon`, and both by `gamma` and `coef0` of the kernel.

    Attributes
    ----------
    solutions : list of Solution
        Of each machine; their `exact` says whether polishing came to an end.
    """

    noise = 1e-4

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        self._classifies = is_classifier(estimator)
        self._method = "decision_function" if self._classifies else "predict"
        self.methods = (self._method,)
        base = SVC if self._classifies else SVR
        check_not_overridden(estimator, base, "fit", self._method)
        self.names = ("C",) if self._classifies else ("C", "epsilon")
        kernel = estimator.kernel
        if callable(kernel) or kernel == "precomputed":
            self.why_not = f"Nothing is known of the kernel {kernel!r}."
        else:
            self.names += kernel_names(kernel)
        if kernel == "poly":
            self.why_not = "The degree is an integer."

    @property
    def passes_inputs(self) -> bool:
        return passes_inputs(self.estimator.kernel)

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self._X, self._given_y, self._y = X, y, column_or_1d(y)
        self._fit_params = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._matrix = as_matrix(X)
        self._weights = as_weights(sample_weight, self._matrix.shape[0])
        self._known: tuple[Any, Any] = (None, None)
        self._train: Any = None
        self._test: tuple[Any, Any] = (None, None)

    # ---- the fit

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = fitted_clone(self.estimator, params, self._X, self._given_y, **self._fit_params)
        self._kernel = _KernelOf(fitted, self._matrix)
        if self._known[0] != self._kernel.key:
            if self._train is None or self._kernel.function is not None:
                self._train = self._kernel.pair(self._matrix, None)
            self._known = (self._kernel.key, self._kernel(self._train).K)
        K = self._known[1]
        self._C = float(fitted.C)
        beta, b, classes = self._coefficients(fitted)
        upper = (
            self._C * self._weights * (1.0 if classes is None else fitted.class_weight_[classes])
        )
        self._machines: list[tuple[np.ndarray, Machine, Solution]] = []
        self._beta, self._b = np.zeros_like(beta), np.array(b)
        for k, (rows, y) in enumerate(self._pairs(fitted, classes)):
            inside = upper[rows] > 0
            rows, y = rows[inside], y[inside]
            whole = len(rows) == len(K)
            epsilon = None if self._classifies else float(fitted.epsilon)
            K_rows = K if whole else K[np.ix_(rows, rows)]
            machine = Machine(K_rows, y, upper[rows], epsilon)
            solution = polish(machine, beta[rows, k], float(b[k]))
            self._machines.append((rows, machine, solution))
            self._beta[rows, k], self._b[k] = solution.beta, solution.b
        self.solutions = [solution for _, _, solution in self._machines]
        # Some sample at least, to have a kernel matrix at all.
        support = np.flatnonzero(self._beta.any(axis=1))
        self._support = support if len(support) else np.zeros(1, dtype=int)
        return fitted

    def _coefficients(self, fitted: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """β and b of libsvm, and the class of each sample (None in regression)."""
        dual = fitted.dual_coef_
        dual = dual.toarray() if sparse.issparse(dual) else dual
        # libsvm numbers the samples that have a weight.
        support = np.flatnonzero(self._weights > 0)[fitted.support_]
        b = fitted.intercept_
        beta = np.zeros((len(self._weights), len(b)))
        if not self._classifies or len(fitted.classes_) == 2:
            beta[support, 0] = dual[0]
            of = None if not self._classifies else np.searchsorted(fitted.classes_, self._y)
            return beta, b, of
        classes = np.searchsorted(fitted.classes_, self._y)
        for k, (i, j) in enumerate(class_pairs(len(fitted.classes_))):
            for own, row in ((i, j - 1), (j, i)):
                mine = classes[support] == own
                beta[support[mine], k] = dual[row, mine]
        return beta, b, classes

    def _pairs(self, fitted: Any, classes: np.ndarray | None) -> list:
        """Samples and targets of each machine."""
        if classes is None:
            return [(np.arange(len(self._y)), self._y.astype(float))]
        if len(fitted.classes_) == 2:
            return [(np.arange(len(self._y)), np.where(classes == 1, 1.0, -1.0))]
        found = []
        for i, j in class_pairs(len(fitted.classes_)):
            rows = np.flatnonzero((classes == i) | (classes == j))
            found.append((rows, np.where(classes[rows] == i, 1.0, -1.0)))
        return found

    # ---- predictions

    def predict(self, X: Any, method: str) -> np.ndarray:
        if method != self._method:
            raise NotDifferentiableError(
                f"{type(self.estimator).__name__} has derivatives of {self._method!r}, and none "
                f"of {method!r}: use a scorer that needs it, or one that a surrogate replaces."
            )
        if self._test[0] is not X or self._kernel.function is not None:
            self._test = (X, self._kernel.pair(as_matrix(X), self._matrix))
        pair = self._test[1]
        self._kernel.know(pair)
        self._gram_test = self._kernel(pair.take(slice(None), self._support))
        self._decisions = self._gram_test.K @ self._beta[self._support] + self._b
        return self._decisions[:, 0] if len(self._b) == 1 else self._decisions

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        D = d_output.reshape(len(d_output), -1)
        self._D = D
        V = np.zeros_like(self._beta)
        V[self._support] = self._gram_test.K.T @ D
        direct, dX, _ = self._gram_test.back(D @ self._beta[self._support].T, "X")
        at_bound = [
            V[rows[s.bound], k] @ s.beta[s.bound] for k, (rows, _, s) in enumerate(self._machines)
        ]
        # Coefficients at a bound grow with C.
        direct["C"] = float(sum(at_bound)) / self._C
        self._direct_gamma = direct.get("gamma", 0.0)
        dw = ([V[rows[s.rows], k] for k, (rows, _, s) in enumerate(self._machines)], D.sum(axis=0))
        return dw, direct, dX

    # ---- the adjoint

    def solve(self, dw: Adjoint) -> Adjoint:
        parts, sums = [], np.zeros(len(self._b))
        for k, (_, _, solution) in enumerate(self._machines):
            if solution.system is None:
                parts.append(np.full(2, dw[1][k] / 2))
            else:
                part, sums[k] = solution.system.solve(dw[0][k], dw[1][k])
                parts.append(part)
        return parts, sums

    def cross(self, u: Adjoint) -> Gradient:
        parts, sums = u
        by_C = by_epsilon = 0.0
        for part, c, (_, machine, s) in zip(parts, sums, self._machines):
            grown = s.beta * s.bound
            by_C += float(part @ (machine.K[s.rows] @ grown) + c * grown.sum()) / self._C
            by_epsilon += float(part @ s.row_signs)
        gradient, _, _ = self._pull_training(u, "")
        gradient["C"] = by_C
        if not self._classifies:
            gradient["epsilon"] = by_epsilon
        return gradient

    def _pull_training(self, u: Adjoint, wrt: str) -> tuple[Gradient, Any, Any]:
        """``Uᵀ ∂(K β)`` with β held fixed; the rows and columns it is about are kept."""
        U = np.zeros_like(self._beta)
        for k, (part, (rows, _, s)) in enumerate(zip(u[0], self._machines)):
            np.add.at(U[:, k], rows[s.rows], part)
        self._rows = np.flatnonzero(U.any(axis=1))
        found = self._kernel(self._train.take(self._rows, self._support))
        return found.back(U[self._rows] @ self._beta[self._support].T, wrt)

    def cross_inputs(self, u: Adjoint) -> np.ndarray | None:
        """``uᵀ ∂G/∂X`` less ``∂L/∂X``: predictions have the training data in them too.

        With gamma="scale" gamma is a function of the data.
        """
        gradient, dX, dY = self._pull_training(u, "XY")
        _, _, direct = self._gram_test.back(self._D @ self._beta[self._support].T, "Y")
        dS = add_inputs(dY, None if direct is None else -direct)
        if dX is None or dS is None:
            return None
        total = np.zeros(self._matrix.shape)
        total[self._rows] += dX
        total[self._support] += dS
        if self._kernel.scaled:
            d_gamma = gradient.get("gamma", 0.0) - self._direct_gamma
            total += d_gamma * _scale_slope(self._matrix, self._kernel.gamma)
        return total


class _KernelOf:
    """The kernel of a fitted machine.

    Attributes
    ----------
    key : tuple
        Equal for kernels that are the same.
    function : callable or None
        The user's own.
    scaled : bool
        Whether gamma was learned from the data.
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
        """Have a pair know all, before a part of it is taken."""
        if self._name == "precomputed":
            pair.known("precomputed")
        elif self._name == "rbf":
            pair.known("squared")
        else:
            pair.known("products")

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
    """Of all entries, as scikit-learn has it."""
    return float(X.multiply(X).mean() - X.mean() ** 2) if sparse.issparse(X) else float(X.var())


def _scale_slope(X: np.ndarray, gamma: float) -> np.ndarray:
    """``∂γ/∂X`` for γ = 1 / (p · variance of X)."""
    variance = X.var()
    if variance == 0:
        return np.zeros_like(X)
    return -gamma / variance * 2 * (X - X.mean()) / X.size
