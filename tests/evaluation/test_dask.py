"""Searches on a real Dask cluster, whose workers and scheduler are killed."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
from evaluation.clusters import (
    Sleeps,
    Threads,
    X,
    check_one_killed_worker,
    check_proposals_when_any_fold_ends,
    check_same_as_alone,
    failed_by_killing_workers,
    search,
    y,
)
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_score
from threadpoolctl import threadpool_info

from skhyper import BayesSearchCV, minimize
from skhyper.callbacks import Callback

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def threads():
    """A cluster of two threads in this process."""
    options = {"processes": False, "dashboard_address": None, "protocol": "tcp"}
    with (
        distributed.Client(n_workers=2, threads_per_worker=1, **options) as client,
        joblib.parallel_config("dask"),
    ):
        yield client


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes with nannies, which may take their time to restart them."""
    patient = {"distributed.deploy.lost-worker-timeout": "10 minutes"}
    with (
        dask.config.set(patient),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def processes(cluster):
    with distributed.Client(cluster) as client, joblib.parallel_config("dask"):
        client.wait_for_workers(2, timeout=300)
        yield client


@pytest.mark.parametrize("kind", ["grid", "bayes"])
def test_the_same_search_as_alone(kind, threads):
    check_same_as_alone(kind)


def test_the_next_proposal_is_made_when_any_fold_ends(threads, tmp_path):
    check_proposals_when_any_fold_ends(tmp_path)


def test_minimize_and_errors_of_folds(threads):
    result = minimize(lambda p: (p["x"] - 0.2) ** 2, {"x": (0.0, 1.0)}, 5, random_state=0)
    assert result.nfev == 5
    for _ in range(3):  # one or both of two tasks have ended
        with pytest.raises(ZeroDivisionError, match="division by zero"):
            minimize(lambda p: 1 / 0, {"x": (0.0, 1.0)}, 5, random_state=0)


def test_threads_of_blas_are_bounded(threads):
    import threadpoolctl

    with threadpoolctl.threadpool_limits(4):
        found = search(Threads(), n_iter=2).fit(X, y)
        after = {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}
    assert found.best_score_ == max(1, joblib.cpu_count() // 2)
    assert after <= {4}


@pytest.mark.slow
def test_a_search_within_a_task_has_the_cluster_too(threads):
    scores = cross_val_score(search(Sleeps(), n_iter=3, refit=True), X, y, cv=2)
    assert np.isfinite(scores).all()


@pytest.mark.slow
def test_a_worker_killed_in_mid_fit_costs_no_fold(processes, tmp_path):
    check_one_killed_worker(tmp_path)


@pytest.mark.slow
def test_a_fold_that_kills_two_workers_has_failed_and_the_search_goes_on(processes):
    message = failed_by_killing_workers()
    assert "Dask lost the workers that ran fold" in message
    assert message.count("tcp://") == 2
    assert minimize(lambda p: p["x"], {"x": (0.0, 1.0)}, 3).nfev == 3, "the cluster is whole"


class Restarts(Callback):
    """Restarts a client, in a thread, after the third trial."""

    def __init__(self, client):
        kwargs = {"timeout": 300, "wait_for_workers": False}
        self.thread = threading.Thread(target=client.restart, kwargs=kwargs)

    def __getstate__(self):
        return {}

    def on_trial_end(self, search, trial):
        if trial.number == 2:
            self.thread.start()


@pytest.mark.slow
@pytest.mark.parametrize("delays", [(0.0, 0.0), (2.5, 5.0)])
def test_a_client_restarted_in_mid_search(delays, processes, cluster, monkeypatch):
    """Its workers may end late, one after the other; none of the folds counts as lost."""
    for delay, nanny in zip(delays, cluster.workers.values(), strict=True):

        async def kill(*args, kill=nanny.handlers["kill"], delay=delay, **kwargs):
            await asyncio.sleep(delay)
            return await kill(*args, **kwargs)

        monkeypatch.setitem(nanny.handlers, "kill", kill)
    before, restarts = processes.generation, Restarts(processes)
    found = search(Sleeps(seconds=0.2), n_iter=20).set_callbacks(restarts).fit(X, y)
    assert processes.generation == before + 1
    restarts.thread.join()
    assert [str(trial.state) for trial in found.history_] == ["complete"] * 20


@pytest.mark.slow
def test_tasks_that_are_cancelled_for_seconds_run_again(threads):
    """As by a cluster that restarts slowly: it lists workers and cancels their tasks."""
    end = time.monotonic() + 4

    def cancel():
        while time.monotonic() < end:
            keys = [key for key in list(threads.futures) if str(key).startswith("skhyper-fold")]
            threads.cancel([distributed.Future(key, threads) for key in keys])
            time.sleep(0.02)

    thread = threading.Thread(target=cancel)
    thread.start()
    found = search(Sleeps(seconds=0.1), n_iter=4).fit(X, y)
    thread.join()
    assert [str(trial.state) for trial in found.history_] == ["complete"] * 4


@pytest.mark.slow
def test_data_of_200_mb_are_sent_to_each_worker_once(processes, monkeypatch):
    """By this process to the scheduler and one worker, and by that to the other one."""
    from distributed.comm.tcp import TCP

    sent, write = [], TCP.write

    async def counted(self, *args, **kwargs):
        sent.append(await write(self, *args, **kwargs) or 0)
        return sent[-1]

    monkeypatch.setattr(TCP, "write", counted)
    wide = np.random.default_rng(0).normal(size=(1000, 25_000))
    labels = np.arange(1000) % 2
    space = {"strategy": ["prior", "uniform"], "random_state": (0, 99)}
    before = processes.run(to_other_workers)
    found = BayesSearchCV(DummyClassifier(), space, n_iter=6, cv=2, refit=False).fit(wide, labels)
    after = processes.run(to_other_workers)
    assert found.n_trials_ == 6
    assert sum(sent) < 2.1 * wide.nbytes, "12 times, if they went with each job"
    assert sum(after[worker] - before[worker] for worker in after) < 1.1 * wide.nbytes


def to_other_workers(dask_worker):
    return dask_worker.transfer_outgoing_bytes_total


SCRIPT = """
import joblib, sys, time
import numpy as np
from distributed import Client
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from skhyper import BayesSearchCV, load_history

class Sleeps(BaseEstimator):
    def __init__(self, a=0.5):
        self.a = a
    def fit(self, X, y):
        time.sleep(0.2)
        return self
    def score(self, X, y):
        return -self.a

if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    search = BayesSearchCV(
        Sleeps(), {"a": (0.0, 1.0)}, n_iter=500, cv=2, refit=False, random_state=0,
        journal=sys.argv[2], verbose=1,
    )
    with Client(sys.argv[1], timeout=15) as client:
        with joblib.parallel_config("dask"):
            try:
                search.fit(X, y)
            except BaseException as error:
                print(type(error).__name__, error, flush=True)
    kept = {repr(t.params) for t in search.history_}
    written = {repr(t.params) for t in load_history(sys.argv[2]) if t.state == "complete"}
    print(len(kept), kept == written, flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """A function that starts the search, on a scheduler, and waits for its first trials."""
    path, started = tmp_path / "search.py", []
    path.write_text(SCRIPT)

    def start(address):
        process = subprocess.Popen(
            [sys.executable, "-u", str(path), address, str(tmp_path / "journal")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        started.append(process)
        for _ in range(6):
            assert process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_ctrl_c_cancels_the_tasks_and_keeps_the_trials(processes, cluster, start):
    process = start(cluster.scheduler_address)
    process.send_signal(signal.SIGINT)
    *_, error, kept = process.communicate(timeout=300)[0].splitlines()
    assert error.startswith("KeyboardInterrupt")
    assert int(kept.split()[0]) >= 4
    assert kept.endswith("True")
    limit = time.monotonic() + 120
    while any(processes.processing().values()):
        assert time.monotonic() < limit, "a task is left"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_scheduler_that_is_gone_is_told_and_loses_no_trial(start, tmp_path):
    file = tmp_path / "scheduler.json"
    options = ["--scheduler-file", str(file)]
    quick = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "15s"}
    commands = [["scheduler", "--port", "0", "--no-dashboard"], ["worker", "--no-dashboard"]]
    servers = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", command, *more, *options],
            env={**os.environ, **quick, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stderr=subprocess.DEVNULL,
        )
        for command, *more in commands
    ]
    try:
        with dask.config.set({"distributed.comm.timeouts.connect": "60s"}):
            client = distributed.Client(scheduler_file=str(file))
        client.wait_for_workers(1, timeout=300)
        address = client.scheduler.address
        client.close()
        process = start(address)
        servers[0].kill()
        *_, error, kept = process.communicate(timeout=300)[0].splitlines()
    finally:
        for server in servers:
            server.kill()
            server.wait()
    assert error.startswith("ConnectionError The scheduler of Dask is gone")
    assert kept.endswith("True")
