"""Protection of shared data from estimators that modify their input in place.

``StandardScaler(copy=False)`` does so, and a user's function may. Data that are kept for the next
fit must not change.
"""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

T = TypeVar("T")
# Arrays of the compressed sparse formats.
_COMPRESSED = ("data", "indices", "indptr")


def protected(X: Any) -> Any:
    """A read-only view of `X`, or a copy.

    Arrays and compressed sparse matrices become views: scikit-learn's estimators copy read-only
    data before they write to them. Data that cannot be read-only, such as a DataFrame, are copied.
    """
    if isinstance(X, np.ndarray):
        if not X.flags.writeable:
            return X
        view = X.view()
        view.flags.writeable = False
        return view
    compressed = sparse.issparse(X) and X.format in ("csr", "csc", "bsr")
    # Unsorted indices are sorted in place by estimators, which a view forbids; sorting them here
    # would change the order of sums, and so their rounding.
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
    """A writable copy; `X` itself if it has no known way to copy."""
    if isinstance(X, np.ndarray):
        return X.copy(order="K")
    if isinstance(X, list):
        return list(X)
    if _is_frame_of_one_type(X):
        # DataFrame.copy may change the memory order, and with it the rounding of sums.
        values = np.array(X.to_numpy(), order="K")
        # With `dtype`, pandas infers no other types from objects.
        copied = type(X)(values, X.index, X.columns, dtype=values.dtype, copy=False)
        copied.attrs.update(X.attrs)
        return copied
    make = getattr(type(X), "copy", None) or getattr(type(X), "clone", None)  # polars: clone
    return X if make is None else make(X)


def _is_frame_of_one_type(X: Any) -> bool:
    """Whether `X` is a DataFrame of pandas all of whose columns have one type of numpy."""
    cls = type(X)
    if cls.__name__ != "DataFrame" or cls.__module__.partition(".")[0] != "pandas":
        return False
    kinds = set(X.dtypes)
    return len(kinds) == 1 and isinstance(kinds.pop(), np.dtype)


def is_equal(X: Any, Y: Any) -> bool:
    """Whether a copy has the values of the original; nan equals nan."""
    if sparse.issparse(X):
        names = [name for name in (*_COMPRESSED, "row", "col", "rows") if hasattr(X, name)]
        return all(is_equal(getattr(X, name), getattr(Y, name)) for name in names)
    if isinstance(X, np.ndarray):
        same = X == Y
        return bool(same.all() or (same | ((X != X) & (Y != Y))).all())
    return bool(X.equals(Y) if hasattr(X, "equals") else X == Y)


def with_copies(function: Callable[..., T], *data: Any) -> T:
    """``function(*data)`` with copies of the data, for a function that may write to them."""
    return function(*map(private_copy, data))


def with_protected(function: Callable[..., T], *data: Any) -> T:
    """``function(*data)`` with read-only data; with copies if it tries to write to them.

    Raises
    ------
    ValueError
        If the function raises one for another reason.
    """
    try:
        return function(*map(protected, data))
    except ValueError as error:
        if "read-only" not in str(error):
            raise
    return with_copies(function, *data)


def works_in_place(estimator: Any) -> bool:
    """Whether an estimator, or one nested in it, has ``copy=False`` or ``copy_X=False``."""
    return any(
        value is False and name.rpartition("__")[2] in ("copy", "copy_X")
        for name, value in estimator.get_params(deep=True).items()
    )
