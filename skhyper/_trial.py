"""What has been tried: trials and their history. No behaviour beyond look-ups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["History", "Trial"]


@dataclass(frozen=True, eq=False)
class Trial:
    """One setting and what came of it.

    Attributes
    ----------
    number : int
        Place in the order of asking, from 0.
    params : dict
        The setting.
    state : {"running", "complete", "failed"}
        ``"failed"``: no fold could be fitted, or the mean score is not finite.
    scores : ndarray of shape (n_splits,)
        Score of each fold by the metric that is optimised (greater is better); nan where
        the fold was not run or failed.
    loss : float
        What samplers minimise: minus the mean score; nan unless complete.
    folds : tuple of dict
        What scikit-learn's ``_fit_and_score`` returned for each fold.
    seconds : float
        Time spent in fitting and scoring, all folds together.
    message : str
        Traceback of the first fit that failed, or what else is wrong; empty otherwise.
    gradient : dict or None
        Derivative of `criterion` by hyperparameters, from each name to a number, an array or
        a dict of the hyperparameter's shape; None where it was not computed.
    criterion : float
        What a search by gradients minimises: the loss at the exact solution of the training
        problem, or a smooth surrogate of it; nan where it was not computed.
    """

    number: int
    params: Mapping[str, Any]
    state: str = "running"
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    loss: float = np.nan
    folds: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    seconds: float = np.nan
    message: str = field(default="", repr=False)
    gradient: Mapping[str, Any] | None = None
    criterion: float = np.nan


@dataclass(frozen=True, eq=False, repr=False)
class History(Sequence):
    """Trials in the order in which they were asked for.

    Attributes
    ----------
    trials : tuple of Trial
    seed : int
        Seed of the search, the same at every look-up.
    fingerprint : str
        Digest of the data, the folds and the scoring that the trials were made on.
    splits : tuple of (train, test) index arrays
        The folds.
    """

    trials: tuple[Trial, ...] = ()
    seed: int = 0
    fingerprint: str = ""
    splits: tuple = ()

    def __repr__(self) -> str:
        best = self.best
        found = "" if best is None else f", best {dict(best.params)!r} with loss {best.loss:.6g}"
        return f"<History of {len(self)} trials{found}>"

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.trials[index]

    @property
    def losses(self) -> np.ndarray:
        """Loss of each trial, shape (n_trials,); nan where failed or running."""
        return np.array([trial.loss for trial in self.trials], dtype=float)

    @property
    def best(self) -> Trial | None:
        """The complete trial of least loss, the first one of equals; None without any."""
        losses = self.losses
        return None if np.all(np.isnan(losses)) else self.trials[int(np.nanargmin(losses))]

    @property
    def pending(self) -> tuple[Trial, ...]:
        """Trials that are still running."""
        return tuple(trial for trial in self.trials if trial.state == "running")
