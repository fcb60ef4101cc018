"""Hooks for all tests: the environment, workers, and which cases are slow."""

import os
from collections import defaultdict

import pytest

# Set before scipy is imported: scikit-learn's array API tests need it.
os.environ.setdefault("SCIPY_ARRAY_API", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call():
    """pytest's variable is another one in each test; without it, tests share their workers."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow all but n evenly spaced cases of a test with the mark ``fast_cases(n)``."""
    cases = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("fast_cases")
        if mark is not None:
            cases[item.parent.nodeid, item.originalname, mark.args].append(item)
    for (_, _, (n,)), members in cases.items():
        step = len(members) / n
        fast = {int((i + 0.5) * step) for i in range(n)}
        for i, item in enumerate(members):
            if i not in fast:
                item.add_marker(pytest.mark.slow)
