"""Worker processes that are kept from one fit to the next.

A fit borrows them, alone, and gives them back; idle ones exit after a time. They are not
loky's reusable executor, which is the caller's: exchanging that would break the caller's next
``joblib.Parallel``. What a worker got from its parent when it started (environment variables,
import path, directory, modules) must be what it would get now, else another is started.
"""

import os
import sys
import threading
import time
import warnings
from concurrent.futures import Executor
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any

import cloudpickle
import joblib
from joblib.externals.loky import ProcessPoolExecutor

from skhyper.evaluation._sharing import load_shared

__all__ = ["Start", "WorkerProcesses", "borrow", "give_back", "run_shared"]

_IDLE_SECONDS = 300  # as joblib's
# loky ends a worker, with a warning, that has grown by 300 MB since its first job; mapped data
# count. Beyond this growth of the data, new workers are started at once.
_MAX_GROWTH = 200_000_000
# Idle workers that are kept: this many for each core (or each worker of the last fit).
_IDLE_PER_CORE = 2
_SECONDS_BETWEEN_LOOKS = 1.0

_THREADED = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMBA", "NUMEXPR")


@dataclass(frozen=True)
class Start:
    """What workers are started with. Equal ones are as good as each other.

    Attributes
    ----------
    n_workers : int
    environment : dict
        All their environment variables.
    timeout : float
        Seconds after which an idle worker exits.
    initializer : bytes
        Pickled ``(function, arguments)`` of ``joblib.parallel_config``.
    place : tuple
        Directory and import path.
    """

    n_workers: int
    environment: dict[str, str]
    timeout: float
    initializer: bytes
    place: tuple[Any, ...]

    @classmethod
    def from_backend(cls, backend: Any, n_workers: int) -> "Start":
        """As joblib would start the workers of its active backend."""
        inner_threads = getattr(backend, "inner_max_num_threads", None)
        kwargs = getattr(backend, "backend_kwargs", {})  # joblib 1.3 has none
        # Workers share the cores, so each gets its part of the threads.
        threads = inner_threads or max(1, (joblib.cpu_count() or 1) // n_workers)
        names = [f"{library}_NUM_THREADS" for library in _THREADED]
        own = {} if inner_threads else os.environ
        limits = {name: own.get(name, str(threads)) for name in names}
        initializer = kwargs.get("initializer"), tuple(kwargs.get("initargs", ()))
        return cls(
            n_workers,
            {**os.environ, **limits},
            kwargs.get("idle_worker_timeout") or _IDLE_SECONDS,
            cloudpickle.dumps(initializer),
            (os.getcwd(), *sys.path),
        )


@dataclass(eq=False)
class WorkerProcesses:
    """Processes that wait for jobs, in the hands of one fit or idle."""

    start: Start
    n_bytes: int
    executor: Executor = field(init=False)

    def __post_init__(self) -> None:
        self._sources = {path: _changed(path) for path in _own_sources()}
        self.executor = ProcessPoolExecutor(
            max_workers=self.start.n_workers,
            timeout=self.start.timeout,
            initializer=_init_worker,
            initargs=(os.getpid(), self.start.initializer),
            env=self.start.environment,
        )

    def fit_for(self, n_bytes: int) -> bool:
        """Whether a fit on data of this size can have them: alive, and up to date."""
        if n_bytes - self.n_bytes > _MAX_GROWTH:
            return False
        if any(_changed(path) != then for path, then in self._sources.items()):
            return False  # a module was edited
        try:
            processes = list(self.executor._processes.values())  # type: ignore[attr-defined]
            # Not `is_alive`, which loky's thread may have asked just now: only one is answered.
            if connection.wait([process.sentinel for process in processes], timeout=0):
                return False
            self.executor.submit(os.getpid)  # starts those that were idle for too long
        except Exception:  # noqa: BLE001  (broken, or unable to start processes: others may be)
            return False
        return True

    def stop(self) -> None:
        """Kill the processes."""
        self.executor.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]


_idle: list[WorkerProcesses] = []  # the one used last comes last
_lock = threading.Lock()
_of_the_parent: list[WorkerProcesses] = []  # in a fork


def borrow(start: Start, n_bytes: int) -> WorkerProcesses:
    """Workers for a fit on data of `n_bytes`; idle ones where there are any."""
    while True:
        with _lock:
            alike = [workers for workers in _idle if workers.start == start]
            if not alike:
                break
            _idle.remove(alike[-1])
        if alike[-1].fit_for(n_bytes):
            return alike[-1]
        alike[-1].stop()
    return WorkerProcesses(start, n_bytes)


def give_back(workers: WorkerProcesses) -> None:
    """Keep workers for the next fit; those of long ago are stopped if there are too many."""
    surplus = []
    with _lock:
        _idle.append(workers)
        most = _IDLE_PER_CORE * max(joblib.cpu_count() or 1, workers.start.n_workers)
        while sum(kept.start.n_workers for kept in _idle) > most:
            surplus.append(_idle.pop(0))
    for old in surplus:
        old.stop()


def _leave_to_the_parent() -> None:
    """In a fork: forget the parent's workers, without collecting what it shares with them."""
    global _lock
    _lock = threading.Lock()
    _of_the_parent.extend(_idle)
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)


def _own_sources() -> list[str]:
    """Files of imported modules that are not installed, and so may be edited."""
    folders = sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__)
    installed = tuple(os.path.join(folder, "") for folder in folders)
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return [f for f in files if isinstance(f, str) and not f.startswith(installed)]


def _changed(path: str) -> int:
    """When a file was changed, 0 if there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


# In a worker: folder of a shared object -> what runs jobs, and filters of warnings.
_held: dict[str, tuple[Any, list]] = {}


def _init_worker(parent: int, initializer: bytes) -> None:
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    function, args = cloudpickle.loads(initializer)
    if function is not None:
        function(*args)


def _watch(parent: int) -> None:
    """Let go of the data when the fit is over; exit when the parent process dies.

    loky's workers would wait for jobs forever.
    """
    while os.getppid() == parent:
        for folder in list(_held):
            if not os.path.exists(folder):
                _held.pop(folder, None)
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def run_shared(folder: str, pickled: bytes) -> Any:
    """Run a job, in a worker, by what a :class:`SharedObject` holds; it is read once."""
    held = _held.get(folder)
    if held is None:
        _held.clear()
        held = _held[folder] = load_shared(folder)
    run, filters = held
    with warnings.catch_warnings():
        warnings.filters = list(filters)  # type: ignore[misc]
        return run(*cloudpickle.loads(pickled))
