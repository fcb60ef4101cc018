"""Errors that a caller may catch."""

from skhyper import exceptions


def test_what_they_are():
    assert issubclass(exceptions.InvalidSpaceError, ValueError)
    assert issubclass(exceptions.HistoryMismatchWarning, exceptions.SkhyperWarning)
    assert issubclass(exceptions.OverfittingWarning, exceptions.SkhyperWarning)
    assert issubclass(exceptions.SkhyperWarning, UserWarning)
