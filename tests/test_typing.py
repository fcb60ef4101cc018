"""What editors and type checkers see of the public classes."""

import inspect
import typing

import pytest

import skhyper

SEARCHES = [
    skhyper.GridSearchCV,
    skhyper.RandomizedSearchCV,
    skhyper.BayesSearchCV,
    skhyper.GradientSearchCV,
    skhyper.SearchCV,
]


@pytest.mark.parametrize("cls", SEARCHES, ids=lambda cls: cls.__name__)
def test_searches(cls):
    hints = typing.get_type_hints(cls.__init__)
    assert set(hints) == {*inspect.signature(cls).parameters, "return"}
    assert typing.get_type_hints(cls.fit)["return"] is typing.Self


@pytest.mark.parametrize("function", [skhyper.minimize, skhyper.Optimizer.ask])
def test_functions(function):
    hints = typing.get_type_hints(function)
    assert set(hints) == {*inspect.signature(function).parameters, "return"} - {"self"}
