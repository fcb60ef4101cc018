"""Log expected improvement, and the search for its maximum.

Expected improvement underflows to zero over most of the space once the process is confident; its
logarithm keeps its slope everywhere, and so can be climbed from any start. Candidates are evaluated
all at once; the best few that differ from each other are then polished *together*, as one L-BFGS-B
problem whose objective is the sum over the starts, for a call with a few points costs hardly more
than a call with one.

Notation
--------
m, d : number of points, of feature columns.
f* : best value so far; smaller is better.
z : (f* − mean) / std, (m,).
φ, Φ : density and distribution function of the standard normal.
h(z) : φ(z) + z Φ(z), so that EI = std · h(z) and h'(z) = Φ(z).
t : −z, in the lower tail.
M(t) : Mills ratio, Φ(−t) / φ(t) = √(π/2) erfcx(t/√2).
q(t) : h(−t) / φ(t) = 1 − t M(t).

References
----------
S. Ament, S. Daulton, D. Eriksson, M. Balandat and E. Bakshy, Unexpected Improvements to Expected
Improvement for Bayesian Optimization, NeurIPS 2023, arXiv:2310.20708, eq. 9.

M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions, 1964, eq. 7.1.23.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, minimize
from scipy.special import erfcx, ndtr

from skhyper.gp._kernel import Array
from skhyper.gp._process import GaussianProcess

BoolArray = NDArray[np.bool_]

_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_SQRT_HALF_PI = float(np.sqrt(0.5 * np.pi))

# From here on the asymptotic series of q is exact, while 1 − t M(t) has lost four digits.
_FAR_TAIL = 100.0

# So that z² never overflows.
_LARGEST_Z = 1e150

# Two candidates whose latent values are more correlated than this lead to the same maximum.
_SAME_POINT = 0.98


def _tail_ratios(t: Array) -> tuple[Array, Array]:
    """q(t) and M(t), two arrays of shape (m,), for t ≥ 1 of shape (m,)."""
    mills = _SQRT_HALF_PI * erfcx(t * np.sqrt(0.5))
    u = np.maximum(t, _FAR_TAIL) ** -2.0
    series = u * (1.0 - u * (3.0 - u * (15.0 - u * 105.0)))  # (eq. 7.1.23)
    return np.where(t < _FAR_TAIL, 1.0 - t * mills, series), mills


def _log_h(z: Array) -> tuple[Array, Array, Array]:
    """log h(z), its derivative Φ/h and the ratio φ/h, three arrays of shape (m,)."""
    z = np.maximum(z, -_LARGEST_Z)
    tail = z < -1.0
    q, mills = _tail_ratios(np.where(tail, -z, 1.0))
    near = np.where(tail, 0.0, z)
    density = np.exp(-0.5 * np.minimum(near, 40.0) ** 2 - _HALF_LOG_2PI)
    cumulative = ndtr(near)
    h = density + near * cumulative
    log_density = -0.5 * np.where(tail, z, 0.0) ** 2 - _HALF_LOG_2PI
    value = np.where(tail, log_density + np.log(q), np.log(h))
    return value, np.where(tail, mills / q, cumulative / h), np.where(tail, 1.0 / q, density / h)


def log_expected_improvement(
    mean: ArrayLike, std: ArrayLike, best: float
) -> tuple[Array, Array, Array]:
    """Logarithm of the expected improvement of a minimisation, with its derivatives.

    Parameters
    ----------
    mean : array-like of shape (m,)
        Posterior mean.
    std : array-like of shape (m,)
        Posterior standard deviation.
    best : float
        f*, the value to improve upon.

    Returns
    -------
    value : ndarray of shape (m,)
        log E[max(f* − f, 0)], f ~ N(mean, std²). Where `std` is zero, log max(f* − mean, 0).
    mean_derivative, std_derivative : ndarrays of shape (m,)
        Derivatives of `value`. Zero where `std` is zero and nothing can be gained.

    Notes
    -----
    With z = (f* − mean) / std, the value is log std + log h(z). For z < −1, h(z) = φ(z) q(−z) with
    q free of underflow, (eq. 9). The relative error is below 1e-11 for all z.

    References
    ----------
    Ament et al., Unexpected Improvements to Expected Improvement for Bayesian Optimization, NeurIPS
    2023, arXiv:2310.20708.

    Examples
    --------
    >>> from skhyper.gp import log_expected_improvement
    >>> value, _, _ = log_expected_improvement([0.0, 50.0], [1.0, 1.0], best=0.0)
    >>> value.round(2).tolist()
    [-0.92, -1258.74]

    Without uncertainty, what is left is the improvement itself:

    >>> log_expected_improvement([-1.0, 1.0], [0.0, 0.0], best=0.0)[0]
    array([  0., -inf])
    """
    gain = best - np.asarray(mean, dtype=np.float64)
    std = np.asarray(std, dtype=np.float64)
    uncertain = std > 0.0
    if not uncertain.all():
        return _certain_or_not(gain, std, uncertain)
    log_h, cumulative_ratio, density_ratio = _log_h(gain / std)
    return np.log(std) + log_h, -cumulative_ratio / std, density_ratio / std


def _certain_or_not(gain: Array, std: Array, uncertain: BoolArray) -> tuple[Array, Array, Array]:
    """`log_expected_improvement` where some standard deviations are zero; all of shape (m,)."""
    certain_gain = ~uncertain & (gain > 0.0)
    safe_gain = np.where(certain_gain, gain, 1.0)
    value = np.where(certain_gain, np.log(safe_gain), -np.inf)
    mean_derivative = np.where(certain_gain, -1.0 / safe_gain, 0.0)
    std_derivative = np.zeros_like(value)
    parts = log_expected_improvement(-gain[uncertain], std[uncertain], 0.0)
    value[uncertain], mean_derivative[uncertain], std_derivative[uncertain] = parts
    return value, mean_derivative, std_derivative


def log_ei_with_gradient(gp: GaussianProcess, X: Array, best: float) -> tuple[Array, Array]:
    """Log expected improvement under a process, with its gradient with respect to the points.

    Parameters
    ----------
    gp : GaussianProcess
    X : ndarray of shape (m, d)
        Points.
    best : float
        f*, the value to improve upon, in units of y.

    Returns
    -------
    value : ndarray of shape (m,)
    gradient : ndarray of shape (m, d)
    """
    mean, std, mean_gradient, std_gradient = gp.predict_with_gradient(X)
    value, by_mean, by_std = log_expected_improvement(mean, std, best)
    return value, by_mean[:, None] * mean_gradient + by_std[:, None] * std_gradient


def _pick_distinct(gp: GaussianProcess, X: Array, values: Array, n_points: int) -> NDArray[np.intp]:
    """Indices of the best points that differ from each other, filled up with the next best.

    Parameters
    ----------
    X : ndarray of shape (m, d)
    values : ndarray of shape (m,)
    n_points : int

    Returns
    -------
    indices : ndarray of int of shape (min(n_points, m),)
    """
    order = np.argsort(-values, kind="stable")
    X = X[order]
    picked: list[int] = []
    unlike = np.ones(len(X), dtype=bool)  # all points picked so far
    while len(picked) < n_points and unlike.any():
        picked.append(int(unlike.argmax()))
        unlike &= gp.correlation(X[picked[-1:]], X)[0] < _SAME_POINT
        unlike[picked[-1]] = False
    rest = np.setdiff1d(np.arange(min(n_points, len(X))), picked)
    return order[np.concatenate([picked, rest]).astype(np.intp)[:n_points]]


def _polish(
    gp: GaussianProcess,
    best: float,
    X: Array,
    free: BoolArray,
    bounds: tuple[float, float],
    max_iter: int,
) -> Array:
    """Climb from all points at once, moving only their free entries.

    Parameters
    ----------
    X, free : ndarrays of shape (m, d)
    bounds : tuple of float
        Lowest and highest value of a free entry; they start within.

    Returns
    -------
    points : ndarray of shape (m, d)
    """
    points = X.copy()
    # in units of the length-scales all directions are about equally curved
    unit = np.broadcast_to(gp.column_length_scales, X.shape)[free]

    def negative_total(u: Array) -> tuple[float, Array]:
        points[free] = u * unit
        value, gradient = log_ei_with_gradient(gp, points, best)
        return -float(value.sum()), -gradient[free] * unit

    result = minimize(
        negative_total,
        X[free] / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(bounds[0] / unit, bounds[1] / unit),
        options={"maxiter": max_iter, "ftol": 1e-6, "gtol": 1e-4},
    )
    points[free] = np.clip(result.x * unit, *bounds)
    return points


def maximize_log_ei(
    gp: GaussianProcess,
    best: float,
    candidates: ArrayLike,
    *,
    free: ArrayLike | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
    n_polish: int = 5,
    max_iter: int = 30,
) -> tuple[Array, Array]:
    """Points of large expected improvement: the best candidates, polished.

    Parameters
    ----------
    gp : GaussianProcess
    best : float
        f*, the value to improve upon, in units of y.
    candidates : array-like of shape (m, d)
        Points to start from. Free entries are first clipped to the bounds.
    free : array-like of bool of shape (d,) or (m, d), default=None
        Which columns, or which entries of each candidate, may move; the others (categories,
        integers, inactive parameters) are held. None frees all.
    bounds : tuple of float, default=(0.0, 1.0)
        Lowest and highest value of a free entry.
    n_polish : int, default=5
        Number of candidates to polish.
    max_iter : int, default=30
        Largest number of L-BFGS-B iterations, shared by all of them.

    Returns
    -------
    points : ndarray of shape (min(n_polish, m), d)
        Best first. No point is worse than the candidate it comes from.
    values : ndarray of shape (min(n_polish, m),)
        Their log expected improvement, in logarithms of units of y.

    Raises
    ------
    ValueError
        If the candidates are not finite points of `gp`, or `free` does not fit them.
    """
    X = np.array(candidates, dtype=np.float64)
    if X.ndim != 2 or len(X) == 0 or X.shape[1] != gp.X.shape[1] or not np.isfinite(X).all():
        raise ValueError(
            f"candidates must be at least one finite point of {gp.X.shape[1]} columns, got shape "
            f"{X.shape}."
        )
    mask = np.asarray(True if free is None else free, dtype=bool)
    if mask.shape not in [(), X.shape[1:], X.shape]:
        raise ValueError(f"free must have shape {X.shape[1:]} or {X.shape}, got {mask.shape}.")
    mask = np.broadcast_to(mask, X.shape)
    X[mask] = np.clip(X[mask], *bounds)
    mean, std = gp.predict(X)
    values = log_expected_improvement(mean, std, best)[0]
    top = _pick_distinct(gp, X, values, n_polish)
    points, values = X[top], values[top]
    if mask[top].any():
        polished = _polish(gp, best, points, mask[top], bounds, max_iter)
        polished_values = log_ei_with_gradient(gp, polished, best)[0]
        better = polished_values > values
        points = np.where(better[:, None], polished, points)
        values = np.where(better, polished_values, values)
    order = np.argsort(-values, kind="stable")
    return points[order], values[order]
