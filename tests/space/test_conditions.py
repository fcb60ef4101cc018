"""Hyperparameters that count only when others have certain values."""

import itertools
import pickle

import numpy as np
import pytest
from contracts.naming import short
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Integer, Real, Space, When

KERNELS = ["linear", "rbf", "poly"]


def settings(space, n=200, seed=0):
    return space.from_unit(space.sample(n, np.random.default_rng(seed)))


def is_large(value):
    return value > 0.5


def check_active_iff(space, name, rule, n=200):
    """`name` is in the params, and its column is a number, exactly where `rule` is true."""
    points = space.sample(n, np.random.default_rng(1))
    found = space.from_unit(points)
    expected = [rule(setting) for setting in found]
    assert 0 < sum(expected) < n
    assert [name in setting for setting in found] == expected
    column = space.names.index(name)
    np.testing.assert_array_equal(~np.isnan(points[:, column]), expected)


@pytest.mark.parametrize(
    ("wanted", "kernels"),
    [
        ("rbf", {"rbf"}),
        (["rbf", "poly"], {"rbf", "poly"}),
        ({"rbf", "poly"}, {"rbf", "poly"}),
        (lambda kernel: kernel != "linear", {"rbf", "poly"}),
    ],
    ids=["value", "list", "set", "predicate"],
)
def test_one_value_several_or_a_predicate(wanted, kernels):
    space = Space({"kernel": KERNELS, "gamma": When((0.1, 1.0), kernel=wanted)})
    check_active_iff(space, "gamma", lambda s: s["kernel"] in kernels)


def test_all_conditions_must_hold():
    space = Space(
        {"a": ["x", "y"], "b": [1, 2, 3], "c": When((0.0, 1.0), {"a": "x"}, b=lambda b: b > 1)}
    )
    check_active_iff(space, "c", lambda s: s["a"] == "x" and s["b"] > 1)


@pytest.mark.parametrize(
    ("a", "b", "active"),
    [("x", 3, True), ("x", 1, False), ("y", 3, False), ("y", 1, False)],
)
def test_params_under_two_conditions_are_located_where_both_hold(a, b, active):
    space = Space(
        {"a": ["x", "y"], "b": [1, 2, 3], "c": When((0.0, 4.0), {"a": "x"}, b=lambda b: b > 1)}
    )
    others = {"a": a, "b": b}
    coordinates = {"x": 0.25, "y": 0.75}[a], {1: 1 / 6, 3: 5 / 6}[b]
    np.testing.assert_allclose(
        space.locate({**others, "c": 1.0}), [*coordinates, 0.25 if active else np.nan]
    )
    assert (space.locate(others) is None) == active
    assert space.contains({**others, "c": "not a number"}) != active


@pytest.mark.parametrize(
    "parent", [(0.0, 1.0), Real(0.1, 1), stats.uniform(0, 1), [0.25, 0.5, 0.75]], ids=short
)
def test_predicates_on_numbers(parent):
    space = Space({"l1_ratio": parent, "tol": When((1e-3, 1.0), l1_ratio=is_large)})
    check_active_iff(space, "tol", lambda s: s["l1_ratio"] > 0.5)


def test_values_of_a_range_of_integers():
    space = Space({"n": (1, 4), "x": When((0.0, 1.0), n=[2, 3])})
    check_active_iff(space, "x", lambda s: s["n"] in (2, 3))


def test_truth_values_are_no_numbers():
    space = Space({"flag": np.array([True, False]), "x": When((0.0, 1.0), flag=True)})
    check_active_iff(space, "x", lambda s: bool(s["flag"]))


@pytest.mark.parametrize("value", [None, (50, 50), SVC, [1, 2], {"a": 1}], ids=short)
def test_conditions_on_any_object(value):
    wanted = [value] if isinstance(value, list) else value
    space = Space({"object": [value, "other"], "x": When((0.0, 1.0), object=wanted)})
    check_active_iff(space, "x", lambda s: s["object"] is value)


def test_estimators_as_steps_of_a_pipeline():
    svc, forest = SVC(), RandomForestClassifier()
    space = Space(
        {
            "clf": [svc, forest],
            "clf__C": When((1e-2, 1e2, "log-uniform"), clf=svc),
            "clf__max_depth": When((1, 9), clf=lambda e: isinstance(e, RandomForestClassifier)),
        }
    )
    check_active_iff(space, "clf__C", lambda s: s["clf"] is svc)
    check_active_iff(space, "clf__max_depth", lambda s: s["clf"] is forest)
    pipeline = Pipeline([("clf", LogisticRegression())])
    for setting in settings(space, 20):
        pipeline.set_params(**setting)  # raises on a name that the step does not have


def test_names_with_double_underscores():
    space = Space(
        {
            "pca__whiten": [True, False],
            "svc__kernel": KERNELS,
            "svc__gamma": When((0.1, 1.0), {"pca__whiten": True}, svc__kernel="rbf"),
        }
    )
    check_active_iff(space, "svc__gamma", lambda s: s["pca__whiten"] and s["svc__kernel"] == "rbf")


def test_a_chain_stops_where_one_link_is_inactive():
    # Children are written before their parents on purpose.
    space = Space(
        {
            "c": When((0.0, 1.0), b=is_large),
            "b": When((0.0, 1.0), a="on"),
            "a": ["on", "off"],
        }
    )
    check_active_iff(space, "b", lambda s: s["a"] == "on")
    check_active_iff(space, "c", lambda s: s["a"] == "on" and s["b"] > 0.5)


def test_when_inside_when():
    space = Space({"a": ["x", "y"], "b": [1, 2], "c": When(When((0.0, 1.0), a="x"), b=2)})
    check_active_iff(space, "c", lambda s: s["a"] == "x" and s["b"] == 2)


def test_conditions_hold_within_their_own_dict():
    space = Space(
        [
            {"kernel": ["linear", "rbf"], "gamma": When((0.1, 1.0), kernel="rbf")},
            {"kernel": ["poly", "sigmoid"], "degree": When((2, 5), kernel="poly")},
        ]
    )
    names = {"linear": {"kernel"}, "rbf": {"kernel", "gamma"}}
    names |= {"poly": {"kernel", "degree"}, "sigmoid": {"kernel"}}
    found = settings(space)
    assert {s["kernel"] for s in found} == set(names)
    assert all(set(s) == names[s["kernel"]] for s in found)


def test_round_trip_of_conditional_settings():
    space = Space(
        {
            "kernel": KERNELS,
            "gamma": When((0.1, 1.0), kernel=["rbf", "poly"]),
            "degree": When((2, 5), kernel="poly"),
        }
    )
    points = space.sample(100, np.random.default_rng(0))
    again = space.to_unit(space.from_unit(points))
    np.testing.assert_allclose(again, points, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(np.isnan(again), np.isnan(points))


def test_an_inactive_value_is_ignored_and_an_active_one_needed():
    """``estimator.get_params()`` can be looked up without changes."""
    space = Space({"kernel": KERNELS, "gamma": When((0.1, 1.0), kernel="rbf")})
    np.testing.assert_array_equal(
        space.locate({"kernel": "linear", "gamma": "scale"}), space.locate({"kernel": "linear"})
    )
    assert space.locate({"kernel": "rbf"}) is None
    assert space.locate({"kernel": "rbf", "gamma": "scale"}) is None
    assert space.locate({"kernel": "rbf", "gamma": 0.5}) is not None


def test_the_grid_tries_each_conditional_setting_once():
    space = Space({"kernel": KERNELS, "degree": When([2, 3], kernel="poly"), "C": [1, 10]})
    grid = space.from_unit(list(space.grid(5)))
    expected = [
        {"kernel": kernel, "C": C} | ({"degree": degree} if kernel == "poly" else {})
        for C, degree, kernel in itertools.product([1, 10], [2, 3], KERNELS)
    ]
    unique = [s for i, s in enumerate(expected) if s not in expected[:i]]
    assert grid == unique
    assert len(grid) == 8


def test_pickled_conditions_still_hold():
    space = Space(
        {
            "kernel": KERNELS,
            "gamma": When((0.1, 1.0), kernel="rbf"),
            "x": When((0.0, 1.0), gamma=is_large),
        }
    )
    again = pickle.loads(pickle.dumps(space))
    points = np.random.default_rng(0).random((50, 3))
    np.testing.assert_array_equal(again.canonical(points), space.canonical(points))


# Wrong conditions


def test_a_condition_is_needed():
    with pytest.raises(InvalidSpaceError, match="needs at least one condition"):
        When([1, 2])
    with pytest.raises(InvalidSpaceError, match="needs at least one condition"):
        When([1, 2], {})


@pytest.mark.parametrize(
    ("parent", "wanted"),
    [
        (KERNELS, "sigmoid"),
        (KERNELS, ["rbf", "sigmoid"]),
        (KERNELS, None),
        ([True, False], 1),
        ([0, 1], True),
        ((1, 5), 6),
        ((1, 5), 1.5),
        (Integer(1, 5), "1"),
        ((0.0, 1.0), 1.5),
        ((0.0, 1.0), float("nan")),
        ((1.0, 2.0, "log-uniform"), 0),
        (stats.uniform(0, 1), 2),
        (stats.randint(0, 3), 3),
        ([SVC(C=1)], SVC(C=2)),
    ],
    ids=short,
)
def test_a_value_that_the_parent_never_has(parent, wanted):
    with pytest.raises(InvalidSpaceError, match=r"'x' is conditioned on 'p' .* is not a value of"):
        Space({"p": parent, "x": When([1, 2], p=wanted)})


def test_no_value_at_all():
    with pytest.raises(InvalidSpaceError, match="must not be empty"):
        Space({"p": [1, 2], "x": When([1, 2], p=[])})


@pytest.mark.parametrize(
    "spaces",
    [
        {"a": [1], "x": When([1, 2], kernel="rbf")},
        # Another dict's parent is none.
        [{"kernel": ["rbf"]}, {"a": [1], "x": When([1, 2], kernel="rbf")}],
    ],
    ids=["dict", "list"],
)
def test_an_unknown_parent(spaces):
    message = r"'x' is conditioned on 'kernel', which is not in the same dict; it has \['a', 'x'\]"
    with pytest.raises(InvalidSpaceError, match=message):
        Space(spaces)


def test_cycles():
    with pytest.raises(InvalidSpaceError, match=r"conditions of \['a', 'b'\] form a cycle"):
        Space({"a": When([1, 2], b=1), "b": When([1, 2], a=1), "c": [1]})
    with pytest.raises(InvalidSpaceError, match=r"conditions of \['a'\] form a cycle"):
        Space({"a": When([1, 2], a=1)})


def test_wrong_values_inside_when():
    with pytest.raises(InvalidSpaceError, match=r"Search space of 'gamma': .*inverted"):
        Space({"kernel": KERNELS, "gamma": When((1.0, 0.1), kernel="rbf")})


@pytest.mark.parametrize("parent", [["a", 1], (0.0, 1.0)], ids=["choices", "range"])
def test_a_predicate_that_raises(parent):
    with pytest.raises(InvalidSpaceError, match="condition of 'x' on 'p' failed on the value"):
        settings(Space({"p": parent, "x": When([1, 2], p=lambda value: value.missing)}))


def test_repr():
    assert repr(When((1, 5), kernel="rbf")) == "When((1, 5), {'kernel': 'rbf'})"


def test_nested_conditions_on_one_parent_must_all_hold():
    space = Space({"a": [1, 2, 3], "b": When(When([0, 1], a=[1, 2]), a=[2, 3])})
    active = [len(p) == 2 for p in space.from_unit([[u, 0.1] for u in (0.1, 0.5, 0.9)])]
    assert active == [False, True, False]


def test_a_function_that_is_itself_a_choice():
    def own_kernel(A, B):
        return A @ B.T

    space = Space({"kernel": ["rbf", own_kernel], "p": When([1, 2], kernel=own_kernel)})
    assert space.from_unit([[0.2, 0.2]]) == [{"kernel": "rbf"}]
    assert space.from_unit([[0.8, 0.2]]) == [{"kernel": own_kernel, "p": 1}]


def test_conditions_of_another_type():
    with pytest.raises(InvalidSpaceError, match="must be a dict or keywords"):
        When([1], "kernel")
