"""Estimators and checks of searches on clusters, for Dask and Ray alike."""

import os
import signal
import time
from contextlib import suppress

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from threadpoolctl import threadpool_info

from skhyper import BayesSearchCV, GridSearchCV, minimize

X, y = load_iris(return_X_y=True)
SPACE = {"a": (0.0, 1.0)}


class Sleeps(BaseEstimator):
    """Its score is -(a - 0.3)²; what happens in a fit, a test says in a subclass."""

    def __init__(self, a=0.5, seconds=0.0, folder=None, worst=2.0):
        self.a, self.seconds, self.folder, self.worst = a, seconds, folder, worst

    def fit(self, X, y):
        time.sleep(self.seconds)
        return self

    def score(self, X, y):
        return -((self.a - 0.3) ** 2)


class Kills(Sleeps):
    """Kills its worker if `a` is large; with a folder, only the first time."""

    def fit(self, X, y):
        if self.a > 0.6:
            with suppress(FileExistsError):  # by another fold, or this one in another worker
                if self.folder is not None:
                    open(os.path.join(self.folder, "killed"), "x").close()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


class Threads(Sleeps):
    """Its score is the number of threads of BLAS in its fit."""

    def fit(self, X, y):
        blas = [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]
        self.n_ = max(blas, default=1)
        return self

    def score(self, X, y):
        return float(self.n_)


def search(estimator, n_iter=6, random_state=None, **kwargs):
    kwargs = {"cv": 2, "refit": False, **kwargs}
    return BayesSearchCV(estimator, SPACE, n_iter=n_iter, random_state=random_state, **kwargs)


def check_same_as_alone(kind):
    def new():
        if kind == "grid":
            return GridSearchCV(Sleeps(), {"a": [0.1, 0.2, 0.9]}, cv=2, return_train_score=True)
        return search(Sleeps(), random_state=0, n_points=1)

    found = new().fit(X, y)
    with joblib.parallel_config("loky"):
        alone = new().fit(X, y)
    for name in ("params", "mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(found.cv_results_[name], alone.cv_results_[name])


def check_proposals_when_any_fold_ends(folder):
    """The first trial waits until three others have run next to it."""

    def meet(params):
        (folder / str(params["a"])).touch()
        limit = time.monotonic() + 300
        while params["a"] == 0.0 and len(os.listdir(folder)) < 4:
            if time.monotonic() > limit:
                return 1.0
            time.sleep(0.01)
        return 0.0

    found = minimize(meet, SPACE, 4, initial_points=[{"a": 0.0}])
    assert [trial.loss for trial in found.history] == [0.0] * 4


def check_one_killed_worker(folder, **kwargs):
    killing = Kills(folder=str(folder), seconds=0.1)
    kwargs["initial_points"] = [{"a": 0.9}]
    found = search(killing, n_iter=8, n_points=2, **kwargs).fit(X, y)
    assert os.listdir(folder) == ["killed"]
    assert [str(trial.state) for trial in found.history_] == ["complete"] * 8


def failed_by_killing_workers():
    """The message of the fold that kills each of its workers; others are complete."""
    found = BayesSearchCV(Kills(), {"a": [0.1, 0.2, 0.9]}, n_iter=3, cv=2, refit=False).fit(X, y)
    states = {trial.params["a"]: trial.state for trial in found.history_}
    assert states == {0.1: "complete", 0.2: "complete", 0.9: "failed"}
    (failed,) = [trial for trial in found.history_ if trial.state == "failed"]
    assert "{'a': 0.9}" in failed.message
    return failed.message
