"""Kernels between two sets of points, and their pull-backs (VJPs).

Quantities without hyperparameters (distances, inner products) are computed once for a `Pair` of
point sets. ``gram`` evaluates a kernel on it and returns its pull-back, from the derivative of a
loss with respect to the kernel matrix to those with respect to hyperparameters and points. With
a length-scale for each feature all is computed by matrix products: for a matrix V,

    Σ_ij V_ij (x_ik - y_jk)² = (V 1)ᵀ x_k² + (Vᵀ 1)ᵀ y_k² - 2 x_kᵀ V y_k

so that no array of n·m·p numbers is formed.

Notation
--------
n, m, p : number of points x, of points y, of features
P, D : inner products and squared distances, (n, m)
S : squared distances after division by the length-scales ℓ, (n, m)
K, dK : kernel matrix and ``∂L/∂K``, (n, m)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.gaussian_process import kernels as gp
from sklearn.metrics import pairwise
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import safe_sparse_dot

from skhyper.hypergradient._problem import Gradient, NotDifferentiableError

__all__ = ["Gram", "Pair", "add_inputs", "gram", "kernel_names", "opaque", "passes_inputs"]

# Number of features up to which exact differences are as fast as matrix products.
_FEW_FEATURES = 16
# Squared distances below this share of |x|² + |y|² are rounding errors: the points are equal.
_ROUNDING = 1e-14

Inputs = Any  # ndarray; 0.0 where K does not depend on the points; None where not supported


@dataclass(frozen=True)
class Gram:
    """A kernel matrix and its pull-back.

    Attributes
    ----------
    K : ndarray of shape (n, m)
        Within compositions also a number, for a constant matrix.
    back : callable
        Pull-back: from dK and `wrt` (one of "", "X", "Y" and "XY": the point sets to
        differentiate) to derivatives with respect to hyperparameters, X and Y.
    """

    K: Any
    back: Callable[[np.ndarray, str], tuple[Gradient, Inputs, Inputs]]


class Pair:
    """Points x and y, and quantities shared by kernels, computed on first use.

    Parameters
    ----------
    X : array or CSR matrix of shape (n, p)
    Y : array or CSR matrix of shape (m, p), default=None
        By default X itself.
    noise : bool, default=False
        Whether ``WhiteKernel`` is on the diagonal, as when scikit-learn calls a kernel with
        one argument.
    """

    def __init__(self, X: Any, Y: Any = None, noise: bool = False):
        self.X, self.Y = X, X if Y is None else Y
        self.noise = noise
        self._known: dict[str, np.ndarray] = {}

    @property
    def shape(self) -> tuple[int, int]:
        return self.X.shape[0], self.Y.shape[0]

    @property
    def dense(self) -> bool:
        return not sparse.issparse(self.X) and not sparse.issparse(self.Y)

    def known(self, name: str) -> np.ndarray:
        """A matrix of `_GEOMETRY`, computed once."""
        if name not in self._known:
            self._known[name] = _GEOMETRY[name](self.X, self.Y)
        return self._known[name]

    def centred(self) -> tuple[np.ndarray, np.ndarray]:
        """Points less the mean of y: equal distances, with smaller rounding errors."""
        mean = self.Y.mean(axis=0)
        X = self.X - mean
        return X, X if self.Y is self.X else self.Y - mean

    def scaled(self, scale: np.ndarray) -> np.ndarray:
        """S, for one length-scale or an array of shape (p,)."""
        if scale.ndim == 0:
            return self.known("squared") / scale**2
        X, Y = self.centred()
        X = X / scale
        return _squared(X, X if self.Y is self.X else Y / scale)

    def take(self, rows: Any, columns: Any) -> "Pair":
        """Pair of subsets of x and y, with the matrices computed so far."""
        if "precomputed" in self._known:
            return Pair(self._known["precomputed"][rows][:, columns])
        part = Pair(self.X[rows], self.Y[columns])
        part._known = {name: M[rows][:, columns] for name, M in self._known.items()}
        return part


def _squared(X: Any, Y: Any) -> np.ndarray:
    """D; exactly zero for equal points."""
    if sparse.issparse(X) or sparse.issparse(Y):
        return pairwise.euclidean_distances(X, None if Y is X else Y, squared=True)
    if X.shape[1] <= _FEW_FEATURES:
        return cdist(X, Y, metric="sqeuclidean")
    same = Y is X
    if not same:
        X = X - Y.mean(axis=0)
    Y = Y - Y.mean(axis=0)
    X = Y if same else X
    norms = np.einsum("ij,ij->i", X, X)[:, None] + np.einsum("ij,ij->i", Y, Y)
    D = X @ Y.T
    D *= -2
    D += norms
    norms *= _ROUNDING
    D *= norms < D
    if same:
        np.fill_diagonal(D, 0.0)
    return D


def _cosines(X: Any, Y: Any) -> np.ndarray:
    return safe_sparse_dot(normalize(X), normalize(Y).T, dense_output=True)


_GEOMETRY: dict[str, Callable[[Any, Any], np.ndarray]] = {
    "products": lambda X, Y: safe_sparse_dot(X, Y.T, dense_output=True),
    "squared": _squared,
    "manhattan": pairwise.manhattan_distances,
    "chi2": pairwise.additive_chi2_kernel,
    "cosine": _cosines,
    # The data are the kernel matrix.
    "precomputed": lambda X, Y: X,
}


# ---- pull-backs to the points


def add_inputs(a: Inputs, b: Inputs) -> Inputs:
    """Sum of two derivatives with respect to points; None where one is not supported."""
    return None if a is None or b is None else a + b


def _products_inputs(pair: Pair, dP: np.ndarray, wrt: str) -> tuple[Inputs, Inputs]:
    """Pull-back of ``∂L/∂P`` to X and Y."""
    if not pair.dense:
        return None, None
    dX = dP @ pair.Y if "X" in wrt else None
    return dX, dP.T @ pair.X if "Y" in wrt else None


def _cosine_inputs(pair: Pair, dP: np.ndarray, wrt: str) -> tuple[Inputs, Inputs]:
    """Pull-back of cosines to X and Y: the tangential part, divided by the norm."""
    if not pair.dense:
        return None, None

    def tangential(V: np.ndarray, points: np.ndarray, unit: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(points, axis=1, keepdims=True)
        return (V - unit * (V * unit).sum(axis=1, keepdims=True)) / np.where(length, length, 1)

    X, Y = normalize(pair.X), normalize(pair.Y)
    dX = tangential(dP @ Y, pair.X, X) if "X" in wrt else None
    return dX, tangential(dP.T @ X, pair.Y, Y) if "Y" in wrt else None


def _scaled_back(
    pair: Pair, S: np.ndarray, dS: np.ndarray, scale: Any, wrt: str
) -> tuple[np.ndarray, Inputs, Inputs]:
    """Pull-back of ``∂L/∂S`` to the length-scales, X and Y."""
    d_scale = -2 * np.vdot(dS, S) / scale if scale.ndim == 0 else None
    if d_scale is not None and (not wrt or not pair.dense):
        return d_scale, None, None
    X, Y = pair.centred()
    rows, VY = dS.sum(axis=1), dS @ Y
    if d_scale is None or "Y" in wrt:
        columns = dS.sum(axis=0)
    if d_scale is None:
        moments = rows @ X**2 + columns @ Y**2 - 2 * np.einsum("ij,ij->j", X, VY)
        d_scale = -2 * moments / scale**3
    dX = 2 * (rows[:, None] * X - VY) / scale**2 if "X" in wrt else None
    dY = 2 * (columns[:, None] * Y - dS.T @ X) / scale**2 if "Y" in wrt else None
    return d_scale, dX, dY


# ---- kernels of sklearn.metrics.pairwise

_ONE = np.float64(1.0)


def _power(base: np.ndarray, exponent: float) -> np.ndarray:
    """``base ** exponent``, avoiding the slow general power for small integers."""
    if exponent == int(exponent) and 1 <= exponent <= 8:
        result = base
        for _ in range(int(exponent) - 1):
            result = result * base
        return result
    return base**exponent


def _root_slope(base: Any, exponent: float) -> Any:
    """Derivative of ``base ** exponent`` for an exponent below 1.

    Infinite at 0, where it is set to 0: an inner product that is 0 is so at every scale.
    """
    with np.errstate(divide="ignore"):
        slope = exponent * np.asarray(base) ** (exponent - 1)
    return np.where(np.isinf(slope), 0.0, slope)


def _linear(pair: Pair, **_: Any) -> Gram:
    return Gram(pair.known("products"), lambda dK, wrt: ({}, *_products_inputs(pair, dK, wrt)))


def _cosine(pair: Pair, **_: Any) -> Gram:
    return Gram(pair.known("cosine"), lambda dK, wrt: ({}, *_cosine_inputs(pair, dK, wrt)))


def _of_affine(pair: Pair, gamma: float, K: np.ndarray, slope: Callable[[], np.ndarray]) -> Gram:
    """A function of ``γ P + c0``, given its derivative with respect to that."""

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        d_base = dK * slope()
        gradient = {"gamma": float(np.vdot(d_base, pair.known("products")))}
        gradient["coef0"] = float(d_base.sum())
        if not wrt:
            return gradient, None, None
        return gradient, *_products_inputs(pair, gamma * d_base, wrt)

    return Gram(K, back)


def _poly(pair: Pair, gamma: float, coef0: float = 1, degree: float = 3) -> Gram:
    base = gamma * pair.known("products") + coef0

    def slope() -> np.ndarray:
        return degree * _power(base, degree - 1) if degree > 1 else np.full_like(base, degree)

    if 0 < degree < 1:
        slope = partial(_root_slope, base, degree)
    return _of_affine(pair, gamma, _power(base, degree), slope)


def _sigmoid(pair: Pair, gamma: float, coef0: float = 1, **_: Any) -> Gram:
    K = np.tanh(gamma * pair.known("products") + coef0)
    return _of_affine(pair, gamma, K, lambda: 1 - K * K)


def _rbf(pair: Pair, gamma: float, **_: Any) -> Gram:
    D = pair.known("squared")
    K = D * -gamma
    np.exp(K, out=K)

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        V = dK * K
        gradient = {"gamma": -float(np.vdot(V, D))}
        if not wrt:
            return gradient, None, None
        V *= -gamma
        return gradient, *_scaled_back(pair, D, V, _ONE, wrt)[1:]

    return Gram(K, back)


def _by_feature(name: str, pair: Pair, dM: np.ndarray, wrt: str) -> tuple[Inputs, Inputs]:
    """Pull-back of a matrix of `_SUMS` (a sum over features) to X and Y."""
    if not wrt or not pair.dense:
        return None, None
    dX, dY = np.zeros(pair.X.shape), np.zeros(pair.Y.shape)
    for k in range(pair.X.shape[1]):
        by_x, by_y = _SUMS[name](pair.X[:, k, None], pair.Y[:, k])
        dX[:, k], dY[:, k] = (dM * by_x).sum(axis=1), (dM * by_y).sum(axis=0)
    return dX if "X" in wrt else None, dY if "Y" in wrt else None


def _manhattan_slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sign = np.sign(x - y)
    return sign, -sign


def _chi2_slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # -(x - y)² / (x + y), 0 where both are 0
    total = x + y
    share = (x - y) / np.where(total == 0, 1.0, total**2)
    return -share * (x + 3 * y), share * (3 * x + y)


_SUMS: dict[str, Callable] = {"manhattan": _manhattan_slopes, "chi2": _chi2_slopes}


def _of_distance(pair: Pair, name: str, sign: int, gamma: float, **_: Any) -> Gram:
    """``exp(± γ M)``."""
    M = pair.known(name)
    K = np.exp(sign * gamma * M)

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        V = sign * dK * K
        return {"gamma": float(np.vdot(V, M))}, *_by_feature(name, pair, gamma * V, wrt)

    return Gram(K, back)


def _additive_chi2(pair: Pair, **_: Any) -> Gram:
    return Gram(pair.known("chi2"), lambda dK, wrt: ({}, *_by_feature("chi2", pair, dK, wrt)))


def _precomputed(pair: Pair, **_: Any) -> Gram:
    return Gram(pair.known("precomputed"), lambda dK, wrt: ({}, None, None))


_PAIRWISE: dict[str, tuple[tuple[str, ...], Callable[..., Gram]]] = {
    "linear": ((), _linear),
    "cosine": ((), _cosine),
    "poly": (("gamma", "coef0"), _poly),
    "polynomial": (("gamma", "coef0"), _poly),
    "sigmoid": (("gamma", "coef0"), _sigmoid),
    "rbf": (("gamma",), _rbf),
    "laplacian": (("gamma",), partial(_of_distance, name="manhattan", sign=-1)),
    "chi2": (("gamma",), partial(_of_distance, name="chi2", sign=1)),
    "additive_chi2": ((), _additive_chi2),
    "precomputed": ((), _precomputed),
}


# ---- kernels of sklearn.gaussian_process.kernels


def _gaussian(S: np.ndarray) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
    K = S * -0.5
    np.exp(K, out=K)
    return K, lambda: -0.5 * K


def _matern_half(S: np.ndarray) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
    t = np.sqrt(S)
    K = np.exp(-t)
    # K has a kink where points coincide; there S = 0, and so is its derivative with respect to ℓ.
    return K, lambda: np.where(t > 0, -0.5 * K / np.where(t > 0, t, 1), 0.0)


def _matern_three_halves(S: np.ndarray) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
    t = np.sqrt(3 * S)
    E = np.exp(-t)
    return (1 + t) * E, lambda: -1.5 * E


def _matern_five_halves(S: np.ndarray) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
    t = np.sqrt(5 * S)
    E = np.exp(-t)
    return (1 + t + t * t / 3) * E, lambda: -5 / 6 * (1 + t) * E


_MATERN: dict[float, Callable] = {
    0.5: _matern_half,
    1.5: _matern_three_halves,
    2.5: _matern_five_halves,
    np.inf: _gaussian,
}


def _stationary(kernel: Any, pair: Pair) -> Gram:
    """RBF and Matérn: a function of S, and its derivative."""
    function = _MATERN[kernel.nu] if isinstance(kernel, gp.Matern) else _gaussian
    scale = np.squeeze(np.asarray(kernel.length_scale, dtype=float))
    S = pair.scaled(scale)
    K, slope = function(S)

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        d_scale, dX, dY = _scaled_back(pair, S, dK * slope(), scale, wrt)
        return {"length_scale": _shaped(d_scale, kernel.length_scale)}, dX, dY

    return Gram(K, back)


def _shaped(value: np.ndarray, template: Any) -> Any:
    """Gradient in the shape of the hyperparameter."""
    return float(value) if np.ndim(template) == 0 else np.reshape(value, np.shape(template))


def _rational_quadratic(kernel: Any, pair: Pair) -> Gram:
    # K = (1 + D / 2αℓ²)^-α
    D, a, scale = pair.known("squared"), kernel.alpha, kernel.length_scale
    base = 1 + D / (2 * a * scale**2)
    K = base**-a

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        V = dK * K
        W = V / base
        moment = float(np.vdot(W, D)) / scale**2
        d_alpha = moment / (2 * a) - float(np.vdot(V, np.log(base)))
        gradient = {"length_scale": moment / scale, "alpha": d_alpha}
        if not wrt:
            return gradient, None, None
        return gradient, *_scaled_back(pair, D, W / (-2 * scale**2), _ONE, wrt)[1:]

    return Gram(K, back)


def _exp_sine_squared(kernel: Any, pair: Pair) -> Gram:
    # K = exp(-2 sin²(π d / period) / ℓ²)
    D, period, scale = pair.known("squared"), kernel.periodicity, kernel.length_scale
    d = np.sqrt(D)
    angle = np.pi / period * d
    sine = np.sin(angle)
    K = np.exp(-2 * (sine / scale) ** 2)

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        V = dK * K
        cosine = np.cos(angle)
        d_scale = 4 * float(np.vdot(V, sine**2)) / scale**3
        d_period = 4 * float(np.vdot(V, angle * cosine * sine)) / (scale**2 * period)
        gradient = {"length_scale": d_scale, "periodicity": d_period}
        if not wrt:
            return gradient, None, None
        # sin(angle) / d = π / period · sinc(d / period), defined at d = 0
        slope = cosine * np.sinc(d / period) * (-2 * (np.pi / period / scale) ** 2)
        return gradient, *_scaled_back(pair, D, V * slope, _ONE, wrt)[1:]

    return Gram(K, back)


def _dot_product(kernel: Any, pair: Pair) -> Gram:
    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        gradient = {"sigma_0": 2 * kernel.sigma_0 * float(dK.sum())}
        return gradient, *_products_inputs(pair, dK, wrt)

    return Gram(pair.known("products") + kernel.sigma_0**2, back)


def _constant(kernel: Any, pair: Pair) -> Gram:
    return Gram(
        np.float64(kernel.constant_value),
        lambda dK, wrt: ({"constant_value": float(dK.sum())}, 0.0, 0.0),
    )


def _white(kernel: Any, pair: Pair) -> Gram:
    if not pair.noise:
        return Gram(np.float64(0.0), lambda dK, wrt: ({"noise_level": 0.0}, 0.0, 0.0))
    return Gram(
        kernel.noise_level * np.eye(pair.shape[0]),
        lambda dK, wrt: ({"noise_level": float(np.trace(dK))}, 0.0, 0.0),
    )


def _pairwise_kernel(kernel: Any, pair: Pair) -> Gram:
    settings = dict(kernel.pairwise_kernels_kwargs or {})
    leaf = _PAIRWISE[kernel.metric][1](pair, gamma=kernel.gamma, **settings)

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        gradient, dX, dY = leaf.back(dK, wrt)
        return {"gamma": gradient.get("gamma", 0.0)}, dX, dY

    return Gram(leaf.K, back)


def _prefixed(prefix: str, gradient: Gradient) -> Gradient:
    return {f"{prefix}__{name}": value for name, value in gradient.items()}


def _two(kernel: Any, pair: Pair, product: bool) -> Gram:
    """Sum or product of two kernels."""
    one, two = _composed(kernel.k1, pair), _composed(kernel.k2, pair)

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        g1, dX1, dY1 = one.back(dK * two.K if product else dK, wrt)
        g2, dX2, dY2 = two.back(dK * one.K if product else dK, wrt)
        gradient = {**_prefixed("k1", g1), **_prefixed("k2", g2)}
        return gradient, add_inputs(dX1, dX2), add_inputs(dY1, dY2)

    return Gram(one.K * two.K if product else one.K + two.K, back)


def _exponentiation(kernel: Any, pair: Pair) -> Gram:
    base, exponent = _composed(kernel.kernel, pair), kernel.exponent

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        root = 0 < exponent < 1
        slope = _root_slope(base.K, exponent) if root else exponent * base.K ** (exponent - 1)
        gradient, dX, dY = base.back(dK * slope, wrt)
        return _prefixed("kernel", gradient), dX, dY

    return Gram(_power(base.K, exponent), back)


# Looked up by exact class: a subclass may compute something else.
_COMPOSED: dict[type, Callable[[Any, Pair], Gram]] = {
    gp.RBF: _stationary,
    gp.Matern: _stationary,
    gp.RationalQuadratic: _rational_quadratic,
    gp.ExpSineSquared: _exp_sine_squared,
    gp.DotProduct: _dot_product,
    gp.ConstantKernel: _constant,
    gp.WhiteKernel: _white,
    gp.PairwiseKernel: _pairwise_kernel,
    gp.Sum: partial(_two, product=False),
    gp.Product: partial(_two, product=True),
    gp.Exponentiation: _exponentiation,
}


def _composed(kernel: Any, pair: Pair) -> Gram:
    return _COMPOSED[type(kernel)](kernel, pair)


# ---- any kernel


def _why_not(kernel: Any) -> str:
    """Why a Gaussian process kernel cannot be differentiated; empty if it can be."""
    if type(kernel) not in _COMPOSED:
        return f"{type(kernel).__name__} has no derivative here."
    if isinstance(kernel, gp.Matern) and kernel.nu not in _MATERN:
        return f"Matern has a derivative for nu in {list(_MATERN)}; got nu={kernel.nu}."
    if isinstance(kernel, gp.PairwiseKernel) and kernel.metric not in _PAIRWISE:
        return "PairwiseKernel has a derivative where its metric is the name of a kernel."
    parts = (getattr(kernel, name, None) for name in ("k1", "k2", "kernel"))
    return next(filter(None, (_why_not(part) for part in parts if part is not None)), "")


def kernel_names(kernel: Any) -> tuple[str, ...]:
    """Hyperparameters of a kernel that ``gram`` differentiates.

    Parameters
    ----------
    kernel : str, kernel of ``sklearn.gaussian_process.kernels`` or callable

    Raises
    ------
    NotDifferentiableError
        If ``gram`` does not know the kernel.
    """
    if isinstance(kernel, str) and kernel in _PAIRWISE:
        return _PAIRWISE[kernel][0]
    reason = _why_not(kernel)
    if reason:
        raise NotDifferentiableError(reason)
    return tuple(h.name for h in kernel.hyperparameters if not h.fixed)


def passes_inputs(kernel: Any) -> bool:
    """Whether ``gram`` differentiates a kernel with respect to dense points."""
    if isinstance(kernel, str):
        return kernel in _PAIRWISE and kernel != "precomputed"
    parts = [getattr(kernel, name) for name in ("k1", "k2", "kernel") if hasattr(kernel, name)]
    if isinstance(kernel, gp.PairwiseKernel):
        parts.append(kernel.metric)
    return not _why_not(kernel) and all(map(passes_inputs, parts))


def gram(kernel: Any, pair: Pair, **settings: Any) -> Gram:
    """A kernel matrix and its pull-back.

    Parameters
    ----------
    kernel : str or kernel of ``sklearn.gaussian_process.kernels``
        Accepted by ``kernel_names``.
    pair : Pair
    **settings : float
        `gamma`, `coef0` and `degree`, for a kernel given as a string.

    Returns
    -------
    gram : Gram
    """
    if isinstance(kernel, str):
        return _PAIRWISE[kernel][1](pair, **settings)
    found = _composed(kernel, pair)
    if np.ndim(found.K):
        return found
    return Gram(np.full(pair.shape, found.K), found.back)


def opaque(K: Any) -> Gram:
    """A given kernel matrix, without derivatives."""
    return Gram(np.asarray(K, dtype=float), lambda dK, wrt: ({}, None, None))
