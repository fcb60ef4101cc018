"""The search space that a user gave, with default ranges where none is given."""

import ast
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sklearn.base import clone

from skhyper.exceptions import InvalidSpaceError
from skhyper.search._validate import check_candidates, check_values
from skhyper.space import Space, When, default_space

AUTO = "auto"


def given_spaces(spaces: Any, estimator: Any, X: Any = None, y: Any = None) -> Any:
    """Search spaces with default ranges in place of None and of ``"auto"``."""
    if spaces is None:
        found = default_space(estimator, X, y)
        if not found:
            raise InvalidSpaceError(
                f"There is no default space for {estimator!r}: give search_spaces, such as "
                f"{_example(estimator)}."
            )
        return found
    if isinstance(spaces, list):
        parts = [part if part is None else given_spaces(part, estimator, X, y) for part in spaces]
        return parts  # None is refused where the space is read
    if isinstance(spaces, tuple) and len(spaces) == 2:  # a sub-space and its budget
        return given_spaces(spaces[0], estimator, X, y), spaces[1]
    if not isinstance(spaces, Mapping) or not any(map(_is_auto, spaces.values())):
        return spaces
    fixed = _with_fixed_parts(estimator, spaces)
    ranges = default_space(fixed, X, y)
    for name, spec in spaces.items():
        if _is_auto(spec) and name not in ranges:
            ranges |= _with_a_choice(fixed, name, spaces, X, y)
            if not any(_is_inside(name, other) for other in spaces):
                check_candidates(fixed, [{str(name): None}])
    return {name: _filled(name, spec, ranges, spaces) for name, spec in spaces.items()}


def _with_a_choice(
    estimator: Any, name: Any, spaces: Mapping[str, Any], X: Any, y: Any
) -> dict[str, Any]:
    """The default range of a name that is active with some choice only, of a kernel or a step."""
    for other, spec in spaces.items():
        related = _is_inside(name, other) or _owner(name) == _owner(other)
        if not isinstance(spec, list) or not related:
            continue
        for choice in spec:
            with suppress(Exception):  # wrong names and choices are reported where they are read
                chosen = clone(estimator).set_params(**{other: clone(choice, safe=False)})
                ranges = default_space(chosen, X, y)
                if name in ranges:
                    return {name: ranges[name]}
    return {}


def _is_inside(name: Any, step: Any) -> bool:
    return str(name).startswith(f"{step}__")


def _owner(name: Any) -> str:
    return str(name).rpartition("__")[0]


# Numbers and switches that do not matter to the score.
_NOT_SEARCHED = (
    *("tol", "eps", "verbose", "missing_values", "copy", "copy_X", "copy_X_train", "warm_start"),
    *("leaf_size", "n_jobs", "max_iter", "max_subpopulation", "compute_distances"),
)
_RANGES = ("(1e-3, 1e3, 'log-uniform')", "(0.6, 0.9)")


def _example(estimator: Any) -> str:
    """A search space that the estimator accepts, as text."""
    values = estimator.get_params(deep=True)
    searched = {n: v for n, v in values.items() if n.rpartition("__")[2] not in _NOT_SEARCHED}
    kinds = {
        float: _RANGES,
        bool: ("[True, False]",),
        int: ("(1, 10)",),
        str: (),
    }
    for kind, specs in kinds.items():
        for name, value in searched.items():
            if type(value) is kind:
                for spec in specs or (f"[{value!r}]",):
                    if _is_valid(estimator, name, ast.literal_eval(spec)):
                        return f"{{{name!r}: {spec}}}"
    return "{'name': (low, high)}"


def _is_valid(estimator: Any, name: str, spec: Any) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # ranges that are valid in part
            check_values(estimator, Space({name: spec}))
    except (InvalidSpaceError, Warning):
        return False
    return True


def _is_auto(spec: Any) -> bool:
    return (isinstance(spec, str) and spec == AUTO) or (
        isinstance(spec, When) and _is_auto(spec.values)
    )


def _with_fixed_parts(estimator: Any, spaces: Mapping[str, Any]) -> Any:
    """The estimator with the steps for which a sub-space has a single choice."""
    fixed = {
        name: spec[0]
        for name, spec in spaces.items()
        if isinstance(spec, list) and len(spec) == 1 and hasattr(spec[0], "get_params")
    }
    return clone(estimator).set_params(**clone(fixed, safe=False)) if fixed else estimator


def _filled(name: str, spec: Any, ranges: Mapping[str, Any], spaces: Mapping[str, Any]) -> Any:
    if not _is_auto(spec):
        return spec
    if name not in ranges:
        raise InvalidSpaceError(
            f"{name!r}: there is no default range; give one, such as (low, high, 'log-uniform'). "
            f"There are default ranges for {sorted(ranges)}."
        )
    found = ranges[name]
    if isinstance(spec, When):
        return When(found.values if isinstance(found, When) else found, spec.conditions)
    # The conditions of the default space may refer to hyperparameters that are not searched here.
    if isinstance(found, When) and not set(found.conditions) <= set(spaces):
        return found.values
    return found
