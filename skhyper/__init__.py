"""skhyper: hyperparameter search for scikit-learn.

``GridSearchCV`` and ``RandomizedSearchCV`` are scikit-learn's searches with a history of trials.
``BayesSearchCV`` fits a Gaussian process to all earlier trials. ``GradientSearchCV`` follows the
gradient of the cross-validation loss. ``SearchCV`` accepts any sampler, or an explicit list of
candidates. ``Optimizer`` and ``minimize`` minimize functions that are not estimators.
"""

from typing import TYPE_CHECKING

from skhyper import callbacks, exceptions, knowledge, reuse, samplers, space
from skhyper._lazy import lazy_names
from skhyper._trial import History, Trial
from skhyper.evaluation import Racing, load_history
from skhyper.functions import Optimizer, minimize
from skhyper.search import BayesSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper.space import When, default_space

if TYPE_CHECKING:
    from skhyper import hypergradient, inspection, kernel, linear_model, neural_network, plotting
    from skhyper.reporting import report
    from skhyper.search import GradientSearchCV

__version__ = "0.1.0.dev0"

_HEAVY = ("hypergradient", "inspection", "kernel", "linear_model", "neural_network", "plotting")
_LAZY = {"GradientSearchCV": "skhyper.search", "report": "skhyper.reporting"}
__getattr__, __dir__ = lazy_names(__name__, _LAZY | {name: f"skhyper.{name}" for name in _HEAVY})

__all__ = [
    "BayesSearchCV",
    "GradientSearchCV",
    "GridSearchCV",
    "History",
    "Optimizer",
    "Racing",
    "RandomizedSearchCV",
    "SearchCV",
    "Trial",
    "When",
    "__version__",
    "callbacks",
    "default_space",
    "exceptions",
    "hypergradient",
    "inspection",
    "kernel",
    "knowledge",
    "linear_model",
    "load_history",
    "minimize",
    "neural_network",
    "plotting",
    "report",
    "reuse",
    "samplers",
    "space",
]
