"""The hyperparameters of a Gaussian process at the maximum of their density.

They are searched in standardised units (see `_likelihood`), by L-BFGS-B with the analytic
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
from scipy.optimize import Bounds, minimize

from skhyper.gp._derivative_likelihood import DerivativePosterior
from skhyper.gp._derivatives import DerivativeRows, select_gradients
from skhyper.gp._hyperparameters import Hyperparameters, Priors
from skhyper.gp._kernel import Array, IntArray
from skhyper.gp._likelihood import HyperparameterPosterior

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

# Derivatives beyond this, in standardised units, are further than the bounds above reach.
_STEEPEST = 1e5

Objective = HyperparameterPosterior | DerivativePosterior


def standardize(y: Array) -> tuple[Array, float, float]:
    """Standardised y (n,), its location and its scale; the scale of a constant y is 1."""
    location, scale = float(y.mean()), float(y.std())
    if not scale > 1e-12 * np.abs(y).max() or scale < 1e-100:  # nothing but rounding
        scale = 1.0
    return (y - location) / scale, location, scale


def to_theta(h: Hyperparameters, n_groups: int, scale: float, derivatives: bool = False) -> Array:
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


def fit_hyperparameters(
    X: Array,
    y: Array,
    groups: IntArray,
    extra_noise: Array,
    gradients: Array | None,
    max_derivatives: int,
    start: Hyperparameters | None,
    priors: Priors,
    max_iter: int,
) -> Hyperparameters:
    """Hyperparameters at the maximum of their density, in the units of X and y.

    The parameters are those of :func:`fit_gp`, already checked; `max_derivatives` is the number of
    derivatives that enter the density.
    """
    z, location, scale = standardize(y)
    rows = None
    if gradients is not None:
        rows = DerivativeRows.of(select_gradients(gradients / scale, y, max_derivatives))
    v = extra_noise / scale**2
    objective: Objective = (
        HyperparameterPosterior(X, z, groups, v, priors)
        if rows is None
        else DerivativePosterior(X, z, rows, groups, v, priors)
    )
    n_groups = int(groups.max()) + 1
    theta_start = None if start is None else to_theta(start, n_groups, scale, rows is not None)
    theta = _minimize(objective, theta_start, max_iter)
    mean = location + scale * objective.mean(theta)
    if rows is None:
        theta = np.append(theta, priors.derivative_noise[0])
    signal, noise, derivative_noise = np.exp(theta[n_groups:]) * scale**2
    return Hyperparameters(
        length_scales=np.exp(theta[:n_groups]),
        signal_variance=float(signal),
        noise_variance=float(noise),
        mean=mean,
        derivative_noise_variance=float(derivative_noise),
    )


def without_cliffs(gradients: Array, y: Array) -> Array:
    """Gradients (n, d) with nan for what is steeper than any length-scale can explain."""
    return np.where(np.abs(gradients) > _STEEPEST * standardize(y)[2], np.nan, gradients)
