"""Set before scipy is imported: scikit-learn's array API tests need it."""

import os

import pytest

os.environ.setdefault("SCIPY_ARRAY_API", "1")


@pytest.fixture(autouse=True)
def _same_environment_in_each_test(monkeypatch):
    """pytest's variable is another one in each test; without it, tests share their workers."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
