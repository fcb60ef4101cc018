"""Checks of what the user wrote, before the first model is trained."""

import difflib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._bands import per_band_template
from skhyper._sklearn import value_error
from skhyper._trial import History
from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.space import Categorical, Space, is_vector

__all__ = [
    "check_settings",
    "check_values",
    "listed",
    "space_examples",
    "vector_of",
    "warn_about_gradients",
]


def check_settings(estimator: Any, settings: Iterable[Mapping[str, Any]]) -> None:
    """Check that every hyperparameter named in `settings` can be set on `estimator`.

    Settings that differ only in plain values are tried once.

    Raises
    ------
    InvalidSpaceError
        If one cannot, with the names that come nearest.
    """
    seen = set()
    for params in settings:
        signature = tuple(sorted((name, _swap_key(value)) for name, value in params.items()))
        if signature not in seen:
            seen.add(signature)
            _check_setting(estimator, params)


def _swap_key(value: Any) -> str:
    """Tells apart values that change which other names are valid: steps of a pipeline."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return f"estimator {id(value)}"
    return str(value) if value is None or isinstance(value, str) else ""


def _check_setting(estimator: Any, params: Mapping[str, Any]) -> None:
    try:
        clone(estimator).set_params(**clone(dict(params), safe=False))
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        valid = _valid_names(estimator, params)
        wrong = [name for name in params if name not in valid]
        if not wrong:
            raise InvalidSpaceError(
                f"The setting {dict(params)!r} cannot be given to {estimator!r}: {error}"
            ) from error
        raise InvalidSpaceError(_unknown_name_message(wrong[0], estimator, valid)) from None


def _valid_names(estimator: Any, params: Mapping[str, Any]) -> set[str]:
    """Names of the estimator, and of the steps that a setting puts in."""
    valid = set(estimator.get_params(deep=True))
    for name, value in params.items():
        if name in valid and hasattr(value, "get_params") and not isinstance(value, type):
            valid = {v for v in valid if not v.startswith(f"{name}__")}
            valid |= {f"{name}__{inner}" for inner in value.get_params(deep=True)}
    return valid


def _unknown_name_message(name: str, estimator: Any, valid: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(valid), n=3)
    near += [v for v in sorted(valid) if v.lower() == name.lower() and v not in near]
    near += [v for v in sorted(valid) if v.endswith(f"__{name}") and v not in near]
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return (
        f"Invalid parameter {name!r} for estimator {type(estimator).__name__}.{hint} "
        f"Valid parameters are: {sorted(valid)}."
    )


def space_examples(space: Space) -> list[dict[str, Any]]:
    """Settings that between them use each name and each choice of the space at least once."""
    rng = np.random.default_rng(0)
    points = [np.full(space.n_dims, 0.5)]
    for column, dimension in enumerate(space.dimensions):
        if isinstance(dimension, Categorical):
            for u in dimension.grid(0):
                # Several, so that what is conditioned on this choice and another is met.
                for point in rng.random((4, space.n_dims)):
                    point[column] = u
                    points.append(point)
    return space.from_unit(np.array(points))


def check_values(estimator: Any, space: Space) -> None:
    """Check that each dimension has a value that the estimator says it accepts.

    Only estimators with scikit-learn's ``_parameter_constraints`` say so. One wrong choice
    among right ones is left to be a failed trial, as in scikit-learn; of a range that is wrong
    in part there is a warning.

    Raises
    ------
    InvalidSpaceError
        If none of the values of a hyperparameter is accepted.
    """
    examples = space_examples(space)
    # All components of a vector have the same range: one look is enough.
    seen: set[tuple[str | None, int]] = set()
    for name, dimension in zip(space.names, space.dimensions, strict=True):
        if (name, id(dimension)) in seen:
            continue
        seen.add((name, id(dimension)))
        setting = next((e for e in examples if name in e), None)
        if name is None or setting is None:
            continue
        owner, constraints = _owner(estimator, setting, name)
        if constraints is None:
            continue
        choices, points = isinstance(dimension, Categorical), dimension.grid(9)
        if not choices:  # an end of a range is hardly ever met
            points = np.clip(points, 0.01, 0.99)
        values = [space.like_own(name, dimension.from_unit(u)) for u in points]
        errors = [value_error(owner, name.rpartition("__")[2], v, constraints) for v in values]
        if all(errors):
            raise InvalidSpaceError(f"No value of {dimension!r} suits {name!r}: {errors[0]}")
        if any(errors) and not choices:
            warnings.warn(
                f"Trials in a part of {dimension!r} will fail: {next(filter(None, errors))}",
                SkhyperWarning,
                stacklevel=5,
            )


def _owner(estimator: Any, setting: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    """The (nested) estimator that `name` belongs to, and what it accepts for it."""
    outer, _, inner = name.rpartition("__")
    whole = clone(estimator).set_params(**clone(dict(setting), safe=False))
    owner = whole.get_params(deep=True).get(outer) if outer else whole
    return owner, getattr(owner, "_parameter_constraints", {}).get(inner)


def listed(points: Any) -> Sequence[Mapping[str, Any]]:
    """A setting or a list of settings as a list.

    Raises
    ------
    InvalidSpaceError
        If it is neither.
    """
    if points is None:
        return []
    settings = [points] if isinstance(points, Mapping) else points
    if not isinstance(settings, list | tuple) or not all(isinstance(s, Mapping) for s in settings):
        raise InvalidSpaceError(
            f"Settings must be a dict, or a list of dicts, from names to values; got {points!r}."
        )
    return settings


def vector_of(name: str, own: Mapping[str, Any]) -> Any:
    """The numbers that a hyperparameter holds; None if it holds none, or a single one.

    Parameters
    ----------
    name : str
    own : dict
        The estimator's ``get_params(deep=True)``.
    """
    outer, _, inner = name.rpartition("__")
    prefix = f"{outer}__" if outer else ""
    if inner == "transformer_weights" and own[name] is None:
        parts = own.get(f"{prefix}transformer_list", own.get(f"{prefix}transformers"))
        return None if parts is None else {part[0]: 1.0 for part in parts}
    return own[name] if is_vector(own[name]) else per_band_template(name, own)


def warn_about_gradients(history: History) -> None:
    """Warn of scored trials whose gradient failed, or is not whole, and say why."""
    errors = {
        trial.number: (trial.gradient, error)
        for trial in history
        for fold in trial.folds
        if trial.state == "complete" and (error := fold.get("gradient_error"))
    }
    for what, chosen in (
        ("no gradient, and lead nowhere", [e for g, e in errors.values() if g is None]),
        (
            "no derivative by some hyperparameters, which a descent leaves as they are",
            [e for g, e in errors.values() if g is not None],
        ),
    ):
        if chosen:
            first = chosen[0].strip().splitlines()[-1]
            warnings.warn(
                f"{len(chosen)} of {len(history)} trials have scores and {what}. "
                f"What was raised last in the first of them: {first}",
                SkhyperWarning,
                stacklevel=6,
            )
