"""A dimension with the values of a distribution of ``scipy.stats``."""

import math
from typing import Any

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._dimensions import Dimension, check_number, check_whole

# Quantiles at exactly 0 and 1 of an unbounded distribution are infinite.
_QUANTILE_MARGIN = 1e-9
# Relative rounding error of a sum, such as the upper end of a distribution.
_ROUNDING = 4 * np.finfo(float).eps


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
        x = check_number(value, self) if self.kind == "real" else check_whole(value, self)
        u = float(self.coordinates(np.asarray(x)))
        if math.isnan(u):
            raise InvalidSpaceError(f"{value!r} is not a value of {self!r}.")
        return u

    def coordinates(self, x: np.ndarray) -> np.ndarray:
        """Coordinates of numbers; nan outside of the support."""
        # Beyond the support the cdf is 0 or 1, which would lie in the space. Because of rounding,
        # the upper end of uniform(0.6, 0.3) is below 0.9.
        low, high = abs(self._low), abs(self._high)
        over = max(low, high) if math.isfinite(low) else high
        outside = (x < self._low - _ROUNDING * low) | (x > self._high + _ROUNDING * over)
        u = self.distribution.cdf(x) if self.kind == "real" else self._middle(x)
        return np.where(outside, np.nan, u)

    def from_unit(self, u: float) -> Any:
        x = self._value(np.asarray(u)).item()
        return int(x) if self.kind == "integer" else x

    def values(self, u: np.ndarray) -> list[Any]:
        """Values at coordinates (n,), by one call of the quantile function."""
        found = self._value(u)
        return (found.astype(int) if self.kind == "integer" else found).tolist()

    def derivative(self, u: float) -> float:
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
    """Check a distribution; return the ends of its support."""
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
