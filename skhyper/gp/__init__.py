"""Gaussian processes on arrays, for Bayesian optimization.

This package is independent of estimators, search spaces and trials: it maps points of the unit
cube and their values to a posterior, and to the maximum of an acquisition function.
"""

from skhyper._lazy import public_dir
from skhyper.gp._acquisition import log_ei_with_gradient, log_expected_improvement
from skhyper.gp._hyperparameters import Hyperparameters, Priors
from skhyper.gp._maximize import maximize_log_ei
from skhyper.gp._process import GaussianProcess
from skhyper.gp._regression import fit_gp, gp_posterior, least_and_spread

__all__ = [
    "GaussianProcess",
    "Hyperparameters",
    "Priors",
    "fit_gp",
    "gp_posterior",
    "least_and_spread",
    "log_ei_with_gradient",
    "log_expected_improvement",
    "maximize_log_ei",
]

__dir__ = public_dir(__name__)
