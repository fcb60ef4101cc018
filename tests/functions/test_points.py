"""Dicts and lists as points of a space."""

import numpy as np
import pytest

from skhyper.exceptions import InvalidSpaceError
from skhyper.functions._points import Points, optimize_result
from skhyper.samplers import RandomSampler
from skhyper.space import Space


def test_dicts():
    points = Points({"a": (0.0, 1.0), "b": ["x", "y"]})
    assert points.names is None
    given = {"a": 0.5, "b": "y"}
    assert points.to_params(given) == given
    assert points.to_params(given) is not given
    assert points.from_params(given) == given


def test_lists():
    points = Points([(0.0, 1.0), (1, 9), ["x", "y"]])
    assert points.names == ["x0", "x1", "x2"]
    assert points.to_params([0.5, 3, "y"]) == {"x0": 0.5, "x1": 3, "x2": "y"}
    assert points.to_params({"x0": 0.5, "x1": 3, "x2": "y"})["x1"] == 3
    assert points.from_params({"x2": "y", "x0": 0.5, "x1": 3}) == [0.5, 3, "y"]


def test_dimensions_of_scikit_optimize():
    skopt_space = pytest.importorskip("skopt.space")
    named = [skopt_space.Real(1e-3, 1.0, "log-uniform", name="C"), skopt_space.Integer(1, 9)]
    assert Points(named).names == ["x0", "x1"]  # all or none
    named[1].name = "depth"
    assert Points(named).names == ["C", "depth"]
    whole = Points(skopt_space.Space(named))
    assert whole.names == ["C", "depth"]
    assert whole.space.dimensions[0].prior == "log-uniform"


def test_several_points_or_one():
    lists = Points([(0.0, 1.0), (0.0, 1.0)])
    one, two = {"x0": 0.1, "x1": 0.2}, {"x0": 0.3, "x1": 0.4}
    assert lists.list_of_params(None) == []
    assert lists.list_of_params([0.1, 0.2]) == [one]
    assert lists.list_of_params([[0.1, 0.2], [0.3, 0.4]]) == [one, two]
    assert lists.list_of_params(np.array([[0.1, 0.2], [0.3, 0.4]])) == [one, two]
    dicts = Points({"a": (0.0, 1.0)})
    assert dicts.list_of_params({"a": 0.5}) == dicts.list_of_params([{"a": 0.5}]) == [{"a": 0.5}]
    with pytest.raises(InvalidSpaceError, match="a point or a list of them, got 3"):
        dicts.list_of_params(3)


@pytest.mark.parametrize(
    ("spaces", "said"),
    [
        ([(0.0, 1.0), (2.0, 1.0)], "Dimension 1 of the list: .*inverted"),
        ((0.0, 1.0), "Dimension 0 of the list: 0.0 is not a valid search space"),
        ({"a": (2.0, 1.0)}, "Search space of 'a': .*inverted"),
        ([({"a": (0.0, 1.0)}, 5)], "pairs are supported by searches only"),
        ([], "non-empty list"),
        (3, "non-empty list"),
    ],
)
def test_spaces_that_are_wrong(spaces, said):
    with pytest.raises(InvalidSpaceError, match=said):
        Points(spaces)


@pytest.mark.parametrize("point", [[0.1], [0.1, 0.2, 0.3], "ab", 0.1, None])
def test_lists_that_are_no_point(point):
    with pytest.raises(InvalidSpaceError, match="a list of 2 values, got"):
        Points([(0.0, 1.0), (0.0, 1.0)]).to_params(point)


def test_points_outside():
    with pytest.raises(InvalidSpaceError, match=r"in Space.*: 'a': 3\.0 is out of the range"):
        Points({"a": (0.0, 1.0)}).to_params({"a": 3.0})
    with pytest.raises(InvalidSpaceError, match="must be a dict"):
        Points({"a": (0.0, 1.0)}).to_params([0.5])
    with pytest.raises(InvalidSpaceError, match="rejected all"):
        Points(Space({"a": (0.0, 1.0)}, constraint=lambda params: False))


def test_a_result_without_trials():
    from skhyper import History

    result = optimize_result(History(), Points([(0.0, 1.0)]), RandomSampler())
    assert result.x is None
    assert np.isnan(result.fun)
    assert result.nfev == 0


def test_a_first_point_meets_a_constraint_that_hardly_any_does():
    space = Space({"a": (0.0, 1.0), "n": (1, 9)}, constraint=lambda params: params["a"] == 0.5)
    with pytest.raises(InvalidSpaceError, match="as an initial point"):
        Points(space)
    points = Points(space, {"a": 0.5, "n": 3})
    assert points.initial == [{"a": 0.5, "n": 3}]
    assert len(space.accepted) == 0, "the argument is not modified"
    settings = points.space.from_unit(points.space.sample(20, np.random.default_rng(0)))
    assert {s["a"] for s in settings} == {0.5} and len({s["n"] for s in settings}) > 3
