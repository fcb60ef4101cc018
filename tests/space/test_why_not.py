"""Messages about params that are not in a space."""

import pytest

from skhyper.space import Space, When, why_not

SPACE = Space(
    {
        "kernel": ["linear", "rbf"],
        "C": (1e-2, 1e2, "log-uniform"),
        "degree": (1, 5),
        "gamma": When((1e-3, 1e1, "log-uniform"), kernel="rbf"),
    }
)
LINEAR = {"kernel": "linear", "C": 1.0, "degree": 2}


@pytest.mark.parametrize("params", [LINEAR, {**LINEAR, "kernel": "rbf", "gamma": 0.1}])
def test_nothing_to_say(params):
    assert SPACE.contains(params)
    assert why_not(SPACE, params) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Kernel": "rbf"}, "it has no 'Kernel'; did you mean 'kernel'"),
        ({"C": 1e3}, r"'C': 1000.0 is out of the range Real\(0.01, 100.0, 'log-uniform'\)"),
        ({"C": "1"}, "'C': '1' is not a value of"),
        ({"degree": 2.5}, "'degree': 2.5 is not a value of"),
        ({"kernel": "RBF"}, "'kernel': 'RBF' is not one of the choices"),
        ({"kernel": "rbf"}, "'gamma' is missing"),
        ({"kernel": "rbf", "gamma": 20.0}, "'gamma': 20.0 is out of the range"),
    ],
)
def test_the_name_and_the_value(change, said):
    import re

    params = {**LINEAR, **change}
    assert not SPACE.contains(params)
    assert re.match(said, why_not(SPACE, params))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"kernel": "linear", "degree": 99, "gamma": "auto"}, ""),  # inactive values are ignored
        ({"kernel": "poly", "gamma": 0.1}, "'degree' is missing"),
        ({"kernel": "poly", "gamma": 0.1, "degree": 9}, "'degree': 9 is out of the range"),
        ({"kernel": "poly", "degree": 2}, "'gamma' is missing"),
        ({"kernel": "rbf", "gamma": "auto"}, "'gamma': 'auto' is not a value of"),
        # What depends on a wrong value is not complained about.
        ({"kernel": "RBF", "gamma": "auto"}, "'kernel': 'RBF' is not one of the choices"),
    ],
)
def test_conditions_on_several_values(params, said):
    space = Space(
        {
            "kernel": ["linear", "rbf", "poly"],
            "gamma": When((1e-3, 1e1, "log-uniform"), kernel=["rbf", "poly"]),
            "degree": When((1, 5), kernel="poly"),
        }
    )
    assert space.contains(params) == (said == "")
    assert why_not(space, params).startswith(said)
    assert bool(why_not(space, params)) == bool(said)


def test_missing_values_have_defaults():
    space = SPACE.with_defaults({"C": 1.0, "degree": 9, "verbose": False})
    assert why_not(space, {"kernel": "linear", "degree": 2, "verbose": False}) == ""
    assert why_not(space, {"kernel": "linear"}).startswith("'degree': 9 is out of the range")
    assert why_not(space, {**LINEAR, "verbose": True}).startswith("it has no 'verbose'")


def test_the_nearest_sub_space_and_the_constraint():
    space = Space([{"a": (0.0, 1.0), "b": (0.0, 1.0)}, {"c": [1, 2]}])
    assert why_not(space, {"a": 0.5}) == "'b' is missing"
    assert why_not(space, {"c": 3}).startswith("'c': 3 is not one of")
    ordered = Space({"a": (0.0, 1.0)}, constraint=lambda params: params["a"] > 0.5)
    assert "constraint" in why_not(ordered, {"a": 0.2})
    assert why_not(ordered, {"a": 0.7}) == ""
