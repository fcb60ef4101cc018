"""Losses of trials as finite targets of a surrogate."""

import numpy as np

# Maximum magnitude of a loss: its square is finite.
_LARGEST_LOSS = 1e90
# Maximum distance of a loss from the median, in distances of the minimum from the median.
_LARGEST_DISTANCE = 5.0


def clip_to_finite(losses: np.ndarray) -> np.ndarray:
    """Losses (n,) with magnitudes of at most 1e90; failures, nan, stay nan."""
    return np.clip(losses, -_LARGEST_LOSS, _LARGEST_LOSS)


def clip_outliers(losses: np.ndarray) -> np.ndarray:
    """Losses with outliers clipped (winsorized), and failures replaced by the worst.

    A loss of 1e300 would mask all other differences. At least one loss must be finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper.samplers._losses import clip_outliers
    >>> clip_outliers(np.array([0.0, 1.0, np.nan, 1e300]))
    array([0., 1., 6., 6.])
    """
    finite = np.isfinite(losses)
    losses = clip_to_finite(losses)
    known = losses[finite]
    middle, low, high = np.median(known), known.min(), known.max()
    if middle > low:
        high = min(high, middle + _LARGEST_DISTANCE * (middle - low))
    return np.minimum(np.where(finite, losses, high), high)
