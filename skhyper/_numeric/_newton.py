"""Newton's method for linear models with a smooth loss and l2 penalties.

Notation
--------
n, q, K : number of samples, coefficients with the intercept, outputs
V : coefficients, (q, K)
Q : design, (n, q);  Z = Q V
a : sample weights, (n,);  λ : penalties, (q,)
F = Σ a ℓ(y, z) + Σ λ v² / 2,  G = ∂F/∂V
"""

from collections.abc import Callable

import numpy as np

from skhyper._numeric._curvature import (
    Design,
    break_even_iterations,
    hessian_solver,
    softmax_solver,
)
from skhyper._numeric._families import Family, multinomial

__all__ = ["newton", "step_length"]

# Armijo's condition, and the change of F that rounding may make.
_DECREASE = 1e-4
_ROUNDING = 1e-14
_EPSILON = np.finfo(float).eps
_MAX_HALVINGS, _MAX_SECANTS = 30, 60
_TINY = np.finfo(float).tiny
# Largest part of the residual that a step may leave.
_ROUGHEST = 0.3


def newton(
    Q: Design,
    y: np.ndarray,
    a: np.ndarray,
    penalties: np.ndarray,
    family: Family,
    *,
    tol: float,
    max_iter: int,
) -> tuple[np.ndarray, int, bool]:
    """Minimise F.

    Parameters
    ----------
    Q : Design
    y : ndarray of shape (n, K)
        Target as the family codes it; K is 1 unless the family is multinomial.
    a : ndarray of shape (n,)
    penalties : ndarray of shape (q,)
    family : Family
        One with values.
    tol : float
        The decrement ``-dᵀ G / 2`` of a step d, relative to F, at which it is the last; or what
        rounding leaves unknown of F, where that is more.
    max_iter : int

    Returns
    -------
    V : ndarray of shape (q, K)
    n_iter : int
    converged : bool
    """
    assert family.value is not None
    V = np.zeros((Q.shape[1], y.shape[1]))
    Z, weights = np.zeros_like(y), a[:, None]
    value = float(a @ family.value(y, Z))
    steps = _Steps(Q, a, penalties, family, y.shape[1])
    for n_iter in range(1, max_iter + 1):
        G = Q.adjoint(weights * family.slope(y, Z)) + penalties[:, None] * V
        step, Z_step = steps.from_here(family.curvature(y, Z), G)
        slope, t = float(np.vdot(step, G)), 1.0
        # ℓ is a difference of numbers as large as z: weights of 1e3 on losses of 1e-7 lose digits
        unknown = _EPSILON * float(a @ np.abs(Z).max(axis=1))
        if -slope <= 2 * max(tol * value, unknown, _TINY):
            # F itself lost in rounding is on its way to 0, with coefficients without end
            return V + step, n_iter, bool(value > 10 * unknown)
        for _ in range(_MAX_HALVINGS):
            V_new, Z_new = V + t * step, Z + t * Z_step
            penalty = 0.5 * float(penalties @ (V_new**2).sum(axis=1))
            new = float(a @ family.value(y, Z_new)) + penalty
            if new <= value + _DECREASE * t * slope + _ROUNDING * abs(value):
                break
            t /= 2
        else:
            return V, n_iter, False
        V, Z, value = V_new, Z_new, new
    return V, max_iter, False


def step_length(slope: Callable[[float], float], longest: float = 1.0) -> tuple[float, float]:
    """Length of a step at which the slope of a convex F along it has all but vanished.

    F itself, which has no digits left where it is all but minimal, is not needed.

    Parameters
    ----------
    slope : callable
        Slope of F after a length t of the step, inf beyond where F is defined.
    longest : float, default=1.0
        Length up to which a step may be made longer than 1.

    Returns
    -------
    t : float
        0 where F does not fall along the step.
    decrement : float
        Minus the slope at 0.
    """
    first = slope(0.0)
    if not -np.inf < first < 0:
        return 0.0, 0.0
    low, at_low, t = 0.0, first, 1.0
    at_t = slope(t)
    while at_t < 0.5 * first and t < longest:
        low, at_low, t = t, at_t, 2 * t
        at_t = slope(t)
    for _ in range(_MAX_SECANTS):
        if at_t <= -0.5 * first:
            break
        # Between the ends by the secant, and no less than a tenth from either.
        share = 0.1 if np.isinf(at_t) else np.clip(at_low / (at_low - at_t), 0.1, 0.9)
        middle = low + float(share) * (t - low)
        at_middle = slope(middle)
        if at_middle < 0.5 * first:
            low, at_low = middle, at_middle
        else:
            t, at_t = middle, at_middle
    return t, -first


class _Steps:
    """Newton's steps ``-H⁻¹ G``, by conjugate gradients until a factorization is cheaper.

    Far from the solution a rough step is as good as an exact one, and on data that are not too
    ill-conditioned the finer ones take few iterations as well. The iterations of all steps
    together are limited to what factorizations would have cost.
    """

    def __init__(
        self, Q: Design, a: np.ndarray, penalties: np.ndarray, family: Family, n_outputs: int
    ):
        self._Q, self._a, self._penalties = Q, a, penalties
        self._multinomial = family is multinomial
        self._squares = Q.squared_norms(a)
        self._left = break_even_iterations(Q, penalties, n_outputs)
        self._first_size = 0.0

    def from_here(self, bend: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The step d from G at the curvature of the loss, and ``Q d``."""
        if self._left >= 1:
            step, Z_step, arrived = self._rough(bend, G)
            if arrived:
                return step, Z_step
        step = -self._solver(bend)(G)
        return step, self._Q.apply(step)

    def _rough(self, bend: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
        """Preconditioned by the Hessian's diagonal; whether it arrived within what is left.

        The residual may be the larger, the larger G still is (Eisenstat and Walker, 1996).
        """
        Q, a, l2 = self._Q, self._a[:, None], self._penalties[:, None]
        curved = bend * (1 - bend) if self._multinomial else bend
        diagonal = self._squares[:, None] * (self._a @ curved / self._a.sum()) + l2
        inverse = 1 / np.where(diagonal > 0, diagonal, 1.0)
        residual, step, Z_step = -G, np.zeros_like(G), np.zeros_like(bend)
        direction = inverse * residual
        size = start = float(np.vdot(residual, direction))
        self._first_size = self._first_size or start
        goal = min(_ROUGHEST, (start / max(self._first_size, _TINY)) ** 0.25) ** 2 * start
        most = min(self._left, len(G) * G.shape[1] + 100)
        while size > goal and most >= 1:
            most, self._left = most - 1, self._left - 1
            Z = Q.apply(direction)
            R = bend * Z
            if self._multinomial:
                R -= bend * R.sum(axis=1, keepdims=True)
            image = Q.adjoint(a * R) + l2 * direction
            curvature = float(np.vdot(direction, image))
            if curvature <= _TINY:
                break
            t = size / curvature
            step, Z_step, residual = step + t * direction, Z_step + t * Z, residual - t * image
            scaled = inverse * residual
            size, last = float(np.vdot(residual, scaled)), size
            direction = scaled + size / last * direction
        return step, Z_step, size <= goal or np.isinf(self._left)

    def _solver(self, bend: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Solver with the Hessian, for G of shape (q, K)."""
        Q, a, penalties = self._Q, self._a, self._penalties
        if not self._multinomial:
            solve = hessian_solver(Q, a * bend[:, 0], penalties)
            return lambda G: solve(G[:, 0])[:, None]
        every = np.ones((Q.shape[1], bend.shape[1]), dtype=bool)
        solve = softmax_solver(Q, a, bend, np.broadcast_to(penalties[:, None], every.shape), every)
        return lambda G: solve(G.ravel()).reshape(G.shape)
