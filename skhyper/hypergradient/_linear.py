"""Linear models with a smooth loss and an l2 penalty, an l1 penalty or both.

Training minimises ``F = c Σ a ℓ(y, z) + Σ λ v²/2 + Σ μ |v|`` over ``v = (w, b)``, with
``z = Q v`` and ``Q = [X 1]``. At the solution, on its support (v ≠ 0 where μ > 0),
``G = c Qᵀ (a g) + λ v + μ sign(v) = 0``.

Notation
--------
n, p, q, K : number of samples, features, coefficients with the intercept, outputs
V : coefficients, (q, K), the intercept in the last row
a : sample weights, (n, K): they differ between outputs where classes are told from the rest
c : scale of the loss;  λ, μ : penalties, (q,)
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit, softmax

from skhyper._numeric._curvature import Design, hessian_solver, softmax_solver
from skhyper._numeric._data import as_matrix
from skhyper._numeric._families import Family, multinomial
from skhyper.hypergradient._losses import sigmoid_pull_back, softmax_pull_back
from skhyper.hypergradient._problem import (
    Gradient,
    InnerProblem,
    NotDifferentiableError,
    fitted_clone,
)

__all__ = ["LinearProblem", "Training"]

# What Newton's steps may leave to go, relative to the coefficients.
_TO_GO = 1e-8
_MAX_STEPS = 30
# Supports that are tried before the last one is taken as it is.
_MAX_SUPPORTS = 200
# A factor serves for steps at other points, and for systems, while each mends all but this part.
_SLOW = 0.1
_REFINED = 1e-9
# What may be left of G after it, relative to the penalty's part.
_LARGEST_REST = 1e-5
# Relative to the penalty: slopes that exceed it by less do so by rounding.
_SLACK = 1e-8
# Sparse data of so many entries, zeros included, are faster dense.
_SMALL = 1_000_000


@dataclass(frozen=True)
class Training:
    """What an estimator minimises on one fold, at one setting.

    Attributes
    ----------
    family : Family
    y : ndarray of shape (n, K)
        Target as the family codes it.
    weights : ndarray of shape (n, K)
    scale : float
    l2, l1 : ndarray of shape (q,)
    by : dict
        From a hyperparameter to ``V -> ∂G/∂θ``, (q, K), what is not in ``family.by``.
    by_several : dict
        From one that holds several numbers to ``(u, V) -> uᵀ ∂G/∂θ``.
    """

    family: Family
    y: np.ndarray
    weights: np.ndarray
    scale: float
    l2: np.ndarray
    l1: np.ndarray
    by: dict[str, Callable[[np.ndarray], np.ndarray]]
    by_several: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = field(default_factory=dict)


class _Point(NamedTuple):
    """Coefficients V (q, K), ``z = Q V`` (n, K) and ``c Qᵀ (a g) + λ V`` (q, K)."""

    V: np.ndarray
    z: np.ndarray
    slope: np.ndarray


class LinearProblem(InnerProblem):
    """What linear models share; a subclass says by ``_training`` what is minimised."""

    @abstractmethod
    def _training(self, fitted: Any, y: np.ndarray) -> Training:
        """The training problem that `fitted` is a solution of."""

    def _link(self, Z: np.ndarray, method: str) -> tuple[np.ndarray, Callable]:
        """Output at linear predictors (m, K), and from ∂L/∂output to ∂L/∂Z (m, K)."""
        flat = Z[:, 0] if Z.shape[1] == 1 else Z
        if method != "predict_proba":
            return flat, lambda d: d.reshape(Z.shape)
        if Z.shape[1] > 1:
            return softmax(Z, axis=1), lambda d: softmax_pull_back(Z, d)
        p = expit(Z[:, 0])
        return np.column_stack([1 - p, p]), lambda d: sigmoid_pull_back(Z[:, 0], d)[:, None]

    @property
    def worth_keeping(self) -> bool:
        return self._design.dense is not None

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self._X, self._y = X, np.asarray(y)
        if self._y.ndim == 2 and self._y.shape[1] == 1:
            self._y = self._y.ravel()
        self._given = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._sample_weight = sample_weight
        matrix = as_matrix(X)
        ones = np.ones((matrix.shape[0], 1 if self.estimator.fit_intercept else 0))
        if sparse.issparse(matrix) and np.prod(matrix.shape) <= _SMALL:
            matrix = matrix.toarray()
        self._design = Design.of(matrix, ones)
        self._last_u: np.ndarray | None = None

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = fitted_clone(self.estimator, params, self._X, self._y, **self._given)
        self._problem = self._training(fitted, self._y)
        V = np.atleast_2d(fitted.coef_).T
        if self.estimator.fit_intercept:
            V = np.vstack([V, np.broadcast_to(fitted.intercept_, (1, V.shape[1]))])
        self._V = V
        self._last: _Point | None = None
        self._support = (self._problem.l1[:, None] == 0) | (V != 0)
        self._solver: Callable | None = None
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        if self._solver is None:
            start = np.array(self._V, dtype=float)
            rest = self._rest(start)
            self._V = self._polished(start)
            if not self._rest(self._V) <= max(_LARGEST_REST, 1e-3 * rest):
                raise NotDifferentiableError(
                    f"Newton's steps do not end at {self.estimator!r}: the training problem is too "
                    "close to a singular one."
                )
        self._X_test = as_matrix(X)
        p = self._X_test.shape[1]
        output, self._to_link = self._link(self._X_test @ self._V[:p] + self._V[p:].sum(0), method)
        return output

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        D = self._to_link(d_output)
        p = self._X_test.shape[1]
        dV = self._X_test.T @ D
        if self.estimator.fit_intercept:
            dV = np.vstack([dV, D.sum(axis=0)])
        return dV, {}, D @ self._V[:p].T if self.inputs_wanted else None

    def solve(self, dw: np.ndarray) -> np.ndarray:
        S, v = self._support, dw[self._support]
        guess = None if self._last_u is None else self._last_u[S]
        U = np.zeros_like(dw)
        U[S] = self._solver(v, guess)
        if self._factorized_at is not self._V:
            U[S] = self._refined(U, v)
        self._last_u = U
        return U

    def _refined(self, U: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The solution on the support, from that with the Hessian of a point nearby."""
        S, size = self._support, np.inf
        while True:
            rest = v - self._hessian_product(U)[S]
            size, before = float(np.linalg.norm(rest)), size
            if size <= _REFINED * np.linalg.norm(v):
                return U[S]
            if not size <= _SLOW * before:  # nan is not either
                self._solver = self._factorize(self._V)
                return self._solver(v)
            U[S] += self._solver(rest)

    def _hessian_product(self, U: np.ndarray) -> np.ndarray:
        t = self._problem
        bent = t.scale * t.weights * self._bent(self._design.apply(U))
        return self._design.adjoint(bent) + t.l2[:, None] * U

    def _bent(self, s: np.ndarray) -> np.ndarray:
        """``∂²ℓ/∂z² s`` of each sample, (n, K)."""
        t = self._problem
        bent = t.family.curvature(t.y, self._at(self._V).z)
        if t.family is multinomial:
            return bent * s - bent * (bent * s).sum(axis=1, keepdims=True)
        return bent * s

    def cross(self, u: np.ndarray) -> Gradient:
        problem = self._problem
        gradient = {name: float((u * by(self._V)).sum()) for name, by in problem.by.items()}
        gradient |= {name: by(u, self._V) for name, by in problem.by_several.items()}
        if problem.family.by:
            s = problem.scale * problem.weights * self._design.apply(u)
        for name, slope_by in problem.family.by.items():
            gradient[name] = float((s * slope_by(problem.y, self._at(self._V).z)).sum())
        return gradient

    def cross_inputs(self, u: np.ndarray) -> np.ndarray | None:
        if self._design.dense is None:
            return None
        problem, p = self._problem, self._X_test.shape[1]
        z, s = self._at(self._V).z, self._design.apply(u)
        weight = problem.scale * problem.weights
        slope = problem.family.slope(problem.y, z)
        return (weight * self._bent(s)) @ self._V[:p].T + (weight * slope) @ u[:p].T

    def _at(self, V: np.ndarray) -> _Point:
        """What is known at V, computed once: V is asked for several times in a row."""
        if self._last is None or self._last.V is not V:
            t, z = self._problem, self._design.apply(V)
            slope = self._design.adjoint(t.scale * t.weights * t.family.slope(t.y, z))
            self._last = _Point(V, z, slope + t.l2[:, None] * V)
        return self._last

    def _residual(self, V: np.ndarray) -> np.ndarray:
        """``G`` on the support."""
        G = self._at(V).slope + self._problem.l1[:, None] * self._signs
        return G[self._support]

    def _polished(self, V: np.ndarray) -> np.ndarray:
        """From the estimator's solution to the exact one, by Newton's steps on its support.

        Solvers stop early, and what they leave of ``G`` the implicit function theorem takes
        for zero. With an l1 penalty, coefficients that would change their sign leave the
        support, and those join it whose slope is larger than the penalty.
        """
        l1 = self._problem.l1[:, None]
        self._signs = np.sign(V)
        for _ in range(_MAX_SUPPORTS):
            V, settled = self._newton(V)
            if not settled:
                continue
            slope = self._at(V).slope
            joins = ~self._support & (np.abs(slope) > l1 * (1 + _SLACK))
            if not joins.any():
                break
            self._support |= joins
            self._signs[joins] = -np.sign(slope[joins])
        return V

    def _rest(self, V: np.ndarray) -> float:
        """Length of ``G``, relative to the penalty's part of it."""
        self._signs = np.sign(V)
        t = self._problem
        parts = t.l2[:, None] * V + t.l1[:, None] * self._signs
        return float(np.linalg.norm(self._residual(V)) / (np.linalg.norm(parts) + 1e-12))

    def _newton(self, V: np.ndarray) -> tuple[np.ndarray, bool]:
        """Newton's steps on the support; False as soon as a coefficient has left it.

        A step is shortened while it does not make ``G`` smaller. It leaves as much of its
        length to go as of ``G``.
        """
        G = self._residual(V)
        self._solver = self._factorize(V)
        for _ in range(_MAX_STEPS):
            size = float(np.linalg.norm(G))
            if size == 0:
                break
            step = np.zeros_like(V)
            step[self._support] = -self._solver(G, None, True)
            leaves = ((V + step) * self._signs < 0) & (self._problem.l1 > 0)[:, None]
            if leaves.any():
                return self._dropped(V, step, leaves, size), False
            for shrink in 0.5 ** np.arange(8):
                new = V + shrink * step
                G_new = self._residual(new)
                if np.linalg.norm(G_new) < size:
                    break
            else:
                break
            moved = float(np.linalg.norm(shrink * step) / max(np.linalg.norm(new), 1e-300))
            left = moved * float(np.linalg.norm(G_new)) / size
            V, G = new, G_new
            if left < _TO_GO:
                break
            # A factor is worth as many more steps as products with Q are worth a factor.
            if self._design.dense is None or np.linalg.norm(G) > _SLOW * size:
                self._solver = self._factorize(V)
        if self._design.dense is None and self._factorized_at is not V:
            self._solver = self._factorize(V)
        return V, True

    def _dropped(
        self, V: np.ndarray, step: np.ndarray, leaves: np.ndarray, size: float
    ) -> np.ndarray:
        """After a step on which some coefficients `leave` the support.

        All of them, if that makes ``G`` smaller than `size`; else the first on the way.
        """
        signs, support = self._signs, self._support
        self._signs, self._support = np.where(leaves, 0.0, signs), support & ~leaves
        new = np.where(leaves, 0.0, V + step)
        if np.linalg.norm(self._residual(new)) < size:
            return new
        share = np.where(leaves, np.abs(V) / np.where(leaves, np.abs(step), 1.0), np.inf)
        first = leaves & (share <= share.min())
        self._signs, self._support = np.where(first, 0.0, signs), support & ~first
        return np.where(first, 0.0, V + share.min() * step)

    def _factorize(self, V: np.ndarray) -> Callable:
        """Solver with the Hessian at V, for vectors of the support's entries."""
        t, S = self._problem, self._support
        self._factorized_at = V
        bend = t.family.curvature(t.y, self._at(V).z)
        if t.family is multinomial:
            l2 = np.broadcast_to(t.l2[:, None], S.shape)
            return softmax_solver(self._design, t.scale * t.weights[:, 0], bend, l2, S)
        d = t.scale * t.weights * bend
        solvers = [
            hessian_solver(self._design.columns(S[:, k]), d[:, k], t.l2[S[:, k]])
            for k in range(S.shape[1])
        ]
        owner = np.nonzero(S)[1]

        def solve(v: np.ndarray, guess: np.ndarray | None = None, step: bool = False) -> np.ndarray:
            u = np.empty_like(v)
            for k, solver in enumerate(solvers):
                start = None if guess is None else guess[owner == k]
                u[owner == k] = solver(v[owner == k], start, step)
            return u

        return solve
