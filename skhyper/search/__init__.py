"""The searches: estimators that find the hyperparameters of another."""

from skhyper.search._bayes import BayesSearchCV
from skhyper.search._gradient import GradientSearchCV
from skhyper.search._listed import GridSearchCV, RandomizedSearchCV
from skhyper.search._search import SearchCV

__all__ = ["BayesSearchCV", "GradientSearchCV", "GridSearchCV", "RandomizedSearchCV", "SearchCV"]
