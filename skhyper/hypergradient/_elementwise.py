"""Derivatives of elementwise functions."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from skhyper.hypergradient._problem import NotDifferentiableError

Function = Callable[[np.ndarray], np.ndarray]

_SLOPES: dict[Any, Function] = {
    None: np.ones_like,
    np.positive: np.ones_like,
    np.negative: lambda x: -np.ones_like(x),
    np.exp: np.exp,
    np.expm1: np.exp,
    np.exp2: lambda x: np.log(2) * np.exp2(x),
    np.log: lambda x: 1 / x,
    np.log1p: lambda x: 1 / (1 + x),
    np.log2: lambda x: 1 / (np.log(2) * x),
    np.log10: lambda x: 1 / (np.log(10) * x),
    np.sqrt: lambda x: 0.5 / np.sqrt(x),
    np.cbrt: lambda x: 1 / (3 * np.cbrt(x) ** 2),
    np.square: lambda x: 2 * x,
    np.reciprocal: lambda x: -1 / (x * x),
    np.abs: np.sign,
    np.fabs: np.sign,
    np.sin: np.cos,
    np.cos: lambda x: -np.sin(x),
    np.tanh: lambda x: 1 - np.tanh(x) ** 2,
    np.sinh: np.cosh,
    np.cosh: np.sinh,
    np.arctan: lambda x: 1 / (1 + x * x),
    np.arcsinh: lambda x: 1 / np.sqrt(1 + x * x),
    special.expit: lambda x: special.expit(x) * special.expit(-x),
    special.logit: lambda x: 1 / (x * (1 - x)),
}

# Coefficients of the central difference of order 4, at -2, -1, 1 and 2 steps.
STENCIL = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}
_FIRST_STEP, _RATIO, _N_STEPS = 2.0**-5, 0.25, 10


def known_slope(function: Any) -> Function | None:
    """Derivative of a known numpy or scipy function; None for any other.

    An infinite derivative counts as 0: it occurs at the end of a domain, such as 0 for the square
    root, and preceding weights and scales leave a 0 unchanged.
    """
    try:
        slope = _SLOPES.get(function)
    except TypeError:  # not hashable
        return None
    return None if slope is None else partial(_finite, slope)


def _finite(slope: Function, x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = slope(x)
    return np.where(np.isinf(value), 0.0, value)


def difference_slope(function: Function, x: np.ndarray) -> np.ndarray:
    """Elementwise derivative by finite differences, at x of shape (m, K).

    From a geometric sequence of steps, for each element the one is chosen at which two
    neighboring estimates agree best: longer steps have more truncation error, shorter ones more
    rounding error; kinks closer than the step show as disagreement. Raises
    NotDifferentiableError if the function mixes elements, or is not finite near one.
    """
    with np.errstate(all="ignore"):
        _check_elementwise(function, x)
    scale = np.maximum(np.abs(x), 2.0**-10)
    best, slope = np.full(x.shape, np.inf), np.full(x.shape, np.nan)
    last = np.full(x.shape, np.nan)
    with np.errstate(all="ignore"):
        for k in range(_N_STEPS):
            h = _FIRST_STEP * _RATIO**k * scale
            now = sum(c * np.asarray(function(x + i * h)) for i, c in STENCIL.items()) / h
            change = np.abs(now - last)
            better = change < best  # False for nan: outside the domain
            best, slope, last = np.where(better, change, best), np.where(better, now, slope), now
    if not np.isfinite(slope).all():
        raise NotDifferentiableError(
            f"{function!r} has no finite derivative at {x[~np.isfinite(slope)][0]:.6g}."
        )
    return slope


def _check_elementwise(function: Function, x: np.ndarray) -> None:
    whole = np.asarray(function(x))
    some = len(x) // 2 + 1
    alone = np.asarray(function(x[:some])) if whole.shape == x.shape else np.array(np.nan)
    mixed = x.copy()
    mixed[:, 1:] = x[::-1, 1:]
    fits = whole.shape == x.shape and np.allclose(alone, whole[:some], equal_nan=True)
    if not fits or not np.allclose(np.asarray(function(mixed))[:, 0], whole[:, 0], equal_nan=True):
        raise NotDifferentiableError(f"{function!r} is not elementwise: no derivative is known.")
