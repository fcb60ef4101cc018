"""Faults of workers that are really caused: they hang, die, grow, or are left alone."""

import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress

import joblib
import numpy as np
import pytest
from sklearn import model_selection
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

from skhyper import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    RandomizedSearchCV,
    SearchCV,
    minimize,
)

X, y = load_iris(return_X_y=True)
posix = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at processes by /proc")
PARENT = os.getpid()


class Does(ClassifierMixin, BaseEstimator):
    """Calls a function in fits with C above 5; its score is minus C."""

    def __init__(self, C=1.0, what=None):
        self.C, self.what = C, what

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if self.what is not None and self.C > 5:
            self.what()
        return self

    def score(self, X, y):
        return -self.C


def hang():
    time.sleep(1000)


# Limits of time; the second one is for machines that have stood still within the first one.
PATIENCE = (1.5, 30.0)


RANGE = {"C": (0.1, 10.0)}
FIRST = [{"C": 1.0}, {"C": 9.0}, {"C": 2.0}]
CLASSES = {
    "grid": (GridSearchCV, {"param_grid": {"C": [1.0, 9.0, 2.0]}}),
    "random": (RandomizedSearchCV, {"param_distributions": {"C": [1.0, 9.0, 2.0]}, "n_iter": 3}),
    "list": (SearchCV, {"sampler": FIRST}),
    "bayes": (BayesSearchCV, {"search_spaces": RANGE, "initial_points": FIRST, "n_iter": 3}),
}


def search_of(kind, estimator, **kwargs):
    cls, own = CLASSES[kind]
    return cls(estimator, **own, **{"cv": 2, "n_jobs": 2, **kwargs})


@pytest.mark.parametrize(
    ("kind", "n_jobs"), [("grid", 2), ("random", None), ("list", 2), ("bayes", None), ("bayes", 2)]
)
@pytest.mark.fast_cases(1)
@pytest.mark.filterwarnings("ignore")
def test_an_estimator_that_hangs(kind, n_jobs):
    for limit in PATIENCE:
        search = search_of(kind, Does(what=hang), n_jobs=n_jobs, fit_timeout=limit).fit(X, y)
        failed = [trial for trial in search.history_ if trial.state == "failed"]
        if len(failed) == 1:
            break
    assert [trial.params["C"] for trial in failed] == [9.0]
    assert f"fit_timeout={limit} seconds" in failed[0].message
    assert failed[0].seconds > 2 * limit
    assert search.best_params_ == {"C": 1.0}
    assert len(search.history_) == 3


@pytest.mark.slow
def test_a_search_by_gradients_with_limits_is_the_same_without():
    target = X[:, 0] + 0.1 * np.random.default_rng(0).normal(size=len(X))
    space = {"alpha": (1e-3, 1e3, "log-uniform")}
    kwargs = {"n_iter": 6, "cv": 3, "random_state": 0}
    plain = GradientSearchCV(Ridge(), space, **kwargs).fit(X, target)
    limited = GradientSearchCV(Ridge(), space, fit_timeout=60, **kwargs).fit(X, target)
    assert [t.params for t in limited.history_] == [t.params for t in plain.history_]
    assert [t.gradient for t in limited.history_] == [t.gradient for t in plain.history_]


@pytest.mark.parametrize(
    ("kind", "backend"),
    [("grid", "loky"), ("list", "threading"), ("bayes", "loky"), ("bayes", "threading")],
)
@pytest.mark.fast_cases(1)
@pytest.mark.filterwarnings("ignore")
def test_max_time_holds_if_an_estimator_hangs(kind, backend):
    for limit in PATIENCE:
        search = search_of(kind, Does(what=hang), max_time=limit)
        with joblib.parallel_config(backend), suppress(ValueError):  # no trial was completed
            BayesSearchCV(SVC(), RANGE, n_iter=2, cv=2, n_jobs=2).fit(X, y)  # starts workers
            start = time.monotonic()
            search.fit(X, y)
            break
    assert 0.95 * limit < time.monotonic() - start < limit + 100
    assert search.stop_reason_ == f"max_time={limit} seconds have passed"
    assert search.best_params_ == {"C": 1.0}
    assert search.best_estimator_.C == 1.0


@pytest.mark.slow
def test_max_time_before_any_trial_is_done():
    search = search_of("bayes", Does(C=9.0, what=hang), max_time=1.5)
    search.set_params(initial_points=[{"C": 9.0}], include_default=False)
    with pytest.raises(ValueError, match=r"No trial was completed: max_time=1\.5 seconds"):
        search.fit(X, y)


@pytest.mark.filterwarnings("ignore")
def test_errors_in_workers_are_failures_as_everywhere():
    """An error that is raised in workers only, a score that is nan, a scorer that raises."""

    def only_in_workers():
        if os.getpid() != PARENT:
            raise OSError("only in workers")

    search = search_of("grid", Does(what=only_in_workers)).fit(X, y)
    assert "only in workers" in search.history_[1].message
    assert search.best_params_ == {"C": 1.0}

    def score(estimator, X, y):
        if estimator.C == 2.0:
            raise ZeroDivisionError("in the scorer")
        return np.nan if estimator.C > 5 else 1.0

    search = search_of("bayes", Does(), scoring=score).fit(X, y)
    assert [t.state for t in search.history_] == ["complete", "failed", "failed"]
    assert [t.message.splitlines()[-1:] for t in search.history_] == [
        [],
        ["The score is not finite."],
        ["ZeroDivisionError: in the scorer"],
    ]


@pytest.mark.parametrize(
    "search_class", [GridSearchCV, model_selection.GridSearchCV], ids=["ours", "scikit-learn"]
)
def test_what_cannot_be_pickled(search_class):
    lock = threading.Lock()

    def score(estimator, X, y):
        return float(not lock.locked())

    search = search_class(SVC(), {"C": [1, 2]}, scoring=score, n_jobs=2, cv=2)
    with pytest.raises(pickle.PicklingError, match="pickle") as caught:
        search.fit(X, y)
    if search_class is GridSearchCV:
        assert re.search(r"scorer.* cannot pickle '_thread.lock'.* n_jobs=1", str(caught.value))
    assert search.set_params(n_jobs=1).fit(X, y).best_score_ == 1


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.fast_cases(1)
def test_values_of_the_limits_are_checked_before_a_fit(n_jobs):
    for name, value in (("fit_timeout", 0), ("memory_limit", 1.5), ("max_time", -1.0)):
        for kind in CLASSES:
            search = search_of(kind, Does(C=9, what=hang), n_jobs=n_jobs, **{name: value})
            with pytest.raises(ValueError, match=f"The '{name}' parameter of"):
                search.fit(X, y)


@pytest.mark.slow
def test_a_function_that_kills_its_worker():
    def function(params):
        if params["x"] > 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        return params["x"]

    first = [{"x": 0.2}, {"x": 0.9}]
    result = minimize(function, {"x": (0.0, 1.0)}, 4, initial_points=first, n_jobs=2)
    assert result.nfev == 4
    assert np.isnan(result.func_vals[1])
    assert "SIGKILL" in result.history[1].message
    start = time.monotonic()
    result = minimize(
        lambda params: hang() if params["x"] > 0.5 else params["x"],
        {"x": (0.0, 1.0)},
        None,
        initial_points=first,
        max_time=10.0,
        n_jobs=2,
    )
    assert time.monotonic() - start < 200
    assert result.fun <= 0.2


@pytest.mark.slow
def test_a_clock_that_jumps_does_no_harm(monkeypatch):
    clock, jump = time.time, [0.0]

    def jumping():
        jump[0] = 1e7 - jump[0]
        return clock() + jump[0]

    expected = search_of("bayes", Does(), random_state=0, max_time=600.0).fit(X, y)
    monkeypatch.setattr(time, "time", jumping)
    found = search_of("bayes", Does(), random_state=0, max_time=600.0).fit(X, y)
    assert [t.params for t in found.history_] == [t.params for t in expected.history_]
    assert found.stop_reason_.kind == "candidates"


SCRIPT = """
    import ctypes, os, signal, sys, threading, time
    from pathlib import Path
    import joblib
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.datasets import load_iris
    from skhyper import BayesSearchCV, GridSearchCV
    from skhyper.callbacks import Callback

    backend, kind, folder, parent = "{backend}", "{kind}", Path("{folder}"), os.getpid()

    class Hangs(ClassifierMixin, BaseEstimator):
        def __init__(self, C=1.0):
            self.C = C
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            (folder / f"pid-{{os.getpid()}}").touch()
            if self.C > 5:
                while len(list(folder.glob("scored-1.0-*"))) < 2:
                    time.sleep(0.01)
                (folder / "hangs").touch()
                if backend == "threading":
                    time.sleep(600)
                else:
                    ctypes.PyDLL(None).sleep(600)  # holds the interpreter's lock
            return self
        def score(self, X, y):
            (folder / f"scored-{{self.C}}-{{time.monotonic_ns()}}").touch()
            return -self.C

    class Notes(Callback):
        def on_trial_end(self, search, trial):
            (folder / f"done-{{trial.params['C']}}").touch()

    if kind == "grid":
        search = GridSearchCV(Hangs(), {{"C": [1.0, 9.0, 2.0]}}, cv=2, n_jobs=2)
    else:
        first = [{{"C": 1.0}}, {{"C": 9.0}}, {{"C": 2.0}}]
        space = {{"C": (0.1, 10.0)}}
        search = BayesSearchCV(Hangs(), space, initial_points=first, n_iter=9, cv=2, n_jobs=2)
    search.set_callbacks(Notes())
    with joblib.parallel_config(backend):
        try:
            search.fit(*load_iris(return_X_y=True))
        except KeyboardInterrupt:
            kept = sorted(trial.params["C"] for trial in search.history_)
            print("kept", kept, search.stop_reason_, flush=True)
"""


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition, seconds=300):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@posix
@pytest.mark.parametrize(
    ("fault", "backend", "kind"),
    [  # all pairs
        (fault, backend, ["grid", "bayes"][(i + k) % 2])
        for i, fault in enumerate(["killed", "ctrl-c", "ctrl-c twice", "terminated"])
        for k, backend in enumerate(["loky", "multiprocessing", "threading"])
    ],
)
@pytest.mark.fast_cases(3)
def test_a_search_that_is_ended_while_fits_hang(fault, backend, kind, tmp_path):
    """It ends immediately, without orphan processes, and has its results after Ctrl-C."""
    script = textwrap.dedent(SCRIPT).format(backend=backend, kind=kind, folder=tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until((tmp_path / "hangs").exists)
        until((tmp_path / "done-1.0").exists)
        start = time.monotonic()
        if fault == "killed":
            os.kill(process.pid, signal.SIGKILL)
        elif fault == "terminated":
            os.kill(process.pid, signal.SIGTERM)
        else:  # as a terminal does, to all processes
            os.killpg(process.pid, signal.SIGINT)
        if fault == "ctrl-c twice":
            time.sleep(0.02)
            os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=300)
        assert time.monotonic() - start < 200
        if fault == "ctrl-c":
            # Not the one that hangs; the third one is complete if it did not wait behind that.
            kept = re.search(r"kept (\[.*\]) interrupted by KeyboardInterrupt", out)
            assert kept and kept[1] in ("[1.0]", "[1.0, 2.0]"), err
        workers = {int(path.name[4:]) for path in tmp_path.glob("pid-*")}
        assert workers
        until(lambda: not any(map(is_alive, workers)), 100)
    finally:
        process.kill()
        process.communicate()
