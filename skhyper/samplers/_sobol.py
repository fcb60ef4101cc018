"""Space-filling search by a Sobol sequence."""

import warnings

import numpy as np
from scipy.stats import qmc

from skhyper._trial import History
from skhyper.samplers._base import Sampler, located_trials
from skhyper.space import Space

__all__ = ["SobolSampler", "sobol_points"]


class SobolSampler(Sampler):
    """Points of a scrambled Sobol sequence: more even than random ones.

    Notes
    -----
    Point ``t`` of the sequence is asked for by trial ``t``, so that a search that is
    resumed goes on where it stopped. Points that a constraint rejects are replaced.

    References
    ----------
    Owen (1998), "Scrambling Sobol' and Niederreiter-Xing points", Journal of Complexity 14.
    """

    def ask(
        self, space: Space, history: History, n_points: int, rng: np.random.Generator
    ) -> np.ndarray:
        tried, _, _ = located_trials(space, history)
        return sobol_points(space, len(history), n_points, history.seed, rng, tried)


def sobol_points(
    space: Space,
    start: int,
    n: int,
    seed: int,
    rng: np.random.Generator,
    tried: np.ndarray | None = None,
) -> np.ndarray:
    """Points `start` to ``start + n`` of a scrambled Sobol sequence, shape (n, d).

    Parameters
    ----------
    seed : int
        Of the scrambling: the same seed, the same sequence.
    rng : numpy.random.Generator
        For points in place of those that the constraint rejects.
    tried : ndarray of shape (m, d), default=None
        Earlier points: if the constraint is seldom met, random walks start from them.
    """
    sequence = qmc.Sobol(space.n_dims, scramble=True, seed=seed)
    if start:
        sequence.fast_forward(start)
    with warnings.catch_warnings():
        # The balance it warns of holds for powers of two only; any part will do here.
        warnings.simplefilter("ignore", UserWarning)
        points = space.filter(space.canonical(sequence.random(n)))
    return np.concatenate([points, space.sample(n - len(points), rng, tried)])
