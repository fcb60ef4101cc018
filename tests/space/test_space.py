"""Spaces: params to points and back, sampling, constraints, grids, sub-spaces."""

import copy
import math
import pickle
import time

import numpy as np
import pytest
from contracts.naming import short
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, RandomizedSearchCV
from sklearn.svm import SVC

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Categorical, Integer, Real, Space, When

UNHASHABLE = [[1, 2], {"a": [1]}, np.array([1.0, 2.0])]


def mixed():
    return Space(
        {
            "C": (1e-3, 1e3, "log-uniform"),
            "degree": (1, 5),
            "kernel": ["linear", "rbf"],
            "object": UNHASHABLE,
            "x": stats.norm(0, 1),
            "size": Categorical(["s", "m", "l"], ordered=True),
            "n": Integer(1, 1000, "log-uniform"),
        }
    )


def two_dicts():
    return Space([{"C": (0.1, 1.0), "a": [1, 2]}, {"b": (0.0, 1.0), "a": [1, 2], "c": [3, 4]}])


def less_than(params):
    return params["a"] < params["b"]


SQUARE = {"a": (0.0, 1.0), "b": (0.0, 1.0)}


def rng(seed=0):
    return np.random.default_rng(seed)


# Points and params


@pytest.mark.parametrize("make", [mixed, two_dicts])
def test_round_trip(make):
    space = make()
    points = space.sample(100, rng())
    settings = space.from_unit(points)
    np.testing.assert_allclose(space.to_unit(settings), points, rtol=0, atol=1e-12)
    assert all(space.contains(setting) for setting in settings)


def test_columns_are_in_the_order_of_the_dict():
    space = mixed()
    assert space.names == ("C", "degree", "kernel", "object", "x", "size", "n")
    assert space.n_dims == len(space.dimensions) == 7
    (setting,) = space.from_unit([[0.5, 0.9, 0.1, 0.5, 0.5, 0.5, 0.0]])
    assert tuple(setting) == space.names
    assert setting["C"] == 1.0
    assert setting["degree"] == 5
    assert setting["kernel"] == "linear"
    assert setting["object"] is UNHASHABLE[1]
    assert setting["x"] == 0.0
    assert setting["size"] == "m"
    assert setting["n"] == 1


def test_settings_hold_native_values_and_the_choices_themselves():
    for setting in mixed().from_unit(mixed().sample(20, rng())):
        kinds = {name: type(value) for name, value in setting.items() if name != "object"}
        assert kinds == {
            "C": float,
            "degree": int,
            "kernel": str,
            "x": float,
            "size": str,
            "n": int,
        }
        assert any(setting["object"] is choice for choice in UNHASHABLE)


@pytest.mark.parametrize("make", [mixed, two_dicts])
def test_canonical(make):
    space = make()
    raw = rng().random((50, space.n_dims))
    before = raw.copy()
    points = space.canonical(raw)
    np.testing.assert_array_equal(raw, before)
    np.testing.assert_array_equal(space.canonical(points), points)
    assert np.nanmin(points) >= 0
    assert np.nanmax(points) <= 1
    assert [repr(s) for s in space.from_unit(raw)] == [repr(s) for s in space.from_unit(points)]


def test_canonical_takes_one_point_and_out_of_range_points():
    space = Space(SQUARE)
    np.testing.assert_array_equal(space.canonical([0.2, np.nan]), [[0.2, 0.5]])
    np.testing.assert_array_equal(space.canonical([[-1.0, 7.0]]), [[0.0, 1.0]])


def test_several_dicts_share_columns_of_the_same_values():
    space = two_dicts()
    assert space.names == (None, "C", "a", "b", "c")
    points = space.sample(400, rng())
    settings = space.from_unit(points)
    first = np.array(["C" in setting for setting in settings])
    assert stats.binomtest(int(first.sum()), 400, 0.5).pvalue > 0.01
    expected = np.array([[True, True, True, False, False], [True, False, True, True, True]])
    np.testing.assert_array_equal(~np.isnan(points), expected[np.where(first, 0, 1)])
    assert all(set(s) == ({"C", "a"} if f else {"a", "b", "c"}) for s, f in zip(settings, first))


def test_several_dicts_keep_other_values_apart():
    space = Space([{"a": (0.0, 1.0)}, {"a": (5.0, 9.0)}, {"a": [1, 2]}, {"a": [1.0, 2.0]}])
    assert space.names == (None, "a", "a", "a", "a")
    points = np.full((4, 5), 0.25)
    points[:, 0] = (np.arange(4) + 0.5) / 4
    settings = space.from_unit(points)
    assert [s["a"] for s in settings] == [0.25, 6.0, 1, 1.0]
    assert [type(s["a"]) for s in settings] == [float, float, int, float]


def test_a_setting_is_located_in_the_dict_that_holds_it():
    space = Space([{"a": (0.0, 1.0)}, {"a": (5.0, 9.0)}])
    np.testing.assert_allclose(space.locate({"a": 7.0}), [0.75, np.nan, 0.5])
    assert space.contains({"a": 7.0})
    np.testing.assert_allclose(space.to_unit([{"a": 7.0}, {"a": 0.5}])[:, 0], [0.75, 0.25])
    # In neither of them: something out of range, rather than nothing.
    assert not space.contains({"a": 3.0})
    assert space.locate({"a": 3.0}) is not None


@pytest.mark.parametrize(
    ("setting", "located"),
    [
        ({"C": 1.0, "degree": 3}, True),
        ({"C": 1e4, "degree": 3}, True),
        ({"C": 1.0, "degree": 9}, True),
        ({"C": 1.0}, False),
        ({"C": 1.0, "degree": 3, "other": 1}, False),
        ({"C": "1.0", "degree": 3}, False),
        ({"C": 1.0, "degree": 3.5}, False),
        ({"C": np.nan, "degree": 3}, False),
        ({"C": 1.0, "degree": np.inf}, False),
        ({"C": -1.0, "degree": 3}, False),
        ({}, False),
    ],
    ids=short,
)
def test_locate_and_contains(setting, located):
    space = Space({"C": (1e-3, 1e3, "log-uniform"), "degree": (1, 5)})
    point = space.locate(setting)
    assert (point is not None) == located
    inside = located and setting["C"] <= 1e3 and setting["degree"] <= 5
    assert space.contains(setting) == inside
    if located and not inside:
        assert np.any((point < 0) | (point > 1))
    if not inside:
        with pytest.raises(InvalidSpaceError, match="does not lie in Space"):
            space.to_unit([{"C": 1.0, "degree": 3}, setting])


def test_ends_of_ranges_are_contained_in_spite_of_rounding():
    for low, high in [(0.1, 0.7), (1e-7, 3e5), (0.3, 0.9)]:
        for prior in ("uniform", "log-uniform"):
            space = Space({"a": (low, high, prior)})
            assert space.contains({"a": low})
            assert space.contains({"a": high})


def test_samples_follow_the_priors_of_all_columns_at_once():
    space = mixed()
    settings = space.from_unit(space.sample(2000, rng(4)))
    values = {name: [s[name] for s in settings] for name in space.names}
    assert stats.kstest(values["C"], stats.loguniform(1e-3, 1e3).cdf).pvalue > 0.01
    assert stats.kstest(values["x"], stats.norm(0, 1).cdf).pvalue > 0.01
    assert stats.chisquare(np.bincount(values["degree"])[1:]).pvalue > 0.01
    assert abs(stats.spearmanr(values["C"], values["x"])[0]) < 0.1


def test_samples_depend_on_the_rng_alone():
    space = mixed()
    np.testing.assert_array_equal(space.sample(10, rng(3)), mixed().sample(10, rng(3)))
    assert not np.array_equal(space.sample(10, rng(3)), space.sample(10, rng(4)))
    assert space.sample(0, rng()).shape == (0, 7)


# Constraints


def test_samples_and_grid_meet_the_constraint():
    space = Space(SQUARE, constraint=less_than)
    settings = space.from_unit(space.sample(1000, rng()))
    assert len(settings) == 1000
    assert all(s["a"] < s["b"] for s in settings)
    # Uniform on the triangle: a has the density 2 (1 - a).
    assert stats.kstest([s["a"] for s in settings], lambda a: 2 * a - a**2).pvalue > 0.01
    grid = space.from_unit(list(space.grid(4)))
    assert len(grid) == 6
    assert all(s["a"] < s["b"] for s in grid)
    assert not space.contains({"a": 0.6, "b": 0.5})
    assert space.is_in_ranges({"a": 0.6, "b": 0.5})
    assert not space.is_in_ranges({"a": 0.5, "b": 7.0})
    with pytest.raises(InvalidSpaceError, match="does not lie in"):
        space.to_unit([{"a": 0.6, "b": 0.5}])


def test_filter_keeps_what_the_constraint_accepts():
    points = np.array([[0.1, 0.5], [0.5, 0.1], [0.2, 0.3]])
    np.testing.assert_array_equal(Space(SQUARE, less_than).filter(points), points[[0, 2]])
    np.testing.assert_array_equal(Space(SQUARE).filter(points), points)


def test_the_constraint_sees_no_inactive_hyperparameters_and_changes_nothing():
    seen = []

    def constraint(params):
        seen.append(dict(params))
        params.clear()
        return True

    space = Space({"k": ["a", "b"], "x": When((0.0, 1.0), k="a")}, constraint)
    settings = space.from_unit(space.sample(20, rng()))
    assert all(("x" in params) == (params["k"] == "a") for params in seen)
    assert all("k" in setting for setting in settings)
    setting = {"k": "b"}
    assert space.accepts(setting)
    assert space.contains(setting)
    assert setting == {"k": "b"}


@pytest.mark.parametrize("spaces", [SQUARE, {"a": [1, 2], "b": [3, 4]}], ids=["reals", "choices"])
def test_a_constraint_that_rejects_everything(spaces):
    space = Space(spaces, constraint=lambda params: False)
    with pytest.raises(InvalidSpaceError, match=r"rejected all of .* it rejects \{'a'"):
        space.sample(1, rng())
    assert list(space.grid(3)) == []


def test_a_constraint_that_raises():
    space = Space(SQUARE, constraint=lambda params: params["c"] > 0)
    message = "The constraint .* failed on the candidate .*KeyError: 'c'.*must return True or False"
    for ask in (
        lambda: space.sample(1, rng()),
        lambda: list(space.grid(2)),
        lambda: space.contains({"a": 0.5, "b": 0.5}),
        lambda: space.to_unit([{"a": 0.5, "b": 0.5}]),
    ):
        with pytest.raises(InvalidSpaceError, match=message):
            ask()


def test_a_constraint_met_by_one_setting_of_very_many():
    """Neither an error nor a wait: random draws never find it, an enumeration does."""
    names = "abcde"
    space = Space(
        {name: list(range(9)) for name in names},
        constraint=lambda params: all(value == 4 for value in params.values()),
    )
    start = time.perf_counter()
    points = space.sample(50, rng())
    assert time.perf_counter() - start < 20
    assert space.from_unit(points) == [dict.fromkeys(names, 4)] * 50


def test_a_constraint_that_few_settings_meet_does_not_take_for_ever():
    space = Space(SQUARE, constraint=lambda params: params["a"] < 1e-3)
    start = time.perf_counter()
    points = space.sample(1000, rng())
    assert time.perf_counter() - start < 20
    assert points.shape == (1000, 2)
    assert np.all(points[:, 0] < 1e-3)
    assert len(np.unique(points, axis=0)) > 5


# Grids


@pytest.mark.parametrize(
    "spaces",
    [
        {"b": [3, 1, 2], "a": ["y", "x"], "c": [None]},
        [{"b": [1, 2]}, {"z": [True, False], "a": [0.1, 0.2]}],
        [{"a": [1, 2], "b": [3, 4]}, {"b": [3, 4], "a": [5]}, {}],
        {"a": UNHASHABLE, "b": np.arange(3)},
        {},
    ],
    ids=short,
)
def test_grid_equals_scikit_learns(spaces):
    space = Space(spaces)
    grid = space.from_unit(list(space.grid(2)))
    assert [repr(sorted(s.items())) for s in grid] == [
        repr(sorted(s.items())) for s in ParameterGrid(spaces)
    ]
    assert space.n_candidates == len(ParameterGrid(spaces))


def test_grid_of_weighted_choices_has_them_all():
    space = Space({"a": Categorical([1, 2, 3], weights=[1e-6, 1, 1]), "b": [1, 2]})
    expected = [{"a": a, "b": b} for a in (1, 2, 3) for b in (1, 2)]
    assert space.from_unit(list(space.grid(1))) == expected


def test_grid_of_ranges():
    space = Space({"C": (1e-2, 1e2, "log-uniform"), "n": (1, 2), "m": (0, 10)})
    grid = space.from_unit(list(space.grid(3)))
    assert grid == [
        {"C": C, "m": m, "n": n} for C in (0.01, 1, 100) for m in (0, 5, 10) for n in (1, 2)
    ]


@pytest.mark.parametrize(
    ("spaces", "n_candidates"),
    [
        ({"a": [1, 2, 3], "b": (1, 4)}, 12),
        ([{"a": [1, 2, 3]}, {"b": (1, 4)}], 7),
        ([{"a": [1]}, {"b": (0.0, 1.0)}], math.inf),
        ({"a": stats.randint(0, 5), "b": [1, 2]}, 10),
        ({"a": stats.norm(), "b": [1]}, math.inf),
        ({"a": ["x", "y"], "b": When([1, 2, 3], a="x")}, 6),  # an upper bound of 4
        ({}, 1),
    ],
    ids=short,
)
def test_n_candidates(spaces, n_candidates):
    assert Space(spaces).n_candidates == n_candidates


def test_a_discrete_distribution_can_be_enumerated():
    space = Space({"a": stats.binom(6, 0.5)})
    assert [s["a"] for s in space.from_unit(list(space.grid(100)))] == list(range(7))


# Sub-spaces


def test_restrict():
    whole = Space(
        [
            ({"kernel": ["linear"], "C": (0.1, 1.0)}, 3),
            {"kernel": ["rbf", "poly"], "C": (0.1, 1.0), "gamma": When((0.0, 1.0), kernel="rbf")},
        ],
        constraint=lambda params: params["C"] < 0.5,
    )
    expected = [["kernel", "C"], ["kernel", "C", "gamma"]]
    names, budgets = whole.names, whole.budgets
    for i, n in enumerate((3, None)):
        part = whole.restrict(i)
        assert list(part.names) == expected[i]
        assert part.budgets == (n,)
        assert part.n_subspaces == 1
        points = part.sample(60, rng())
        np.testing.assert_array_equal(part.canonical(points), points)
        settings = part.from_unit(points)
        np.testing.assert_allclose(part.to_unit(settings), points, rtol=0, atol=1e-12)
        assert all(s["C"] < 0.5 and whole.contains(s) for s in settings)
        assert {s["kernel"] for s in settings} == ({"linear"} if i == 0 else {"rbf", "poly"})
        assert all(("gamma" in s) == (s["kernel"] == "rbf") for s in settings)
    assert part.locate({"kernel": "linear", "C": 0.2}) is None
    assert (whole.names, whole.budgets) == (names, budgets)
    assert whole.restrict(0).n_candidates == math.inf


def test_restrict_of_a_single_dict_is_the_same_space():
    space = mixed()
    np.testing.assert_array_equal(space.restrict(0).sample(5, rng()), space.sample(5, rng()))


# Copies


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_answer_the_same(copied):
    for space in (mixed(), two_dicts(), Space(SQUARE, less_than), two_dicts().restrict(1)):
        again = copied(space)
        np.testing.assert_array_equal(again.sample(20, rng()), space.sample(20, rng()))
        assert repr(again) == repr(space)


def test_clone_as_the_parameter_of_a_search():
    space = Space({"C": (1.0, 2.0), "kernel": ["linear", "rbf"]})
    search = clone(RandomizedSearchCV(SVC(), space))
    copied = search.param_distributions
    assert isinstance(copied, Space)
    np.testing.assert_array_equal(copied.sample(5, rng()), space.sample(5, rng()))


def test_samples_do_not_change_the_space():
    space = mixed()
    before = pickle.dumps(space)
    space.from_unit(space.sample(10, rng()))
    list(space.grid(2))
    assert pickle.dumps(space) == before


def test_repr_can_be_evaluated():
    space = Space([{"C": (0.5, 1.0), "k": ["a"]}, {"n": (1, 3)}])
    again = eval(
        repr(space), {"Space": Space, "Real": Real, "Integer": Integer, "Categorical": Categorical}
    )
    assert repr(again) == repr(space)
    assert "constraint=" in repr(Space(SQUARE, less_than))
    assert "constraint=" not in repr(Space(SQUARE))


def test_no_hyperparameters_is_one_setting():
    """Same as ``ParameterGrid({})``."""
    assert Space({}).from_unit(Space({}).sample(2, rng())) == [{}, {}]


def test_what_a_setting_leaves_out_has_the_estimators_own_value():
    svc = SVC(C=2, kernel="linear")
    space = Space({"C": (0.1, 10.0), "kernel": ["linear", "rbf"]})
    assert space.locate({"C": 2.0}) is None
    space = space.with_defaults(svc.get_params())
    np.testing.assert_array_equal(space.locate({}), space.locate({"C": 2, "kernel": "linear"}))
    assert space.contains({})
    # A name that is not a dimension must have the estimator's value.
    assert space.contains({"C": 3.0, "gamma": "scale"})
    assert space.locate({"C": 3.0, "gamma": 0.5}) is None
    assert not Space({"C": (0.1, 1.0)}).with_defaults(svc.get_params()).contains({})
    assert not Space({"C": (0.1, 9.0)}, lambda p: p["C"] > 5).with_defaults({"C": 2}).contains({})


def test_own_values_choose_the_dict_they_lie_in():
    dicts = [{"kernel": ["poly"], "degree": (2, 4)}, {"kernel": ["rbf"], "C": (0.1, 10.0)}]
    space = Space(dicts).with_defaults(SVC().get_params())
    assert space.from_unit([space.locate({})]) == [{"kernel": "rbf", "C": pytest.approx(1.0)}]
    assert space.restrict(0).locate({"kernel": "poly"}) is not None


def test_derivative_of_the_values_with_respect_to_the_coordinates():
    space = Space(
        {
            "C": (1e-3, 1e3, "log-uniform"),
            "n": (1, 5),
            "kernel": ["linear", "rbf"],
            "gamma": When((0.0, 4.0), kernel="rbf"),
        }
    )
    points = space.to_unit(
        [{"C": 2.0, "n": 2, "kernel": "linear"}, {"C": 9.0, "n": 2, "kernel": "rbf", "gamma": 1.0}]
    )
    ln10 = math.log(10)
    expected = [[12 * ln10, np.nan, np.nan, np.nan], [54 * ln10, np.nan, np.nan, 4.0]]
    np.testing.assert_allclose(space.derivative(points), expected)


def test_derivative_has_the_column_of_each_subspace():
    space = Space([{"C": (0.0, 1.0)}, {"C": (0.0, 7.0)}])
    points = space.to_unit([{"C": 0.5}, {"C": 5.0}])
    expected = [[np.nan, 1.0, np.nan], [np.nan, np.nan, 7.0]]
    np.testing.assert_allclose(space.derivative(points), expected)


class TestVectors:
    """Hyperparameters that hold several numbers, each of them a column."""

    @pytest.fixture
    def space(self):
        spaces = {
            "kind": ["a", "b"],
            "scale": When((1e-2, 1e2, "log-uniform"), kind="b"),
            "weights": (0.0, 10.0),
        }
        return Space(spaces).with_vectors({"scale": np.ones(2), "weights": {"x": 1.0, "y": 2.0}})

    def test_columns(self, space):
        assert space.names == ("kind", "scale", "scale", "weights", "weights")
        assert space.n_candidates == np.inf

    def test_there_and_back(self, space):
        (setting,) = space.from_unit([[0.75, 0.5, 1.0, 0.1, 0.2]])
        assert setting["weights"] == {"x": 1.0, "y": 2.0}
        np.testing.assert_allclose(setting["scale"], [1.0, 100.0])
        np.testing.assert_allclose(space.to_unit([setting]), [[0.75, 0.5, 1.0, 0.1, 0.2]])

    def test_conditions_hold_for_all_components(self, space):
        (setting,) = space.from_unit([[0.25, 0.5, 1.0, 0.1, 0.2]])
        assert set(setting) == {"kind", "weights"}
        assert np.isnan(space.to_unit([setting])[0, 1:3]).all()

    def test_what_has_another_shape_has_no_place(self, space):
        assert space.locate({"kind": "a", "weights": {"x": 1.0}}) is None
        assert space.locate({"kind": "a", "weights": 1.0}) is None

    def test_derivative_and_grid(self, space):
        J = space.derivative(space.to_unit([{"kind": "a", "weights": {"x": 1.0, "y": 2.0}}]))
        np.testing.assert_allclose(J, [[np.nan] * 3 + [10.0, 10.0]])
        assert len(list(space.grid(2))) == 4 + 16

    def test_restricted_with_defaults(self):
        spaces = [{"other": [1]}, {"weights": (0.0, 1.0), "other": [2, 3]}]
        space = Space(spaces).with_vectors({"weights": np.zeros(3)}).restrict(1)
        assert space.names == ("weights", "weights", "weights", "other")
        own = {"weights": np.full(3, 0.5), "other": 3}
        np.testing.assert_allclose(space.with_defaults(own).locate({}), [0.5, 0.5, 0.5, 0.75])


def test_a_space_cannot_be_changed():
    space = Space(SQUARE, less_than)
    for name in ("accepted", "names", "constraint", "budgets"):
        with pytest.raises(AttributeError, match=f"cannot assign to field '{name}'|no setter"):
            setattr(space, name, None)
    given = np.array([[0.2, 0.4]])
    known = space.with_accepted(given)
    given[0, 0] = 0.9
    np.testing.assert_array_equal(known.accepted, [[0.2, 0.4]])
    assert len(space.accepted) == 0
    with pytest.raises(ValueError, match="read-only"):
        known.accepted[0, 0] = 0.5


def test_filled_defaults_are_those_that_are_active():
    space = Space({"kernel": ["linear", "rbf"], "gamma": When((0.0, 1.0), kernel="rbf")})
    space = space.with_defaults({"kernel": "rbf", "gamma": 0.5, "C": 1.0})
    assert space.fill_defaults({}) == {"kernel": "rbf", "gamma": 0.5}
    assert space.fill_defaults({"kernel": "linear", "C": 1.0}) == {"kernel": "linear"}
    with pytest.raises(InvalidSpaceError, match="does not lie in"):
        space.fill_defaults({"C": 2.0})


def test_a_gradient_with_respect_to_the_coordinates():
    space = Space({"a": (0.0, 4.0), "w": (1e-2, 1e2, "log-uniform"), "k": ["x", "y"]})
    space = space.with_vectors({"w": np.ones(2)})
    params = {"a": 1.0, "w": np.array([1.0, 10.0]), "k": "y"}
    (point,) = space.to_unit([params])

    def value(point):
        (p,) = space.from_unit(point[None])
        return p["a"] ** 2 + p["w"] @ [1.0, 0.5]

    gradient = {"a": 2.0, "w": np.array([1.0, 0.5])}
    h = 1e-6 * np.eye(4)
    differences = [(value(point + e) - value(point - e)) / 2e-6 for e in h[:3]]
    np.testing.assert_allclose(
        space.gradient_to_unit(point, gradient), [*differences, np.nan], rtol=1e-6
    )
    assert np.isnan(space.gradient_to_unit(point, {"w": 1.0})).all()
