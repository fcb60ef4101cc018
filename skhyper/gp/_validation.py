"""Checks of arguments: arrays of observations, and the grouping of columns."""

import numpy as np
from numpy.typing import ArrayLike

from skhyper.gp._kernel import Array, IntArray

# Maximum magnitude of y, so that variances, in units of y squared, are finite.
_LARGEST_Y = 1e100


def check_groups(groups: ArrayLike | None, n_columns: int) -> IntArray:
    """Validate the group of each column: integers without gaps; None gives each column its own."""
    if groups is None:
        return np.arange(n_columns)
    checked = np.asarray(groups)
    if checked.shape != (n_columns,) or not np.issubdtype(checked.dtype, np.integer):
        raise ValueError(
            f"groups must hold one integer for each of the {n_columns} columns of X, got shape "
            f"{checked.shape} and dtype {checked.dtype}."
        )
    if not np.array_equal(np.unique(checked), np.arange(checked.max() + 1)):
        raise ValueError(
            f"groups must use every number from 0 to G - 1, got {np.unique(checked).tolist()}. "
            "Number the groups without gaps."
        )
    return checked.astype(np.intp)


def check_gradients(gradients: ArrayLike | None, X: Array) -> Array | None:
    """Validate observed derivatives, nan where unknown, against the shape of X."""
    if gradients is None:
        return None
    checked = np.array(gradients, dtype=np.float64)
    if checked.shape != X.shape:
        raise ValueError(
            f"gradients must have the shape of X, {X.shape}, got {checked.shape}. Put nan where a "
            "derivative is not known."
        )
    if np.any(np.abs(checked) > _LARGEST_Y):
        raise ValueError(
            f"gradients must not exceed {_LARGEST_Y:g} in magnitude. Put nan where a derivative is "
            "not finite."
        )
    return checked


def check_observations(X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Validate observations X (n, d) and y (n,), and return them as arrays."""
    X = np.array(X, dtype=np.float64)
    y = np.array(y, dtype=np.float64)
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"X must have shape (n, d) with n and d at least 1, got {X.shape}.")
    if y.shape != X.shape[:1]:
        raise ValueError(
            f"y must have one value for each of the {len(X)} rows of X, got shape {y.shape}."
        )
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise ValueError(
            "X and y must be finite. Leave failed observations out, or give them a finite value."
        )
    if np.abs(y).max() > _LARGEST_Y:
        raise ValueError(
            f"y must not exceed {_LARGEST_Y:g} in magnitude, so that its square is finite, got "
            f"{np.abs(y).max():g}. Clip it or take ranks."
        )
    return X, y
