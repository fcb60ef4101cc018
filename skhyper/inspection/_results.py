"""The trials of a fitted search, of this package or of scikit-learn, in one form.

Importances, pictures and reports read searches by these functions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from skhyper._splits import size_ratio
from skhyper._trial import History, Trial, TrialState
from skhyper.exceptions import InvalidSpaceError
from skhyper.search._fold_scores import history_from_table, optimized_of
from skhyper.space import Categorical, Dimension, Integer, Real, Space

# Ratio of the largest to the smallest value above which an inferred range is logarithmic.
_LOG_RATIO = 50.0


@dataclass(frozen=True, eq=False)
class Results:
    """Trials of a fitted search, with their space and score.

    Attributes
    ----------
    history : History
        At least one trial, and none that is running.
    space : Space
        The search space; inferred from the trials if the search has none.
    label : str
        Name of the score, or of the minimized value.
    sign : {-1, 1}
        -1 for scores, which are minus the losses; 1 for a minimized value, the loss itself.
    best : int or None
        Index of the trial that the search selected; None if none is complete.
    metric : str
        Key of the scores of a fold with several metrics.
    splitter : object
        The splitter or number of folds, of a search that does not store its folds.
    """

    history: History
    space: Space
    label: str = "score"
    sign: int = -1
    best: int | None = None
    metric: str = "score"
    splitter: Any = None

    @property
    def greater_is_better(self) -> bool:
        return self.sign < 0

    @cached_property
    def states(self) -> np.ndarray:
        """State of each trial, shape (n_trials,)."""
        return np.array([str(trial.state) for trial in self.history])

    @cached_property
    def scores(self) -> np.ndarray:
        """Score of each complete trial, nan for the others, shape (n_trials,)."""
        return self.sign * self.history.losses

    @cached_property
    def estimated_scores(self) -> np.ndarray:
        """Score of each trial, an estimate if it was stopped; nan if it failed, (n_trials,)."""
        losses = [trial.loss for trial in self.history]
        return self.sign * np.where(self.states == TrialState.FAILED, np.nan, losses)

    @cached_property
    def fold_scores(self) -> np.ndarray:
        """Score of each fold, nan where it was not run or failed, shape (n_trials, n_splits)."""
        return _padded([np.asarray(trial.scores, dtype=float) for trial in self.history])

    @cached_property
    def train_scores(self) -> np.ndarray:
        """The same of the training scores; nan if they were not computed."""
        table = np.full(self.fold_scores.shape, np.nan)
        for row, trial in zip(table, self.history):
            for number, fold in zip(trial.fold_numbers, trial.folds):
                row[number] = _pick(fold.get("train_scores", np.nan), self.metric)
        return table

    @cached_property
    def params(self) -> list[dict[str, Any]]:
        """Active hyperparameters of each trial, with the defaults of missing ones."""
        return [self._active(trial) for trial in self.history]

    def _active(self, trial: Trial) -> dict[str, Any]:
        if self.space.locate(trial.params) is None:
            return dict(trial.params)
        return self.space.fill_defaults(trial.params)

    @property
    def test_share(self) -> float:
        """Size of the test part of a fold over that of its training part.

        Without stored folds, these are taken for a partition of the samples.
        """
        if len(self.history.splits):
            return size_ratio(self.history.splits)
        n_repeats = getattr(self.splitter, "n_repeats", 1)
        return 1 / max(1, self.fold_scores.shape[1] // n_repeats - 1)


def results_of(search: Any) -> Results:
    """The results of a search.

    Parameters
    ----------
    search : fitted search, History, Optimizer, OptimizeResult
        A search of this package or of scikit-learn, or anything with a ``history``.

    Returns
    -------
    results : Results

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If it has no trial.
    """
    if isinstance(search, Results):
        return search
    if isinstance(search, History):
        return _checked(search, None)
    if hasattr(search, "history_"):
        metric = optimized_of(search, getattr(search, "cv_results_", {}))
        return _checked(search.history_, search.space_, search, metric)
    if hasattr(search, "cv_results_"):
        metric = optimized_of(search, search.cv_results_)
        return _checked(_history(search.cv_results_, metric), _declared(search), search, metric)
    if isinstance(getattr(search, "history", None), History):
        return _checked(search.history, getattr(search, "space", None), label="value", sign=1)
    raise TypeError(
        f"Expected a fitted search or a History, got {type(search).__name__}; call fit first."
    )


def _checked(
    history: History,
    space: Any,
    search: Any = None,
    metric: str = "score",
    label: str = "",
    sign: int = -1,
) -> Results:
    ended = tuple(trial for trial in history if trial.state != TrialState.RUNNING)
    history = replace(history, trials=ended)
    if not len(history):
        raise ValueError("There are no trials to plot.")
    if not isinstance(space, Space):
        space = inferred_space([trial.params for trial in history])
    best = history.best.number if history.best is not None else None
    best = getattr(search, "best_index_", best)
    positions = [i for i, trial in enumerate(history) if trial.number == best]
    return Results(
        history,
        space,
        label or score_name(search, metric).replace("_", " "),
        sign,
        positions[0] if positions else None,
        metric,
        getattr(search, "cv", None),
    )


def score_name(search: Any, metric: str) -> str:
    """What the scores are called."""
    if search is None or metric != "score":
        return metric
    scoring = getattr(search, "scoring", None)
    if isinstance(scoring, str):
        return scoring
    if scoring is not None:
        return getattr(scoring, "__name__", "score")
    if is_classifier(search.estimator):
        return "accuracy"
    return "R²" if is_regressor(search.estimator) else "score"


def _history(table: Mapping[str, Any], metric: str) -> History:
    """The rows of ``cv_results_`` as trials, with training scores.

    Rows of a successive halving that is not in its last iteration are stopped trials.
    """
    history = history_from_table(table, metric)
    rounds = np.asarray(table.get("iter", np.zeros(len(history))))
    trials, unknown = [], np.full(len(history), np.nan)
    for i, trial in enumerate(history):
        train = [
            table.get(f"split{k}_train_{metric}", unknown)[i] for k in range(len(trial.scores))
        ]
        folds = tuple({"test_scores": a, "train_scores": b} for a, b in zip(trial.scores, train))
        is_stopped = trial.state == TrialState.COMPLETE and rounds[i] < rounds.max()
        state = TrialState.STOPPED if is_stopped else trial.state
        trials.append(replace(trial, state=state, folds=folds))
    return History(tuple(trials))


def _declared(search: Any) -> Space | None:
    """The space of a search of scikit-learn; None if it cannot be expressed."""
    for name in ("param_grid", "param_distributions"):
        if hasattr(search, name):
            try:
                return Space(getattr(search, name))
            except InvalidSpaceError:
                return None
    return None


def inferred_space(settings: Sequence[Mapping[str, Any]]) -> Space:
    """The smallest space that contains candidates.

    Numbers make ranges, logarithmic if they are positive and their ratio exceeds 50; other values
    are choices. Candidates with different names are in different sub-spaces.

    Examples
    --------
    >>> from skhyper.inspection._results import inferred_space
    >>> inferred_space([{"C": 0.01, "kernel": "rbf"}, {"C": 10.0, "kernel": "linear"}])
    Space({'C': Real(0.01, 10.0, 'log-uniform'), 'kernel': Categorical(['rbf', 'linear'])})
    """
    values: dict[str, list[Any]] = {}
    for params in settings:
        for name, value in params.items():
            values.setdefault(name, []).append(value)
    dimensions = {name: _dimension(found) for name, found in values.items()}
    parts = dict.fromkeys(tuple(name for name in dimensions if name in p) for p in settings)
    dicts = [{name: dimensions[name] for name in names} for names in parts]
    return Space(dicts[0] if len(dicts) == 1 else dicts)


def _dimension(values: list[Any]) -> Dimension:
    if not all(is_number(value) for value in values) or len(set(map(float, values))) < 2:
        return Categorical(values)
    low, high = float(min(values)), float(max(values))
    prior = "log-uniform" if low > 0 and high / low > _LOG_RATIO else "uniform"
    if all(float(value).is_integer() for value in values):
        return Integer(int(low), int(high), prior)
    return Real(low, high, prior)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and no boolean."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return False
    return bool(np.isreal(value)) and bool(np.isfinite(value))


def _pick(scores: Any, metric: str) -> float:
    return float(scores.get(metric, np.nan) if isinstance(scores, Mapping) else scores)


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of different lengths as one array, with nan at their ends."""
    padded = np.full((len(rows), max(map(len, rows))), np.nan)
    for padded_row, row in zip(padded, rows):
        padded_row[: len(row)] = row
    return padded
