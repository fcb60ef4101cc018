"""One hyperparameter's values and their place on the unit interval.

A dimension maps a value to a coordinate ``u`` in ``[0, 1]`` and back. Samplers see
coordinates only; logarithms, rounding and categories are known here and nowhere else.

Notation
--------
u : coordinate, float in [0, 1]
low, high : ends of a range, both included
n_values : number of distinct values, ``inf`` for a continuum
"""

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import joblib
import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._choices import by_value, check_no_cycle, merged
from skhyper.space._ranges import STEP_ROUNDING, check_range, is_number

__all__ = ["Categorical", "Dimension", "Distribution", "Integer", "Real"]

# Quantiles at exactly 0 and 1 of an unbounded distribution are infinite.
_QUANTILE_MARGIN = 1e-9
# Relative error of a sum, such as the upper end of a distribution.
_ROUNDING = 4 * np.finfo(float).eps


class Dimension(ABC):
    """The values of one hyperparameter, as coordinates of the unit interval.

    Attributes
    ----------
    kind : {"real", "integer", "ordinal", "categorical"}
        How distances between coordinates are to be read: ``"categorical"`` has none.
    n_values : float
        Number of distinct values, ``inf`` for a continuum.
    places : ndarray of shape (n_values,) or None
        Of choices among which are numbers: where each lies on [0, 1] by its value, nan for
        others. For surrogates.
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

    def slope(self, u: float) -> float:
        """Derivative of the value by the coordinate at `u`; nan where there is none."""
        return math.nan

    def index(self, u: np.ndarray) -> np.ndarray:
        """Index of the value at each coordinate, for finite dimensions."""
        return np.clip(np.floor(u * self.n_values), 0, self.n_values - 1).astype(int)

    def snap(self, u: np.ndarray) -> np.ndarray:
        """Coordinates of the values at `u`: the same value, always the same coordinate."""
        if math.isinf(self.n_values):
            return np.clip(u, 0.0, 1.0)
        return (self.index(u) + 0.5) / self.n_values

    def grid(self, n_values: int) -> np.ndarray:
        """At most `n_values` coordinates spread over a range; all of a category's."""
        n = min(n_values, self.n_values)
        return np.unique(self.snap((np.arange(int(n)) + 0.5) / int(n)))

    def rvs(self, size: int | None = None, random_state: Any = None) -> Any:
        """Draw values, so that scikit-learn's ``ParameterSampler`` can use a dimension."""
        from sklearn.utils import check_random_state

        draws = check_random_state(random_state).uniform(size=1 if size is None else size)
        values = [self.from_unit(u) for u in draws]
        return values[0] if size is None else values


def _check_number(value: Any, dimension: Dimension) -> float:
    if not is_number(value) or value != value:
        raise InvalidSpaceError(f"{value!r} is not a value of {dimension!r}.")
    try:
        return float(value)
    except OverflowError:
        raise InvalidSpaceError(f"{value!r} is not a value of {dimension!r}.") from None


def _check_whole(value: Any, dimension: Dimension) -> float:
    x = _check_number(value, dimension)
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
        Whether equal distances or equal ratios count the same. "log" and "loguniform" are
        other spellings of the second.
    step : float, default=None
        Distance of the values ``low``, ``low + step``, ...; a continuum by default.
    log : bool, default=False
        Another spelling of ``prior="log-uniform"``.

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
        x = _check_number(value, self)
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

    def slope(self, u: float) -> float:
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
        Whether equal distances or equal ratios count the same. "log" and "loguniform" are
        other spellings of the second.
    step : int, default=None
        Distance of the values ``low``, ``low + step``, ...; 1 by default.
    log : bool, default=False
        Another spelling of ``prior="log-uniform"``.

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
        # Each integer owns half a step on either side, on a log scale too.
        half = 0.5 * self._step
        self._scale = Real(self.low - half, self.high + half, self.prior)

    def __repr__(self) -> str:
        return f"Integer({self.low!r}, {self.high!r}, {self.prior!r}{_step_text(self.step)})"

    def to_unit(self, value: Any) -> float:
        x = _check_whole(value, self)
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


class Categorical(Dimension):
    """A list of choices: any objects, hashable or not.

    Parameters
    ----------
    choices : sequence
        The choices, kept and handed out as they are. Those that are repeated are one choice,
        as probable as all of them.
    ordered : bool, default=None
        Whether neighbours in the list are alike, as in ``["small", "medium", "large"]``. By
        default surrogates take three or more numbers by their values, on a log scale where
        they are closer to a geometric sequence than to an arithmetic one, and other choices
        among them as categories. False for numbers that are names.
    weights : sequence of float, default=None
        Probability of each choice when sampling; equal by default.

    Examples
    --------
    >>> from skhyper.space import Categorical
    >>> sizes = Categorical([(50,), (100,), (50, 50)])
    >>> sizes.from_unit(0.9)
    (50, 50)
    """

    kind = "categorical"

    def __init__(self, choices: Any, ordered: bool | None = None, weights: Any = None):
        choices = _check_choices(choices)
        if not choices:
            raise InvalidSpaceError("A list of choices must not be empty.")
        if weights is not None:
            _cumulated(weights, len(choices))  # raises if they do not belong to the choices
        self.choices, self.weights = merged(choices, weights)
        self.ordered = ordered
        self.n_values = len(self.choices)
        self._edges = _cumulated(self.weights, self.n_values)
        if ordered:
            self.kind = "ordinal"  # type: ignore[misc]
        elif ordered is None:
            self.places = by_value(self.choices)

    def __repr__(self) -> str:
        extra = "" if self.ordered is None else f", ordered={self.ordered!r}"
        extra += f", weights={self.weights!r}" if self.weights is not None else ""
        return f"Categorical({self.choices!r}{extra})"

    def position(self, value: Any) -> int | None:
        """Index of `value` among the choices, None where it is not one of them."""
        for i, choice in enumerate(self.choices):
            if choice is value:
                return i
        for i, choice in enumerate(self.choices):
            if type(choice) is type(value) and equal(choice, value):
                return i
        for i, choice in enumerate(self.choices):
            if equal(choice, value) and _is_bool(choice) == _is_bool(value):
                return i
        for i, choice in enumerate(self.choices):
            if _alike(choice, value):
                return i
        return None

    def contains(self, value: Any) -> bool:
        """Whether `value` is one of the choices."""
        return self.position(value) is not None

    def to_unit(self, value: Any) -> float:
        i = self.position(value)
        if i is None:
            raise InvalidSpaceError(f"{value!r} is not one of the choices {self.choices!r}.")
        return float((self._edges[i] + self._edges[i + 1]) / 2)

    def from_unit(self, u: float) -> Any:
        return self.choices[int(self.index(np.asarray(u)))]

    def index(self, u: np.ndarray) -> np.ndarray:
        found = np.searchsorted(self._edges, np.clip(u, 0.0, 1.0), side="right") - 1
        return np.clip(found, 0, self.n_values - 1)

    def snap(self, u: np.ndarray) -> np.ndarray:
        i = self.index(u)
        return (self._edges[i] + self._edges[i + 1]) / 2

    def grid(self, n_values: int) -> np.ndarray:
        return (self._edges[:-1] + self._edges[1:]) / 2


class Distribution(Dimension):
    """A frozen distribution of ``scipy.stats``, searched through its quantile function.

    Parameters
    ----------
    distribution : frozen scipy.stats distribution
        Anything with ``cdf`` and ``ppf`` (or ``icdf``).

    Examples
    --------
    >>> from scipy.stats import randint
    >>> from skhyper.space import Distribution
    >>> Distribution(randint(1, 4)).from_unit(0.5)
    2
    """

    kind = "real"

    def __init__(self, distribution: Any):
        quantile = getattr(distribution, "ppf", None) or getattr(distribution, "icdf", None)
        if quantile is None or not hasattr(distribution, "cdf"):
            raise InvalidSpaceError(
                f"{distribution!r} can only be sampled: a search needs its quantile function "
                "too. Use a frozen distribution of scipy.stats, or a range (low, high)."
            )
        self.distribution = distribution
        self._quantile = quantile
        self.n_values = math.inf
        self._low, self._high = _check_support(distribution, quantile)
        # Both families of scipy.stats, frozen or not: a continuous one has no pmf, or 0.
        if hasattr(distribution, "pmf") and distribution.pmf(quantile(0.5)) > 0:
            if quantile(0.5) % 1:
                raise InvalidSpaceError(
                    f"{self!r} is discrete, but not over integers: write its values as a list."
                )
            self.kind = "integer"  # type: ignore[misc]
            self.n_values = self._high - self._low + 1

    def __repr__(self) -> str:
        dist = getattr(self.distribution, "dist", None)
        if dist is None:
            return f"Distribution({self.distribution!r})"
        args = [repr(a) for a in self.distribution.args]
        args += [f"{k}={v!r}" for k, v in self.distribution.kwds.items()]
        return f"Distribution({dist.name}({', '.join(args)}))"

    def to_unit(self, value: Any) -> float:
        x = _check_number(value, self) if self.kind == "real" else _check_whole(value, self)
        # Beyond the ends, its quantile, 0 or 1, would lie in the space. Rounding: the upper end
        # of uniform(0.6, 0.3) is below 0.9.
        low, high = abs(self._low), abs(self._high)
        over = max(low, high) if math.isfinite(low) else high
        if x < self._low - _ROUNDING * low or x > self._high + _ROUNDING * over:
            raise InvalidSpaceError(f"{value!r} is not a value of {self!r}.")
        return float(self.distribution.cdf(x) if self.kind == "real" else self._middle(x))

    def from_unit(self, u: float) -> Any:
        x = self._value(np.asarray(u)).item()
        return int(x) if self.kind == "integer" else x

    def slope(self, u: float) -> float:
        density = getattr(self.distribution, "pdf", None)
        if self.kind != "real" or density is None:
            return math.nan
        pdf = float(density(self._value(np.asarray(u))))  # dx/du = 1 / (du/dx)
        return 1.0 / pdf if 0.0 < pdf < math.inf else math.nan

    def index(self, u: np.ndarray) -> np.ndarray:
        return (self._value(u) - self._low).astype(int)

    def snap(self, u: np.ndarray) -> np.ndarray:
        if self.kind == "real":
            return np.clip(u, _QUANTILE_MARGIN, 1 - _QUANTILE_MARGIN)
        return self._middle(self._value(u))

    def grid(self, n_values: int) -> np.ndarray:
        if n_values < self.n_values:
            return super().grid(n_values)
        return np.unique(self.snap(self._middle(np.arange(self._low, self._high + 1))))

    def _value(self, u: np.ndarray) -> np.ndarray:
        return np.asarray(self._quantile(np.clip(u, _QUANTILE_MARGIN, 1 - _QUANTILE_MARGIN)))

    def _middle(self, x: Any) -> np.ndarray:
        return (self.distribution.cdf(x - 1) + self.distribution.cdf(x)) / 2


def _check_support(distribution: Any, quantile: Any) -> tuple[float, float]:
    """Ends of the values of a distribution, after a look at whether it is one."""
    try:
        valid = bool(np.isfinite(quantile(0.5)))
    except Exception:  # noqa: BLE001  (parameters are missing or arrays; or it has only rvs)
        valid = False
    if not valid:
        raise InvalidSpaceError(
            f"{distribution!r} has no median: its parameters are missing or not allowed, or it "
            "can only be sampled. Use a frozen distribution of scipy.stats such as "
            "loguniform(1e-3, 1e3)."
        )
    low, high = distribution.support() if hasattr(distribution, "support") else (-np.inf, np.inf)
    return float(low), float(high)


def same_dimension(a: Dimension, b: Dimension) -> bool:
    """Whether two dimensions give the same values the same coordinates."""
    if a is b:
        return True
    if isinstance(a, Categorical) and isinstance(b, Categorical):
        same = len(a.choices) == len(b.choices) and np.array_equal(a._edges, b._edges)
        same = same and a.kind == b.kind and (a.places is None) == (b.places is None)
        # 1 and 1.0 may mean different things to an estimator.
        return same and all(
            x is y or (type(x) is type(y) and (equal(x, y) or _alike(x, y)))
            for x, y in zip(a.choices, b.choices)
        )
    return type(a) is type(b) and repr(a) == repr(b)


def _check_choices(choices: Any) -> list:
    """Choices as a list, in an order of their own; an iterator would be used up by this."""
    if not isinstance(choices, str | bytes | Mapping | set | frozenset | Iterator):
        try:
            listed = list(choices)
        except (TypeError, AttributeError):  # an ensemble, say, has __iter__ but nothing in it
            pass
        else:
            check_no_cycle(choices)
            return listed
    raise InvalidSpaceError(f"Choices must be a list, got {choices!r}.")


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _cumulated(weights: Any, n: int) -> np.ndarray:
    """Edges, shape (n + 1,), of the intervals of [0, 1] that choices own."""
    if weights is None:
        return np.arange(n + 1) / n
    w = np.asarray(weights, dtype=float)
    if w.shape != (n,) or not np.all(np.isfinite(w)) or np.any(w <= 0):
        raise InvalidSpaceError(f"{n} choices need {n} positive weights, got {weights!r}.")
    return np.concatenate([[0.0], np.cumsum(w) / w.sum()])


def _alike(a: Any, b: Any) -> bool:
    """Whether two objects without a comparison, as estimators are, hold the same.

    ``sklearn.clone`` of a search and pickling copy the choices, and what refers to them.
    """
    if type(a) is not type(b) or a is None or isinstance(a, str | bytes | numbers.Number):
        return False
    try:
        return joblib.hash(a) == joblib.hash(b)
    except Exception:  # noqa: BLE001  (what cannot be pickled is only itself)
        return False


def equal(a: Any, b: Any) -> bool:
    """Whether two arbitrary objects are equal; arrays compare as a whole."""
    try:
        if isinstance(a, float) and isinstance(b, float) and a != a and b != b:
            return True  # nan, a common choice of missing_values
        return bool(np.all(a == b)) and np.shape(a) == np.shape(b)
    except Exception:  # noqa: BLE001  (an exotic __eq__ may raise anything: then they differ)
        return False
