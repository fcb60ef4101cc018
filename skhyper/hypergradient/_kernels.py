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

from collections.abc import Callable, Mapping
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

from skhyper.hypergradient._problem import Gradient, NotDifferentiableError, prefixed

# Number of features up to which exact differences are as fast as matrix products.
_FEW_FEATURES = 16
# Squared distances below this share of |x|² + |y|² are rounding errors: the points are equal.
_ROUNDING = 1e-14

Inputs = Any  # ndarray; 0.0 where K does not depend on the points; None where not supported


@dataclass(frozen=True)
class Gram:
    """A kernel matrix (n, m), within compositions also a number, and its pull-back.

    ``back(dK, wrt)``, with `wrt` one of "", "X", "Y" and "XY", the point sets to differentiate,
    returns derivatives with respect to the hyperparameters, X and Y.
    """

    K: Any
    back: Callable[[np.ndarray, str], tuple[Gradient, Inputs, Inputs]]


class Pair:
    """Points x and y, arrays or CSR matrices, and matrices shared by kernels, computed once.

    By default y are x themselves. With `noise`, ``WhiteKernel`` is on the diagonal, as when
    scikit-learn calls a kernel with one argument.
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
        """A matrix of `_GEOMETRY`."""
        if name not in self._known:
            self._known[name] = _GEOMETRY[name][0](self.X, self.Y)
        return self._known[name]

    def centered(self) -> tuple[np.ndarray, np.ndarray]:
        """Points less the mean of y: equal distances, with smaller rounding errors."""
        mean = self.Y.mean(axis=0)
        X = self.X - mean
        return X, X if self.Y is self.X else self.Y - mean

    def scaled(self, scale: np.ndarray) -> np.ndarray:
        """S, for one length-scale or an array of shape (p,)."""
        if scale.ndim == 0:
            return self.known("squared") / scale**2
        X, Y = self.centered()
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


# ---- pull-backs to the points


def add_inputs(a: Inputs, b: Inputs) -> Inputs:
    """Sum of two derivatives with respect to points; None where one is not supported."""
    return None if a is None or b is None else a + b


def _products_inputs(pair: Pair, dP: np.ndarray, wrt: str) -> tuple[Inputs, Inputs]:
    """Pull-back of ``∂L/∂P`` to X and Y."""
    dX = dP @ pair.Y if "X" in wrt else None
    return dX, dP.T @ pair.X if "Y" in wrt else None


def _squared_inputs(pair: Pair, dD: np.ndarray, wrt: str) -> tuple[Inputs, Inputs]:
    """Pull-back of ``∂L/∂D`` to X and Y."""
    X, Y = pair.centered()
    dX = 2 * (dD.sum(axis=1)[:, None] * X - dD @ Y) if "X" in wrt else None
    return dX, 2 * (dD.sum(axis=0)[:, None] * Y - dD.T @ X) if "Y" in wrt else None


def _cosine_inputs(pair: Pair, dP: np.ndarray, wrt: str) -> tuple[Inputs, Inputs]:
    """Pull-back of cosines to X and Y: the tangential part, divided by the norm."""

    def tangential(V: np.ndarray, points: np.ndarray, unit: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(points, axis=1, keepdims=True)
        return (V - unit * (V * unit).sum(axis=1, keepdims=True)) / np.where(length, length, 1)

    X, Y = normalize(pair.X), normalize(pair.Y)
    dX = tangential(dP @ Y, pair.X, X) if "X" in wrt else None
    return dX, tangential(dP.T @ X, pair.Y, Y) if "Y" in wrt else None


def _by_feature(
    slopes: Callable, pair: Pair, dM: np.ndarray, wrt: str
) -> tuple[np.ndarray, np.ndarray]:
    """Pull-back of a sum over features to X and Y, by the slopes of its terms."""
    dX, dY = np.zeros(pair.X.shape), np.zeros(pair.Y.shape)
    for k in range(pair.X.shape[1]):
        by_x, by_y = slopes(pair.X[:, k, None], pair.Y[:, k])
        dX[:, k], dY[:, k] = (dM * by_x).sum(axis=1), (dM * by_y).sum(axis=0)
    return dX, dY


def _manhattan_slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sign = np.sign(x - y)
    return sign, -sign


def _chi2_slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # -(x - y)² / (x + y), 0 where both are 0
    total = x + y
    share = (x - y) / np.where(total == 0, 1.0, total**2)
    return -share * (x + 3 * y), share * (3 * x + y)


def _additive_chi2(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """scikit-learn's, whose compiled code takes no read-only arrays."""
    return pairwise.additive_chi2_kernel(*(np.require(Z, requirements="W") for Z in (X, Y)))


# Matrices without hyperparameters, and their pull-backs to dense points.
_GEOMETRY: dict[str, tuple[Callable, Callable]] = {
    "products": (lambda X, Y: safe_sparse_dot(X, Y.T, dense_output=True), _products_inputs),
    "squared": (_squared, _squared_inputs),
    "manhattan": (pairwise.manhattan_distances, partial(_by_feature, _manhattan_slopes)),
    "chi2": (_additive_chi2, partial(_by_feature, _chi2_slopes)),
    "cosine": (_cosines, _cosine_inputs),
    # The data are the kernel matrix.
    "precomputed": (lambda X, Y: X, lambda pair, dK, wrt: (None, None)),
}


def _to_points(geometry: str, pair: Pair, dM: Callable, wrt: str) -> tuple[Inputs, Inputs]:
    """Pull-back of ``∂L/∂M``, computed by `dM`, to X and Y."""
    return _GEOMETRY[geometry][1](pair, dM(), wrt) if wrt and pair.dense else (None, None)


# ---- functions of one matrix M of `_GEOMETRY`, elementwise: K, and a callable from dK to the
# derivatives with respect to hyperparameters and to a callable for ``∂L/∂M``

_Function = tuple[np.ndarray, Callable[[np.ndarray], tuple[Gradient, Callable[[], np.ndarray]]]]


def _of(geometry: str, function: Callable[..., _Function], pair: Pair, **params: Any) -> Gram:
    """The kernel that is such a function."""
    K, slopes = function(pair.known(geometry), **params)

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        gradient, dM = slopes(dK)
        return gradient, *_to_points(geometry, pair, dM, wrt)

    return Gram(K, back)


def _identity(M: np.ndarray, **_: Any) -> _Function:
    return M, lambda dK: ({}, lambda: dK)


def _exponential(M: np.ndarray, gamma: float, sign: int, **_: Any) -> _Function:
    K = M * (sign * gamma)
    np.exp(K, out=K)

    def slopes(dK: np.ndarray) -> tuple[Gradient, Callable]:
        V = dK * K
        V *= sign
        return {"gamma": float(np.vdot(V, M))}, lambda: V * gamma

    return K, slopes


def _poly(P: np.ndarray, gamma: float, coef0: float = 1, degree: float = 3) -> _Function:
    base = gamma * P + coef0
    return _power(base, degree), lambda dK: _affine(P, gamma, dK * _power_slope(base, degree))


def _sigmoid(P: np.ndarray, gamma: float, coef0: float = 1, **_: Any) -> _Function:
    K = np.tanh(gamma * P + coef0)
    return K, lambda dK: _affine(P, gamma, dK * (1 - K * K))


def _affine(P: np.ndarray, gamma: float, d_base: np.ndarray) -> tuple[Gradient, Callable]:
    """Pull-back of ``∂L/∂(γ P + c0)``."""
    gradient = {"gamma": float(np.vdot(d_base, P)), "coef0": float(d_base.sum())}
    return gradient, lambda: gamma * d_base


def _power(base: Any, exponent: float) -> Any:
    """``base ** exponent``, avoiding the slow general power for small integers."""
    if exponent == int(exponent) and 1 <= exponent <= 8:
        result = base
        for _ in range(int(exponent) - 1):
            result = result * base
        return result
    return base**exponent


def _power_slope(base: Any, exponent: float) -> Any:
    """Derivative of ``base ** exponent``.

    Infinite at 0 for a root, where it is set to 0: an inner product that is 0 is so at every
    scale.
    """
    if exponent in (0, 1):
        return np.full_like(base, exponent)
    with np.errstate(divide="ignore"):
        slope = exponent * _power(base, exponent - 1)
    return np.where(np.isinf(slope), 0.0, slope) if 0 < exponent < 1 else slope


def _rational_quadratic(D: np.ndarray, alpha: float, length_scale: float, **_: Any) -> _Function:
    # K = (1 + D / 2αℓ²)^-α
    base = 1 + D / (2 * alpha * length_scale**2)
    K = base**-alpha

    def slopes(dK: np.ndarray) -> tuple[Gradient, Callable]:
        V = dK * K
        W = V / base
        moment = float(np.vdot(W, D)) / length_scale**2
        d_alpha = moment / (2 * alpha) - float(np.vdot(V, np.log(base)))
        gradient = {"length_scale": moment / length_scale, "alpha": d_alpha}
        return gradient, lambda: W / (-2 * length_scale**2)

    return K, slopes


def _exp_sine_squared(
    D: np.ndarray, length_scale: float, periodicity: float, **_: Any
) -> _Function:
    # K = exp(-2 sin²(π d / period) / ℓ²)
    d = np.sqrt(D)
    angle = np.pi / periodicity * d
    sine = np.sin(angle)
    K = np.exp(-2 * (sine / length_scale) ** 2)

    def slopes(dK: np.ndarray) -> tuple[Gradient, Callable]:
        V = dK * K
        W = V * np.cos(angle)
        d_scale = 4 * float(np.vdot(V, sine**2)) / length_scale**3
        d_period = 4 * float(np.vdot(W, angle * sine)) / (length_scale**2 * periodicity)
        # sin(angle) / d = π / period · sinc(d / period), defined at d = 0
        factor = -2 * (np.pi / periodicity / length_scale) ** 2
        gradient = {"length_scale": d_scale, "periodicity": d_period}
        return gradient, lambda: W * np.sinc(d / periodicity) * factor

    return K, slopes


def _dot_product(P: np.ndarray, sigma_0: float, **_: Any) -> _Function:
    def slopes(dK: np.ndarray) -> tuple[Gradient, Callable]:
        return {"sigma_0": 2 * sigma_0 * float(dK.sum())}, lambda: dK

    return P + sigma_0**2, slopes


# Kernels of sklearn.metrics.pairwise, with the hyperparameters that can be differentiated.
_PAIRWISE: dict[str, tuple[tuple[str, ...], Callable[..., Gram]]] = {
    "linear": ((), partial(_of, "products", _identity)),
    "cosine": ((), partial(_of, "cosine", _identity)),
    "poly": (("gamma", "coef0"), partial(_of, "products", _poly)),
    "polynomial": (("gamma", "coef0"), partial(_of, "products", _poly)),
    "sigmoid": (("gamma", "coef0"), partial(_of, "products", _sigmoid)),
    "rbf": (("gamma",), partial(_of, "squared", _exponential, sign=-1)),
    "laplacian": (("gamma",), partial(_of, "manhattan", _exponential, sign=-1)),
    "chi2": (("gamma",), partial(_of, "chi2", _exponential, sign=1)),
    "additive_chi2": ((), partial(_of, "chi2", _identity)),
    "precomputed": ((), partial(_of, "precomputed", _identity)),
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
        dS = dK * slope()
        d_scale: Any = -2 * np.vdot(dS, S) / scale if scale.ndim == 0 else None
        if d_scale is None:
            X, Y = pair.centered()
            moments = dS.sum(axis=1) @ X**2 + dS.sum(axis=0) @ Y**2
            moments -= 2 * np.einsum("ij,ij->j", X, dS @ Y)
            d_scale = -2 * moments / scale**3
        shape = np.shape(kernel.length_scale)
        gradient = {"length_scale": np.reshape(d_scale, shape) if shape else float(d_scale)}
        dX, dY = _to_points("squared", pair, lambda: dS, wrt)
        return gradient, dX if dX is None else dX / scale**2, dY if dY is None else dY / scale**2

    return Gram(K, back)


def _leaf(geometry: str, function: Callable) -> Callable[[Any, Pair], Gram]:
    """A kernel without others in it, whose hyperparameters are the arguments of a function."""
    return lambda kernel, pair: _of(geometry, function, pair, **kernel.get_params())


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


def _two(kernel: Any, pair: Pair, product: bool) -> Gram:
    """Sum or product of two kernels."""
    one, two = _composed(kernel.k1, pair), _composed(kernel.k2, pair)

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        g1, dX1, dY1 = one.back(dK * two.K if product else dK, wrt)
        g2, dX2, dY2 = two.back(dK * one.K if product else dK, wrt)
        gradient = {**prefixed("k1", g1), **prefixed("k2", g2)}
        return gradient, add_inputs(dX1, dX2), add_inputs(dY1, dY2)

    return Gram(one.K * two.K if product else one.K + two.K, back)


def _exponentiation(kernel: Any, pair: Pair) -> Gram:
    base, exponent = _composed(kernel.kernel, pair), kernel.exponent

    def back(dK: np.ndarray, wrt: str) -> tuple[Gradient, Inputs, Inputs]:
        gradient, dX, dY = base.back(dK * _power_slope(base.K, exponent), wrt)
        return prefixed("kernel", gradient), dX, dY

    return Gram(_power(base.K, exponent), back)


# Looked up by exact class: a subclass may compute something else.
_COMPOSED: dict[type, Callable[[Any, Pair], Gram]] = {
    gp.RBF: _stationary,
    gp.Matern: _stationary,
    gp.RationalQuadratic: _leaf("squared", _rational_quadratic),
    gp.ExpSineSquared: _leaf("squared", _exp_sine_squared),
    gp.DotProduct: _leaf("products", _dot_product),
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


def why_unknown(kernel: Any) -> str:
    """Why ``gram`` cannot differentiate a kernel; empty if it can."""
    if isinstance(kernel, str) and kernel in _PAIRWISE:
        return ""
    if type(kernel) not in _COMPOSED:
        return f"The kernel {type(kernel).__name__} is not supported: no derivative is known."
    if isinstance(kernel, gp.Matern) and kernel.nu not in _MATERN:
        return f"Matern has a derivative for nu in {list(_MATERN)}; got nu={kernel.nu}."
    if isinstance(kernel, gp.PairwiseKernel) and kernel.metric not in _PAIRWISE:
        return "PairwiseKernel has a derivative only if its metric is the name of a kernel."
    parts = (getattr(kernel, name, None) for name in ("k1", "k2", "kernel"))
    return next(filter(None, (why_unknown(part) for part in parts if part is not None)), "")


def kernel_names(kernel: Any) -> tuple[str, ...]:
    """Hyperparameters that ``gram`` differentiates; raises for a kernel it does not know."""
    if reason := why_unknown(kernel):
        raise NotDifferentiableError(reason)
    if isinstance(kernel, str):
        return _PAIRWISE[kernel][0]
    return tuple(h.name for h in kernel.hyperparameters if not h.fixed)


def passes_inputs(kernel: Any) -> bool:
    """Whether ``gram`` differentiates a kernel with respect to dense points."""
    parts = [getattr(kernel, name) for name in ("k1", "k2", "kernel") if hasattr(kernel, name)]
    if isinstance(kernel, gp.PairwiseKernel):
        parts.append(kernel.metric)
    if why_unknown(kernel) or (isinstance(kernel, str) and kernel == "precomputed"):
        return False
    return all(map(passes_inputs, parts))


def gram(kernel: Any, pair: Pair, params: Mapping[str, Any] | None = None, **settings: Any) -> Gram:
    """A kernel matrix and its pull-back; without derivatives for a kernel it does not know.

    `kernel` is a string, with `gamma`, `coef0` and `degree` in `settings`; a kernel of
    ``sklearn.gaussian_process.kernels``; or unknown, with its arguments in `params`.
    """
    if why_unknown(kernel):
        K = (
            kernel(pair.X)
            if pair.noise
            else pairwise.pairwise_kernels(pair.X, pair.Y, metric=kernel, **(params or {}))
        )
        return Gram(np.asarray(K, dtype=float), lambda dK, wrt: ({}, None, None))
    if isinstance(kernel, str):
        return _PAIRWISE[kernel][1](pair, **settings)
    found = _composed(kernel, pair)
    return found if np.ndim(found.K) else Gram(np.full(pair.shape, found.K), found.back)
