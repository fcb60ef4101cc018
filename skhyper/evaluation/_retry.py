"""Retry of trials that may have ended the process, in a separate worker process.

A journal records which trials ran when the process died. If the worker process dies as well, their
folds have failed; otherwise the cause was something else.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import joblib
from joblib.parallel import get_active_backend

from skhyper.evaluation._executor import Pool
from skhyper.evaluation._journal import Journal
from skhyper.evaluation._objective import FoldJob
from skhyper.evaluation._processes import Processes
from skhyper.exceptions import WorkerError

# Maximum number of processes that die while a trial is retried in a separate process, before it
# counts as failed.
_MAX_DEATHS = 4


def journaled_pool(
    pool: Pool, objective: Any, journal: Journal, n_deaths: Mapping[int, int]
) -> Pool:
    """The pool of a search with a journal, which records how folds are run.

    `n_deaths` has the trials that may have ended the process, see :class:`RetryPool`.
    """
    journal.describe_session(in_process=pool.in_process, workers=pool.n_workers)
    return RetryPool(pool, objective, journal, n_deaths) if n_deaths else pool


class RetryPool:
    """Runs folds of some trials in a worker process, one by one, before those of all others.

    Parameters
    ----------
    pool : Pool
        Runs all other folds.
    objective : Objective or GradientObjective
    journal : Journal
    n_deaths : dict
        From numbers of trials to the number of processes that died while the trial was tried alone.
    """

    def __init__(self, pool: Pool, objective: Any, journal: Journal, n_deaths: Mapping[int, int]):
        self.n_workers = pool.n_workers
        self.gives_up = pool.gives_up
        self.in_process = pool.in_process
        self.began = time.monotonic()
        self._pool = pool
        self._objective = objective
        self._journal = journal
        self._n_deaths = n_deaths
        self._jobs: deque[FoldJob] = deque()
        self._is_running = False  # the first of the jobs
        self._alone: Processes | None = None

    @property
    def has_room(self) -> bool:
        return not self._jobs and self._pool.has_room

    def submit(self, job: FoldJob) -> None:
        if self._journal.number_of(job) in self._n_deaths:
            self._jobs.append(job)
        else:
            self._pool.submit(job)

    def wait(self, timeout: float | None = None) -> Iterator[tuple[FoldJob, dict[str, Any]]]:
        if not self._jobs:
            self._close_worker()
            yield from self._pool.wait(timeout)
            return
        number = self._journal.number_of(self._jobs[0])
        if self._n_deaths[number] >= _MAX_DEATHS:
            job = self._jobs.popleft()
            reason = (
                f"{self._n_deaths[number]} worker processes died while {dict(job.params)!r} was "
                "retried, after the process of the search itself had died."
            )
            yield job, self._objective.failed(job, WorkerError(reason), 0.0)
            return
        if not self._is_running:
            self._journal.on_retry(number)
            self._worker().submit(self._jobs[0])
            self._is_running = True
        for job, result in self._worker().wait(timeout):
            self._is_running = False
            self._jobs.popleft()
            yield job, result

    def _worker(self) -> Processes:
        if self._alone is None:
            with joblib.parallel_config("loky"):
                backend, _ = get_active_backend()
            self._alone = Processes(self._objective, 1, backend)
        return self._alone

    def cancel(self, trial: int) -> None:
        self._jobs = deque(job for job in self._jobs if job.trial != trial)
        self._pool.cancel(trial)

    def close(self, kill: bool = False) -> None:
        self._jobs.clear()
        self._close_worker(kill)
        self._pool.close(kill)

    def _close_worker(self, kill: bool = False) -> None:
        alone, self._alone = self._alone, None
        if alone is not None:
            alone.close(kill)
