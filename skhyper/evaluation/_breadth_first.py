"""The order of trials in a race of candidates that do not depend on results.

All candidates run their first fold. Then they run the others, in the order of their first scores,
so that good candidates are complete early and the others can be compared with them.
"""

from collections.abc import Container, Mapping

import numpy as np


class BreadthFirst:
    """Order in which trials continue after all candidates have run their first fold.

    Parameters
    ----------
    n_parallel : int
        Maximum number of trials that run at the same time. A trial starts when all trials that are
        further ahead in the ranking have ended. It is compared with these only, so that the race
        does not depend on the speed of the workers.
    """

    def __init__(self, n_parallel: int):
        self._n_parallel = n_parallel
        self._ranking: list[int] = []  # numbers of trials, that of the best first score first
        self._positions: dict[int, int] = {}
        self._n_started = 0
        self.is_ranked = False

    def rank(self, scores: Mapping[int, float]) -> None:
        """Rank trials by their first scores; nan comes last."""
        values = -np.array(list(scores.values()), dtype=float)
        numbers = np.array(list(scores), dtype=int)
        self._ranking = numbers[np.lexsort((numbers, values))].tolist()
        self._positions = {number: i for i, number in enumerate(self._ranking)}
        self.is_ranked = True

    def has_started(self, number: int) -> bool:
        """Whether a trial may run more than its first fold."""
        return self._positions.get(number, self._n_started) < self._n_started

    def next_trial(self, running: Container[int]) -> int | None:
        """Start the next trial; None if it must wait, or if there is none."""
        while self._n_started < len(self._ranking):
            number, last = self._ranking[self._n_started], self._n_started - self._n_parallel
            if last >= 0 and self._ranking[last] in running:
                return None
            self._n_started += 1
            if number in running:  # otherwise an earlier process has ended it
                return number
        return None

    def hidden_from(self, number: int) -> set[int]:
        """Trials that a trial treats as running, whether they have ended or not."""
        i = self._positions[number]
        return set(self._ranking[max(0, i - self._n_parallel + 1) : i + self._n_parallel])
