"""Counts of the fits that the candidates of a search share, and the observer that updates them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from skhyper.evaluation._objective import FoldJob
from skhyper.evaluation._observers import Observer

# Key of a fold's counts in its result, which the observer removes.
COUNTS = "reuse"


@dataclass(frozen=True)
class Reuse:
    """Counts of the fits that the candidates of a search shared.

    Attributes
    ----------
    fits_asked : int
        Number of fits that the candidates needed, of the estimators that can be shared.
    fits_made : int
        Number of these fits that were run; the others were shared.
    seconds_saved : float
        Seconds that the shared fits and outputs took when they were computed, once for each time
        that they were shared.
    why_not : dict
        From names of estimators, such as ``"scaler"`` for a step, to the reason why they were not
        shared; the empty name is that of the whole estimator.
    """

    fits_asked: int = 0
    fits_made: int = 0
    seconds_saved: float = 0.0
    why_not: Mapping[str, str] = field(default_factory=dict)

    def plus(self, other: "Reuse") -> "Reuse":
        """The sum of both."""
        return Reuse(
            self.fits_asked + other.fits_asked,
            self.fits_made + other.fits_made,
            self.seconds_saved + other.seconds_saved,
            {**self.why_not, **other.why_not},
        )

    def __str__(self) -> str:
        return (
            f"Shared {self.fits_asked - self.fits_made} of {self.fits_asked} fits, saving "
            f"{self.seconds_saved:.1f} s"
        )


class ReuseCounter(Observer):
    """Adds up what the folds shared; `why_not` is known before the first trial.

    A fold's result contains a :class:`Reuse` under the key `COUNTS`, which is removed.
    """

    def __init__(self, why_not: Mapping[str, str]):
        self.total = Reuse(why_not=dict(why_not))

    def on_fold_end(self, job: FoldJob, result: dict[str, Any]) -> None:
        fold: Reuse | None = result.pop(COUNTS, None)
        if fold is not None:
            self.add(fold)

    def add(self, more: Reuse) -> None:
        """Add counts of fits shared elsewhere."""
        self.total = self.total.plus(more)
