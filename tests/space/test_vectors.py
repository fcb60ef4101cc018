"""Arrays and dicts of numbers as vectors, and back."""

import numpy as np
import pytest

from skhyper.space import as_vector, is_vector, like


@pytest.mark.parametrize(
    "value", [2.5, np.arange(3.0), np.ones((2, 3)), {"a": 1.0, "b": 2.0}], ids=str
)
def test_there_and_back(value):
    vector = as_vector(value)
    assert vector.ndim == 1
    assert vector.dtype == float
    np.testing.assert_equal(like(value, vector), value)
    assert type(like(value, vector)) is type(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.ones(3), True),
        ({"a": 1.0}, True),
        (1.0, False),
        (np.array(1.0), False),
        ({}, False),
        ({"a": "b"}, False),
        ({"a": True}, False),
        ([1.0, 2.0], True),
        ([1, 2], True),
        ([1, "a"], False),
        ((1.0, 2.0), False),
        ("ab", False),
        (None, False),
        (np.array(["a"]), False),
    ],
    ids=str,
)
def test_what_is_one(value, expected):
    assert is_vector(value) is expected
