"""Knowledge that comes with skhyper: its files, and the file for an estimator and data."""

import functools
import warnings
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skhyper._sklearn import take_rows
from skhyper.knowledge._knowledge import Knowledge
from skhyper.space._default_data import Data, _as_floats

FOLDER = Path(__file__).parent / "files"
# Maximum number of rows from which scales of the data are estimated.
_N_ROWS = 2000
# Maximum ratio of the standard deviations of most features for equal scaling, ...
_MAX_RATIO = 10.0
# ... and range of the mean variance of standardized features.
_VARIANCES = (0.05, 20.0)


@functools.cache
def shipped(family: str, metric: str) -> Knowledge | None:
    """Knowledge of a class of scikit-learn by a metric of the tables; None if there is no file."""
    path = FOLDER / f"{family}-{metric}.npz"
    return replace(Knowledge.load(path), source=path.name) if path.exists() else None


def knowledge_for(
    estimator: Any, searched: Collection[str | None], X: Any, y: Any, metric: str
) -> tuple[Knowledge | None, Mapping[str, Any], str]:
    """Knowledge for the last step of an estimator, and the estimator's own values.

    Parameters
    ----------
    estimator : estimator
        Transformers before its last step that are quick are fitted to some rows.
    searched : collection of str
        Names of the hyperparameters that are searched.
    X, y : array-like
    metric : str
        "error", "log_loss", "ranking" or "squared_error".

    Returns
    -------
    knowledge : Knowledge or None
    own : dict
    reason : str
        Why there is none; empty if there is.
    """
    prefix, part, transformers = _last_step(estimator)
    if prefix.removesuffix("__") in searched:
        return None, {}, "the last step is searched"
    cls = next((c for c in type(part).__mro__ if c.__module__.startswith("sklearn.")), object)
    found = shipped(cls.__name__, metric)
    if found is None:
        return None, {}, f"there is none of {type(part).__name__} for this score"
    data = _data_after(transformers, X, y)
    if found.scaled and not _is_scaled(data):
        return None, {}, f"the features that reach {type(part).__name__} are not standardized"
    units = units_of(data)
    adapted = found.adapted(prefix, units)
    if adapted is None:
        return None, {}, f"the scale of the data that reach {type(part).__name__} is unknown"
    own = estimator.get_params(deep=True)
    if own.get(f"{prefix}gamma") == "scale":
        own[f"{prefix}gamma"] = units["1/(p var)"]
    return adapted, own, ""


def units_of(data: Data) -> dict[str, float | None]:
    """Units of hyperparameters, in which good values on different data sets are comparable.

    None if unknown for these data. ``"1/(p var)"`` is scikit-learn's ``gamma="scale"``,
    ``"alpha_max"`` the smallest penalty at which all coefficients of a lasso are 0.
    """
    known = data.p is not None and data.variance is not None
    return {
        "1/(p var)": 1.0 / (data.p * data.variance) if known else None,  # type: ignore[operator]
        "std(y)": data.y_std,
        "var(y)": None if data.y_std is None else data.y_std**2,
        "alpha_max": data.alpha_max,
    }


def _last_step(estimator: Any) -> tuple[str, Any, list[Any]]:
    """Prefix and estimator of the last step of a pipeline, and the transformers before it."""
    prefix, transformers = "", []
    while any(
        (cls.__module__, cls.__name__) == ("sklearn.pipeline", "Pipeline")
        for cls in type(estimator).__mro__
    ):
        transformers += [step for _, step in estimator.steps[:-1]]
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return prefix, estimator, transformers


def _data_after(transformers: list[Any], X: Any, y: Any) -> Data:
    """What reaches the last step; unknown where reading the data raises: that is for fits to do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            n = X.shape[0] if hasattr(X, "shape") else len(X)
            if n > _N_ROWS:
                rows = np.linspace(0, n - 1, _N_ROWS).astype(int)
                X, y = take_rows(X, rows), None if y is None else take_rows(y, rows)
            return Data.from_data(X, y).after(transformers)
        except Exception:  # noqa: BLE001
            return Data()


def _is_scaled(data: Data) -> bool:
    matrix = None if data.sample is None else _as_floats(data.sample[0], 2)
    if matrix is None or not isinstance(matrix, np.ndarray):
        return False
    spreads = matrix.std(axis=0)
    spreads = spreads[spreads > 0]
    if not len(spreads):
        return False
    low, high = np.quantile(spreads, [0.1, 0.9])
    return bool(high <= _MAX_RATIO * low) and _VARIANCES[0] < np.mean(spreads**2) < _VARIANCES[1]
