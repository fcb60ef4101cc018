"""Space-filling search by a Sobol sequence."""

import numpy as np
from scipy.stats import qmc

from skhyper._trial import History
from skhyper.samplers._base import Sampler, located_trials
from skhyper.space import Space


class SobolSampler(Sampler):
    """Points of a scrambled Sobol sequence, which are more even than random ones.

    Notes
    -----
    Proposal ``t`` is point ``t`` of the sequence, so that a resumed search continues where it
    stopped. Points that a constraint rejects are replaced by random ones.

    References
    ----------
    Owen (1998), "Scrambling Sobol' and Niederreiter-Xing points", Journal of Complexity 14.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import SearchCV
    >>> space = {"C": (1e-2, 1e2, "log-uniform"), "gamma": (1e-3, 1e1, "log-uniform")}
    >>> search = SearchCV(SVC(), space, sampler="sobol", n_iter=8, random_state=0)
    >>> search.fit(*load_iris(return_X_y=True)).sampler_
    SobolSampler()
    """

    uses_losses = False

    def ask(self, space: Space, history: History, rng: np.random.Generator) -> np.ndarray:
        number = sum(not trial.shared for trial in history)
        return sobol_point(space, number, history.seed, rng, located_trials(space, history)[0])


def sobol_point(
    space: Space, number: int, seed: int, rng: np.random.Generator, tried: np.ndarray | None = None
) -> np.ndarray:
    """Point `number` of the Sobol sequence scrambled with `seed`, shape (d,).

    If the constraint rejects it, a random point replaces it; if the constraint is rarely satisfied,
    by a random walk from the `tried` points, (m, d).
    """
    sequence = qmc.Sobol(space.n_dims, scramble=True, seed=seed)
    if number:
        sequence.fast_forward(number)
    points = space.filter(space.canonical(sequence.random(1)))
    return points[0] if len(points) else space.sample(1, rng, tried)[0]
