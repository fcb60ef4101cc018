"""Searches on Ray, whose workers are killed; in a process of their own, which Ray may need."""

import os
import signal
import time

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris

from skhyper import BayesSearchCV, GridSearchCV, minimize

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
X, y = load_iris(return_X_y=True)
SPACE = {"a": (0.0, 1.0)}


class Sleeps(BaseEstimator):
    """Its score is -(a - 0.3)²."""

    def __init__(self, a=0.5, seconds=0.0, folder=None):
        self.a, self.seconds, self.folder = a, seconds, folder

    def fit(self, X, y):
        time.sleep(self.seconds)
        return self

    def score(self, X, y):
        return -((self.a - 0.3) ** 2)


class Kills(Sleeps):
    """Kills its worker if `a` is large; with a folder, only the first time."""

    def fit(self, X, y):
        if self.a > 0.6 and (self.folder is None or not os.listdir(self.folder)):
            if self.folder is not None:
                open(os.path.join(self.folder, "killed"), "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


class Threads(Sleeps):
    """Its score is the number of threads of BLAS in its fit."""

    def fit(self, X, y):
        from threadpoolctl import threadpool_info

        blas = [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]
        self.n_ = max(blas, default=1)
        return self

    def score(self, X, y):
        return float(self.n_)


@pytest.fixture(scope="module")
def cluster():
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def backend(cluster):
    with joblib.parallel_config("ray"):
        yield


@pytest.mark.parametrize("kind", ["grid", "bayes"])
def test_the_same_search_as_alone(kind):
    def new():
        if kind == "grid":
            return GridSearchCV(Sleeps(), {"a": [0.1, 0.2, 0.9]}, cv=2, return_train_score=True)
        return BayesSearchCV(Sleeps(), SPACE, n_iter=6, n_points=1, random_state=0)

    found = new().fit(X, y)
    with joblib.parallel_config("loky"):
        alone = new().fit(X, y)
    for name in ("params", "mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(found.cv_results_[name], alone.cv_results_[name])


def test_the_next_proposal_is_made_when_any_fold_ends(tmp_path):
    """The first trial waits until three others have run next to it."""

    def meet(params):
        (tmp_path / str(params["a"])).touch()
        limit = time.monotonic() + 60
        while params["a"] == 0.0 and len(os.listdir(tmp_path)) < 4:
            if time.monotonic() > limit:
                return 1.0
            time.sleep(0.01)
        return 0.0

    found = minimize(meet, SPACE, 4, initial_points=[{"a": 0.0}])
    assert [trial.loss for trial in found.history] == [0.0] * 4


def test_n_jobs_is_the_number_of_tasks():
    def starts(params):
        start = time.time()
        time.sleep(0.2)
        return start

    trials = minimize(starts, SPACE, 4, n_jobs=1).history
    assert np.diff(sorted(trial.loss for trial in trials)).min() >= 0.2


def test_a_worker_killed_in_mid_fit_costs_no_fold(tmp_path):
    search = BayesSearchCV(
        Kills(folder=str(tmp_path), seconds=0.1),
        {"a": (0.0, 1.0)},
        n_iter=8,
        cv=2,
        n_points=2,
        refit=False,
        random_state=0,
    ).fit(X, y)
    assert os.listdir(tmp_path) == ["killed"]
    assert [str(trial.state) for trial in search.history_] == ["complete"] * 8


def test_a_fold_that_kills_two_workers_has_failed_and_the_search_goes_on():
    found = BayesSearchCV(Kills(), {"a": [0.1, 0.2, 0.9]}, n_iter=3, cv=2, refit=False).fit(X, y)
    states = {trial.params["a"]: trial.state for trial in found.history_}
    assert states == {0.1: "complete", 0.2: "complete", 0.9: "failed"}
    (failed,) = [trial for trial in found.history_ if trial.state == "failed"]
    assert "Ray lost the workers that ran fold" in failed.message
    assert "{'a': 0.9}" in failed.message


def test_errors_of_folds_are_raised():
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        minimize(lambda p: 1 / 0, {"x": (0.0, 1.0)}, 5, random_state=0)


def test_threads_of_blas_are_bounded():
    found = BayesSearchCV(Threads(), SPACE, n_iter=2, refit=False).fit(X, y)
    assert found.best_score_ == 1.0


def test_max_time_gives_up_running_folds():
    search = BayesSearchCV(Sleeps(seconds=60.0), SPACE, max_time=1, n_iter=None)
    search.set_params(initial_points=None, refit=False)
    start = time.monotonic()
    with pytest.raises(ValueError, match="No trial was completed"):
        search.fit(X, y)
    assert time.monotonic() - start < 30
    assert minimize(lambda p: p["x"], {"x": (0.0, 1.0)}, 2).nfev == 2, "their workers were ended"
