"""What is kept of each fold besides its scores: out-of-fold predictions and the fitted model.

Predictions are entries of a fold's result, so that they go where results go: into the journal and
the history. Fitted models are pickled at once, as a search may change or share them later; an
observer takes them out of the results before the journal writes them.
"""

import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cloudpickle
import numpy as np
from scipy import sparse
from sklearn.base import is_classifier

from skhyper._readonly import with_protected
from skhyper._sklearn import response_methods
from skhyper._trial import History, Trial
from skhyper.evaluation._objective import MODEL, PREDICTIONS, FoldJob
from skhyper.evaluation._observers import Observer

# Labels with at most this number of distinct values are stored as bytes that index them.
_MAX_CODES = 256
# Relative difference of losses that may be due to rounding: such trials may be the best one, too.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Keep:
    """What to keep of a fold.

    Attributes
    ----------
    methods : tuple of tuple of str
        Methods whose predictions of the test rows are kept; of each inner tuple, the first one
        that the estimator has.
    models : bool
        Whether the fitted estimator is kept.
    classes : ndarray of shape (n_classes,) or None
        All labels; columns of predictions are those of these classes, also where a training set
        lacks some.
    """

    methods: tuple[tuple[str, ...], ...]
    models: bool
    classes: np.ndarray | None = None

    def of(self, fitted: Any, X: Any) -> dict[str, Any]:
        """Entries of a fold's result; `X` are the test rows.

        If a prediction or pickling fails, its entry is missing.
        """
        found: dict[str, Any] = {}
        if self.methods:
            try:
                found[PREDICTIONS] = self._predictions(fitted, X)
            except Exception as error:  # noqa: BLE001  (told where the predictions are read)
                found[PREDICTIONS] = {"error": f"{type(error).__name__}: {error}"}
        if self.models:
            try:
                found[MODEL] = cloudpickle.dumps(fitted)
            except Exception:  # noqa: BLE001  (it is fitted again if it is needed)
                found[MODEL] = None
        return found

    def _predictions(self, fitted: Any, X: Any) -> dict[str, Any]:
        names = (next((m for m in each if hasattr(fitted, m)), each[0]) for each in self.methods)
        found = {}
        for name in dict.fromkeys(names):
            values = with_protected(getattr(fitted, name), X)
            own = getattr(fitted, "classes_", None)
            if name != "predict" and self.classes is not None and own is not None:
                values = _with_all_classes(values, own, self.classes, name)
            found[name] = compact(values)
        return found


def keep_of(what: Iterable[str], estimator: Any, scorers: Any, y: Any) -> Keep | None:
    """What the parameter `keep` of a search asks for; None for nothing."""
    what = {what} if isinstance(what, str) else set(what or ())
    if not what:
        return None
    methods: list[tuple[str, ...]] = []
    if PREDICTIONS in what:
        methods = [("predict",), *response_methods(scorers)]
    classes = None
    if is_classifier(estimator) and y is not None and np.ndim(y) == 1:
        classes = np.unique(np.asarray(y))
    return Keep(tuple(dict.fromkeys(methods)), "models" in what, classes)


def _with_all_classes(values: Any, own: Any, classes: np.ndarray, method: str) -> Any:
    """Columns of predictions for all classes, with the values of ``cross_val_predict``."""
    if isinstance(own, list) or len(own) == len(classes):
        return values
    if method == "decision_function" and (values.ndim == 1 or len(own) <= 2):
        raise ValueError(f"a training set has {len(own)} of {len(classes)} classes")
    missing = 0.0 if method == "predict_proba" else np.finfo(values.dtype).min
    found = np.full((len(values), len(classes)), missing, dtype=values.dtype)
    found[:, np.searchsorted(classes, own)] = values
    return found


def compact(values: Any) -> Any:
    """Predictions as an array, or a list of arrays; labels as bytes, with the values they index."""
    if isinstance(values, list):
        return [compact(each) for each in values]
    found = np.asarray(values.toarray() if sparse.issparse(values) else values)
    if found.dtype == object:
        found = np.array(found.tolist())
    if found.dtype.kind not in "iubSU":
        return found
    labels, codes = np.unique(found, return_inverse=True)
    if len(labels) > _MAX_CODES:
        return found
    return {"labels": labels, "codes": codes.reshape(found.shape).astype(np.uint8)}


def expanded(values: Any) -> Any:
    """The predictions that :func:`compact` was given, as arrays."""
    if isinstance(values, list):
        return [expanded(each) for each in values]
    return values["labels"][values["codes"]] if isinstance(values, Mapping) else values


class FoldModels(Observer):
    """Fitted models of the folds, pickled, taken out of their results.

    Parameters
    ----------
    first_job : int
        Number of the trial that jobs count as 0.
    by_score : bool
        Whether the best candidate is that of the best score, so that models of others are dropped
        when their trial ends.
    """

    def __init__(self, first_job: int, by_score: bool):
        self._first_job = first_job
        self._by_score = by_score
        self._models: dict[int, dict[int, bytes]] = {}

    def on_fold_end(self, job: FoldJob, result: dict[str, Any]) -> None:
        model = result.pop(MODEL, None)
        if model is not None:
            self._models.setdefault(job.trial + self._first_job, {})[job.fold] = model

    def on_trial_end(self, trial: Trial, history: History) -> None:
        if not self._by_score:
            return
        if trial.state != "complete":
            self._models.pop(trial.number, None)
        if history.best is None:
            return
        best = history.best.loss
        for number in list(self._models):
            of = history[number]
            if of.state == "complete" and of.loss > best + _ROUNDING * abs(best):
                del self._models[number]

    def of(self, number: int) -> dict[int, Any]:
        """Models of a trial, by their folds."""
        return {k: pickle.loads(model) for k, model in self._models.get(number, {}).items()}
