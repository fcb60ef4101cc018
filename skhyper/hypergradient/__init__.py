"""Derivatives of a validation loss with respect to hyperparameters, by implicit differentiation.

``inner_problem(estimator)`` returns what the implicit function theorem needs from an estimator;
``inner_problem.register`` adds third-party estimators. ``transformer_vjp`` and
``transformer_vjp.register`` do the same for transformers within pipelines.
"""

# Imported for their registrations of scikit-learn's classes.
from skhyper._lazy import public_dir
from skhyper.hypergradient import (  # noqa: F401
    _ard,
    _banded,
    _chain,
    _gaussian_process,
    _huber,
    _kernel_ridge,
    _lasso,
    _linear_models,
    _neural,
    _pipeline,
    _resampled,
    _ridge,
    _separate,
    _svm,
    _transformed_target,
    _transformer_compose,
    _transformer_kernels,
    _transformer_preprocessing,
    _weighted_elastic_net,
)
from skhyper.hypergradient._check import HypergradientCheck, check_hypergradient
from skhyper.hypergradient._losses import Criterion, criterion_of, log_marginal_likelihood
from skhyper.hypergradient._problem import (
    Cotangents,
    Fit,
    Fold,
    InnerProblem,
    NotDifferentiableError,
    Output,
    PlainProblem,
    TrainingPart,
    Traits,
    Want,
    as_target,
    implicit_vjp,
    inner_problem,
)
from skhyper.hypergradient._rules import finite_output, forward_vjp, hypergradient
from skhyper.hypergradient._transformer import (
    DifferentiableTransformer,
    LeafTransformer,
    transformer_vjp,
)

__all__ = [
    "Cotangents",
    "Criterion",
    "DifferentiableTransformer",
    "Fit",
    "Fold",
    "HypergradientCheck",
    "InnerProblem",
    "LeafTransformer",
    "NotDifferentiableError",
    "Output",
    "PlainProblem",
    "TrainingPart",
    "Traits",
    "Want",
    "as_target",
    "check_hypergradient",
    "criterion_of",
    "finite_output",
    "forward_vjp",
    "hypergradient",
    "implicit_vjp",
    "inner_problem",
    "log_marginal_likelihood",
    "transformer_vjp",
]

__dir__ = public_dir(__name__)
