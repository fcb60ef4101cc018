"""Constraints in words: every kind of them, and of all of scikit-learn."""

import pytest
from inspection.all_estimators import classes, construct
from sklearn.base import BaseEstimator
from sklearn.ensemble import AdaBoostClassifier, HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import HuberRegressor, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from skhyper.inspection._allowed import allowed_values


@pytest.mark.parametrize(
    ("estimator", "name", "words"),
    [
        (Ridge(), "alpha", "number >= 0; array"),
        (Ridge(), "fit_intercept", "True or False"),
        (Ridge(), "random_state", "seed, RandomState or None"),
        (Ridge(), "max_iter", "integer >= 1; None"),
        (HuberRegressor(), "epsilon", "number >= 1"),
        (MLPClassifier(), "beta_1", "number in [0, 1)"),
        (MLPClassifier(), "solver", "'adam', 'lbfgs', 'sgd'"),
        (SVC(), "gamma", "'auto', 'scale'; number >= 0"),
        (SVC(), "coef0", "number"),
        (SVC(), "verbose", "verbosity"),
        (SGDClassifier(), "l1_ratio", "number in [0, 1]; None"),
        (SimpleImputer(), "fill_value", "anything"),
        (SimpleImputer(), "missing_values", "a marker of missing values"),
        (AdaBoostClassifier(), "estimator", "object with fit, predict; None"),
        (HistGradientBoostingClassifier(), "max_bins", "integer in [2, 255]"),
        (GridSearchCV(SVC(), {}), "param_grid", "dict; list"),
        (GridSearchCV(SVC(), {}), "cv", "cv splitter or number of folds"),
        (Ridge(), "no_such_name", ""),
        (BaseEstimator(), "anything", ""),
        (None, "anything", ""),
    ],
)
def test_words(estimator, name, words):
    if estimator is not None and name == "l1_ratio":
        assert allowed_values(estimator, name).startswith("number in [0, 1]")
    else:
        assert allowed_values(estimator, name) == words


def test_what_a_third_party_may_write():
    class Odd(BaseEstimator):
        @property
        def _parameter_constraints(self):
            return {"a": [dict, {"not": "hashable"}, "a word"], "b": []}

    assert allowed_values(Odd(), "a") == "dict; {'not': 'hashable'}; a word"
    assert allowed_values(Odd(), "b") == ""


@pytest.mark.parametrize("name", classes())
def test_no_object_shows_its_address(name):
    estimator = construct(name)
    for parameter in getattr(estimator, "_parameter_constraints", {}):
        words = allowed_values(estimator, parameter)
        assert " at 0x" not in words
        assert "<" not in words.replace("<=", "").replace("< ", "")
