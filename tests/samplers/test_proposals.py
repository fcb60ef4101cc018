"""Points among which the next trial is chosen."""

import numpy as np
import pytest

from skhyper.samplers._proposals import (
    along_lines,
    best_points,
    in_rarest_branch,
    local_steps,
    unknown,
)
from skhyper.space import Categorical, Space, When

MIXED = Space(
    {
        "a": (1e-3, 1e3, "log-uniform"),
        "k": ["x", "y", "z"],
        "n": (1, 10),
        "size": Categorical([1, 2, 4], ordered=True),
        "g": When((0.0, 1.0), k="y"),
    }
)
MODELS = {
    "model": ["knn", "ridge", "bayes"],
    "k": When((1, 50), model="knn"),
    "weights": When(["uniform", "distance"], model="knn"),
    "alpha": When((1e-3, 1e3, "log-uniform"), model="ridge"),
}


def test_along_the_lines_what_becomes_active_has_a_value():
    best = {"a": 1.0, "k": "y", "n": 3, "size": 2, "g": 0.7}
    lines = along_lines(MIXED, MIXED.locate(best), np.random.default_rng(0))
    np.testing.assert_array_equal(lines, MIXED.canonical(lines))
    settings = MIXED.from_unit(lines)
    assert {p["k"] for p in settings} == {"x", "y", "z"}
    assert all(("g" in p) == (p["k"] == "y") for p in settings)
    changed = [{n for n in p if p[n] != best.get(n)} for p in settings]
    assert all(names - {"g"} == set() or len(names - {"g"}) == 1 for names in changed)
    assert set().union(*changed) == {"a", "k", "n", "size", "g"}


def test_local_steps_move_a_few_dimensions():
    """Each of 20 dimensions with probability 1/10, and one for certain."""
    space = Space({f"x{i}": (0.0, 1.0) for i in range(20)})
    starts = np.full((2000, 20), 0.5)
    moved = local_steps(space, starts, np.random.default_rng(0)) != starts
    assert moved.any(axis=1).all()
    # One for certain, and each of the 19 others with probability 1/10.
    assert moved.sum(axis=1).mean() == pytest.approx(1 + 19 / 10, rel=0.05)
    assert moved.mean(axis=0).max() < 0.2


def test_local_steps_of_numbers_are_short_and_choices_are_drawn_anew():
    space = Space({"x": (0.0, 1.0), "k": list("abcdefghij")})
    starts = np.full((3000, 2), 0.55)
    steps = local_steps(space, starts, np.random.default_rng(0))
    assert np.median(np.abs(steps[:, 0] - 0.55)) < 0.1
    counts = np.bincount(space.dimensions[1].index(steps[:, 1]), minlength=10)
    assert counts.min() > 0.7 * counts.max()


@pytest.mark.parametrize(
    ("tried", "rarest"),
    [("knn ridge knn", "ridge"), ("ridge knn ridge", "knn"), ("bayes bayes", "knn")],
)
def test_the_branch_that_was_tried_least(tried, rarest):
    space, rng = Space(MODELS), np.random.default_rng(0)
    every = space.sample(100, rng)
    models = np.array([p["model"] for p in space.from_unit(every)])
    known = np.array([every[models == model][i] for i, model in enumerate(tried.split())])
    points = in_rarest_branch(space, known, 2, 200, rng)
    settings = space.from_unit(points)
    assert 150 <= len(settings) <= 200
    assert {p["model"] for p in settings} == {rarest}
    np.testing.assert_array_equal(points, space.canonical(points))
    varied = [len({p[name] for p in settings}) for name in settings[0] if name != "model"]
    assert varied == ([len(settings)] if rarest == "ridge" else [50, 2])
    assert len(in_rarest_branch(space, known, 0, 200, rng)) == 0


@pytest.mark.parametrize(
    "space",
    [
        MIXED,  # one branch is none
        Space(MODELS, constraint=lambda p: p["model"] != "knn"),
        Space(MODELS | {"model": Categorical(["knn", "ridge", "bayes"], weights=[1, 1e-9, 1])}),
    ],
)
def test_no_branch_where_there_are_not_two(space):
    rng = np.random.default_rng(0)
    assert len(in_rarest_branch(space, space.sample(5, rng), 9, 200, rng)) == 0


def test_a_branch_that_is_forbidden_is_left_out():
    spaces = [{"a": (0.0, 1.0)}, {"b": (0.0, 1.0)}, {"c": (0.0, 1.0)}]
    space, rng = Space(spaces, constraint=lambda p: "a" not in p), np.random.default_rng(0)
    known = space.to_unit([{"b": 0.1}, {"b": 0.2}, {"c": 0.3}])
    settings = space.from_unit(in_rarest_branch(space, known, 4, 50, rng))
    assert {name for params in settings for name in params} == {"c"}


def test_a_branch_that_is_used_up_gives_way_to_the_next():
    small = {"model": ["knn", "ridge"], "flag": When([True, False], model="knn")}
    space = Space(small | {"alpha": When((0.0, 1.0), model="ridge")})
    tried = [{"model": "knn", "flag": flag} for flag in (True, False)]
    tried += [{"model": "ridge", "alpha": alpha} for alpha in (0.1, 0.2, 0.3)]
    for n_trials, found in ((4, {"ridge"}), (3, set())):
        rng = np.random.default_rng(0)
        points = in_rarest_branch(space, space.to_unit(tried), n_trials, 50, rng)
        assert {p["model"] for p in space.from_unit(points)} == found


def test_the_best_points_and_the_unknown_ones():
    points = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, np.nan], [0.7, 0.8]])
    best = best_points(points, np.array([2.0, np.nan, 1.0, 3.0]))
    np.testing.assert_array_equal(best, points[[2, 0, 3]])
    np.testing.assert_array_equal(unknown(points, points[[1, 2]]), points[[0, 3]])
