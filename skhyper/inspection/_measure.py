"""Size and summary of a learned value.

Notation
--------
size : number of numbers; for a tree: a feature and a threshold for each split, and the values
    of the leaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

# Maximum number of numbers of an array that are all shown.
_WRITTEN_OUT = 4


@dataclass(frozen=True)
class Measure:
    """Shape, size, dtype and a summary of a learned value.

    ``shape`` is None for trees and dicts, which are not arrays.
    """

    shape: tuple[int, ...] | None
    size: int
    dtype: str
    summary: str


def number(x: Any) -> str:
    """A number in at most four digits."""
    return f"{x:.4g}" if isinstance(x, float | np.floating) else str(x)


def measure(value: Any) -> Measure:
    """Measure of any value that ``fit`` may have set."""
    if sparse.issparse(value):
        summary = f"sparse, {value.nnz} stored"
        return Measure(value.shape, int(np.prod(value.shape)), str(value.dtype), summary)
    if is_tree(value):
        return forest_measure([value])
    if hasattr(value, "query_radius"):  # a tree of training samples
        return _array(np.asarray(value.data))
    if hasattr(value, "tck"):  # a spline: its knots are what is learned
        return Measure(None, len(value.t), str(value.t.dtype), f"{len(value.t)} knots")
    if isinstance(value, str):
        return Measure((), 1, "str", str(value))
    if isinstance(value, np.ndarray | np.generic) or np.isscalar(value):
        return _array(np.asarray(value))
    if isinstance(value, dict):
        return Measure(None, len(value), "", _entries(value))
    if isinstance(value, list | tuple):
        return _sequence(value)
    if hasattr(value, "theta") and hasattr(value, "hyperparameters"):  # a kernel
        return Measure(None, len(value.theta), "float64", str(value))
    return Measure(None, 0, type(value).__name__, "")


def _array(value: np.ndarray) -> Measure:
    return Measure(value.shape, value.size, str(value.dtype), _values(value))


def _values(value: np.ndarray) -> str:
    flat = value.ravel()
    if flat.size == 0:
        return "empty"
    if flat.size <= _WRITTEN_OUT:
        return ", ".join(number(x) for x in flat)
    if value.dtype.kind not in "iuf":
        return ", ".join(number(x) for x in flat[:_WRITTEN_OUT]) + ", ..."
    finite = flat[np.isfinite(flat)] if value.dtype.kind == "f" else flat
    if finite.size == 0:
        return "not finite"
    text = f"{number(finite.min())} to {number(finite.max())}"
    zeros = int((flat == 0).sum())
    if zeros and value.dtype.kind == "f":  # as a lasso leaves them
        text += f", {zeros} of {flat.size} are 0"
    if finite.size < flat.size:
        text += f", {flat.size - finite.size} not finite"
    return text


def _entries(value: dict) -> str:
    if len(value) > _WRITTEN_OUT or any(np.ndim(v) for v in value.values()):
        return f"{len(value)} entries"
    return ", ".join(f"{key}={number(v)}" for key, v in value.items())


def _sequence(value: Sequence[Any]) -> Measure:
    flat = list(_flat(value))
    if flat and all(is_tree(v) for v in flat):
        return forest_measure(flat)
    parts = [measure(v) for v in value]
    dtypes = {part.dtype for part in parts}
    dtype = dtypes.pop() if len(dtypes) == 1 else ""
    if all(part.shape == () for part in parts):
        written = ", ".join(part.summary for part in parts[:_WRITTEN_OUT])
        more = ", ..." if len(parts) > _WRITTEN_OUT else ""
        return Measure((len(parts),), len(parts), dtype, written + more)
    arrays = f"{len(parts)} arrays" if len(parts) != 1 else "1 array"
    return Measure(None, sum(part.size for part in parts), dtype, arrays)


def _flat(value: Any) -> Any:
    for item in value:
        if isinstance(item, list | tuple):
            yield from _flat(item)
        else:
            yield item


def is_tree(value: Any) -> bool:
    """Whether it is the ``tree_`` of a tree, or one of a histogram gradient boosting."""
    return hasattr(value, "node_count") or isinstance(getattr(value, "nodes", None), np.ndarray)


def _tree_counts(tree: Any) -> tuple[int, int, int, int]:
    """Nodes, leaves, size and depth."""
    if hasattr(tree, "node_count"):
        nodes, leaves = int(tree.node_count), int(tree.n_leaves)
        outputs = int(tree.n_outputs * tree.max_n_classes)
        return nodes, leaves, 2 * (nodes - leaves) + outputs * leaves, int(tree.max_depth)
    nodes, leaves = len(tree.nodes), int(tree.nodes["is_leaf"].sum())
    return nodes, leaves, 2 * (nodes - leaves) + leaves, int(tree.nodes["depth"].max())


def forest_measure(trees: Sequence[Any]) -> Measure:
    """Measure of one tree, or of several in total."""
    nodes, leaves, sizes, depths = zip(*map(_tree_counts, trees), strict=True)
    many = f"{len(trees)} trees: " if len(trees) > 1 else ""
    leaf = "leaf" if sum(leaves) == 1 else "leaves"
    node = "node" if sum(nodes) == 1 else "nodes"
    depth = f"depth up to {max(depths)}" if many else f"depth {max(depths)}"
    summary = f"{many}{sum(nodes)} {node}, {sum(leaves)} {leaf}, {depth}"
    return Measure(None, sum(sizes), "", summary)
