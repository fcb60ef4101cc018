"""skhyper: hyperparameter search for scikit-learn.

``GridSearchCV`` and ``RandomizedSearchCV`` as scikit-learn has them; ``BayesSearchCV``,
which places each trial by all earlier ones; ``GradientSearchCV``, which goes down the gradient
of the cross-validation loss; ``SearchCV``, which takes any sampler or a list
that a person wrote. All of them cross-validate and drop into pipelines.
"""

from skhyper import (
    callbacks,
    exceptions,
    hypergradient,
    inspection,
    kernel,
    linear_model,
    neural_network,
    samplers,
    space,
)
from skhyper._trial import History, Trial
from skhyper.functions import Optimizer, minimize
from skhyper.search import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    RandomizedSearchCV,
    SearchCV,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "BayesSearchCV",
    "GradientSearchCV",
    "GridSearchCV",
    "History",
    "Optimizer",
    "RandomizedSearchCV",
    "SearchCV",
    "Trial",
    "__version__",
    "callbacks",
    "exceptions",
    "hypergradient",
    "inspection",
    "kernel",
    "linear_model",
    "minimize",
    "neural_network",
    "samplers",
    "space",
]
