"""Grid search over any space, ranges included."""

import numbers
from collections.abc import Iterator

import numpy as np

from skhyper._trial import History
from skhyper.samplers._base import Sampler
from skhyper.space import Space

__all__ = ["GridSampler"]


class GridSampler(Sampler):
    """Every setting of a grid, in the order of scikit-learn's ``ParameterGrid``.

    Parameters
    ----------
    n_values : int, default=5
        Number of values of each continuum, and at most that many of a range of integers,
        equally spaced on its scale with both ends. Lists of choices are taken whole.
    """

    n_values: int

    def __init__(self, n_values: int = 5):
        if not isinstance(n_values, numbers.Integral) or isinstance(n_values, bool):
            raise TypeError(f"n_values must be an integer, got {n_values!r}.")
        if n_values < 1:
            raise ValueError(f"n_values must be at least 1, got {n_values!r}.")
        self.n_values = n_values

    def __repr__(self) -> str:
        return f"GridSampler(n_values={self.n_values!r})"

    def ask(
        self, space: Space, history: History, n_points: int, rng: np.random.Generator
    ) -> np.ndarray:
        located = (space.locate(trial.params) for trial in history)
        tried = {space.key(point) for point in located if point is not None}
        points = list(_first(self._untried(space, tried), n_points))
        return np.array(points).reshape(len(points), space.n_dims)

    def _untried(self, space: Space, tried: set) -> Iterator[np.ndarray]:
        for point in space.grid(self.n_values):
            same = point
            if space.n_subspaces > 1:  # they may overlap
                (same,) = space.to_unit(space.from_unit(point[None]))
            key = space.key(same)
            if key not in tried:
                tried.add(key)
                yield point


def _first(points: Iterator[np.ndarray], n: int) -> Iterator[np.ndarray]:
    return (point for _, point in zip(range(n), points))
