"""Grid search over any space, ranges included."""

import numbers
from collections.abc import Iterator

import numpy as np

from skhyper._trial import History, Stop
from skhyper.samplers._base import Sampler
from skhyper.space import Space

__all__ = ["GridSampler"]


class GridSampler(Sampler):
    """All candidates of a grid, in the order of scikit-learn's ``ParameterGrid``.

    Parameters
    ----------
    n_values : int, default=5
        Number of values of each range of reals, and maximum number of values of a range of
        integers, equally spaced on its scale with both ends. Of a list, all choices are taken.
    """

    n_values: int

    def __init__(self, n_values: int = 5):
        if not isinstance(n_values, numbers.Integral) or isinstance(n_values, bool):
            raise TypeError(f"n_values must be an integer, got {n_values!r}.")
        if n_values < 1:
            raise ValueError(f"n_values must be at least 1, got {n_values!r}.")
        self.n_values = n_values

    def ask(self, space: Space, history: History, rng: np.random.Generator) -> np.ndarray | Stop:
        located = (space.locate(trial.params) for trial in history)
        tried = {space.key(point) for point in located if point is not None}
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
