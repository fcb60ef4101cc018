"""The first trials of a search with candidates that did well on other data sets."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from skhyper.samplers._surrogate import Observations
from skhyper.space import Space

# Number of known starts before the middle of the space, with which they are compared.
_N_BEFORE = 2
# Candidates of a space and their points, since they are requested at each trial.
_POINTS: "WeakKeyDictionary[Space, tuple[Sequence, np.ndarray]]" = WeakKeyDictionary()


class KnownStarts(Protocol):
    """Candidates of a space that did well on other data sets, the most useful one first.

    Optional attributes: `n_hidden`, the number of trials that the sampler does not see;
    `n_branches`, the number of branches of the space, of which the first candidates are the best
    ones.
    """

    def __call__(self, space: Space) -> Sequence[Mapping[str, Any]]: ...


def next_start(
    space: Space, starts: KnownStarts | None, observed: Observations
) -> np.ndarray | None:
    """The next known start, (d,); None if it is the sampler's turn, or if they do not help here.

    At most half of the trials, rounded up, are known starts at any time, so that the order of
    trials does not depend on their number. After the first two comes the middle of the space; if
    neither is as good as that, the others are not tried. With more than two branches it is the best
    one of each that is compared with the middle.
    """
    candidates = [] if starts is None else starts(space)
    if not candidates:
        return None
    if space not in _POINTS or _POINTS[space][0] is not candidates:
        _POINTS[space] = candidates, space.to_unit(candidates)
    points = _POINTS[space][1]
    middle = space.filter(space.canonical(np.full((1, space.n_dims), 0.5)))
    losses = np.where(np.isnan(observed.losses) & ~observed.pending, np.inf, observed.losses)
    seen = dict(zip(space.keys(observed.points), losses))
    untried = [point for point in points if space.key(point) not in seen]
    n_tried = len(points) - len(untried)
    n_trials = observed.n_proposals + getattr(starts, "n_hidden", 0)
    n_before = max(_N_BEFORE, getattr(starts, "n_branches", 0))
    may_be_known = 2 * (n_tried + 1) <= n_trials + 2
    if n_tried < n_before and untried and may_be_known:
        return untried[0]
    for point in middle:
        if space.key(point) not in seen:
            return point
    best = np.min([seen.get(space.key(point), np.inf) for point in points[:n_before]])
    if any(best > seen[space.key(point)] for point in middle):  # False where one is pending
        return None
    return untried[0] if untried and may_be_known else None
