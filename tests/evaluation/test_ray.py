"""Searches on Ray, whose workers are killed; in a process of their own, which Ray may need."""

import os
import sys
import time

import joblib
import numpy as np
import pytest
from evaluation.clusters import (
    SPACE,
    Sleeps,
    Threads,
    X,
    check_one_killed_worker,
    check_proposals_when_any_fold_ends,
    check_same_as_alone,
    failed_by_killing_workers,
    y,
)

from skhyper import BayesSearchCV, minimize

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def cluster():
    from ray.util.joblib import register_ray

    path = {"PYTHONPATH": os.pathsep.join(sys.path)}  # to the module of the estimators
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": path},
    )
    register_ray()
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def backend(cluster):
    with joblib.parallel_config("ray"):
        yield


@pytest.mark.parametrize("kind", ["grid", "bayes"])
def test_the_same_search_as_alone(kind):
    check_same_as_alone(kind)


def test_the_next_proposal_is_made_when_any_fold_ends(tmp_path):
    check_proposals_when_any_fold_ends(tmp_path)


def test_n_jobs_is_the_number_of_tasks():
    def starts(params):
        start = time.time()
        time.sleep(0.2)
        return start

    trials = minimize(starts, SPACE, 4, n_jobs=1).history
    assert np.diff(sorted(trial.loss for trial in trials)).min() >= 0.2


def test_a_worker_killed_in_mid_fit_costs_no_fold(tmp_path):
    check_one_killed_worker(tmp_path, random_state=0)


def test_a_fold_that_kills_two_workers_has_failed_and_the_search_goes_on():
    assert "Ray lost the workers that ran fold" in failed_by_killing_workers()


def test_errors_of_folds_are_raised():
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        minimize(lambda p: 1 / 0, {"x": (0.0, 1.0)}, 5, random_state=0)


def test_threads_of_blas_are_bounded():
    found = BayesSearchCV(Threads(), SPACE, n_iter=2, refit=False).fit(X, y)
    assert found.best_score_ == 1.0


def test_max_time_gives_up_running_folds():
    search = BayesSearchCV(Sleeps(seconds=600.0), SPACE, max_time=1, n_iter=None)
    search.set_params(initial_points=None, refit=False)
    start = time.monotonic()
    with pytest.raises(ValueError, match="No trial was completed"):
        search.fit(X, y)
    assert time.monotonic() - start < 300
    assert minimize(lambda p: p["x"], {"x": (0.0, 1.0)}, 2).nfev == 2, "their workers were ended"
