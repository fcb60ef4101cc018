"""The steps of every ``fit``, and the constructors."""

import inspect
from pathlib import Path

import pytest
from sklearn import model_selection
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.svm import SVC

import skhyper
from skhyper import BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV
from skhyper.search import _fit
from skhyper.search._fit import BaseSearch

X, y = load_iris(return_X_y=True)
CLASSES = [BayesSearchCV, GradientSearchCV, GridSearchCV, RandomizedSearchCV, SearchCV]


@pytest.mark.parametrize("cls", CLASSES)
def test_a_search_class_writes_one_method_of_the_way_of_fit(cls):
    ours = [c for c in cls.__mro__ if c.__module__.startswith("skhyper.") and c is not BaseSearch]
    written = {name for c in ours for name in vars(c)} & set(vars(BaseSearch))
    constants = {"_is_sklearn_search", "_fit_options", "_abc_impl"}
    assert {name for name in written - constants if not name.startswith("__")} == {"_plan"}


def test_the_way_of_fit_is_short():
    lines = Path(_fit.__file__).read_text().count("\n")
    assert lines < 150


@pytest.mark.parametrize("cls", CLASSES)
def test_arguments_are_stored_as_they_are(cls):
    parameters = inspect.signature(cls).parameters
    arguments = {name: object() for name in parameters}
    search = cls(**arguments)
    assert search.get_params(deep=False) == arguments
    assert all(value is getattr(search, name) for name, value in arguments.items())
    # Without effect, as in scikit-learn: nothing else is set that fit would read.
    extra = set(vars(search)) - set(parameters)
    assert extra <= ({"pre_dispatch"} if cls is GradientSearchCV else set())


@pytest.mark.parametrize("name", ["GridSearchCV", "RandomizedSearchCV"])
def test_signatures_of_scikit_learns_searches(name):
    ours, theirs = getattr(skhyper, name), getattr(model_selection, name)
    parts = [
        [(p.name, p.kind, str(p.default)) for p in inspect.signature(cls).parameters.values()]
        for cls in (ours, theirs)
    ]
    n_theirs = len(parts[1])
    assert parts[0][:n_theirs] == parts[1]
    added = {name: (kind, default) for name, kind, default in parts[0][n_theirs:]}
    assert {kind for kind, _ in added.values()} == {inspect.Parameter.KEYWORD_ONLY}
    others = {name: default for name, (_, default) in added.items() if default != "None"}
    assert others == {"reuse": "auto", "racing": "False"}


def test_a_subclass_with_parameters_of_its_own():
    class Mine(SearchCV):
        def __init__(self, C=3.0):
            self.C = C
            super().__init__(SVC(C=C), sampler=[{"gamma": 1.0}], cv=2)

    search = Mine(C=5.0)
    assert search.get_params(deep=False) == {"C": 5.0}
    assert clone(search).fit(X, y).best_params_ == {"gamma": 1.0}


def test_attributes_that_are_no_parameters_are_not_honored():
    search = GridSearchCV(SVC(), {"C": [1, 2]}, cv=2).fit(X, y)
    search.history, search.warm_start = search.history_, True
    assert search.fit(X, y).n_trials_ == 2
    gradients = GradientSearchCV(SVC(), {"C": (0.1, 9.0)})
    assert not {"n_points", "include_default", "allow_repeats"} & set(dir(gradients))
