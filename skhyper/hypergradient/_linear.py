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

from skhyper._numeric._curvature import (
    Design,
    hessian_solver,
    preconditioned_cg,
    softmax_preconditioner,
    softmax_product,
    softmax_solver,
    with_separate_means,
)
from skhyper._numeric._data import as_matrix
from skhyper._numeric._families import Family, multinomial
from skhyper._numeric._newton import step_length
from skhyper.hypergradient._losses import sigmoid_pull_back, softmax_pull_back
from skhyper.hypergradient._problem import Gradient, NotDifferentiableError, fitted_clone
from skhyper.hypergradient._stateful import StatefulProblem

__all__ = ["LinearProblem", "Training"]

# Distance to the solution, in the norm of the Hessian and relative to the coefficients, at which
# Newton's method stops; and what is accepted where rounding stops it earlier.
_NEWTON_RTOL, _ACCEPTED = 1e-8, 1e-5
_MAX_STEPS = 100
# Supports that are tried before the last one is taken as it is.
_MAX_SUPPORTS = 200
# A factor serves for steps at other points, and for systems, while each mends all but this part.
_SLOW = 0.1
_REFINED, _LARGEST_RESIDUAL = 1e-9, 1e-4
# Relative residual of a step by conjugate gradients, and the iterations that take as long as a
# factor; spread of the changes of the Hessian's diagonal up to which a factor serves; number of
# coefficients up to which there is one.
_STEP_RTOL, _MOST_ITERATIONS, _SPREAD = 1e-3, 30, 4.0
_LARGEST_FACTOR = 1500
# Rounding of an entry of G, relative to the lengths of what it is the product of.
_ROUNDING = 64 * np.finfo(float).eps
# Curvature of a loss that has all but vanished.
_FLAT = 1e-9
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


class LinearProblem(StatefulProblem):
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
    def caches(self) -> bool:
        return self._design.dense is not None

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self._X, self._y = X, np.asarray(y)
        if self._y.ndim == 2 and self._y.shape[1] == 1:
            self._y = self._y.ravel()
        self._given = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._sample_weight = sample_weight
        matrix = as_matrix(X)
        ones = np.ones((matrix.shape[0], 1 if self.estimator.fit_intercept else 0))
        if sparse.issparse(matrix) and np.prod(matrix.shape) <= _SMALL:
            matrix = matrix.toarray()
        self._design = Design.from_blocks(matrix, ones)
        self._mean: np.ndarray | None = None
        self._last_u: np.ndarray | None = None
        self._factor: Any = None  # its support, diagonal and solver

    def fit(self, params: Mapping[str, Any]) -> Any:
        fitted = fitted_clone(self.estimator, params, self._X, self._y, **self._given)
        self._problem = t = self._training(fitted, self._y)
        V = np.atleast_2d(fitted.coef_).T.astype(float)
        p = len(V)
        if self._mean is None:
            self._centre(bool(self.estimator.fit_intercept and t.l2[p:] + t.l1[p:] == 0))
        if self.estimator.fit_intercept:
            b = np.broadcast_to(fitted.intercept_, (1, V.shape[1]))
            V = np.vstack([V, b + self._mean @ V])
        self._V = V
        self._last: _Point | None = None
        self._support = (t.l1[:, None] == 0) | (V != 0)
        self._solver: Any = None  # H⁻¹ on the support, once it is known
        return fitted

    def _centre(self, centre: bool) -> None:
        """Centre the features, where an intercept without a penalty takes up their means.

        That leaves the model as it is, and the Hessian with fewer digits to lose.
        """
        Q = self._design
        p, n_ones = Q.X.shape[1], Q.E.shape[1]
        self._mean = np.zeros(p)
        if centre and Q.dense is not None:
            self._mean = Q.dense[:, :p].mean(axis=0)
            whole = Q.dense - np.append(self._mean, np.zeros(n_ones))
            self._design = Design(whole[:, :p], whole[:, p:], whole)
        self._norms = np.sqrt(self._design.squared_norms(np.ones(Q.shape[0])))[:, None]

    def predict(self, X: Any, method: str) -> np.ndarray:
        if self._solver is None:
            start = self._V
            self._V, self._distance = self._polished(start)
            if not (self._distance <= _ACCEPTED or self._problem.l1.any()):
                self._V, self._distance = self._polished(np.zeros_like(start))
            if not self._distance <= _ACCEPTED:
                self._V = start
        self._X_test = as_matrix(X)
        if np.any(self._mean):
            dense = sparse.issparse(self._X_test)
            self._X_test = (self._X_test.toarray() if dense else self._X_test) - self._mean
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
        if not self._distance <= _ACCEPTED:
            raise NotDifferentiableError(
                f"Newton's method does not converge for {self.estimator!r}: its training problem "
                "has no solution, or none that rounding lets one find. Scale the features, or "
                "penalize more."
            )
        S, v = self._support, dw[self._support]
        guess = None if self._last_u is None else self._last_u[S]
        U = np.zeros_like(dw)
        U[S] = self._solver(v, guess)
        U[S] = self._refined(U, v)
        self._last_u = U
        return U

    def _refined(self, U: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The solution on the support, from one by a factor with rounding or of a point nearby."""
        S, scale, size = self._support, self._scale[self._support], np.inf
        while True:
            rest = v - self._hessian_product(U)[S]
            size, before = float(np.linalg.norm(rest / scale)), size
            if size <= _REFINED * np.linalg.norm(v / scale):
                return U[S]
            if not size <= _SLOW * before:  # nan is not either
                if self._factorized_at is self._V:
                    largest = _LARGEST_RESIDUAL * np.linalg.norm(v / scale)
                    if self._design.dense is None and size > largest:
                        raise NotDifferentiableError(
                            f"Conjugate gradients do not converge for {self.estimator!r}: scale "
                            "the features."
                        )
                    return U[S]
                self._solver, size = self._factorize(self._V), np.inf
                U[S] = self._solver(v)
                continue
            U[S] += self._solver(rest)

    def _hessian_product(self, U: np.ndarray) -> np.ndarray:
        t = self._problem
        bent = t.scale * t.weights * self._bent(self._design.apply(U), self._V)
        return self._design.adjoint(bent) + t.l2[:, None] * U

    def _bent(self, s: np.ndarray, V: np.ndarray) -> np.ndarray:
        """``∂²ℓ/∂z² s`` of each sample at V, (n, K)."""
        t = self._problem
        bent = t.family.curvature(t.y, self._at(V).z)
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
        return (weight * self._bent(s, self._V)) @ self._V[:p].T + (weight * slope) @ u[:p].T

    def _at(self, V: np.ndarray) -> _Point:
        """What is known at V, computed once: V is asked for several times in a row."""
        if self._last is None or self._last.V is not V:
            t, z = self._problem, self._design.apply(V)
            slope = self._design.adjoint(t.scale * t.weights * t.family.slope(t.y, z))
            if t.family is multinomial:  # whose slopes are 0 on average over the classes
                slope -= slope.mean(axis=1, keepdims=True)
            self._last = _Point(V, z, slope + t.l2[:, None] * V)
        return self._last

    def _residual(self, V: np.ndarray) -> np.ndarray:
        """``G`` on the support."""
        G = self._at(V).slope + self._problem.l1[:, None] * self._signs
        return G[self._support]

    def _size(self, G: np.ndarray) -> float:
        """Length of G on the support, each entry by the curvature of its coefficient."""
        return float(np.linalg.norm(G / self._scale[self._support]))

    def _rounding(self, V: np.ndarray) -> np.ndarray:
        """What rounding leaves unknown of each entry of G, (q, K)."""
        t = self._problem
        residuals = t.scale * t.weights * t.family.slope(t.y, self._at(V).z)
        return _ROUNDING * (
            self._norms * np.linalg.norm(residuals, axis=0) + t.l2[:, None] * np.abs(V)
        )

    def _polished(self, V: np.ndarray) -> tuple[np.ndarray, float]:
        """From the estimator's solution to the exact one, by Newton's steps on its support.

        Solvers stop early, and what they leave of ``G`` the implicit function theorem takes
        for zero. With an l1 penalty, coefficients that would change their sign leave the
        support, and those join it whose slope is larger than the penalty.

        Returns
        -------
        V : ndarray of shape (q, K)
        distance : float
            To the solution, as of :meth:`_newton`.
        """
        l1 = self._problem.l1[:, None]
        self._signs = np.sign(V)
        distance = np.inf
        for _ in range(_MAX_SUPPORTS):
            V, distance = self._newton(V)
            if np.isinf(distance):
                continue
            slope = self._at(V).slope
            largest = l1 * (1 + _SLACK) + self._rounding(V)
            joins = ~self._support & (np.abs(slope) > largest)
            if not joins.any():
                break
            self._support |= joins
            self._signs[joins] = -np.sign(slope[joins])
        return V, distance

    def _newton(self, V: np.ndarray) -> tuple[np.ndarray, float]:
        """Newton's steps on the support, with an estimate of how far they are from the end.

        The distance is that in the norm of the Hessian, relative to V: no scale of a feature
        changes it. It is inf as soon as a coefficient has left the support.
        """
        self._solver = self._factorize(V)
        G = self._residual(V)
        size, distance = self._size(G), np.nan
        for _ in range(_MAX_STEPS):
            if not np.isfinite(size) or self._runs_away:
                return V, np.nan
            if size <= self._size(self._rounding(V)[self._support]):
                distance = 0.0
                break
            step = np.zeros_like(V)
            step[self._support] = -self._solver(G, None, True)
            leaves = ((V + step) * self._signs < 0) & (self._problem.l1 > 0)[:, None]
            if leaves.any():
                return self._dropped(V, step, leaves, size), np.inf
            t, decrement = self._step_length(V, step)
            if t > 0:
                new = V + t * step
                G_new = self._residual(new)
                ratio = self._size(G_new) / size
                distance = np.sqrt(decrement) / self._hessian_norm(V)
            if t == 0 or (ratio > 0.5 and distance <= _ACCEPTED):
                # No progress: by an old factor, or within rounding.
                if self._factorized_at is V:
                    break
                self._solver = self._factorize(V)
                size = self._size(G)
                continue
            V, G, size = new, G_new, ratio * size
            distance *= max(1.0 - t, min(ratio, 1.0))
            if distance < _NEWTON_RTOL:
                break
            # A factor is worth as many more steps as products with Q are worth a factor.
            if self._iterates or ratio > _SLOW:
                self._solver = self._factorize(V)
                size = self._size(G)
        if self._iterates and self._factorized_at is not V:
            self._solver = self._factorize(V)
        return V, float(distance)

    @property
    def _iterates(self) -> bool:
        """Whether systems are solved by products with the Hessian itself."""
        return self._design.dense is None or self._problem.family is multinomial

    def _step_length(self, V: np.ndarray, step: np.ndarray) -> tuple[float, float]:
        """Length t of a step by :func:`step_length`, and minus the slope of F at its start."""
        problem, z, dz = self._problem, self._at(V).z, self._design.apply(step)
        weights = problem.scale * problem.weights
        l2, l1 = problem.l2[:, None], problem.l1[:, None]

        def slope(t: float) -> float:
            with np.errstate(all="ignore"):
                g = problem.family.slope(problem.y, z + t * dz)
                penalty = l2 * (V + t * step) + l1 * self._signs
                found = float((weights * g * dz).sum() + (penalty * step).sum())
            return found if np.isfinite(found) else np.inf

        return step_length(slope, 1.0 if l1.any() else 64.0)

    def _hessian_norm(self, V: np.ndarray) -> float:
        """``sqrt(Vᵀ H V)``, not 0."""
        t, z = self._problem, self._at(V).z
        curved = (t.scale * t.weights * self._bent(z, V) * z).sum()
        return float(np.sqrt(max(curved + (t.l2[:, None] * V * V).sum(), 1e-300)))

    def _dropped(
        self, V: np.ndarray, step: np.ndarray, leaves: np.ndarray, size: float
    ) -> np.ndarray:
        """After a step on which some coefficients `leave` the support.

        All of them, if that makes ``G`` smaller than `size`; else the first on the way.
        """
        signs, support = self._signs, self._support
        self._signs, self._support = np.where(leaves, 0.0, signs), support & ~leaves
        new = np.where(leaves, 0.0, V + step)
        if self._size(self._residual(new)) < size:
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
        curved = bend * (1 - bend) if t.family is multinomial else np.abs(bend)
        diagonal = self._design.squared_norms(t.scale * t.weights * curved) + t.l2[:, None]
        self._scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        # Without a penalty coefficients have no end where the loss goes to 0.
        flat = diagonal <= _FLAT * t.scale * t.weights.sum() / len(t.y) * self._norms**2
        self._runs_away = not (t.l2.any() or t.l1.any()) and bool(flat.all())
        if t.family is multinomial:
            l2 = np.broadcast_to(t.l2[:, None], S.shape)
            return self._softmax_solver((self._design, t.scale * t.weights[:, 0], bend, l2, S))
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

    def _softmax_solver(self, system: tuple) -> Callable:
        """Conjugate gradients, by a factor at another point or setting for as long as it serves."""
        support = system[-1]
        if self._design.dense is None or support.size > _LARGEST_FACTOR:
            return softmax_solver(*system)
        product, diagonal = softmax_product(*system)

        def solve(v: np.ndarray, guess: np.ndarray | None = None, step: bool = False) -> np.ndarray:
            rtol = _STEP_RTOL if step else _REFINED
            for _ in range(2):
                if not self._factor_serves(support, diagonal):
                    self._factor = support.copy(), diagonal, softmax_preconditioner(*system)
                u, converged = preconditioned_cg(
                    product, v, guess, diagonal, self._factor[2], rtol, _MOST_ITERATIONS
                )
                if converged:
                    return u
                self._factor = None
            return softmax_solver(*system)(v)

        return with_separate_means(solve, system[3], support)

    def _factor_serves(self, support: np.ndarray, diagonal: np.ndarray) -> bool:
        """Whether a factor is left from before, and of a Hessian not too different."""
        if self._factor is None or not np.array_equal(self._factor[0], support):
            return False
        with np.errstate(all="ignore"):
            ratio = diagonal / self._factor[1]
        return bool(ratio.max(initial=0.0) <= _SPREAD * ratio.min(initial=np.inf))
