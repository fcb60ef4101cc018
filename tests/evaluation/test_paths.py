"""Candidates that are added to a proposal, as its fits answer for them."""

import pytest
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from skhyper.evaluation import Paths, paths_of
from skhyper.space import Categorical, Integer, Space, When

FOREST = RandomForestRegressor(random_state=0)
TREES = Space({"n_estimators": Integer(10, 1000, prior="log-uniform"), "max_depth": (1, 9)})


def values(estimator, space, params, name="n_estimators", n_values=4):
    found = Paths(estimator, n_values).followers(params, space)
    assert all({**candidate, name: params[name]} == params for candidate in found)
    return [candidate[name] for candidate in found]


def test_values_below_a_proposal_are_spaced_as_the_range():
    assert values(FOREST, TREES, {"n_estimators": 1000, "max_depth": 3}) == [10, 30, 97, 312]
    assert values(FOREST, TREES, {"n_estimators": 12, "max_depth": 3}) == [10, 11]
    assert values(FOREST, TREES, {"n_estimators": 10, "max_depth": 3}) == []
    linear = Space({"n_estimators": (100, 200)})
    assert values(FOREST, linear, {"n_estimators": 180}, n_values=2) == [100, 140]


def test_choices_are_all_those_below():
    space = Space({"n_estimators": Categorical([5, 50, 20, 100]), "max_depth": (1, 9)})
    assert sorted(values(FOREST, space, {"n_estimators": 50, "max_depth": 2})) == [5, 20]


def test_all_of_the_range_if_a_fit_answers_for_it():
    space = Space({"ccp_alpha": (1e-4, 1.0, "log-uniform")})
    tree = DecisionTreeRegressor(random_state=0)
    found = values(tree, space, {"ccp_alpha": 1e-3}, "ccp_alpha")
    assert found == pytest.approx([1e-4, 1e-2, 1e-1])


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        (FOREST, {"n_estimators": 5000, "max_depth": 3}),  # outside of the space
        (FOREST, {"n_estimators": "many", "max_depth": 3}),
        (FOREST, {"max_depth": 3}),
        (RandomForestRegressor(), {"n_estimators": 500, "max_depth": 3}),
        (SVR(), {"n_estimators": 500, "max_depth": 3}),
    ],
)
def test_nothing_is_added(estimator, params):
    assert Paths(estimator).followers(params, TREES) == []


def test_the_constraint_and_conditions_hold():
    space = Space({"n_estimators": (1, 100)}, constraint=lambda p: p["n_estimators"] % 2 == 1)
    assert all(n % 2 for n in values(FOREST, space, {"n_estimators": 99}))
    boosting = GradientBoostingRegressor(random_state=0)
    pipeline = Pipeline([("model", boosting)])
    space = Space(
        {
            "model": [boosting, Ridge()],
            "model__n_estimators": When((1, 81, "log-uniform"), model=boosting),
            "model__alpha": When((1e-3, 1.0), model=lambda model: isinstance(model, Ridge)),
        }
    )
    name = "model__n_estimators"
    assert values(pipeline, space, {"model": boosting, name: 81}, name) == [1, 2, 6, 23]
    ridge = next(c for c in space.dimensions[0].choices if isinstance(c, Ridge))
    assert Paths(pipeline).followers({"model": ridge, "model__alpha": 0.5}, space) == []


def test_the_cost_is_known_if_times_are_proportional():
    assert paths_of(FOREST, TREES).cost(TREES) == "n_estimators"
    tree = DecisionTreeRegressor(random_state=0)
    penalties = Space({"ccp_alpha": (0.0, 1.0)})
    assert paths_of(tree, penalties).cost(penalties) is None
    assert paths_of(FOREST, penalties).cost(penalties) is None
    assert paths_of(RandomForestRegressor(), TREES).cost(TREES) is None


def test_searches_without_a_path_have_none():
    assert paths_of(FOREST, TREES) is not None
    assert paths_of(FOREST, Space({"max_depth": (1, 9)})) is None
    assert paths_of(SVR(), Space({"C": (1.0, 2.0)})) is None
    steps = Space({"model": [FOREST, SVR()]})
    assert paths_of(Pipeline([("model", SVR())]), steps) is not None
