"""Checks of what the user wrote."""

import warnings

import pytest
from scipy.stats import uniform
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.search._validate import (
    check_candidates,
    check_values,
    listed,
    space_examples,
)
from skhyper.space import Space, When


def test_near_misses():
    with pytest.raises(InvalidSpaceError, match="Did you mean 'C'"):
        check_candidates(SVC(), [{"c": 1}])


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

    check_candidates(Lenient(), [{"my_depth": 3}])
    with pytest.raises(InvalidSpaceError, match="Invalid parameter 'depth'"):
        check_candidates(Lenient(), [{"depth": 3}])


def test_each_step_that_is_swapped_in_is_checked():
    pipe = Pipeline([("clf", SVC())])
    good = [{"clf": SVC(), "clf__gamma": 1}, {"clf": LogisticRegression(), "clf__C": 1}]
    check_candidates(pipe, good)
    with pytest.raises(InvalidSpaceError, match="Invalid parameter 'clf__gamma'"):
        check_candidates(pipe, [*good, {"clf": LogisticRegression(), "clf__gamma": 1}])


def test_plain_values_are_checked_once():
    class Counts(SVC):
        n_set = 0

        def set_params(self, **params):
            Counts.n_set += 1
            return super().set_params(**params)

    check_candidates(Counts(), [{"C": c} for c in range(1, 1000)])
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
    with pytest.raises(InvalidSpaceError, match="candidates must be a dict"):
        listed([1])


def test_values_that_no_step_accepts():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    check_values(pipe, Space({"clf__C": (0.0, 1.0), "clf__kernel": ["rbf", "poly"]}))
    check_values(pipe, Space({"clf": [SVC(), LogisticRegression()], "clf__C": (0.1, 1.0)}))
    with pytest.raises(InvalidSpaceError, match=r"valid for 'clf__degree'.*of SVC must be an int"):
        check_values(pipe, Space({"clf__degree": (2.0, 3.5)}))
    logistic = {"clf": [LogisticRegression()], "clf__max_iter": (-9, -1)}
    with pytest.raises(InvalidSpaceError, match=r"for 'clf__max_iter'.*of LogisticRegression"):
        check_values(pipe, Space([{"clf__C": (0.1, 1.0)}, logistic]))


@pytest.mark.parametrize("spec", [(-5.0, 5.0), (-1, 3), uniform(-1, 3)])
def test_a_range_that_is_wrong_in_part(spec):
    with pytest.warns(SkhyperWarning, match=r"a part of .* will fail: The 'C' parameter of SVC"):
        check_values(SVC(), Space({"C": spec}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_values(SVC(), Space({"C": (0.0, 1.0), "kernel": ["rbf", "poly"]}))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kernel": ["rbf", "rfb"]}, r"'rfb' is not valid for 'kernel'.*Did you mean 'rbf'\?"),
        ({"kernel": ["linear", "sigmod"]}, r"'sigmod'.*Did you mean 'sigmoid'\?"),
        ({"C": [1, 10, "auto"]}, "choice 'auto' is not valid for 'C': The 'C' parameter of SVC"),
        (
            {"gamma": When(["scale", "sclae"], kernel="rbf"), "kernel": ["rbf", "linear"]},
            "choice 'sclae'.*mean 'scale'",
        ),
        ([{"C": [1]}, {"degree": [2, None]}], "choice None is not valid for 'degree'"),
    ],
    ids=str,
)
def test_a_choice_that_the_estimator_does_not_accept(spec, message):
    with pytest.raises(InvalidSpaceError, match=message):
        check_values(SVC(), Space(spec))


@pytest.mark.parametrize("choices", [[2, 3.5], [2, -1]])
def test_a_number_that_the_estimator_does_not_accept(choices):
    with pytest.warns(SkhyperWarning, match=f"'degree' with {choices[1]} will fail"):
        check_values(SVC(), Space({"degree": choices}))


def test_a_choice_is_right_if_one_step_that_may_be_there_accepts_it():
    pipe = Pipeline([("model", SVC())])
    own_solvers = [
        {"model": [LogisticRegression()], "model__solver": ["liblinear", "saga"]},
        {"model": [MLPClassifier()], "model__solver": ["adam", "sgd"]},
    ]
    check_values(pipe, Space(own_solvers))
    models, solvers = [LogisticRegression(), MLPClassifier()], ["liblinear", "adam"]
    check_values(pipe, Space({"model": models, "model__solver": solvers}))
    conditional = {
        "model": models,
        "model__solver": When(["saga", "adam"], model=models),
        "model__alpha": When((1e-4, 1.0), model=models[1]),
    }
    check_values(pipe, Space(conditional))
    with pytest.raises(InvalidSpaceError, match="choice 'adma' is not valid for 'model__solver'"):
        check_values(pipe, Space({"model": models, "model__solver": [*solvers, "adma"]}))
    own_solvers[1]["model__solver"] = ["liblinear", "adam"]
    with pytest.raises(InvalidSpaceError, match=r"'liblinear' is not valid for.*of MLPClassifier"):
        check_values(pipe, Space(own_solvers))


def test_every_sub_space_is_looked_at():
    space = Space([{"C": [i]} for i in range(1, 30)] + [{"C": [1], "kernel": ["rbf", "rfb"]}])
    with pytest.raises(InvalidSpaceError, match="choice 'rfb'"):
        check_values(SVC(), space)


def test_a_parameter_of_a_step_that_is_swapped():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    svc, tree = SVC(C=2), DecisionTreeClassifier()
    space = Space({"clf": [svc, tree], "clf__C": (0.1, 1.0), "scale": [StandardScaler(), None]})
    with pytest.raises(
        InvalidSpaceError, match=r"DecisionTreeClassifier\(\).*When.*clf=SVC\(C=2\)"
    ):
        check_candidates(pipe, space_examples(space))
    models = [svc, LogisticRegression(), tree]
    with pytest.raises(InvalidSpaceError, match=r"clf=\[LogisticRegression\(\), SVC\(C=2\)\]"):
        check_candidates(pipe, space_examples(Space({"clf": models, "clf__C": (0.1, 1.0)})))
    # What is advised works.
    space = Space({"clf": models, "clf__C": When((0.1, 1.0), clf=[svc, models[1]])})
    check_candidates(pipe, space_examples(space))
    # The name is wrong for all of them: as ever.
    with pytest.raises(InvalidSpaceError, match="Did you mean 'clf__C'"):
        check_candidates(pipe, space_examples(Space({"clf": models[:2], "clf__c": (0.1, 1.0)})))


def test_a_setting_that_contains_itself():
    choice = [1]
    choice.append(choice)
    with pytest.raises(InvalidSpaceError, match="cannot be set on"):
        check_candidates(SVC(), [{"C": choice}])
