"""Set before scipy is imported: scikit-learn's array API tests need it."""

import os

import pytest

os.environ.setdefault("SCIPY_ARRAY_API", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call():
    """pytest's variable is another one in each test; without it, tests share their workers."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)
