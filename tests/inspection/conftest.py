"""Searches of the tests of pictures, which are read by the same functions."""

from plotting.conftest import data, one, plain, theirs

__all__ = ["data", "one", "plain", "theirs"]
