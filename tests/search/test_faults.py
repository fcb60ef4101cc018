"""Nothing is lost: faults that are really caused."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GridSearchCV, SearchCV
from skhyper.evaluation import Journal

X, y = load_iris(return_X_y=True)
SPACE = {"C": (1e-2, 1e2, "log-uniform")}


class Breaks(SVC):
    """Raises `error` at the seventh fit."""

    n_fits = 0
    error = KeyboardInterrupt

    def fit(self, X, y):
        Breaks.n_fits += 1
        if Breaks.n_fits == 7:
            raise Breaks.error("seventh fit")
        return super().fit(X, y)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(
    "search",
    [
        BayesSearchCV(Breaks(), SPACE, n_iter=9, cv=3, random_state=0, warm_start=True),
        SearchCV(Breaks(), sampler=[{"C": c} for c in range(1, 10)], cv=3, warm_start=True),
        GridSearchCV(Breaks(), {"C": list(range(1, 10))}, cv=3),
    ],
    ids=["bayes", "manual", "grid"],
)
def test_an_interruption_keeps_the_finished_trials(search, error):
    search = clone(search)
    Breaks.n_fits, Breaks.error = 0, error
    with pytest.raises(error, match="seventh fit"):
        search.fit(X, y)
    assert search.stop_reason_ == f"interrupted by {error.__name__}"
    assert search.n_trials_ == 2
    assert len(search.cv_results_["params"]) == 2
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert search.best_params_ == search.cv_results_["params"][search.best_index_]
    with pytest.raises(NotFittedError, match="not fitted"):
        search.predict(X)
    assert [trial.number for trial in search.history_] == [0, 1]
    if getattr(search, "warm_start", False):
        search.fit(X, y)  # continues
        assert search.n_trials_ == (11 if isinstance(search, BayesSearchCV) else 9)
        assert search.best_estimator_.predict(X).shape == y.shape


def test_an_error_keeps_the_finished_trials():
    Breaks.n_fits, Breaks.error = 0, ZeroDivisionError
    search = BayesSearchCV(Breaks(), SPACE, n_iter=9, cv=3, error_score="raise", random_state=0)
    with pytest.raises(ZeroDivisionError, match="seventh fit"):
        search.fit(X, y)
    assert search.n_trials_ == 2
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", ["bayes", "list"])
@pytest.mark.fast_cases(1)
def test_ctrl_c(n_jobs, kind):
    """A real SIGINT to a real process, workers and all."""
    script = textwrap.dedent(f"""
        import os, signal, sys, threading, time
        import numpy as np
        from sklearn.base import BaseEstimator, ClassifierMixin
        from sklearn.datasets import load_iris
        from skhyper import BayesSearchCV, SearchCV
        from skhyper.callbacks import ProgressBar

        class Slow(ClassifierMixin, BaseEstimator):
            def __init__(self, C=1.0):
                self.C = C
            def fit(self, X, y):
                time.sleep(0.05)
                self.classes_ = np.unique(y)
                return self
            def score(self, X, y):
                return -self.C

        finished = []

        class Interrupt(ProgressBar):
            def on_trial_end(self, search, trial):
                finished.append(trial.number)
                if trial.number == 3:
                    os.kill(os.getpid(), signal.SIGINT)

        kind, n_jobs = {kind!r}, {n_jobs}
        if kind == "bayes":
            search = BayesSearchCV(Slow(), {{"C": (0.1, 1.0)}}, n_iter=500, cv=2, n_jobs=n_jobs)
        else:
            settings = [{{"C": c / 500}} for c in range(1, 501)]
            search = SearchCV(Slow(), sampler=settings, cv=2, n_jobs=n_jobs)
        search.set_callbacks(Interrupt())
        start = time.monotonic()
        try:
            search.fit(*load_iris(return_X_y=True))
        except KeyboardInterrupt:
            kept = [trial.params for trial in search.history_ if trial.state == "complete"]
            assert search.n_trials_ == len(kept) == len(finished), (search.n_trials_, finished)
            assert search.cv_results_["params"] == kept
            assert finished[-1] == 3
            assert time.monotonic() - start < 400
            print("kept", search.stop_reason_)
    """)
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=600, env=env
    )
    assert "kept interrupted by KeyboardInterrupt" in out.stdout, out.stderr


@pytest.mark.parametrize("kind", ["bayes", "grid"])
@pytest.mark.fast_cases(1)
@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_worker_that_dies_does_not_end_the_search(kind):
    class Dies(SVC):
        def fit(self, X, y):
            if self.C > 50:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().fit(X, y)

    options = {"n_jobs": 2, "cv": 2}
    if kind == "grid":
        search = GridSearchCV(Dies(), {"C": [1.0, 99.0, 2.0]}, **options)
    else:
        space, first = {"C": (0.1, 100.0)}, [{"C": 1.0}, {"C": 99.0}, {"C": 2.0}]
        search = BayesSearchCV(Dies(), space, n_iter=3, initial_points=first, **options)
    with pytest.warns(match=r"(?s)2 fits failed .*SIGKILL"):
        search.fit(X, y)
    assert [t.state for t in search.history_] == ["complete", "failed", "complete"]
    assert "SIGKILL" in search.history_[1].message
    assert repr(dict(search.history_[1].params)) in search.history_[1].message
    assert search.best_estimator_.predict(X).shape == y.shape


@pytest.mark.slow
def test_a_search_whose_workers_always_die_gives_up():
    class Dies(SVC):
        def fit(self, X, y):
            os._exit(1)

    search = BayesSearchCV(Dies(), SPACE, n_iter=9, cv=2, n_jobs=2, random_state=0)
    with pytest.raises(ValueError, match=r"(?s)All the 6 fits failed.*exited with status 1"):
        search.fit(X, y)
    assert search.stop_reason_.kind == "failures"


def test_a_journal_in_use_is_found_before_workers_are_started(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    started = []
    monkeypatch.setattr("skhyper.search._run.make_pool", lambda *args: started.append(args))
    search = BayesSearchCV(SVC(), SPACE, n_iter=2, cv=2, n_jobs=2, journal=tmp_path / "k")
    held = Journal(tmp_path / "k")  # in use, and nothing in it yet
    with pytest.raises(ValueError, match="in use by another search"):
        search.fit(X, y)
    assert started == []
    held.close()


def test_when_every_fit_failed_nothing_is_left_of_the_fit_before():
    search = BayesSearchCV(SVC(), SPACE, n_iter=2, cv=3, random_state=0).fit(X, y)
    search.set_params(estimator=Breaks())

    def fail(self, X, y):
        raise ZeroDivisionError("always")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Breaks, "fit", fail)
        with pytest.raises(ValueError, match="All the 6 fits failed"):
            search.fit(X, y)
    assert not hasattr(search, "cv_results_")
    with pytest.raises(NotFittedError, match="not fitted"):
        search.predict(X)


@pytest.mark.slow
def test_callers_own_workers_still_work_afterwards():
    from joblib import Parallel, delayed

    with Parallel(n_jobs=2) as parallel:
        assert parallel(delayed(abs)(i) for i in (-1, -2)) == [1, 2]
        BayesSearchCV(SVC(), SPACE, n_iter=2, cv=2, n_jobs=2, random_state=0).fit(X, y)
        assert parallel(delayed(abs)(i) for i in (-3, -4)) == [3, 4]


def test_an_interruption_at_once_leaves_nothing_stale():
    search = BayesSearchCV(Breaks(), SPACE, n_iter=2, cv=3, random_state=0)
    Breaks.n_fits, Breaks.error = 100, KeyboardInterrupt
    search.fit(X, y)
    Breaks.n_fits = 6
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.n_trials_ == 0
    assert not [name for name in ("cv_results_", "best_params_") if hasattr(search, name)]
