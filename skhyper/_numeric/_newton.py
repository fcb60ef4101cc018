"""Newton's method for linear models with a smooth loss and l2 penalties.

Notation
--------
n, q, K : number of samples, coefficients with the intercept, outputs
V : coefficients, (q, K)
Q : design, (n, q);  Z = Q V
a : sample weights, (n,);  λ : penalties, (q,)
h : curvature of the loss as ``Family.curvature`` returns it
F = Σ a ℓ(y, z) + Σ λ v² / 2,  G = ∂F/∂V
"""

from collections.abc import Callable

import numpy as np

from skhyper._numeric._curvature import Design, break_even_iterations, hessian_solver
from skhyper._numeric._families import Family, multinomial
from skhyper._numeric._iterations import Solver, preconditioned_cg
from skhyper._numeric._softmax import softmax_solver

# Armijo's condition: share of the predicted decrease, and relative rounding error of F.
_DECREASE = 1e-4
_F_RTOL = 1e-14
_EPSILON = np.finfo(float).eps
_MAX_HALVINGS, _MAX_SECANTS = 30, 60
_TINY = np.finfo(float).tiny
# Largest relative residual of an inexact step.
_MAX_RESIDUAL = 0.3


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
    """Minimize F; returns V, the number of steps, and whether they converged.

    The target y, (n, K), is in the coding of the family, which must have a ``value``. Stops when
    the decrement ``-dᵀ G / 2`` of a step d, relative to F, is below `tol`, or within the rounding
    error of F.
    """
    assert family.value is not None
    V = np.zeros((Q.shape[1], y.shape[1]))
    Z, weights = np.zeros_like(y), a[:, None]
    value = float(a @ family.value(y, Z))
    steps = _Steps(Q, a, penalties, family, y.shape[1])
    for n_iter in range(1, max_iter + 1):
        G = Q.adjoint(weights * family.slope(y, Z)) + penalties[:, None] * V
        step = steps.step(family.curvature(y, Z), G)
        Z_step, slope, t = Q.apply(step), float(np.vdot(step, G)), 1.0
        # ℓ is a difference of numbers as large as z: weights of 1e3 times losses of 1e-7 lose
        # digits
        rounding = _EPSILON * float(a @ np.abs(Z).max(axis=1))
        if -slope <= 2 * max(tol * value, rounding, _TINY):
            # If F is within rounding error it tends to 0: separable data, diverging coefficients.
            return V + step, n_iter, bool(value > 10 * rounding)
        for _ in range(_MAX_HALVINGS):
            V_new, Z_new = V + t * step, Z + t * Z_step
            penalty = 0.5 * float(penalties @ (V_new**2).sum(axis=1))
            new = float(a @ family.value(y, Z_new)) + penalty
            if new <= value + _DECREASE * t * slope + _F_RTOL * abs(value):
                break
            t /= 2
        else:
            return V, n_iter, False
        V, Z, value = V_new, Z_new, new
    return V, max_iter, False


def step_length(slope: Callable[[float], float], longest: float = 1.0) -> tuple[float, float]:
    """Step length t at which the slope of a convex F is nearly 0, and minus the slope at 0.

    Values of F are not used: near the minimum they differ by rounding only. The slope is inf where
    F is not defined; t is 0 if F does not decrease along the step.
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
        # Secant step, at least a tenth of the interval away from both ends.
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

    Far from the solution an inexact step is as good as an exact one, and on data that are not
    too ill-conditioned the exact ones take few iterations as well. The total number of
    iterations is limited to what factorizations would have cost.
    """

    def __init__(self, Q: Design, a: np.ndarray, penalties: np.ndarray, family: Family, K: int):
        self._Q, self._a, self._penalties, self._family = Q, a, penalties, family
        self._squares = Q.squared_norms(a)
        self._iterations_left = break_even_iterations(Q, penalties, K)
        self._first_size = 0.0

    def step(self, h: np.ndarray, G: np.ndarray) -> np.ndarray:
        """The step d for the gradient G and the loss's curvature h.

        The tolerance of iterations decreases with G (Eisenstat and Walker, 1996).
        """
        a, l2 = self._a[:, None], self._penalties[:, None]
        curved = self._a @ self._family.curvature_diagonal(h) / self._a.sum()
        diagonal = self._squares[:, None] * curved + l2
        scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)).ravel()
        size = float(np.linalg.norm(scale * G.ravel()))
        self._first_size = self._first_size or size
        rtol = min(_MAX_RESIDUAL, (size / max(self._first_size, _TINY)) ** 0.5)

        def product(u: np.ndarray) -> np.ndarray:
            self._iterations_left -= 1
            U = u.reshape(G.shape)
            image = self._Q.adjoint(a * self._family.curved(h, self._Q.apply(U)))
            return (image + l2 * U).ravel()

        if 1 <= self._iterations_left < np.inf:
            most = int(min(self._iterations_left, G.size + 100))
            arguments = (lambda r: scale**2 * r), rtol, most, scale
            step, converged = preconditioned_cg(product, -G.ravel(), *arguments)
            if converged:
                return step.reshape(G.shape)
        return -self._solver(h)(G, rtol)

    def _solver(self, h: np.ndarray) -> Solver:
        """Solver with the Hessian, for G of shape (q, K)."""
        Q, a, penalties = self._Q, self._a, self._penalties
        if self._family is not multinomial:
            solve = hessian_solver(Q, a * h[:, 0], penalties)
            return lambda G, rtol: solve(G[:, 0], rtol)[:, None]
        every = np.ones((Q.shape[1], h.shape[1]), dtype=bool)
        solve = softmax_solver(Q, a, h, np.broadcast_to(penalties[:, None], every.shape), every)
        return lambda G, rtol: solve(G.ravel(), rtol).reshape(G.shape)
