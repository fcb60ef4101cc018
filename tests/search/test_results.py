"""Attributes that ``fit`` leaves."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import SearchCV

X, y = load_iris(return_X_y=True)
PARAMS = [{"C": 1e-3}, {"C": 1}, {"C": 10}]


def test_an_interruption_while_results_are_stored(monkeypatch):
    """However short the moment is: the trials are kept, with results."""
    search = SearchCV(SVC(), sampler=PARAMS, cv=2)
    format_results, calls = SearchCV._format_results, []

    def interrupted(self, *args):
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return format_results(self, *args)

    monkeypatch.setattr(SearchCV, "_format_results", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.stop_reason_.kind == "interrupted"
    assert search.n_trials_ == len(search.cv_results_["params"]) == 3
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()


class WritesToData(ClassifierMixin, BaseEstimator):
    def __init__(self, C=1):
        self.C = C

    def fit(self, X, y):
        X[:] = 0
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return self.C


def test_a_refit_does_not_change_the_data():
    data = X.copy()
    search = SearchCV(WritesToData(), sampler=PARAMS, cv=2).fit(data, y)
    np.testing.assert_array_equal(data, X)
    assert search.best_estimator_.C == 10


@pytest.mark.parametrize("refit", [True, False])
def test_results_of_an_earlier_fit_do_not_remain(refit):
    search = SearchCV(SVC(), sampler=PARAMS, cv=2).fit(X, y).set_params(refit=refit)
    search.fit(X, y)
    assert hasattr(search, "best_estimator_") == hasattr(search, "refit_time_") == refit
