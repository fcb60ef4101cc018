"""Checks of search spaces and candidates before the first model is trained."""

import difflib
import numbers
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._bands import per_band_template
from skhyper._sklearn import value_error
from skhyper._trial import History
from skhyper.evaluation import params_key
from skhyper.exceptions import InvalidSpaceError
from skhyper.search._warnings import warn
from skhyper.space import Categorical, Space, When, is_vector

# Ratio of two floats in a list above which they look like the ends of a range.
_FAR_APART = 10


def check_candidates(estimator: Any, candidates: Iterable[Mapping[str, Any]]) -> None:
    """Check that every hyperparameter named in `candidates` can be set on `estimator`.

    Of candidates that differ only in plain values, one is tried.
    """
    distinct: dict[tuple, Mapping[str, Any]] = {}
    for params in candidates:
        signature = tuple(sorted((name, _swap_key(value)) for name, value in params.items()))
        distinct.setdefault(signature, params)
    for params in distinct.values():
        _check_candidate(estimator, params, list(distinct.values()))


def _swap_key(value: Any) -> str:
    """Key of a value; it differs for values, such as steps, that change which names are valid."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return f"estimator {id(value)}"
    return str(value) if value is None or isinstance(value, str) else ""


def _check_candidate(
    estimator: Any, params: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> None:
    try:
        clone(estimator).set_params(**clone(dict(params), safe=False))
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        valid = _valid_names(estimator, params)
        wrong = [name for name in params if name not in valid]
        if not wrong:
            raise InvalidSpaceError(
                f"The candidate {dict(params)!r} cannot be set on {estimator!r}: {error}"
            ) from error
        hint = _swapped_hint(wrong[0], params, others) or _near_hint(wrong[0], valid)
        raise InvalidSpaceError(
            f"Invalid parameter {wrong[0]!r} for estimator {type(estimator).__name__}.{hint} "
            f"Valid parameters are: {sorted(valid)}."
        ) from None


def _valid_names(estimator: Any, params: Mapping[str, Any]) -> set[str]:
    """Names of the estimator's parameters, and of those of swapped steps."""
    valid = set(estimator.get_params(deep=True))
    for name, value in params.items():
        if name in valid and hasattr(value, "get_params") and not isinstance(value, type):
            valid = {v for v in valid if not v.startswith(f"{name}__")}
            valid |= {f"{name}__{inner}" for inner in value.get_params(deep=True)}
    return valid


def _swapped_hint(name: str, params: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """A hint, if other choices of a swapped step have the parameter; else empty."""
    for step in _ancestors(name):
        inner = name[len(step) + 2 :]
        values = {_swap_key(p[step]): p[step] for p in others if step in p and step in params}
        having = [v for v in values.values() if inner in _names_of(v)]
        if having:
            wanted = having[0] if len(having) == 1 else having
            return (
                f" {params[step]!r}, a choice of {step!r}, does not have it. For the choices that "
                f"do, write When(..., {step}={wanted!r}), or a separate dict for each choice."
            )
    return ""


def _ancestors(name: str) -> list[str]:
    """Names of the nested estimators in a name, innermost first."""
    parts = name.split("__")
    return ["__".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _names_of(value: Any) -> Collection[str]:
    is_instance = hasattr(value, "get_params") and not isinstance(value, type)
    return value.get_params(deep=True) if is_instance else ()


def _near_hint(name: str, valid: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(valid), n=3)
    near += [v for v in sorted(valid) if v.lower() == name.lower() and v not in near]
    near += [v for v in sorted(valid) if v.endswith(f"__{name}") and v not in near]
    return f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def space_examples(space: Space) -> list[dict[str, Any]]:
    """Candidates that together contain each name and each choice of the space."""
    return space.from_unit(_example_points(space))


def _example_points(space: Space) -> np.ndarray:
    rng = np.random.default_rng(0)
    points = [np.full(space.n_dims, 0.5)]
    subspaces = space.dimensions[0].grid(0) if space.n_subspaces > 1 else [0.5]
    for column, dimension in enumerate(space.dimensions):
        if isinstance(dimension, Categorical):
            for u in dimension.grid(0):
                # Several, to include dimensions that depend on this choice and another.
                for i, point in enumerate(rng.random((4 * len(subspaces), space.n_dims))):
                    if space.n_subspaces > 1:
                        point[0] = subspaces[i % len(subspaces)]
                    point[column] = u
                    points.append(point)
    return space.canonical(np.array(points))


def check_values(estimator: Any, space: Space) -> None:
    """Check values against the estimator's ``_parameter_constraints``, if it has them.

    If a step is swapped, a value is valid if one of the possible estimators accepts it. Raises if
    no value of a dimension, or a choice other than a number, is valid; warns if some numbers of a
    range or a list are not.
    """
    points = _example_points(space)
    examples = space.from_unit(points)
    # All components of a vector have the same range: check it once.
    seen: set[tuple[str | None, int]] = set()
    for name, dimension, column in zip(space.names, space.dimensions, points.T, strict=True):
        if name is None or (name, id(dimension)) in seen:
            continue
        seen.add((name, id(dimension)))
        candidates = [examples[row] for row in np.flatnonzero(~np.isnan(column))]
        owners = _owners(estimator, candidates, name)
        if not all(name.rpartition("__")[2] in known for _, known in owners) or not owners:
            continue
        values: Sequence[Any]
        if isinstance(dimension, Categorical):
            values = dimension.choices
        else:  # the ends of a range hardly ever occur
            points_of_range = np.clip(dimension.grid(9), 0.01, 0.99)
            values = [space.constant_vector(name, dimension.from_unit(u)) for u in points_of_range]
        errors = [_why_wrong(name, value, owners) for value in values]
        if all(errors):
            raise InvalidSpaceError(f"No value of {dimension!r} is valid for {name!r}: {errors[0]}")
        if isinstance(dimension, Categorical):
            _check_choices(name, values, errors, owners)
        elif any(errors):
            warn(f"Trials in a part of {dimension!r} will fail: {next(filter(None, errors))}")


def _owners(
    estimator: Any, candidates: Sequence[Mapping[str, Any]], name: str
) -> list[tuple[Any, Mapping[str, Any]]]:
    """The (nested) estimators that `name` may belong to, and their constraints."""
    ancestors = _ancestors(name)
    found: dict[tuple, Any] = {}
    for params in candidates:
        key = tuple(_swap_key(params.get(step)) for step in ancestors)
        if key not in found:
            whole = clone(estimator).set_params(**clone(dict(params), safe=False))
            found[key] = whole.get_params(deep=True).get(ancestors[0]) if ancestors else whole
    return [(owner, getattr(owner, "_parameter_constraints", {})) for owner in found.values()]


def _why_wrong(name: str, value: Any, owners: Sequence[tuple[Any, Mapping[str, Any]]]) -> str:
    """Why no owner accepts a value of `name`; empty if one does."""
    inner = name.rpartition("__")[2]
    errors = [value_error(owner, inner, value, known[inner]) for owner, known in owners]
    return errors[0] if all(errors) else ""


def _check_choices(
    name: str, choices: Sequence[Any], errors: Sequence[str], owners: Sequence[Any]
) -> None:
    for choice, error in zip(choices, errors, strict=True):
        if error and isinstance(choice, numbers.Real):  # as for ranges
            warn(f"Trials of {name!r} with {choice!r} will fail: {error}")
        elif error:
            right = [c for c, e in zip(choices, errors) if not e and isinstance(c, str)]
            near = difflib.get_close_matches(str(choice), right + _options(name, owners), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InvalidSpaceError(
                f"The choice {choice!r} is not valid for {name!r}: {error}{hint}"
            )


def _options(name: str, owners: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[str]:
    """Strings that are valid for a parameter."""
    inner = name.rpartition("__")[2]
    named = [getattr(part, "options", ()) for _, known in owners for part in known[inner]]
    return sorted({option for options in named for option in options if isinstance(option, str)})


def warn_about_pairs(spaces: Any) -> None:
    """Warn of lists of two floats far apart, which scikit-optimize reads as ranges."""
    if isinstance(spaces, list | tuple):
        for part in spaces:
            warn_about_pairs(part)
    if not isinstance(spaces, Mapping):
        return
    for name, spec in spaces.items():
        while isinstance(spec, When):
            spec = spec.values
        pair = isinstance(spec, list) and len(spec) == 2 and all(isinstance(v, float) for v in spec)
        if pair and spec[1] > _FAR_APART * spec[0] >= 0:
            low, high = spec
            scale = "" if low == 0 else f" or {(low, high, 'log-uniform')!r}"
            warn(
                f"{name!r}: {spec!r} is a list of two choices here, a range in scikit-optimize. "
                f"For the range write {(low, high)!r}{scale}; for two choices, without this "
                f"warning, Categorical({spec!r})."
            )


def check_listed_values(estimator: Any, candidates: Sequence[Mapping[str, Any]]) -> None:
    """Check that, for each name, the estimator accepts at least one of the values."""
    for name in {name: None for params in candidates for name in params}:
        using = [params for params in candidates if name in params]
        errors = []
        for params in using:
            owners = _owners(estimator, [params], name)
            known = name.rpartition("__")[2] in owners[0][1]
            errors.append(_why_wrong(name, params[name], owners) if known else "")
        if all(errors):
            value = using[0][name]
            hint = (
                f" {value!r} looks like a list of choices: pass a space as search_spaces, and the "
                "sampler by name."
                if isinstance(value, list | tuple | np.ndarray)
                else ""
            )
            raise InvalidSpaceError(
                f"No candidate of the list has a valid {name!r}: {errors[0]}{hint}"
            )


def listed(points: Any, argument: str = "initial_points") -> Sequence[Mapping[str, Any]]:
    """A candidate or a list of candidates, as a list; `argument` is for messages."""
    if points is None:
        return []
    candidates = [points] if isinstance(points, Mapping) else points
    dicts = isinstance(candidates, list | tuple) and all(isinstance(s, Mapping) for s in candidates)
    if not dicts or not all(isinstance(name, str) for s in candidates for name in s):
        raise InvalidSpaceError(
            f"{argument}: candidates must be a dict, or a list of dicts, from names to values; "
            f"got {points!r}."
        )
    return candidates


def is_own(params: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether params are the estimator's `own` values, which may lie outside of the space."""
    return params_key(params) == params_key({name: own.get(name) for name in params})


def vector_of(name: str, own: Mapping[str, Any]) -> Any:
    """The vector (or dict) of numbers that a hyperparameter holds; None if it is not a vector."""
    outer, _, inner = name.rpartition("__")
    prefix = f"{outer}__" if outer else ""
    if inner == "transformer_weights" and own[name] is None:
        parts = own.get(f"{prefix}transformer_list", own.get(f"{prefix}transformers"))
        return None if parts is None else {part[0]: 1.0 for part in parts}
    return own[name] if is_vector(own[name]) else per_band_template(name, own)


def warn_about_gradients(history: History) -> None:
    """Warn of scored trials whose gradient failed or is incomplete, with the first error."""
    errors = {
        trial.number: (trial.gradient, error)
        for trial in history
        for fold in trial.folds
        if trial.state == "complete" and (error := fold.get("gradient_error"))
    }
    whole = [error for gradient, error in errors.values() if gradient is None]
    partial = [error for gradient, error in errors.values() if gradient is not None]
    for what, failed in (
        ("no gradient, and are ignored by descents", whole),
        ("no derivative with respect to some hyperparameters, which descents keep fixed", partial),
    ):
        if failed:
            first = failed[0].strip().splitlines()[-1]
            warn(
                f"{len(failed)} of {len(history)} trials have scores and {what}. "
                f"First error: {first}"
            )
