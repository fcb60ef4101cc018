"""The pool on a cluster, with a cluster that the test scripts, and what its workers run."""

import pickle

import cloudpickle
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold

from skhyper.evaluation import FoldJob, Objective
from skhyper.evaluation._cluster import ClusterPool, Lost, Raised, Shared

X, y = load_iris(return_X_y=True)
JOBS = [FoldJob(trial, fold, {"strategy": "prior"}, 2) for trial in range(2) for fold in range(3)]


class Scripted:
    """A cluster whose tasks end as `outcomes` says, in the order of submission."""

    name = "A cluster"

    def __init__(self, outcomes, n_slots=2):
        self.n_slots, self.outcomes = n_slots, iter(outcomes)
        self.running, self.submitted, self.log = [], [], []

    def submit(self, job, fold, avoid):
        if len(self.running) == self.n_slots:
            return None
        handle = len(self.submitted)
        self.running.append(handle)
        self.submitted.append((pickle.loads(job), fold, avoid))
        return handle

    def finished(self, timeout):
        outcome = next(self.outcomes, None)
        return [] if outcome is None else [(self.running.pop(0), outcome)]

    def cancel(self, handles):
        self.log.append(("cancel", list(handles)))

    def close(self):
        self.log.append("close")


def pool_with(outcomes, error_score=np.nan):
    scorer, splits = get_scorer("accuracy"), list(KFold(3).split(X))
    target = Objective(DummyClassifier(), X, y, splits, scorer, {}, {}, error_score, False, 0)
    return ClusterPool(target, Scripted(outcomes))


def result(score):
    return {"test_scores": score, "fit_error": None}


def test_a_job_starts_when_any_ends():
    pool = pool_with([result(0), result(1), None, result(2)])
    assert pool.has_room
    for job in JOBS[:4]:
        pool.submit(job)
    assert not pool.has_room
    assert len(pool._cluster.submitted) == 2
    assert [job for job, _ in pool.wait()] == JOBS[:1]
    assert len(pool._cluster.submitted) == 3
    assert [job for job, _ in pool.wait()] == JOBS[1:2]
    assert [job for job, _ in pool.wait()] == JOBS[2:3], "a look without results is no end"
    pool.close(kill=True)
    assert pool._cluster.log == [("cancel", [3]), "close"]


def test_a_fold_whose_worker_is_lost_runs_once_more_elsewhere():
    pool = pool_with([Lost("tcp://a"), result(1), result(7)])
    for job in JOBS[:2]:
        pool.submit(job)
    assert [job for job, _ in pool.wait()] == JOBS[1:2]
    assert [(job, r["test_scores"]) for job, r in pool.wait()] == [(JOBS[0], 7)]
    assert pool._cluster.submitted[2] == (JOBS[0], 0, "tcp://a")


@pytest.mark.parametrize(
    "outcomes",
    [
        [Lost("tcp://a"), Lost("tcp://b")],
        [Lost("tcp://a and others, the last tcp://b", final=True)],
        [*[Lost()] * 6, Lost("tcp://a"), Lost("tcp://b")],
    ],
    ids=["twice", "killed by the cluster", "after restarts"],
)
def test_a_fold_whose_workers_are_lost_has_failed(outcomes):
    pool = pool_with(outcomes)
    pool.submit(JOBS[0])
    ((job, failed),) = pool.wait()
    assert job is JOBS[0]
    assert np.isnan(failed["test_scores"])
    assert failed["n_test_samples"] == 50
    text = failed["fit_error"]
    assert "A cluster lost the workers that ran fold 0 of {'strategy': 'prior'}" in text
    assert "tcp://a" in text or len(outcomes) > 2
    pool = pool_with(outcomes, error_score="raise")
    pool.submit(JOBS[0])
    with pytest.raises(RuntimeError, match="lost the workers that ran fold 0"):
        list(pool.wait())


def test_an_error_of_a_task_is_raised():
    pool = pool_with([Raised(ZeroDivisionError("in a fold"))])
    pool.submit(JOBS[0])
    with pytest.raises(ZeroDivisionError, match="in a fold"):
        list(pool.wait())


def test_waiting_ends_in_time_and_a_cancelled_trial_does_not_start():
    pool = pool_with([None] * 3)
    for job in JOBS:
        pool.submit(job)
    assert list(pool.wait(timeout=0)) == []
    pool.cancel(0)
    pool._cluster.running.clear()
    pool._start_tasks()
    assert [job for job, *_ in pool._cluster.submitted] == [*JOBS[:2], *JOBS[3:5]]


def test_a_shared_object_is_unpickled_once_and_its_arrays_are_not_copied():
    array = np.random.default_rng(0).normal(size=(100, 50))
    shared = Shared({"C": array, "F": np.asfortranarray(array)})
    received = cloudpickle.loads(cloudpickle.dumps(shared))
    loaded = received.load()
    assert received.load() is loaded
    np.testing.assert_array_equal(loaded["C"], array)
    np.testing.assert_array_equal(loaded["F"], array)
    assert loaded["F"].flags.f_contiguous
    assert not loaded["C"].flags.writeable
    assert len(pickle.dumps(received)) < 2.1 * array.nbytes, "not what was unpickled, too"
    assert any(np.shares_memory(loaded["C"], buffer) for buffer in received._buffers)


class Refuses:
    def __reduce__(self):
        return Refuses.refuse, ()

    @staticmethod
    def refuse():
        raise ModuleNotFoundError("No module named 'secret'")


def test_what_cannot_be_unpickled_is_told_as_that():
    with pytest.raises(RuntimeError, match=r"cannot unpickle the estimator or the data.*'secret'"):
        Shared(Refuses()).load()
