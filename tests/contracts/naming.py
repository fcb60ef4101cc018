"""Names of parametrized tests that are the same in every process, as pytest-xdist needs."""

import re


def short(value):
    """The start of a value's repr, without addresses."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))[:60]
