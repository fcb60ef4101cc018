"""Worker processes that are kept between fits."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import joblib
import numpy as np
import pytest
from joblib.parallel import get_active_backend
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

from skhyper import BayesSearchCV, minimize
from skhyper.evaluation import _workers
from skhyper.evaluation._workers import Start, Worker, borrow, give_back

X, y = load_iris(return_X_y=True)
posix = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at processes by /proc")


class FakeProcess:
    """Is not started; it ends when `end` is called."""

    pid = 0

    def __init__(self, target, args, env):
        self.args, self.env = args, env
        self.sentinel, self._end = os.pipe()

    def start(self):
        pass

    def end(self):
        os.close(self._end)


@pytest.fixture
def no_processes(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.setattr(_workers, "LokyProcess", FakeProcess)
    monkeypatch.setattr(_workers, "_idle", [])
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    yield
    for worker in list(_workers._idle):
        worker.pipe.close()
    _workers._started.clear()


def start(n_workers=2, **config):
    with joblib.parallel_config("loky", **config):
        return Start.from_backend(get_active_backend()[0], n_workers)


def test_workers_that_started_alike_are_used_again(no_processes):
    first, second = Worker(start()), Worker(start())
    assert borrow(start(), 2) == []
    give_back(first)
    give_back(second)
    assert borrow(start(), 1) == [second], "the last used"
    assert borrow(start(), 2) == [first], "one fit has its workers alone"
    assert first._process.args[-1] == 300


def test_workers_that_would_start_otherwise_are_not_used(no_processes, monkeypatch, tmp_path):
    worker = Worker(start())
    give_back(worker)
    assert borrow(start(3), 1) == []
    assert borrow(start(inner_max_num_threads=5), 1) == []
    with monkeypatch.context() as patch:
        patch.setenv("SOME_VARIABLE", "1")
        assert borrow(start(), 1) == []
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        assert borrow(start(), 1) == []
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        assert borrow(start(), 1) == []
    assert borrow(start(), 1) == [worker]


def test_threads_of_linear_algebra(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    found = start(2).environment
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == ("4", "7")
    found = start(2, inner_max_num_threads=3).environment
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == ("3", "3")


def test_idle_workers_that_ended_are_not_used(no_processes):
    worker = Worker(start())
    give_back(worker)
    worker._process.end()
    assert borrow(start(), 1) == []
    assert worker.pipe.closed
    assert _workers._idle == []


def test_only_so_many_idle_workers_are_kept(no_processes):
    workers = [Worker(start(n)) for n in (1, 2, 2, 2, 2)]
    for worker in workers:
        give_back(worker)
    assert [worker.pipe.closed for worker in workers] == [True] + [False] * 4
    assert _workers._idle == workers[1:]


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_has_no_workers(no_processes):
    give_back(Worker(start()))
    _workers._lock.acquire()  # as another thread might have
    child = os.fork()
    if child == 0:
        os._exit(_workers._lock.locked() or len(_workers._idle) or len(_workers._started))
    _workers._lock.release()
    assert os.waitpid(child, 0)[1] == 0
    assert len(_workers._idle) == 1


class Where(ClassifierMixin, BaseEstimator):
    """Its score is the number of the process that fitted it."""

    def __init__(self, C=1.0, at_fit=None):
        self.C, self.at_fit = C, at_fit

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if self.at_fit is not None:
            self.at_fit()
        return self

    def score(self, X, y):
        return float(os.getpid())


def where(search):
    """Processes that ran the folds of a fitted search."""
    keys = [key for key in search.cv_results_ if key.startswith("split")]
    return {int(pid) for key in keys for pid in search.cv_results_[key]}


def search_of(estimator, **kwargs):
    kwargs = {"n_iter": 3, "cv": 2, "n_jobs": 2, "random_state": 0, "refit": False} | kwargs
    return BayesSearchCV(estimator, {"C": (0.1, 10.0)}, **kwargs)


def until(condition):
    give_up = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def is_alive(pid):
    """Whether a process has not ended, with all its threads."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        return state != "Z" or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def launched(monkeypatch):
    """Process numbers of all workers that loky has started."""
    from joblib.externals.loky.backend.process import LokyProcess

    started, original = [], LokyProcess.start

    def start(self):
        original(self)
        started.append(self.pid)

    monkeypatch.setattr(LokyProcess, "start", start)
    return started


@pytest.mark.slow
def test_a_second_fit_and_nested_folds_start_no_process(launched):
    search = search_of(SVC(), refit=True)
    search.fit(X, y)
    launched.clear()
    search.fit(X, y)
    scores = cross_val_score(search, X, y, cv=5)
    search_of(SVC()).fit(X, y)
    minimize(lambda params: params["x"], {"x": (0.0, 1.0)}, 3, n_jobs=2)
    assert launched == []
    assert scores.min() > 0.8
    # The measure can see one: scikit-learn's search starts the caller's own workers, once.
    theirs = SklearnGridSearchCV(SVC(), {"C": [1, 2]}, cv=2, n_jobs=2)
    theirs.fit(X, y)
    n_started = len(launched)
    search.fit(X, y)
    theirs.fit(X, y)
    assert len(launched) == n_started
    assert n_started in (0, 2), "0 where a test before has started them"


@pytest.mark.slow
def test_columns_that_are_called_as_attributes_of_arrays():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["nbytes", "data", "dtype", "base"])
    found = search_of(SVC()).fit(frame, y).cv_results_["mean_test_score"]
    expected = search_of(SVC(), n_jobs=1).fit(frame, y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_the_callers_own_workers_are_unharmed(launched):
    parallel = joblib.Parallel(n_jobs=2, batch_size=1)
    own = set(parallel(joblib.delayed(os.getpid)() for _ in range(20)))
    with joblib.Parallel(n_jobs=2) as opened:
        search = search_of(Where()).fit(X, y)
        launched.clear()
        assert opened(joblib.delayed(abs)(i) for i in (-1, -2)) == [1, 2]
    assert not own & where(search)
    again = set(parallel(joblib.delayed(os.getpid)() for _ in range(20)))
    assert launched == []
    assert len(own | again) == 2


@pytest.mark.slow
def test_searches_in_threads_and_in_workers():
    def inner():
        with joblib.parallel_config("loky"):
            search_of(SVC(), n_iter=2).fit(X, y)

    expected = search_of(SVC(), n_jobs=1).fit(X, y).cv_results_["mean_test_score"]
    found = [search_of(SVC()), search_of(Where(at_fit=inner), n_iter=1)]
    threads = [threading.Thread(target=search.fit, args=(X, y)) for search in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found[0].cv_results_["mean_test_score"], expected)
    assert not {0, os.getpid()} & where(found[1])


@posix
@pytest.mark.slow
def test_workers_that_were_killed_are_replaced(tmp_path):
    first = where(search_of(Where()).fit(X, y))
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, first)))
    second = where(search_of(Where()).fit(X, y))
    assert not first & second


@posix
def test_a_fit_may_wait_for_all_its_children():
    def wait():
        with pytest.raises(ChildProcessError):
            os.wait()

    assert where(search_of(Where(at_fit=wait), error_score="raise").fit(X, y))


@posix
@pytest.mark.slow
def test_idle_workers_let_go_of_the_data_and_exit_after_a_time(tmp_path):
    def n_maps(pid):
        with open(f"/proc/{pid}/maps") as maps:
            return maps.read().count(str(tmp_path))

    def maps_the_data():
        if not n_maps(os.getpid()):
            raise AssertionError("the data are not mapped")

    wide = np.random.default_rng(0).normal(size=(len(y), 1000))
    with joblib.parallel_config("loky", temp_folder=tmp_path):
        search = search_of(Where(at_fit=maps_the_data), error_score="raise").fit(wide, y)
    assert os.listdir(tmp_path) == []
    until(lambda: not any(map(n_maps, where(search))))
    if hasattr(get_active_backend()[0], "backend_kwargs"):  # joblib >= 1.5
        with joblib.parallel_config("loky", idle_worker_timeout=0.2):
            search = search_of(Where())
            first = where(search.fit(X, y))
            until(lambda: not any(map(is_alive, first)))
            assert not first & where(search.fit(X, y))


@pytest.mark.slow
def test_an_edited_module_is_read_anew(tmp_path, monkeypatch):
    import importlib

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = tmp_path / "my_scores.py"
    for value in (1.0, 2.0):
        module.write_text(f"def my_score(estimator, X, y):\n    return {value}\n")
        os.utime(module, (value, value))
        my_scores = importlib.import_module("my_scores")
        importlib.reload(my_scores)
        search = search_of(SVC(), scoring=my_scores.my_score).fit(X, y)
        assert search.cv_results_["mean_test_score"][0] == value


@posix
@pytest.mark.parametrize("watch", ["the system", "a thread"])
def test_a_worker_exits_when_its_parent_is_killed(watch):
    """In a process whose parent kills itself; the system also ends one that runs C code."""
    script = f"""
        import ctypes, os, signal, sys, time
        from skhyper.evaluation import _workers

        parent = os.getpid()
        if os.fork():
            sys.stdin.readline()
            os.kill(parent, signal.SIGKILL)
        if {watch!r} == "a thread":
            ctypes.CDLL, _workers._WATCH_SECONDS = lambda name: None, 0.05
        _workers._exit_with_parent(parent)
        print(os.getpid(), flush=True)
        if {watch!r} == "a thread":
            time.sleep(600)
        ctypes.PyDLL(None).sleep(600)  # holds the interpreter's lock
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        worker = int(process.stdout.readline())
        assert is_alive(worker)
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.wait(timeout=200) == -signal.SIGKILL
        until(lambda: not is_alive(worker))


@posix
@pytest.mark.slow
@pytest.mark.parametrize("when", ["in a fit", "after it"])
def test_nothing_is_left_of_a_killed_process(when, tmp_path):
    script = f"""
        import os, signal, sys, time
        from pathlib import Path
        import numpy as np
        from sklearn.dummy import DummyClassifier
        from skhyper import BayesSearchCV

        class Kills(DummyClassifier):
            def fit(self, X, y):
                Path({str(tmp_path)!r}, f"pid-{{os.getpid()}}").touch()
                if {when!r} == "in a fit":
                    os.kill(parent, signal.SIGKILL)
                    time.sleep(600)
                return super().fit(X, y)

        parent = os.getpid()
        X, y = np.zeros((200, 1000)), np.arange(200) % 2
        space = {{"random_state": (0, 9)}}
        BayesSearchCV(Kills(), space, n_iter=3, cv=2, n_jobs=2, refit=False).fit(X, y)
        os.kill(parent, signal.SIGKILL)
    """
    (tmp_path / "data").mkdir()
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        stderr=subprocess.PIPE,  # of the workers too: at its end when they have ended
        text=True,
        timeout=300,
        env=os.environ | {"JOBLIB_TEMP_FOLDER": str(tmp_path / "data")},
    )
    assert out.returncode == -signal.SIGKILL, out.stderr
    workers = [int(p.name[4:]) for p in tmp_path.glob("pid-*")]
    assert workers
    until(lambda: not any(map(is_alive, workers)))
    assert os.listdir(tmp_path / "data") == []


@posix
@pytest.mark.slow
def test_a_fit_may_end_the_shell_that_guards_its_worker():
    script = """
        import os, signal
        from contextlib import suppress
        from pathlib import Path
        import numpy as np
        from sklearn.dummy import DummyClassifier
        from skhyper import GridSearchCV

        class Ends(DummyClassifier):
            def fit(self, X, y):
                for pid in [int(p.name) for p in Path("/proc").glob("[0-9]*")]:
                    with suppress(OSError):  # it has ended
                        if pid != os.getpid() and os.getpgid(pid) == os.getpgrp():
                            os.kill(pid, signal.SIGKILL)
                            print("ended", flush=True)
                return super().fit(X, y)

        X, y = np.zeros((20, 1)), np.arange(20) % 2
        GridSearchCV(Ends(), {"random_state": [0]}, cv=2, n_jobs=2, refit=False).fit(X, y)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    out = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "ended" in out.stdout
    assert out.returncode == 0, out.stderr
    assert not out.stderr  # of the workers, which exit, too


@posix
@pytest.mark.slow
@pytest.mark.parametrize("when", ["in fits", "after them", "after one of the workers"])
def test_what_fits_started_ends_with_a_killed_search(when, tmp_path):
    """A fork, the fork of a fork that has ended, and a program."""
    script = f"""
        import ctypes, os, subprocess, sys, time
        from pathlib import Path
        import numpy as np
        from sklearn.dummy import DummyClassifier
        from skhyper import GridSearchCV

        def note(kind, pid):
            Path({str(tmp_path)!r}, f"{{kind}}-{{pid}}").touch()

        class Starts(DummyClassifier):
            def fit(self, X, y):
                if not os.fork():
                    note("child", os.getpid())
                    time.sleep(600)
                if not os.fork():
                    if not os.fork():
                        note("grandchild", os.getpid())
                        time.sleep(600)
                    os._exit(0)
                note("program", subprocess.Popen(["sleep", "600"]).pid)
                note("worker", os.getpid())
                if {when!r} != "after them":
                    ctypes.PyDLL(None).sleep(600)  # holds the interpreter's lock
                return super().fit(X, y)

        X, y = np.zeros((20, 1)), np.arange(20) % 2
        GridSearchCV(Starts(), {{"random_state": [0]}}, cv=2, n_jobs=2, refit=False).fit(X, y)
        Path({str(tmp_path)!r}, "over-0").touch()
        time.sleep(600)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    try:
        for kind in ("child", "grandchild", "program", "worker"):
            until(lambda kind=kind: len(list(tmp_path.glob(f"{kind}-*"))) >= 2)
        if when == "after them":
            until((tmp_path / "over-0").exists)
        started = [path.name.split("-") for path in tmp_path.iterdir() if path.name != "over-0"]
        assert all(is_alive(int(pid)) for _, pid in started)
        if when == "after one of the workers":
            os.kill(next(int(pid) for kind, pid in started if kind == "worker"), signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    until(lambda: not any(is_alive(int(pid)) for _, pid in started))
