"""Derivatives of a validation loss by hyperparameters, through the training itself.

``inner_problem(estimator)`` answers the questions that the implicit function theorem asks of
an estimator; ``inner_problem.register`` adds estimators from outside.
"""

from skhyper.hypergradient import (  # noqa: F401  (they register their estimators)
    _gaussian_process,
    _kernel_ridge,
    _ridge,
    _svm,
)
from skhyper.hypergradient._check import HypergradientCheck, check_hypergradient
from skhyper.hypergradient._losses import Criterion, criterion_of, log_marginal_likelihood
from skhyper.hypergradient._problem import InnerProblem, NotDifferentiableError, inner_problem
from skhyper.hypergradient._rules import implicit_gradient

__all__ = [
    "Criterion",
    "HypergradientCheck",
    "InnerProblem",
    "NotDifferentiableError",
    "check_hypergradient",
    "criterion_of",
    "implicit_gradient",
    "inner_problem",
    "log_marginal_likelihood",
]
