"""Identity of points, and where params lie."""

import numpy as np
import pytest
from contracts.naming import short
from scipy import stats

from skhyper.space import Space, When
from skhyper.space._columns import Columns
from skhyper.space._points import is_inside, place, point_keys


def test_points_are_equal_up_to_rounding():
    a = np.array([0.3, 0.0, np.nan])
    for b, same in [
        (a + 1e-13, True),
        (np.array([0.1 + 0.2, -0.0, -np.nan]), True),
        (a + 1e-9, False),
        (np.array([0.3, np.nan, np.nan]), False),
        (np.array([0.3, 0.0, 0.0]), False),
    ]:
        first, second = point_keys(np.array([a, b]))
        assert (first == second) == same
        assert (Space.key(a) == Space.key(b)) == same
    assert Space.keys(a[None]) == [Space.key(a)]


@pytest.mark.parametrize(
    "spec",
    [
        (1e-7, 3e5, "log-uniform"),
        (1e5, 1.001e5, "log-uniform"),
        (1e6, 1e6 + 10.0),
        (-3.0, 1e-3),
        (1, 10**9),
        stats.norm(3, 0.1),
        stats.loguniform(1e-5, 1e5),
    ],
    ids=short,
)
def test_params_made_from_a_point_have_its_key(spec):
    space = Space({"a": spec})
    points = space.sample(300, np.random.default_rng(0))
    again = space.to_unit(space.from_unit(points))
    # A coordinate next to the middle between two decimals may be rounded either way.
    assert np.mean([a == b for a, b in zip(space.keys(points), space.keys(again))]) > 0.95


def test_neighbors_among_many_integers_have_different_keys():
    space = Space({"seed": (0, 10**9)})
    points = space.to_unit([{"seed": 7}, {"seed": 8}])
    assert len(set(space.keys(points))) == 2


def test_inside():
    assert is_inside(np.array([0.0, 1.0, np.nan, 1 + 1e-12]))
    assert not is_inside(np.array([0.5, 1 + 1e-6]))
    assert not is_inside(np.array([-1e-6, 0.5]))


def test_wrong_and_missing_values():
    columns = Columns.from_dicts(
        [{"kernel": ["linear", "rbf"], "gamma": When((0.0, 2.0), kernel="rbf"), "C": (0.0, 4.0)}]
    )
    point, wrong = place(columns, 0, {"kernel": "linear", "gamma": "auto", "C": 5.0, "other": 1})
    np.testing.assert_allclose(point, [0.25, np.nan, 1.25])
    assert wrong == {}
    point, wrong = place(columns, 0, {"kernel": "rbf", "gamma": "auto"})
    np.testing.assert_allclose(point, [0.75, np.nan, np.nan])
    assert wrong == {"C": "", "gamma": "'auto' is not a value of Real(0.0, 2.0, 'uniform')."}
    _, wrong = place(columns, 0, {"kernel": "RBF", "gamma": 1.0, "C": 1.0})
    assert set(wrong) == {"kernel"}


def test_a_space_without_hyperparameters_has_one_point():
    space = Space({})
    assert space.locate({}).shape == (0,)
    assert space.from_unit(np.empty((1, 0))) == [{}]
