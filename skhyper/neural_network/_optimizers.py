"""Optimizers and learning rate schedules, with their derivatives in forward and reverse mode.

An optimizer maps a gradient to a direction d, for the step ``w ← w - η d``. The learning rate η
comes from the schedule. Both are pure functions.

Notation
--------
P, k : number of weights, of directions in the hyperparameters
t : number of the step, from 1
h : hyperparameters of the optimizer, by name;  dh : their derivatives along the k directions, by
    name, (k,) each; missing ones are 0
g, d : gradient and direction, (P,)
S : state, (n_slots, P), initially zero
dg, dd, dS : derivatives along the k directions, (k, P), (k, P) and (n_slots, k, P)
x_bar : derivative of a loss with respect to x, of the shape of x

References
----------
Polyak (1964), USSR Computational Mathematics and Mathematical Physics 4. Duchi et al. (2011), JMLR
12. Kingma and Ba (2014), arXiv:1412.6980.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

Values = Mapping[str, float]
Derivatives = Mapping[str, np.ndarray]
Pair = tuple[np.ndarray, np.ndarray]
Bars = tuple[np.ndarray, np.ndarray, dict[str, float]]


class Step(NamedTuple):
    """A step ``d, S_new = step(S, g, t, h)``: its arguments and results."""

    S: np.ndarray
    S_new: np.ndarray
    g: np.ndarray
    d: np.ndarray
    t: int
    h: Values


class Optimizer(NamedTuple):
    """A rule that maps gradients to steps, and its derivatives.

    `names` are its differentiable hyperparameters, `n_slots` is its number of state variables per
    weight. Derivatives are at a :class:`Step`; forward mode may overwrite `dS` and `dg`, reverse
    mode `d_bar` and `S_bar`.
    """

    names: tuple[str, ...]
    n_slots: int
    step: Callable[..., Pair]  # step(S, g, t, h) -> d, S_new
    d_step: Callable[..., Pair]  # d_step(at, dS, dg, dh) -> dd, dS_new
    pull_back: Callable[..., Bars]  # pull_back(at, d_bar, S_bar) -> g_bar, S_bar_old, h_bar


def _plain(S: np.ndarray, g: np.ndarray, t: int, h: Values) -> Pair:
    return g, S


def _d_plain(at: Step, dS: np.ndarray, dg: np.ndarray, dh: Derivatives) -> Pair:
    return dg, dS


def _momentum(S: np.ndarray, g: np.ndarray, t: int, h: Values) -> Pair:
    S = h["momentum"] * S
    S += g
    return S[0], S


def _d_momentum(at: Step, dS: np.ndarray, dg: np.ndarray, dh: Derivatives) -> Pair:
    dS *= at.h["momentum"]
    dS += dg
    for j in _along(dh, "momentum"):
        dS[0, j] += dh["momentum"][j] * at.S[0]
    return dS[0], dS


def _adagrad(S: np.ndarray, g: np.ndarray, t: int, h: Values) -> Pair:
    S = S + g * g
    return g / (np.sqrt(S[0]) + h["epsilon"]), S


def _d_adagrad(at: Step, dS: np.ndarray, dg: np.ndarray, dh: Derivatives) -> Pair:
    root = np.sqrt(at.S_new[0])
    scale = 1 / (root + at.h["epsilon"])
    dS += 2 * at.g * dg
    dg *= scale
    dg -= _ratio(at.d * scale, 2 * root) * dS[0]
    return dg, dS


def _adam(S: np.ndarray, g: np.ndarray, t: int, h: Values) -> Pair:
    b1, b2 = h["beta_1"], h["beta_2"]
    m, v = new = np.empty_like(S)
    np.multiply(g, 1 - b1, out=m)
    m += b1 * S[0]
    np.multiply(g, g, out=v)
    v *= 1 - b2
    v += b2 * S[1]
    scale = np.sqrt(v)
    scale += h["epsilon"]
    d = m / scale
    d *= np.sqrt(1 - b2**t) / (1 - b1**t)  # in the order of the last paragraph of their section 2
    return d, new


def _d_adam(at: Step, dS: np.ndarray, dg: np.ndarray, dh: Derivatives) -> Pair:
    S, S_new, g, d, t, h = at
    b1, b2 = h["beta_1"], h["beta_2"]
    root = np.sqrt(S_new[1])
    correction = np.sqrt(1 - b2**t) / (1 - b1**t)
    scale = 1 / (root + h["epsilon"])
    dm, dv = dS
    dv *= b2
    dv += (2 * (1 - b2) * g) * dg
    dm *= b1
    dg *= 1 - b1
    dm += dg
    for j in _along(dh, "beta_1"):
        dm[j] += dh["beta_1"][j] * (S[0] - g)
    for j in _along(dh, "beta_2"):
        dv[j] += dh["beta_2"][j] * (S[1] - g * g)
    dd = np.multiply(dm, correction * scale, out=dg)
    dd -= _ratio(d * scale, 2 * root) * dv
    # derivative of the logarithm of the correction
    for j in _along(dh, "beta_1"):
        dd[j] += (dh["beta_1"][j] * t * b1 ** (t - 1) / (1 - b1**t)) * d
    for j in _along(dh, "beta_2"):
        dd[j] -= (dh["beta_2"][j] * t * b2 ** (t - 1) / (2 * (1 - b2**t))) * d
    return dd, dS


def _back_plain(at: Step, d_bar: np.ndarray, S_bar: np.ndarray) -> Bars:
    return d_bar, S_bar, {}


def _back_momentum(at: Step, d_bar: np.ndarray, S_bar: np.ndarray) -> Bars:
    d_bar += S_bar[0]
    np.multiply(d_bar, at.h["momentum"], out=S_bar[0])
    return d_bar, S_bar, {"momentum": float(at.S[0] @ d_bar)}


def _back_adagrad(at: Step, d_bar: np.ndarray, S_bar: np.ndarray) -> Bars:
    root = np.sqrt(at.S_new[0])
    scale = 1 / (root + at.h["epsilon"])
    S_bar -= _ratio(at.d * scale, 2 * root) * d_bar
    d_bar *= scale
    d_bar += 2 * at.g * S_bar[0]
    return d_bar, S_bar, {}


def _back_adam(at: Step, d_bar: np.ndarray, S_bar: np.ndarray) -> Bars:
    S, S_new, g, d, t, h = at
    b1, b2 = h["beta_1"], h["beta_2"]
    root = np.sqrt(S_new[1])
    scale = 1 / (root + h["epsilon"])
    m_bar, v_bar = S_bar
    m_bar += (np.sqrt(1 - b2**t) / (1 - b1**t) * scale) * d_bar
    v_bar -= _ratio(d * scale, 2 * root) * d_bar
    along = float(d @ d_bar)
    h_bar = {
        "beta_1": float(m_bar @ (S[0] - g)) + along * t * b1 ** (t - 1) / (1 - b1**t),
        "beta_2": float(v_bar @ (S[1] - g * g)) - along * t * b2 ** (t - 1) / (2 * (1 - b2**t)),
    }
    g_bar = (2 * (1 - b2)) * g
    g_bar *= v_bar
    g_bar += (1 - b1) * m_bar
    m_bar *= b1
    v_bar *= b2
    return g_bar, S_bar, h_bar


def _along(dh: Derivatives, name: str) -> np.ndarray:
    """Indices of the directions in which a hyperparameter changes."""
    return np.flatnonzero(dh.get(name, 0))


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a / b``; 0 where b is 0: the gradient and its derivative have been 0 so far."""
    return a / np.where(b > 0, b, np.inf)


_GRADIENT = Optimizer((), 0, _plain, _d_plain, _back_plain)
OPTIMIZERS = {
    "gd": _GRADIENT,
    "sgd": _GRADIENT,
    "momentum": Optimizer(("momentum",), 1, _momentum, _d_momentum, _back_momentum),
    "adagrad": Optimizer((), 1, _adagrad, _d_adagrad, _back_adagrad),
    "adam": Optimizer(("beta_1", "beta_2"), 2, _adam, _d_adam, _back_adam),
}


class Schedule(NamedTuple):
    """The learning rate after e of n epochs, relative to the first one, and its derivative.

    `names` are its differentiable hyperparameters: ``("decay",)`` or none.
    """

    names: tuple[str, ...]
    factor: Callable[[int, float, int], float]
    slope: Callable[[int, float, int], float]  # with respect to the decay


def _zero(e: int, decay: float, n: int) -> float:
    return 0.0


def _exponential(e: int, decay: float, n: int) -> float:
    return np.exp(-decay * e)


def _inverse(e: int, decay: float, n: int) -> float:
    return 1 / (1 + decay * e)


SCHEDULES = {
    "constant": Schedule((), lambda e, decay, n: 1.0, _zero),
    "cosine": Schedule((), lambda e, decay, n: (1 + np.cos(np.pi * e / n)) / 2, _zero),
    "exponential": Schedule(("decay",), _exponential, lambda *a: -a[0] * _exponential(*a)),
    "inverse": Schedule(("decay",), _inverse, lambda *a: -a[0] * _inverse(*a) ** 2),
}
