"""Hooks for all tests: the environment, workers, and which cases are slow."""

import os
import signal
import threading
import time
from collections import defaultdict

import pytest

# Set before scipy is imported: scikit-learn's array API tests need it.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# pytest-xdist and shells in the background ignore these, and so would processes that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGQUIT") and signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
# Fast cases of each test in a folder, where the test has no mark ``fast_cases``.
FAST_CASES = {"hypergradient": 1}
# Folders whose pages are slow.
SLOW_PAGES = ("user_guide", "extending")


@pytest.fixture
def virtual_time(monkeypatch):
    """Time passes only by ``time.sleep`` in the main thread, and that takes none."""
    now, sleep = [1e9], time.sleep

    def pass_by(seconds):
        if threading.current_thread() is not threading.main_thread():
            sleep(seconds)
        else:
            now[0] += seconds

    monkeypatch.setattr(time, "sleep", pass_by)
    for name in ("time", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, lambda: now[0])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call():
    """pytest's variable is another one in each test; without it, tests share their workers."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark guides as slow, and all but n evenly spaced cases of tests with ``fast_cases(n)``."""
    cases = defaultdict(list)
    for item in items:
        # pytest-xdist needs the same names in each process: see contracts/naming.py.
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"The name of a case contains an address: {item.nodeid}")
        if item.path.suffix == ".md" and item.path.parent.name in SLOW_PAGES:
            item.add_marker(pytest.mark.slow)
        mark = item.get_closest_marker("fast_cases")
        n = mark.args[0] if mark else FAST_CASES.get(item.path.parent.name)
        if n is not None and hasattr(item, "callspec"):
            cases[item.parent.nodeid, item.originalname, n].append(item)
    for (_, _, n), members in cases.items():
        fast = {int((i + 0.5) * len(members) / n) for i in range(n)}
        for i, item in enumerate(members):
            if i not in fast:
                item.add_marker(pytest.mark.slow)
