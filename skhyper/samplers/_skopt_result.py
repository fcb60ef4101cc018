"""A history in the format of scikit-optimize, for its plots and for code written for it.

``space`` and ``models``, which scikit-optimize computes after each trial, are computed at the first
access.

Notation
--------
values : list
    One value per dimension of the skopt space; nan or None where the hyperparameter is inactive.
X : (n, p)
    Points in the coordinates of ``skopt.space.Space.transform``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from skhyper._trial import History, Trial
from skhyper.space import Dimension, Space


class SkoptResult(OptimizeResult):
    """An ``OptimizeResult`` with lazy entries, computed at the first access.

    `later` maps their names to functions without arguments.
    """

    def __init__(self, later: Mapping[str, Callable[[], Any]], **entries: Any):
        super().__init__(**entries)
        # OptimizeResult turns attributes into entries.
        object.__setattr__(self, "_later", dict(later))

    def __missing__(self, name: str) -> Any:
        if name not in self._later:
            raise KeyError(name)
        value = self[name] = self._later[name]()
        return value

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._later

    def __dir__(self) -> list[str]:
        return list({**self, **self._later})

    def __reduce__(self) -> Any:
        return OptimizeResult, ({name: self[name] for name in dir(self)},)


def skopt_result(
    history: History,
    space: Space,
    sampler: Any,
    names: Sequence[str] | None = None,
    /,
    *,
    with_outside: bool = False,
    **more: Any,
) -> SkoptResult:
    """A history in the format of ``skopt.Optimizer.get_result``.

    Parameters
    ----------
    history : History
    space : Space
        Trials outside of it and pending trials are omitted.
    with_outside : bool, default=False
        Whether to include trials outside of the space, for callbacks that count trials; plots do
        not support them.
    sampler : Sampler
        Its surrogate, if any, is the last of ``models``.
    names : sequence of str, default=None
        Order of the values; by default the sorted names, as in scikit-optimize's searches.
    **more : object
        Further entries.

    Returns
    -------
    result : SkoptResult
        ``x, fun, x_iters, func_vals``, and, computed at the first access, ``space, models,
        specs``.
    """
    columns = _Columns.from_space(space, names)
    done = [trial for trial in history if trial.state != "running"]
    if not with_outside:
        done = [trial for trial in done if space.is_in_ranges(trial.params)]
    known = [t for t in done if t.state == "complete"]
    best = min(known, key=lambda t: t.loss, default=None)
    later = {
        "space": partial(_skopt_space, columns),
        "models": partial(_models, columns, sampler, history),
        "specs": partial(_specs, columns, sampler),
    }
    return SkoptResult(
        later,
        x=None if best is None else columns.values(best),
        fun=np.nan if best is None else best.loss,
        x_iters=[columns.values(trial) for trial in done],
        func_vals=np.array([trial.loss for trial in done], dtype=float),
        random_state=history.seed,
        **more,
    )


@dataclass(frozen=True)
class _Columns:
    """The hyperparameters of a space in the order of scikit-optimize's lists of values.

    A name has several `dimensions` if sub-spaces give it different values; `inactive` are the
    values of inactive hyperparameters.
    """

    space: Space
    names: list[str]
    dimensions: dict[str, list[Dimension]]
    inactive: dict[str, Any]

    @property
    def vectors(self) -> set[str | None]:
        return {self.space.names[columns[0]] for columns in self.space.vectors}

    @classmethod
    def from_space(cls, space: Space, names: Sequence[str] | None) -> "_Columns":
        dimensions: dict[str, list[Dimension]] = {}
        for name, dimension in zip(space.names, space.dimensions, strict=True):
            if name is not None and dimension not in dimensions.setdefault(name, []):
                dimensions[name].append(dimension)
        ordered = sorted(dimensions) if names is None else list(names)
        inactive = {n: None if _is_choice(d) else np.nan for n, d in dimensions.items()}
        return cls(space, ordered, dimensions, inactive)

    def values(self, trial: Trial) -> list[Any]:
        return [trial.params.get(name, self.inactive[name]) for name in self.names]

    def points(self, rows: Sequence[Sequence[Any]]) -> np.ndarray:
        """Points of the unit cube, (n, d), from lists of values."""
        return np.array([self._point(dict(zip(self.names, row))) for row in rows])

    def _point(self, params: Mapping[str, Any]) -> np.ndarray:
        """The point of the first sub-space that contains the values; other names are ignored."""
        for i in range(self.space.n_subspaces):
            own = set(self.space.restrict(i).names)
            point = self.space.locate({n: v for n, v in params.items() if n in own})
            if point is not None:
                return np.clip(point, 0.0, 1.0)
        return np.full(self.space.n_dims, np.nan)


def _is_choice(dimensions: Sequence[Dimension]) -> bool:
    return any(hasattr(dimension, "choices") for dimension in dimensions)


def _skopt_space(columns: _Columns) -> Any:
    from skopt.space import Space as SkoptSpace

    return SkoptSpace([_skopt_dimension(columns, name) for name in columns.names])


def _skopt_dimension(columns: _Columns, name: str) -> Any:
    from skopt.space import Categorical, Integer, Real

    dimensions = columns.dimensions[name]
    if name in columns.vectors:
        raise ValueError(f"scikit-optimize has no dimension for {name!r}, which is an array.")
    always = name in columns.space.always_active
    if _is_choice(dimensions):
        choices = [choice for d in dimensions for choice in _choices(d)]
        if not always and None not in choices:
            choices.append(None)
        return Categorical(choices, name=name)
    low = min(dimension.from_unit(0.0) for dimension in dimensions)
    high = max(dimension.from_unit(1.0) for dimension in dimensions)
    prior = "log-uniform" if all(map(_is_geometric, dimensions)) else "uniform"
    # skopt's Integer does not support nan.
    kind = Integer if always and all(d.kind == "integer" for d in dimensions) else Real
    return kind(low, high, prior, transform="normalize", name=name)


def _choices(dimension: Dimension) -> list[Any]:
    """All choices, or nine values across a range that shares its name with choices."""
    return [dimension.from_unit(u) for u in dimension.grid(9)]


def _is_geometric(dimension: Dimension) -> bool:
    """Whether the scale is logarithmic: equal steps multiply the value by equal factors."""
    low, middle, high = (float(dimension.from_unit(u)) for u in (0.2, 0.5, 0.8))
    return low > 0 and abs(low * high - middle**2) < abs((low + high) / 2 - middle) * middle


@dataclass(frozen=True)
class _Surrogate:
    """A sampler's model with the interface of scikit-learn's Gaussian process."""

    columns: _Columns
    skopt_space: Any
    model: Any

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Expected loss (n,) at X (n, p) and, optionally, its standard deviation."""
        points = self.columns.points(self.skopt_space.inverse_transform(np.asarray(X)))
        mean, std = self.model.predict_points(points)
        return (mean, std) if return_std else mean


def _models(columns: _Columns, sampler: Any, history: History) -> list[_Surrogate]:
    model = sampler.model(columns.space, history)
    return [] if model is None else [_Surrogate(columns, _skopt_space(columns), model)]


def _specs(columns: _Columns, sampler: Any) -> dict[str, Any]:
    """The arguments of the search, in the format of scikit-optimize."""
    args = {"dimensions": _skopt_space(columns), "sampler": sampler}
    return {"args": args, "function": "skhyper"}
