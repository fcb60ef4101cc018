"""Options of what candidates share."""

import pytest

from skhyper.reuse import ReuseOptions


def test_memory_is_a_positive_number():
    assert ReuseOptions(memory=1).memory == 1
    with pytest.raises(ValueError, match="positive number of bytes, got 0"):
        ReuseOptions(memory=0)
