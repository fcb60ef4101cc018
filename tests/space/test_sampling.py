"""Random points, and random walks where a constraint is seldom met."""

import itertools

import numpy as np
import pytest

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Categorical, Space, When, evenly
from skhyper.space._sampling import walk

NAMES = "abcdefg"


def rising(params):
    return all(params[a] < params[b] for a, b in itertools.pairwise(NAMES))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_choices_of_hardly_any_weight_are_met():
    space = Space(
        {
            "k": Categorical(["x", "y"], weights=[0.99999, 0.00001]),
            "n": When((1, 10**6), k="y"),
        }
    )
    settings = space.from_unit(evenly(space, 400, rng()))
    assert 150 < sum(s["k"] == "y" for s in settings) < 250
    assert all(("n" in s) == (s["k"] == "y") for s in settings)


def test_evenly_meets_the_constraint():
    space = Space({"a": (0.0, 1.0), "k": ["x", "y"]}, constraint=lambda p: p["a"] > 0.5)
    settings = space.from_unit(evenly(space, 100, rng()))
    assert 30 < len(settings) < 70
    assert all(s["a"] > 0.5 for s in settings)


def test_a_walk_covers_what_a_constraint_accepts():
    """Three ordered integers of 8: every one of the 56 triples is about as likely."""
    space = Space({name: (1, 8) for name in "abc"}, constraint=lambda p: p["a"] < p["b"] < p["c"])
    starts = space.to_unit([{"a": 1, "b": 2, "c": 3}])
    settings = [tuple(s.values()) for s in space.from_unit(walk(space, starts, 400, rng()))]
    assert all(a < b < c for a, b, c in settings)
    assert len(set(settings)) >= 52
    assert max(map(settings.count, set(settings))) < 60
    assert np.array_equal(starts, space.to_unit([{"a": 1, "b": 2, "c": 3}])), "changed in place"


def test_a_walk_follows_conditions():
    space = Space(
        {"k": ["x", "y"], "n": When((0.0, 1.0), k="y")}, constraint=lambda p: p.get("n", 0) < 0.01
    )
    settings = space.from_unit(walk(space, space.to_unit([{"k": "x"}]), 50, rng()))
    assert {s["k"] for s in settings} == {"x", "y"}
    assert all(s.get("n", 0) < 0.01 for s in settings)


def test_samples_of_a_rare_constraint_differ():
    space = Space(dict.fromkeys(NAMES, (1, 20)), constraint=rising)
    space = space.with_accepted(space.to_unit([dict(zip(NAMES, range(1, 8)))]))
    points = space.sample(40, rng())
    assert len(np.unique(points, axis=0)) > 20
    assert space.meets(points).all()
    np.testing.assert_array_equal(points, space.sample(40, rng()))


def test_what_is_said_to_be_rejected_is():
    """The middle of the space is accepted, and nothing else; but it is never drawn."""
    space = Space({"a": (0.0, 1.0)}, constraint=lambda p: p["a"] == 0.5)
    with pytest.raises(InvalidSpaceError, match="as an initial point") as caught:
        space.sample(1, rng())
    assert "it rejects {'a': 0.5}" not in str(caught.value)
    space = space.with_accepted(np.array([[0.5]]))
    np.testing.assert_array_equal(space.sample(3, rng()), np.full((3, 1), 0.5))


def test_starts_are_those_that_lie_in_the_space_and_meet_the_constraint():
    space = Space({"a": (0.0, 1.0)}, constraint=lambda p: p["a"] == 0.5)
    starts = np.array([[0.2], [1.5], [0.5]])
    np.testing.assert_array_equal(space.sample(3, rng(), starts), np.full((3, 1), 0.5))
    with pytest.raises(InvalidSpaceError, match="as an initial point"):
        space.sample(1, rng(), starts[:2])


def test_starts_outside_of_the_space_are_not_used():
    space = Space({"a": (0.0, 1.0)}, constraint=lambda p: p["a"] == 1.0)
    with pytest.raises(InvalidSpaceError, match="as an initial point"):
        space.sample(1, rng(), np.array([[1.5]]))
    np.testing.assert_array_equal(space.sample(2, rng(), np.array([[1.0]])), [[1.0], [1.0]])


def test_accepted_points_of_a_sub_space_remain():
    space = Space([{"a": (0.0, 1.0)}, {"b": (0.0, 1.0)}], constraint=lambda p: True)
    space = space.with_accepted(space.to_unit([{"a": 0.2}, {"b": 0.3}, {"b": 0.4}]))
    np.testing.assert_allclose(space.restrict(0).accepted, [[0.2]])
    np.testing.assert_allclose(space.restrict(1).accepted, [[0.3], [0.4]])
    assert space.with_vectors({"a": np.zeros(2)}).accepted.shape == (0, 4)
