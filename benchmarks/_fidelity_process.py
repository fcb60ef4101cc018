"""Gaussian process (GP) of losses on parts of the training samples; the part is one more input.

Notation
--------
n, p, G, L : number of losses, of features, of groups of features, of parts.
F : (n, p) features of candidates; see ``skhyper.samplers._encoding``.
level : (n,) index of the part, L − 1 for all samples.
u : (L,) the input of each part: from 0 for the smallest to 1 for all, linear in its logarithm.
θ : (log l_1 … log l_G, log l of u, log s², log σ² of each part), (G + 2 + L,).
"""

import numpy as np
from scipy.optimize import minimize

from skhyper.gp import GaussianProcess, Hyperparameters, Priors
from skhyper.gp._estimation import standardize
from skhyper.gp._kernel import matern52_with_slope
from skhyper.gp._likelihood import ValueDensity
from skhyper.gp._linalg import inverse_root, jittered_cholesky
from skhyper.samplers._losses import clip_outliers

_PRIORS = Priors()
# Prior of the length-scale of u: candidates correlate by 0.92 on the smallest part and on all.
_PART_LENGTH_SCALE = (np.log(3.0), 1.0)


def inputs(parts):
    """u (L,) of the parts, which ascend to 1."""
    return 1.0 - np.log(parts) / np.log(parts[0]) if len(parts) > 1 else np.ones(1)


class PartDensity(ValueDensity):
    """Density of the hyperparameters if each part has a noise variance of its own.

    X (n, p + 1) are features and u, y (n,) standardized losses. In the prior the noise variance is
    inversely proportional to the part.
    """

    def __init__(self, X, y, level, groups, parts):
        super().__init__(X, y, groups, _PRIORS)
        self._level, n_candidate = level, self._n_groups - 1
        center, width = _PRIORS.moments(n_candidate)
        noise = _PRIORS.noise[0] - np.log(parts)
        self.center = np.concatenate(
            [center[:-2], [_PART_LENGTH_SCALE[0], _PRIORS.signal[0]], noise]
        )
        widths = [_PART_LENGTH_SCALE[1], _PRIORS.signal[1]] + [_PRIORS.noise[1]] * len(parts)
        self._width = np.concatenate([width[:-2], widths])
        self.starts = (self.center,)

    def _factorize(self, theta):
        G, n = self._n_groups, len(self._level)
        correlation, slope = matern52_with_slope(
            self._squares.weighted_sum(np.exp(-2.0 * theta[:G]))
        )
        signal, noise = np.exp(theta[G]), np.exp(theta[G + 1 :])
        K = np.zeros(n * n)
        K[self._squares.lower] = signal * correlation
        K[:: n + 1] = signal + noise[self._level]
        return jittered_cholesky(K.reshape(n, n, order="F"), signal), (correlation, slope)

    def _likelihood_gradient(self, theta, alpha, inverse, parts):
        G, (correlation, slope) = self._n_groups, parts
        signal, noise = np.exp(theta[G]), np.exp(theta[G + 1 :])
        W = (alpha[:, None] * alpha - inverse.T).reshape(-1)
        diagonal = W[:: len(alpha) + 1].copy()
        W = W[self._squares.lower]
        lengths = signal * np.exp(-2.0 * theta[:G]) * self._squares.contract(W * slope)
        by_signal = signal * (W @ correlation + 0.5 * diagonal.sum())
        by_noise = 0.5 * noise * np.bincount(self._level, diagonal, len(noise))
        return np.concatenate([lengths, [by_signal], by_noise])

    def mode(self):
        """θ of the largest density, by L-BFGS-B from the center of the priors."""
        n_lengths, n_noises = self._n_groups, len(self.center) - self._n_groups - 1
        bounds = [(-5.3, 4.6)] * n_lengths + [(-6.9, 4.6)] + [(-13.8, 2.3)] * n_noises
        options = {"maxiter": 50, "ftol": 5e-5, "gtol": 1e-2}  # those of fit_gp
        found = minimize(
            self, self.center, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        return found.x


def with_offsets(losses, level, candidate, n_levels):
    """Losses (n,) plus the median difference between all samples and the part, finite.

    It is that of the candidates seen on both; zero without any.
    """
    moved = np.array(losses, dtype=float)
    full = dict(zip(candidate[level == n_levels - 1], losses[level == n_levels - 1]))
    for k in range(n_levels - 1):
        rows = np.flatnonzero(level == k)
        differences = [
            full[c] - loss for c, loss in zip(candidate[rows], losses[rows]) if c in full
        ]
        if differences:
            moved[rows] += np.median(differences)
    return clip_outliers(moved)


class PartProcess:
    """The posterior of the losses, with hyperparameters that are refitted as it grows."""

    def __init__(self, F, groups, parts):
        self.F, self.parts, self.u = F, np.asarray(parts), inputs(parts)
        self.groups = np.append(groups, groups.max() + 1)
        self._theta = None

    def fit(self, candidate, level, losses):
        """Condition on losses (n,) of candidates (n,), indices of rows of F, on parts (n,)."""
        y = with_offsets(losses, level, candidate, len(self.parts))
        X, (z, location, scale) = self.rows(candidate, level), standardize(y)
        density = PartDensity(X, z, level, self.groups, self.parts)
        n = len(y)
        if self._theta is None or n % max(1, n // 5) == 0:  # as in GPSampler
            self._theta = density.mode()
        theta, G = self._theta, self.groups.max() + 1
        signal, noise = np.exp(theta[G]) * scale**2, np.exp(theta[G + 1 :]) * scale**2
        mean = location + scale * density.mean(theta)
        h = Hyperparameters(np.exp(theta[:G]), float(signal), float(noise[-1]), float(mean))
        blank = GaussianProcess(X, y, self.groups, h, np.empty((0, 0)))
        K = signal * blank.correlation(X, X)
        K[np.diag_indices(n)] = signal + noise[level]
        self.gp = GaussianProcess(X, y, self.groups, h, inverse_root(K, signal))
        self.noise = noise
        return self

    def rows(self, candidate, level):
        """Inputs (n, p + 1)."""
        return np.column_stack([self.F[candidate], self.u[level]])

    def predict(self):
        """Mean and standard deviation of all candidates on all samples."""
        everyone = np.arange(len(self.F))
        return self.gp.predict(self.rows(everyone, np.full(len(self.F), len(self.u) - 1)))

    def correlation_with_full(self, k):
        """Posterior correlation (m,) of a loss on part k, noise included, with that on all."""
        everyone = np.arange(len(self.F))
        A = self.rows(everyone, np.full(len(everyone), k))
        B = self.rows(everyone, np.full(len(everyone), len(self.u) - 1))
        s2, gp = self.gp.signal_variance, self.gp
        lower = s2 * gp.correlation(A, gp.X) @ gp._root.T
        upper = s2 * gp.correlation(B, gp.X) @ gp._root.T
        prior = s2 * float(gp.correlation(A[:1], B[:1])[0, 0])
        covariance = prior - np.einsum("ij,ij->i", lower, upper)
        var_lower = np.maximum(s2 - np.einsum("ij,ij->i", lower, lower), 1e-12 * s2)
        var_upper = np.maximum(s2 - np.einsum("ij,ij->i", upper, upper), 1e-12 * s2)
        return np.clip(covariance / np.sqrt((var_lower + self.noise[k]) * var_upper), 1e-6, 1.0)
