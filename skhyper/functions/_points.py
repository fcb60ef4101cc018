"""The two forms of a user's points: dicts or, as in scikit-optimize, lists of values."""

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from skhyper._trial import History
from skhyper.exceptions import InvalidSpaceError
from skhyper.samplers import Sampler, skopt_result
from skhyper.space import Space, check_dimension, check_space, why_not


class Points:
    """A space, and the form of its points.

    With a list of dimensions, points are lists of values in the order of `names`; else they are
    dicts, and `names` is None. `initial` are the params of the points to evaluate first.
    """

    def __init__(self, spaces: Any, initial: Any = None):
        dimensions = _dimensions(spaces)
        self.names: list[str] | None = None
        if dimensions is not None:
            self.names = _names(dimensions)
            spaces = dict(zip(self.names, map(_check_nth, range(len(dimensions)), dimensions)))
        self.space: Space = check_space(spaces)
        if any(budget is not None for budget in self.space.budgets):
            raise InvalidSpaceError(
                "(dict, n_iter) pairs are supported by searches only; give a list of dicts."
            )
        self.initial = self.list_of_params(initial)
        if self.space.constraint is not None:
            self.space = self.space.with_accepted(self.space.to_unit(self.initial))
        # Raises if the constraint rejects everything; otherwise sampling starts from this point.
        found = self.space.sample(1, np.random.default_rng(0))
        self.space = self.space.with_accepted(found)

    def to_params(self, point: Any) -> dict[str, Any]:
        """Params of a user's point; an error names what lies outside of the space."""
        params = point
        if self.names is not None and not isinstance(point, Mapping):
            if not _is_listed(point) or len(point) != len(self.names):
                raise InvalidSpaceError(
                    f"A point must be a list of {len(self.names)} values, got {point!r}."
                )
            params = dict(zip(self.names, point, strict=True))
        if not isinstance(params, Mapping):
            raise InvalidSpaceError(f"A point must be a dict from names to values, got {point!r}.")
        wrong = why_not(self.space, params)
        if wrong:
            raise InvalidSpaceError(f"The point {point!r} does not lie in {self.space!r}: {wrong}.")
        return self.space.fill_defaults(params)

    def list_of_params(self, points: Any) -> list[dict[str, Any]]:
        """Params of a user's point or list of points; none for None."""
        if points is None:
            return []
        if isinstance(points, Mapping):
            return [self.to_params(points)]
        if not _is_listed(points):
            raise InvalidSpaceError(
                f"initial_points must be a point or a list of them, got {points!r}."
            )
        if self.names is not None and not all(
            _is_listed(p) or isinstance(p, Mapping) for p in points
        ):
            return [self.to_params(points)]
        return [self.to_params(point) for point in points]

    def from_params(self, params: Mapping[str, Any]) -> Any:
        """The user's point with some params."""
        return dict(params) if self.names is None else [params[name] for name in self.names]


def optimize_result(
    history: History, points: Points, sampler: Sampler, **more: Any
) -> OptimizeResult:
    """A history as a result of scipy or, if points are lists, of scikit-optimize."""
    done = tuple(trial for trial in history if trial.state != "running")
    more |= {"nfev": len(done), "history": replace(history, trials=done)}
    if points.names is not None:
        return skopt_result(history, points.space, sampler, points.names, **more)
    best = history.best
    return OptimizeResult(
        x=None if best is None else dict(best.params),
        fun=np.nan if best is None else best.loss,
        x_iters=[dict(trial.params) for trial in done],
        func_vals=np.array([trial.loss for trial in done], dtype=float),
        space=points.space,
        **more,
    )


def check_value(value: Any) -> float:
    """The value of a point as a float; raises TypeError if it is not a number."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, numbers.Real) or isinstance(value, bool | np.bool_):
        raise TypeError(
            f"The value of a point must be a number, or nan for a failure; got {value!r}, "
            f"a {type(value).__name__}."
        )
    return float(value)


def _is_listed(value: Any) -> bool:
    return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes)


def _dimensions(spaces: Any) -> list | None:
    """The dimensions of a space in scikit-optimize's form; None for other forms."""
    if type(spaces).__module__.startswith("skopt.space") and hasattr(spaces, "dimensions"):
        return list(spaces.dimensions)
    if not isinstance(spaces, list | tuple) or not spaces:
        return None
    first = spaces[0]
    is_pair = isinstance(first, tuple) and len(first) == 2 and isinstance(first[0], Mapping)
    return None if isinstance(first, Mapping) or is_pair else list(spaces)


def _names(dimensions: list) -> list[str]:
    """Names of the dimensions if all have different ones, else ``x0``, ``x1``, ..."""
    own = [name for d in dimensions if isinstance(name := getattr(d, "name", None), str)]
    if len(own) == len(dimensions) == len(set(own)):
        return own
    return [f"x{i}" for i in range(len(dimensions))]


def _check_nth(i: int, spec: Any) -> Any:
    try:
        return check_dimension(spec)
    except InvalidSpaceError as error:
        raise InvalidSpaceError(f"Dimension {i} of the list: {error}") from None
