"""Checks of single arguments."""

import numpy as np
import pytest

from skhyper._sklearn import InvalidParameterError
from skhyper.samplers._arguments import check_callables, check_flag, check_number


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (1, {"whole": True, "low": 1}),
        (np.int64(5), {"whole": True, "low": 1}),
        (None, {"whole": True, "low": 1, "optional": True}),
        (np.inf, {"whole": False, "low": 0, "above": True}),
        (np.float32(2.0), {"whole": False, "low": 0}),
    ],
)
def test_numbers(value, options):
    check_number("n", value, **options)


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        (0, {"whole": True, "low": 1}, "n must be an integer >= 1, got 0"),
        (True, {"whole": True, "low": 1}, "n must be an integer >= 1, got True"),
        (1.0, {"whole": True, "low": 1}, "got 1.0"),
        (10**400, {"whole": True, "low": 1}, "n must be an integer"),
        (0.0, {"whole": False, "low": 0, "above": True}, "n must be a number > 0, got 0.0"),
        (np.nan, {"whole": False, "low": 0}, "got nan"),
        ("1", {"whole": True, "low": 1, "optional": True}, ">= 1 or None, got '1'"),
    ],
)
def test_wrong_numbers(value, options, message):
    with pytest.raises(InvalidParameterError, match=message):
        check_number("n", value, **options)


def test_flags_and_callables():
    check_flag("f", np.bool_(True))
    assert check_callables("c", None) == []
    assert check_callables("c", print) == check_callables("c", (print,)) == [print]
    with pytest.raises(TypeError, match="f must be True or False, got 1"):
        check_flag("f", 1)
    with pytest.raises(TypeError, match="c must be a callable or a list of them, got 3"):
        check_callables("c", 3)
