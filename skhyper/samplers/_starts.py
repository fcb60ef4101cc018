"""The first trials of a search with candidates that did well on other data sets."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from skhyper.samplers._surrogate import Observations
from skhyper.space import Space

# Number of known starts before the middle of the space, with which they are compared.
_N_BEFORE = 2


class KnownStarts(Protocol):
    """Candidates of a space that did well on other data sets, the most useful one first."""

    def __call__(self, space: Space) -> Sequence[Mapping[str, Any]]: ...


def next_start(
    space: Space, starts: KnownStarts | None, observed: Observations
) -> np.ndarray | None:
    """The next known start, (d,); None if all were tried, or if they do not help here.

    After the first two comes the middle of the space. If neither is as good as that, the others are
    not tried.
    """
    candidates = [] if starts is None else list(starts(space))
    if not candidates:
        return None
    points = space.to_unit(candidates)
    middle = space.filter(space.canonical(np.full((1, space.n_dims), 0.5)))
    losses = np.where(np.isnan(observed.losses) & ~observed.pending, np.inf, observed.losses)
    seen = dict(zip(space.keys(observed.points), losses))
    first, others = points[:_N_BEFORE], points[_N_BEFORE:]
    for point in (*first, *middle):
        if space.key(point) not in seen:
            return point
    best = np.min([seen[space.key(point)] for point in first])
    if any(best > seen[space.key(point)] for point in middle):  # False where one is pending
        return None
    return next((point for point in others if space.key(point) not in seen), None)
