"""Hyperparameters of an estimator and of all estimators inside of it."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skhyper.inspection._allowed import allowed_values
from skhyper.inspection._search_ranges import SPACES, default_ranges, ranges_of_searches
from skhyper.space import is_deprecated_default, requirements_of

# Params of a search that are not options: what is tuned, and its space.
_NO_OPTIONS = {"estimator", "base_estimator", *SPACES}


class _NoDefault:
    """Marks a hyperparameter without a default; a singleton, after pickling too."""

    def __init__(self, text: str, name: str):
        self._text, self._name = text, name

    def __repr__(self) -> str:
        return self._text

    def __reduce__(self) -> str:
        return self._name


REQUIRED = _NoDefault("required", "REQUIRED")
NOT_SET = _NoDefault("not set", "NOT_SET")


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter: a value that is set before ``fit``.

    Attributes
    ----------
    name : str
        As ``set_params`` takes it, ``"svc__C"``.
    value : object
        Its current value.
    default : object
        Its default; ``required`` if there is none, ``not set`` for keywords that are not in the
        signature.
    changed : bool
        Whether `value` differs from `default`.
    allowed : str
        The allowed values; empty if the estimator does not declare them.
    active : bool
        Whether it has an effect, given the others; True if that is not known.
    note : str
        Why it is inactive, or that an outer search sets it.
    differentiable : bool
        Whether ``skhyper.hypergradient`` has the derivative of a validation loss with respect
        to it.
    search_range : object
        What a search inside of the estimator tries, else the range in
        :func:`skhyper.default_space`; None if it is not searched.
    range_source : str
        Where that range comes from: who gave it, or the table of default ranges, and what a default
        range depends on.
    option : bool
        Whether it is an option of a search, such as `n_jobs`, which is hidden at its default.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skhyper.inspection import inspect
    >>> alpha = inspect(Ridge(alpha=10.0)).hyperparameters[0]
    >>> alpha.name, alpha.value, alpha.default, alpha.changed
    ('alpha', 10.0, 1.0, True)
    """

    name: str
    value: Any
    default: Any
    changed: bool
    allowed: str
    active: bool
    note: str
    differentiable: bool
    search_range: Any
    range_source: str = ""
    option: bool = False


def hyperparameters(estimator: Any, X: Any = None, y: Any = None) -> tuple[Hyperparameter, ...]:
    """All hyperparameters of an estimator and of those inside, in the order of its steps."""
    values = estimator.get_params(deep=True)
    owners = {"": estimator, **{name: v for name, v in values.items() if _is_settable(v)}}
    searched, notes = ranges_of_searches(owners)
    ranges = {**default_ranges(estimator, X, y), **searched}
    differentiable = _differentiable(owners)
    signatures = {prefix: _defaults(owner) for prefix, owner in owners.items()}
    searches = {prefix for prefix, owner in owners.items() if _is_search(owner)}
    settings = {prefix: owner.get_params(deep=False) for prefix, owner in owners.items()}
    rows = []
    for name in _ordered(values):
        outer, _, inner = name.rpartition("__")
        known, missing = signatures.get(outer, ({}, REQUIRED))
        default = known.get(inner, missing)
        owner = owners.get(outer)
        search_range, source = ranges.get(name, (None, ""))
        lacks = inactive_because(owner, inner, settings.get(outer, {}))
        rows.append(
            Hyperparameter(
                name=name,
                value=values[name],
                default=default,
                changed=not _same(values[name], default),
                allowed=allowed_values(owner, inner),
                active=not lacks,
                note=lacks or notes.get(name, ""),
                differentiable=name in differentiable,
                search_range=search_range,
                range_source=source,
                option=outer in searches and inner not in _NO_OPTIONS,
            )
        )
    return tuple(rows)


def inactive_because(estimator: Any, name: str, own: Mapping[str, Any]) -> str:
    """Why a hyperparameter is inactive; empty if it is active, or if no requirement is known.

    `own` are the params of the estimator that has it.
    """
    if is_deprecated_default(own.get(name)):
        return "deprecated"
    unmet = [
        requirement.text
        for requirement in requirements_of(estimator, name)
        if requirement.parent in own and not requirement.is_met(own[requirement.parent])
    ]
    return f"needs {' and '.join(unmet)}" if unmet else ""


def _is_settable(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _ordered(values: Mapping[str, Any]) -> list[str]:
    """Order with each estimator before its hyperparameters; otherwise that of ``get_params``."""
    tops = [name for name in values if "__" not in name]
    ordered = []
    for top in tops:
        inside = [name for name in values if name.startswith(f"{top}__")]
        depth = {name.removeprefix(f"{top}__"): values[name] for name in inside}
        ordered += [top, *(f"{top}__{name}" for name in _ordered(depth))]
    placed = set(ordered)  # names with no estimator above them, which should not be
    return ordered + [name for name in values if name not in placed]


def _is_search(owner: Any) -> bool:
    return hasattr(owner, "estimator") and any(hasattr(owner, name) for name in SPACES)


def _defaults(owner: Any) -> tuple[Mapping[str, Any], Any]:
    """Defaults of the arguments, and of further keywords as a new instance has them.

    Also what marks a default that is not known.
    """
    arguments = inspect.signature(type(owner).__init__).parameters.values()
    known = {a.name: a.default for a in arguments if a.default is not inspect.Parameter.empty}
    if not any(a.kind is inspect.Parameter.VAR_KEYWORD for a in arguments):
        return known, REQUIRED
    try:
        return {**type(owner)().get_params(deep=False), **known}, NOT_SET
    except Exception:  # noqa: BLE001  (it needs arguments: what is not in its signature is open)
        return known, NOT_SET


def _same(value: Any, default: Any) -> bool:
    """Whether a value is the default, including arrays and nan; compared by text if necessary."""
    if value is default:
        return True
    if type(value) is not type(default):
        # 1 and 1.0 are equal values, True and 1 are not.
        numbers = all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in (value, default)
        )
        return numbers and value == default
    return repr(value) == repr(default)


def _differentiable(owners: Mapping[str, Any]) -> set[str]:
    """Nested names with respect to which the estimator, or a part of it, can be differentiated."""
    # Imported here, as it imports all estimators that have derivatives.
    from skhyper.hypergradient import NotDifferentiableError, inner_problem

    found: set[str] = set()
    for prefix, owner in owners.items():
        try:
            names = inner_problem(owner).names
        except NotDifferentiableError:
            continue
        except Exception:  # noqa: BLE001  (values that fit would refuse; they are shown as they are)
            continue
        found |= {f"{prefix}__{name}" if prefix else name for name in names}
    return found
