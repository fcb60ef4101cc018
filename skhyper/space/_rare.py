"""Points of a space that random draws hardly ever meet.

Notation
--------
n, m, d : number of points wanted, of starts, of dimensions
points : (n, d) points of the unit cube, nan where inactive
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from skhyper.space._space import Space

__all__ = ["evenly", "walk"]

# Settings that the constraint is asked about for each call, and steps of each point.
_MAX_ASKED = 10_000
_FEWEST_STEPS, _MOST_STEPS = 4, 60
# Lengths of steps along one dimension, in units of the cube's side.
_STEPS = (0.3, 0.1, 0.03, 0.01)


def evenly(space: "Space", n: int, rng: np.random.Generator) -> np.ndarray:
    """Random points that meet the constraint, with all choices equally likely, (<= n, d).

    Choices of next to no weight, and what is conditioned on them, are met too.
    """
    points = rng.random((n, space.n_dims))
    for column in range(space.n_dims):
        points[:, column] = _anywhere(space, column, points[:, column], rng)
    return space.filter(space.activate(points))


def walk(space: "Space", starts: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Points that random steps from `starts` (m, d) lead to, through accepted points, (n, d).

    Each step changes one or a few dimensions: a constraint that random points hardly ever meet
    is often met by a neighbour of a point that meets it.
    """
    points = starts[rng.integers(len(starts), size=n)]
    for _ in range(int(np.clip(_MAX_ASKED // n, _FEWEST_STEPS, _MOST_STEPS))):
        proposed = space.activate(_stepped(space, points, rng))
        accepted = space.meets(proposed)
        points[accepted] = proposed[accepted]
    return points


def _stepped(space: "Space", points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n, d = points.shape
    moves = rng.random((n, d)) < 0.5 / d
    moves[np.arange(n), rng.integers(d, size=n)] = True
    near = points + rng.choice(_STEPS, size=(n, 1)) * rng.standard_normal((n, d))
    jumps = rng.random((n, 1)) < 0.5
    moved = np.where(jumps | np.isnan(points), rng.random((n, d)), np.clip(near, 0.0, 1.0))
    for column in range(d):
        moved[:, column] = _anywhere(space, column, moved[:, column], rng)
    return np.where(moves | np.isnan(points), moved, points)


def _anywhere(space: "Space", column: int, u: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coordinates of any choice, all equally likely; those of numbers stay as they are."""
    dimension = space.dimensions[column]
    if dimension.kind != "categorical":
        return u
    return dimension.grid(0)[rng.integers(int(dimension.n_values), size=len(u))]
