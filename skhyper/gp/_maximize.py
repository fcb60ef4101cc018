"""Maximization of an acquisition function.

All candidates are evaluated at once; the best few distinct ones are then polished jointly, as one
L-BFGS-B problem whose objective is the sum over the starts: evaluating a few points costs hardly
more than evaluating one.

Notation
--------
m, d : number of points, of feature columns.
f* : best value so far; smaller is better.
u : free entries of the points, in units of their length-scales.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, minimize

from skhyper.gp._acquisition import BoolArray, log_ei_with_gradient, log_expected_improvement
from skhyper.gp._kernel import Array
from skhyper.gp._process import GaussianProcess

# Prior correlation above which two candidates count as starts of the same maximum.
_SAME_POINT = 0.98
# Maximum difference of log EI from the best start: the gradient of a start further below would
# dominate the sum.
_LOWEST_START = 20.0


def _pick_distinct(gp: GaussianProcess, X: Array, values: Array, n_points: int) -> NDArray[np.intp]:
    """Indices of distinct points of X (m, d), of largest values (m,), then of the next largest."""
    order = np.argsort(-values, kind="stable")
    X = X[order]
    picked: list[int] = []
    unlike = np.ones(len(X), dtype=bool)  # distinct from all points picked so far
    while len(picked) < n_points and unlike.any():
        picked.append(int(unlike.argmax()))
        unlike &= gp.correlation(X[picked[-1:]], X)[0] < _SAME_POINT
        unlike[picked[-1]] = False
    rest = np.setdiff1d(np.arange(min(n_points, len(X))), picked)
    return order[np.concatenate([picked, rest]).astype(np.intp)[:n_points]]


def _polish(
    gp: GaussianProcess, best: float, X: Array, free: BoolArray, max_iter: int, noise_std: float
) -> Array:
    """Local maximization from all points X (m, d) jointly, over their `free` entries (m, d)."""
    points = X.copy()
    # in units of the length-scales the curvature is similar in all directions
    unit = np.broadcast_to(gp.column_length_scales, X.shape)[free]

    def negative_total(u: Array) -> tuple[float, Array]:
        points[free] = u * unit
        value, gradient = log_ei_with_gradient(gp, points, best, noise_std)
        return -float(value.sum()), -gradient[free] * unit

    result = minimize(
        negative_total,
        X[free] / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(0.0, 1.0 / unit),
        options={"maxiter": max_iter, "ftol": 1e-6, "gtol": 1e-4},
    )
    points[free] = np.clip(result.x * unit, 0.0, 1.0)
    return points


def maximize_log_ei(
    gp: GaussianProcess,
    best: float,
    candidates: ArrayLike,
    *,
    free: ArrayLike | None = None,
    n_polish: int = 5,
    max_iter: int = 30,
    noise_std: float = 0.0,
) -> tuple[Array, Array]:
    """Points of large expected improvement: the best candidates, polished.

    Parameters
    ----------
    gp : GaussianProcess
    best : float
        f*, the value to improve upon, in units of y.
    candidates : array-like of shape (m, d)
        Points to start from. Free entries are first clipped to [0, 1].
    free : array-like of bool of shape (d,) or (m, d), default=None
        Columns, or entries of each candidate, over which to maximize; the others (categories,
        integers, inactive parameters) are fixed. None frees all.
    n_polish : int, default=5
        Number of candidates to polish.
    max_iter : int, default=30
        Maximum number of L-BFGS-B iterations of the joint problem.
    noise_std : float, default=0.0
        See :func:`log_expected_improvement`.

    Returns
    -------
    points : ndarray of shape (min(n_polish, m), d)
        Best first. No point is worse than the candidate it started from.
    values : ndarray of shape (min(n_polish, m),)
        Their log expected improvement.

    Raises
    ------
    ValueError
        If `best` or the candidates are not finite, or a shape does not fit.
    """
    X = np.array(candidates, dtype=np.float64)
    if X.ndim != 2 or len(X) == 0 or X.shape[1] != gp.X.shape[1] or not np.isfinite(X).all():
        raise ValueError(
            f"candidates must be at least one finite point of {gp.X.shape[1]} columns, got shape "
            f"{X.shape}."
        )
    if not np.isfinite(best):
        raise ValueError(f"best must be finite, got {best}.")
    mask = np.asarray(True if free is None else free, dtype=bool)
    if mask.shape not in [(), X.shape[1:], X.shape]:
        raise ValueError(f"free must have shape {X.shape[1:]} or {X.shape}, got {mask.shape}.")
    mask = np.broadcast_to(mask, X.shape)
    X[mask] = np.clip(X[mask], 0.0, 1.0)
    mean, std = gp.predict(X)
    values = log_expected_improvement(mean, std, best, noise_std)[0]
    top = _pick_distinct(gp, X, values, n_polish)
    points, values, mask = X[top], values[top], mask[top]
    improvable = mask.any(axis=1) & (values > values.max(initial=-np.inf) - _LOWEST_START)
    if improvable.any():
        polished = _polish(gp, best, points[improvable], mask[improvable], max_iter, noise_std)
        polished_values = log_ei_with_gradient(gp, polished, best, noise_std)[0]
        better = polished_values > values[improvable]
        points[improvable] = np.where(better[:, None], polished, points[improvable])
        values[improvable] = np.where(better, polished_values, values[improvable])
    order = np.argsort(-values, kind="stable")
    return points[order], values[order]
