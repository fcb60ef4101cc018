"""Where folds run: in this process, in joblib's rounds, or in workers of our own.

A pool takes fold jobs by ``submit`` and gives back ``(job, result)`` pairs by ``wait``:

- ``InProcess``: runs one job at each ``wait``;
- ``JoblibRounds``: runs all submitted jobs by ``joblib.Parallel``, whatever its backend
  (loky, threading, dask, ray, ...), and hands out results as they arrive;
- ``Workers``: processes or threads that are fed one job at a time, so that a sequential
  search sees each result before it asks again. joblib's own generators ask too early, and
  loky's reusable executor is the caller's, not ours: we make an executor once a fit.
"""

import os
import shutil
import tempfile
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cloudpickle
import joblib
from joblib.externals.loky import ProcessPoolExecutor
from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed

from skhyper.evaluation._objective import FoldJob, Objective

__all__ = ["InProcess", "JoblibRounds", "Pool", "Workers", "make_pool"]

# Larger data go to workers by a file that they map into memory, as joblib does.
_MAX_SENT_BYTES = 1_000_000
_THREADED = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMBA", "NUMEXPR")


class Pool(Protocol):
    """Where fold jobs run."""

    n_workers: int

    @property
    def has_room(self) -> bool:
        """Whether another job would start at once."""

    def submit(self, job: FoldJob) -> None: ...
    def wait(self) -> Iterator[tuple[FoldJob, dict[str, Any]]]: ...
    def close(self, kill: bool = False) -> None: ...


class InProcess:
    """Runs the oldest job at each ``wait``, in the caller's process and thread."""

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
        yield job, self._objective.run(job)

    def close(self, kill: bool = False) -> None:
        self._jobs.clear()


class JoblibRounds:
    """Runs all submitted jobs at each ``wait`` by ``joblib.Parallel``."""

    def __init__(self, objective: Objective, n_jobs: int | None, pre_dispatch: Any):
        self._objective = objective
        backend, _ = get_active_backend()
        streams = getattr(backend, "supports_return_generator", False)
        self.n_workers = joblib.effective_n_jobs(n_jobs)
        self._parallel = Parallel(
            n_jobs=self.n_workers,  # joblib 1.3 does not resolve None here
            pre_dispatch=pre_dispatch,
            return_as="generator" if streams else "list",
        )
        self._jobs: list[FoldJob] = []
        self._in_round = False
        self._results: Any = None

    @property
    def has_room(self) -> bool:
        return not self._in_round and len(self._jobs) < self.n_workers

    def submit(self, job: FoldJob) -> None:
        self._jobs.append(job)

    def wait(self) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        jobs, self._jobs = self._jobs, []
        self._results = self._parallel(delayed(self._objective.run)(job) for job in jobs)
        self._in_round = True
        try:
            yield from zip(jobs, self._results, strict=True)
        finally:
            self._in_round = False

    def close(self, kill: bool = False) -> None:
        self._jobs = []
        if kill and hasattr(self._results, "close"):
            with warnings.catch_warnings():
                # joblib warns that it aborts the rest, which is what is wanted.
                warnings.simplefilter("ignore")
                self._results.close()


class Workers:
    """Processes or threads that take one job at a time.

    Parameters
    ----------
    objective : Objective
    n_workers : int
    backend : joblib backend
        The active one: it says what is nested in it, and how many threads each worker has.
    processes : bool
        Processes, else threads.
    """

    def __init__(self, objective: Objective, n_workers: int, backend: Any, processes: bool):
        self.n_workers = n_workers
        self._running: dict[Future, FoldJob] = {}
        self._processes = processes
        self._shared = _Shared(objective, get_config(), backend.get_nested_backend())
        self._folder: str | None = None
        self._executor: Executor = (
            self._process_executor(getattr(backend, "inner_max_num_threads", None))
            if processes
            else ThreadPoolExecutor(n_workers)
        )

    @property
    def has_room(self) -> bool:
        return len(self._running) < self.n_workers

    def submit(self, job: FoldJob) -> None:
        if self._processes:
            # Pickled here and now: a callback's context changes while loky's thread would.
            future = self._executor.submit(_run_pickled, cloudpickle.dumps(job))
        else:
            future = self._executor.submit(self._shared.run, job)
        self._running[future] = job

    def wait(self) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=lambda f: (self._running[f].trial, self._running[f].fold)):
            job = self._running.pop(future)
            yield job, future.result()

    def close(self, kill: bool = False) -> None:
        for future in self._running:
            future.cancel()
        if self._processes:
            self._executor.shutdown(wait=True, kill_workers=kill)  # type: ignore[call-arg]
        else:
            self._executor.shutdown(wait=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _process_executor(self, inner_threads: int | None) -> Executor:
        """Worker processes that hold the objective, sent once and not with every job."""
        shared, path = self._shared, None
        if _n_bytes(shared.objective.X) > _MAX_SENT_BYTES:
            self._folder = tempfile.mkdtemp(prefix="skhyper-")
            path = os.path.join(self._folder, "data")
            joblib.dump((shared.objective.X, shared.objective.y), path)
            shared = replace(shared, objective=replace(shared.objective, X=None, y=None))
        payload = cloudpickle.dumps((shared, path, list(warnings.filters), os.getpid()))
        # As joblib does: workers share the cores, so each gets its part of the threads.
        threads = inner_threads or max(1, (joblib.cpu_count() or 1) // self.n_workers)
        names = [f"{library}_NUM_THREADS" for library in _THREADED]
        own = {} if inner_threads else os.environ
        env = {name: own.get(name, str(threads)) for name in names}
        return ProcessPoolExecutor(
            max_workers=self.n_workers, initializer=_hold, initargs=(payload,), env=env
        )


@dataclass(frozen=True)
class _Shared:
    """What all jobs of a worker need, and how it runs them."""

    objective: Objective
    config: dict[str, Any]
    nested: tuple[Any, int | None]

    def run(self, job: FoldJob) -> dict[str, Any]:
        backend, n_jobs = self.nested
        # What runs in parallel inside of a fold has joblib's backend for that, not this one.
        with config_context(**self.config), joblib.parallel_config(backend, n_jobs=n_jobs):
            return self.objective.run(job)


def _n_bytes(X: Any) -> int:
    return getattr(X, "nbytes", 0) or getattr(getattr(X, "data", None), "nbytes", 0)


_held: dict[str, Any] = {}  # in a worker process: what _hold received


def _hold(payload: bytes) -> None:
    shared, path, filters, parent = cloudpickle.loads(payload)
    if path is not None:
        X, y = joblib.load(path, mmap_mode="r")  # one copy for all workers
        shared = replace(shared, objective=replace(shared.objective, X=X, y=y))
    _held.update(shared=shared, filters=filters)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """End this worker when its search was killed: loky's would wait for jobs for ever."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _run_pickled(pickled: bytes) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.filters = _held["filters"]
        return _held["shared"].run(cloudpickle.loads(pickled))


def make_pool(
    objective: Objective, n_jobs: int | None, pre_dispatch: Any, known_ahead: bool
) -> Pool:
    """The pool for `n_jobs` and the active ``joblib.parallel_config``.

    Parameters
    ----------
    known_ahead : bool
        Whether all settings are known before the first is tried; joblib's own batching is
        best then. Otherwise workers are fed one job at a time where the backend allows it.

    An objective that is not `portable`, because it keeps what settings share, has threads.
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
