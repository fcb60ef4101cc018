"""Trials of any search, skhyper's or scikit-learn's, as points of the unit cube and losses."""

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._trial import History
from skhyper.evaluation._racing import with_fold_effects
from skhyper.samplers._losses import clip_outliers
from skhyper.search._fold_scores import metrics_in, optimized_of
from skhyper.space import Categorical, Dimension, Integer, Real, Space
from skhyper.space._ranges import is_number

# Numbers with at most this number of distinct values are choices, such as those of a grid.
_MAX_CHOICES = 10
# Coordinates may exceed the unit interval by this much, the rounding of logarithms.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Located:
    """Trials in the unit cube.

    Attributes
    ----------
    names : list of str
        Hyperparameter of each column; "(sub-space)" of the one that selects it.
    dimensions : list of Dimension
    points : ndarray of shape (n, d)
        nan where inactive.
    losses : ndarray of shape (n,)
        Finite; outliers are clipped.
    n_omitted : int
        Number of trials that failed, are running or lie out of the space.
    """

    names: list[str]
    dimensions: list[Dimension]
    points: np.ndarray
    losses: np.ndarray
    n_omitted: int


def located(source: Any, metric: str | None = None, space: Space | None = None) -> Located:
    """The trials of a history, a fitted search or ``cv_results_``.

    Parameters
    ----------
    source : History, search or dict
    metric : str, default=None
        Name of a metric, or a column of ``cv_results_`` such as "mean_fit_time".
    space : Space, default=None
        By default that of the search; inferred from the values if there is none.
    """
    params, losses = params_and_losses(source, metric)
    space = getattr(source, "space_", None) if space is None else space
    if space is None:
        names, dimensions, points = _inferred(params)
    else:
        names = ["(sub-space)" if name is None else name for name in space.names]
        dimensions = list(space.dimensions)
        rows = [space.locate(p) for p in params]
        points = np.array([np.full(space.n_dims, np.inf) if r is None else r for r in rows])
        points = points.reshape(len(params), space.n_dims)
    # nan, an inactive coordinate, is not outside.
    outside = np.any((points < -_ROUNDING) | (points > 1 + _ROUNDING), axis=1)
    kept = np.isfinite(losses) & ~outside
    n_omitted = len(kept) - int(kept.sum())
    points, losses = np.clip(points[kept], 0.0, 1.0), losses[kept]
    losses = clip_outliers(losses) if len(losses) else losses
    return Located(names, dimensions, points, losses, n_omitted)


def params_and_losses(
    source: Any, metric: str | None = None
) -> tuple[list[Mapping[str, Any]], np.ndarray]:
    """Params and losses (n,) of all trials; a loss is nan where a trial failed or is running."""
    history = source if isinstance(source, History) else getattr(source, "history_", None)
    if history is not None and metric is None:
        # Stopped trials as if all their folds had been run.
        losses = [with_fold_effects(trial, history).loss for trial in history]
        return [trial.params for trial in history], np.array(losses, dtype=float)
    results = source if isinstance(source, Mapping) else getattr(source, "cv_results_", None)
    if results is None:
        raise TypeError(
            "Expected a History, a fitted search or its cv_results_ (metric= needs "
            f"one of the last two); got {type(source).__name__}."
        )
    if metric is None and isinstance(getattr(source, "refit", None), str):
        metric = optimized_of(source, results)
    return list(results["params"]), _column(results, metric)


def _column(results: Mapping[str, Any], metric: str | None) -> np.ndarray:
    """Minus the mean test scores, or a column that is no score as it is."""
    metrics = metrics_in(results)
    if metric is None and len(metrics) == 1:
        metric = metrics[0]
    if metric in metrics:
        return -np.asarray(results[f"mean_test_{metric}"], dtype=float)
    if metric is None or metric not in results:
        raise ValueError(
            f"metric must be one of {metrics} or a column of cv_results_; got {metric!r}."
        )
    return np.asarray(results[metric], dtype=float)


def _inferred(params: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[Dimension], np.ndarray]:
    """Names, dimensions and points of params; missing hyperparameters are inactive."""
    names = list(dict.fromkeys(name for p in params for name in p))
    dimensions = [_dimension([p[name] for p in params if name in p]) for name in names]
    points = np.array(
        [
            [d.to_unit(p[name]) if name in p else math.nan for name, d in zip(names, dimensions)]
            for p in params
        ]
    )
    return names, dimensions, points.reshape(len(params), len(names))


def _dimension(values: Sequence[Any]) -> Dimension:
    """The range or the choices that values may come from."""
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    if not all(is_number(v) and math.isfinite(v) for v in values):
        return Categorical(values)
    distinct = sorted(set(values))
    if len(distinct) <= _MAX_CHOICES:
        return Categorical(distinct)
    low, high = distinct[0], distinct[-1]
    whole = all(isinstance(v, numbers.Integral) for v in values)
    prior = "log-uniform" if low > 0 and _is_geometric(np.array(values, float)) else "uniform"
    return Integer(low, high, prior) if whole else Real(low, high, prior)


def _is_geometric(values: np.ndarray) -> bool:
    """Whether the values are more evenly spread on a logarithmic scale than on a linear one."""

    def unevenness(x: np.ndarray) -> float:
        u = (np.sort(x) - x.min()) / (x.max() - x.min())
        return float(np.abs(u - np.linspace(0, 1, len(u))).max())

    return unevenness(np.log(values)) < unevenness(values)
