"""The time limit of a search, and estimates of the time of further folds."""

import math
import time
from bisect import insort
from collections.abc import Iterable, Mapping
from statistics import mean
from typing import Any

from skhyper.evaluation._executor import Pool

# Seconds that the first trial has at least, and seconds within which workers should start.
_MIN_SECONDS = 1.0
_START_SECONDS = 60.0
_POLL_SECONDS = 0.5  # until the first trial is done


def fold_seconds(result: Mapping[str, Any]) -> float:
    """Seconds that a fold took."""
    return result.get("seconds", result["fit_time"])  # a fold that was ended has the latter


class Deadline:
    """The time at which a search of `max_time` seconds ends; None is no limit.

    If the pool can abandon running jobs, they are abandoned at the end. The time of the refit is
    reserved: that of the longest fit so far, times `refit_scale`. Until the first trial has ended,
    the time to start the workers does not count. `is_set` is whether there is a limit,
    `is_enforced` whether running folds are abandoned at the end; `spent` are the seconds that an
    earlier process took.
    """

    def __init__(self, max_time: float | None, refit_scale: float, pool: Pool, spent: float = 0.0):
        self._max_time = math.inf if max_time is None else max_time
        self._start = time.monotonic() - spent
        self.is_set = max_time is not None
        self.is_enforced = self.is_set and pool.gives_up
        self._refit_scale = refit_scale
        self._pool = pool
        self._seconds: list[float] = []  # of the folds, in ascending order
        self._longest_fit = 0.0

    def on_fold_end(self, result: Mapping[str, Any]) -> None:
        """Note the time of a fold."""
        if not self.is_enforced or result.get("shared"):
            return
        seconds = fold_seconds(result)
        insort(self._seconds, seconds)
        if result["fit_error"] is None:
            # The clock of fit_time may be set during the fit.
            self._longest_fit = max(self._longest_fit, min(result["fit_time"], seconds))

    def seconds_left(self, has_trial: bool) -> float | None:
        """Seconds for which the pool may wait; None without a limit."""
        if not self.is_enforced:
            return None
        left = max(0.0, self._end(has_trial) - time.monotonic())
        return left if has_trial else min(left, _POLL_SECONDS)

    def is_over(self, has_trial: bool) -> bool:
        """Whether the time is over; `has_trial` is whether a trial has ended."""
        return time.monotonic() >= self._end(has_trial)

    def leaves_time_for(self, n_folds: int, like: Iterable[Mapping[str, Any]] = ()) -> bool:
        """Whether `n_folds`, one after another, will end in time.

        Their time is estimated by the mean of the results `like` them, or else by the median of
        all.
        """
        if not self.is_enforced or not self._seconds:
            return True
        expected = [fold_seconds(result) for result in like]
        seconds = mean(expected) if expected else self._seconds[len(self._seconds) // 2]
        return time.monotonic() + n_folds * seconds <= self._end(True)

    def _end(self, has_trial: bool) -> float:
        end = self._start + self._max_time
        if not self._pool.gives_up:
            return end
        if has_trial:
            return end - self._refit_scale * self._longest_fit
        began = min(self._pool.began, self._start + _START_SECONDS)
        return max(end, began + max(self._max_time, _MIN_SECONDS))
