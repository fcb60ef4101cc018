"""Specifications of search spaces in all supported formats, converted to dimensions.

scikit-learn: lists of choices, scipy.stats distributions, lists of dicts.
scikit-optimize: tuples, its dimension objects, ``(dict, n_iter)`` pairs.
"""

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._categorical import Categorical
from skhyper.space._choices import looks_like_steps
from skhyper.space._conditions import When
from skhyper.space._dimensions import Dimension, Integer, Real
from skhyper.space._distribution import Distribution
from skhyper.space._ranges import PRIORS, is_number


def check_dimension(spec: Any) -> Dimension:
    """The dimension that `spec` specifies; `spec` itself is never changed.

    Parameters
    ----------
    spec : object
        A list, array or ``range`` of choices, a tuple ``(low, high)`` or ``(low, high, prior)``
        or ``(low, high, prior, base)``, a frozen scipy.stats distribution, a dimension of
        skhyper or of scikit-optimize. Any other tuple is a tuple of choices.

    Raises
    ------
    InvalidSpaceError
        If it is not a valid search space.

    Examples
    --------
    >>> from skhyper.space import check_dimension
    >>> check_dimension((1, 30)).kind, check_dimension([1, 30]).n_values
    ('integer', 2)
    """
    if isinstance(spec, Dimension):
        return spec
    if _is_skopt(spec):
        return _from_skopt(spec)
    if isinstance(spec, tuple):
        return _from_tuple(spec)
    if hasattr(spec, "rvs") or hasattr(spec, "icdf"):
        return _from_distribution(spec)
    if isinstance(spec, str | bytes | Mapping | set | frozenset) or not hasattr(spec, "__iter__"):
        raise InvalidSpaceError(
            f"{spec!r} is not a valid search space. Write a list of choices [a, b], a range "
            '(low, high) or (low, high, "log-uniform"), a scipy.stats distribution or a dimension '
            f"of skhyper.space; for one fixed value, [{spec!r}]."
        )
    if isinstance(spec, list) and _is_range_in_a_list(spec):
        raise InvalidSpaceError(f"{spec!r} is a list of choices; write a range as {tuple(spec)!r}.")
    if isinstance(spec, np.ndarray) and spec.ndim != 1:
        raise InvalidSpaceError(f"An array of choices must be one-dimensional, got {spec.shape}.")
    return Categorical(spec)


def _from_tuple(spec: tuple) -> Dimension:
    """``(low, high[, prior[, base]])``, or a tuple of choices as scikit-learn takes it."""
    if len(spec) < 2 or not all(is_number(end) for end in spec[:2]):
        return Categorical(spec)
    low, high, *rest = spec
    if rest and not isinstance(rest[0], str):
        _check_no_range(spec)
        return Categorical(spec)
    # The base of the logarithm does not change the coordinates.
    if len(rest) > 2 or (len(rest) == 2 and not is_number(rest[1])):
        raise InvalidSpaceError(f"{spec!r}: a range is (low, high[, prior[, base]]).")
    prior = rest[0] if rest else "uniform"
    whole = isinstance(low, numbers.Integral) and isinstance(high, numbers.Integral)
    return Integer(low, high, prior) if whole else Real(low, high, prior)


def _check_no_range(spec: tuple) -> None:
    """Raise if a tuple of choices looks like a range of another library."""
    low, high, third = spec[:3]
    if len(spec) == 3 and isinstance(third, bool | np.bool_) and low < high:
        raise InvalidSpaceError(
            f"{spec!r} is neither a range nor choices. Write {(low, high, 'log-uniform')!r} for a "
            f"range on a log scale, {(low, high)!r} for a uniform one, {list(spec)!r} for choices."
        )
    if looks_like_steps(spec) or (all(map(is_number, spec)) and len(set(spec)) < len(spec)):
        raise InvalidSpaceError(_which_steps(spec))


def _which_steps(spec: Sequence[Any]) -> str:
    """How to write a range with a step, for a message."""
    if not looks_like_steps(spec):
        return f"{spec!r} repeats a choice; write a list for choices, (low, high) for a range."
    low, high, step = spec
    whole = all(isinstance(part, numbers.Integral) for part in spec)
    name, many = (
        ("Integer", f" or range({low!r}, {high + 1!r}, {step!r})") if whole else ("Real", "")
    )
    choices = f", {list(spec)!r} for three choices" if step not in (low, high) else ""
    return (
        f"{spec!r} is not a range. For one with a step write {name}({low!r}, {high!r}, "
        f"step={step!r}){many}{choices}."
    )


def _from_distribution(spec: Any) -> Dimension:
    """A distribution as a dimension; choices if its values are in a table, but not consecutive."""
    table = getattr(spec, "dist", spec)
    if not hasattr(table, "xk") or not hasattr(table, "pk"):
        return Distribution(spec)
    weights = np.asarray(table.pk, dtype=float)
    values = np.asarray(spec.ppf(np.cumsum(weights) - weights / 2))[weights > 0]
    whole = bool(np.all(values % 1 == 0))
    if whole and values[-1] - values[0] == len(values) - 1:
        return Distribution(spec)
    listed = [int(v) if whole else float(v) for v in values]
    return Categorical(listed, weights=weights[weights > 0].tolist())


def _is_range_in_a_list(spec: list) -> bool:
    """Whether it is ``[low, high, prior]``, as in older code for scikit-optimize."""
    return (
        3 <= len(spec) <= 4
        and all(is_number(end) for end in spec[:2])
        and isinstance(spec[2], str)
        and spec[2] in PRIORS
    )


def _is_skopt(spec: Any) -> bool:
    return any(cls.__module__.startswith("skopt.space") for cls in type(spec).__mro__)


def _from_skopt(spec: Any) -> Dimension:
    """A dimension of scikit-optimize, which is not changed."""
    names = {cls.__name__ for cls in type(spec).__mro__}
    if "Categorical" in names and spec.prior is None:
        return Categorical(spec.categories, ordered=False)
    if "Categorical" in names:  # choices of weight 0 are never drawn
        kept = [(c, w) for c, w in zip(spec.categories, spec.prior, strict=True) if w > 0]
        return Categorical([c for c, _ in kept], ordered=False, weights=[w for _, w in kept])
    if "Integer" in names:
        return Integer(int(spec.low), int(spec.high), spec.prior)
    if "Real" in names:
        return Real(float(spec.low), float(spec.high), spec.prior)
    raise InvalidSpaceError(
        f"{spec!r} is a dimension of scikit-optimize that skhyper does not support."
    )


def split_subspaces(spec: Any) -> tuple[list[dict[str, Any]], list[int | None]]:
    """The dicts of a space, and the number of trials in each (None if not given)."""
    parts = [spec] if isinstance(spec, Mapping) or _is_pair(spec) else spec
    if not isinstance(parts, list | tuple) or not parts:
        raise InvalidSpaceError(
            f"A search space is a dict, or a non-empty list of dicts or (dict, n_iter) pairs; "
            f"got {spec!r}."
        )
    dicts: list[dict[str, Any]] = []
    budgets: list[int | None] = []
    for part in parts:
        subspace, budget = part if _is_pair(part) else (part, None)
        if not isinstance(subspace, Mapping):
            raise InvalidSpaceError(f"A sub-space must be a dict or (dict, n_iter), got {part!r}.")
        if budget is not None and budget < 1:
            raise InvalidSpaceError(f"n_iter of a sub-space must be at least 1, got {budget!r}.")
        dicts.append(_check_names(subspace))
        budgets.append(budget)
    return dicts, budgets


def _is_pair(part: Any) -> bool:
    return (
        isinstance(part, tuple)
        and len(part) == 2
        and isinstance(part[0], Mapping)
        and isinstance(part[1], numbers.Integral)
        and not isinstance(part[1], bool)
    )


def _check_names(subspace: Mapping) -> dict[str, Any]:
    for name in subspace:
        if not isinstance(name, str):
            raise InvalidSpaceError(
                f"A search space goes from names of hyperparameters (str) to their values; "
                f"got the name {name!r}."
            )
    return dict(subspace)


def check_entry(name: str, spec: Any) -> tuple[Dimension, list[tuple[str, Any]]]:
    """Dimension and conditions of one entry of a sub-space; errors contain its name."""
    conditions: list[tuple[str, Any]] = []
    try:
        while isinstance(spec, When):
            conditions += spec.conditions.items()
            spec = spec.values
        return check_dimension(spec), conditions
    except InvalidSpaceError as error:
        raise InvalidSpaceError(f"Search space of {name!r}: {error}") from None
