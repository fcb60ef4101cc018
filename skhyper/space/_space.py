"""A search space: params of an estimator as points of the unit cube, and back.

Each hyperparameter is a column, or several if it is a vector. Inactive columns (of another
sub-space, or under a condition that does not hold) are nan.

Notation
--------
n : number of points
d : number of columns; the first one selects the sub-space if there are several
points : (n, d) float64, in [0, 1] or nan where inactive
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._text import Printed
from skhyper.exceptions import InvalidSpaceError
from skhyper.space._check import split_subspaces
from skhyper.space._choices import equal
from skhyper.space._columns import Columns, Subspace
from skhyper.space._dimensions import Dimension
from skhyper.space._points import is_inside, place, point_keys
from skhyper.space._sampling import sample
from skhyper.space._text import space_text
from skhyper.space._vectors import as_vector, like


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Space(Printed):
    """A search space over the params of an estimator; it cannot be changed.

    Parameters
    ----------
    spaces : dict, list of dict, or list of (dict, n_iter)
        From names of hyperparameters to their values: a list of choices; a tuple
        ``(low, high)`` or ``(low, high, "log-uniform")``; a frozen scipy.stats
        distribution; a dimension of ``skhyper.space`` or ``skopt.space``; any of them
        inside a :class:`~skhyper.When`.
    constraint : callable, default=None
        ``constraint(params) -> bool``; only params that it accepts are proposed.

    Attributes
    ----------
    n_dims : int
        Number of columns of the unit cube.
    names : tuple of str or None
        Name of each column; None for the column that selects the sub-space.
    dimensions : tuple of Dimension
        Dimension of each column.
    budgets : tuple of int or None
        Number of trials in each sub-space, from ``(dict, n_iter)`` pairs.
    accepted : ndarray of shape (n, d)
        Points that are known to meet the constraint, see :meth:`with_accepted`.

    Raises
    ------
    InvalidSpaceError
        If a part of `spaces` is invalid.

    Examples
    --------
    >>> from skhyper.space import Space
    >>> space = Space({"C": (1e-2, 1e2, "log-uniform"), "kernel": ["linear", "rbf"]})
    >>> space.from_unit([[0.75, 0.1]])
    [{'C': 10.0, 'kernel': 'linear'}]
    >>> space.to_unit([{"C": 1.0, "kernel": "rbf"}])
    array([[0.5 , 0.75]])
    """

    constraint: Callable[[dict], bool] | None
    budgets: tuple[int | None, ...]
    accepted: np.ndarray
    _columns: Columns
    _defaults: Mapping[str, Any]

    def __init__(self, spaces: Any, constraint: Callable[[dict], bool] | None = None):
        if constraint is not None and not callable(constraint):
            raise InvalidSpaceError(f"constraint must be callable, got {constraint!r}.")
        dicts, budgets = split_subspaces(spaces)
        columns = Columns.from_dicts(dicts)
        self.__dict__.update(
            constraint=constraint,
            budgets=tuple(budgets),
            accepted=np.empty((0, len(columns.names))),
            _columns=columns,
            _defaults={},
        )

    def _replace(self, **changes: Any) -> "Space":
        space = object.__new__(Space)
        space.__dict__.update(self.__dict__, **changes)
        return space

    def __repr__(self) -> str:
        parts = [
            "{" + ", ".join(f"{n!r}: {self.dimensions[c[0]]!r}" for n, c in s.columns.items()) + "}"
            for s in self._columns.subspaces
        ]
        body = parts[0] if len(parts) == 1 else "[" + ", ".join(parts) + "]"
        extra = "" if self.constraint is None else f", constraint={self.constraint!r}"
        return f"Space({body}{extra})"

    def __str__(self) -> str:
        return space_text(self)

    # Columns

    @property
    def names(self) -> tuple[str | None, ...]:
        return self._columns.names

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return self._columns.dimensions

    @property
    def n_dims(self) -> int:
        return len(self._columns.dimensions)

    @property
    def n_subspaces(self) -> int:
        return len(self._columns.subspaces)

    @property
    def n_candidates(self) -> float:
        """Number of distinct candidates, ``inf`` if one dimension is continuous.

        An upper bound if there are conditions or a constraint.
        """
        sizes = [
            math.prod(self.dimensions[c].n_values for own in s.columns.values() for c in own)
            for s in self._columns.subspaces
        ]
        return sum(sizes)

    @property
    def vectors(self) -> list[list[int]]:
        """Columns of each hyperparameter that has several (see :meth:`with_vectors`)."""
        every = [own for s in self._columns.subspaces for own in s.columns.values()]
        return [list(own) for own in dict.fromkeys(map(tuple, every)) if len(own) > 1]

    @property
    def always_active(self) -> set[str]:
        """Names that are active in all points: those in each sub-space, without conditions."""
        parts = [{n for n, c in s.conditions.items() if not c} for s in self._columns.subspaces]
        return set.intersection(*parts)

    def _subspace_of(self, point: np.ndarray) -> Subspace:
        index = 0 if self.n_subspaces == 1 else int(self.dimensions[0].index(point[:1])[0])
        return self._columns.subspaces[index]

    # Points

    def active(self, points: np.ndarray, if_unknown: bool = False) -> np.ndarray:
        """Which columns are active at points (n, d), (n, d) bool.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            nan where not known.
        if_unknown : bool, default=False
            Whether a condition on a coordinate that is nan counts as met.
        """
        return self._columns.active(points, if_unknown)

    def canonical(self, points: Any) -> np.ndarray:
        """The same points with one coordinate for each value, nan where inactive.

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
        points[~self.active(points)] = np.nan
        return points

    @staticmethod
    def key(point: np.ndarray) -> bytes:
        """A key of a point (d,), the same for points that are equal up to rounding."""
        return point_keys(point[None])[0]

    @staticmethod
    def keys(points: np.ndarray) -> list[bytes]:
        """The :meth:`key` of each of the points (n, d)."""
        return point_keys(points)

    def from_unit(self, points: Any) -> list[dict[str, Any]]:
        """Params at points of shape (n, d), without inactive hyperparameters."""
        return [self._params(point) for point in self.canonical(points)]

    def _params(self, point: np.ndarray) -> dict[str, Any]:
        """Params at a canonical point (d,)."""
        subspace, inactive = self._subspace_of(point), np.isnan(point).tolist()
        return {
            name: subspace.join(name, [self.dimensions[c].from_unit(point[c]) for c in own])
            for name, own in subspace.columns.items()
            if not inactive[own[0]]
        }

    def to_unit(self, settings: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Points of shape (n, d) of params that lie in the space.

        Raises
        ------
        InvalidSpaceError
            If one of them does not lie in the space.
        """
        points = np.empty((len(settings), self.n_dims))
        for row, params in enumerate(settings):
            point = self.locate(params)
            if point is None or not self.contains(params):
                raise InvalidSpaceError(f"The candidate {params!r} does not lie in {self!r}.")
            points[row] = point
        return points

    def locate(self, params: Mapping[str, Any]) -> np.ndarray | None:
        """The point (d,) of params; None if there is none.

        Numbers out of their range get coordinates out of [0, 1], so that samplers can use trials
        outside of the space. Missing hyperparameters have the values of :meth:`with_defaults`.
        """
        outside = None
        indices = [i for i in range(self.n_subspaces) if not self._unknown(i, params)]
        for defaults in ({}, self._defaults) if self._defaults else ({},):
            for index in indices:
                point, wrong = place(self._columns, index, {**defaults, **params})
                if not wrong and is_inside(point):
                    return point
                outside = point if outside is None and not wrong else outside
        return outside

    def _unknown(self, index: int, params: Mapping[str, Any]) -> list[str]:
        """Names that one sub-space does not have, and whose value is not the default."""
        known, defaults = self._columns.subspaces[index].columns, self._defaults
        return [
            name
            for name, value in params.items()
            if name not in known
            and not (name in defaults and (defaults[name] is value or equal(defaults[name], value)))
        ]

    def fill_defaults(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Active params of those that have a point, with the defaults of missing ones."""
        point = self.locate(params)
        if point is None:
            raise InvalidSpaceError(f"The candidate {params!r} does not lie in {self!r}.")
        return {
            name: params[name] if name in params else self._defaults[name]
            for name, own in self._subspace_of(point).columns.items()
            if not np.isnan(point[own[0]])
        }

    def is_in_ranges(self, params: Mapping[str, Any]) -> bool:
        """Whether params lie in the ranges; the constraint may reject them."""
        point = self.locate(params)
        return point is not None and is_inside(point)

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Whether params lie in the ranges and meet the constraint."""
        if not self.is_in_ranges(params):
            return False
        return self.constraint is None or self.accepts(self.fill_defaults(params))

    # Derivatives

    def derivative(self, points: Any) -> np.ndarray:
        """Derivative of each hyperparameter's value with respect to its coordinate, (n, d).

        nan where a dimension is inactive or its values are not real numbers.

        Parameters
        ----------
        points : array-like of shape (n, d)

        Examples
        --------
        >>> from skhyper.space import Space
        >>> space = Space({"tol": (0.0, 5.0), "kernel": ["linear", "rbf"]})
        >>> space.derivative(space.to_unit([{"tol": 1.0, "kernel": "rbf"}]))
        array([[ 5., nan]])
        """
        points = np.array(points, dtype=float, ndmin=2)
        derivatives = np.full(points.shape, np.nan)
        for column, dimension in enumerate(self.dimensions):
            for row in np.flatnonzero(~np.isnan(points[:, column])):
                derivatives[row, column] = dimension.derivative(float(points[row, column]))
        return derivatives

    def gradient_to_unit(self, point: np.ndarray, gradient: Mapping[str, Any]) -> np.ndarray:
        """Gradient with respect to the coordinates, from that with respect to the params.

        Parameters
        ----------
        point : ndarray of shape (d,)
            Where the gradient was computed, nan where inactive.
        gradient : dict
            From names to numbers, or to arrays or dicts for vectors.

        Returns
        -------
        gradient : ndarray of shape (d,)
            nan where inactive or not known.
        """
        in_unit = np.full(self.n_dims, np.nan)
        for name, columns in self._subspace_of(point).columns.items():
            if gradient.get(name) is not None:
                parts = as_vector(gradient[name])
                if len(parts) == len(columns):
                    in_unit[columns] = parts
        with np.errstate(over="ignore", invalid="ignore"):
            in_unit *= self.derivative(point)[0]
        in_unit[~np.isfinite(in_unit)] = np.nan
        return in_unit

    # The constraint, and points that meet it

    def accepts(self, params: Mapping[str, Any]) -> bool:
        """Whether the constraint, if there is one, accepts params.

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
                f"The constraint {self.constraint!r} failed on the candidate {dict(params)!r}: "
                f"{type(error).__name__}: {error}. It must return True or False for every "
                "candidate of the space; inactive hyperparameters are not in the dict."
            ) from error

    def meets(self, points: np.ndarray) -> np.ndarray:
        """Whether the constraint accepts each of the canonical points (n, d), (n,) bool."""
        if self.constraint is None:
            return np.ones(len(points), dtype=bool)
        return np.array([self.accepts(self._params(point)) for point in points], dtype=bool)

    def filter(self, points: np.ndarray) -> np.ndarray:
        """The canonical points that the constraint accepts."""
        return points if self.constraint is None else points[self.meets(points)]

    def sample(
        self, n: int, rng: np.random.Generator, starts: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw `n` random points that meet the constraint, shape (n, d).

        If random draws rarely meet it, random walks start from points that do.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        starts : ndarray of shape (m, d), default=None
            Points such as those of earlier trials: walks start from those that meet the
            constraint, besides the `accepted` ones.

        Raises
        ------
        InvalidSpaceError
            If the constraint rejects every one of many draws, and no accepted point is known.
        """
        return sample(self, n, rng, starts)

    def grid(self, n_values: int) -> Iterator[np.ndarray]:
        """Points, each of shape (d,), of a grid in the order of ``ParameterGrid``.

        Parameters
        ----------
        n_values : int
            Number of values of each continuous or long range.
        """
        for index, subspace in enumerate(self._columns.subspaces):
            seen = set()
            columns = [c for name in sorted(subspace.columns) for c in subspace.columns[name]]
            axes = [self.dimensions[column].grid(n_values) for column in columns]
            for values in itertools.product(*axes):
                point = np.full((1, self.n_dims), np.nan)
                point[0, columns] = values
                if self.n_subspaces > 1:
                    point[0, 0] = self.dimensions[0].to_unit(index)
                point = self.canonical(point)
                key = point.tobytes()  # exact, as two integers may be neighbors among 2**50
                if key not in seen and len(self.filter(point)):
                    seen.add(key)
                    yield point[0]

    # Spaces made from this one

    def with_defaults(self, defaults: Mapping[str, Any]) -> "Space":
        """The same space, where missing hyperparameters have the estimator's values.

        Parameters
        ----------
        defaults : dict
            The estimator's ``get_params(deep=True)``.
        """
        return self._replace(_defaults=dict(defaults))

    def with_accepted(self, points: np.ndarray) -> "Space":
        """The same space, with points (n, d) that are known to meet the constraint."""
        accepted = np.array(points, dtype=float).reshape(len(points), self.n_dims)
        accepted.flags.writeable = False
        return self._replace(accepted=accepted)

    def with_vectors(self, templates: Mapping[str, Any]) -> "Space":
        """The space where some hyperparameters are vectors, each component with a column.

        All components have the range that was given for the hyperparameter.

        Parameters
        ----------
        templates : dict
            From names to arrays or dicts of numbers, of which only the shape counts.
        """
        columns = self._columns.with_vectors(templates)
        return self._replace(_columns=columns, accepted=np.empty((0, len(columns.names))))

    def restrict(self, index: int) -> "Space":
        """The space of one sub-space alone."""
        columns, kept = self._columns.restricted(index)
        accepted = self.accepted
        if self.n_subspaces > 1:
            accepted = accepted[self.dimensions[0].index(accepted[:, 0]) == index]
        part = self._replace(_columns=columns, budgets=(self.budgets[index],))
        return part.with_accepted(accepted[:, kept])

    def constant_vector(self, name: str, value: float) -> Any:
        """A value of a hyperparameter all of whose components are `value`."""
        for subspace in self._columns.subspaces:
            if name in subspace.templates:
                constant = np.full(len(subspace.columns[name]), value)
                return like(subspace.templates[name], constant)
        return value


def check_space(spaces: Any, constraint: Callable[[dict], bool] | None = None) -> Space:
    """The :class:`Space` that `spaces` specifies; a ``Space`` is returned as it is.

    Raises
    ------
    InvalidSpaceError
        If `spaces` is wrong, or if it is a ``Space`` and a constraint is given too.

    Examples
    --------
    >>> from skhyper.space import check_space
    >>> check_space({"C": (1e-2, 1e2, "log-uniform"), "kernel": ["rbf", "linear"]}).names
    ('C', 'kernel')
    """
    if not isinstance(spaces, Space):
        return Space(spaces, constraint)
    if constraint is not None:
        raise InvalidSpaceError("Give the constraint to the Space or to the search, not to both.")
    return spaces
