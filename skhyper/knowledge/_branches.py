"""Branches of a space by a choice of estimators, such as the last step of a pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper.space import Space


@dataclass(frozen=True)
class Branch:
    """Candidates with one value of a choice, in one sub-space.

    Attributes
    ----------
    fixed : dict
        From columns of the space to coordinates: of the sub-space and of the value.
    params : dict
        The value, and those of hyperparameters that have no other one in the branch.
    """

    fixed: Mapping[int, float]
    params: Mapping[str, Any]


def branches_by(space: Space, name: str) -> list[Branch]:
    """A branch for each value of a choice and each sub-space.

    A sub-space without the choice is one branch.

    Examples
    --------
    >>> from skhyper.knowledge._branches import branches_by
    >>> from skhyper.space import Space
    >>> space = Space([{"model": ["knn", "tree"], "k": (1, 9)}, {"model": ["svm"], "C": [1]}])
    >>> [branch.params for branch in branches_by(space, "model")]
    [{'model': 'knn'}, {'model': 'tree'}, {'model': 'svm', 'C': 1}]
    """
    found: list[Branch] = []
    for i in range(space.n_subspaces):
        subspace = {0: float(space.dimensions[0].to_unit(i))} if space.n_subspaces > 1 else {}
        own = [
            _branch(space, name, {**subspace, column: u}, column)
            for column, (other, dimension) in enumerate(zip(space.names, space.dimensions))
            if other == name and dimension.kind == "categorical"
            for u in dimension.grid(0).tolist()
        ]
        present = [branch for branch in own if branch is not None]
        without = _branch(space, name, subspace, 0)
        found += present or ([] if without is None else [without])
    return found


def _branch(space: Space, name: str, fixed: Mapping[int, float], column: int) -> Branch | None:
    """None if the column is not active there."""
    point = np.full((1, space.n_dims), 0.5)
    point[:, list(fixed)] = list(fixed.values())
    point = space.canonical(point)
    if np.isnan(point[0, column]):
        return None
    (params,) = space.from_unit(point)
    columns = zip(space.names, space.dimensions, point[0].tolist())
    only = {n for n, d, u in columns if (n == name or d.n_values == 1) and not np.isnan(u)}
    return Branch(fixed, {n: value for n, value in params.items() if n in only})
