"""Knowledge that comes with skhyper: its files, and the file for an estimator and data."""

import functools
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skhyper._sklearn import take_rows
from skhyper.knowledge._knowledge import Knowledge
from skhyper.space._default_data import Data, _as_floats, std_of_target, transformed_target

FOLDER = Path(__file__).parent / "files"
# Maximum number of rows from which scales of the data are estimated: without transformers, with
# some, which are fitted to them, and of texts.
_N_ROWS, _N_FITTED, _N_TEXTS = 2000, 500, 50
# Maximum number of entries of a matrix of more than `_FEW_ROWS` rows.
_N_ENTRIES, _FEW_ROWS = 100_000, 200
_PACKAGES = ("sklearn", "xgboost", "lightgbm")
# What XGBoost uses where a hyperparameter is None, as most are by default.
_XGBOOST_DEFAULTS = {
    "learning_rate": 0.3,
    "n_estimators": 100,
    "max_depth": 6,
    "min_child_weight": 1.0,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "reg_alpha": 0.0,
    "reg_lambda": 1.0,
    "booster": "gbtree",
}
# Maximum ratio of the standard deviations of most features for equal scaling, ...
_MAX_RATIO = 10.0
# ... and range of the mean variance of standardized features.
_VARIANCES = (0.05, 20.0)


@functools.cache
def shipped(family: str, metric: str) -> Knowledge | None:
    """Knowledge of a class of estimators by a metric of the tables; None if there is no file."""
    path = FOLDER / f"{family}-{metric}.npz"
    return replace(Knowledge.load(path), source=path.name) if path.exists() else None


def knowledge_for(
    estimator: Any, X: Any, y: Any, metric: str
) -> tuple[Knowledge | None, Mapping[str, Any], str]:
    """Knowledge for the last step of an estimator, and the estimator's own values.

    Parameters
    ----------
    estimator : estimator
        Transformers before its last step that are quick are fitted to some rows.
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
    prefix, part, transformers, targets = _last_step(estimator)
    cls = next((c for c in type(part).__mro__ if _package(c) in _PACKAGES), object)
    found = shipped(cls.__name__, metric)
    if found is None:
        return None, {}, f"there is none of {type(part).__name__} for this score"
    reads = found.scaled or any("unit" in spec for spec in found.ranges.values())
    data = _data_after(transformers, targets, X, y) if reads else Data()
    if found.scaled and not _is_scaled(data):
        return None, {}, f"the features that reach {type(part).__name__} are not standardized"
    units = units_of(data)
    adapted = found.adapted(prefix, units)
    if adapted is None:
        return None, {}, f"the scale of the data that reach {type(part).__name__} is unknown"
    own = own_values(estimator)
    if own.get(f"{prefix}gamma") == "scale":
        own[f"{prefix}gamma"] = units["1/(p var)"]
    return adapted, own, ""


def own_values(estimator: Any) -> dict[str, Any]:
    """Values of all hyperparameters of an estimator; in place of None, what XGBoost uses."""
    own = estimator.get_params(deep=True)
    parts = {"": estimator, **{f"{name}__": value for name, value in own.items()}}
    for prefix, part in parts.items():
        if any(_package(cls) == "xgboost" for cls in type(part).__mro__):
            for name, value in _XGBOOST_DEFAULTS.items():
                if own.get(prefix + name, value) is None:
                    own[prefix + name] = value
    return own


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def names_of_last_step(estimator: Any) -> list[str]:
    """Names of the hyperparameters that are the last step of a pipeline, or contain it."""
    steps = _last_step(estimator)[0].split("__")[:-1]
    return ["__".join(steps[: i + 1]) for i in range(len(steps))]


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


def _last_step(estimator: Any) -> tuple[str, Any, list[Any], list[Any]]:
    """Prefix and estimator of the last step of a pipeline, and what is before it.

    That is the transformers, and the TransformedTargetRegressors in which the last step is.
    """
    prefix, transformers, targets = "", [], []
    while True:
        classes = {
            (cls.__module__.partition(".")[0], cls.__name__) for cls in type(estimator).__mro__
        }
        if ("sklearn", "Pipeline") in classes:
            transformers += [step for _, step in estimator.steps[:-1]]
            name, estimator = estimator.steps[-1]
        elif ("sklearn", "TransformedTargetRegressor") in classes:
            targets.append(estimator)
            name, estimator = "regressor", estimator.regressor  # None: a linear regression
        else:
            return prefix, estimator, transformers, targets
        prefix += f"{name}__"


def _data_after(transformers: list[Any], targets: list[Any], X: Any, y: Any) -> Data:
    """What reaches the last step; unknown where reading the data raises: that is for fits to do."""
    steps = [_quick(step) for step in transformers if step not in (None, "passthrough")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            n = X.shape[0] if hasattr(X, "shape") else len(X)
            all_rows = np.linspace(0, n - 1, min(n, _N_ROWS)).astype(int)
            size = min(_n_rows(X, _N_FITTED if steps else _N_ROWS), len(all_rows))
            kept = np.linspace(0, len(all_rows) - 1, size).astype(int)
            target = _rows_of(y, all_rows)
            for step in targets:
                target = transformed_target(step, target)
            sample = _rows_of(X, all_rows[kept]), _rows_of(target, kept)
            if not steps:
                return Data.from_data(*sample)
            return Data(n=n, y_std=std_of_target(target), sample=sample).after(steps)
        except Exception:  # noqa: BLE001
            return Data()


def _n_rows(X: Any, n: int) -> int:
    """At most `n` rows; fewer where transformers are slow: of texts, and of many columns."""
    shape: Any = getattr(X, "shape", ())
    if len(shape) == 2:
        return min(n, max(_FEW_ROWS, _N_ENTRIES // max(1, shape[1])))
    return _N_TEXTS if len(shape) == 1 or isinstance(X[0], str) else n


def _rows_of(values: Any, rows: np.ndarray) -> Any:
    if values is None or (isinstance(values, np.ndarray) and len(rows) == len(values)):
        return values
    return values[rows] if isinstance(values, np.ndarray) else take_rows(values, rows)


def _quick(transformer: Any) -> Any:
    """A transformer, or one that is fast and whose output has the same scale."""
    from sklearn.preprocessing import PowerTransformer, StandardScaler

    is_slow = type(transformer) is PowerTransformer and transformer.standardize
    return StandardScaler() if is_slow else transformer


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
