"""Derivatives of a validation loss by hyperparameters, through the training itself.

``inner_problem(estimator)`` answers the questions that the implicit function theorem asks of
an estimator; ``inner_problem.register`` adds estimators from outside. ``feature_map`` and
``feature_map.register`` do the same for transformers, which derivatives pass in a pipeline.
"""

# These register what of scikit-learn they are about.
from skhyper._lazy import public_dir
from skhyper.hypergradient import (  # noqa: F401
    _ard,
    _banded,
    _chain,
    _feature_map_compose,
    _feature_map_kernels,
    _feature_map_preprocessing,
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
    _weighted_elastic_net,
)
from skhyper.hypergradient._check import HypergradientCheck, check_hypergradient
from skhyper.hypergradient._feature_map import FeatureMap, LeafMap, feature_map
from skhyper.hypergradient._forward import forward_vjp
from skhyper.hypergradient._losses import Criterion, criterion_of, log_marginal_likelihood
from skhyper.hypergradient._problem import (
    Cotangents,
    Fit,
    Fold,
    InnerProblem,
    NotDifferentiableError,
    Output,
    PlainProblem,
    Traits,
    Want,
    as_target,
    implicit_vjp,
    inner_problem,
)
from skhyper.hypergradient._rules import finite_output, hypergradient

__all__ = [
    "Cotangents",
    "Criterion",
    "FeatureMap",
    "Fit",
    "Fold",
    "HypergradientCheck",
    "InnerProblem",
    "LeafMap",
    "NotDifferentiableError",
    "Output",
    "PlainProblem",
    "Traits",
    "Want",
    "as_target",
    "check_hypergradient",
    "criterion_of",
    "feature_map",
    "finite_output",
    "forward_vjp",
    "hypergradient",
    "implicit_vjp",
    "inner_problem",
    "log_marginal_likelihood",
]

__dir__ = public_dir(__name__)
