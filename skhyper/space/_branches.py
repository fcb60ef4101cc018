"""The choice that a conditional space branches by."""

from collections import Counter

import numpy as np

from skhyper.space._space import Space

__all__ = ["branches"]


def branches(space: Space) -> tuple[int, np.ndarray]:
    """Where a space branches: a choice whose values have hyperparameters of their own.

    It is the choice of a sub-space or, where there is only one, the choice on which most
    hyperparameters depend, itself always active. What only one value is left for does not count.

    Parameters
    ----------
    space : Space

    Returns
    -------
    column : int
    values : ndarray of int of shape (n_branches,)
        Index of each value that makes something active which no other one does. Empty where the
        space does not branch.

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
    column, opened = _opened(space)
    varied = {c for c, dimension in enumerate(space.dimensions) if dimension.n_values > 1}
    n_openers = Counter(c for columns in opened for c in columns)
    own = [any(n_openers[c] == 1 for c in columns & varied) for columns in opened]
    return column, np.flatnonzero(own)


def _opened(space: Space) -> tuple[int, list[set[int]]]:
    """Column of the choice, and the columns that may be active with each of its values."""
    if space.n_subspaces > 1:
        every = [sub.columns.values() for sub in space._subspaces]
        return 0, [{c for columns in parts for c in columns} for parts in every]
    (sub,) = space._subspaces
    free = [columns[0] for name, columns in sub.columns.items() if not sub.tests[name]]
    choices = [c for c in free if space.dimensions[c].kind == "categorical"]
    conditions = [(name, parent) for name, tests in sub.tests.items() for parent, _ in tests]
    if not choices:
        return 0, []
    column = max(choices, key=[parent for _, parent in conditions].count)
    every_value = space.dimensions[column].grid(0)
    opened: list[set[int]] = [set() for _ in every_value]
    for name in {name for name, parent in conditions if parent == column}:
        holds = [test(every_value) for parent, test in sub.tests[name] if parent == column]
        for value in np.flatnonzero(np.all(holds, axis=0)):
            opened[value].update(sub.columns[name])
    return column, opened
