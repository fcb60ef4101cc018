"""Branches of a conditional space: values of a choice with their own hyperparameters."""

from collections import Counter

import numpy as np

from skhyper.space._space import Space


def branches(space: Space) -> tuple[int, np.ndarray]:
    """The choice by which a space branches, and its values with their own hyperparameters.

    The choice selects the sub-space or, if there is only one, it is the unconditional choice on
    which most hyperparameters depend. Hyperparameters with a single value do not count.

    Parameters
    ----------
    space : Space

    Returns
    -------
    column : int
    values : ndarray of int of shape (n_branches,)
        Index of each value under which a hyperparameter may be active that is inactive under all
        others. Empty if the space does not branch.

    Examples
    --------
    >>> from skhyper.space import Space, When, branches
    >>> space = Space(
    ...     {
    ...         "model": ["knn", "tree", "bayes"],
    ...         "n_neighbors": When((1, 50), model="knn"),
    ...         "max_depth": When((1, 15), model="tree"),
    ...     }
    ... )
    >>> branches(space)
    (0, array([0, 1]))
    """
    column = _choice(space)
    if column is None:
        return 0, np.array([], dtype=int)
    values = space.dimensions[column].grid(0)
    points = np.full((len(values), space.n_dims), np.nan)
    points[:, column] = values
    may_be_active = space.active(points, if_unknown=True)
    varied = np.array([dimension.n_values > 1 for dimension in space.dimensions])
    own = may_be_active & (may_be_active.sum(axis=0) == 1) & varied
    return column, np.flatnonzero(own.any(axis=1) & (len(values) > 1))


def _choice(space: Space) -> int | None:
    """Column of the choice that most hyperparameters depend on; None if there is no choice."""
    if space.n_subspaces > 1:
        return 0
    (subspace,) = space._columns.subspaces
    categorical = [c for c, d in enumerate(space.dimensions) if d.kind == "categorical"]
    choices = [c for c in subspace.unconditional.tolist() if c in categorical]
    parents = Counter(parent for own in subspace.conditions.values() for parent, _ in own)
    return max(choices, key=parents.__getitem__, default=None)
