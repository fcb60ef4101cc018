"""Folds as tasks of Ray."""

import math
import time
from collections.abc import Sequence
from typing import Any

from skhyper.evaluation._cluster import Lost, Raised, Shared, run_fold

_POLL_SECONDS = 1.0  # between requests for the resources of the cluster


class RayCluster:
    """The cluster that Ray is connected to; a local one is started if there is none.

    `n_jobs` is the maximum number of tasks, all that the cluster can run if None or -1.
    """

    name = "Ray"

    def __init__(self, shared: Shared, splits: Sequence[Any], backend: Any, n_jobs: int | None):
        import ray

        if not ray.is_initialized():
            ray.init()
        self._ray = ray
        self._shared, self._splits = shared, splits
        self._n_jobs = n_jobs
        self._options = {"num_cpus": 1, **(backend.ray_remote_args or {}), "max_retries": 0}
        self._task = ray.remote(**self._options)(run_fold)
        self._data: Any = None  # references to the shared object and to the splits
        self._split_data: list[Any] = []
        self._running: set[Any] = set()
        self._next_look = 0.0
        self._n_slots = 1

    @property
    def n_slots(self) -> int:
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _POLL_SECONDS
            self._n_slots = self._ask_for_slots()
        return self._n_slots

    def _ask_for_slots(self) -> int:
        there = self._ray.cluster_resources()
        needed = {"CPU": self._options["num_cpus"], "GPU": self._options.get("num_gpus", 0)}
        needed |= self._options.get("resources") or {}
        n = min([there.get(name, 0) // n for name, n in needed.items() if n], default=1)
        if self._n_jobs is not None:
            n = min(n, self._n_jobs) if self._n_jobs > 0 else n + 1 + self._n_jobs
        return max(1, int(n))

    def submit(self, job: bytes, fold: int, avoid: str) -> Any:
        if len(self._running) >= self.n_slots:
            return None
        if self._data is None:
            self._data = self._ray.put(self._shared)
            self._split_data = [self._ray.put(split) for split in self._splits]
        n_threads = max(1, math.floor(self._options["num_cpus"]))
        task = self._task.remote(self._data, job, self._split_data[fold], n_threads)
        self._running.add(task)
        return task

    def finished(self, timeout: float) -> list[tuple[Any, Any]]:
        timeout = max(0.0, min(timeout, _POLL_SECONDS))
        if not self._running:
            time.sleep(timeout)
            return []
        running = list(self._running)
        done, _ = self._ray.wait(running, num_returns=1, timeout=timeout)
        if done:
            done, _ = self._ray.wait(running, num_returns=len(running), timeout=0)
        self._running.difference_update(done)
        return [(task, self._outcome(task)) for task in done]

    def _outcome(self, task: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(task)
        except errors.RayTaskError as error:
            return Raised(error.cause if isinstance(error.cause, BaseException) else error)
        except errors.RayError as error:
            return Lost(str(error).partition("\n")[0] or type(error).__name__)

    def cancel(self, handles: Sequence[Any]) -> None:
        for task in handles:
            self._ray.cancel(task, force=True)
        self._running.difference_update(handles)

    def close(self) -> None:
        self._data = None
        self._split_data = []
