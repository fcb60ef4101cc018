"""Worker processes: each runs one job after another, and can be ended at any time.

A fit borrows workers and gives them back; idle workers exit after some time. They are started like
loky's: fresh interpreters without the main module, with thread limits in their environment. loky's
executor is not used, because the death of one worker breaks it. Workers are reused only if
environment variables, import path, directory and modules are unchanged.
"""

import atexit
import ctypes
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

import cloudpickle
import joblib
from joblib.externals.loky.backend.process import LokyProcess
from joblib.externals.loky.backend.utils import kill_process_tree

from skhyper.evaluation._sharing import load_shared

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_IDLE_SECONDS = 300  # until an idle worker exits; as in joblib
# Maximum number of idle workers for each core, or for each worker of the last fit if more.
_IDLE_PER_CORE = 2
_PAUSE_SECONDS = 0.5  # between fits, up to which a worker does not collect garbage
_WATCH_SECONDS = 1.0  # between checks that the parent process is alive
_PR_SET_PDEATHSIG = 1  # of Linux's prctl
# Only Linux counts private memory, and not only the heap, towards RLIMIT_DATA.
LIMITS_MEMORY = sys.platform == "linux"

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


class Worker:
    """A worker process, used by one fit or idle, and the `pipe` to it.

    ``connection.wait`` returns `sentinel` when the process has ended. Messages are tuples; those to
    a worker are:

    - ``("load", address, memory_limit)``, answered by ``("loaded",)`` or ``("refused", reason)``;
    - ``("run", pickled job)``, answered by ``("done", result)``, ``("raised", error, traceback)``
      or ``("refused", reason)``;
    - ``("release",)`` when it becomes idle, and ``("exit",)``.
    """

    def __init__(self, start: Start):
        self.start = start
        self._sources = {path: _changed(path) for path in _own_sources()}
        self.pipe, theirs = multiprocessing.Pipe()
        try:
            args = theirs, os.getpid(), start.initializer, start.timeout
            self._process = LokyProcess(target=_serve, args=args, env=start.environment)
            _start_process(self._process)
        except BaseException:
            self.pipe.close()
            raise
        finally:
            theirs.close()
        self.sentinel = self._process.sentinel
        if hasattr(os, "pidfd_open"):
            # A process that a job forks keeps the pipe of multiprocessing's sentinel open.
            with suppress(OSError):
                self.sentinel = os.pidfd_open(self._process.pid)
                weakref.finalize(self, os.close, self.sentinel)
        _started.add(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, *message: Any) -> None:
        """Send a message; if the process has ended, its sentinel says so."""
        with suppress(OSError):
            self.pipe.send_bytes(pickle.dumps(message))

    def receive(self) -> tuple[Any, ...] | None:
        """The next message; None if the process has ended."""
        try:
            return cloudpickle.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            return None

    def can_serve(self) -> bool:
        """Whether it is alive and up to date."""
        if any(_changed(path) != then for path, then in self._sources.items()):
            return False  # a module was edited
        return not connection.wait([self.sentinel], timeout=0)

    def exit_status(self) -> int | None:
        """Status of a process that has ended; minus the signal's number if one ended it."""
        self._process.join(1)
        return self._process.exitcode

    def kill(self) -> None:
        """End the process, and those that it has started, at once."""
        kill_process_tree(self._process)
        self.kill_group()
        self.forget()

    def kill_group(self) -> None:
        """End what jobs of a process that has ended have left: the rest of its process group."""
        if hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)

    def leave(self) -> None:
        """Tell an idle process to exit."""
        self.send("exit")
        self.forget()

    def forget(self) -> None:
        """Release the resources of a process that has ended or is about to end."""
        self.pipe.close()
        _started.discard(self)


_idle: list[Worker] = []  # most recently used last
_started: set[Worker] = set()
_starter: ThreadPoolExecutor | None = None
_lock = threading.Lock()


def borrow(start: Start, n_workers: int) -> list[Worker]:
    """Idle workers for a fit, at most `n_workers`."""
    with _lock:
        alike = [worker for worker in _idle if worker.start == start][-n_workers:]
        for worker in alike:
            _idle.remove(worker)
    usable = []
    for worker in alike:
        if worker.can_serve():
            usable.append(worker)
        else:
            worker.leave()
    return usable


def give_back(worker: Worker) -> None:
    """Keep a worker for the next fit; above the maximum, let the oldest ones exit."""
    worker.send("release")
    surplus = []
    with _lock:
        _idle.append(worker)
        most = _IDLE_PER_CORE * max(joblib.cpu_count() or 1, worker.start.n_workers)
        while len(_idle) > most:
            surplus.append(_idle.pop(0))
    for old in surplus:
        old.leave()


def kill_all(workers: Sequence[Worker]) -> None:
    """Kill workers, even if Ctrl-C interrupts this."""
    if not workers:
        return

    def kill() -> None:
        for worker in workers:
            worker.kill()

    thread = threading.Thread(target=kill)  # Ctrl-C interrupts the main thread only
    thread.start()
    thread.join()


def _forget_workers() -> None:
    """In a fork, leave the workers to the parent."""
    global _lock, _starter
    _lock, _starter = threading.Lock(), None
    _idle.clear()
    _started.clear()


def _end_workers() -> None:
    """At the exit of the interpreter; multiprocessing would wait for them."""
    for worker in list(_started):
        if worker in _idle:
            worker.leave()
        else:
            worker.kill()


atexit.register(_end_workers)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)


def _start_process(process: LokyProcess) -> None:
    """Start a process from a thread that lives as long as this process.

    The system ends it (``PR_SET_PDEATHSIG``) when the thread that started it ends.
    """
    global _starter
    if threading.current_thread() is threading.main_thread():
        _start_without_sigint(process)
        return
    with _lock:
        if _starter is None:
            _starter = ThreadPoolExecutor(1)
    _starter.submit(_start_without_sigint, process).result()


def _start_without_sigint(process: LokyProcess) -> None:
    """Start a process in which SIGINT is blocked, until it ignores it."""
    if not hasattr(signal, "pthread_sigmask"):
        process.start()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _own_sources() -> list[str]:
    """Files of imported modules that are not installed: users may edit them."""
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


def _serve(
    pipe: connection.Connection, parent: int, initializer: bytes, idle_seconds: float
) -> None:
    """Answer the messages of the parent process, until it says "exit" or ends."""
    _exit_with_parent(parent)
    guard = None
    if hasattr(os, "setsid"):
        with suppress(OSError):
            os.setsid()  # a process group, by which the processes that jobs start can be ended
            guard = _start_guard()
    # A terminal sends Ctrl-C to workers, too; the parent decides about them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    function, args = cloudpickle.loads(initializer)
    if function is not None:
        function(*args)
    usual = resource.getrlimit(resource.RLIMIT_DATA) if LIMITS_MEMORY else (0, 0)
    run: Callable[[bytes], Any] | None = None
    while run is not None or _has_message(pipe, idle_seconds):
        try:
            kind, *details = pickle.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        if kind == "load":
            run, answer = _load(details[0], details[1], usual)
        elif kind == "run":
            answer = _answer(run, *details)
        elif kind == "release":
            run = None
            _limit_memory(None, usual)
            continue
        else:
            break
        with suppress(OSError):
            pipe.send_bytes(answer)
    if guard is not None:
        with suppress(OSError):  # a job may have ended it
            os.write(guard.fileno(), b"\n")


def _start_guard() -> connection.Connection:
    """Start a shell that kills the process group of this process when this process dies.

    Otherwise processes that a job started outlive a worker that is killed together with its parent.
    The shell waits for the end of a pipe that nothing but this process holds open, or for a line.
    It is no child of this process, as jobs may wait for all children.
    """
    reader, writer = multiprocessing.Pipe(duplex=False)
    os.register_at_fork(after_in_child=writer.close)
    with reader:
        # The standard input of a command in the background is empty.
        script = "exec 3<&0; (read line <&3 || kill -9 0) &"
        command, null = ["/bin/sh", "-c", script], subprocess.DEVNULL
        subprocess.run(command, stdin=reader.fileno(), stdout=null, stderr=null, check=False)
    return writer


def _has_message(pipe: connection.Connection, idle_seconds: float) -> bool:
    """Wait for a message for `idle_seconds`; returns whether there is one."""
    pause = min(_PAUSE_SECONDS, idle_seconds)
    if not pipe.poll(pause):
        gc.collect()  # the data may be in reference cycles
    return pipe.poll(idle_seconds - pause)


def _exit_with_parent(parent: int) -> None:
    """Make the system end this process when its parent ends, and also watch the parent.

    The watching thread does not run while a job's C code holds the interpreter's lock.
    """
    with suppress(OSError, AttributeError):  # Linux has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _load(
    address: str, memory_limit: int | None, usual: tuple[int, int]
) -> tuple[Callable[[bytes], Any] | None, bytes]:
    """Function that runs pickled jobs by the object at an address, and the answer."""
    try:
        function, filters = load_shared(address)
    except Exception:  # noqa: BLE001
        return None, pickle.dumps(("refused", _why_unreadable(traceback.format_exc())))
    used = _private_memory() if memory_limit is not None else 0
    if memory_limit is not None and used >= memory_limit:
        reason = (
            f"memory_limit={memory_limit} bytes is less than the {used} bytes that a worker "
            "process needs before it fits anything."
        )
        return None, pickle.dumps(("refused", reason))
    _limit_memory(memory_limit, usual)

    def run(pickled: bytes) -> Any:
        with warnings.catch_warnings():
            warnings.filters = list(filters)  # type: ignore[misc]
            return function(*cloudpickle.loads(pickled))

    return run, pickle.dumps(("loaded",))


def _why_unreadable(error: str) -> str:
    return (
        "A worker process cannot unpickle the estimator, the data, the scorer or the callbacks. "
        "Their classes and functions must be in modules that it can import, or in the main "
        f"script; n_jobs=1 needs no worker processes. The error was:\n\n{error}"
    )


def _answer(run: Any, pickled: bytes) -> bytes:
    """The pickled answer to a job."""
    try:
        return cloudpickle.dumps(("done", run(pickled)))
    except BaseException as error:  # noqa: BLE001
        text = traceback.format_exc()
        try:
            answer = cloudpickle.dumps(("raised", error, text))
            cloudpickle.loads(answer)  # some exceptions only fail here
        except Exception:  # noqa: BLE001
            answer = pickle.dumps(("raised", RuntimeError(text), text))
        return answer


def _private_memory() -> int:
    """Bytes of private memory of this process, which RLIMIT_DATA limits."""
    with open("/proc/self/status") as file:
        (line,) = (line for line in file if line.startswith("VmData"))
    return int(line.split()[1]) * 1024


def _limit_memory(n_bytes: int | None, usual: tuple[int, int]) -> None:
    """Limit private memory; None restores the limit at the start of the process."""
    if not LIMITS_MEMORY:
        return
    soft, hard = usual
    if n_bytes is not None:
        soft = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
