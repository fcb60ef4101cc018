"""Copies of data with the same memory layout, since the rounding of sums depends on it."""

import copy
import pickle
from typing import Any

import numpy as np
from scipy import sparse

try:
    from numpy.lib.array_utils import byte_bounds as _byte_bounds
except ImportError:  # numpy < 2
    from numpy import byte_bounds as _byte_bounds  # type: ignore[no-redef, attr-defined]

_COMPRESSED = ("data", "indices", "indptr")
_TEXT = 64  # bytes of a short text
# Immutable elements: a shallow copy of their list is enough.
_UNCHANGING = (str, bytes, int, float, bool, type(None))


def same_copy(data: Any) -> Any:
    """A copy of data with equal memory layout; None for types that cannot be copied so.

    These types are arrays, matrices of SciPy, data frames and series of pandas, and lists of texts
    or numbers.
    """
    if type(data) is np.ndarray:
        return None if data.dtype.hasobject and not _is_unchanging(data) else _array_copy(data)
    if sparse.issparse(data):
        return _sparse_copy(data)
    if type(data) is list:
        return list(data) if _is_unchanging(data) else None
    if _is_pandas(data):
        return _pandas_copy(data)
    return None


def is_equal(data: Any, before: Any) -> bool:
    """Whether data are those that :func:`same_copy` copied."""
    if type(data) is not type(before):
        return False
    if isinstance(data, np.ndarray):
        same = data.shape == before.shape and data.dtype == before.dtype
        return same and data.tobytes() == before.tobytes()
    if sparse.issparse(data):
        if data.format not in ("csr", "csc", "bsr"):
            return False  # not worth a comparison
        return all(is_equal(getattr(data, n), getattr(before, n)) for n in _COMPRESSED)
    if isinstance(data, list):
        return len(data) == len(before) and all(a is b for a, b in zip(data, before))
    return bool(data.equals(before))


def may_alias(output: Any, data: Any) -> bool:
    """Whether an output may be (a view of) the data it was computed from."""
    return any(np.may_share_memory(a, b) for a in _arrays(output) for b in _arrays(data)) or (
        output is data
    )


def size_of(data: Any) -> int:
    """Bytes of data that :func:`same_copy` copies."""
    if sparse.issparse(data):
        return sum(x.nbytes for x in vars(data).values() if isinstance(x, np.ndarray))
    if isinstance(data, list):
        return 64 * len(data) + sum(len(x) for x in data if isinstance(x, str | bytes))
    if isinstance(data, np.ndarray):
        return data.nbytes + (_TEXT * data.size if data.dtype.hasobject else 0)
    return int(np.sum(data.memory_usage(deep=True)))


def _is_unchanging(items: Any) -> bool:
    flat = items.ravel() if isinstance(items, np.ndarray) else items
    return {type(item) for item in flat} <= set(_UNCHANGING)


def _array_copy(array: np.ndarray) -> np.ndarray:
    flags = array.flags
    if flags.c_contiguous or flags.f_contiguous:
        return array.copy(order="K")
    low, high = _byte_bounds(array)
    offset = array.__array_interface__["data"][0] - low
    new = np.ndarray(
        array.shape, array.dtype, np.empty(high - low, np.uint8), offset, array.strides
    )
    new[...] = array
    return new


def _sparse_copy(matrix: Any) -> Any:
    if matrix.format not in ("csr", "csc", "bsr"):
        return matrix.copy()
    new = copy.copy(matrix)  # keeps the type of indices, and whether they are sorted
    for name in _COMPRESSED:
        setattr(new, name, getattr(matrix, name).copy())
    return new


def _is_pandas(data: Any) -> bool:
    kind = type(data)
    library = kind.__module__.partition(".")[0]
    return library == "pandas" and kind.__name__ in ("DataFrame", "Series")


def _pandas_copy(table: Any) -> Any:
    """A copy of a table with its blocks: pandas' own ``copy`` changes their layout."""
    values = table.to_numpy(copy=False)
    if not values.dtype.hasobject and np.may_share_memory(values, table.to_numpy(copy=False)):
        new = type(table)(_array_copy(values), copy=False, **_axes(table))
        new.attrs.update(table.attrs)
        return new
    new = pickle.loads(pickle.dumps(table, protocol=5))
    return new if _strides(new) == _strides(table) else None


def _strides(table: Any) -> list[tuple]:
    columns = [table]
    if table.ndim > 1:
        columns = [table.iloc[:, i] for i in range(table.shape[1])]
    return [column.to_numpy(copy=False).strides for column in columns]


def _axes(table: Any) -> dict[str, Any]:
    named = {"columns": table.columns} if table.ndim > 1 else {"name": table.name}
    return {"index": table.index, **named}


def _arrays(data: Any) -> list[np.ndarray]:
    if isinstance(data, np.ndarray):
        return [data]
    if sparse.issparse(data):
        return [x for x in vars(data).values() if isinstance(x, np.ndarray)]
    return []
