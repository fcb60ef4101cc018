"""Hyperparameters of a Gaussian process, and their priors.

References
----------
C. Hvarfner, E. O. Hellsten and L. Nardi, Vanilla Bayesian Optimization Performs Great in High
Dimensions, ICML 2024, arXiv:2402.02229.
"""

from dataclasses import dataclass

import numpy as np

from skhyper.gp._kernel import Array


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of a GP, in the units of X and y.

    Parameters
    ----------
    length_scales : ndarray of shape (G,)
        One for each group of columns, in units of X.
    signal_variance : float
        Prior variance of the latent function, in units of y squared.
    noise_variance : float
        Variance of an observation around the latent function, in units of y squared.
    mean : float
        Prior mean of the latent function, in units of y.
    derivative_noise_variance : float, default=0.0
        Variance of an observed derivative l_j ∂f/∂x_j, in units of y squared.
    """

    length_scales: Array
    signal_variance: float
    noise_variance: float
    mean: float
    derivative_noise_variance: float = 0.0


@dataclass(frozen=True)
class Priors:
    """Normal priors on the logarithms of the hyperparameters, in standardized units.

    Parameters
    ----------
    length_scale : tuple of float, default=(√2 − 3, √3)
        Center and width of log l, for inputs in the unit cube. The center grows by log(G)/2 with
        the number of groups, as the distance of two random points does. See Notes.
    signal : tuple of float, default=(0, 1)
        Center and width of log s².
    noise : tuple of float, default=(−7, 2)
        Center and width of log σ²: noise is 3 % of the standard deviation of y, within a factor e.
    derivative_noise : tuple of float, default=(−5, 2)
        Center and width of log ς², the noise of l_j ∂f/∂x_j: it allows for functions that are not
        as smooth as the GP. Centers of −7, −5 and −3 were equally good in a benchmark.

    Notes
    -----
    Hvarfner, Hellsten and Nardi (2024) put l ~ LogNormal(√2 + log(G)/2, √3) and maximize the
    density of l. That density, as a function of log l, is a Gaussian of the same width, centered
    lower by the square of the width; hence the −3.
    """

    length_scale: tuple[float, float] = (float(np.sqrt(2.0) - 3.0), float(np.sqrt(3.0)))
    signal: tuple[float, float] = (0.0, 1.0)
    noise: tuple[float, float] = (-7.0, 2.0)
    derivative_noise: tuple[float, float] = (-5.0, 2.0)

    def moments(self, n_groups: int, derivatives: bool = False) -> tuple[Array, Array]:
        """Center and width of θ, two arrays of shape (G + 2,), or (G + 3,) with derivatives."""
        location = self.length_scale[0] + 0.5 * np.log(n_groups)
        variances = [self.signal, self.noise] + [self.derivative_noise] * derivatives
        moments = np.array([(location, self.length_scale[1])] * n_groups + variances)
        return moments[:, 0], moments[:, 1]
