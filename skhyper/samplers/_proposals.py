"""Candidate points for the next trial.

Notation
--------
n, m : number of known points, of proposed ones
d : number of dimensions
points : (n, d) points of the unit cube, nan where inactive
"""

from weakref import WeakKeyDictionary

import numpy as np

from skhyper.samplers._sobol import sobol_point
from skhyper.space import Space, branches

# Standard deviations of steps around the best points, in coordinates of the unit cube.
_LOCAL_STEPS = (0.2, 0.05, 0.01)
# Maximum number of points on one line, and on all lines.
_LINE_POINTS, _MOST_LINE_POINTS = 60, 1500

_EVERY_POINT: WeakKeyDictionary[Space, np.ndarray] = WeakKeyDictionary()


def every_point(space: Space) -> np.ndarray:
    """All points of a finite space that the constraint accepts, (m, d)."""
    if space not in _EVERY_POINT:
        points = list(space.grid(int(space.n_candidates)))
        _EVERY_POINT[space] = np.array(points).reshape(len(points), space.n_dims)
    return _EVERY_POINT[space]


def first_point(
    space: Space,
    known: np.ndarray,
    seed: int,
    rng: np.random.Generator,
    in_middle: bool,
    n_proposals: int,
) -> np.ndarray:
    """The next point of an initial design: the middle of the space, then a Sobol sequence, (d,).

    `n_proposals` of the known points were proposed.
    """
    middle = np.full((int(in_middle), space.n_dims), 0.5)
    middle = space.filter(space.canonical(middle))
    for point in unknown(middle, known):
        return point
    return sobol_point(space, max(0, n_proposals - len(middle)), seed, rng, known)


def best_points(points: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The three points of lowest loss; failed and pending trials, nan, are last."""
    return points[np.argsort(losses)[:3]]


def local_steps(space: Space, starts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random steps from `starts` in a few dimensions each: small for numbers, any for choices."""
    moves = rng.random(starts.shape) < min(1.0, 2.0 / space.n_dims)
    moves[np.arange(len(starts)), rng.integers(space.n_dims, size=len(starts))] = True
    sizes = rng.choice(_LOCAL_STEPS, size=(len(starts), 1))
    near = starts + sizes * rng.standard_normal(starts.shape)
    anywhere = rng.random(starts.shape)
    categorical = np.array([d.kind == "categorical" for d in space.dimensions])
    moved = np.where(categorical | np.isnan(starts), anywhere, np.clip(near, 0.0, 1.0))
    points = np.where(moves | np.isnan(starts), moved, np.clip(starts, 0.0, 1.0))
    return space.filter(space.canonical(points))


def along_lines(space: Space, center: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points that differ from the center in one dimension, both its ends included, (m, d)."""
    d = space.n_dims
    values = rng.random((d, min(_LINE_POINTS, max(4, -(-_MOST_LINE_POINTS // d)))))
    values[:, :2] = 0.0, 1.0
    points = np.repeat(np.tile(center, (d, 1))[:, None], values.shape[1], axis=1)
    points[np.arange(d), :, np.arange(d)] = values
    return _completed(space, points.reshape(-1, d), rng)


def in_rarest_branch(
    space: Space, known: np.ndarray, n_trials: int, m: int, rng: np.random.Generator
) -> np.ndarray:
    """Unknown random points of the branch with the fewest trials, at most (m, d).

    Branches that are exhausted, or have `n_trials` trials, are skipped. Without branches left, or
    with fewer than two in the space, there are no points.
    """
    column, values = branches(space)
    if len(values) < 2:
        return known[:0]
    choice, points = space.dimensions[column], space.sample(m, rng, known)
    # Skip choices of negligible weight, or that the constraint rejects.
    possible = np.intersect1d(values, choice.index(points[:, column]))
    tried = np.bincount(choice.index(known[:, column]), minlength=int(choice.n_values))
    if len(possible) < 2:
        return known[:0]
    for value in possible[np.argsort(tried[possible], kind="stable")]:
        if tried[value] >= n_trials:
            break
        points[:, column] = choice.grid(0)[value]
        found = unknown(_completed(space, points, rng), known)
        if len(found):
            return found
    return known[:0]


def unknown(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The points that are not known."""
    seen = set(Space.keys(known))
    keep = [key not in seen for key in Space.keys(points)]
    return points[np.array(keep, dtype=bool)]


def _completed(space: Space, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points of the space; dimensions that become active have random values."""
    points = np.where(np.isnan(points), rng.random(points.shape), points)
    return space.filter(space.canonical(points))
