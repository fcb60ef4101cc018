"""Neural networks with derivatives of their training with respect to its hyperparameters."""

from skhyper._lazy import public_dir
from skhyper.neural_network._derivatives import fit_with_derivatives, fit_with_slopes, pull_back
from skhyper.neural_network._mlp import MLPClassifier, MLPRegressor
from skhyper.neural_network._training import differentiable

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "differentiable",
    "fit_with_derivatives",
    "fit_with_slopes",
    "pull_back",
]

__dir__ = public_dir(__name__)
