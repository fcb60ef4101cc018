"""The plan of a search: the only thing that a search class implements."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from skhyper._trial import History, StopReason
from skhyper.evaluation import Objective, Observer, Racer, Racing
from skhyper.evaluation._candidates import Candidates
from skhyper.exceptions import SkhyperWarning
from skhyper.space import Space


class Finding(NamedTuple):
    """A warning about a search, given after it."""

    message: str
    category: type[Warning] = SkhyperWarning


def racer_of(racing: Any) -> Racer | None:
    """The racer that an argument `racing` stands for."""
    if isinstance(racing, bool | np.bool_):
        return Racing() if racing else None
    return racing


@dataclass(frozen=True)
class Plan:
    """The plan of a search.

    Attributes
    ----------
    candidates : Candidates
        Source of the candidates.
    space : Space or None
        The search space.
    seed : int
        Seed of everything random.
    history : History or None
        Trials of another search to start from.
    warm_start : bool
        Whether to start from the trials of the last fit.
    journal : str, os.PathLike or None
        File with the trials of the same search, to which new trials are appended.
    max_time : float or None
        Seconds after which no further trial is started.
    n_parallel : int or None
        Maximum number of trials that run at the same time; None for as many as keep the workers
        busy.
    ordered : bool
        Whether trials must not depend on the speed of the workers.
    shares_fits : bool
        Whether candidates that can share one fit are evaluated by one fit.
    racer : Racer or None
        Ends trials after some of their folds.
    observers : tuple of Observer
        Called after the observers of every search.
    callbacks : tuple of callable
        ``callback(search, history, trial) -> bool`` is called after each trial; True stops the
        search.
    attributes : dict
        Attributes of the search that are known before the first trial, such as ``sampler_``.
    wrap_objective : callable
        Maps the objective that fits and scores to the one that is run.
    selection_losses : callable
        Maps the history to losses (n_trials,), of which the best candidate has the minimum, or to
        None, for minus the score.
    findings : callable
        ``findings(history, stop_reason)`` yields the warnings given after the search.
    attributes_after : callable
        Attributes of the search that are known after the last trial.
    """

    candidates: Candidates
    space: Space | None
    seed: int = 0
    history: History | None = None
    warm_start: bool = False
    journal: Any = None
    max_time: float | None = None
    n_parallel: int | None = None
    ordered: bool = False
    shares_fits: bool = False
    racer: Racer | None = None
    observers: tuple[Observer, ...] = ()
    callbacks: tuple[Callable[..., Any], ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    wrap_objective: Callable[[Objective], Any] = lambda objective: objective
    selection_losses: Callable[[History], np.ndarray | None] = lambda history: None
    findings: Callable[[History, StopReason], Iterable[Finding]] = lambda history, reason: ()
    attributes_after: Callable[[], Mapping[str, Any]] = dict
