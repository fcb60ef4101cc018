"""The prior of a search by gradients: its strength, and a check for overfitting of the folds."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skhyper._trial import History, StopReason, Trial
from skhyper.evaluation import GradientObjective, Objective
from skhyper.exceptions import OverfittingWarning
from skhyper.hypergradient import Criterion
from skhyper.samplers import Shrinkage
from skhyper.search._held_out import HeldOut, HeldOutLosses
from skhyper.search._plan import Finding
from skhyper.space import Space

# Number of samples per additional hyperparameter above which "auto" means no prior.
_MANY_SAMPLES = 20
# Relative decrease of the cross-validation loss up to which no warning is given.
_MIN_DECREASE = 0.01


@dataclass(eq=False)
class Prior:
    """Strength of the prior that shrinks components of a vector towards their mean.

    It is given as a number; "auto" selects it on held-out samples at the first call by the sampler,
    or is 0 if there are many samples. `strength` is infinity until selected; `losses` are those of
    its selection, or of the check of a given one.
    """

    given: float | str | None
    criterion: Criterion
    space: Space
    names: frozenset[str]
    n_samples: int
    n_jobs: int | None = None
    max_time: float | None = None

    def __post_init__(self) -> None:
        self._shrinkage = Shrinkage.from_space(self.space, self.names)
        n_free = self._shrinkage.n_free
        self._may_overfit = n_free > 0 and self.n_samples < _MANY_SAMPLES * (n_free + 1)
        self.is_chosen = not (self.given == "auto" and self._may_overfit)
        self.strength = math.inf
        if self.is_chosen:
            known = None if self.given == "auto" else self.given
            self.strength = float(known or 0.0)
        self.losses: HeldOutLosses | None = None
        self._objective: GradientObjective | None = None
        self._held_out: HeldOut | None = None

    def wrap(self, objective: Objective) -> GradientObjective:
        """The objective with derivatives; held-out samples are taken from it, too."""
        self._objective = GradientObjective.of(objective, self.criterion, self.names)
        self._held_out = self._without_samples()
        return self._objective

    def __call__(self, space: Space, point: np.ndarray) -> float:
        """The strength; the first call selects it, near `point`."""
        if not self.is_chosen:
            assert self._held_out is not None
            self.losses = self._held_out.choose(space, point)
            self.strength, self.is_chosen = self.losses.chosen, True
        return self.strength

    def _without_samples(self) -> HeldOut:
        assert self._objective is not None
        ends = math.inf if self.max_time is None else time.monotonic() + self.max_time
        return HeldOut(
            self._objective.objective,
            self.criterion,
            self.names,
            self.n_jobs,
            is_over=lambda: time.monotonic() > ends,
        )

    def selection_losses(self, history: History) -> np.ndarray | None:
        """The penalized criterion of each trial, (n_trials,); None without a prior."""
        if self.strength == 0 or not self._shrinkage.vectors:
            return None
        return np.array([self._penalized(trial) for trial in history])

    def _penalized(self, trial: Trial) -> float:
        point = self.space.locate(trial.params)
        if trial.state != "complete" or point is None:
            return math.nan
        lost = math.isnan(trial.criterion) and self.criterion.exact
        value = trial.loss if lost else trial.criterion
        return value + self._shrinkage.penalty(point, self.strength)[0]

    def overfitting(self, history: History, stop_reason: StopReason) -> Iterator[Finding]:
        """Yields a warning if a descent on a part of the samples does not improve the others.

        Only a given strength is checked; a selected one is the best on held-out samples.
        """
        best = history.best
        late = stop_reason.kind in ("max_time", "interrupted")
        if late or best is None or not self._may_overfit:
            return
        if self.given == "auto" or not math.isfinite(self.strength):
            return
        point = self.space.locate(best.params)
        if point is None:
            return
        self.losses = self._without_samples().check(self.space, point, self.strength)
        if self.losses.held_out.shape[1] < 2:
            return
        cv, cv_after = self.losses.cv.mean(0)
        held_out, held_out_after = self.losses.held_out.mean(0)
        if cv - cv_after > _MIN_DECREASE * abs(cv) and held_out_after >= held_out:
            n = self._shrinkage.n_free
            yield Finding(
                f"The search overfits its folds: {n} hyperparameters in addition to one value per "
                f"vector lowered their loss from {cv:.4g} to {cv_after:.4g}, while that of "
                f"held-out samples went from {held_out:.4g} to {held_out_after:.4g}. "
                'Use prior="auto", put components into bands, or make ranges narrower.',
                OverfittingWarning,
            )
