"""Pools: folds run in this process, in rounds of joblib, or in skhyper's own workers.

``submit`` takes a fold job; ``wait`` yields pairs ``(job, result)``:

- ``InProcess`` runs one job in each ``wait``;
- ``JoblibRounds`` runs all submitted jobs by ``joblib.Parallel`` with any of its backends
  (loky, threading, dask, ray, ...) and yields results as they arrive;
- ``Workers`` are processes or threads that take one job at a time, so that a sequential
  search has each result before the next proposal. joblib's generators request jobs too early.

Each process receives the objective once, without the folds' indices, which are sent with the jobs.
"""

import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import cloudpickle
import joblib
from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed

from skhyper.evaluation._objective import FoldJob, Objective, run_job
from skhyper.evaluation._sharing import SharedObject, sharing_options
from skhyper.evaluation._workers import Start, WorkerProcesses, borrow, give_back, run_shared

__all__ = ["InProcess", "JoblibRounds", "Pool", "Workers", "make_pool"]


class Pool(Protocol):
    """Runs fold jobs."""

    n_workers: int

    @property
    def has_room(self) -> bool:
        """Whether another job would start at once."""

    def submit(self, job: FoldJob) -> None:
        """Add a job."""

    def wait(self) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        """Yield finished jobs with their results; blocks until there is one."""

    def cancel(self, trial: int) -> None:
        """Drop the jobs of a trial that have not started; started ones still yield results."""

    def close(self, kill: bool = False) -> None:
        """Release the workers; with `kill`, without waiting for running jobs."""


class InProcess:
    """Runs the oldest job in each ``wait``, in the caller's process and thread."""

    n_workers = 1

    def __init__(self, objective: Objective):
        self._objective = objective
        self._jobs: deque[FoldJob] = deque()

    @property
    def has_room(self) -> bool:
        return not self._jobs

    def submit(self, job: FoldJob) -> None:
        self._jobs.append(job)

    def wait(self) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
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

    def __init__(self, objective: Objective, n_jobs: int | None, pre_dispatch: Any):
        self._shared, self._splits = objective.without_splits()
        self._backend, _ = get_active_backend()
        streams = getattr(self._backend, "supports_return_generator", False)
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

    def wait(self) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        if self._opened is None:
            self._opened = self._open()
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

    def _open(self) -> ExitStack:
        stack = ExitStack()
        stack.enter_context(self._parallel)
        held = getattr(self._backend, "data_futures", None)
        if held is not None:
            # Dask sends objects with a future once, other large arguments in each round.
            once = [self._shared, *(indices for split in self._splits for indices in split)]
            futures = self._backend.client.scatter(once, hash=False)
            for obj, future in zip(once, futures, strict=True):
                held[id(obj)] = future
                stack.callback(held.pop, id(obj), None)
        return stack


class Workers:
    """Processes, or threads, that take one job at a time; `backend` is the active one of joblib."""

    def __init__(self, objective: Objective, n_workers: int, backend: Any, processes: bool):
        self.n_workers = n_workers
        self._running: dict[Future, FoldJob] = {}
        self._team: _Processes | _Threads = (
            _Processes(objective, n_workers, backend)
            if processes
            else _Threads(objective, n_workers, backend)
        )

    @property
    def has_room(self) -> bool:
        return len(self._running) < self.n_workers

    def submit(self, job: FoldJob) -> None:
        self._running[self._team.submit(job)] = job

    def wait(self) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=lambda f: (self._running[f].trial, self._running[f].fold)):
            job = self._running.pop(future)
            yield job, future.result()

    def cancel(self, trial: int) -> None:
        for future, job in list(self._running.items()):
            if job.trial == trial and future.cancel():
                del self._running[future]

    def close(self, kill: bool = False) -> None:
        for future in self._running:
            future.cancel()
        kill = kill and bool(self._running)
        if not kill:
            wait(self._running)
        self._team.close(kill)
        self._running.clear()


class _Threads:
    def __init__(self, objective: Objective, n_workers: int, backend: Any):
        self._task = _Task(objective, get_config(), backend.get_nested_backend())
        self._executor = ThreadPoolExecutor(n_workers)

    def submit(self, job: FoldJob) -> Future:
        return self._executor.submit(self._task.run, job)

    def close(self, kill: bool) -> None:
        self._executor.shutdown(wait=True)


class _Processes:
    """Worker processes, borrowed at the first job; they read the objective from a file once."""

    def __init__(self, objective: Objective, n_workers: int, backend: Any):
        shared, self._splits = objective.without_splits()
        self._task = _Task(shared, get_config(), backend.get_nested_backend())
        self._start = Start.from_backend(backend, n_workers)
        self._options = sharing_options()
        self._file: SharedObject | None = None
        self._workers: WorkerProcesses | None = None

    def submit(self, job: FoldJob) -> Future:
        if self._file is None:
            self._file = SharedObject((self._task.run, list(warnings.filters)), **self._options)
        if self._workers is None:
            self._workers = borrow(self._start, self._file.n_bytes)
        # Pickled here, as loky's thread would pickle while a callback's context changes.
        pickled = cloudpickle.dumps((job, *self._splits[job.fold]))
        return self._workers.executor.submit(run_shared, self._file.folder, pickled)

    def close(self, kill: bool) -> None:
        workers, self._workers = self._workers, None
        try:
            if workers is not None:
                workers.stop() if kill else give_back(workers)
        finally:
            if self._file is not None:
                self._file.remove()


@dataclass(frozen=True)
class _Task:
    """Runs jobs in a worker under the configuration of the main process."""

    objective: Any
    config: dict[str, Any]
    nested: tuple[Any, int | None]

    def run(self, job: FoldJob, *split: Any) -> dict[str, Any]:
        backend, n_jobs = self.nested
        # Parallel code inside a fold uses joblib's backend for nesting.
        with config_context(**self.config), joblib.parallel_config(backend, n_jobs=n_jobs):
            return run_job(self.objective, job, *split)


def make_pool(
    objective: Objective, n_jobs: int | None, pre_dispatch: Any, known_ahead: bool
) -> Pool:
    """The pool for `n_jobs` and the active ``joblib.parallel_config``.

    If all candidates are known before the first trial, joblib's batching is best. Otherwise workers
    take one job at a time, if the backend allows it. An objective that is not `portable`, as it has
    caches that candidates share, runs in threads.
    """
    if joblib.effective_n_jobs(n_jobs) == 1:
        return InProcess(objective)
    backend, _ = get_active_backend()
    if not getattr(objective, "portable", True):
        return Workers(objective, joblib.effective_n_jobs(n_jobs), backend, processes=False)
    kind = type(backend).__name__
    if known_ahead or kind not in ("LokyBackend", "ThreadingBackend"):
        return JoblibRounds(objective, n_jobs, pre_dispatch)
    return Workers(objective, joblib.effective_n_jobs(n_jobs), backend, kind == "LokyBackend")
