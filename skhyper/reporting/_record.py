"""The trials of a fitted search, of skhyper or of scikit-learn, in one form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from sklearn.exceptions import NotFittedError

from skhyper._trial import Trial
from skhyper.inspection._results import Results, results_of, score_name
from skhyper.search._fold_scores import metrics_in, optimized_of
from skhyper.space import Space

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Record:
    """What a search has tried.

    Attributes
    ----------
    search : object
    results : Results
        The finished trials.
    best : Trial or None
        That of ``best_params_``; None without any score.
    metric : str
        Name of the score that is optimized.
    metrics : dict
        Mean test score of each trial by the other metrics, shape (n_trials,), and the mean training
        score.
    space : Space or None
        That of the search itself.
    """

    search: Any
    results: Results
    best: Trial | None
    metric: str
    metrics: Mapping[str, np.ndarray]
    space: Space | None

    @property
    def trials(self) -> tuple[Trial, ...]:
        return self.results.history.trials

    @property
    def scored(self) -> list[Trial]:
        """Trials with a score."""
        return [t for t in self.trials if np.isfinite(t.loss)]

    @property
    def failed(self) -> list[Trial]:
        """Trials without a score."""
        return [t for t in self.trials if not np.isfinite(t.loss)]

    @cached_property
    def names(self) -> list[str]:
        """Names of all hyperparameters that any trial has."""
        return list(dict.fromkeys(name for t in self.trials for name in t.params))


def record_of(search: Any) -> Record:
    """The record of a fitted search.

    Raises
    ------
    NotFittedError
        If it has tried nothing.
    TypeError
        If it is no search.
    """
    if isinstance(search, type) or not hasattr(search, "get_params"):
        raise TypeError(f"A fitted search is needed, got {search!r}.")
    results = getattr(search, "cv_results_", None)
    history = getattr(search, "history_", None)
    if history is None and results is None:
        is_search = hasattr(search, "estimator") and hasattr(search, "refit")
        if not is_search:
            raise TypeError(f"A fitted search is needed, got {type(search).__name__}.")
        raise NotFittedError(f"This {type(search).__name__} has no trials yet: call fit first.")
    results = results or {}
    names = metrics_in(results)
    metric = optimized_of(search, results)
    if history is not None and all(t.state == "running" for t in history):
        raise NotFittedError(f"This {type(search).__name__} has no trials to report.")
    found = results_of(search)
    trials = found.history.trials
    columns = {f"mean_test_{name}": name for name in names if name != metric}
    columns[f"mean_train_{metric}"] = "training score"
    metrics = {
        text: np.asarray(results[column], dtype=float)
        for column, text in columns.items()
        if len(results.get(column, ())) == len(trials)
    }
    space = getattr(search, "space_", None)
    return Record(
        search,
        found,
        None if found.best is None else trials[found.best],
        score_name(search, metric),
        metrics,
        space if isinstance(space, Space) else None,
    )


def if_possible(function: Callable[[Any], T], record: Record) -> T | None:
    """A comparison of the scores of a search, by a function of the search; None if it fails."""
    if len(record.scored) < 2:
        return None
    try:
        return function(record.search)
    except (TypeError, ValueError):  # one split, no results, or scores of no single metric
        return None
