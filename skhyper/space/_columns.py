"""Columns of a space: the hyperparameter of each one, and when it is active.

Arrays have the shapes that are defined in ``_space``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._categorical import Categorical, same_dimension
from skhyper.space._check import check_entry
from skhyper.space._conditions import Condition
from skhyper.space._dimensions import Dimension
from skhyper.space._vectors import as_vector, is_vector, like


@dataclass(frozen=True)
class Subspace:
    """The columns of one dict of a space.

    `columns` has those of each name: one, or one for each component of a vector, of which
    `templates` has a value of its shape. `conditions` has, for each name, parents before children,
    pairs of the parent's column and the condition on it; all of them must hold. The same as arrays:
    `unconditional` columns, and pairs of `conditional` columns and their conditions.
    """

    columns: Mapping[str, list[int]]
    conditions: Mapping[str, list[tuple[int, Condition]]]
    templates: Mapping[str, Any] = field(default_factory=dict)
    unconditional: np.ndarray = field(init=False, repr=False, compare=False)
    conditional: list[tuple[np.ndarray, list]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        always = [name for name, conditions in self.conditions.items() if not conditions]
        unconditional = np.array([c for name in always for c in self.columns[name]], dtype=int)
        conditional = [
            (np.array(self.columns[n]), own) for n, own in self.conditions.items() if own
        ]
        self.__dict__.update(unconditional=unconditional, conditional=conditional)

    def active(self, points: np.ndarray, if_unknown: bool = False) -> np.ndarray:
        """Which columns are active at points of the sub-space; see :meth:`Columns.active`."""
        active = np.zeros(points.shape, dtype=bool)
        active[:, self.unconditional] = True
        for columns, conditions in self.conditional:
            holds = np.ones(len(points), dtype=bool)
            for parent, condition in conditions:
                holds &= active[:, parent]
                known = holds & ~np.isnan(points[:, parent])
                holds[known] = condition(points[known, parent])
                holds &= known | if_unknown
            active[:, columns] = holds[:, None]
        return active

    def join(self, name: str, values: Sequence[Any]) -> Any:
        """The value of a hyperparameter from those of its columns."""
        if name not in self.templates:
            return values[0]
        return like(self.templates[name], np.array(values))

    def split(self, name: str, value: Any) -> list[Any]:
        """Values of the columns of a hyperparameter; raises if its value has another shape."""
        if name not in self.templates:
            return [value]
        template = self.templates[name]
        if not is_vector(value) or as_vector(value).shape != as_vector(template).shape:
            raise InvalidSpaceError(f"{value!r} is not of the shape of {template!r}.")
        return as_vector(value).tolist()

    def renumbered(self, new: Mapping[int, int]) -> "Subspace":
        """The same sub-space after its columns have been renumbered."""
        columns = {name: [new[c] for c in own] for name, own in self.columns.items()}
        conditions = {
            name: [(new[parent], condition) for parent, condition in own]
            for name, own in self.conditions.items()
        }
        return replace(self, columns=columns, conditions=conditions)


@dataclass(frozen=True)
class Columns:
    """All columns of a space; the name of the one that selects the sub-space is None."""

    names: tuple[str | None, ...]
    dimensions: tuple[Dimension, ...]
    subspaces: tuple[Subspace, ...]

    @classmethod
    def from_dicts(cls, dicts: Sequence[Mapping[str, Any]]) -> "Columns":
        """Columns of dicts of specifications; sub-spaces with equal ones share a column."""
        names: list[str | None] = []
        dimensions: list[Dimension] = []
        if len(dicts) > 1:
            names.append(None)
            dimensions.append(Categorical(range(len(dicts)), ordered=False))
        subspaces = tuple(_subspace(part, names, dimensions) for part in dicts)
        return cls(tuple(names), tuple(dimensions), subspaces)

    def active(self, points: np.ndarray, if_unknown: bool = False) -> np.ndarray:
        """Which columns are active, (n, d) bool.

        A hyperparameter is active if its sub-space is selected, all its parents are active and all
        its conditions hold. With `if_unknown`, a condition on a coordinate that is nan counts as
        met.
        """
        if len(self.subspaces) == 1:
            return self.subspaces[0].active(points, if_unknown)
        active = np.zeros(points.shape, dtype=bool)
        selected = self.dimensions[0].index(points[:, 0])
        for i, subspace in enumerate(self.subspaces):
            rows = selected == i
            if rows.any():
                active[rows] = subspace.active(points[rows], if_unknown)
        active[:, 0] = True
        return active

    def restricted(self, index: int) -> tuple["Columns", list[int]]:
        """The columns of one sub-space alone, and their numbers here."""
        subspace = self.subspaces[index]
        kept = [column for columns in subspace.columns.values() for column in columns]
        part = Columns(
            tuple(self.names[column] for column in kept),
            tuple(self.dimensions[column] for column in kept),
            (subspace.renumbered({column: i for i, column in enumerate(kept)}),),
        )
        return part, kept

    def with_vectors(self, templates: Mapping[str, Any]) -> "Columns":
        """One column for each component of the hyperparameters in `templates`."""
        new: dict[int, list[int]] = {}
        names: list[str | None] = []
        dimensions: list[Dimension] = []
        for column, (name, dimension) in enumerate(zip(self.names, self.dimensions)):
            n = 1
            if name is not None and name in templates and dimension.kind == "real":
                n = len(as_vector(templates[name]))
            new[column] = list(range(len(names), len(names) + n))
            names += [name] * n
            dimensions += [dimension] * n
        subspaces = []
        for subspace in self.subspaces:
            vectors = {
                name: templates[name]
                for name, (column, *_) in subspace.columns.items()
                if name in templates and self.dimensions[column].kind == "real"
            }
            columns = {n: [i for c in own for i in new[c]] for n, own in subspace.columns.items()}
            first = subspace.renumbered({column: numbers[0] for column, numbers in new.items()})
            subspaces.append(replace(first, columns=columns, templates=vectors))
        return Columns(tuple(names), tuple(dimensions), tuple(subspaces))


def _subspace(
    part: Mapping[str, Any], names: list[str | None], dimensions: list[Dimension]
) -> Subspace:
    """One dict as a sub-space; adds its columns to `names` and `dimensions`."""
    entries = {name: check_entry(name, spec) for name, spec in part.items()}
    columns = {
        name: [_column(name, dimension, names, dimensions)]
        for name, (dimension, _) in entries.items()
    }
    parents = {name: [parent for parent, _ in wanted] for name, (_, wanted) in entries.items()}
    conditions = {
        name: [
            (columns[parent][0], Condition(name, parent, value, entries[parent][0]))
            for parent, value in entries[name][1]
        ]
        for name in _parents_first(parents)
    }
    return Subspace(columns, conditions)


def _column(
    name: str, dimension: Dimension, names: list[str | None], dimensions: list[Dimension]
) -> int:
    """Column of a hyperparameter, shared by the sub-spaces that give it the same values."""
    for column, (known, other) in enumerate(zip(names, dimensions, strict=True)):
        if known == name and same_dimension(other, dimension):
            return column
    names.append(name)
    dimensions.append(dimension)
    return len(names) - 1


def _parents_first(parents: Mapping[str, list[str]]) -> list[str]:
    """Names sorted so that each comes after those it is conditioned on."""
    order: list[str] = []
    waiting = dict(parents)
    for name, needed in parents.items():
        for parent in needed:
            if parent not in parents:
                raise InvalidSpaceError(
                    f"{name!r} is conditioned on {parent!r}, which is not in the same dict; "
                    f"it has {sorted(parents)}."
                )
    while waiting:
        ready = [name for name, needed in waiting.items() if set(needed) <= set(order)]
        if not ready:
            raise InvalidSpaceError(f"The conditions of {sorted(waiting)} form a cycle.")
        order += ready
        waiting = {name: needed for name, needed in waiting.items() if name not in ready}
    return order
