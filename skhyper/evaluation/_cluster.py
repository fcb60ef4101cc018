"""A pool on a cluster: each fold is a task, and the next one starts when any of them ends.

The objective is sent to each worker once, the indices of a fold to the workers that run it. A fold
whose worker is lost is run once more; if that worker is lost too, the fold has failed. ``_dask``
and ``_ray`` are the clusters.
"""

import math
import pickle
import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import cloudpickle
import joblib
import numpy as np
from sklearn import get_config

from skhyper._threads import threads_bounded
from skhyper.evaluation._objective import FoldJob, Task
from skhyper.exceptions import WorkerError

# Number of restarts of the cluster after which a fold that they interrupted counts as lost.
_MAX_RESTARTS = 5


@dataclass(frozen=True)
class Lost:
    """Outcome of a task whose worker was lost.

    `worker` names it, or says how it was lost; empty if the cluster was restarted. With `final`,
    the cluster itself has run the task again.
    """

    worker: str = ""
    final: bool = False


@dataclass(frozen=True)
class Raised:
    """Outcome of a task that raised an error."""

    error: BaseException


class Cluster(Protocol):
    """Runs tasks, each under a handle that the cluster chooses."""

    name: str

    @property
    def n_slots(self) -> int:
        """Number of tasks that can run at the same time."""

    def submit(self, job: bytes, fold: int, avoid: str) -> Any:
        """Start a pickled job in a free slot, preferably not on worker `avoid`; else None."""

    def finished(self, timeout: float) -> list[tuple[Any, Any]]:
        """Pairs (handle, outcome) of ended tasks; blocks for at most a second, or `timeout`."""

    def cancel(self, handles: Sequence[Any]) -> None:
        """Drop tasks, if possible also running ones; their outcomes are not reported."""

    def close(self) -> None:
        """Release the data on the workers."""


@dataclass
class _Task:
    """A job, and the workers that were lost while they ran it."""

    job: FoldJob
    lost: list[str] = field(default_factory=list)
    n_restarts: int = 0
    started: float = math.nan
    seconds: float = 0.0  # that it ran, until its workers were lost


class ClusterPool:
    """Runs each fold as a task of a cluster."""

    gives_up = True
    in_process = False

    def __init__(self, objective: Any, cluster: Cluster):
        self.n_workers = cluster.n_slots
        self.began = math.inf
        self._objective = objective
        self._cluster = cluster
        self._waiting: deque[_Task] = deque()
        self._running: dict[Any, _Task] = {}

    @property
    def has_room(self) -> bool:
        return len(self._running) + len(self._waiting) < self._cluster.n_slots

    def submit(self, job: FoldJob) -> None:
        self._waiting.append(_Task(job))
        self._start_tasks()

    def _start_tasks(self) -> None:
        while self._waiting:
            task = self._waiting[0]
            # Pickled here, as the scheduler may not have the user's modules.
            pickled = cloudpickle.dumps(task.job)
            handle = self._cluster.submit(pickled, task.job.fold, "".join(task.lost[-1:]))
            if handle is None:
                return
            self._running[handle] = self._waiting.popleft()
            self._running[handle].started = time.monotonic()
            self.began = min(self.began, time.monotonic())

    def wait(self, timeout: float | None = None) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        end = math.inf if timeout is None else time.monotonic() + timeout
        done: list[tuple[FoldJob, dict[str, Any]]] = []
        while not done and time.monotonic() < end:
            for handle, outcome in self._cluster.finished(end - time.monotonic()):
                task = self._running.pop(handle)
                task.seconds += time.monotonic() - task.started
                result = self._result(task, outcome)
                if result is None:
                    self._waiting.appendleft(task)
                else:
                    done.append((task.job, result))
            self._start_tasks()
        yield from sorted(done, key=lambda pair: (pair[0].trial, pair[0].fold))

    def _result(self, task: _Task, outcome: Any) -> dict[str, Any] | None:
        """The result of a fold; None if the fold must run again."""
        if isinstance(outcome, Raised):
            raise outcome.error
        if not isinstance(outcome, Lost):
            return outcome
        if not outcome.worker and task.n_restarts < _MAX_RESTARTS:
            task.n_restarts += 1
            return None
        task.lost.append(outcome.worker)
        if len(task.lost) == 1 and not outcome.final:
            return None
        workers = "; ".join(dict.fromkeys(filter(None, task.lost)))
        error = WorkerError(
            f"{self._cluster.name} lost the workers that ran fold {task.job.fold} of "
            f"{dict(task.job.params)!r} ({workers}): they crashed, or were killed, for example "
            "because they ran out of memory. See their logs."
        )
        return self._objective.failed(task.job, error, task.seconds)

    def cancel(self, trial: int) -> None:
        self._waiting = deque(task for task in self._waiting if task.job.trial != trial)

    def close(self, kill: bool = False) -> None:
        self._waiting.clear()
        try:
            while self._running and not kill:
                for handle, _ in self._cluster.finished(math.inf):
                    del self._running[handle]
            self._cluster.cancel(list(self._running))
        finally:
            self._running.clear()
            self._cluster.close()


def cluster_pool(objective: Any, n_jobs: int | None, backend: Any) -> ClusterPool:
    """The pool for joblib's `backend` of Dask or Ray."""
    light, splits = objective.without_splits()
    # Nested parallelism inside a fold uses the threads of its worker, not the cluster.
    task = Task(light, get_config(), ("threading", 1))
    shared = Shared((task.run, list(warnings.filters)))
    cluster: Cluster
    if type(backend).__name__ == "RayBackend":
        from skhyper.evaluation._ray import RayCluster

        cluster = RayCluster(shared, splits, backend, n_jobs)
    else:
        from skhyper.evaluation._dask import DaskCluster

        cluster = DaskCluster(shared, splits, backend)
    return ClusterPool(objective, cluster)


class Shared:
    """A pickled object that is unpickled at its first use in a process.

    Its arrays are not copied: they are separate buffers, which Dask and Ray send as they are, and
    read-only.
    """

    def __init__(self, obj: Any):
        buffers: list[pickle.PickleBuffer] = []
        self._pickled = cloudpickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
        self._buffers = [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers]

    def __getstate__(self) -> dict[str, Any]:
        return {"_pickled": self._pickled, "_buffers": self._buffers}

    def load(self) -> Any:
        if not hasattr(self, "_loaded"):
            try:
                self._loaded = pickle.loads(
                    self._pickled, buffers=[buffer.data.toreadonly() for buffer in self._buffers]
                )
            except Exception as error:
                raise WorkerError(
                    f"A worker cannot unpickle the estimator or the data: {error!r}. It needs the "
                    "packages and modules of this process."
                ) from error
        return self._loaded


def run_fold(shared: Shared, job: bytes, split: Any, n_threads: int, n_sharing: int = 1) -> Any:
    """The task that runs a pickled job.

    It has `n_threads` threads of BLAS and OpenMP or, if 0, its share of the cores among `n_sharing`
    tasks on the same computer.
    """
    run, filters = shared.load()
    n_threads = n_threads or max(1, (joblib.cpu_count() or 1) // n_sharing)
    with threads_bounded(n_threads), warnings.catch_warnings():
        warnings.filters = list(filters)  # type: ignore[misc]
        return run(pickle.loads(job), *split)
