"""Which hyperparameters have values that recur."""

from skhyper.evaluation._recurrence import Recurrence
from skhyper.space import Space


def test_of_a_list():
    grid = [{"a": a, "b": b, "c": 1} for a in (1, 2) for b in (1, 2)]
    assert Recurrence.from_candidates(grid) == Recurrence(frozenset("ab"), frozenset())
    drawn = [{"a": 0.1, "b": 1}, {"a": 0.2, "b": 1}, {"a": 0.3, "b": 2}]
    assert Recurrence.from_candidates(drawn) == Recurrence(frozenset("ab"), frozenset("a"))
    assert Recurrence.from_candidates(drawn[:1]) == Recurrence(frozenset(), frozenset())


def test_of_a_space():
    space = Space({"a": (0.0, 1.0), "b": (1, 100), "c": ["x", "y"]})
    found = Recurrence.from_space(space, 20)
    assert found == Recurrence(frozenset("abc"), frozenset("ab"))
    assert Recurrence.from_space(space, 101).unique == frozenset("a")


def test_paths():
    recurrence = Recurrence(frozenset({"x__k", "x__y__k", "z__C"}), frozenset({"x__y__k"}))
    assert recurrence.recurs(["w"])
    assert recurrence.recurs(["x__z"])
    assert not recurrence.recurs(["x"]), "x__y__k is part of it"
    assert not recurrence.recurs(["w", "x__y"])


def test_candidates_that_agree_in_all_are_not_expected():
    recurrence = Recurrence(frozenset({"a__k", "b__k"}), frozenset())
    assert recurrence.recurs(["a"])
    assert not recurrence.recurs(["a", "b"])


def test_steps_that_are_replaced_touch_what_is_inside():
    unique = frozenset({"x"})
    assert not Recurrence(unique | {"z"}, unique).recurs(["x__y"])
    for name in ("steps", "x__transformers"):
        unique = frozenset({name})
        assert not Recurrence(unique | {"z"}, unique).recurs(["x__y"])
    assert Recurrence(frozenset({"x__steps", "z"}), frozenset({"x__steps"})).recurs(["y"])


def test_hyperparameters_that_may_vary():
    recurrence = Recurrence(frozenset({"a__k", "b", "c__steps"}), frozenset())
    for name in ("a__k", "b__k", "b__x__k", "c__x__k"):
        assert recurrence.may_vary(name)
    for name in ("a__m", "d__k", "a__kk"):
        assert not recurrence.may_vary(name)
