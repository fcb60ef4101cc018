"""Functions whose minimum is known.

References
----------
Surjanovic and Bingham, "Virtual Library of Simulation Experiments" (Branin, Hartmann, Levy,
Goldstein-Price, six-hump camel, Styblinski-Tang, Ackley, Rosenbrock, Michalewicz). Breiman and
Cutler (1993), for the mixture of cosines. Picheny, Wagner and Ginsbourger (2013), for
Goldstein-Price on a logarithmic scale.
"""

import numpy as np

from problems._problem import Problem

__all__ = ["FUNCTIONS"]

_HARTMANN_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN3 = (
    np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]]),
    1e-4
    * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]),
)
_HARTMANN6 = (
    np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    ),
    1e-4
    * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    ),
)


def branin(x):
    a, b = x
    return (b - 5.1 * a**2 / (4 * np.pi**2) + 5 * a / np.pi - 6) ** 2 + (
        10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10
    )


def hartmann(x, table):
    A, P = table
    return -_HARTMANN_ALPHA @ np.exp(-np.sum(A * (x - P) ** 2, axis=1))


def hartmann3(x):
    return hartmann(x, _HARTMANN3)


def hartmann6(x):
    return hartmann(x, _HARTMANN6)


def levy(x):
    w = 1 + (x - 1) / 4
    middle = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return np.sin(np.pi * w[0]) ** 2 + middle.sum() + last


def log_goldstein_price(x):
    a, b = x
    first = 1 + (a + b + 1) ** 2 * (19 - 14 * a + 3 * a**2 - 14 * b + 6 * a * b + 3 * b**2)
    second = 30 + (2 * a - 3 * b) ** 2 * (18 - 32 * a + 12 * a**2 + 48 * b - 36 * a * b + 27 * b**2)
    return (np.log(first * second) - 8.693) / 2.427


def camel(x):
    a, b = x
    return (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (4 * b**2 - 4) * b**2


def styblinski_tang(x):
    return 0.5 * np.sum(x**4 - 16 * x**2 + 5 * x)


def ackley(x):
    waves = np.cos(2 * np.pi * x).mean()
    return -20 * np.exp(-0.2 * np.sqrt(np.mean(x**2))) - np.exp(waves) + 20 + np.e


def log_rosenbrock(x):
    return np.log1p(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def cosine_mixture(x):
    return np.sum(x**2 - 0.1 * np.cos(5 * np.pi * x))


def michalewicz(x):
    """With m = 2: the valleys of m = 10 are found by chance alone."""
    i = np.arange(1, len(x) + 1)
    return -np.sum(np.sin(x) * np.sin(i * x**2 / np.pi) ** 4)


def _function(name, part, function, bounds, optimum, *, noise=0.0, active=None, n_dims=None):
    """A problem of real numbers ``x00, x01, ...``; those that are not `active` change nothing."""
    if active is None:
        n_dims, active = len(bounds), range(len(bounds))
    # All have the range of the first: nothing tells which ones count.
    ranges = bounds if n_dims == len(bounds) else [bounds[0]] * n_dims
    names = [f"x{i:02d}" for i in range(n_dims)]
    space = {n: (float(low), float(high)) for n, (low, high) in zip(names, ranges, strict=True)}
    read = [names[i] for i in active]

    def value(params):
        return float(function(np.array([params[n] for n in read])))

    return Problem(name, part, space, value, noise=noise, optimum=optimum)


_UNIT = (0, 1)

FUNCTIONS = [
    _function("branin", "report", branin, [(-5, 10), (0, 15)], 0.39788735772973816),
    _function("hartmann6", "report", hartmann6, [_UNIT] * 6, -3.322368011391339),
    _function(
        "levy4_in_20", "report", levy, [(-10, 10)] * 4, 0.0, active=(2, 7, 11, 16), n_dims=20
    ),
    _function(
        "hartmann6_in_50",
        "report",
        hartmann6,
        [_UNIT] * 6,
        -3.322368011391339,
        active=(3, 11, 18, 27, 36, 44),
        n_dims=50,
    ),
    _function(
        "noisy_goldstein_price",
        "report",
        log_goldstein_price,
        [(-2, 2), (-2, 2)],
        (np.log(3) - 8.693) / 2.427,
        noise=0.2,
    ),
    _function("hartmann3", "tune", hartmann3, [_UNIT] * 3, -3.86278214782076),
    _function(
        "styblinski3_in_25",
        "tune",
        styblinski_tang,
        [(-5, 5)] * 3,
        -3 * 39.16616570377142,
        active=(4, 13, 20),
        n_dims=25,
    ),
    _function("noisy_camel", "tune", camel, [(-2, 2), (-1, 1)], -1.031628453489877, noise=0.2),
    _function("ackley3_in_30", "tune", ackley, [(-4, 3)] * 3, 0.0, active=(5, 11, 25), n_dims=30),
    _function(
        "hartmann3_in_40",
        "tune",
        hartmann3,
        [_UNIT] * 3,
        -3.86278214782076,
        active=(3, 17, 30),
        n_dims=40,
    ),
    _function(
        "cosine4_in_16",
        "tune",
        cosine_mixture,
        [(-1, 0.8)] * 4,
        -0.4,
        active=(1, 6, 9, 14),
        n_dims=16,
    ),
    _function("log_rosenbrock4", "tune", log_rosenbrock, [(-2, 2)] * 4, 0.0),
    _function(
        "noisy_michalewicz3", "tune", michalewicz, [(0, np.pi)] * 3, -2.781454187126, noise=0.15
    ),
]
