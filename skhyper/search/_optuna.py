"""A search as a study of Optuna, for its dashboard and plots. Optuna is imported inside."""

import datetime
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from skhyper._trial import Trial
from skhyper.space import Categorical, Dimension, Integer, Real, Space, is_vector

# Types that Optuna stores unchanged; choices of other types are stored as text.
_STORED = (bool, int, float, str, type(None))


def to_study(search: Any, **options: Any) -> Any:
    """The trials of a fitted search as a study, which maximizes the mean score.

    `options` are arguments of ``optuna.create_study``.
    """
    import optuna

    study = optuna.create_study(direction="maximize", **options)
    distributions = _distributions(search.space_, search.history_)
    for trial in search.history_:
        study.add_trial(_frozen(trial, distributions))
    return study


def _distributions(space: Space | None, trials: Any) -> dict[str, list[Dimension]]:
    """The dimensions of each hyperparameter: several, if sub-spaces differ."""
    found: dict[str, list[Dimension]] = {}
    if space is not None:
        for name, dimension in zip(space.names, space.dimensions, strict=True):
            if name is not None:
                found.setdefault(name, []).append(dimension)
        return found
    for name in dict.fromkeys(name for trial in trials for name in trial.params):
        found[name] = [Categorical([t.params[name] for t in trials if name in t.params])]
    return found


def _frozen(trial: Trial, dimensions: Mapping[str, list[Dimension]]) -> Any:
    """One trial; values out of their range, such as "scale", are only among its attributes."""
    from optuna.trial import TrialState, create_trial

    states = {
        "complete": TrialState.COMPLETE,
        "stopped": TrialState.PRUNED,
        "failed": TrialState.FAIL,
    }
    params, distributions, attributes = {}, {}, {"number": trial.number}
    for name, value in _scalars(trial.params).items():
        own = dimensions.get(name, dimensions.get(name.rpartition("[")[0], []))
        dimension = next((d for d in own if _contains(d, value)), None)
        if dimension is None:
            attributes[f"param_{name}"] = repr(value)
        else:
            params[name], distributions[name] = _stored(dimension, value)
    run = trial.scores[~np.isnan(trial.scores)]
    means = np.cumsum(run) / np.arange(1, len(run) + 1)
    if trial.message:
        attributes["message"] = trial.message
    with warnings.catch_warnings():
        # Choices that are stored as text are all of one type.
        warnings.simplefilter("ignore")
        frozen = create_trial(
            state=states[trial.state],
            value=None if np.isnan(trial.loss) else -trial.loss,
            params=params,
            distributions=distributions,
            user_attrs=attributes,
            intermediate_values={k: float(mean) for k, mean in enumerate(means)},
        )
    if np.isfinite(trial.started):
        frozen.datetime_start = datetime.datetime.fromtimestamp(trial.started)
        seconds = trial.seconds if np.isfinite(trial.seconds) else 0.0
        frozen.datetime_complete = frozen.datetime_start + datetime.timedelta(seconds=seconds)
    return frozen


def _scalars(params: Mapping[str, Any]) -> dict[str, Any]:
    """Params with the components of vectors one by one, as in ``"alphas[0]"``."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if not is_vector(value):
            found[name] = value
        elif isinstance(value, Mapping):
            found |= {f"{name}[{key}]": part for key, part in value.items()}
        else:
            found |= {f"{name}[{i}]": part for i, part in enumerate(np.ravel(value).tolist())}
    return found


def _contains(dimension: Dimension, value: Any) -> bool:
    try:
        return -1e-9 <= dimension.to_unit(value) <= 1 + 1e-9
    except ValueError:
        return False


def _stored(dimension: Dimension, value: Any) -> tuple[Any, Any]:
    """A value as Optuna stores it, and its distribution."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(dimension, Real):
        log = dimension.prior == "log-uniform"
        value = min(max(float(value), dimension.low), dimension.high)
        return value, FloatDistribution(dimension.low, dimension.high, log, dimension.step)
    if isinstance(dimension, Integer):
        log = dimension.prior == "log-uniform"
        return int(value), IntDistribution(dimension.low, dimension.high, log, dimension.step or 1)
    if isinstance(dimension, Categorical):
        choices = [c.item() if isinstance(c, np.generic) else c for c in dimension.choices]
        stored = [c if isinstance(c, _STORED) else repr(c) for c in choices]
        return stored[dimension.position(value) or 0], CategoricalDistribution(stored)
    low, high = float(dimension.from_unit(0.0)), float(dimension.from_unit(1.0))
    return float(value), FloatDistribution(min(low, float(value)), max(high, float(value)))
