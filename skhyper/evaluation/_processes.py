"""Pool of worker processes that can be ended: at a time limit, or because they died.

A fold whose worker dies is run once more, in a new worker, before it counts as failed.
"""

import math
import pickle
import signal
import time
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import connection
from typing import Any

import cloudpickle
from sklearn import get_config

from skhyper.evaluation._objective import FoldJob, Objective, Task
from skhyper.evaluation._sharing import SharedObject, sharing_options
from skhyper.evaluation._workers import Start, Worker, borrow, give_back, kill_all
from skhyper.exceptions import WorkerError

# A worker whose last fold took fewer seconds receives the next one in advance.
_QUICK_SECONDS = 0.01
# Seconds after which a job that was sent ahead is given to another worker.
_AHEAD_SECONDS = 0.5
# Maximum size in bytes of the row numbers of a job that is sent ahead: the pipe must not block.
_MAX_AHEAD = 60_000
# Number of trials by whose folds a worker that keeps its own may be ahead of the others.
_MAX_TRIALS_AHEAD = 2
# Seconds for which workers may finish folds whose results are not needed.
_CLOSE_SECONDS = 1.0
# With `fit_timeout`, seconds within which a worker must start and read the estimator and the data.
_LOAD_SECONDS = 300.0


@dataclass(frozen=True)
class Limits:
    """Limits of a single fold: its time in seconds, and the memory of its worker in bytes."""

    fit_timeout: float | None = None
    memory_limit: int | None = None

    @property
    def are_set(self) -> bool:
        return self.fit_timeout is not None or self.memory_limit is not None


@dataclass(eq=False)
class _Place:
    """A worker in a fit, with the jobs sent to it, the first of which runs.

    None is a job that was given to another worker, too, and whose result is not needed.
    """

    worker: Worker
    jobs: deque[FoldJob | None] = field(default_factory=deque)
    is_loaded: bool = False
    began: float = math.inf  # monotonic time at which the first of the jobs began
    last_seconds: float = math.inf
    loading_since: float = field(default_factory=time.monotonic)
    folds: set[int] = field(default_factory=set)  # that it was given

    def begin(self) -> None:
        self.began = time.monotonic() if self.jobs else math.inf

    @property
    def needed(self) -> list[FoldJob]:
        return [job for job in self.jobs if job is not None]


class Processes:
    """Processes that take one job at a time and read the objective from a file once.

    They are borrowed or started when there are jobs for them. `began` is the monotonic time at
    which the workers of the first jobs had started, ``inf`` before.
    """

    gives_up = True
    in_process = False

    def __init__(
        self, objective: Objective, n_workers: int, backend: Any, limits: Limits | None = None
    ):
        self.n_workers = n_workers
        self.began = math.inf
        self._objective, self._splits = objective.without_splits()
        self._task = Task(self._objective, get_config(), backend.get_nested_backend())
        self._start = Start.from_backend(backend, n_workers)
        self._options = sharing_options()
        n_bytes = [[getattr(x, "nbytes", _MAX_AHEAD) for x in split] for split in self._splits]
        self._are_small = all(sum(sizes) < _MAX_AHEAD for sizes in n_bytes)
        self._keeps_folds = getattr(objective, "keeps_folds", False)
        self._limits = Limits() if limits is None else limits
        self._file: SharedObject | None = None
        self._waiting: deque[FoldJob] = deque()
        self._borrowed: list[Worker] = []
        self._places: list[_Place] = []
        self._lost: dict[tuple[int, int], float] = {}  # seconds of folds whose worker died
        self._n_failed_starts = 0  # in succession

    @property
    def has_room(self) -> bool:
        n_running = sum(len(place.needed) for place in self._places)
        return len(self._waiting) + n_running < self.n_workers

    def submit(self, job: FoldJob) -> None:
        self._waiting.append(job)
        self._dispatch()

    def wait(self, timeout: float | None = None) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        end = math.inf if timeout is None else time.monotonic() + timeout
        done: list[tuple[FoldJob, Any]] = []
        while not done:
            done = self._finished(self._ready(end))
            self._dispatch()
            if time.monotonic() >= end:
                break
        for job, result in sorted(done, key=lambda pair: (pair[0].trial, pair[0].fold)):
            if isinstance(result, BaseException):
                raise result
            yield job, result

    def cancel(self, trial: int) -> None:
        self._waiting = deque(job for job in self._waiting if job.trial != trial)

    def close(self, kill: bool = False) -> None:
        self._waiting.clear()
        try:
            end = time.monotonic() + (0.0 if kill else _CLOSE_SECONDS)
            while time.monotonic() < end and any(place.needed for place in self._places):
                self._finished(self._ready(end))
            kill_all([place.worker for place in self._places if place.jobs])
            idle = [place.worker for place in self._places if not place.jobs]
            for worker in [*idle, *self._borrowed]:
                give_back(worker)
        finally:
            self._places, self._borrowed = [], []
            if self._file is not None:
                self._file.remove()

    def _dispatch(self) -> None:
        self._take_back()
        while self._waiting:
            place = self._free_place()
            if place is None:
                return
            self._give(place, self._next_job(place))

    def _take_back(self) -> None:
        """Return jobs queued behind a slow job of a formerly quick worker to the other workers."""
        late = time.monotonic() - _AHEAD_SECONDS
        for place in self._places:
            ahead = place.jobs[1] if len(place.jobs) > 1 and place.began < late else None
            if ahead is not None:
                place.jobs[1] = None
                self._waiting.appendleft(ahead)

    def _next_job(self, place: _Place) -> FoldJob:
        """Remove and return the next job of a worker.

        If the objective keeps what candidates share in a fold, the worker is not given a fold that
        only another one was given, as long as there are other jobs among the next ones.
        """
        if self._keeps_folds:
            others = set().union(*(p.folds for p in self._places if p is not place)) - place.folds
            for i, job in enumerate(islice(self._waiting, _MAX_TRIALS_AHEAD * len(self._splits))):
                if job.fold not in others:
                    del self._waiting[i]
                    return job
        return self._waiting.popleft()

    def _free_place(self) -> _Place | None:
        """A place for the next job: of an idle worker, a new one, or one that is soon idle."""
        idle = [place for place in self._places if not place.jobs]
        if idle:
            return idle[0]
        if len(self._places) < self.n_workers:
            return self._new_place()
        quick = [p for p in self._places if len(p.jobs) == 1 and p.last_seconds < _QUICK_SECONDS]
        return quick[0] if quick and self._are_small else None

    def _new_place(self, fresh: bool = False) -> _Place | None:
        """A place of a borrowed or, if `fresh`, a new worker; None if it cannot start.

        Then the others run all jobs; it is an error if there are none.
        """
        if self._file is None:
            self._file = self._shared_task()
            self._borrowed = borrow(self._start, self.n_workers)
        try:
            worker = self._borrowed.pop() if self._borrowed and not fresh else Worker(self._start)
        except (OSError, AssertionError) as error:  # a daemonic process may not start others
            if self._places:
                return None
            raise WorkerError(
                f"Worker processes cannot be started: {error!r}. Use n_jobs=1 without fit_timeout "
                "and memory_limit, which needs none."
            ) from error
        worker.send("load", self._file.address, self._limits.memory_limit)
        self._places.append(_Place(worker))
        return self._places[-1]

    def _shared_task(self) -> SharedObject:
        try:
            return SharedObject((self._task.run, list(warnings.filters)), **self._options)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            raise pickle.PicklingError(
                "The estimator, the data, the scorer or the callbacks cannot be pickled, which "
                f"worker processes need: {error}. Use n_jobs=1 without fit_timeout and "
                "memory_limit, which needs none."
            ) from error

    def _give(self, place: _Place, job: FoldJob) -> None:
        place.folds.add(job.fold)
        place.jobs.append(job)  # first: after an interruption, the worker counts as busy
        if place.is_loaded:
            place.worker.send("run", cloudpickle.dumps((job, *self._splits[job.fold])))
            if len(place.jobs) == 1:
                place.begin()

    def _ready(self, end: float) -> set[Any]:
        """Pipes with messages and sentinels of ended processes; waits for one until `end`."""
        limit = self._limits.fit_timeout
        if limit is not None:
            end = min([end, *(place.began + limit for place in self._places)])
            loading = [place.loading_since for place in self._places if not place.is_loaded]
            end = min([end, *(since + _LOAD_SECONDS for since in loading)])
        if not all(place.jobs for place in self._places):  # there is an idle worker
            ahead = [place.began for place in self._places if len(place.needed) > 1]
            end = min([end, *(began + _AHEAD_SECONDS for began in ahead)])
        timeout = None if end == math.inf else max(0.0, end - time.monotonic())
        pipes = [place.worker.pipe for place in self._places]
        sentinels = [place.worker.sentinel for place in self._places]
        return set(connection.wait([*pipes, *sentinels], timeout))

    def _finished(self, ready: set[Any]) -> list[tuple[FoldJob, Any]]:
        """Jobs that have ended, with their results, or exceptions to raise."""
        done: list[tuple[FoldJob, Any]] = []
        for place in list(self._places):
            if place.worker.pipe in ready:
                message = place.worker.receive()
                if message is not None:
                    done += self._heard(place, *message)
                    continue
            elif place.worker.sentinel not in ready:
                done += self._overdue(place)
                continue
            done += self._died(place)
        return done

    def _heard(self, place: _Place, kind: str, *details: Any) -> list[tuple[FoldJob, Any]]:
        if kind == "refused":
            raise WorkerError(details[0])
        if kind == "loaded":
            place.is_loaded, self._n_failed_starts = True, 0
            if all(other.is_loaded for other in self._places):
                self.began = min(self.began, time.monotonic())
            needed, place.jobs = place.needed, deque()
            for early in needed:
                self._give(place, early)
            return []
        job = place.jobs.popleft()
        place.last_seconds = time.monotonic() - place.began
        place.begin()
        if job is None:
            return []
        if kind == "done":
            return [(job, details[0])]
        error, text = details
        error.__cause__ = _RemoteError(text)
        return [(job, error)]

    def _overdue(self, place: _Place) -> list[tuple[FoldJob, Any]]:
        """The failed job of a worker that has reached `fit_timeout`, after its end."""
        limit, seconds = self._limits.fit_timeout, time.monotonic() - place.began
        if limit is not None and not place.is_loaded:
            if time.monotonic() - place.loading_since < _LOAD_SECONDS or place.worker.pipe.poll():
                return []
            raise WorkerError(
                f"A worker process has not read the estimator and the data in {_LOAD_SECONDS:g} "
                "seconds. Does unpickling the estimator hang?"
            )
        if limit is None or seconds < limit or place.worker.pipe.poll():
            return []
        place.worker.kill()
        job = self._remove(place)
        if job is None:
            return []
        reason = f"the fold did not end within fit_timeout={limit} seconds; its worker was ended."
        return [(job, self._failed(job, TimeoutError(reason), seconds))]

    def _died(self, place: _Place) -> list[tuple[FoldJob, Any]]:
        """Run the job of a dead worker once more; return it as failed after the second time."""
        place.worker.kill_group()
        status, seconds = place.worker.exit_status(), time.monotonic() - place.began
        place.worker.forget()
        if not place.is_loaded:
            self._places.remove(place)
            self._waiting.extendleft(reversed(place.needed))
            self._n_failed_starts += status != 0  # 0: it was idle for long, and has just exited
            if self._n_failed_starts > 1:
                raise WorkerError(
                    f"Worker processes cannot start: the last one {_ended(status)} before it had "
                    "read the estimator and the data. See its error output, or use n_jobs=1 "
                    "without fit_timeout and memory_limit, which needs no worker processes."
                )
            return []
        if not place.jobs:
            self._places.remove(place)
            return []
        job = self._remove(place)
        if job is None:
            return []
        key = job.trial, job.fold
        if key not in self._lost:
            self._lost[key] = seconds
            again = self._new_place(fresh=True)
            if again is None:
                self._waiting.appendleft(job)
            else:
                self._give(again, job)
            return []
        reason = (
            f"the worker process {_ended(status)}, and so did that of the first attempt, with "
            f"{dict(job.params)!r}."
        )
        return [(job, self._failed(job, WorkerError(reason), self._lost.pop(key) + seconds))]

    def _remove(self, place: _Place) -> FoldJob | None:
        """Remove the place of an ended worker; return its current job, queue the others again."""
        self._places.remove(place)
        job = place.jobs.popleft()
        self._waiting.extendleft(reversed(place.needed))
        return job

    def _failed(self, job: FoldJob, error: Exception, seconds: float) -> Any:
        """Result of a fold that has not ended by itself, or the exception to raise."""
        try:
            return self._objective.failed(job, error, seconds, *self._splits[job.fold])
        except Exception as raised:  # noqa: BLE001
            return raised


class _RemoteError(Exception):
    """The traceback of a worker, shown as the cause of an exception."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _ended(status: int | None) -> str:
    """Description of how a process with this exit status ended, as a verb phrase."""
    if status is None:
        return "ended"
    if status >= 0:
        return f"exited with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = ", possibly out of memory" if name == "SIGKILL" else ""
    return f"was ended by {name} ({signal.strsignal(-status)}{hint})"
