"""Log expected improvement, accurate in its far tail.

Expected improvement underflows to zero over most of the space once the GP is confident; its
logarithm has a useful gradient everywhere.

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
from scipy.special import erfcx, ndtr

from skhyper.gp._kernel import Array
from skhyper.gp._process import GaussianProcess

BoolArray = NDArray[np.bool_]

_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_SQRT_HALF_PI = float(np.sqrt(0.5 * np.pi))

# Minimum t for the asymptotic series of q: there it is exact, while 1 − t M(t) has lost four
# digits.
_FAR_TAIL = 100.0

# Maximum of |z|, so that z² never overflows.
_LARGEST_Z = 1e150


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
    mean: ArrayLike, std: ArrayLike, best: float, noise_std: float = 0.0
) -> tuple[Array, Array, Array]:
    """Logarithm of the expected improvement of a minimization, with its derivatives.

    Parameters
    ----------
    mean : array-like of shape (m,)
        Posterior mean.
    std : array-like of shape (m,)
        Posterior standard deviation.
    best : float
        f*, the value to improve upon.
    noise_std : float, default=0.0
        τ, standard deviation of a new observation. Above zero the improvement is augmented: it
        decreases where `std` is small relative to that noise.

    Returns
    -------
    value : ndarray of shape (m,)
        log E[max(f* − f, 0)], f ~ N(mean, std²), plus log(1 − τ / √(τ² + std²)). Where `std` is
        zero, log max(f* − mean, 0) without noise and −∞ with it.
    mean_derivative, std_derivative : ndarrays of shape (m,)
        Derivatives of `value`. Zero where `std` is zero and there is no improvement.

    Notes
    -----
    With z = (f* − mean) / std, the value is log std + log h(z). For z < −1, h(z) = φ(z) q(−z) with
    q free of underflow, (eq. 9). The relative error is below 1e-11 for all z.

    References
    ----------
    Ament et al., Unexpected Improvements to Expected Improvement for Bayesian Optimization, NeurIPS
    2023, arXiv:2310.20708. The augmentation: Huang, Allen, Notz and Zeng, Global Optimization of
    Stochastic Black-Box Systems via Sequential Kriging Meta-Models, Journal of Global Optimization
    34 (2006).

    Examples
    --------
    >>> from skhyper.gp import log_expected_improvement
    >>> value, _, _ = log_expected_improvement([0.0, 50.0], [1.0, 1.0], best=0.0)
    >>> value.round(2).tolist()
    [-0.92, -1258.74]

    Without uncertainty it is the logarithm of the improvement itself:

    >>> log_expected_improvement([-1.0, 1.0], [0.0, 0.0], best=0.0)[0]
    array([  0., -inf])
    """
    gain = best - np.asarray(mean, dtype=np.float64)
    std = np.asarray(std, dtype=np.float64)
    uncertain = std > 0.0
    if not uncertain.all():
        return _certain_or_not(gain, std, uncertain, noise_std)
    log_h, cumulative_ratio, density_ratio = _log_h(gain / std)
    value, by_std = np.log(std) + log_h, density_ratio / std
    if noise_std > 0.0:
        penalty, penalty_by_std = _log_share_learned(std, noise_std)
        value, by_std = value + penalty, by_std + penalty_by_std
    return value, -cumulative_ratio / std, by_std


def _log_share_learned(std: Array, noise_std: float) -> tuple[Array, Array]:
    """log(1 − τ / √(τ² + s²)) and its derivative with respect to s, without cancellation."""
    total = np.hypot(noise_std, std)
    # 1 − τ / r = s² / (r (r + τ)), r² = τ² + s²
    value = 2.0 * np.log(std) - np.log(total) - np.log(total + noise_std)
    slope = 2.0 / std - std / total**2 - std / (total * (total + noise_std))
    return value, slope


def _certain_or_not(
    gain: Array, std: Array, uncertain: BoolArray, noise_std: float
) -> tuple[Array, Array, Array]:
    """`log_expected_improvement` where some standard deviations are zero; all of shape (m,)."""
    certain_gain = ~uncertain & (gain > 0.0) & (noise_std == 0.0)
    safe_gain = np.where(certain_gain, gain, 1.0)
    value = np.where(certain_gain, np.log(safe_gain), -np.inf)
    mean_derivative = np.where(certain_gain, -1.0 / safe_gain, 0.0)
    std_derivative = np.zeros_like(value)
    parts = log_expected_improvement(-gain[uncertain], std[uncertain], 0.0, noise_std)
    value[uncertain], mean_derivative[uncertain], std_derivative[uncertain] = parts
    return value, mean_derivative, std_derivative


def log_ei_with_gradient(
    gp: GaussianProcess, X: Array, best: float, noise_std: float = 0.0
) -> tuple[Array, Array]:
    """Log expected improvement under a GP, with its gradient with respect to the points.

    Parameters
    ----------
    gp : GaussianProcess
    X : ndarray of shape (m, d)
        Points.
    best : float
        f*, the value to improve upon, in units of y.
    noise_std : float, default=0.0
        See :func:`log_expected_improvement`.

    Returns
    -------
    value : ndarray of shape (m,)
    gradient : ndarray of shape (m, d)
    """
    mean, std, mean_gradient, std_gradient = gp.predict_with_gradient(X)
    value, by_mean, by_std = log_expected_improvement(mean, std, best, noise_std)
    return value, by_mean[:, None] * mean_gradient + by_std[:, None] * std_gradient
