"""Warnings of all searches point at the line that called ``fit``."""

import inspect

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper.exceptions import HistoryMismatchWarning, SkhyperWarning
from skhyper.linear_model import BandedRidge
from skhyper.search._warnings import warn

X, y = load_iris(return_X_y=True)
C = {"C": (0.1, 10.0)}


def metric(y_true, y_pred):  # taken for a scorer: all scores fail
    return accuracy_score(y_true, y_pred)


def failing(estimator, X, y):
    if estimator.get_params()["C"] > 1:
        raise ZeroDivisionError("no score")
    return 1.0


def refuses_some(params):
    return params["C"] > 1.5


CASES = {
    "grid, scoring": (GridSearchCV(SVC(), {"C": [1]}, scoring=metric, cv=2), "is a metric"),
    "random, range": (
        RandomizedSearchCV(
            SVC(), {"C": (1, 9, "uniform")}, n_iter=3, cv=2, error_score=0.0, random_state=0
        ),
        "list of choices here",
    ),
    "sampled, values": (SearchCV(SVC(), {"C": (-1.0, 1.0)}, n_iter=2, cv=2), "will fail"),
    "bayes, choices": (BayesSearchCV(SVC(), {"C": [-1, 1]}, cv=2), "will fail"),
    "bayes, pair": (BayesSearchCV(SVC(), {"C": [0.1, 10.0]}, cv=2), "range in scikit-optimize"),
    "bayes, default": (
        BayesSearchCV(SVC(), C, n_iter=1, cv=2, include_default=True, constraint=refuses_some),
        "is not tried",
    ),
    "bayes, gradients": (
        BayesSearchCV(LogisticRegression(max_iter=999), C, n_iter=1, cv=2, use_gradients=True),
        "not differentiable",
    ),
    "manual, scores": (
        SearchCV(SVC(), sampler=[{"C": 1}, {"C": 2}], scoring=failing, cv=2),
        "Scoring failed 2 times",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_they_point_at_the_users_line(name):
    search, match = CASES[name]
    with pytest.warns(UserWarning, match=match) as caught:
        line = inspect.currentframe().f_lineno + 1
        clone(search).fit(X, y)
    found = [w for w in caught if w.filename == __file__]
    assert [w.lineno for w in found if match in str(w.message)] == [line]


@pytest.mark.filterwarnings("ignore")
def test_those_of_gradient_searches_do():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 8)), rng.normal(size=30)
    space = {"alphas": (1e-2, 1e4, "log-uniform")}
    search = GradientSearchCV(BandedRidge(np.ones(8)), space, prior=None, cv=3)
    with pytest.warns(SkhyperWarning, match="overfits its folds") as caught:
        line = inspect.currentframe().f_lineno + 1
        search.fit(X, y)
    assert [(w.filename, w.lineno) for w in caught] == [(__file__, line)]


def test_those_about_earlier_trials_do():
    search = SearchCV(SVC(), sampler=[{"C": 1}], cv=2, warm_start=True).fit(X, y)
    with pytest.warns(HistoryMismatchWarning, match="not used") as caught:
        search.fit(X[::-1], y[::-1])
    assert caught[0].filename == __file__
    other = SearchCV(SVC(), sampler=[{"gamma": 1.0}], cv=2).fit(X, y)
    search = SearchCV(SVC(), C, n_iter=1, cv=2, history=other.history_)
    with pytest.warns(SkhyperWarning, match="outside the search space") as caught:
        search.fit(X, y)
    assert caught[0].filename == __file__


def test_they_point_at_the_line_that_calls_scikit_learn():
    """Through pipelines and cross-validation, and where metadata are routed."""
    search = SearchCV(Ridge(), {"alpha": (-1.0, 1.0)}, n_iter=1, cv=2, initial_points={"alpha": 1})
    pipeline = make_pipeline(FunctionTransformer(), search)
    with pytest.warns(SkhyperWarning, match="will fail") as caught:
        pipeline.fit(X, y)
    assert {w.filename for w in caught} == {__file__}
    with pytest.warns(SkhyperWarning, match="will fail") as caught:
        cross_validate(search, X, y, cv=2)
    assert {w.filename for w in caught} == {__file__}
    with sklearn.config_context(enable_metadata_routing=True):
        routed = search.set_params(
            estimator=Ridge().set_fit_request(sample_weight=True),
            scoring=make_scorer(accuracy_score_of_signs).set_score_request(sample_weight=True),
        )
        pipeline = make_pipeline(FunctionTransformer(), routed)
        with pytest.warns(SkhyperWarning, match="will fail") as caught:
            pipeline.fit(X, y, sample_weight=np.ones(len(y)))
    assert {w.filename for w in caught} == {__file__}


def accuracy_score_of_signs(y_true, y_pred, sample_weight=None):
    return accuracy_score(y_true > 1, y_pred > 1, sample_weight=sample_weight)


def test_a_stack_without_a_users_frame_is_no_error():
    with pytest.warns(UserWarning, match="hello") as caught:
        warn("hello", UserWarning)
    assert caught[0].filename == __file__
    code = compile("warn('from inside', UserWarning)", sklearn.__file__, "exec")
    with pytest.warns(UserWarning, match="from inside") as caught:
        exec(code, {"warn": warn})
    assert caught[0].filename == __file__
