"""Trials as columns, in which their pickle is half as large."""

from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np


def is_regular(trial: Any) -> bool:
    """Whether :func:`from_columns` gives the trial back as it is."""
    scores = trial.scores
    plain = type(scores) is np.ndarray and scores.dtype == np.float64 and scores.ndim == 1
    return plain and type(trial.folds) is tuple and all(type(fold) is dict for fold in trial.folds)


def to_columns(trials: Sequence[Any]) -> dict[str, Any]:
    """The attributes of all trials, and the results of their folds, by name."""
    rows = [{**vars(t), "scores": len(t.scores), "folds": len(t.folds)} for t in trials]
    folds = [fold for trial in trials for fold in trial.folds]
    names = list(folds[0]) if folds else []
    if names and all(list(fold) == names for fold in folds):
        folds = {name: _packed([fold[name] for fold in folds]) for name in names}  # type: ignore[assignment]
    columns = {name: _packed([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    scores = [trial.scores for trial in trials]
    return {"trials": columns, "folds": folds, "scores": _packed(list(chain(*scores)))}


def from_columns(columns: dict[str, Any], make: Callable[[], Any]) -> tuple:
    """The trials; `make` returns one without attributes."""
    scores, folds = iter(_unpacked(columns["scores"])), columns["folds"]
    fold = iter(folds if isinstance(folds, list) else _rows(folds))
    trials = []
    for row in _rows(columns["trials"]):
        row["scores"] = np.array(list(islice(scores, row["scores"])), dtype=float)
        row["folds"] = tuple(islice(fold, row["folds"]))
        trials.append(make())
        vars(trials[-1]).update(row)
    return tuple(trials)


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    values = zip(*map(_unpacked, columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def _packed(values: list[Any]) -> Any:
    """Floats as an array; others as they are, each tuple of numbers once."""
    kinds = set(map(type, values))
    if kinds in ({float}, {np.float64}):
        return np.array(values), kinds == {float}
    seen: dict[Any, Any] = {}
    ints = kinds == {tuple} and all(type(i) is int for value in values for i in value)
    return [seen.setdefault(value, value) for value in values] if ints else values


def _unpacked(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    array, plain = column
    return array.tolist() if plain else list(array)
