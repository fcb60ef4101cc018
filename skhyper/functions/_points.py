"""How points of a space are written: dicts or, as scikit-optimize has them, lists of values."""

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

__all__ = ["Points", "check_value", "optimize_result"]


class Points:
    """A space and the spelling of its points.

    Parameters
    ----------
    spaces : dict, list of dict, Space, or list of dimensions
        With a list of dimensions, points are lists of values in their order.
    first : point or list of points, default=None
        Points to try first.

    Attributes
    ----------
    space : Space
    first : list of dict
        Settings of the first points.
    names : list of str or None
        Order of the values where points are lists; None where they are dicts.
    """

    def __init__(self, spaces: Any, first: Any = None):
        dimensions = _dimensions(spaces)
        self.names: list[str] | None = None
        if dimensions is not None:
            self.names = _names(dimensions)
            spaces = dict(zip(self.names, map(_check_nth, range(len(dimensions)), dimensions)))
        self.space: Space = check_space(spaces)
        if any(budget is not None for budget in self.space.budgets):
            raise InvalidSpaceError(
                "(dict, n_iter) pairs are for searches; here, give a list of the dicts."
            )
        self.first = self.settings(first)
        if self.space.constraint is not None:
            self.space = self.space.with_accepted(self.space.to_unit(self.first))
        # Raises if the constraint rejects everything; else there is a point to go on from.
        found = self.space.sample(1, np.random.default_rng(0))
        self.space = self.space.with_accepted(found)

    def setting(self, point: Any) -> dict[str, Any]:
        """The setting that a user's point spells.

        Raises
        ------
        InvalidSpaceError
            If it does not lie in the space, with the name or value that is wrong.
        """
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

    def settings(self, points: Any) -> list[dict[str, Any]]:
        """Settings that a user's point or list of points spells; none for None."""
        if points is None:
            return []
        if isinstance(points, Mapping):
            return [self.setting(points)]
        if not _is_listed(points):
            raise InvalidSpaceError(
                f"initial_points must be a point or a list of them, got {points!r}."
            )
        if self.names is not None and not all(
            _is_listed(p) or isinstance(p, Mapping) for p in points
        ):
            return [self.setting(points)]
        return [self.setting(point) for point in points]

    def spelled(self, params: Mapping[str, Any]) -> Any:
        """The user's spelling of a setting."""
        return dict(params) if self.names is None else [params[name] for name in self.names]


def optimize_result(
    history: History, points: Points, sampler: Sampler, **more: Any
) -> OptimizeResult:
    """A history as scipy tells it, and as scikit-optimize does where points are lists."""
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
    """The value of a point as a float.

    Raises
    ------
    TypeError
        If it is not a number.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, numbers.Real) or isinstance(value, bool | np.bool_):
        raise TypeError(
            f"The value of a point must be a number, nan where it failed; got {value!r}, "
            f"a {type(value).__name__}."
        )
    return float(value)


def _is_listed(value: Any) -> bool:
    return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes)


def _dimensions(spaces: Any) -> list | None:
    """The dimensions of a space spelled as scikit-optimize does; None if it is not."""
    if type(spaces).__module__.startswith("skopt.space") and hasattr(spaces, "dimensions"):
        return list(spaces.dimensions)
    if not isinstance(spaces, list | tuple) or not spaces:
        return None
    first = spaces[0]
    is_pair = isinstance(first, tuple) and len(first) == 2 and isinstance(first[0], Mapping)
    return None if isinstance(first, Mapping) or is_pair else list(spaces)


def _names(dimensions: list) -> list[str]:
    """Their own names where all have different ones, else ``x0``, ``x1``, ..."""
    own = [name for d in dimensions if isinstance(name := getattr(d, "name", None), str)]
    if len(own) == len(dimensions) == len(set(own)):
        return own
    return [f"x{i}" for i in range(len(dimensions))]


def _check_nth(i: int, spec: Any) -> Any:
    try:
        return check_dimension(spec)
    except InvalidSpaceError as error:
        raise InvalidSpaceError(f"Dimension {i} of the list: {error}") from None
