"""Hyperparameters as axes: positions of the values of trials, and their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skhyper._text import shortened
from skhyper.exceptions import InvalidSpaceError
from skhyper.inspection._results import Results, is_number
from skhyper.space import Categorical, Dimension, Distribution, Space, as_vector, is_vector

# Share of an unbounded distribution that is shown, on either side of the median.
_TAIL = 0.005
# Ratio of the ends of a distribution's bulk above which its axis is logarithmic.
_LOG_RATIO = 50.0
_LONGEST_LABEL = 24


@dataclass(frozen=True, eq=False)
class Axis:
    """One hyperparameter, or one component of a vector, and the values that trials have.

    Attributes
    ----------
    name : str
        Name of the hyperparameter; ``"alphas[2]"`` for a component.
    label : str
        The name without the prefix of a pipeline, if that is unique.
    scale : {"linear", "log", "choices"}
    low, high : float
        Ends of the axis; -0.5 and k - 0.5 for k choices.
    values : ndarray of shape (n_trials,)
        Position of each trial: its number, or the index of its choice; nan if it has none.
    others : tuple of str
        Why a trial has no position: ``"inactive"``, or a value that is not on the axis; else "".
    choices : tuple
        Values of the choices; empty for numbers.
    whole : bool
        Whether values are integers.
    ticks : ndarray of shape (n_ticks,) or None
        The only possible numbers, if they are few.
    columns : tuple of int
        Columns of the space with its values.
    """

    name: str
    label: str
    scale: str
    low: float
    high: float
    values: np.ndarray
    others: tuple[str, ...]
    choices: tuple = ()
    whole: bool = False
    ticks: np.ndarray | None = None
    columns: tuple[int, ...] = ()

    @property
    def choice_labels(self) -> list[str]:
        """Texts of the choices; of an estimator the name of its class, if that is unique."""
        short = [_class_name(choice) for choice in self.choices]
        long = [text_of(choice) for choice in self.choices]
        return [a if a and short.count(a) == 1 else b for a, b in zip(short, long)]

    def to_unit(self, values: np.ndarray) -> np.ndarray:
        """Positions as shares of the axis, 0 at `low` and 1 at `high`."""
        low, high, values = self.low, self.high, np.asarray(values, dtype=float)
        if self.scale == "log":
            low, high, values = np.log(low), np.log(high), np.log(values)
        return (values - low) / (high - low)

    def grid(self, n: int) -> np.ndarray:
        """At most n positions over the axis: all choices, or evenly spaced numbers."""
        if self.scale == "choices":
            return np.arange(len(self.choices), dtype=float)
        if self.ticks is not None:
            return self.ticks
        spaced = np.geomspace if self.scale == "log" else np.linspace
        grid = np.clip(spaced(self.low, self.high, n), self.low, self.high)
        return np.unique(np.rint(grid)) if self.whole else grid

    def value_at(self, position: float) -> Any:
        """Value of the hyperparameter at a position."""
        if self.scale == "choices":
            return self.choices[int(position)]
        return int(position) if self.whole else float(position)


def axes_of(results: Results) -> list[Axis]:
    """The axes of all hyperparameters of a search, in the order of its space."""
    space = results.space
    if not space.n_dims:
        raise ValueError("The trials of this search have no hyperparameters.")
    names = list(dict.fromkeys(name for name in space.names if name is not None))
    labels = short_names(names)
    axes = []
    for name in names:
        columns = [i for i, other in enumerate(space.names) if other == name]
        if columns in space.vectors:
            parts = _components(results, name, len(columns))
            for part, (column, values) in enumerate(zip(columns, parts)):
                suffix = f"[{part}]"
                axes.append(_axis(space, name + suffix, labels[name] + suffix, [column], values))
        else:
            values = [params.get(name, _INACTIVE) for params in results.params]
            axes.append(_axis(space, name, labels[name], columns, values))
    return axes


class _Inactive:
    """The value of a hyperparameter that is not active."""


_INACTIVE = _Inactive()


def _components(results: Results, name: str, n: int) -> list[list[Any]]:
    """Values of each component of a vector in all trials; a number is all its components."""
    rows = []
    for params in results.params:
        value = params.get(name, _INACTIVE)
        if is_vector(value):
            rows.append(as_vector(value).tolist())
        else:
            rows.append([value] * n)
    return [[row[part] for row in rows] for part in range(n)]


def _axis(
    space: Space, name: str, label: str, columns: Sequence[int], values: Sequence[Any]
) -> Axis:
    dimensions = [space.dimensions[column] for column in columns]
    choices = [choice for d in dimensions if isinstance(d, Categorical) for choice in d.choices]
    numeric = len(choices) == 0 or all(is_number(choice) for choice in choices)
    ranges = [d for d in dimensions if not isinstance(d, Categorical)]
    if not ranges and (not numeric or len(choices) < 2):
        merged = Categorical(choices)
        found = [None if v is _INACTIVE else merged.position(v) for v in values]
        positions = np.array([np.nan if i is None else i for i in found], dtype=float)
        n, others = len(merged.choices), _others(values, positions)
        chosen = tuple(merged.choices)
        return Axis(
            name, label, "choices", -0.5, n - 0.5, positions, others, chosen, columns=(*columns,)
        )
    numbers = [choice for choice in choices if is_number(choice)]
    ends = [_ends(d) for d in ranges] + ([(min(numbers), max(numbers))] if numbers else [])
    log = any(_is_log(d) for d in ranges) or (not ranges and _is_geometric(sorted(numbers)))
    positions = np.array([float(v) if is_number(v) else np.nan for v in values])
    log = log and min(low for low, _ in ends) > 0
    if log:
        positions[~(positions > 0)] = np.nan
    seen = positions[np.isfinite(positions)]
    low = min([*(low for low, _ in ends), *seen])
    high = max([*(high for _, high in ends), *seen])
    few = not ranges and len(numbers) <= 50
    return Axis(
        name=name,
        label=label,
        scale="log" if log else "linear",
        low=float(low),
        high=float(high) if high > low else float(low) + 1.0,
        values=positions,
        others=_others(values, positions),
        whole=all(d.kind == "integer" for d in ranges)
        and all(float(number).is_integer() for number in numbers),
        ticks=np.unique(np.array(numbers, dtype=float)) if few else None,
        columns=(*columns,),
    )


def _others(values: Sequence[Any], positions: np.ndarray) -> tuple[str, ...]:
    """Why trials have no position."""
    why = ("inactive" if value is _INACTIVE else text_of(value) for value in values)
    return tuple(text if np.isnan(x) else "" for text, x in zip(why, positions))


def _ends(dimension: Dimension) -> tuple[float, float]:
    if isinstance(dimension, Distribution):
        low, high = dimension.from_unit(0.0), dimension.from_unit(1.0)
        bulk = dimension.from_unit(_TAIL), dimension.from_unit(1 - _TAIL)
        # Quantiles near 0 and 1 of an unbounded distribution are not relevant.
        return bulk if high - low > 2 * (bulk[1] - bulk[0]) else (low, high)
    return dimension.low, dimension.high  # type: ignore[attr-defined]


def _is_log(dimension: Dimension) -> bool:
    if isinstance(dimension, Distribution):
        low, middle, high = (dimension.from_unit(u) for u in (_TAIL, 0.5, 1 - _TAIL))
        if low <= 0 or high / low < _LOG_RATIO:
            return False
        return abs(np.log(middle / np.sqrt(low * high))) < abs(np.log(middle / ((low + high) / 2)))
    return getattr(dimension, "prior", "uniform") == "log-uniform"


def _is_geometric(numbers: list[float]) -> bool:
    """Whether sorted numbers are closer to a geometric sequence than to an arithmetic one."""
    if numbers[0] <= 0 or len(numbers) < 3:
        return numbers[0] > 0 and numbers[-1] / numbers[0] > _LOG_RATIO
    steps, ratios = np.diff(numbers), np.diff(np.log(numbers))
    return bool(np.std(ratios) / np.mean(ratios) < np.std(steps) / np.mean(steps))


def position_in(space: Space, column: int, value: Any) -> float:
    """Coordinate of a value in a column of the space; nan if it is not in its range."""
    try:
        u = space.dimensions[column].to_unit(value)
    except InvalidSpaceError:
        return np.nan
    return u if -1e-9 <= u <= 1 + 1e-9 else np.nan


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names without the prefixes of a pipeline where that is unique, safe for matplotlib.

    Examples
    --------
    >>> from skhyper.plotting._axes import short_names
    >>> short_names(["svc__C", "svc__gamma", "a__n", "b__n"])
    {'svc__C': 'C', 'svc__gamma': 'gamma', 'a__n': 'a__n', 'b__n': 'b__n'}
    """
    last = [name.rpartition("__")[2] for name in names]
    short = {name: end if last.count(end) == 1 else name for name, end in zip(names, last)}
    return {name: label.replace("$", r"\$") for name, label in short.items()}


def _class_name(value: Any) -> str:
    return type(value).__name__ if isinstance(value, BaseEstimator) else ""


def text_of(value: Any) -> str:
    """A short text of a value, safe for labels of matplotlib.

    Examples
    --------
    >>> from skhyper.plotting._axes import text_of
    >>> text_of(0.012345678), text_of("rbf"), text_of(None)
    ('0.0123', 'rbf', 'None')
    """
    if is_number(value):
        text = f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)
    elif isinstance(value, str):
        text = value
    else:
        name = getattr(value, "__name__", None)
        text = name if isinstance(name, str) else repr(value)
    return shortened(text, _LONGEST_LABEL).replace("$", r"\$")


def text_of_params(params: Mapping[str, Any], labels: Mapping[str, str], longest: int = 48) -> str:
    """Candidates as text, such as ``C=1.2, kernel=rbf``, cut at a number of characters."""
    pairs = ((labels.get(n, n), text_of(v).removesuffix("()")) for n, v in params.items())
    text = ", ".join(f"{label}={value}" for label, value in pairs)
    return text if len(text) <= longest else text[: longest - 1] + "…"
