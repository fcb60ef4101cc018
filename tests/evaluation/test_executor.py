"""Pools."""

import os
import threading
import time

import cloudpickle
import joblib
import numpy as np
import pytest
from joblib.parallel import BACKENDS, ThreadingBackend, get_active_backend
from sklearn import model_selection
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import KFold
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GridSearchCV, minimize
from skhyper.evaluation import Objective, make_pool
from skhyper.evaluation._executor import InProcess, JoblibRounds, Threads
from skhyper.evaluation._objective import FoldJob
from skhyper.evaluation._processes import Limits, Processes

X, y = load_iris(return_X_y=True)
SPLITS = list(KFold(3).split(X))


class WhereAmI(BaseEstimator):
    """Its score is a number of the process or thread that fitted it.

    With a directory to `meet` in, it waits there for one from another place.
    """

    def __init__(self, what="process", delay=0.0, meet=None):
        self.what, self.delay, self.meet = what, delay, meet

    def fit(self, X, y):
        import time

        time.sleep(self.delay)
        self.where_ = os.getpid() if self.what == "process" else threading.get_ident()
        if self.meet is not None:
            (self.meet / str(self.where_)).touch()
            give_up = time.monotonic() + 300
            while len(os.listdir(self.meet)) < 2 and time.monotonic() < give_up:
                time.sleep(0.01)
        return self


def where(estimator, X, y):
    return float(estimator.where_ % 2**52)


def objective(**kwargs):
    return Objective(WhereAmI(**kwargs), X, y, SPLITS, where, {}, {}, "raise", False, 0)


def drain(pool, jobs):
    for job in jobs:
        pool.submit(job)
    results = []
    while len(results) < len(jobs):
        results += list(pool.wait())
    pool.close()
    return results


JOBS = [FoldJob(trial, fold, {}, 4) for trial in range(4) for fold in range(3)]


@pytest.mark.parametrize(
    ("backend", "n_jobs", "kind"),
    [
        ("loky", None, InProcess),
        ("loky", 1, InProcess),
        ("loky", 2, Processes),
        ("threading", 2, Threads),
        ("multiprocessing", 2, Processes),
        ("counting", 2, JoblibRounds),
        ("sequential", 2, InProcess),
    ],
)
def test_the_pool_that_fits(counting, backend, n_jobs, kind):
    with joblib.parallel_config(backend):
        pool = make_pool(objective(), n_jobs, "2*n_jobs")
    assert type(pool) is kind
    pool.close()


def test_limits_need_processes(counting):
    limits = Limits(fit_timeout=1.0)
    for backend in ("threading", "counting"):
        with joblib.parallel_config(backend):
            with pytest.raises(ValueError, match=f"(?i){backend}Backend|Counting with n_jobs=2"):
                make_pool(objective(), 2, "all", limits)
            assert type(make_pool(objective(), None, "all", limits)) is Processes


def test_in_process_runs_one_job_at_each_wait():
    pool = InProcess(objective())
    pool.submit(JOBS[0])
    pool.submit(JOBS[1])
    assert not pool.has_room
    ((job, result),) = pool.wait()
    assert job is JOBS[0]
    assert result["test_scores"] == float(os.getpid())
    assert not pool.has_room
    list(pool.wait())
    assert pool.has_room


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.fast_cases(1)
def test_workers_do_the_work_and_each_job_comes_back_once(backend, tmp_path):
    what = "process" if backend == "loky" else "thread"
    with joblib.parallel_config(backend, n_jobs=2):
        pool = make_pool(objective(what=what, meet=tmp_path), None, "all")
        results = drain(pool, JOBS)
    assert sorted((j.trial, j.fold) for j, _ in results) == [(j.trial, j.fold) for j in JOBS]
    places = {result["test_scores"] for _, result in results}
    assert len(places) == 2
    here = os.getpid() if what == "process" else threading.get_ident()
    assert float(here % 2**52) not in places


def test_workers_have_room_while_one_is_free():
    pool = Threads(objective(delay=0.1, what="thread"), 2, get_active_backend()[0])
    assert pool.has_room
    pool.submit(JOBS[0])
    assert pool.has_room
    pool.submit(JOBS[1])
    assert not pool.has_room
    assert len(list(pool.wait())) >= 1
    assert pool.has_room
    pool.close()


def test_jobs_of_a_cancelled_trial_that_have_not_started_do_not_run():
    jobs = [FoldJob(trial, fold, {}, 2) for trial in range(2) for fold in range(3)]
    pool = InProcess(objective())
    for job in jobs:
        pool.submit(job)
    ran = [job for job, _ in pool.wait()]
    pool.cancel(0)
    ran += [job for _ in range(3) for job, _ in pool.wait()]
    assert ran == [jobs[0], *jobs[3:]]
    with joblib.parallel_config("threading"):
        rounds = JoblibRounds(objective(delay=0.03, what="thread"), 2, "n_jobs")
    for job in jobs * 10:
        rounds.submit(job)
    ran = []
    for job, result in rounds.wait():
        rounds.cancel(0)
        assert np.isfinite(result["test_scores"])
        ran.append((job.trial, job.fold))
    rounds.close()
    assert sum(trial == 1 for trial, _ in ran) == 30
    assert sum(trial == 0 for trial, _ in ran) < 25
    workers = Threads(objective(delay=0.1, what="thread"), 1, get_active_backend()[0])
    for job in jobs:
        workers.submit(job)
    workers.cancel(0)
    ran = []
    while len(ran) < 4:
        ran += [job for job, _ in workers.wait()]
    workers.close()
    assert ran == [jobs[0], *jobs[3:]]


def test_results_say_when_a_fold_started():
    start = time.time()
    for pool in (InProcess(objective()), make_pool(objective(), 2, "all")):
        (result,) = [result for _, result in drain(pool, JOBS[:1])]
        assert start < result["started"] < time.time()


def test_threads_of_linear_algebra_are_shared_among_worker_processes(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    class Reads(WhereAmI):
        def fit(self, X, y):
            self.where_ = int(os.environ["OMP_NUM_THREADS"])
            return self

    target = Objective(Reads(), X, y, SPLITS, where, {}, {}, "raise", False, 0)
    pool = Processes(target, 2, get_active_backend()[0])
    (result,) = [r["test_scores"] for _, r in drain(pool, JOBS[:1])]
    assert result == max(1, joblib.cpu_count() // 2)


def test_data_are_sent_to_a_worker_once(monkeypatch, tmp_path):
    sizes = []
    original = cloudpickle.dumps

    def spy(obj):
        sizes.append(len(original(obj)))
        return original(obj)

    monkeypatch.setattr(cloudpickle, "dumps", spy)
    big = np.zeros((1000, 1000))
    splits = list(KFold(3).split(big))
    target = Objective(WhereAmI(), big, big[:, 0], splits, where, {}, {}, "raise", False, 0)
    with joblib.parallel_config("loky", temp_folder=tmp_path):
        pool = Processes(target, 2, get_active_backend()[0])
    pool.submit(JOBS[0])
    # 8 MB go by a file that is mapped into memory.
    assert big.nbytes < pool._file.n_bytes < big.nbytes + 2e4
    list(pool.wait())
    drain(pool, JOBS[1:])
    assert max(sizes) < 2e4, "a fold's own 8 kB of row numbers go with each job"
    assert os.listdir(tmp_path) == []


def test_what_a_fold_of_another_kind_gets():
    for splits in ([([0, 60], [1])], [(np.arange(150) > 3, np.arange(150) < 4)]):
        target = Objective(WhereAmI(), X.tolist(), y, splits, n_rows, {}, {}, "raise", False, 0)
        with joblib.parallel_config("threading"):
            pool = JoblibRounds(target, 2, "all")
        ((_, separate),) = drain(pool, JOBS[:1])
        whole = target.run(JOBS[0])
        assert separate["test_scores"] == whole["test_scores"]
        assert separate["n_test_samples"] == whole["n_test_samples"]


def n_rows(estimator, X, y):
    return float(len(X))


class Counting(ThreadingBackend):
    """Threads, with a count of the pools that are started and of the bytes that jobs have."""

    n_started = n_bytes = 0

    def configure(self, *args, **kwargs):
        Counting.n_started += 1
        return super().configure(*args, **kwargs)

    def submit(self, func, callback=None):
        Counting.n_bytes += len(cloudpickle.dumps(func.items))
        return super().submit(func, callback)

    def apply_async(self, func, callback=None):  # joblib < 1.5
        Counting.n_bytes += len(cloudpickle.dumps(func.items))
        return super().apply_async(func, callback)


@pytest.fixture
def counting():
    Counting.n_started = Counting.n_bytes = 0
    joblib.register_parallel_backend("counting", Counting)
    yield Counting
    del BACKENDS["counting"]


def test_a_pool_of_joblib_is_started_once_a_fit(counting):
    search = BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=5, n_jobs=2, cv=2, random_state=0)
    with joblib.parallel_config("counting"):
        found = clone(search).fit(X, y)
    assert counting.n_started == 1
    alone = search.set_params(n_jobs=1, n_points=1).fit(X, y)
    assert found.cv_results_["params"] == alone.cv_results_["params"]
    with joblib.parallel_config("counting"):
        minimize(lambda params: params["x"], {"x": (0.0, 1.0)}, 4, n_jobs=2, random_state=0)
    assert counting.n_started == 2


def test_a_pool_of_joblib_is_closed_after_an_error(counting):
    class Fails(WhereAmI):
        def fit(self, X, y):
            raise ZeroDivisionError("in a fold")

    target = Objective(Fails(), X, y, SPLITS, where, {}, {}, "raise", False, 0)
    with joblib.parallel_config("counting"):
        pool = JoblibRounds(target, 2, "all")
        pool.submit(JOBS[0])
        with pytest.raises(ZeroDivisionError, match="in a fold"):
            list(pool.wait())
        pool.close(kill=True)
    assert pool._parallel._backend._pool is None


def test_grid_search_sends_what_scikit_learn_sends(counting):
    """With 100 folds, each job had the row numbers of all of them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1000, 20)), np.arange(1000) % 2
    grid = {"strategy": ["prior", "uniform"]}
    sent = {}
    for kind in (GridSearchCV, model_selection.GridSearchCV):
        counting.n_bytes = 0
        with joblib.parallel_config("counting"):
            found = kind(DummyClassifier(random_state=0), grid, cv=100, n_jobs=2, refit=False).fit(
                X, y
            )
        sent[kind] = counting.n_bytes, found.cv_results_["mean_test_score"].tolist()
    (ours, our_scores), (theirs, their_scores) = sent.values()
    assert our_scores == their_scores
    assert ours < 1.1 * theirs


class CountsPickles:
    """A scorer that counts how often it is sent."""

    n = 0

    def __reduce__(self):
        CountsPickles.n += 1
        return CountsPickles, ()

    def __call__(self, estimator, X, y):
        return estimator.score(X, y)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dask_gets_the_data_once_a_worker(monkeypatch):
    distributed = pytest.importorskip("distributed")
    from distributed.comm.tcp import TCP

    sent, write = [], TCP.write

    async def counted(self, *args, **kwargs):
        sent.append(await write(self, *args, **kwargs) or 0)
        return sent[-1]

    monkeypatch.setattr(TCP, "write", counted)
    wide = np.random.default_rng(0).normal(size=(150, 5000))
    space = {"strategy": ["prior", "uniform"], "random_state": (0, 99)}
    search = BayesSearchCV(
        DummyClassifier(),
        space,
        n_iter=6,
        cv=3,
        scoring=CountsPickles(),
        random_state=0,
        refit=False,
    )
    with (
        distributed.Client(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            protocol="tcp",
            dashboard_address=None,
        ),
        joblib.parallel_config("dask"),
    ):
        CountsPickles.n = 0
        search.fit(wide, y)
        backend = get_active_backend()[0]
    assert search.n_trials_ == 6
    assert CountsPickles.n < 6, "for 18 jobs"
    assert sum(sent) < 4 * wide.nbytes, "18 times, if they went with each job"
    assert backend.data_futures == {}


def nested(estimator, X, y):
    """1 if what runs in parallel inside of a fold would start processes of its own."""
    backend, _ = get_active_backend()
    return float(type(backend).__name__ == "LokyBackend")


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_what_is_nested_in_a_fold_starts_no_processes(backend):
    target = Objective(WhereAmI(), X, y, SPLITS, nested, {}, {}, "raise", False, 0)
    with joblib.parallel_config(backend, n_jobs=2):
        pool = make_pool(target, None, "all")
        assert {result["test_scores"] for _, result in drain(pool, JOBS[:3])} == {0.0}
