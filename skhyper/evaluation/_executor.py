"""Pools: folds run in this process, in rounds of joblib, in threads or in worker processes.

``submit`` takes a fold job; ``wait`` yields pairs ``(job, result)``:

- ``InProcess`` runs one job in each ``wait``;
- ``JoblibRounds`` runs all submitted jobs by ``joblib.Parallel`` with any of its backends
  but those of a cluster, and yields results as they arrive;
- ``Threads`` and ``Processes`` take one job at a time, so that a sequential search has each result
  before the next proposal. joblib's generators request jobs too early;
- ``ClusterPool``, of ``_cluster``, does so on Dask and Ray.

Each process receives the objective once, without the folds' indices, which are sent with the jobs.
"""

import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import joblib
from joblib.parallel import get_active_backend
from sklearn import get_config
from sklearn.utils.parallel import Parallel, delayed

from skhyper.evaluation._objective import FoldJob, Objective, Task, run_job
from skhyper.evaluation._processes import Limits, Processes
from skhyper.evaluation._workers import LIMITS_MEMORY

# Backends of joblib that are replaced by skhyper's own processes.
_PROCESSES = ("LokyBackend", "MultiprocessingBackend")
_CLUSTERS = ("DaskDistributedBackend", "RayBackend")


class Pool(Protocol):
    """Runs fold jobs.

    `gives_up` is whether ``wait`` respects its timeout and ``close`` ends or abandons running jobs;
    `in_process` is whether jobs run in the caller's process; `began` is the monotonic time at which
    the workers had started and the first job began, ``inf`` before.
    """

    n_workers: int
    gives_up: bool
    in_process: bool
    began: float

    @property
    def has_room(self) -> bool:
        """Whether another job would start immediately."""

    def submit(self, job: FoldJob) -> None:
        """Add a job."""

    def wait(self, timeout: float | None = None) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        """Yield finished jobs with their results; blocks until there is one, or for `timeout`."""

    def cancel(self, trial: int) -> None:
        """Drop the jobs of a trial that have not started; started ones still yield results."""

    def close(self, kill: bool = False) -> None:
        """Release the workers; with `kill`, without waiting for running jobs."""


class InProcess:
    """Runs the oldest job in each ``wait``, in the caller's process and thread."""

    n_workers = 1
    gives_up = False
    in_process = True

    def __init__(self, objective: Objective):
        self.began = time.monotonic()
        self._objective = objective
        self._jobs: deque[FoldJob] = deque()

    @property
    def has_room(self) -> bool:
        return not self._jobs

    def submit(self, job: FoldJob) -> None:
        self._jobs.append(job)

    def wait(self, timeout: float | None = None) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        job = self._jobs.popleft()
        yield job, run_job(self._objective, job)

    def cancel(self, trial: int) -> None:
        self._jobs = deque(job for job in self._jobs if job.trial != trial)

    def close(self, kill: bool = False) -> None:
        self._jobs.clear()


class JoblibRounds:
    """Runs all submitted jobs in each ``wait`` by ``joblib.Parallel``.

    joblib's pool is started once, in the first ``wait``.
    """

    gives_up = False

    def __init__(self, objective: Objective, n_jobs: int | None, pre_dispatch: Any):
        self.began = time.monotonic()
        self._shared, self._splits = objective.without_splits()
        backend, _ = get_active_backend()
        self.in_process = getattr(backend, "uses_threads", False)
        streams = getattr(backend, "supports_return_generator", False)
        self.n_workers = joblib.effective_n_jobs(n_jobs)
        self._parallel = Parallel(
            n_jobs=self.n_workers,  # joblib 1.3 does not resolve None here
            pre_dispatch=pre_dispatch,
            return_as="generator" if streams else "list",
        )
        self._jobs: list[FoldJob] = []
        self._dispatched: list[FoldJob] = []  # of this round
        self._cancelled: set[int] = set()
        self._opened: ExitStack | None = None
        self._in_round = False
        self._results: Any = None

    @property
    def has_room(self) -> bool:
        return not self._in_round and len(self._jobs) < self.n_workers

    def submit(self, job: FoldJob) -> None:
        self._jobs.append(job)

    def wait(self, timeout: float | None = None) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        if self._opened is None:
            self._opened = ExitStack()
            self._opened.enter_context(self._parallel)
        jobs, self._jobs, self._dispatched = self._jobs, [], []
        self._in_round = True
        try:
            self._results = self._parallel(self._calls(jobs))
            for i, result in enumerate(self._results):
                yield self._dispatched[i], result
        finally:
            self._in_round = False

    def _calls(self, jobs: list[FoldJob]) -> Iterator[Any]:
        """Calls for joblib, which consumes them according to `pre_dispatch`."""
        for job in jobs:
            if job.trial not in self._cancelled:
                self._dispatched.append(job)
                yield delayed(run_job)(self._shared, job, *self._splits[job.fold])

    def cancel(self, trial: int) -> None:
        self._cancelled.add(trial)

    def close(self, kill: bool = False) -> None:
        self._jobs = []
        with warnings.catch_warnings(), self._opened or ExitStack():
            if kill and hasattr(self._results, "close"):
                # joblib warns that it aborts the remaining jobs, as intended.
                warnings.simplefilter("ignore")
                self._results.close()
        self._opened = None


class Threads:
    """Daemon threads that take one job at a time; one that hangs is left behind."""

    gives_up = True
    in_process = True

    def __init__(self, objective: Objective, n_workers: int, backend: Any):
        self.n_workers = n_workers
        self.began = time.monotonic()
        self._task = Task(objective, get_config(), backend.get_nested_backend())
        self._waiting: deque[FoldJob] = deque()
        self._n_running = 0
        self._n_threads = 0
        self._given: SimpleQueue[FoldJob | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[FoldJob, Any]] = SimpleQueue()

    @property
    def has_room(self) -> bool:
        return len(self._waiting) + self._n_running < self.n_workers

    def submit(self, job: FoldJob) -> None:
        self._waiting.append(job)
        self._dispatch()

    def wait(self, timeout: float | None = None) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        try:
            done = [self._done.get(timeout=timeout)]
        except Empty:
            return
        while not self._done.empty():
            done.append(self._done.get())
        self._n_running -= len(done)
        self._dispatch()
        for job, result in sorted(done, key=lambda pair: (pair[0].trial, pair[0].fold)):
            if isinstance(result, BaseException):
                raise result
            yield job, result

    def cancel(self, trial: int) -> None:
        self._waiting = deque(job for job in self._waiting if job.trial != trial)

    def close(self, kill: bool = False) -> None:
        self._waiting.clear()
        for _ in range(self._n_threads):
            self._given.put(None)
        self._n_threads = 0

    def _dispatch(self) -> None:
        while self._waiting and self._n_running < self.n_workers:
            if self._n_threads <= self._n_running:
                threading.Thread(target=self._serve, daemon=True).start()
                self._n_threads += 1
            self._given.put(self._waiting.popleft())
            self._n_running += 1

    def _serve(self) -> None:
        while (job := self._given.get()) is not None:
            try:
                result: Any = self._task.run(job)
            except BaseException as error:  # noqa: BLE001  (raised in the main thread)
                result = error
            self._done.put((job, result))


def make_pool(
    objective: Objective,
    n_jobs: int | None,
    pre_dispatch: Any,
    limits: Limits | None = None,
) -> Pool:
    """The pool for `n_jobs` and the active ``joblib.parallel_config``.

    With `limits` there is at least one worker process, since only a process can be ended. An
    objective that is not `portable`, as it has caches that candidates share, otherwise runs in
    threads of this process. On Dask and Ray each fold is a task.
    """
    n_workers = joblib.effective_n_jobs(n_jobs)
    backend, backend_jobs = get_active_backend()
    kind = type(backend).__name__
    if limits is not None and limits.are_set:
        if n_workers > 1 and kind not in _PROCESSES:
            raise ValueError(
                "fit_timeout and memory_limit need worker processes of skhyper, which joblib's "
                f"backend {kind} with n_jobs={n_jobs} does not use. Set n_jobs=1, or use the "
                "default backend."
            )
        if limits.memory_limit is not None and not LIMITS_MEMORY:
            raise ValueError("memory_limit is supported on Linux only; use None.")
        return Processes(objective, n_workers, backend, limits)
    is_portable = getattr(objective, "portable", True)
    if is_portable and kind in _CLUSTERS:
        from skhyper.evaluation._cluster import cluster_pool

        return cluster_pool(objective, backend_jobs if n_jobs is None else n_jobs, backend)
    if n_workers == 1:
        return InProcess(objective)
    if kind == "ThreadingBackend" or not is_portable:
        n_threads = min(n_workers, joblib.cpu_count()) if kind in _CLUSTERS else n_workers
        return Threads(objective, n_threads, backend)
    if kind in _PROCESSES:
        return Processes(objective, n_workers, backend)
    return JoblibRounds(objective, n_jobs, pre_dispatch)
