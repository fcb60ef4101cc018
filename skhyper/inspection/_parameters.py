"""Parameters of an estimator and of all estimators inside of it.

They are found in the attributes that ``fit`` set, and in hyperparameters that are fitted in place
(the steps of a pipeline). A list of many estimators, such as the trees of a forest, has one row
for each parameter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper.inspection._attributes import KINDS, attributes, kind_of, meaning_of
from skhyper.inspection._boosters import booster_attributes
from skhyper.inspection._measure import Measure, forest_measure, is_tree, measure

# Numbers of estimators or arrays in one list above which they are summarized.
_ESTIMATORS_LISTED = 3
_ARRAYS_LISTED = 12
# Steps that are fitted in place, and the attribute with their names.
_FITTED_IN_PLACE = {
    "Pipeline": ("steps", "named_steps"),
    "FeatureUnion": ("transformer_list", "named_transformers"),
}
# Packages whose learned attributes are known.
_KNOWN = {"sklearn", "skhyper"}
# Attributes whose contents are shown elsewhere, or are not about the model.
_NOT_ENTERED = {"best_params_", "cv_results_", "label_binarizer_", "le_", "scorer_"}


@dataclass(frozen=True)
class Parameter:
    """An attribute that ``fit`` set.

    Attributes
    ----------
    name : str
        Name of the attribute, ``"coef_"``.
    where : str
        Path from the estimator to the one that has it, ``"named_steps['svc']"``; empty for the
        estimator itself. ``[0..99]`` stands for one hundred estimators.
    kind : {"parameter", "choice", "data", "unknown", "bookkeeping"}
        Whether it was learned (``coef_``), is a hyperparameter that ``fit`` chose
        (``LassoCV.alpha_``), is training data that the model keeps (k nearest neighbors), or is
        another attribute (``n_iter_``). "unknown" is the row of a fitted estimator whose
        parameters are stored in an unknown place.
    shape : tuple of int or None
        None if it is not an array.
    size : int
        Number of numbers: for a tree, a feature and a threshold for each split and the values
        of the leaves.
    dtype : str
    summary : str
        What it is, and its values or their range.
    count : int
        Number of estimators in the row.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from skhyper.inspection import inspect
    >>> line = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> slope = inspect(line).parameters[0]
    >>> slope.name, slope.kind, slope.shape
    ('coef_', 'parameter', (1,))
    """

    name: str
    where: str
    kind: str
    shape: tuple[int, ...] | None
    size: int
    dtype: str
    summary: str
    count: int = 1


@dataclass(frozen=True)
class _Leaf:
    """An attribute that holds no estimators, and the estimator that has it."""

    owner: Any
    where: str
    name: str
    value: Any


def learned(estimator: Any) -> tuple[Parameter, ...]:
    """All fitted attributes of an estimator, parameters first; empty before ``fit``."""
    found = _leaves(estimator, "", set())
    rows = [leaf if isinstance(leaf, Parameter) else _row([leaf], leaf.where) for leaf in found]
    return tuple(sorted(rows, key=lambda row: KINDS.index(row.kind)))


def _leaves(estimator: Any, where: str, seen: set[int]) -> Iterator[Any]:
    """Leaves, and rows about many estimators, in the order of the attributes."""
    if id(estimator) in seen:  # the same one under two names
        return
    seen.add(id(estimator))
    holders: list[tuple[str, list[tuple[str, Any]]]] = []
    leaves: list[_Leaf] = []
    for name, value in _own_attributes(estimator):
        if name not in _NOT_ENTERED and (inner := _estimators(value)):
            holders.append((name, inner))
        elif not name.startswith("named_") and not _is_machinery(value):
            leaves += _split(estimator, where, name, value)
    boosted = [_booster_row(where, *found) for found in booster_attributes(estimator)]
    yield from leaves
    yield from boosted
    if not (holders or boosted) and all(_kind(leaf) == "bookkeeping" for leaf in leaves):
        yield from _unknown(estimator, where, bool(leaves))
    # Those with names before lists of the same.
    for name, inner in sorted(holders, key=lambda h: not h[0].startswith("named_")):
        inner = [(key, part) for key, part in inner if id(part) not in seen]
        path = f"{where}.{name}" if where else name
        if len(inner) > _ESTIMATORS_LISTED and not name.startswith("named_"):
            yield from _summarized([part for _, part in inner], path, seen)
        else:
            for key, part in inner:
                yield from _leaves(part, path + key, seen)


def _booster_row(where: str, name: str, what: Measure, meaning: str) -> Parameter:
    summary = f"{meaning}: {what.summary}" if meaning else what.summary
    return Parameter(name, where, "parameter", what.shape, what.size, what.dtype, summary)


def _unknown(estimator: Any, where: str, noted: bool) -> Iterator[Parameter]:
    """A row for a fitted estimator of another library that shows nothing it has learned.

    It counts as fitted if it says so, has other fitted attributes (`noted`), or has attributes that
    a new instance lacks.
    """
    kind = type(estimator)
    if kind.__module__.partition(".")[0] in _KNOWN or not learns(estimator):
        return
    try:
        fitted = noted or bool(vars(estimator).keys() - vars(clone(estimator)).keys())
        if hasattr(estimator, "__sklearn_is_fitted__"):
            fitted = bool(estimator.__sklearn_is_fitted__())
    except Exception:  # noqa: BLE001  (it cannot be cloned, or asked: nothing is known of it)
        fitted = noted
    if fitted:
        summary = f"what {kind.__name__} learned is not known"
        yield Parameter("?", where, "unknown", None, 0, "", summary)


def learns(estimator: Any) -> bool:
    """Whether it declares that it must be fitted; an estimator without tags counts as such."""
    try:
        return bool(estimator.__sklearn_tags__().requires_fit)
    except Exception:  # noqa: BLE001  (those of a composition may depend on what is missing)
        return True


def _own_attributes(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Attributes that ``fit`` set, and steps fitted in place; parts under their names."""
    members = hasattr(estimator, "estimators_")
    for name, value in attributes(estimator):
        if name == "estimator_" and members:
            continue  # the template of an ensemble: the user's own, not fitted by it
        if name == "transformers_":  # of a ColumnTransformer: (name, transformer, columns)
            yield "named_transformers_", {key: part for key, part, *_ in value}
        else:
            yield name, value
    for base in type(estimator).__mro__:
        if base.__name__ in _FITTED_IN_PLACE:
            steps, named = _FITTED_IN_PLACE[base.__name__]
            yield named, dict(getattr(estimator, steps))
        elif base.__name__ == "FrozenEstimator":
            yield "estimator", estimator.estimator
        elif base.__name__ == "_CalibratedClassifier":
            yield "estimator", estimator.estimator
            yield "calibrators", estimator.calibrators


def _estimators(value: Any) -> list[tuple[str, Any]]:
    """Estimators in a value and their indices; empty if there are none."""
    if _is_estimator(value):
        return [("", value)]
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in value.items() if _is_estimator(part)]
    if isinstance(value, np.ndarray) and value.dtype == object:
        places = np.ndindex(value.shape)
        return [
            (f"[{', '.join(map(str, i))}]", value[i]) for i in places if _is_estimator(value[i])
        ]
    if isinstance(value, list | tuple):
        return [place for i, item in enumerate(value) for place in _in_list(i, item)]
    return []


def _in_list(i: int, item: Any) -> list[tuple[str, Any]]:
    """The estimator in an item of a list: itself, or in a tuple such as (name, it, columns)."""
    if _is_estimator(item):
        return [(f"[{i}]", item)]
    if isinstance(item, tuple):
        return [(f"[{i}][{j}]", part) for j, part in enumerate(item) if _is_estimator(part)]
    return []


def _is_estimator(value: Any) -> bool:
    if isinstance(value, type):
        return False
    return (hasattr(value, "fit") and hasattr(value, "get_params")) or hasattr(value, "calibrators")


def _is_machinery(value: Any) -> bool:
    """Whether it is a function or a method, such as a scorer."""
    return callable(value) and not hasattr(value, "tck") and not hasattr(value, "theta")


def _split(estimator: Any, where: str, name: str, value: Any) -> Iterator[_Leaf]:
    """A leaf, or one for each of a few arrays in a list, such as the layers of a network."""
    arrays = isinstance(value, list) and all(isinstance(v, np.ndarray) and v.ndim for v in value)
    if not arrays or not 0 < len(value) <= _ARRAYS_LISTED:
        yield _Leaf(estimator, where, name, value)
        return
    for i, array in enumerate(value):
        yield _Leaf(estimator, where, f"{name}[{i}]", array)


def _summarized(estimators: list[Any], path: str, seen: set[int]) -> Iterator[Parameter]:
    """A row for each parameter of many estimators; other attributes are left out."""
    groups: dict[tuple[str, str], list[_Leaf]] = {}
    rows: dict[tuple[str, str], list[Parameter]] = {}
    for estimator in estimators:
        for leaf in _leaves(estimator, "", seen):
            if isinstance(leaf, Parameter):
                rows.setdefault((leaf.where, leaf.name), []).append(leaf)
            elif _kind(leaf) != "bookkeeping":
                groups.setdefault((leaf.where, leaf.name), []).append(leaf)
    path = f"{path}[0..{len(estimators) - 1}]"
    for (inner, _), leaves in groups.items():
        yield _row(leaves, f"{path}.{inner}" if inner else path)
    for (inner, _), inner_rows in rows.items():
        yield _joined(inner_rows, f"{path}.{inner}")


def _kind(leaf: _Leaf) -> str:
    return kind_of(leaf.owner, leaf.name.partition("[")[0], leaf.value)


def _row(leaves: list[_Leaf], where: str) -> Parameter:
    first = leaves[0]
    what = measure(first.value) if len(leaves) == 1 else _joint_measure([v.value for v in leaves])
    meaning = _layer(first) or meaning_of(first.owner, first.name)
    summary = f"{meaning}: {what.summary}" if meaning and what.summary else meaning or what.summary
    kind, count = _kind(first), len(leaves)
    return Parameter(first.name, where, kind, what.shape, what.size, what.dtype, summary, count)


def _layer(leaf: _Leaf) -> str:
    """Which layers the weights and biases of a network connect."""
    name, _, index = leaf.name.partition("[")
    if not index or not hasattr(leaf.owner, "coefs_") or name not in ("coefs_", "intercepts_"):
        return ""
    n_in, n_out = leaf.owner.coefs_[int(index[:-1])].shape
    n_last = len(leaf.owner.coefs_) - 1
    left = "inputs" if index == "0]" else "units"
    right = "outputs" if index == f"{n_last}]" else "units"
    if name == "coefs_":
        return f"weights, {n_in} {left} to {n_out} {right}"
    return f"biases of {n_out} {right}"


def _joint_measure(values: list[Any]) -> Measure:
    """Measure of the same attribute of many estimators; the shape if they share it."""
    if all(map(is_tree, values)):
        return forest_measure(values)
    parts = [measure(value) for value in values]
    shapes, dtypes = {part.shape for part in parts}, {part.dtype for part in parts}
    summary = f"of {len(values)} estimators"
    if all(
        isinstance(v, np.ndarray | np.number) and np.asarray(v).dtype.kind in "iuf" for v in values
    ):
        together = np.concatenate([np.ravel(value) for value in values])
        summary = f"{measure(together).summary} ({summary})"
    shape = shapes.pop() if len(shapes) == 1 else None
    dtype = dtypes.pop() if len(dtypes) == 1 else ""
    return Measure(shape, sum(part.size for part in parts), dtype, summary)


def _joined(rows: list[Parameter], where: str) -> Parameter:
    """One row for several that are summaries themselves: ensembles of ensembles."""
    count = sum(row.count for row in rows)
    size, summary = sum(row.size for row in rows), f"of {count} estimators in {len(rows)}"
    return replace(rows[0], where=where, shape=None, size=size, summary=summary, count=count)
