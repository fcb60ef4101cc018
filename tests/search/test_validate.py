"""Checks of what the user wrote."""

import warnings

import pytest
from scipy.stats import uniform
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.search._validate import (
    check_settings,
    check_values,
    listed,
    space_examples,
)
from skhyper.space import Space, When


def test_near_misses():
    with pytest.raises(InvalidSpaceError, match="Did you mean 'C'"):
        check_settings(SVC(), [{"c": 1}])


def test_names_that_only_set_params_knows():
    class Lenient(BaseEstimator):  # as LightGBM's and CatBoost's estimators are
        def __init__(self):
            pass

        def set_params(self, **params):
            if any(not name.startswith("my_") for name in params):
                raise ValueError("no")
            return self

        def fit(self, X, y=None):
            return self

    check_settings(Lenient(), [{"my_depth": 3}])
    with pytest.raises(InvalidSpaceError, match="Invalid parameter 'depth'"):
        check_settings(Lenient(), [{"depth": 3}])


def test_each_step_that_is_swapped_in_is_checked():
    pipe = Pipeline([("clf", SVC())])
    good = [{"clf": SVC(), "clf__gamma": 1}, {"clf": LogisticRegression(), "clf__C": 1}]
    check_settings(pipe, good)
    with pytest.raises(InvalidSpaceError, match="Invalid parameter 'clf__gamma'"):
        check_settings(pipe, [*good, {"clf": LogisticRegression(), "clf__gamma": 1}])


def test_plain_values_are_checked_once():
    class Counts(SVC):
        n_set = 0

        def set_params(self, **params):
            Counts.n_set += 1
            return super().set_params(**params)

    check_settings(Counts(), [{"C": c} for c in range(1, 1000)])
    assert Counts.n_set == 1


def test_examples_use_every_name_and_choice():
    steps = ["passthrough", StandardScaler()]
    space = Space(
        [
            {"a": steps, "b": When([1, 2], a=lambda s: s != "passthrough")},
            {"c": ["x", "y", "z"], "d": When((0.0, 1.0), c="z")},
        ]
    )
    examples = space_examples(space)
    assert {name for e in examples for name in e} == {"a", "b", "c", "d"}
    assert {e["c"] for e in examples if "c" in e} == {"x", "y", "z"}
    assert {str(e["a"]) for e in examples if "a" in e} == {str(s) for s in steps}


def test_listed():
    assert listed(None) == []
    assert listed({"C": 1}) == [{"C": 1}]
    assert listed([{"C": 1}, {"C": 2}]) == [{"C": 1}, {"C": 2}]
    with pytest.raises(InvalidSpaceError, match="Settings must be a dict"):
        listed([1])


def test_values_that_no_step_accepts():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    check_values(pipe, Space({"clf__C": (0.0, 1.0), "clf__kernel": ["rbf", "no kernel"]}))
    check_values(pipe, Space({"clf": [SVC(), LogisticRegression()], "clf__C": (0.1, 1.0)}))
    with pytest.raises(InvalidSpaceError, match=r"suits 'clf__degree'.*of SVC must be an int"):
        check_values(pipe, Space({"clf__degree": (2.0, 3.5)}))
    logistic = {"clf": [LogisticRegression()], "clf__max_iter": (-9, -1)}
    with pytest.raises(InvalidSpaceError, match=r"suits 'clf__max_iter'.*of LogisticRegression"):
        check_values(pipe, Space([{"clf__C": (0.1, 1.0)}, logistic]))


@pytest.mark.parametrize("spec", [(-5.0, 5.0), (-1, 3), uniform(-1, 3)])
def test_a_range_that_is_wrong_in_part(spec):
    with pytest.warns(SkhyperWarning, match=r"a part of .* will fail: The 'C' parameter of SVC"):
        check_values(SVC(), Space({"C": spec}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_values(SVC(), Space({"C": (0.0, 1.0), "kernel": ["rbf", "no kernel"]}))
