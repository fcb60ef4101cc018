"""Newton's method for linear models, on the support of their coefficients.

For the training problem and the notation see ``_linear``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from skhyper._numeric._curvature import Design, hessian_solver
from skhyper._numeric._families import Family, multinomial
from skhyper._numeric._iterations import ADJOINT_RTOL
from skhyper._numeric._newton import step_length
from skhyper._numeric._softmax import SoftmaxFactor

# Distance to the solution, in the norm of the Hessian and relative to the coefficients, at which
# Newton's method stops, and up to which it is accepted where rounding stops it earlier.
_NEWTON_RTOL, _ACCEPTED = 1e-8, 1e-5
_MAX_STEPS = 100
# Maximum number of supports tried.
_MAX_SUPPORTS = 200
# Reuse a factorization (at other points, and for linear systems) while each step reduces the
# residual tenfold.
_SLOW = 0.1
# Relative residuals of linear systems: goal, and largest of iterations.
_REFINED, _LARGEST_RESIDUAL = 1e-9, 1e-4
# Relative residual of a Newton step with a dense design; largest one with a sparse design, without
# an l1 penalty and with it.
_STEP_RTOL, _LARGEST_STEP_RTOL = 1e-3, (0.1, 0.01)
# Rounding error of an entry of G, relative to the norms of the vectors it is the product of.
_ROUNDING = 64 * np.finfo(float).eps
# Relative curvature of a loss below which it counts as vanished.
_FLAT = 1e-9
# Errors of linear predictors are assumed larger than estimated by this factor.
_CAUTION = 10
# Gradients above the l1 penalty by less than this share are rounding errors.
_SLACK = 1e-8


@dataclass(frozen=True)
class Training:
    """What an estimator minimizes on one fold, for given hyperparameters.

    Attributes
    ----------
    family : Family
    y : ndarray of shape (n, K)
        Target in the coding of the family.
    weights : ndarray of shape (n, K)
    scale : float
    l2, l1 : ndarray of shape (q,)
    by : dict
        ``(u, V) -> uᵀ ∂G/∂θ`` by hyperparameter, for those not in ``family.by``.
    tol : float
        Tolerance of the estimator, where iterations need not be as exact as possible. They must
        where the curvature of the loss jumps.
    """

    family: Family
    y: np.ndarray
    weights: np.ndarray
    scale: float
    l2: np.ndarray
    l1: np.ndarray
    by: dict[str, Callable[[np.ndarray, np.ndarray], Any]]
    tol: float = 0.0


class Features(NamedTuple):
    """Q with centered features, their `mean` (p,), and the norms of its columns (q, 1)."""

    design: Design
    mean: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True, eq=False)
class _Point:
    """Coefficients V (q, K), and quantities derived from them, each computed once."""

    design: Design
    training: Training
    V: np.ndarray

    @cached_property
    def z(self) -> np.ndarray:
        """``Q V``, (n, K)."""
        return self.design.apply(self.V)

    @cached_property
    def residuals(self) -> np.ndarray:
        """``c a g``, (n, K)."""
        t = self.training
        return t.scale * t.weights * t.family.slope(t.y, self.z)

    @cached_property
    def slope(self) -> np.ndarray:
        """``c Qᵀ (a g) + λ V``, (q, K)."""
        slope = self.design.adjoint(self.residuals)
        if self.training.family is multinomial:  # the average gradient over the classes is 0
            slope -= slope.mean(axis=1, keepdims=True)
        return slope + self.training.l2[:, None] * self.V

    @cached_property
    def curvature(self) -> np.ndarray:
        """Curvature of the loss in the form of the family, (n, K)."""
        return self.training.family.curvature(self.training.y, self.z)

    def curvature_times(self, s: np.ndarray) -> np.ndarray:
        """``c a ∂²ℓ/∂z² s`` for each sample, (n, K)."""
        t = self.training
        return t.scale * t.weights * t.family.curved(self.curvature, s)

    def hessian_product(self, U: np.ndarray) -> np.ndarray:
        curved = self.curvature_times(self.design.apply(U))
        return self.design.adjoint(curved) + self.training.l2[:, None] * U

    def hessian_norm(self) -> float:
        """``sqrt(Vᵀ H V)``, bounded away from 0."""
        curved, V = (self.curvature_times(self.z) * self.z).sum(), self.V
        return float(np.sqrt(max(curved + (self.training.l2[:, None] * V * V).sum(), 1e-300)))


class _Factored(NamedTuple):
    """Hessian at a point, on a support: a solver, and roots of its full diagonal (q, K)."""

    at: _Point
    solve: Callable
    scale: np.ndarray
    runs_away: bool


class Newton:
    """Newton's method on the support, from the estimator's solution to the exact one.

    Solvers stop early, while the implicit function theorem assumes ``G = 0``. With an l1
    penalty, coefficients whose sign would change leave the support, and those whose gradient
    exceeds the penalty join it.

    Attributes
    ----------
    at : _Point
    distance : float
        Distance to the solution, in the norm of the Hessian and relative to V.
    """

    def __init__(
        self, features: Features, factor: SoftmaxFactor, training: Training, V: np.ndarray
    ):
        self._factor, self._training = factor, training
        self._design, _, self._lengths = features
        self._iterates = self._design.dense is None
        self._rtol, self._adjoint_rtol = _NEWTON_RTOL, _REFINED
        if self._iterates:
            self._rtol = float(np.clip(training.tol / 100, _NEWTON_RTOL, _ACCEPTED))
            self._adjoint_rtol = max(10 * self._rtol, ADJOINT_RTOL)
        self._support = (training.l1[:, None] == 0) | (V != 0)
        self._signs = np.sign(V)
        start = self._point(V)
        self._factored = self._factorize(start)
        self.at, self.distance = self._refined(start)

    @property
    def converged(self) -> bool:
        return bool(self.distance <= _ACCEPTED)

    @property
    def is_determined(self) -> bool:
        """Whether the curvature of no sample jumps within the error of its linear predictor.

        From ``c a h (δz)² <= δVᵀ H δV``, the square of the distance that is left.
        """
        t, at = self._training, self.at
        if not t.family.jumps:
            return True
        with np.errstate(divide="ignore"):
            error = _CAUTION * self.distance * at.hessian_norm() / np.sqrt(2 * t.scale * t.weights)
        below, above = (t.family.curvature(t.y, z) for z in (at.z - error, at.z + error))
        return bool((below == above)[t.weights > 0].all())

    def solve(self, dw: np.ndarray) -> np.ndarray | None:
        """``H⁻¹ dw`` on the support; None if conjugate gradients do not converge.

        Refined iteratively: the factorization may be inexact, or of a point nearby.
        """
        t, S, rtol, U = self._training, self._support, self._adjoint_rtol, np.zeros_like(dw)
        if self._iterates and t.family is multinomial:  # a shift of all classes has no curvature
            dw = np.where((t.l2 + t.l1 == 0)[:, None], dw - dw.mean(axis=1, keepdims=True), dw)
        v, scale, size = dw[S], self._factored.scale[S], np.inf
        whole = float(np.linalg.norm(v / scale))
        U[S] = self._factored.solve(v, rtol)
        while True:
            rest = v - self.at.hessian_product(U)[S]
            size, before = float(np.linalg.norm(rest / scale)), size
            if size <= (10 if self._iterates else 1) * rtol * whole:
                return U
            if size <= _SLOW * before:  # False for nan
                U[S] += self._factored.solve(rest, rtol)
            elif self._factored.at is self.at:
                return None if self._iterates and size > _LARGEST_RESIDUAL * whole else U
            else:
                self._factored, size = self._factorize(self.at), np.inf
                U[S] = self._factored.solve(v, rtol)

    def _point(self, V: np.ndarray) -> _Point:
        return _Point(self._design, self._training, V)

    def _residual(self, at: _Point) -> np.ndarray:
        """``G`` on the support."""
        G = at.slope + self._training.l1[:, None] * self._signs
        return G[self._support]

    def _size(self, G: np.ndarray) -> float:
        """Norm of G on the support, entries scaled by the curvature of their coefficients."""
        return float(np.linalg.norm(G / self._factored.scale[self._support]))

    def _rounding(self, at: _Point) -> np.ndarray:
        """Rounding error of each entry of G, (q, K)."""
        lengths = self._lengths * np.linalg.norm(at.residuals, axis=0)
        return _ROUNDING * (lengths + self._training.l2[:, None] * np.abs(at.V))

    def _refined(self, at: _Point) -> tuple[_Point, float]:
        """Newton's method on successive supports, and the distance after the last."""
        l1 = self._training.l1[:, None]
        distance = np.inf
        for _ in range(_MAX_SUPPORTS):
            at, distance = self._steps(at)
            if not np.isinf(distance):
                largest = l1 * (1 + _SLACK) + self._rounding(at)
                joins = ~self._support & (np.abs(at.slope) > largest)
                if not joins.any():
                    break
                self._support |= joins
                self._signs[joins] = -np.sign(at.slope[joins])
            self._factored = self._factorize(at)
        return at, distance

    def _steps(self, at: _Point) -> tuple[_Point, float]:
        """Newton steps on the support, and an estimate of the remaining distance.

        The distance is in the norm of the Hessian, relative to V, hence invariant to scaling of
        features. It is inf when a coefficient has left the support.
        """
        G = self._residual(at)
        by_products = self._iterates or self._training.family is multinomial
        size, distance, rtol = self._size(G), np.nan, self._step_rtol(1.0, np.inf)
        for _ in range(_MAX_STEPS):
            if not np.isfinite(size) or self._factored.runs_away:
                return at, np.nan
            if size <= self._size(self._rounding(at)[self._support]):
                distance = 0.0
                break
            step = np.zeros_like(at.V)
            step[self._support] = -self._factored.solve(G, rtol)
            leaves = ((at.V + step) * self._signs < 0) & (self._training.l1 > 0)[:, None]
            if leaves.any():
                return self._drop_from_support(at.V, step, leaves, size), np.inf
            t, decrement = self._step_length(at, step)
            if t > 0:
                new = self._point(at.V + t * step)
                G_new = self._residual(new)
                ratio = self._size(G_new) / size
                distance = np.sqrt(decrement) / at.hessian_norm()
            if t == 0 or (ratio > 0.5 and distance <= _ACCEPTED):
                # No progress: an outdated factorization, or rounding.
                if self._factored.at is at:
                    break
                self._factored = self._factorize(at)
                size = self._size(G)
                continue
            at, G, size = new, G_new, ratio * size
            distance *= max(1.0 - t, min(ratio, 1.0))
            if distance < self._rtol:
                break
            rtol = self._step_rtol(ratio, distance)
            # Iterations take a new preconditioner for each step.
            if by_products or ratio > _SLOW:
                self._factored = self._factorize(at)
                size = self._size(G)
        if by_products and self._factored.at is not at:
            self._factored = self._factorize(at)
        return at, float(distance)

    def _step_rtol(self, ratio: float, distance: float) -> float:
        """Tolerance of the iterations for a step, after one that has reduced G to `ratio`.

        It decreases with G (Eisenstat and Walker, 1996), and not below what the goal requires.
        """
        if not self._iterates:
            return _STEP_RTOL
        largest = _LARGEST_STEP_RTOL[int(self._training.l1.any())]
        return float(min(max(ratio**2, 0.3 * self._rtol / distance), largest))

    def _step_length(self, at: _Point, step: np.ndarray) -> tuple[float, float]:
        """Length t of a step by :func:`step_length`, and minus the slope of F at its start."""
        training, dz = self._training, self._design.apply(step)
        weights = training.scale * training.weights
        l2, l1 = training.l2[:, None], training.l1[:, None]

        def slope(t: float) -> float:
            with np.errstate(all="ignore"):
                g = training.family.slope(training.y, at.z + t * dz)
                penalty = l2 * (at.V + t * step) + l1 * self._signs
                found = float((weights * g * dz).sum() + (penalty * step).sum())
            return found if np.isfinite(found) else np.inf

        return step_length(slope, 1.0 if l1.any() else 64.0)

    def _drop_from_support(
        self, V: np.ndarray, step: np.ndarray, leaves: np.ndarray, size: float
    ) -> _Point:
        """Point after a step on which some coefficients (`leaves`) leave the support.

        All of them, if that makes ``G`` smaller than `size`; else only the first along the step.
        """
        signs, support = self._signs, self._support
        self._signs, self._support = np.where(leaves, 0.0, signs), support & ~leaves
        new = self._point(np.where(leaves, 0.0, V + step))
        if self._size(self._residual(new)) < size:
            return new
        share = np.where(leaves, np.abs(V) / np.where(leaves, np.abs(step), 1.0), np.inf)
        first = leaves & (share <= share.min())
        self._signs, self._support = np.where(first, 0.0, signs), support & ~first
        return self._point(np.where(first, 0.0, V + share.min() * step))

    def _factorize(self, at: _Point) -> _Factored:
        """Factorization of the Hessian at a point, on the support."""
        t, S, curvature = self._training, self._support, at.curvature
        curved = np.abs(t.family.curvature_diagonal(curvature))
        diagonal = self._design.squared_norms(t.scale * t.weights * curved) + t.l2[:, None]
        scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        # Without a penalty coefficients diverge where the loss tends to 0.
        flat = diagonal <= _FLAT * t.scale * t.weights.sum() / len(t.y) * self._lengths**2
        runs_away = not (t.l2.any() or t.l1.any()) and bool(flat.all())
        if t.family is multinomial:
            l2 = np.broadcast_to(t.l2[:, None], S.shape)
            solve = self._factor.solver(self._design, t.scale * t.weights[:, 0], curvature, l2, S)
            return _Factored(at, solve, scale, runs_away)
        d = t.scale * t.weights * curvature
        solvers = [
            hessian_solver(self._design.columns(S[:, k]), d[:, k], t.l2[S[:, k]])
            for k in range(S.shape[1])
        ]
        owner = np.nonzero(S)[1]

        def by_output(v: np.ndarray, rtol: float) -> np.ndarray:
            u = np.empty_like(v)
            for k, solver in enumerate(solvers):
                u[owner == k] = solver(v[owner == k], rtol)
            return u

        return _Factored(at, by_output, scale, runs_away)
