"""Pool of worker processes that die, hang, grow, and do not start."""

import ctypes
import math
import os
import signal
import sys
import time

import joblib
import numpy as np
import pytest
from joblib.parallel import get_active_backend
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold
from sklearn.svm import SVC

from skhyper._sklearn import MultimetricScorer
from skhyper.evaluation import Objective, _processes, _workers
from skhyper.evaluation._objective import FoldJob
from skhyper.evaluation._processes import Limits, Processes
from skhyper.exceptions import WorkerError

X, y = load_iris(return_X_y=True)
SPLITS = list(KFold(3).split(X))
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")


def segfault():
    ctypes.string_at(0)


def allocate():
    np.ones(2 * 10**8)


class Unpicklable(Exception):
    def __init__(self, a, b):
        super().__init__(a)


def raise_unpicklable():
    raise Unpicklable(1, 2)


class Does(BaseEstimator):
    """Calls a function in ``fit``; its score is the number of its process."""

    def __init__(self, what=int):
        self.what = what

    def fit(self, X, y):
        self.what()
        return self


def where(estimator, X, y):
    return float(os.getpid())


def pool(n_workers=1, estimator=None, scorer=where, error_score=np.nan, **limits):
    target = Objective(estimator or Does(), X, y, SPLITS, scorer, {}, {}, error_score, False, 0)
    return Processes(target, n_workers, get_active_backend()[0], Limits(**limits))


def run(processes, *whats):
    """Results of one fold for each of the functions, in this order."""
    for trial, what in enumerate(whats):
        processes.submit(FoldJob(trial, 1, {"what": what}, len(whats)))
    results = {}
    try:
        while len(results) < len(whats):
            results |= {job.trial: result for job, result in processes.wait()}
    finally:
        processes.close(kill=True)
    return [results[trial] for trial in range(len(whats))]


@pytest.fixture
def no_idle_workers():
    for worker in list(_workers._idle):
        worker.kill()
    _workers._idle.clear()


def test_a_fold_that_kills_its_worker_twice_has_failed(tmp_path):
    """Those after it run in a new worker; one that succeeds the second time has a score."""

    def dies_once():
        try:
            (tmp_path / "tried").touch(exist_ok=False)
        except FileExistsError:
            return
        os._exit(3)

    start = time.monotonic()
    before, failed, mended = run(pool(), int, segfault, dies_once)
    assert before["test_scores"] != mended["test_scores"]
    assert 0 < failed["fit_time"] < time.monotonic() - start
    assert failed["n_test_samples"] == 50
    assert np.isnan(failed["test_scores"])
    assert failed["fit_error"].startswith("WorkerError: the worker process was ended by SIGSEGV (")
    assert "with {'what': <function segfault" in failed["fit_error"]
    assert "fit_error" in mended
    assert mended["fit_error"] is None


# Limits of time; the second one is for machines that have stood still within the first one.
PATIENCE = (2.0, 30.0)


@linux
def test_limits_of_time_and_memory():
    def wait():
        time.sleep(600)

    for limit in PATIENCE:
        limits = {"fit_timeout": limit, "memory_limit": 800_000_000}
        late, large, good = run(pool(2, **limits), wait, allocate, int)
        if good["fit_error"] is None and "Timeout" not in large["fit_error"]:
            break
    assert f"fit_timeout={limit} seconds" in late["fit_error"]
    assert limit <= late["fit_time"] < limit + 100
    assert "MemoryError" in large["fit_error"]
    assert good["fit_error"] is None
    # A later fit without limits may have the same workers.
    assert run(pool(2), lambda: np.empty(2 * 10**8))[0]["fit_error"] is None


@linux
def test_a_memory_limit_that_is_too_small_is_told():
    with pytest.raises(WorkerError, match="memory_limit=1000000 bytes is less than the"):
        run(pool(memory_limit=1_000_000), int)


def test_sys_exit_is_a_failed_fit_and_errors_have_the_traceback_of_the_worker():
    processes = pool()
    assert "sys.exit(2)" in run(processes, lambda: sys.exit(2))[0]["fit_error"]
    with pytest.raises(ZeroDivisionError, match="division") as caught:
        run(pool(error_score="raise"), lambda: 1 // 0)
    assert ", in fit" in str(caught.value.__cause__)
    with pytest.raises(RuntimeError, match="Unpicklable: 1"):
        run(pool(error_score="raise"), raise_unpicklable)
    with pytest.raises(RuntimeError, match=r"sys\.exit"):
        run(pool(error_score="raise"), lambda: sys.exit(2))


def test_an_estimator_that_cannot_be_unpickled_is_told():
    class Wrong(Does):
        def __reduce__(self):
            return ctypes.CDLL, ("no such library",)

    with pytest.raises(WorkerError, match=r"(?s)cannot unpickle the estimator.*no such library"):
        run(pool(estimator=Wrong()), int)


def test_workers_that_cannot_start(monkeypatch, no_idle_workers, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(WorkerError, match=r"cannot start: the last one exited with status 1"):
            run(pool(), int)

    def fail(self):
        raise OSError("no more processes")

    monkeypatch.setattr(_workers.LokyProcess, "start", fail)
    with (
        joblib.parallel_config("loky", temp_folder=tmp_path),
        pytest.raises(WorkerError, match=r"cannot be started: OSError.*no more processes"),
    ):
        run(pool(), int)
    assert os.listdir(tmp_path) == []


class HangsWhenRead(Does):
    def __reduce__(self):
        return time.sleep, (60,)


def test_a_worker_that_hangs_while_it_unpickles(monkeypatch):
    monkeypatch.setattr(_processes, "_LOAD_SECONDS", 1.0)
    with pytest.raises(WorkerError, match=r"not read the estimator and the data in 1 seconds"):
        run(pool(estimator=HangsWhenRead(), fit_timeout=30), int)


class SecondReadsLate(Does):
    """Is read at once by the first worker, and by others when the file "go" exists."""

    def __init__(self, what=int, folder=None):
        self.what, self.folder = what, folder

    def __reduce__(self):
        return read_by_the_first_one, (self.folder,)


def read_by_the_first_one(folder):
    try:
        (folder / "read").touch(exist_ok=False)
    except FileExistsError:
        give_up = time.monotonic() + 300
        while not (folder / "go").exists() and time.monotonic() < give_up:
            time.sleep(0.01)
    return Does()


def test_jobs_begin_when_all_workers_have_started(tmp_path):
    processes = pool(2, SecondReadsLate(folder=tmp_path))
    for fold in range(2):
        processes.submit(FoldJob(0, fold, {}, 1))
    done = []
    while not done:
        done += processes.wait()
    assert processes.began == math.inf
    (tmp_path / "go").touch()
    while len(done) < 2:
        done += processes.wait()
    assert processes.began < time.monotonic()
    processes.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("ends", ["dies", "hangs"])
def test_processes_that_a_fit_forks_end_with_the_worker(tmp_path, ends):
    def fork_and_end():
        child = os.fork()
        if not child:
            time.sleep(600)
            os._exit(0)
        (tmp_path / str(child)).touch()
        if ends == "dies":
            os._exit(3)
        time.sleep(600)

    for limit in PATIENCE if ends == "hangs" else (300,):
        (failed,) = run(pool(fit_timeout=limit), fork_and_end)
        children = [int(path.name) for path in tmp_path.iterdir()]
        if children:
            break
    assert ("TimeoutError" if ends == "hangs" else "exited with status 3") in failed["fit_error"]
    assert len(children) == (2 if ends == "dies" else 1)
    late = time.monotonic() + 100
    while time.monotonic() < late and any(map(is_alive, children)):
        time.sleep(0.05)
    assert not any(map(is_alive, children))


def is_alive(pid):
    """Whether a process runs; one that has ended may not have been waited for."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no such folder, or the process has just ended
        return not os.path.isdir("/proc/self")


def test_jobs_that_are_quick_are_sent_ahead(monkeypatch):
    """But none behind one that is not, and not more than one."""
    processes = pool()
    list(processes.wait(0))
    processes.submit(FoldJob(0, 0, {}, 1))
    while not list(processes.wait()):
        pass
    (place,) = processes._places
    for seconds, ahead in ((0.001, 2), (1.0, 1)):
        place.last_seconds = seconds
        for fold in range(3):
            processes.submit(FoldJob(ahead, fold, {"what": lambda: time.sleep(0.3)}, 1))
        assert len(place.jobs) == ahead
        done = []
        while len(done) < 3:
            done += processes.wait()
    processes.close()


def test_a_job_behind_one_that_takes_long_is_given_to_another_worker(tmp_path):
    def wait_for_others():
        give_up = time.monotonic() + 300
        while not os.listdir(tmp_path) and time.monotonic() < give_up:
            time.sleep(0.01)

    processes = pool(2)
    for fold in range(2):
        processes.submit(FoldJob(0, fold, {}, 1))
    done = []
    while len(done) < 2:
        done += processes.wait()
    first, _ = processes._places
    first.last_seconds = 0.001
    processes.submit(FoldJob(1, 0, {"what": wait_for_others}, 1))
    processes.submit(FoldJob(2, 0, {"what": lambda: time.sleep(0.3)}, 1))
    processes.submit(FoldJob(3, 0, {}, 1))
    assert [len(place.jobs) for place in processes._places] == [2, 1]
    trials = []
    while len(trials) < 3:
        trials += [job.trial for job, _ in processes.wait()]
        if len(trials) == 2:
            assert trials == [2, 3]
            assert processes.has_room
            (tmp_path / "go").touch()
    # The first worker runs it, too, and is then free again.
    processes.submit(FoldJob(4, 0, {}, 1))
    processes.submit(FoldJob(5, 0, {}, 1))
    after = []
    while len(after) < 2:
        after += [job.trial for job, _ in processes.wait()]
    assert (trials[2], sorted(after)) == (1, [4, 5])
    processes.close()


def test_wait_has_a_timeout_and_close_ends_what_runs():
    processes = pool()
    processes.submit(FoldJob(0, 0, {"what": int}, 1))
    list(processes.wait())
    processes.submit(FoldJob(1, 0, {"what": lambda: time.sleep(600)}, 1))
    start = time.monotonic()
    assert list(processes.wait(0.1)) == []
    assert not processes.has_room
    (place,) = processes._places
    processes.close()
    assert time.monotonic() - start < 300
    assert place.worker.exit_status() == -signal.SIGKILL


def test_failed_results_have_the_shape_of_scikit_learns():
    scorers = {name: get_scorer(name) for name in ("accuracy", "r2")}
    scorer = MultimetricScorer(scorers=scorers)
    for scoring in (get_scorer("accuracy"), scorer):
        target = Objective(SVC(), X, y, SPLITS, scoring, {}, {}, -1.0, True, 0, quiet=True)
        job = FoldJob(0, 0, {"C": -1.0}, 1)  # scikit-learn refuses it
        expected = target.run(job)
        found = target.failed(job, ValueError("late"), 2.0)
        assert list(found) == list(expected) or set(found) == set(expected)
        for name in ("test_scores", "train_scores", "n_test_samples", "score_time"):
            assert found[name] == expected[name]
        assert (found["fit_time"], found["fit_error"]) == (2.0, "ValueError: late")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (3, "exited with status 3"),
        (None, "ended"),
        (-9, "was ended by SIGKILL (Killed, possibly out of memory)"),
    ],
)
def test_how_a_process_ended(status, text):
    assert _processes._ended(status) == text


def test_folds_keep_their_workers_while_these_have_others_to_run():
    objective = Objective(Does(), X, y, SPLITS, where, {}, {}, np.nan, False, 0)
    pool = Processes(objective, 2, get_active_backend()[0])
    first, second = places = [_processes._Place(None), _processes._Place(None)]
    pool._places = places

    def taken(place, waiting):
        pool._waiting.clear()
        pool._waiting.extend(FoldJob(trial, fold, {}, 9) for trial, fold in waiting)
        job = pool._next_job(place)
        place.folds.add(job.fold)
        return job.trial, job.fold

    all_folds = [(trial, fold) for trial in range(3) for fold in range(3)]
    assert taken(first, all_folds) == (0, 0)
    assert taken(second, all_folds) == (0, 0), "the objective keeps nothing"
    second.folds.clear()
    pool._keeps_folds = True
    assert taken(second, all_folds) == (0, 1)
    assert taken(first, all_folds[1:]) == (0, 2), "no worker had it"
    assert taken(second, all_folds[2:]) == (1, 1)
    assert taken(second, all_folds[5:]) == (2, 1)
    assert taken(second, [(1, 0), (1, 2)]) == (1, 0), "rather than nothing"
    assert taken(first, [(2, 1), (2, 0)]) == (2, 0)
