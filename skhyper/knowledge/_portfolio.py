"""A portfolio: a few candidates that together did well on other data sets."""

import numpy as np

# Maximum expected time of a candidate in a portfolio, relative to the median.
_SLOWEST = 4.0
# Weight of the mean loss: if few data sets gain, prefer candidates that are good on average.
_AVERAGE_WEIGHT = 0.05
# Number of first candidates, selected by their own losses: they test whether the knowledge applies.
_N_ALONE = 2


def portfolio(
    losses: np.ndarray, log_seconds: np.ndarray, n: int = 8, known: np.ndarray | None = None
) -> list[int]:
    """Indices of at most n candidates, chosen one by one.

    Parameters
    ----------
    losses : ndarray of shape (n_candidates, T)
        Relative losses on T data sets.
    log_seconds : ndarray of shape (n_candidates,)
        Logarithms of the expected times.
    n : int, default=8
    known : ndarray of shape (T,), default=None
        Smallest losses of candidates that are always tried: from the third one on, candidates are
        selected for data sets on which these are bad.

    Returns
    -------
    indices : list of int
        Each one minimizes the mean over the data sets of the least loss of those chosen so far,
        plus a twentieth of its own mean.

    Notes
    -----
    The decrease of the mean is submodular, so that the greedy choice has at least 63 % of that of
    the best portfolio (Nemhauser, Wolsey, Fisher, 1978). Portfolios of hyperparameters: Feurer
    et al. (2022), "Auto-Sklearn 2.0", JMLR 23(261).

    Examples
    --------
    Of three candidates on two data sets, the first two are best on one each:

    >>> import numpy as np
    >>> from skhyper.knowledge import portfolio
    >>> portfolio(np.array([[0.0, 1.0], [1.0, 0.1], [0.6, 0.6]]), np.zeros(3), n=2)
    [0, 1]
    """
    slow = log_seconds > np.median(log_seconds) + np.log(_SLOWEST)
    losses = np.where(slow[:, None], np.inf, losses)
    least = np.full(losses.shape[1], np.inf)
    averages = _AVERAGE_WEIGHT * losses.mean(axis=1)
    chosen: list[int] = []
    while len(chosen) < min(n, int((~slow).sum())):
        means = np.minimum(losses, least).mean(axis=1) + averages
        means[chosen] = np.inf
        index = int(means.argmin())
        chosen.append(index)
        least = np.minimum(least, losses[index])
        if len(chosen) == _N_ALONE and known is not None:
            least = np.minimum(least, known)
    return chosen
