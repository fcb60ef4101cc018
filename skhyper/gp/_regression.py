"""Gaussian process regression: find the hyperparameters, return the posterior.

Hyperparameters are fitted in standardised units (see `_likelihood`), by L-BFGS-B with the analytic
gradient, from two starts: the centre of the priors, and the hyperparameters of an earlier fit if
there is one. As one observation more changes little, the second start saves most of the work.

Notation
--------
n, d, G : number of observations, feature columns, groups (length-scales).
θ : (log l_1, …, log l_G, log s², log σ²), in standardised units, (G + 2,); where derivatives were
    observed, log ς² of their noise comes last, (G + 3,).
location, scale : y = location + scale · (y in standardised units).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import Bounds, minimize

from skhyper.gp._derivative_likelihood import DerivativePosterior
from skhyper.gp._derivatives import DerivativeRows, joint_correlation, select_gradients
from skhyper.gp._hyperparameters import Hyperparameters, Priors
from skhyper.gp._kernel import Array, IntArray
from skhyper.gp._likelihood import HyperparameterPosterior
from skhyper.gp._linalg import inverse_root
from skhyper.gp._process import GaussianProcess, deviations
from skhyper.gp._validation import check_gradients, check_groups, check_observations

# Bounds of log l, log s² and log σ², log ς². They only keep K well conditioned; the priors do the
# rest.
_LENGTH_SCALE_BOUNDS = np.log([5e-3, 1e2])
_SIGNAL_BOUNDS = np.log([1e-3, 1e2])
_NOISE_BOUNDS = np.log([1e-6, 1e1])

# An iteration that gains less than this part of the log density changes no decision.
_FTOL = 5e-5
_GTOL = 1e-2  # of the log density, for each unit of θ

# In small searches, an earlier fit led to a local optimum worse by 0.1 in 0 to 12 % of the fits.
_PROBE_ITERATIONS = 8

_DEFAULT_PRIORS = Priors()

Objective = HyperparameterPosterior | DerivativePosterior


def _standardize(y: Array) -> tuple[Array, float, float]:
    """Standardised y (n,), its location and its scale; the scale of a constant y is 1."""
    location, scale = float(y.mean()), float(y.std())
    if not scale > 1e-12 * np.abs(y).max() or scale < 1e-100:  # nothing but rounding
        scale = 1.0
    return (y - location) / scale, location, scale


def _to_theta(h: Hyperparameters, n_groups: int, scale: float, derivatives: bool = False) -> Array:
    """θ (G + 2,), with derivatives (G + 3,), of hyperparameters in the units of X and y."""
    if np.shape(h.length_scales) != (n_groups,):
        raise ValueError(
            f"start has length-scales of shape {np.shape(h.length_scales)}, expected one for each "
            f"of the {n_groups} groups. Start only from a fit with the same groups."
        )
    variances = [h.signal_variance, h.noise_variance]
    variances += [h.derivative_noise_variance] * derivatives
    tiny = np.finfo(np.float64).tiny  # a noise of zero is allowed; the bounds lift it
    theta: Array = np.log(np.maximum([*h.length_scales, *np.array(variances) / scale**2], tiny))
    return theta


def _descend(objective: Objective, theta: Array, max_iter: int) -> tuple[float, Array]:
    """Objective and θ that L-BFGS-B finds from θ, within the bounds."""
    variances = [_SIGNAL_BOUNDS, _NOISE_BOUNDS]
    variances += [_NOISE_BOUNDS] * isinstance(objective, DerivativePosterior)
    low, high = np.array([_LENGTH_SCALE_BOUNDS] * (len(theta) - len(variances)) + variances).T
    result = minimize(
        objective,
        np.clip(theta, low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(low, high),
        options={"maxiter": max_iter, "ftol": _FTOL, "gtol": _GTOL},
    )
    return float(result.fun), np.asarray(result.x)


def _minimize(objective: Objective, start: Array | None, max_iter: int) -> Array:
    """Best θ found from the objective's own starts and, if there is one, from the start.

    The first search is a full one. Each other is a safeguard against a poor local optimum: it goes
    on after a few iterations only if it has found a better point by then.
    """
    first, *others = objective.starts if start is None else (start, *objective.starts)
    value, theta = _descend(objective, first, max_iter)
    probe_iterations = min(_PROBE_ITERATIONS, max_iter)
    for other in others:
        probe_value, probe = _descend(objective, other, probe_iterations)
        if probe_value < value:
            value, theta = _descend(objective, probe, max_iter)
    return theta


def gp_posterior(
    X: ArrayLike,
    y: ArrayLike,
    hyperparameters: Hyperparameters,
    *,
    groups: ArrayLike | None = None,
    extra_noise: ArrayLike | None = None,
    gradients: ArrayLike | None = None,
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
    gradients : array-like of shape (n, d), default=None
        Observed partial derivatives, in units of y per unit of X; nan where unknown.

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

    A derivative bends the function in between, and leaves less unknown:

    >>> gp = gp_posterior([[0.2], [0.8]], [1.0, -1.0], h, gradients=[[0.0], [np.nan]])
    >>> mean, std = gp.predict(np.array([[0.2], [0.5]]))
    >>> mean.round(3)
    array([1.   , 0.215])
    >>> std.round(3)
    array([0.   , 0.283])
    """
    X, y, v = check_observations(X, y, extra_noise)
    groups = check_groups(groups, X.shape[1])
    length_scales = np.asarray(hyperparameters.length_scales, dtype=np.float64)
    if length_scales.shape != (groups.max() + 1,):
        raise ValueError(
            f"hyperparameters have length-scales of shape {length_scales.shape}, expected one for "
            f"each of the {groups.max() + 1} groups."
        )
    rows = DerivativeRows.of(check_gradients(gradients, X))
    scaled, s2 = X / length_scales[groups], hyperparameters.signal_variance
    K = s2 * joint_correlation(scaled, rows)
    n_rows = 0 if rows is None else len(rows)
    diagonal = K.reshape(-1)[:: len(K) + 1]
    diagonal[n_rows:] = s2 + hyperparameters.noise_variance + v
    diagonal[:n_rows] += hyperparameters.derivative_noise_variance
    root = inverse_root(K, s2)
    z = deviations(y, hyperparameters.mean, rows, length_scales[groups])
    alpha = root.T @ (root @ z)
    return GaussianProcess(X, y, groups, hyperparameters, v, scaled, root, alpha, rows)


def fit_gp(
    X: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    extra_noise: ArrayLike | None = None,
    gradients: ArrayLike | None = None,
    max_derivatives: int = 1500,
    max_fitted_derivatives: int = 300,
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
    gradients : array-like of shape (n, d), default=None
        Observed partial derivatives, in units of y per unit of X; nan where unknown.
    max_derivatives : int, default=1500
        The posterior is conditioned on so many derivatives at most: those of the points of least
        and of latest values, in turn.
    max_fitted_derivatives : int, default=300
        So many of them enter the likelihood of the hyperparameters. 0: values alone decide on the
        hyperparameters, and the noise of derivatives stands where its prior is highest.
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
    checked_gradients = check_gradients(gradients, X)
    if checked_gradients is not None:
        checked_gradients = select_gradients(checked_gradients, y, max_derivatives)
    z, location, scale = _standardize(y)
    objective = _objective(
        X, z, checked_gradients, scale, checked_groups, v, priors, max_fitted_derivatives
    )
    hyperparameters = _fitted(objective, location, scale, start, max_iter, priors)
    return gp_posterior(
        X,
        y,
        hyperparameters,
        groups=checked_groups,
        extra_noise=v,
        gradients=checked_gradients,
    )


def _objective(
    X: Array,
    z: Array,
    gradients: Array | None,
    scale: float,
    groups: IntArray,
    v: Array,
    priors: Priors,
    max_derivatives: int,
) -> Objective:
    """Density of θ given standardised values z (n,) and some of the gradients (n, d)."""
    rows = None
    if gradients is not None:
        rows = DerivativeRows.of(select_gradients(gradients / scale, z, max_derivatives))
    if rows is None:
        return HyperparameterPosterior(X, z, groups, v / scale**2, priors)
    return DerivativePosterior(X, z, rows, groups, v / scale**2, priors)


def _fitted(
    objective: Objective,
    location: float,
    scale: float,
    start: Hyperparameters | None,
    max_iter: int,
    priors: Priors,
) -> Hyperparameters:
    """Hyperparameters at the maximum of their density, in the units of X and y."""
    derivatives = isinstance(objective, DerivativePosterior)
    n_groups = len(objective.center) - 2 - derivatives
    theta_start = None if start is None else _to_theta(start, n_groups, scale, derivatives)
    theta = _minimize(objective, theta_start, max_iter)
    mean = location + scale * objective.mean(theta)
    if not derivatives:
        theta = np.append(theta, priors.derivative_noise[0])
    signal, noise, derivative_noise = np.exp(theta[n_groups:]) * scale**2
    return Hyperparameters(
        length_scales=np.exp(theta[:n_groups]),
        signal_variance=float(signal),
        noise_variance=float(noise),
        mean=mean,
        derivative_noise_variance=float(derivative_noise),
    )
