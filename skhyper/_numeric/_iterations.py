"""Conjugate gradients with the Hessian of a linear model.

Notation
--------
q : number of unknowns;  v, u : right side and solution, (q,)
H : the matrix, (q, q);  A : a root of its part of the loss, (m, q);  λ : l2 penalties, (q,)
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

Operator = Callable[[np.ndarray], np.ndarray]
# ``solve(v, rtol=None) -> u``, see `hessian_solver`.
Solver = Callable[..., np.ndarray]

# Relative residuals: for solutions, and for adjoint systems.
_SOLUTION_RTOL = 1e-10
ADJOINT_RTOL = 1e-8
# Relative eigenvalue of the matrix of the constraints below which it is 0: with several classes one
# is 0 up to rounding.
_SINGULAR = 1e-12
# Maximum entry of a dual matrix: above, rounding loses most digits of its I.
LARGEST_DUAL = 1e10


def conjugate_gradients(
    product: Operator,
    v: np.ndarray,
    diagonal: np.ndarray | None = None,
    rtol: float = _SOLUTION_RTOL,
) -> np.ndarray:
    """``u`` with ``product(u) = v``, preconditioned by the diagonal of the matrix."""
    scale = 1.0 if diagonal is None else 1 / np.where(diagonal > 0, diagonal, 1.0)
    return preconditioned_cg(product, v, lambda r: scale * r, rtol, len(v) + 100)[0]


def preconditioned_cg(
    product: Operator,
    v: np.ndarray,
    precondition: Operator,
    rtol: float,
    max_iter: int,
    scale: Any = 1.0,
) -> tuple[np.ndarray, bool]:
    """``u`` with ``product(u) = v``, and whether the residual times `scale` is small enough."""
    goal = rtol * np.linalg.norm(scale * v)

    def done(rest: np.ndarray, gain: float) -> bool:
        return bool(np.linalg.norm(scale * rest) <= goal)

    return _iterate(product, v, precondition, done, max_iter)


def dual_iterations(
    apply: Operator, adjoint: Operator, B: np.ndarray, diagonal: np.ndarray, l2: np.ndarray
) -> Solver | None:
    """Conjugate gradients in the samples, for ``H = AᵀA + Λ`` with more columns of A than rows.

    The solution is ``u = Λ⁻¹ (v - Aᵀ t)``, where t minimizes ``|t|² + |v - Aᵀ t|²`` in the norm of
    Λ⁻¹; the minimum is ``uᵀ H u``. The matrix ``M = I + A Λ⁻¹ Aᵀ`` has no small eigenvalues, and
    its diagonal removes the differences in curvature between samples: M takes a quarter of the
    iterations that H takes, and its residual bounds the error of u in the norm of H. Columns B of
    A without a penalty are constraints ``Bᵀ t = v``; residuals are projected on them.

    `apply` and `adjoint` are products with A and Aᵀ, `diagonal` is that of M. Returns None if an
    entry of M is above `LARGEST_DUAL`.
    """
    if diagonal.max(initial=0.0) > LARGEST_DUAL:
        return None
    inverse = np.divide(1.0, l2, out=np.zeros_like(l2), where=l2 > 0)
    free = np.flatnonzero(l2 == 0)
    JB = B / diagonal[:, None]
    border = linalg.pinvh(B.T @ JB, rtol=_SINGULAR) if len(free) else np.empty((0, 0))

    def projected(r: np.ndarray) -> np.ndarray:
        return r - B @ (border @ (JB.T @ r))

    def product(t: np.ndarray) -> np.ndarray:
        return projected(t + apply(inverse * adjoint(t)))

    def solve(v: np.ndarray, rtol: float | None = None) -> np.ndarray:
        tolerance = (rtol or ADJOINT_RTOL) ** 2
        t = JB @ (border @ v[free])
        u = inverse * (v - adjoint(t))
        size = t @ t + u @ (l2 * u)

        def done(rest: np.ndarray, gain: float) -> bool:
            return bool(rest @ rest <= tolerance * (size - gain))

        rest = projected(apply(u) - t)
        t += _iterate(product, rest, lambda r: r / diagonal, done, len(t) + 100)[0]
        u = inverse * (v - adjoint(t))
        u[free] = border @ (JB.T @ (t - apply(u)))
        return u

    return solve


def _iterate(
    product: Operator,
    rest: np.ndarray,
    precondition: Operator,
    done: Callable[[np.ndarray, float], bool],
    max_iter: int,
) -> tuple[np.ndarray, bool]:
    """Solution x of ``product(x) = rest``, and whether ``done(residual, xᵀ product(x))``."""
    x, direction, size, gain = np.zeros_like(rest), np.zeros_like(rest), np.inf, 0.0
    for _ in range(max_iter):
        if done(rest, gain):
            return x, True
        scaled = precondition(rest)
        size, last = float(rest @ scaled), size
        direction = scaled + size / last * direction
        image = product(direction)
        curvature = float(direction @ image)
        if not size or not abs(curvature) > 0:
            break
        length = size / curvature
        x, rest, gain = x + length * direction, rest - length * image, gain + length * size
    return x, done(rest, gain)
