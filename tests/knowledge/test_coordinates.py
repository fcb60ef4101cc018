"""Points of one space as points of another one."""

import numpy as np
import pytest
from scipy import stats

from skhyper.knowledge._coordinates import coordinate, have, matched
from skhyper.space import Categorical, Distribution, Integer, Real, Space, When

OTHER = Space({"C": (1e-2, 1e2, "log-uniform"), "n": (1, 9), "kind": ["a", "b"]})
SPACE = Space(
    {
        "kind": ["b", "a", "c"],
        "C": When((1e-3, 1e1, "log-uniform"), kind=["a", "c"]),
        "other": (0.0, 1.0),
    }
)
OWN = {"C": 1.0, "n": None, "kind": "a"}


def test_values_are_the_same():
    points = SPACE.sample(50, np.random.default_rng(0))
    found = matched(SPACE, points, OTHER, OWN)
    for params, point in zip(SPACE.from_unit(points), found):
        known = {name: params.get(name, OWN[name]) for name in ("C", "kind")}
        if known["kind"] == "c":
            assert np.isnan(point[2])
        else:
            np.testing.assert_allclose(point, OTHER.locate({**known, "n": 9}))
    assert found[:, 0].min() < 0  # out of the range


def test_which_have_a_value():
    points = SPACE.sample(50, np.random.default_rng(0))
    kinds = [params["kind"] for params in SPACE.from_unit(points)]
    holds = have(SPACE, points, {"kind": "a", "solver": "lbfgs"}, {"solver": "lbfgs"})
    assert holds.tolist() == [kind == "a" for kind in kinds]
    assert not have(SPACE, points, {"solver": "lbfgs"}, {"solver": "saga"}).any()


def test_values_without_a_place():
    depth = Integer(1, 4)
    assert coordinate(depth, {"x": None}, "x") == depth.to_unit(4)
    assert coordinate(depth, {"x": "scale"}, "x") == coordinate(depth, {}, "x") == depth.to_unit(3)
    assert coordinate(depth, {"x": 100}, "x") == depth.to_unit(4)
    assert coordinate(depth, {"x": 2}, "x") == depth.to_unit(2)


DIMENSIONS = [
    Real(0.5, 30.0),
    Real(0.1, 1e3, "log-uniform"),
    Real(1.0, 20.0, step=0.5),
    Integer(1, 40),
    Integer(2, 200, "log-uniform"),
    Integer(2, 20, step=3),
    Categorical([1, 5, 2.5]),
    Distribution(stats.loguniform(0.5, 100.0)),
    Distribution(stats.randint(1, 30)),
]


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=repr)
@pytest.mark.parametrize("other", DIMENSIONS, ids=repr)
def test_numbers_of_all_kinds_of_ranges_are_matched_as_one_by_one(dimension, other):
    space, wanted = Space({"x": dimension}), Space({"x": other})
    points = space.sample(20, np.random.default_rng(0))
    points = np.vstack([points, space.canonical([[0.0], [1.0]])])
    found = matched(space, points, wanted, {"x": 3})[:, 0]
    for u, params in zip(found, space.from_unit(points)):
        point = wanted.locate(params)
        expected = np.nan if point is None else point[0]
        assert u == pytest.approx(expected, abs=1e-9, nan_ok=True)
