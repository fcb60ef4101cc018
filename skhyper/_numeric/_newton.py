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

from skhyper._numeric._curvature import Design, hessian_solver, softmax_solver
from skhyper._numeric._families import Family, multinomial

__all__ = ["newton"]

# Armijo's condition, and the change of F that rounding may make.
_DECREASE = 1e-4
_ROUNDING = 1e-14
_EPSILON = np.finfo(float).eps
_MAX_HALVINGS = 30


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
    for n_iter in range(1, max_iter + 1):
        G = Q.adjoint(weights * family.slope(y, Z)) + penalties[:, None] * V
        step = -_solver(Q, a, penalties, family, y, Z)(G)
        slope = float(np.vdot(step, G))
        # ℓ is a difference of numbers as large as z: weights of 1e3 on losses of 1e-7 lose digits
        unknown = _EPSILON * float(a @ np.abs(Z).max(axis=1))
        if -slope <= 2 * max(tol * value, unknown, np.finfo(float).tiny):
            # F itself lost in rounding is on its way to 0, with coefficients without end
            return V + step, n_iter, bool(value > 10 * unknown)
        Z_step, t = Q.apply(step), 1.0
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


def _solver(
    Q: Design, a: np.ndarray, penalties: np.ndarray, family: Family, y: np.ndarray, Z: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Solver with the Hessian, for G of shape (q, K)."""
    bend = family.curvature(y, Z)
    if family is not multinomial:
        solve = hessian_solver(Q, a * bend[:, 0], penalties)
        return lambda G: solve(G[:, 0])[:, None]
    every = np.ones((Q.shape[1], Z.shape[1]), dtype=bool)
    solve = softmax_solver(Q, a, bend, np.broadcast_to(penalties[:, None], every.shape), every)
    return lambda G: solve(G.ravel()).reshape(G.shape)
