"""What a journal is compared with: parts of a problem, one by one."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GridSearchCV, SearchCV
from skhyper.search._problem import differences, known_values, versions
from skhyper.search._task import make_task

X, y = load_iris(return_X_y=True)
OPTIONS = {"n_iter": 2, "cv": 3, "random_state": 0}
SPACE = {"C": (0.1, 10.0), "kernel": ["linear", "rbf"]}


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "j"
    first = {"C": 2.0, "kernel": "linear"}
    SearchCV(SVC(), SPACE, initial_points=first, journal=path, **OPTIONS).fit(X, y)
    return path


@pytest.mark.parametrize(
    ("changes", "X", "what"),
    [
        ({}, X + 1, "other data"),
        ({"cv": 4}, X, "other folds"),
        ({"cv": KFold(3)}, X, "other folds"),
        ({"estimator": SVC(tol=0.1)}, X, "another estimator"),
        ({"scoring": "f1_macro"}, X, "another scoring"),
        ({"return_train_score": True}, X, "another scoring"),
        ({"cv": 4, "scoring": "f1_macro"}, X + 1, "other data, other folds and another scoring"),
        ({"search_spaces": {"C": (0.1, 10.0)}}, X, "another search space"),
        ({"search_spaces": SPACE | {"C": (9.9, 10.0)}}, X, "another search space"),
        ({"search_spaces": SPACE | {"kernel": ["poly", "sigmoid"]}}, X, "another search space"),
    ],
)
def test_what_differs_is_named(journal, changes, X, what):
    search = SearchCV(SVC(), SPACE, journal=journal, **OPTIONS).set_params(**changes)
    before = journal.read_bytes()
    with pytest.raises(ValueError, match=f"to a search with {re.escape(what)}. Name another"):
        search.fit(X, y)
    assert journal.read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"n_iter": 4},
        {"refit": False},
        {"random_state": 3},
        {"search_spaces": SPACE | {"C": (0.01, 100.0, "log-uniform")}},
        {"search_spaces": SPACE | {"kernel": ["poly", "rbf", "linear"]}},
        {"search_spaces": SPACE | {"tol": (1e-4, 1e-2)}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_may_change(journal, changes):
    first = SearchCV(SVC(), SPACE, journal=journal, **OPTIONS).fit(X, y)
    again = SearchCV(SVC(), SPACE, journal=journal, **OPTIONS).set_params(**changes).fit(X, y)
    assert again.n_trials_ == changes.get("n_iter", 2)
    assert [t.loss for t in again.history_[:2]] == [t.loss for t in first.history_]


def test_a_grid_with_estimators_may_become_larger(tmp_path):
    pipeline = make_pipeline(SVC())
    options = {"cv": 2, "journal": tmp_path / "j"}
    grid = {"svc": [SVC(C=2), SVC(C=1)]}
    first = GridSearchCV(pipeline, grid, **options).fit(X, y)
    grid = {"svc": [SVC(C=3), SVC(C=1), SVC(C=2)]}
    more = GridSearchCV(pipeline, grid, **options).fit(X, y)
    assert [trial.params["svc"].C for trial in more.history_] == [2, 1, 3]
    assert more.history_[0].params["svc"] is grid["svc"][2]
    assert more.history_[0].loss == first.history_[0].loss
    grid = {"svc": [SVC(C=3), SVC(C=1)]}
    with pytest.raises(ValueError, match=r"another search space.*1 of its trials lie outside"):
        GridSearchCV(pipeline, grid, **options).fit(X, y)


def test_a_space_is_the_same_for_equal_estimators(tmp_path):
    """Neither the estimator's defaults nor points known to meet the constraint are part of it."""
    options = {"constraint": accepts, "journal": tmp_path / "j", **OPTIONS}
    search = BayesSearchCV(SVC(), SPACE, **options).fit(X, y)
    options["initial_points"] = {"C": 0.5, "kernel": "linear"}
    assert clone(search).set_params(**options).fit(X, y).n_trials_ == 2


def accepts(params):
    return params["C"] < 9


def test_versions_of_packages():
    import sklearn

    found = versions(make_pipeline(SVC(), LogisticRegression()))
    assert found["scikit-learn"] == sklearn.__version__
    assert found["numpy"] == np.__version__
    assert {"python", "skhyper", "scipy", "joblib"} <= set(found)
    assert differences({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}) == ["b"]


def test_known_values_are_those_of_the_space_the_list_and_the_estimator():
    search = SearchCV(SVC(), sampler=[{"kernel": abs}, {"kernel": len}])
    task = make_task(search, X, y, {})
    known = known_values(search._plan(task), SVC(kernel=max))
    assert [known.place("kernel", value)[0] for value in (abs, len, max, min)] == [0, 1, 2, None]
