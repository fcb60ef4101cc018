"""Folds as tasks of Dask.

Each task is bound to a free thread of one worker, so that it is known which folds a lost worker
ran; Dask itself would run them again until four workers are lost. Dask does not report lost
workers, so the list of workers is requested once a second.
"""

import asyncio
import concurrent.futures
import math
import queue
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from skhyper.evaluation._cluster import Lost, Raised, Shared, run_fold

_POLL_SECONDS = 1.0  # between requests for the list of workers
_PATIENCE = 60.0  # seconds without workers until a warning
_PAUSE_SECONDS = 2.0  # after a cancelled task, until the next one is submitted
# Seconds for which a restarting cluster may list its old workers; those left are used again.
_RESTART_SECONDS = 60.0
_TRANSFER_SECONDS = 30.0  # for a result; if it takes longer, its worker may be lost

_PENDING = object()
_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)


class DaskCluster:
    """The client of joblib's `backend`, with its options for tasks."""

    name = "Dask"

    def __init__(self, shared: Shared, splits: Sequence[Any], backend: Any):
        self._shared, self._splits = shared, splits
        self._backend = backend
        self._client = backend.client
        self._options = {"pure": False, **backend.submit_kwargs}
        self._only = self._options.pop("workers", None)
        self._options.pop("allow_other_workers", None)
        self._data: Any = None  # futures of the shared object and of the splits
        self._split_data: list[Any] = []
        self._futures: dict[str, Any] = {}  # of running tasks
        self._at: dict[str, tuple[str, int]] = {}  # their workers, and number of restarts before
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._generation = self._client.generation  # number of restarts
        self._ending: set[str] = set()  # workers that are listed but end, since Dask restarts
        self._restarted = -math.inf
        self._threads = self._ask_for_threads()
        self._next_look = self._last_worker = time.monotonic()
        self._paused_until = -math.inf

    @property
    def n_slots(self) -> int:
        return max(1, sum(self._threads.values()))

    def submit(self, job: bytes, fold: int, avoid: str) -> str | None:
        generation = self._client.generation
        if generation != self._generation:
            self._update_workers()
        worker = self._free_worker(avoid)
        is_paused = time.monotonic() < self._paused_until
        if is_paused or worker is None or not self._send_data(fold):
            return None
        host = _host(worker)
        n_sharing = sum(n for address, n in self._threads.items() if _host(address) == host)
        key = f"skhyper-fold-{uuid.uuid4().hex}"
        self._futures[key] = self._client.submit(
            run_fold,
            self._data,
            job,
            self._split_data[fold],
            0,
            n_sharing,
            key=key,
            workers=[worker],
            **self._options,
        )
        self._at[key] = worker, generation
        self._watch(key)
        return key

    def _free_worker(self, avoid: str) -> str | None:
        """The worker with most free threads; `avoid` only if there is no other."""
        used = Counter(worker for worker, _ in self._at.values())
        threads = {a: n for a, n in self._threads.items() if a not in self._ending}
        free = {a: n - used[a] for a, n in threads.items() if n > used[a]}
        return max(free, key=lambda a: (a != avoid, free[a]), default=None)

    def _send_data(self, fold: int) -> bool:
        """Send the data that the workers lack; False if there are no workers yet."""
        to = [a for a in self._threads if a not in self._ending] if self._ending else None
        try:
            if self._data is None or self._data.status != "finished":
                # To all workers; later ones get it from these.
                self._data = self._client.scatter(self._shared, to, broadcast=True, hash=False)
            if not self._split_data:
                self._split_data = self._client.scatter(list(self._splits), to, hash=False)
            elif self._split_data[fold].status != "finished":
                split = self._splits[fold]
                (self._split_data[fold],) = self._client.scatter([split], to, hash=False)
        except (TimeoutError, OSError, KeyError):  # no worker, or one that has just been lost
            self._check_connection()
            self._next_look = 0.0
            return False
        return True

    def _watch(self, key: str) -> None:
        self._futures[key].add_done_callback(lambda future: self._done.put(future.key))

    def finished(self, timeout: float) -> list[tuple[str, Any]]:
        outcomes = []
        for key in self._ended(min(timeout, _POLL_SECONDS)):
            outcome = self._outcome(key) if key in self._futures else _PENDING
            if outcome is not _PENDING:
                outcomes.append((key, outcome))
        for key, _ in outcomes:
            self._forget(key)
        if time.monotonic() >= self._next_look:
            outcomes += self._lost()
        return outcomes

    def _ended(self, timeout: float) -> list[str]:
        """Keys of tasks that ended; none if that takes too long."""
        keys = []
        # A search within a task leaves its thread to others while it waits.
        with self._backend.retrieval_context(), suppress(queue.Empty):
            keys.append(self._done.get(timeout=max(0.0, timeout)))
            while True:
                keys.append(self._done.get_nowait())
        return keys

    def _outcome(self, key: str) -> Any:
        future = self._futures[key]
        try:
            if future.status == "error":
                error = future.exception(timeout=_TRANSFER_SECONDS)
                if type(error).__name__ == "KilledWorker":
                    return Lost(str(error), final=True)
                return Raised(error)
            if future.status == "finished":
                return future.result(timeout=_TRANSFER_SECONDS)
        except TimeoutError:
            pass
        except _CANCELLED:
            return self._cancelled(key)
        if future.status in ("cancelled", "lost"):
            return self._cancelled(key)
        self._watch(key)  # its result was lost and is computed again
        return _PENDING

    def _cancelled(self, key: str) -> Lost:
        """Outcome of a task that Dask cancelled: after a restart, or because its data were lost."""
        self._check_connection()
        self._update_workers()
        self._paused_until = time.monotonic() + _PAUSE_SECONDS
        return self._loss(key)

    def _loss(self, key: str) -> Lost:
        worker, generation = self._at[key]
        restarted = self._client.generation != generation
        return Lost() if restarted or worker in self._threads else Lost(worker)

    def _lost(self) -> list[tuple[str, Any]]:
        """Outcomes of tasks whose workers are lost."""
        self._update_workers()
        self._next_look = time.monotonic() + _POLL_SECONDS
        self._warn_without_workers()
        lost = [key for key, (worker, _) in self._at.items() if worker not in self._threads]
        outcomes = [(key, self._loss(key)) for key in lost]
        self.cancel(lost)
        return outcomes

    def _warn_without_workers(self) -> None:
        now = time.monotonic()
        if self._threads:
            self._last_worker = now
        elif now - self._last_worker > _PATIENCE:
            self._last_worker = math.inf
            warnings.warn(
                f"Dask has had no workers for {_PATIENCE:.0f} s; the search is waiting for one.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _update_workers(self) -> None:
        """Ask for the list of workers; those that were there before a restart are not used."""
        if self._generation != self._client.generation:
            self._generation = self._client.generation
            self._ending, self._restarted = set(self._threads), time.monotonic()
        self._threads = self._ask_for_threads()
        self._ending &= self._threads.keys()
        if time.monotonic() > self._restarted + _RESTART_SECONDS:
            self._ending.clear()

    def _ask_for_threads(self) -> dict[str, int]:
        """Number of threads, or of tasks for which the resources suffice, of each worker."""
        needed = self._options.get("resources")
        try:
            threads = self._client.nthreads(self._only)
            if needed:
                workers = self._client.scheduler_info()["workers"]
                there = {a: workers[a].get("resources", {}) for a in threads if a in workers}
                return {
                    a: int(min(threads[a], *(has.get(k, 0) // n for k, n in needed.items())))
                    for a, has in there.items()
                }
            return dict(threads)
        except Exception:
            self._check_connection()
            raise

    def _check_connection(self) -> None:
        while self._client.status == "connecting":
            time.sleep(0.1)
        if self._client.status != "running":
            raise ConnectionError(
                "The scheduler of Dask is gone, or its client was closed. The finished trials are "
                "in `history_` and in the journal, if there is one. To continue on another "
                "cluster, fit again with the same journal or with history=search.history_."
            )

    def _forget(self, key: str) -> None:
        del self._futures[key], self._at[key]

    def cancel(self, handles: Sequence[str]) -> None:
        left = [key for key in handles if key in self._futures]
        futures = [self._futures[key] for key in left]
        for key in left:
            self._forget(key)
        if futures and self._client.status == "running":
            self._client.cancel(futures)

    def close(self) -> None:
        self._data = None
        self._split_data = []


def _host(address: str) -> str:
    return address.rpartition(":")[0]
