"""Random points of a space, also under a constraint that random draws rarely meet.

Notation
--------
n, m, d : number of points wanted, of starts, of dimensions
points : (n, d) points of the unit cube, nan where inactive
"""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from skhyper.exceptions import InvalidSpaceError
from skhyper.space._points import is_inside

if TYPE_CHECKING:
    from skhyper.space._space import Space

# Numbers of draws: before a random walk may start from known points, if fewer than one in _RARE
# draws is accepted; before it starts from what the draws found; before an error if they found
# nothing.
_FEW_DRAWS, _RARE = 1000, 200
_MAX_DRAWS = 20_000
_MAX_DRAWS_FOR_ONE = 50_000
# Largest number of draws at once, of points of a grid in search of one that is accepted, and of
# those that a walk then starts from.
_MAX_BATCH = 4096
_MAX_ENUMERATED = 100_000
_MAX_STARTS = 64
# Calls of the constraint in one walk, and bounds of the number of steps of each point.
_MAX_CALLS = 10_000
_FEWEST_STEPS, _MOST_STEPS = 4, 60
# Lengths of steps along one dimension, in units of the cube's side.
_STEPS = (0.3, 0.1, 0.03, 0.01)


def sample(
    space: "Space", n: int, rng: np.random.Generator, starts: np.ndarray | None = None
) -> np.ndarray:
    """Random points that meet the constraint, (n, d); see :meth:`Space.sample`."""
    if space.constraint is None:
        return space.canonical(rng.random((n, space.n_dims)))
    found = [np.empty((0, space.n_dims))]
    drawn = n_found = 0
    batch = found[0]
    known: np.ndarray | None = None
    while n_found < n:
        if drawn >= _FEW_DRAWS:
            known = _known(space, starts) if known is None else known
            if _gives_up(space, n, drawn, n_found, len(known)):
                break
        missing = n - n_found
        batch = space.canonical(rng.random((min(max(2 * missing, 16), _MAX_BATCH), space.n_dims)))
        found.append(space.filter(batch)[:missing])
        drawn, n_found = drawn + len(batch), n_found + len(found[-1])
    points = np.concatenate(found)
    if n_found < n:
        accepted = points if known is None else np.concatenate([points, known])
        accepted = accepted if len(accepted) else _enumerated(space, drawn, batch)
        points = np.concatenate([points, walk(space, accepted, n - n_found, rng)])
    return points


def _known(space: "Space", starts: np.ndarray | None) -> np.ndarray:
    """Points that meet the constraint: those the space knows, and the accepted ones of `starts`."""
    if starts is None or not len(starts):
        return space.accepted
    inside = starts[[is_inside(point) for point in starts]]
    return np.concatenate([space.accepted, space.filter(inside)])


def _gives_up(space: "Space", n: int, drawn: int, n_found: int, n_known: int) -> bool:
    """Whether further draws are unlikely to find `n` points."""
    if n_known and _RARE * n_found < drawn:
        return True
    has_start = n_found > 0 or n_known > 0 or space.n_candidates <= _MAX_ENUMERATED
    return drawn >= max(_MAX_DRAWS if has_start else _MAX_DRAWS_FOR_ONE, 16 * n)


def _enumerated(space: "Space", drawn: int, rejected: np.ndarray) -> np.ndarray:
    """Points of a finite space that meet a constraint which random draws never met, (>= 1, d)."""
    found: list[np.ndarray] = []
    if space.n_candidates <= _MAX_ENUMERATED:
        found = list(itertools.islice(space.grid(_MAX_ENUMERATED), _MAX_STARTS))
    if not found:
        (example,) = space.from_unit(rejected[:1])
        raise InvalidSpaceError(
            f"The constraint {space.constraint!r} rejected all of {drawn} candidates drawn from "
            f"the space; it rejects {example!r}, for example. If it accepts any candidate, pass "
            "one as an initial point."
        )
    return np.array(found)


def evenly(space: "Space", n: int, rng: np.random.Generator) -> np.ndarray:
    """Random points that meet the constraint, with all choices equally likely, (<= n, d).

    So choices of negligible weight, and hyperparameters conditioned on them, are drawn, too.
    """
    points = rng.random((n, space.n_dims))
    for column in range(space.n_dims):
        points[:, column] = _any_choice(space, column, points[:, column], rng)
    return space.filter(space.canonical(points))


def walk(space: "Space", starts: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """End points of random walks from `starts` (m, d) through accepted points, (n, d).

    Each step changes one or a few dimensions: a constraint that random points rarely meet is often
    met by a neighbor of a point that meets it.
    """
    points = starts[rng.integers(len(starts), size=n)]
    for _ in range(int(np.clip(_MAX_CALLS // n, _FEWEST_STEPS, _MOST_STEPS))):
        proposed = space.canonical(_stepped(space, points, rng))
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
        moved[:, column] = _any_choice(space, column, moved[:, column], rng)
    return np.where(moves | np.isnan(points), moved, points)


def _any_choice(space: "Space", column: int, u: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coordinates of choices drawn with equal probability; those of numbers are returned."""
    dimension = space.dimensions[column]
    if dimension.kind != "categorical":
        return u
    return dimension.grid(0)[rng.integers(int(dimension.n_values), size=len(u))]
