"""Hyperparameters: names, defaults, what changed, what can be differentiated."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV
from skhyper.hypergradient import inner_problem
from skhyper.inspection._hyperparameters import REQUIRED, hyperparameters


def by_name(estimator):
    return {h.name: h for h in hyperparameters(estimator)}


def test_one_of_a_ridge():
    alpha = by_name(Ridge(alpha=2.0))["alpha"]
    assert (alpha.value, alpha.default, alpha.changed) == (2.0, 1.0, True)
    assert (alpha.active, alpha.note, alpha.differentiable) == (True, "", True)
    assert alpha.allowed == "number >= 0; array"
    assert alpha.search_range == (1e-4, 1e4, "log-uniform")
    assert alpha.range_source == "default for Ridge"


def test_all_names_of_a_composition_each_estimator_before_its_own():
    pipeline = Pipeline([("scale", StandardScaler()), ("svc", SVC(C=3))])
    search = GridSearchCV(pipeline, {"svc__C": [1, 2]})
    names = [h.name for h in hyperparameters(search)]
    assert set(names) == set(search.get_params(deep=True))
    place = {name: i for i, name in enumerate(names)}
    assert all(place[name.rpartition("__")[0]] < i for name, i in place.items() if "__" in name)
    assert by_name(search)["estimator__svc__C"].changed
    assert by_name(search)["estimator__svc__C"].default == 1.0


@pytest.mark.parametrize(
    ("value", "changed"),
    [(1.0, False), (1, False), (2.0, True), (True, True), (np.float64(1.0), False)],
    ids=repr,
)
def test_changed_numbers(value, changed):
    assert by_name(Ridge(alpha=value))["alpha"].changed is changed


def test_changed_objects():
    assert not by_name(SimpleImputer(missing_values=np.nan))["missing_values"].changed
    assert not by_name(SimpleImputer(missing_values=float("nan")))["missing_values"].changed
    assert by_name(Ridge(alpha=np.ones(2)))["alpha"].changed
    kernels = by_name(GaussianProcessRegressor(RBF() + WhiteKernel()))
    assert kernels["kernel"].changed
    assert not kernels["kernel__k1__length_scale"].changed


def test_what_has_no_default():
    step = by_name(Pipeline([("model", Ridge())]))["model"]
    assert step.default is REQUIRED
    assert repr(step.default) == "required"
    assert step.changed
    assert pickle.loads(pickle.dumps(REQUIRED)) is REQUIRED


def test_what_can_be_differentiated_inside():
    pipeline = Pipeline([("scale", StandardScaler()), ("model", RidgeClassifier())])
    named = [h.name for h in hyperparameters(pipeline) if h.differentiable]
    assert named == ["model__alpha"]
    assert not any(h.differentiable for h in hyperparameters(LinearRegression()))
    assert not by_name(Ridge(positive=True))["alpha"].differentiable


def test_a_problem_that_fails_does_not_stop_an_inspection():
    class Broken(BaseEstimator):
        def __init__(self, alpha=1.0):
            self.alpha = alpha

    @inner_problem.register(Broken)
    def problem(estimator):
        raise KeyError("a fault of a third party")

    assert not by_name(Broken())["alpha"].differentiable


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(SVC(), [{"C": [1]}, {"gamma": [1]}]),
        RandomizedSearchCV(SVC(), {"C": [1], "gamma": [1]}),
        BayesSearchCV(SVC(), [({"C": (1.0, 2.0)}, 3), ({"gamma": (1.0, 2.0)}, 3)]),
    ],
    ids=lambda search: type(search).__name__,
)
def test_what_a_search_sets(search):
    found = by_name(search)
    note = f"searched by {type(search).__name__}"
    assert found["estimator__C"].note == found["estimator__gamma"].note == note
    assert found["estimator__C"].active
    assert found["estimator__tol"].note == ""
    assert found["estimator__C"].range_source.endswith(f" of {type(search).__name__}")
    assert found["estimator__tol"].search_range is None


def test_inactive_ones_say_why():
    pipeline = Pipeline([("svc", SVC(kernel="linear"))])
    gamma = by_name(pipeline)["svc__gamma"]
    assert not gamma.active
    assert gamma.note == "needs kernel in 'rbf', 'poly', 'sigmoid'"
    assert gamma.search_range is None


def test_an_estimator_without_anything():
    assert hyperparameters(BaseEstimator()) == ()


def test_an_estimator_that_is_none_of_scikit_learn():
    class Plain:
        def __init__(self, a=1, *, b):
            self.a, self.b = a, b

        def get_params(self, deep=True):
            return {"a": self.a, "b": self.b}

    found = by_name(Plain(b=2))
    assert (found["a"].default, found["b"].default) == (1, REQUIRED)
    assert found["a"].allowed == ""
