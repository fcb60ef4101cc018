"""The searches: meta-estimators that tune the hyperparameters of an estimator."""

from typing import TYPE_CHECKING

from skhyper._lazy import lazy_names
from skhyper.search._bayes import BayesSearchCV
from skhyper.search._listed import GridSearchCV, RandomizedSearchCV
from skhyper.search._search import SearchCV

if TYPE_CHECKING:
    from skhyper.search._gradient import GradientSearchCV

__getattr__, __dir__ = lazy_names(__name__, {"GradientSearchCV": "skhyper.search._gradient"})

__all__ = ["BayesSearchCV", "GradientSearchCV", "GridSearchCV", "RandomizedSearchCV", "SearchCV"]
