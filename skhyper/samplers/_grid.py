"""Grid search over any space, ranges included."""

from collections.abc import Iterator

import numpy as np

from skhyper._trial import History, Stop
from skhyper.samplers._arguments import check_number
from skhyper.samplers._base import Sampler, located_trials
from skhyper.space import Space


class GridSampler(Sampler):
    """All candidates of a grid, in the order of scikit-learn's ``ParameterGrid``.

    Parameters
    ----------
    n_values : int, default=5
        Number of values of each range of reals, and maximum number of values of a range of
        integers, equally spaced on its scale, including both ends. Lists keep all their choices.

    Examples
    --------
    >>> from skhyper.samplers import GridSampler
    >>> from skhyper.space import Space
    >>> space = Space({"C": (1e-2, 1e2, "log-uniform"), "kernel": ["rbf", "linear"]})
    >>> len(list(GridSampler(n_values=3).design(space)))
    6
    """

    uses_losses = False

    def __init__(self, n_values: int = 5):
        check_number("n_values", n_values, whole=True, low=1)
        self.n_values = n_values

    def ask(self, space: Space, history: History, rng: np.random.Generator) -> np.ndarray | Stop:
        tried = set(space.keys(located_trials(space, history)[0]))
        return next(self._untried(space, tried), Stop())

    def design(self, space: Space) -> Iterator[np.ndarray]:
        return space.grid(self.n_values)

    def _untried(self, space: Space, tried: set) -> Iterator[np.ndarray]:
        for point in self.design(space):
            same = point
            if space.n_subspaces > 1:  # they may overlap
                (same,) = space.to_unit(space.from_unit(point[None]))
            key = space.key(same)
            if key not in tried:
                tried.add(key)
                yield point
