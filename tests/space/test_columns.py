"""The rule of when columns are active, against the conditions written out."""

import dataclasses
import itertools

import numpy as np
import pytest

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Space, When
from skhyper.space._check import check_entry
from skhyper.space._columns import Columns

SPACES = [
    {
        "a": ["x", "y"],
        "c": When(When((0.0, 1.0), a="x"), b=[2, 3]),
        "d": When((0.0, 1.0), c=lambda c: c > 0.5),
        "b": [1, 2, 3],
    },
    {"a": ["x", "y"], "e": (0.0, 1.0)},
]


def expected(params):
    """Names that are active in the first of the spaces."""
    names = {"a", "b"}
    if params["a"] == "x" and params["b"] > 1:
        names |= {"c"} | ({"d"} if params["c"] > 0.5 else set())
    return names


def test_active_is_what_the_conditions_say():
    columns = Columns.from_dicts(SPACES[:1])
    assert columns.names == ("a", "c", "d", "b")
    for a, b, c in itertools.product("xy", (1, 2, 3), (0.2, 0.8)):
        point = np.array([[0.25 if a == "x" else 0.75, c, 0.1, (b - 0.5) / 3]])
        (active,) = columns.active(point)
        names = {name for name, is_active in zip(columns.names, active) if is_active}
        assert names == expected({"a": a, "b": b, "c": c})


def test_rows_are_independent_and_each_sub_space_has_its_own_columns():
    columns = Columns.from_dicts(SPACES)
    assert columns.names == (None, "a", "c", "d", "b", "e")
    points = np.random.default_rng(0).random((60, 6))
    active = columns.active(points)
    np.testing.assert_array_equal(active, np.vstack([columns.active(p[None]) for p in points]))
    second = points[:, 0] >= 0.5
    assert active[:, :2].all()
    np.testing.assert_array_equal(active[:, 5], second)
    np.testing.assert_array_equal(active[:, 4], ~second)
    assert not active[second, 2:5].any()


def test_conditions_on_unknown_coordinates():
    columns = Columns.from_dicts(SPACES[:1])
    point = np.array([[0.25, np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(columns.active(point), [[True, False, False, True]])
    np.testing.assert_array_equal(columns.active(point, if_unknown=True), [[True] * 4])
    point[0, 0] = 0.75
    np.testing.assert_array_equal(
        columns.active(point, if_unknown=True), [[True, False, False, True]]
    )


def test_conditions_are_asked_only_where_they_matter():
    asked = []
    columns = Columns.from_dicts(
        [{"a": [1, 2], "b": When((0.0, 1.0), a=1), "c": When([3], b=lambda b: asked.append(b))}]
    )
    assert not columns.active(np.array([[0.75, 0.5, 0.5]]))[0, 1:].any()
    assert asked == []


def test_of_one_sub_space():
    columns = Columns.from_dicts(SPACES)
    part, kept = columns.restricted(1)
    assert (part.names, kept) == (("a", "e"), [1, 5])
    part, kept = columns.restricted(0)
    points = np.random.default_rng(0).random((30, 6))
    points[:, 0] = 0.25
    np.testing.assert_array_equal(part.active(points[:, kept]), columns.active(points)[:, kept])


def test_vectors():
    columns = Columns.from_dicts(SPACES).with_vectors({"c": np.ones(2), "e": {"u": 1, "v": 2}})
    assert columns.names == (None, "a", "c", "c", "d", "b", "e", "e")
    (first, second) = columns.subspaces
    assert (first.columns["c"], second.columns["e"]) == ([2, 3], [6, 7])
    assert second.split("e", {"u": 3.0, "v": 4.0}) == [3.0, 4.0]
    assert second.join("e", [3.0, 4.0]) == {"u": 3.0, "v": 4.0}
    assert second.join("a", ["x"]) == "x"
    with pytest.raises(InvalidSpaceError, match="is not of the shape of"):
        first.split("c", np.ones(3))


def test_columns_cannot_be_changed():
    columns = Columns.from_dicts(SPACES)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'names'"):
        columns.names = ()


def test_a_shared_column_has_equal_values():
    columns = Columns.from_dicts([{"a": (0, 1)}, {"a": (0, 1)}, {"a": (0.0, 1.0)}])
    assert columns.names == (None, "a", "a")
    assert [subspace.columns["a"] for subspace in columns.subspaces] == [[1], [1], [2]]
    assert repr(columns.dimensions[2]) == repr(check_entry("a", (0.0, 1.0))[0])
    assert Space({"a": (0, 1)}).names == ("a",)
