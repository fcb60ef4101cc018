"""Worker processes that are reused by later fits.

A fit borrows workers and returns them; idle workers exit after some time. loky's reusable executor
is not used: replacing it would break the user's next ``joblib.Parallel``. Workers are reused only
if environment variables, import path, directory and modules are unchanged.
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

_IDLE_SECONDS = 300  # until an idle worker exits; as in joblib
# Growth of the data, in bytes, beyond which new workers are started: loky ends a worker, with a
# warning, if its memory (mapped data included) has grown by 300 MB since its first job.
_MAX_GROWTH = 200_000_000
# Maximum number of idle workers for each core, or for each worker of the last fit if more.
_IDLE_PER_CORE = 2
_WATCH_SECONDS = 1.0  # between checks that the parent process is alive

# Prefixes of the environment variables that limit threads of numerical libraries.
_THREADED = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMBA", "NUMEXPR")


@dataclass(frozen=True)
class Start:
    """Settings with which workers are started; workers with equal settings are interchangeable.

    `timeout` is the number of seconds after which an idle worker exits, `initializer` the pickled
    ``(function, arguments)`` of ``joblib.parallel_config``, `place` the directory and import path.
    """

    n_workers: int
    environment: dict[str, str]
    timeout: float
    initializer: bytes
    place: tuple[Any, ...]

    @classmethod
    def from_backend(cls, backend: Any, n_workers: int) -> "Start":
        """The settings with which joblib would start workers of its active backend."""
        inner_threads = getattr(backend, "inner_max_num_threads", None)
        kwargs = getattr(backend, "backend_kwargs", {})  # joblib 1.3 has none
        # Workers share the cores, and therefore the threads.
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
    """Worker processes, used by one fit or idle."""

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

    def can_serve(self, n_bytes: int) -> bool:
        """Whether they are alive, up to date, and can load data of this size."""
        if n_bytes - self.n_bytes > _MAX_GROWTH:
            return False
        if any(_changed(path) != then for path, then in self._sources.items()):
            return False  # a module was edited
        try:
            processes = list(self.executor._processes.values())  # type: ignore[attr-defined]
            # Not `is_alive`: if two threads call it, such as loky's, only one gets the answer.
            if connection.wait([process.sentinel for process in processes], timeout=0):
                return False
            self.executor.submit(os.getpid)  # restarts workers that exited when idle
        except Exception:  # noqa: BLE001  (broken, or unable to start processes)
            return False
        return True

    def stop(self) -> None:
        """Kill the processes."""
        self.executor.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]


_idle: list[WorkerProcesses] = []  # most recently used last
_lock = threading.Lock()
_of_parent: list[WorkerProcesses] = []  # of the parent process, in a fork


def borrow(start: Start, n_bytes: int) -> WorkerProcesses:
    """Workers for a fit on data of `n_bytes`, idle ones if there are any."""
    while True:
        with _lock:
            alike = [workers for workers in _idle if workers.start == start]
            if not alike:
                break
            _idle.remove(alike[-1])
        if alike[-1].can_serve(n_bytes):
            return alike[-1]
        alike[-1].stop()
    return WorkerProcesses(start, n_bytes)


def give_back(workers: WorkerProcesses) -> None:
    """Keep workers for the next fit; above the maximum, stop the oldest ones."""
    surplus = []
    with _lock:
        _idle.append(workers)
        most = _IDLE_PER_CORE * max(joblib.cpu_count() or 1, workers.start.n_workers)
        while sum(kept.start.n_workers for kept in _idle) > most:
            surplus.append(_idle.pop(0))
    for old in surplus:
        old.stop()


def _forget_idle_workers() -> None:
    """In a fork, leave the workers to the parent: garbage collection would close its pipes."""
    global _lock
    _lock = threading.Lock()
    _of_parent.extend(_idle)
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_idle_workers)


def _own_sources() -> list[str]:
    """Files of imported modules that are not installed, which users may edit."""
    folders = sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__)
    installed = tuple(os.path.join(folder, "") for folder in folders)
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return [f for f in files if isinstance(f, str) and not f.startswith(installed)]


def _changed(path: str) -> int:
    """Time of the last change of a file; 0 if it does not exist."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


# State of a worker: folder of a shared object -> function that runs jobs, and warning filters.
_worker_state: dict[str, tuple[Any, list]] = {}


def _init_worker(parent: int, initializer: bytes) -> None:
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
    function, args = cloudpickle.loads(initializer)
    if function is not None:
        function(*args)


def _exit_with_parent(parent: int) -> None:
    """Exit when the parent process dies; loky's workers would otherwise wait forever.

    Also releases the data when the fit is over.
    """
    while os.getppid() == parent:
        for folder in list(_worker_state):
            if not os.path.exists(folder):
                _worker_state.pop(folder, None)
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def run_shared(folder: str, pickled: bytes) -> Any:
    """Run a job in a worker, by the function in a :class:`SharedObject`, which is read once."""
    state = _worker_state.get(folder)
    if state is None:
        _worker_state.clear()
        state = _worker_state[folder] = load_shared(folder)
    run, filters = state
    with warnings.catch_warnings():
        warnings.filters = list(filters)  # type: ignore[misc]
        return run(*cloudpickle.loads(pickled))
