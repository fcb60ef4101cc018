"""Out-of-fold predictions and fold models, stored while the trials of a search run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from skhyper._sklearn import n_samples
from skhyper._trial import Trial
from skhyper.evaluation import PREDICTIONS, FoldModels, expanded
from skhyper.search._plan import Plan
from skhyper.search._rules import refit_rule
from skhyper.search._task import Task
from skhyper.search._warnings import warn

# Valid values of the parameter `keep`.
KEPT = ("predictions", "models")


@dataclass(frozen=True, repr=False)
class OutOfFoldPredictions:
    """Predictions of each row by the models of a candidate that were not fitted to it.

    The methods are attributes: ``predict`` and, as far as a scorer needs them, ``predict_proba``
    and ``decision_function``. Each is an array whose first axis are the rows of X, or a list of
    them, as from :func:`sklearn.model_selection.cross_val_predict`. For a row that is tested in
    several folds, numbers are averaged, and the most frequent label is used (the first one in case
    of ties). For a row that is never tested, numbers are nan and labels None.

    Attributes
    ----------
    index : int
        Row of ``cv_results_`` of the candidate.
    methods : tuple of str
        Names of the methods that are kept.
    n_tested : ndarray of shape (n_samples,)
        Number of folds in which each row was tested.
    classes : ndarray of shape (n_classes,) or None
        Labels of the columns of ``predict_proba``.
    folds : dict
        From the number of each fold to the pair of its test rows and a dict from methods to
        predictions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.metrics import confusion_matrix
    >>> from sklearn.svm import SVC
    >>> from skhyper import GridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(SVC(), {"C": [0.1, 10]}, keep="predictions").fit(X, y)
    >>> confusion_matrix(y, search.oof_predictions_.predict)
    array([[50,  0,  0],
           [ 0, 48,  2],
           [ 0,  1, 49]])
    """

    index: int
    classes: np.ndarray | None
    _trials: Sequence[Trial]
    _tests: Sequence[np.ndarray]  # of the folds, shared by all candidates
    _n_rows: int
    _is_labels: bool
    # For metrics that are computed again: the target, and metadata of the scorer.
    _y: Any
    _score_params: Mapping[str, Any]

    def __repr__(self) -> str:
        try:
            methods = ", ".join(self.methods)
        except ValueError as error:
            return f"<OutOfFoldPredictions of candidate {self.index}: {error}>"
        return f"<OutOfFoldPredictions of candidate {self.index}: {methods} of {self._n_rows} rows>"

    def of(self, index: int) -> "OutOfFoldPredictions":
        """The predictions of another candidate, a row of ``cv_results_``."""
        if not 0 <= index < len(self._trials):
            raise ValueError(
                f"index must be a row of cv_results_, from 0 to {len(self._trials) - 1}, got "
                f"{index!r}."
            )
        return replace(self, index=int(index))

    @property
    def folds(self) -> dict[int, tuple[np.ndarray, dict[str, Any]]]:
        trial = self._trials[self.index]
        found = {}
        for number, fold in zip(trial.fold_numbers, trial.folds, strict=True):
            kept = fold.get(PREDICTIONS)
            if kept is None and fold["fit_error"] is not None:
                continue
            if kept is None or "error" in kept:
                why = f": {kept['error']}" if kept else ", as its trial was made without"
                raise ValueError(f"No predictions of candidate {self.index} were kept{why}.")
            predictions = {name: expanded(values) for name, values in kept.items()}
            found[number] = self._tests[number], predictions
        return found

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(next((kept for _, kept in self.folds.values()), {}))

    @property
    def n_tested(self) -> np.ndarray:
        counts = np.zeros(self._n_rows, dtype=int)
        for rows, _ in self.folds.values():
            np.add.at(counts, rows, 1)
        return counts

    def __getattr__(self, name: str) -> Any:
        if name not in ("predict", "predict_proba", "decision_function"):
            raise AttributeError(f"OutOfFoldPredictions has no attribute {name!r}.")
        folds = [(rows, kept) for rows, kept in self.folds.values() if name in kept]
        if not folds:
            raise AttributeError(
                f"{name} was not kept, as no scorer needs it; kept are {self.methods}."
            )
        rows = np.concatenate([rows for rows, _ in folds])
        parts = [kept[name] for _, kept in folds]
        join = _labels if name == "predict" and self._is_labels else _means
        if isinstance(parts[0], list):
            return [join(rows, np.concatenate(part), self._n_rows) for part in zip(*parts)]
        return join(rows, np.concatenate(parts), self._n_rows)


def _means(rows: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Mean of the values of each row; single values are not changed."""
    counts = np.bincount(rows, minlength=n)
    if values.dtype.kind in "biu" or counts.max() > 1 or counts.min() == 0:
        values = values.astype(np.result_type(values.dtype, np.float32), copy=False)
    found = np.full((n, *values.shape[1:]), np.nan if values.dtype.kind == "f" else 0, values.dtype)
    if counts.max() <= 1:
        found[rows] = values
        return found
    tested = counts > 0
    found[tested] = 0
    np.add.at(found, rows, values)
    found[tested] /= counts[tested].reshape(-1, *[1] * (values.ndim - 1))
    return found


def _labels(rows: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """The most frequent label of each row; None without any."""
    counts = np.bincount(rows, minlength=n)
    whole = counts.min() > 0
    found = np.full((n, *values.shape[1:]), None if not whole else values[0], object)
    if whole:
        found = found.astype(values.dtype)
    if counts.max() <= 1:
        found[rows] = values
        return found
    for column in np.ndindex(values.shape[1:]):
        labels, codes = np.unique(values[(slice(None), *column)], return_inverse=True)
        votes = np.zeros((n, len(labels)), dtype=int)
        np.add.at(votes, (rows, codes), 1)
        tested = votes.any(axis=1)
        found[(tested, *column)] = labels[votes.argmax(axis=1)[tested]]
    return found


def model_observer(search: Any, plan: Plan, first_job: int) -> FoldModels:
    """The observer that removes fitted models from the results of folds."""
    by_score = not callable(search.refit) and refit_rule(search) is None
    return FoldModels(first_job, by_score and plan.selection_losses is Plan.selection_losses)


def store_predictions(search: Any, task: Task) -> None:
    """Store ``oof_predictions_``, if predictions are kept and there is a best candidate."""
    best = _best(search)
    if "predictions" not in _named(search.keep) or best is None:
        return
    n, splits = n_samples(task.X), search.history_.splits
    search.oof_predictions_ = OutOfFoldPredictions(
        index=best,
        classes=task.objective(search, ()).keep.classes,
        _trials=search.history_.trials,
        _tests=[np.arange(n)[test] for _, test in splits],
        _n_rows=n,
        _is_labels=is_classifier(task.estimator),
        _y=task.y,
        _score_params=task.score_params,
    )


def store_kept(search: Any, task: Task, models_of: Callable[[int], dict[int, Any]]) -> None:
    """Store predictions and models; refit folds of the best candidate that lack them.

    `models_of` maps a row of ``cv_results_`` to its models by folds.
    """
    best = _best(search)
    named = _named(search.keep)
    if not named or best is None:
        return
    trial, models = search.history_[best], models_of(best)
    lacking = [
        (i, number)
        for i, (number, fold) in enumerate(zip(trial.fold_numbers, trial.folds, strict=True))
        if fold["fit_error"] is None
        and (
            ("models" in named and number not in models)
            or ("predictions" in named and PREDICTIONS not in fold)
        )
    ]
    if lacking:
        _fit_again(search, task, best, lacking, models)
    if "models" in named:
        search.fold_models_ = [models.get(k) for k in range(len(search.history_.splits))]
    store_predictions(search, task)


def _fit_again(search: Any, task: Task, best: int, lacking: Sequence[Any], models: dict) -> None:
    """Fit folds of the best candidate again; predictions go into its trial."""
    warn(
        f"{len(lacking)} fold models of the best candidate were fitted again for keep: its trial "
        "was made by another fit or process, its score needed no models, or they cannot be pickled."
    )
    history = search.history_
    trial = history[best]
    objective = replace(task.objective(search, list(history.splits)), verbose=0)
    folds = list(trial.folds)
    for i, number in lacking:
        keeping = replace(objective, keep=replace(objective.keep, models=False))
        fitted = keeping.fitted(trial.params, number)
        kept = keeping.with_kept({"fit_error": None}, fitted, *history.splits[number])
        if PREDICTIONS in kept and PREDICTIONS not in folds[i]:
            folds[i] = {**folds[i], PREDICTIONS: kept[PREDICTIONS]}
        models.setdefault(number, fitted)
    trials = list(history.trials)
    trials[best] = replace(trial, folds=tuple(folds))
    search.history_ = replace(history, trials=tuple(trials))


def follow_best(search: Any, before: int | None) -> None:
    """Update the predictions for another best candidate, and drop the models."""
    if _best(search) != before:
        vars(search).pop("fold_models_", None)
        if "oof_predictions_" in vars(search):
            search.oof_predictions_ = search.oof_predictions_.of(_best(search))


def _best(search: Any) -> int | None:
    """Row of the best candidate; by the first metric if there are several and no refit."""
    if "best_index_" in vars(search):
        return search.best_index_
    best = search.history_.best
    return None if best is None else best.number


def _named(keep: Any) -> set[str]:
    return {keep} if isinstance(keep, str) else set(keep or ())


def check_keep(keep: Any) -> None:
    """Raise a ValueError if the parameter `keep` names anything else."""
    unknown = _named(keep) - set(KEPT)
    if unknown:
        raise ValueError(f"keep must name some of {KEPT}, or be None; got {keep!r}.")
