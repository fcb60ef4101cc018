"""Maximum a posteriori estimation of the hyperparameters of a Gaussian process.

The log density is maximized in standardized units (see `_likelihood`), by L-BFGS-B with the
analytic gradient, from the center of the priors; with derivatives, also from a larger derivative
noise.

Notation
--------
n, d, G : number of observations, feature columns, groups (length-scales).
θ : (log l_1, …, log l_G, log s², log σ²), in standardized units, (G + 2,); where derivatives were
    observed, log ς² of their noise comes last, (G + 3,).
location, scale : y = location + scale · (y in standardized units).
"""

import numpy as np
from scipy.optimize import Bounds, minimize

from skhyper.gp._derivative_likelihood import DerivativeDensity
from skhyper.gp._derivatives import DerivativeRows, select_gradients
from skhyper.gp._hyperparameters import Hyperparameters, Priors
from skhyper.gp._kernel import Array, IntArray
from skhyper.gp._likelihood import HyperparameterDensity, ValueDensity

# Bounds of log l, of log s², and of log σ² and log ς². They only keep K well conditioned; the
# estimates are determined by the priors.
_LENGTH_SCALE_BOUNDS = np.log([5e-3, 1e2])
_SIGNAL_BOUNDS = np.log([1e-3, 1e2])
_NOISE_BOUNDS = np.log([1e-6, 1e1])

# Relative decrease of the negative log density at which L-BFGS-B stops; smaller values change no
# decision.
_FTOL = 5e-5
_GTOL = 1e-2  # norm of its gradient with respect to θ
_MAX_ITERATIONS = 50

# Number of iterations from a further start before it is compared with the first.
_PROBE_ITERATIONS = 8

# Maximum derivative, in standardized units: steeper ones are impossible within these bounds.
_STEEPEST = 1e5


def standardize(y: Array) -> tuple[Array, float, float]:
    """Standardized y (n,), its location and its scale; the scale of a constant y is 1."""
    location, scale = float(y.mean()), float(y.std())
    if not scale > 1e-12 * np.abs(y).max() or scale < 1e-100:  # rounding errors only
        scale = 1.0
    return (y - location) / scale, location, scale


def _descend(objective: HyperparameterDensity, theta: Array, max_iter: int) -> tuple[float, Array]:
    """Objective and θ that L-BFGS-B finds from θ, within the bounds."""
    variances = [_SIGNAL_BOUNDS, _NOISE_BOUNDS]
    variances += [_NOISE_BOUNDS] * isinstance(objective, DerivativeDensity)
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


def _minimize(objective: HyperparameterDensity) -> Array:
    """Best θ found from the objective's starts.

    The first start is optimized fully. Each further one guards against a poor local optimum: it is
    continued after a few iterations only if it has found a better point.
    """
    first, *others = objective.starts
    value, theta = _descend(objective, first, _MAX_ITERATIONS)
    for other in others:
        probe_value, probe = _descend(objective, other, _PROBE_ITERATIONS)
        if probe_value < value:
            value, theta = _descend(objective, probe, _MAX_ITERATIONS)
    return theta


def fit_hyperparameters(
    X: Array,
    y: Array,
    groups: IntArray,
    gradients: Array | None,
    max_derivatives: int,
    priors: Priors,
) -> Hyperparameters:
    """Hyperparameters at the maximum of their density, in the units of X and y.

    The parameters are those of :func:`fit_gp`, already checked; `max_derivatives` is the number of
    derivatives that enter the density.
    """
    z, location, scale = standardize(y)
    rows = None
    if gradients is not None:
        kept = select_gradients(gradients / scale, y, max_derivatives)
        rows = DerivativeRows.from_gradients(kept)
    objective: HyperparameterDensity = (
        ValueDensity(X, z, groups, priors)
        if rows is None
        else DerivativeDensity(X, z, rows, groups, priors)
    )
    n_groups = int(groups.max()) + 1
    theta = _minimize(objective)
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
    """Gradients (n, d) with nan where steeper than any length-scale can explain."""
    return np.where(np.abs(gradients) > _STEEPEST * standardize(y)[2], np.nan, gradients)
