"""A search space: settings of an estimator as points of the unit cube, and back.

Each hyperparameter is a column. Columns that do not count in a setting (another
sub-space, a condition that does not hold) are nan: *inactive*.

Notation
--------
n : number of points
d : number of columns; the first one chooses the sub-space when there are several
points : (n, d) float64, in [0, 1] or nan where inactive
"""

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._check import check_entry, split_subspaces
from skhyper.space._conditions import Condition
from skhyper.space._dimensions import Categorical, Dimension, equal, same_dimension
from skhyper.space._rare import walk
from skhyper.space._vectors import as_vector, is_vector, like

__all__ = ["Space", "check_space"]

# Draws before accepted settings are looked for near those that are known, and before a
# constraint is said to reject everything.
_MAX_DRAWS = 20_000
_MAX_DRAWS_FOR_ONE = 50_000
# With known ones, draws are given up after this number, if fewer than one in so many is accepted.
_FEW_DRAWS, _RARE = 1000, 200
_MAX_ENUMERATED = 100_000


@dataclass(frozen=True)
class _Subspace:
    """Columns of one dict, parents before children, and the conditions on them.

    A hyperparameter has one column, or one for each component of its template.
    """

    columns: dict[str, list[int]]
    tests: dict[str, list[tuple[int, Condition]]]
    budget: int | None
    templates: dict[str, Any] = field(default_factory=dict)

    def merged(self, name: str, values: Sequence[Any]) -> Any:
        """The value of a hyperparameter from those of its columns."""
        if name not in self.templates:
            return values[0]
        return like(self.templates[name], np.array(values))

    def split(self, name: str, value: Any) -> list[Any]:
        """Values of its columns from that of a hyperparameter."""
        if name not in self.templates:
            return [value]
        template = self.templates[name]
        if not is_vector(value) or as_vector(value).shape != as_vector(template).shape:
            raise InvalidSpaceError(f"{value!r} is not of the shape of {template!r}.")
        return as_vector(value).tolist()


class Space:
    """A search space over settings of an estimator.

    Parameters
    ----------
    spaces : dict, list of dict, or list of (dict, n_iter)
        From names of hyperparameters to their values: a list of choices; a tuple
        ``(low, high)`` or ``(low, high, "log-uniform")``; a frozen scipy.stats
        distribution; a dimension of ``skhyper.space`` or ``skopt.space``; any of them
        inside a :class:`When`.
    constraint : callable, default=None
        ``constraint(params) -> bool`` on a setting; only settings it accepts are proposed.

    Attributes
    ----------
    n_dims : int
        Number of columns of the unit cube.
    names : list of str or None
        Name of each column; None for the column that chooses the sub-space.
    dimensions : list of Dimension
        Dimension of each column.
    budgets : list of int or None
        Trials asked for in each sub-space by ``(dict, n_iter)`` pairs.
    accepted : ndarray of shape (n, d)
        Points that are known to meet the constraint. A search sets it to those of its history;
        :meth:`sample` starts from them where random draws hardly ever meet the constraint.

    Raises
    ------
    InvalidSpaceError
        If anything in `spaces` cannot be searched.

    Examples
    --------
    >>> from skhyper.space import Space
    >>> space = Space({"C": (1e-2, 1e2, "log-uniform"), "kernel": ["linear", "rbf"]})
    >>> space.from_unit([[0.75, 0.1]])
    [{'C': 10.0, 'kernel': 'linear'}]
    >>> space.to_unit([{"C": 1.0, "kernel": "rbf"}])
    array([[0.5 , 0.75]])
    """

    def __init__(self, spaces: Any, constraint: Callable[[dict], bool] | None = None):
        if constraint is not None and not callable(constraint):
            raise InvalidSpaceError(f"constraint must be callable, got {constraint!r}.")
        self.constraint = constraint
        self._own: dict[str, Any] = {}
        dicts, self.budgets = split_subspaces(spaces)
        self.names: list[str | None] = []
        self.dimensions: list[Dimension] = []
        if len(dicts) > 1:
            self.names.append(None)
            self.dimensions.append(Categorical(range(len(dicts)), ordered=False))
        parts = zip(dicts, self.budgets, strict=True)
        self._subspaces = [self._add_subspace(part, budget) for part, budget in parts]
        self.accepted = np.empty((0, self.n_dims))

    def _add_subspace(self, subspace: Mapping[str, Any], budget: int | None) -> _Subspace:
        entries = {name: check_entry(name, spec) for name, spec in subspace.items()}
        columns = {n: [self._add_column(n, dim)] for n, (dim, _) in entries.items()}
        tests: dict[str, list] = {}
        parents = {
            n: [parent for parent, _ in conditions] for n, (_, conditions) in entries.items()
        }
        for name in _parents_first(parents):
            tests[name] = [
                (columns[parent][0], Condition(name, parent, wanted, entries[parent][0]))
                for parent, wanted in entries[name][1]
            ]
        return _Subspace(columns, tests, budget)

    def _add_column(self, name: str, dimension: Dimension) -> int:
        """Column of `name`, shared by the sub-spaces that give it the same values."""
        for column, (known, other) in enumerate(zip(self.names, self.dimensions, strict=True)):
            if known == name and same_dimension(other, dimension):
                return column
        self.names.append(name)
        self.dimensions.append(dimension)
        return len(self.names) - 1

    def __repr__(self) -> str:
        parts = [
            "{" + ", ".join(f"{n!r}: {self.dimensions[c[0]]!r}" for n, c in s.columns.items()) + "}"
            for s in self._subspaces
        ]
        body = parts[0] if len(parts) == 1 else "[" + ", ".join(parts) + "]"
        extra = "" if self.constraint is None else f", constraint={self.constraint!r}"
        return f"Space({body}{extra})"

    @property
    def n_dims(self) -> int:
        return len(self.dimensions)

    @property
    def n_subspaces(self) -> int:
        return len(self._subspaces)

    @property
    def n_settings(self) -> float:
        """Number of distinct settings, ``inf`` where one dimension is a continuum.

        An upper bound where there are conditions or a constraint.
        """
        sizes = [
            math.prod(self.dimensions[c].n_values for cs in s.columns.values() for c in cs)
            for s in self._subspaces
        ]
        return sum(sizes)

    @property
    def vectors(self) -> list[list[int]]:
        """Columns of each hyperparameter that has several (see :meth:`expanded`)."""
        every = [columns for sub in self._subspaces for columns in sub.columns.values()]
        return [list(v) for v in dict.fromkeys(map(tuple, every)) if len(v) > 1]

    @property
    def always_active(self) -> set[str]:
        """Names that every candidate has: those in each sub-space, without conditions."""
        parts = [{n for n, tests in s.tests.items() if not tests} for s in self._subspaces]
        return set.intersection(*parts)

    def activate(self, points: Any) -> np.ndarray:
        """Points with every value at its one coordinate and nan where inactive.

        Parameters
        ----------
        points : array-like of shape (n, d)
            Any points of the unit cube; nan counts as 0.5.

        Returns
        -------
        points : ndarray of shape (n, d)
        """
        points = np.array(points, dtype=float, ndmin=2)
        points[np.isnan(points)] = 0.5
        for column, dimension in enumerate(self.dimensions):
            points[:, column] = dimension.snap(points[:, column])
        points[~self._active(points)] = np.nan
        return points

    def _active(self, points: np.ndarray) -> np.ndarray:
        """Which columns count, (n, d) bool, for points without nan."""
        active = np.zeros(points.shape, dtype=bool)
        choice = np.zeros(len(points), dtype=int)
        if self.n_subspaces > 1:
            active[:, 0] = True
            choice = self.dimensions[0].index(points[:, 0])
        for i, subspace in enumerate(self._subspaces):
            rows = np.flatnonzero(choice == i)
            always = [
                c for n, tests in subspace.tests.items() if not tests for c in subspace.columns[n]
            ]
            active[rows[:, None], always] = True
            for name, tests in subspace.tests.items():
                if not tests:
                    continue
                holds = np.ones(len(rows), dtype=bool)
                for parent, test in tests:
                    holds &= active[rows, parent] & test(points[rows, parent])
                active[rows[:, None], subspace.columns[name]] = holds[:, None]
        return active

    def from_unit(self, points: Any) -> list[dict[str, Any]]:
        """Settings at points of shape (n, d): inactive hyperparameters are left out."""
        points = self.activate(points)
        return [self._setting(point) for point in points]

    def _setting(self, point: np.ndarray) -> dict[str, Any]:
        subspace = self._subspace_of(point)
        return {
            name: subspace.merged(name, [self.dimensions[c].from_unit(point[c]) for c in columns])
            for name, columns in self._active_columns(point)
        }

    def _active_columns(self, point: np.ndarray) -> list[tuple[str, list[int]]]:
        """Name and columns of each hyperparameter that counts at a point (d,)."""
        inactive = np.isnan(point).tolist()
        columns = self._subspace_of(point).columns
        return [(name, own) for name, own in columns.items() if not inactive[own[0]]]

    def _subspace_of(self, point: np.ndarray) -> _Subspace:
        if self.n_subspaces == 1:
            return self._subspaces[0]
        return self._subspaces[int(self.dimensions[0].index(point[:1])[0])]

    def jacobian(self, points: Any) -> np.ndarray:
        """Derivative of each hyperparameter's value by its coordinate, shape (n, d).

        A derivative by a hyperparameter times this is the derivative by the coordinate. nan
        where a dimension is inactive, or its values are not real numbers.

        Parameters
        ----------
        points : array-like of shape (n, d)
            Points of the unit cube, nan where inactive.

        Examples
        --------
        >>> from skhyper.space import Space
        >>> space = Space({"tol": (0.0, 5.0), "kernel": ["linear", "rbf"]})
        >>> space.jacobian(space.to_unit([{"tol": 1.0, "kernel": "rbf"}]))
        array([[ 5., nan]])
        """
        points = np.array(points, dtype=float, ndmin=2)
        slopes = np.full(points.shape, np.nan)
        for column, dimension in enumerate(self.dimensions):
            for row in np.flatnonzero(~np.isnan(points[:, column])):
                slopes[row, column] = dimension.slope(float(points[row, column]))
        return slopes

    def by_coordinate(self, point: np.ndarray, gradient: Mapping[str, Any]) -> np.ndarray:
        """Derivative by the coordinates, from that by the hyperparameters.

        Parameters
        ----------
        point : ndarray of shape (d,)
            Where the derivative was taken, nan where inactive.
        gradient : dict
            From names to numbers, or to arrays or dicts for those that hold several.

        Returns
        -------
        slopes : ndarray of shape (d,)
            nan where inactive or not known.
        """
        slopes = np.full(self.n_dims, np.nan)
        for name, columns in self._subspace_of(point).columns.items():
            if gradient.get(name) is not None:
                parts = as_vector(gradient[name])
                if len(parts) == len(columns):
                    slopes[columns] = parts
        with np.errstate(over="ignore", invalid="ignore"):
            slopes *= self.jacobian(point)[0]
        slopes[~np.isfinite(slopes)] = np.nan
        return slopes

    def to_unit(self, settings: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Points of shape (n, d) of settings that lie in the space.

        Raises
        ------
        InvalidSpaceError
            If a setting does not lie in the space.
        """
        points = np.empty((len(settings), self.n_dims))
        for row, params in enumerate(settings):
            point = self.locate(params)
            if point is None or not self.contains(params):
                raise InvalidSpaceError(f"The setting {params!r} does not lie in {self!r}.")
            points[row] = point
        return points

    def locate(self, params: Mapping[str, Any]) -> np.ndarray | None:
        """Point of shape (d,) of a setting, None where it has none.

        Numbers out of their range get coordinates out of [0, 1], so that what was tried
        outside the space still tells something of its inside. What a setting leaves out has
        the estimator's own value, if :meth:`completed_by` told it.
        """
        outside = None
        for own in ({}, self._own):
            for i, sub in enumerate(self._subspaces):
                point = self._locate_in(i, sub, params, own)
                if point is not None and _is_inside(point):
                    return point
                outside = point if outside is None else outside
        return outside

    def _locate_in(
        self, i: int, sub: _Subspace, params: Mapping[str, Any], own: Mapping[str, Any]
    ) -> np.ndarray | None:
        """Point of a setting in one sub-space, with values of `own` for what it leaves out."""
        if not all(name in sub.columns or self._is_own(name, params[name]) for name in params):
            return None
        point = np.full(self.n_dims, np.nan)
        if self.n_subspaces > 1:
            point[0] = self.dimensions[0].to_unit(i)
        for name, tests in sub.tests.items():
            active = all(
                not np.isnan(point[parent]) and test(point[[parent]])[0] for parent, test in tests
            )
            if not active:
                continue
            try:
                value = params[name] if name in params else own[name]
                for column, part in zip(sub.columns[name], sub.split(name, value)):
                    point[column] = self.dimensions[column].to_unit(part)
            except (KeyError, InvalidSpaceError):
                return None
        return point

    def _is_own(self, name: str, value: Any) -> bool:
        return name in self._own and (self._own[name] is value or equal(self._own[name], value))

    def completed_by(self, own: Mapping[str, Any]) -> "Space":
        """The same space, where settings leave out what has the estimator's own value.

        Parameters
        ----------
        own : dict
            The estimator's ``get_params(deep=True)``.
        """
        space = copy.copy(self)
        space._own = dict(own)
        return space

    def complete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What is active of a located setting, own values included, as they were written."""
        return {
            name: params[name] if name in params else self._own[name]
            for name, _ in self._active_columns(self.locate(params))  # type: ignore[arg-type]
        }

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Whether a setting lies in the ranges and meets the constraint."""
        point = self.locate(params)
        if point is None or not _is_inside(point):
            return False
        return self.constraint is None or self.accepts(self.complete(params))

    def accepts(self, params: Mapping[str, Any]) -> bool:
        """Whether the constraint, if there is one, accepts a setting.

        Raises
        ------
        InvalidSpaceError
            If the constraint itself fails.
        """
        if self.constraint is None:
            return True
        try:
            return bool(self.constraint(dict(params)))
        except Exception as error:
            raise InvalidSpaceError(
                f"The constraint {self.constraint!r} failed on the setting {dict(params)!r}: "
                f"{type(error).__name__}: {error}. It must return True or False for every "
                "setting of the space; inactive hyperparameters are not in the dict."
            ) from error

    def meets(self, points: np.ndarray) -> np.ndarray:
        """Whether the constraint accepts each of the points, already activated, (n,) bool."""
        if self.constraint is None:
            return np.ones(len(points), dtype=bool)
        return np.array([self.accepts(self._setting(point)) for point in points], dtype=bool)

    def filter(self, points: np.ndarray) -> np.ndarray:
        """The points, already activated, whose settings the constraint accepts."""
        return points if self.constraint is None else points[self.meets(points)]

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` random points that meet the constraint, shape (n, d).

        Where random draws hardly ever meet it, by a random walk from points that do.

        Raises
        ------
        InvalidSpaceError
            If the constraint rejects every one of many draws, and no point is known.
        """
        if self.constraint is None:
            return self.activate(rng.random((n, self.n_dims)))
        found = [np.empty((0, self.n_dims))]
        drawn = n_found = 0
        batch = found[0]
        while n_found < n and not self._gives_up(n, drawn, n_found):
            missing = n - n_found
            batch = self.activate(rng.random((min(max(2 * missing, 16), 4096), self.n_dims)))
            found.append(self.filter(batch)[:missing])
            drawn, n_found = drawn + len(batch), n_found + len(found[-1])
        points = np.concatenate(found)
        if n_found < n:
            known = np.concatenate([points, self.accepted])
            starts = known if len(known) else self._any_enumerated(drawn, batch)
            points = np.concatenate([points, walk(self, starts, n - n_found, rng)])
        return points

    def _gives_up(self, n: int, drawn: int, n_found: int) -> bool:
        """Whether more draws are not worth it, to find `n` points."""
        if len(self.accepted) and drawn >= _FEW_DRAWS and _RARE * n_found < drawn:
            return True
        finds = n_found > 0 or len(self.accepted) > 0 or self.n_settings <= _MAX_ENUMERATED
        return drawn >= max(_MAX_DRAWS if finds else _MAX_DRAWS_FOR_ONE, 16 * n)

    def _any_enumerated(self, drawn: int, rejected: np.ndarray) -> np.ndarray:
        """Points that meet a constraint which random draws never met, shape (>= 1, d)."""
        points: Iterator[np.ndarray] = iter(())
        if self.n_settings <= _MAX_ENUMERATED:
            points = itertools.islice(self.grid(_MAX_ENUMERATED), 64)
        found = list(points)
        if not found:
            raise InvalidSpaceError(
                f"The constraint {self.constraint!r} rejected all of {drawn} settings drawn from "
                f"the space; it rejects {self._setting(rejected[0])!r}, for example. If it accepts "
                "any, give one as an initial point."
            )
        return np.array(found)

    def grid(self, n_values: int) -> Iterator[np.ndarray]:
        """Points, each of shape (d,), of a grid in the order of ``ParameterGrid``.

        Parameters
        ----------
        n_values : int
            Number of values of each continuous or long range.
        """
        for i, subspace in enumerate(self._subspaces):
            seen = set()
            columns = [c for name in sorted(subspace.columns) for c in subspace.columns[name]]
            axes = [self.dimensions[column].grid(n_values) for column in columns]
            for values in itertools.product(*axes):
                point = np.full((1, self.n_dims), np.nan)
                point[0, columns] = values
                if self.n_subspaces > 1:
                    point[0, 0] = self.dimensions[0].to_unit(i)
                point = self.activate(point)
                if point.tobytes() not in seen and len(self.filter(point)):
                    seen.add(point.tobytes())
                    yield point[0]

    def restrict(self, index: int) -> "Space":
        """The space of one sub-space alone."""
        sub = self._subspaces[index]
        kept = [column for columns in sub.columns.values() for column in columns]
        place = {column: i for i, column in enumerate(kept)}
        space = copy.copy(self)
        space.budgets = [sub.budget]
        space.names = [self.names[column] for column in kept]
        space.dimensions = [self.dimensions[column] for column in kept]
        space._subspaces = [_moved(sub, place)]
        space.accepted = np.empty((0, space.n_dims))
        return space

    def expanded(self, templates: Mapping[str, Any]) -> "Space":
        """The space where some hyperparameters hold several numbers.

        Each component has the range that the hyperparameter was given, and a column.

        Parameters
        ----------
        templates : dict
            From names to arrays or dicts of numbers, of which only the shape counts.
        """
        place: dict[int, list[int]] = {}
        space = copy.copy(self)
        space.names, space.dimensions = [], []
        for column, (name, dimension) in enumerate(zip(self.names, self.dimensions)):
            several = name is not None and name in templates and dimension.kind == "real"
            n = len(as_vector(templates[name])) if several else 1  # type: ignore[index]
            place[column] = list(range(len(space.names), len(space.names) + n))
            space.names += [name] * n
            space.dimensions += [dimension] * n
        space._subspaces = []
        for sub in self._subspaces:
            columns = {n: [i for c in cs for i in place[c]] for n, cs in sub.columns.items()}
            moved = _moved(sub, {c: places[0] for c, places in place.items()})
            vectors = {
                n: templates[n]
                for n, cs in sub.columns.items()
                if n in templates and self.dimensions[cs[0]].kind == "real"
            }
            space._subspaces.append(replace(moved, columns=columns, templates=vectors))
        space.accepted = np.empty((0, space.n_dims))
        return space

    def like_own(self, name: str, value: float) -> Any:
        """A value of a hyperparameter all of whose components are `value`."""
        for sub in self._subspaces:
            if name in sub.templates:
                return like(sub.templates[name], np.full(len(sub.columns[name]), value))
        return value


def _moved(sub: _Subspace, place: Mapping[int, int]) -> _Subspace:
    """A sub-space whose columns have gone to other places."""
    columns = {name: [place[c] for c in cs] for name, cs in sub.columns.items()}
    tests = {name: [(place[c], test) for c, test in ts] for name, ts in sub.tests.items()}
    return replace(sub, columns=columns, tests=tests)


def check_space(spaces: Any, constraint: Callable[[dict], bool] | None = None) -> Space:
    """The :class:`Space` that `spaces` spells; a ``Space`` is returned as it is.

    Raises
    ------
    InvalidSpaceError
        If `spaces` is wrong, or if it is a ``Space`` and a constraint is given too.
    """
    if not isinstance(spaces, Space):
        return Space(spaces, constraint)
    if constraint is not None:
        raise InvalidSpaceError("Give the constraint to the Space or to the search, not to both.")
    return spaces


def _is_inside(point: np.ndarray) -> bool:
    # Rounding may put the very end of a range an ulp outside.
    return not ((point < -1e-9) | (point > 1 + 1e-9)).any()


def _parents_first(parents: dict[str, list[str]]) -> list[str]:
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
            raise InvalidSpaceError(f"The conditions of {sorted(waiting)} go in a circle.")
        order += ready
        waiting = {name: needed for name, needed in waiting.items() if name not in ready}
    return order
