"""The values of one hyperparameter as coordinates of the unit interval, and ranges of numbers.

A dimension maps a value to a coordinate ``u`` in ``[0, 1]`` and back. Samplers see
coordinates only; logarithms, rounding and categories are known to dimensions alone.

Notation
--------
u : coordinate, float in [0, 1]
low, high : ends of a range, both included
n_values : number of distinct values, ``inf`` for a continuous range
"""

import math
import numbers
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._ranges import STEP_ROUNDING, check_range, is_number


class Dimension(ABC):
    """The values of one hyperparameter, as coordinates of the unit interval.

    Attributes
    ----------
    kind : {"real", "integer", "ordinal", "categorical"}
        The meaning of distances between coordinates: ``"categorical"`` has none.
    n_values : float
        Number of distinct values, ``inf`` for a continuous range.
    places : ndarray of shape (n_values,) or None
        For surrogates: coordinate of each choice that is a number, by its value, nan for the
        others. None if the values of choices are not used.

    Examples
    --------
    >>> from skhyper.space import Real
    >>> C = Real(1e-2, 1e2, "log-uniform")
    >>> C.kind, C.to_unit(1.0), C.from_unit(1.0)
    ('real', 0.5, 100.0)
    """

    kind: ClassVar[str]
    n_values: float
    places: np.ndarray | None = None

    @abstractmethod
    def to_unit(self, value: Any) -> float:
        """Coordinate of `value`; numbers out of range get a coordinate out of [0, 1].

        Raises
        ------
        InvalidSpaceError
            If `value` has no coordinate here (another type, an unknown category).
        """

    @abstractmethod
    def from_unit(self, u: float) -> Any:
        """Value at coordinate `u`, a native Python object."""

    def derivative(self, u: float) -> float:
        """Derivative of the value with respect to the coordinate at `u`; nan if there is none."""
        return math.nan

    def index(self, u: np.ndarray) -> np.ndarray:
        """Index of the value at each coordinate, for finite dimensions."""
        return np.clip(np.floor(u * self.n_values), 0, self.n_values - 1).astype(int)

    def snap(self, u: np.ndarray) -> np.ndarray:
        """One coordinate for each value: that of the value at each of `u`."""
        if math.isinf(self.n_values):
            return np.clip(u, 0.0, 1.0)
        return (self.index(u) + 0.5) / self.n_values

    def grid(self, n_values: int) -> np.ndarray:
        """At most `n_values` coordinates, evenly spread over a range; those of all choices."""
        n = min(n_values, self.n_values)
        return np.unique(self.snap((np.arange(int(n)) + 0.5) / int(n)))

    def rvs(self, size: int | None = None, random_state: Any = None) -> Any:
        """Draw values, as scikit-learn's ``ParameterSampler`` requires."""
        from sklearn.utils import check_random_state

        draws = check_random_state(random_state).uniform(size=1 if size is None else size)
        values = [self.from_unit(u) for u in draws]
        return values[0] if size is None else values


def check_number(value: Any, dimension: Dimension) -> float:
    try:
        if is_number(value) and value == value:
            return float(value)
    except OverflowError:
        pass
    raise InvalidSpaceError(f"{value!r} is not a value of {dimension!r}.")


def check_whole(value: Any, dimension: Dimension) -> float:
    x = check_number(value, dimension)
    if not x.is_integer():
        raise InvalidSpaceError(f"{value!r} is not a value of {dimension!r}.")
    return x


class Real(Dimension):
    """A range of real numbers.

    Parameters
    ----------
    low, high : float
        Ends of the range, both included.
    prior : {"uniform", "log-uniform"}, default="uniform"
        Whether values are uniform on a linear or a logarithmic scale. "log" and "loguniform"
        are synonyms of "log-uniform".
    step : float, default=None
        Distance of the values ``low``, ``low + step``, ...; a continuous range by default.
    log : bool, default=False
        Same as ``prior="log-uniform"``.

    Examples
    --------
    >>> from skhyper.space import Real
    >>> C = Real(1e-2, 1e2, "log-uniform")
    >>> C.to_unit(1.0), C.from_unit(1.0)
    (0.5, 100.0)
    >>> [Real(0.5, 1.0, step=0.25).from_unit(u) for u in (0.0, 0.5, 1.0)]
    [0.5, 0.75, 1.0]
    """

    kind = "real"
    n_values: float = math.inf

    def __init__(
        self,
        low: float,
        high: float,
        prior: str = "uniform",
        *,
        step: float | None = None,
        log: bool = False,
    ):
        self.prior = check_range("Real", low, high, prior, step, log, numbers.Real)
        self.low, self.high, self.step = float(low), float(high), step
        # Decimal logarithms, so that the middle of (1e-2, 1e2) is 1.0 to the last bit.
        log_scale = self.prior == "log-uniform"
        self._decades = math.log10(high) - math.log10(low) if log_scale else math.nan
        self._steps: Integer | None = None
        if step is not None:
            n = math.floor((self.high - self.low) / step * (1 + STEP_ROUNDING))
            self._steps = Integer(0, n)
            self.n_values = n + 1
            self.high = self._rung(n)

    def _rung(self, k: int) -> float:
        """Value after `k` steps; 0.3, not 0.30000000000000004."""
        return float(f"{self.low + k * self.step:.15g}")  # type: ignore[operator]

    def __repr__(self) -> str:
        return f"Real({self.low!r}, {self.high!r}, {self.prior!r}{_step_text(self.step)})"

    def to_unit(self, value: Any) -> float:
        x = check_number(value, self)
        if self._steps is not None:
            k = (x - self.low) / self.step  # type: ignore[operator]
            if not math.isfinite(k) or abs(k - round(k)) > 1e-6:
                raise InvalidSpaceError(f"{value!r} is not a value of {self!r}.")
            return self._steps.to_unit(round(k))
        if self.prior == "uniform":
            return (x - self.low) / (self.high - self.low)
        if x <= 0:
            raise InvalidSpaceError(f"{value!r} is not a value of {self!r}.")
        return (math.log10(x) - math.log10(self.low)) / self._decades

    def from_unit(self, u: float) -> float:
        if self._steps is not None:
            return self._rung(self._steps.from_unit(u))
        if self.prior == "uniform":
            x = self.low + u * (self.high - self.low)
        else:
            x = 10.0 ** (math.log10(self.low) + u * self._decades)
        return float(min(max(x, self.low), self.high))

    def derivative(self, u: float) -> float:
        if self._steps is not None:
            return math.nan
        if self.prior == "uniform":
            return self.high - self.low
        value = 10.0 ** (math.log10(self.low) + u * self._decades)
        return value * math.log(10.0) * self._decades

    def grid(self, n_values: int) -> np.ndarray:
        if self._steps is not None:
            return self._steps.grid(n_values)
        return np.linspace(0.0, 1.0, n_values) if n_values > 1 else np.array([0.5])


class Integer(Dimension):
    """A range of integers.

    Parameters
    ----------
    low, high : int
        Ends of the range, both included.
    prior : {"uniform", "log-uniform"}, default="uniform"
        Whether values are uniform on a linear or a logarithmic scale. "log" and "loguniform"
        are synonyms of "log-uniform".
    step : int, default=None
        Distance of the values ``low``, ``low + step``, ...; 1 by default.
    log : bool, default=False
        Same as ``prior="log-uniform"``.

    Examples
    --------
    >>> from skhyper.space import Integer
    >>> depth = Integer(1, 4)
    >>> [depth.from_unit(u) for u in (0.0, 0.3, 0.6, 1.0)]
    [1, 2, 3, 4]
    >>> [Integer(100, 1000, step=300).from_unit(u) for u in (0.0, 0.3, 0.6, 1.0)]
    [100, 400, 700, 1000]
    """

    kind = "integer"

    def __init__(
        self,
        low: int,
        high: int,
        prior: str = "uniform",
        *,
        step: int | None = None,
        log: bool = False,
    ):
        self.prior = check_range("Integer", low, high, prior, step, log, numbers.Integral)
        if max(abs(low), abs(high)) > 2**53:
            raise InvalidSpaceError(f"Integer({low!r}, {high!r}): ends beyond 2**53 are too large.")
        self._step = 1 if step is None else int(step)
        self.low, self.step = int(low), step
        self.high = self.low + (int(high) - self.low) // self._step * self._step
        self.n_values = (self.high - self.low) // self._step + 1
        # Each integer has half a step on either side, on a log scale too.
        half = 0.5 * self._step
        self._scale = Real(self.low - half, self.high + half, self.prior)

    def __repr__(self) -> str:
        return f"Integer({self.low!r}, {self.high!r}, {self.prior!r}{_step_text(self.step)})"

    def to_unit(self, value: Any) -> float:
        x = check_whole(value, self)
        if (x - self.low) % self._step:
            raise InvalidSpaceError(f"{value!r} is not a value of {self!r}.")
        return self._scale.to_unit(x)

    def from_unit(self, u: float) -> int:
        return self.low + self._step * int(self.index(np.asarray(u)))

    def index(self, u: np.ndarray) -> np.ndarray:
        if self.prior == "uniform":
            return super().index(u)
        ratio = self._scale.high / self._scale.low
        x = self._scale.low * ratio ** np.clip(u, 0.0, 1.0)
        return np.clip(np.rint(x).astype(int) - self.low, 0, self.n_values - 1)

    def snap(self, u: np.ndarray) -> np.ndarray:
        if self.prior == "uniform":
            return super().snap(u)
        lo, hi = self._scale.low, self._scale.high
        return np.log((self.index(u) + self.low) / lo) / math.log(hi / lo)

    def grid(self, n_values: int) -> np.ndarray:
        if n_values >= self.n_values:
            every = [self.to_unit(v) for v in range(self.low, self.high + 1, self._step)]
            return self.snap(np.array(every))
        if n_values == 1:
            return self.snap(np.array([0.5]))
        ends = np.linspace(self.to_unit(self.low), self.to_unit(self.high), n_values)
        return np.unique(self.snap(ends))


def _step_text(step: Any) -> str:
    return "" if step is None else f", step={step!r}"
