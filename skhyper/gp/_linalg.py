"""Factors of covariance matrices that may be nearly singular."""

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from skhyper.gp._kernel import Array

# Jitters of the diagonal, tried in this order, relative to the signal variance.
_JITTERS = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)


def jittered_cholesky(K: Array, scale: float) -> Array:
    """Lower Cholesky factor of K (n, n), or of K with the minimum jitter needed, in Fortran order.

    Only the lower triangle of K is read; the upper one of the factor is zero. `scale` is the unit
    of the jitter. Raises LinAlgError if even the largest jitter is too small.
    """
    for jitter in _JITTERS:
        if jitter:
            K = K + jitter * scale * np.eye(len(K))
        L: Array
        L, info = dpotrf(K, lower=1)
        if info == 0:
            return L
    raise np.linalg.LinAlgError(
        f"The covariance of {len(K)} observations is not positive definite, even with "
        f"{_JITTERS[-1]:g} of the signal variance added. Check X and y for values of very "
        "different magnitudes."
    )


def inverse_root(K: Array, scale: float) -> Array:
    """Inverse R (n, n) of the lower Cholesky factor of K, or of K with some jitter: Rᵀ R = K⁻¹."""
    R: Array
    R, _ = dtrtri(jittered_cholesky(K, scale), lower=1)
    return R
