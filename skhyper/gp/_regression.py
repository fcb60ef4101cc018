"""Gaussian process regression: estimate the hyperparameters, return the posterior.

The hyperparameters are estimated in `_estimation`; the posterior's predictions are in `_process`.
"""

import numpy as np
from numpy.typing import ArrayLike

from skhyper.gp._derivatives import DerivativeRows, joint_correlation, select_gradients
from skhyper.gp._estimation import fit_hyperparameters, without_cliffs
from skhyper.gp._hyperparameters import Hyperparameters, Priors
from skhyper.gp._kernel import Array, IntArray
from skhyper.gp._linalg import inverse_root
from skhyper.gp._process import GaussianProcess
from skhyper.gp._validation import check_gradients, check_groups, check_observations

_DEFAULT_PRIORS = Priors()


def gp_posterior(
    X: ArrayLike,
    y: ArrayLike,
    hyperparameters: Hyperparameters,
    *,
    groups: ArrayLike | None = None,
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

    A derivative changes the mean in between, and lowers the standard deviation:

    >>> gp = gp_posterior([[0.2], [0.8]], [1.0, -1.0], h, gradients=[[0.0], [np.nan]])
    >>> mean, std = gp.predict(np.array([[0.2], [0.5]]))
    >>> mean.round(3)
    array([1.   , 0.215])
    >>> std.round(3)
    array([0.   , 0.283])
    """
    X, y = check_observations(X, y)
    groups = check_groups(groups, X.shape[1])
    length_scales = np.asarray(hyperparameters.length_scales, dtype=np.float64)
    if length_scales.shape != (groups.max() + 1,):
        raise ValueError(
            f"hyperparameters have length-scales of shape {length_scales.shape}, expected one for "
            f"each of the {groups.max() + 1} groups."
        )
    rows = DerivativeRows.from_gradients(check_gradients(gradients, X))
    s2 = hyperparameters.signal_variance
    K = s2 * joint_correlation(X / length_scales[groups], rows)
    n_rows = 0 if rows is None else len(rows)
    diagonal = K.reshape(-1)[:: len(K) + 1]
    diagonal[n_rows:] = s2 + hyperparameters.noise_variance
    diagonal[:n_rows] += hyperparameters.derivative_noise_variance
    return GaussianProcess(X, y, groups, hyperparameters, inverse_root(K, s2), rows)


def least_and_spread(y: Array, n_kept: int) -> IntArray:
    """Indices of at most `n_kept` values: half the lowest, half others, evenly spaced.

    Parameters
    ----------
    y : ndarray of shape (n,)
    n_kept : int

    Returns
    -------
    indices : ndarray of int of shape (min(n, n_kept),), ascending

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper.gp import least_and_spread
    >>> least_and_spread(np.array([5.0, 1.0, 4.0, 3.0, 2.0, 6.0]), 4)
    array([0, 1, 4, 5])
    """
    if len(y) <= n_kept:
        return np.arange(len(y))
    least, others = np.split(np.argsort(y, kind="stable"), [(n_kept + 1) // 2])
    spread = np.linspace(0, len(others) - 1, n_kept - len(least)).astype(np.intp)
    return np.sort(np.concatenate([least, np.sort(others)[spread]]))


def fit_gp(
    X: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    gradients: ArrayLike | None = None,
    max_derivatives: int = 1500,
    max_fitted_derivatives: int = 300,
    max_fitted: int = 200,
    priors: Priors = _DEFAULT_PRIORS,
) -> GaussianProcess:
    """Fit a Gaussian process, its hyperparameters at their maximum a posteriori.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Observed points, in the unit cube, which the priors on length-scales assume.
    y : array-like of shape (n,)
        Observed values, in any units; standardized internally.
    groups : array-like of int of shape (d,), default=None
        Group of each column, 0 … G − 1: columns of one group share a length-scale, as the one-hot
        columns of one category should. None gives each column its own.
    gradients : array-like of shape (n, d), default=None
        Observed partial derivatives, in units of y per unit of X; nan where unknown.
    max_derivatives : int, default=1500
        Maximum number of derivatives that the posterior is conditioned on, of the best and of the
        latest points alternately.
    max_fitted_derivatives : int, default=300
        Maximum number of derivatives in the likelihood of the hyperparameters. With 0, it is
        that of the values alone, and the noise of derivatives is at the mode of its prior.
    max_fitted : int, default=200
        Maximum number of observations in the likelihood of the hyperparameters: half the lowest
        values, half others, evenly spaced. The posterior is conditioned on all.
    priors : Priors, default=Priors()
        Priors on the hyperparameters, in standardized units.

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
    standardized units. A constant y, or a single observation, is standardized with scale 1; the
    uncertainty of the posterior is then that of the priors.

    Derivatives are rows of the covariance: with q of them the cost is O((n + q)³), which the two
    limits bound. They have a separate noise variance, estimated with the other hyperparameters:
    it is large if they contradict the values. Derivatives steeper than 1e5 standard deviations of y
    per unit of X are ignored.

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

    Constant values are allowed:

    >>> mean, std = fit_gp([[0.3], [0.3]], [2.0, 2.0]).predict(np.array([[0.9]]))
    >>> mean.round(6)
    array([2.])
    """
    X, y = check_observations(X, y)
    checked_groups = check_groups(groups, X.shape[1])
    known = check_gradients(gradients, X)
    if known is not None:
        known = select_gradients(without_cliffs(known, y), y, max_derivatives)
    fitted = least_and_spread(y, max_fitted)
    hyperparameters = fit_hyperparameters(
        X[fitted],
        y[fitted],
        checked_groups,
        None if known is None else known[fitted],
        max_fitted_derivatives,
        priors,
    )
    return gp_posterior(X, y, hyperparameters, groups=checked_groups, gradients=known)
