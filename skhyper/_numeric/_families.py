"""Losses of linear models, with derivatives with respect to the linear predictor.

Notation
--------
y : target, in the family's coding;  z : linear predictor, (n,) or (n, K)
g = ∂ℓ/∂z;  h = ∂²ℓ/∂z²
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp, softmax

Array = np.ndarray


@dataclass(frozen=True)
class Family:
    """A loss function per sample, and its derivatives.

    Attributes
    ----------
    slope : callable
        ``slope(y, z) -> g``.
    curvature : callable
        ``curvature(y, z) -> h``; for K classes the probabilities (n, K), from which the
        curvature ``diag(P) - P Pᵀ`` follows.
    by : dict
        For each hyperparameter θ of the loss itself, ``(y, z) -> ∂g/∂θ``.
    value : callable or None
        ``value(y, z) -> ℓ``, (n,), for y and z of shape (n, K); for the families that
        :func:`skhyper._numeric.newton` fits.
    jumps : bool
        Whether the curvature is piecewise constant, and jumps between the pieces.
    """

    slope: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array], Array]
    by: dict[str, Callable[[Array, Array], Array]]
    value: Callable[[Array, Array], Array] | None = None
    jumps: bool = False

    def curved(self, h: Array, s: Array) -> Array:
        """``∂²ℓ/∂z² s`` for each sample, (n, K)."""
        if self is multinomial:
            return h * s - h * (h * s).sum(axis=1, keepdims=True)
        return h * s

    def curvature_diagonal(self, h: Array) -> Array:
        """Diagonal of ``∂²ℓ/∂z²`` for each sample, (n, K)."""
        return h * (1 - h) if self is multinomial else h


def _sigmoid_curvature(y: Array, z: Array) -> Array:
    p = expit(z)
    return p * (1 - p)


# y in {0, 1}; y one-hot (n, K)
binomial = Family(
    lambda y, z: expit(z) - y,
    _sigmoid_curvature,
    {},
    lambda y, z: (np.logaddexp(0, z) - y * z).sum(axis=1),
)
multinomial = Family(
    lambda y, Z: softmax(Z, axis=1) - y,
    lambda y, Z: softmax(Z, axis=1),
    {},
    lambda y, Z: logsumexp(Z, axis=1) - (y * Z).sum(axis=1),
)
# y in {-1, 1}
squared_hinge = Family(
    lambda y, z: -2 * y * np.maximum(1 - y * z, 0), lambda y, z: 2.0 * (y * z < 1), {}, jumps=True
)


def squared_epsilon_insensitive(epsilon: float) -> Family:
    """``max(|z - y| - ε, 0)²``."""
    return Family(
        lambda y, z: 2 * np.sign(z - y) * np.maximum(np.abs(z - y) - epsilon, 0),
        lambda y, z: 2.0 * (np.abs(z - y) > epsilon),
        {"epsilon": lambda y, z: -2 * np.sign(z - y) * (np.abs(z - y) > epsilon)},
        jumps=True,
    )


def tweedie(power: float, log_link: bool) -> Family:
    """Half the unit deviance, with ``∂ℓ/∂μ = (μ - y) / μ^power`` for the mean μ."""
    if not log_link:
        if power != 0:
            raise ValueError(f"link='identity' is supported for power=0 only, got power={power}.")
        return Family(lambda y, z: z - y, lambda y, z: np.ones_like(z), {})

    def slope(y: Array, z: Array) -> Array:
        return (np.exp(z) - y) * np.exp((1 - power) * z)

    return Family(
        slope,
        lambda y, z: np.exp((2 - power) * z) + (1 - power) * slope(y, z),
        {"power": lambda y, z: -z * slope(y, z)},
    )
