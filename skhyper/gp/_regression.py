"""Gaussian process regression: find the hyperparameters, return the posterior.

Hyperparameters are fitted in standardised units (see `_likelihood`), by L-BFGS-B with the analytic
gradient, from two starts: the centre of the priors, and the hyperparameters of an earlier fit if
there is one. As one observation more changes little, the second start saves most of the work.

Notation
--------
n, d, G : number of observations, feature columns, groups (length-scales).
θ : (log l_1, …, log l_G, log s², log σ²), in standardised units, (G + 2,).
location, scale : y = location + scale · (y in standardised units).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import Bounds, minimize

from skhyper.gp._hyperparameters import Hyperparameters, Priors
from skhyper.gp._kernel import Array, cross_squared_distances, matern52
from skhyper.gp._likelihood import HyperparameterPosterior
from skhyper.gp._linalg import inverse_root
from skhyper.gp._process import GaussianProcess
from skhyper.gp._validation import check_groups, check_observations

# Bounds of log l, log s² and log σ². They only keep K well conditioned; the priors do the rest.
_LENGTH_SCALE_BOUNDS = np.log([5e-3, 1e2])
_SIGNAL_BOUNDS = np.log([1e-3, 1e2])
_NOISE_BOUNDS = np.log([1e-6, 1e1])

# An iteration that gains less than this part of the log density changes no decision.
_FTOL = 5e-5
_GTOL = 1e-2  # of the log density, for each unit of θ

# In small searches, an earlier fit led to a local optimum worse by 0.1 in 0 to 12 % of the fits.
_PROBE_ITERATIONS = 8

_DEFAULT_PRIORS = Priors()


def _standardize(y: Array) -> tuple[Array, float, float]:
    """Standardised y (n,), its location and its scale; the scale of a constant y is 1."""
    location, scale = float(y.mean()), float(y.std())
    if not scale > 1e-12 * np.abs(y).max() or scale < 1e-100:  # nothing but rounding
        scale = 1.0
    return (y - location) / scale, location, scale


def _to_theta(h: Hyperparameters, n_groups: int, scale: float) -> Array:
    """θ (G + 2,) of hyperparameters in the units of X and y."""
    if np.shape(h.length_scales) != (n_groups,):
        raise ValueError(
            f"start has length-scales of shape {np.shape(h.length_scales)}, expected one for each "
            f"of the {n_groups} groups. Start only from a fit with the same groups."
        )
    variances = np.array([h.signal_variance, h.noise_variance]) / scale**2
    tiny = np.finfo(np.float64).tiny  # a noise of zero is allowed; the bounds lift it
    theta: Array = np.log(np.maximum(np.concatenate([h.length_scales, variances]), tiny))
    return theta


def _descend(
    objective: HyperparameterPosterior, theta: Array, max_iter: int
) -> tuple[float, Array]:
    """Objective and θ (G + 2,) that L-BFGS-B finds from θ (G + 2,), within the bounds."""
    n_groups = len(theta) - 2
    low, high = np.array([_LENGTH_SCALE_BOUNDS] * n_groups + [_SIGNAL_BOUNDS, _NOISE_BOUNDS]).T
    result = minimize(
        objective,
        np.clip(theta, low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(low, high),
        options={"maxiter": max_iter, "ftol": _FTOL, "gtol": _GTOL},
    )
    return float(result.fun), np.asarray(result.x)


def _minimize(objective: HyperparameterPosterior, start: Array | None, max_iter: int) -> Array:
    """Best θ (G + 2,) found from the centre of the priors and, if there is one, from the start.

    With a start, the search from the centre is a safeguard against a start near a poor local
    optimum: it goes on after a few iterations only if it has found a better point by then.
    """
    if start is None:
        return _descend(objective, objective.center, max_iter)[1]
    value, theta = _descend(objective, start, max_iter)
    probe_iterations = min(_PROBE_ITERATIONS, max_iter)
    probe_value, probe = _descend(objective, objective.center, probe_iterations)
    return theta if value <= probe_value else _descend(objective, probe, max_iter)[1]


def gp_posterior(
    X: ArrayLike,
    y: ArrayLike,
    hyperparameters: Hyperparameters,
    *,
    groups: ArrayLike | None = None,
    extra_noise: ArrayLike | None = None,
) -> GaussianProcess:
    """Posterior of a Gaussian process with given hyperparameters.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Observed points.
    y : array-like of shape (n,)
        Observed values.
    hyperparameters : Hyperparameters
        In the units of X and y.
    groups : array-like of int of shape (d,), default=None
        Group of each column, 0 … G − 1; None gives each column its own length-scale.
    extra_noise : array-like of shape (n,), default=None
        Known additional variance of each observation, in units of y squared; None is zero.

    Returns
    -------
    gp : GaussianProcess

    Raises
    ------
    ValueError
        If the shapes do not fit or a number is not finite.
    numpy.linalg.LinAlgError
        If the covariance is not positive definite even with jitter.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper.gp import Hyperparameters, gp_posterior
    >>> h = Hyperparameters(np.array([0.5]), signal_variance=1.0, noise_variance=0.0, mean=0.0)
    >>> gp = gp_posterior([[0.2], [0.8]], [1.0, -1.0], h)
    >>> mean, std = gp.predict(np.array([[0.2], [0.5]]))
    >>> mean.round(6) + 0.0
    array([1., 0.])
    >>> std.round(3)
    array([0.   , 0.406])
    """
    X, y, v = check_observations(X, y, extra_noise)
    groups = check_groups(groups, X.shape[1])
    length_scales = np.asarray(hyperparameters.length_scales, dtype=np.float64)
    if length_scales.shape != (groups.max() + 1,):
        raise ValueError(
            f"hyperparameters have length-scales of shape {length_scales.shape}, expected one for "
            f"each of the {groups.max() + 1} groups."
        )
    scaled = X / length_scales[groups]
    K = hyperparameters.signal_variance * matern52(cross_squared_distances(scaled, scaled))
    K[np.diag_indices_from(K)] = (
        hyperparameters.signal_variance + hyperparameters.noise_variance + v
    )
    root = inverse_root(K, hyperparameters.signal_variance)
    alpha = root.T @ (root @ (y - hyperparameters.mean))
    return GaussianProcess(X, y, groups, hyperparameters, v, scaled, root, alpha)


def fit_gp(
    X: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    extra_noise: ArrayLike | None = None,
    start: Hyperparameters | None = None,
    priors: Priors = _DEFAULT_PRIORS,
    max_iter: int = 50,
) -> GaussianProcess:
    """Fit a Gaussian process, its hyperparameters at their maximum a posteriori.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Observed points, in the unit cube: the priors on length-scales count on it.
    y : array-like of shape (n,)
        Observed values, in any units; standardised inside.
    groups : array-like of int of shape (d,), default=None
        Group of each column, 0 … G − 1: columns of one group share a length-scale, as the one-hot
        columns of one category should. None gives each column its own.
    extra_noise : array-like of shape (n,), default=None
        Known additional variance of each observation, in units of y squared; None is zero.
    start : Hyperparameters, default=None
        Those of an earlier fit with the same groups, as a further start of the search.
    priors : Priors, default=Priors()
        Priors on the hyperparameters, in standardised units.
    max_iter : int, default=50
        Largest number of L-BFGS-B iterations from each start.

    Returns
    -------
    gp : GaussianProcess
        The posterior, in the units of X and y.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a number is not finite.
    numpy.linalg.LinAlgError
        If the covariance is not positive definite even with jitter.

    Notes
    -----
    The constant mean is at its optimum for the hyperparameters, under a N(0, 1) prior in
    standardised units. A constant y, and a single observation, are standardised with scale 1: then
    the uncertainty of the posterior is that of the priors.

    References
    ----------
    C. Hvarfner, E. O. Hellsten and L. Nardi, Vanilla Bayesian Optimization Performs Great in High
    Dimensions, ICML 2024, arXiv:2402.02229.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper.gp import fit_gp
    >>> x = np.linspace(0, 1, 8)[:, None]
    >>> gp = fit_gp(x, np.sin(6 * x[:, 0]))
    >>> mean, std = gp.predict(np.array([[0.25]]))
    >>> bool(abs(mean[0] - np.sin(1.5)) < 0.05)
    True

    A constant tells nothing, and does no harm:

    >>> mean, std = fit_gp([[0.3], [0.3]], [2.0, 2.0]).predict(np.array([[0.9]]))
    >>> mean.round(6)
    array([2.])
    """
    X, y, v = check_observations(X, y, extra_noise)
    checked_groups = check_groups(groups, X.shape[1])
    z, location, scale = _standardize(y)
    objective = HyperparameterPosterior(X, z, checked_groups, v / scale**2, priors)
    theta_start = None if start is None else _to_theta(start, len(objective.center) - 2, scale)
    theta = _minimize(objective, theta_start, max_iter)
    signal, noise = np.exp(theta[-2:]) * scale**2
    hyperparameters = Hyperparameters(
        length_scales=np.exp(theta[:-2]),
        signal_variance=float(signal),
        noise_variance=float(noise),
        mean=location + scale * objective.mean(theta),
    )
    return gp_posterior(X, y, hyperparameters, groups=checked_groups, extra_noise=v)
