"""The trials of a search, in this process and in workers."""

import time

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import BayesSearchCV, SearchCV
from skhyper.callbacks import Callback

X, y = load_iris(return_X_y=True)
C = {"C": (0.1, 10.0)}


class Stop(Callback):
    def on_trial_end(self, search, trial):
        return True


def boom(estimator, X, y):
    raise ZeroDivisionError("boom")


@pytest.mark.filterwarnings("ignore")
def test_kinds_of_stop_reasons():
    def kind(search):
        return search.fit(X, y).stop_reason_.kind

    bayes = BayesSearchCV(SVC(), C, n_iter=2, cv=2, random_state=0)
    assert kind(bayes) == "candidates"
    assert kind(bayes.set_params(max_time=1e-9)) == "max_time"
    assert kind(BayesSearchCV(SVC(), C, n_iter=2, cv=2).set_callbacks(Stop())) == "callback"
    failing = BayesSearchCV(SVC(), C, n_iter=9, cv=2, scoring=boom)
    with pytest.raises(ValueError, match="boom"):
        failing.fit(X, y)
    assert failing.stop_reason_.kind == "failures"
    raising = BayesSearchCV(SVC(), C, n_iter=9, cv=2, scoring=boom, error_score="raise")
    with pytest.raises(ZeroDivisionError, match="boom"):
        raising.fit(X, y)
    assert (raising.stop_reason_, raising.stop_reason_.kind) == (
        "interrupted by ZeroDivisionError",
        "interrupted",
    )


class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, C=1):
        self.C = C

    def fit(self, X, y):
        time.sleep(0.15)
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return self.C


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_max_time_of_a_list_leaves_one_trial_at_least(n_jobs):
    """Jobs submitted up front: the search does not end before a trial is complete."""
    candidates = [{"C": c} for c in range(40)]
    search = SearchCV(Slow(), sampler=candidates, cv=2, n_jobs=n_jobs, max_time=0.05, refit=False)
    search.fit(X, y)
    assert search.stop_reason_ == "max_time=0.05 seconds have passed"
    assert 1 <= search.n_trials_ < 10
    assert search.best_score_ == max(trial.params["C"] for trial in search.history_)
