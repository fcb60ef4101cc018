"""Data that are used again, protected from estimators that write to what they get.

An estimator may work in place: ``StandardScaler(copy=False)``, a function of the user's. What
is kept for its next fit must stay as it is.
"""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

__all__ = ["private_copy", "protected", "with_copies", "with_protected", "works_in_place"]

T = TypeVar("T")
# Arrays that the compressed sparse formats consist of.
_COMPRESSED = ("data", "indices", "indptr")


def protected(X: Any) -> Any:
    """Data equal to `X` through which `X` cannot be changed.

    Arrays and compressed sparse matrices are read-only views: scikit-learn's estimators copy
    them before they write. What cannot be made read-only, such as a DataFrame, is copied.
    """
    if isinstance(X, np.ndarray):
        if not X.flags.writeable:
            return X
        view = X.view()
        view.flags.writeable = False
        return view
    compressed = sparse.issparse(X) and X.format in ("csr", "csc", "bsr")
    # Estimators sort in place, which would fail; sorted here, sums would round otherwise.
    if compressed and X.has_sorted_indices:
        return _read_only_sparse(X)
    return private_copy(X)


def _read_only_sparse(X: Any) -> Any:
    if not X.data.flags.writeable:
        return X
    view = copy.copy(X)
    for name in _COMPRESSED:
        setattr(view, name, protected(getattr(view, name)))
    return view


def private_copy(X: Any) -> Any:
    """A copy that may be written to; `X` itself where it is not known how to copy it."""
    if isinstance(X, np.ndarray):
        return X.copy(order="K")
    if isinstance(X, list):
        return list(X)
    make = getattr(type(X), "copy", None) or getattr(type(X), "clone", None)  # polars: clone
    return X if make is None else make(X)


def with_copies(function: Callable[..., T], *data: Any) -> T:
    """``function(*data)`` by copies of the data: for a function that may write to them."""
    return function(*map(private_copy, data))


def with_protected(function: Callable[..., T], *data: Any) -> T:
    """``function(*data)``, by copies of the data if it writes to them.

    Raises
    ------
    ValueError
        The function's own, unless it says that data are read-only.
    """
    try:
        return function(*map(protected, data))
    except ValueError as error:
        if "read-only" not in str(error):
            raise
    return with_copies(function, *data)


def works_in_place(estimator: Any) -> bool:
    """Whether an estimator, or one that it contains, has been told not to copy its data."""
    return any(
        value is False and name.rpartition("__")[2] in ("copy", "copy_X")
        for name, value in estimator.get_params(deep=True).items()
    )
