"""Parameters of boosted models of XGBoost, LightGBM and CatBoost, which are stored in C++.

None of the three is imported: classes are recognized by the names of their bases, and models are
read by their public methods.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from skhyper.inspection._measure import Measure, measure

Attributes = Iterator[tuple[str, Measure, str]]


class _Tree(NamedTuple):
    """Numbers of splits and leaves, depth (None if unknown), number of values of all leaves."""

    splits: int
    leaves: int
    depth: int | None
    values: int


def _measure(trees: list[_Tree]) -> Measure:
    """A feature and a threshold for each split, and the values of the leaves."""
    size = sum(2 * tree.splits + tree.values for tree in trees)
    summary = f"{len(trees):,} trees, {sum(tree.leaves for tree in trees):,} leaves"
    depths = [tree.depth for tree in trees if tree.depth is not None]
    return Measure(None, size, "", summary + (f", depth up to {max(depths)}" if depths else ""))


def booster_attributes(estimator: Any) -> Attributes:
    """Name, measure and meaning of each parameter; none before ``fit``, or for other classes."""
    for base in type(estimator).__mro__:
        if base.__name__ in _READERS:
            return _READERS[base.__name__](estimator)
    return iter(())


def _xgboost(model: Any) -> Attributes:
    if not model.__sklearn_is_fitted__():
        return
    learner = json.loads(bytes(model.get_booster().save_raw("json")))["learner"]
    booster = learner["gradient_booster"]
    booster = booster.get("gbtree", booster)  # that of dart is inside
    start = np.ravel(json.loads(learner["learner_model_param"]["base_score"]))
    yield "base_score", measure(start.astype(float)), "prediction before any tree"
    if "weights" in booster["model"]:  # gblinear
        weights = np.array(booster["model"]["weights"], dtype=float)
        yield "weights", measure(weights), "weights of the features, and intercepts"
        return
    trees = []
    for tree in booster["model"]["trees"]:
        left, right = (np.array(tree[f"{side}_children"]) for side in ("left", "right"))
        n_leaves = int((left < 0).sum())
        values = n_leaves * max(1, int(tree["tree_param"]["size_leaf_vector"]))
        trees.append(_Tree(len(left) - n_leaves, n_leaves, _depth(left, right), values))
    yield "trees", _measure(trees), ""


def _depth(left: np.ndarray, right: np.ndarray) -> int:
    """Depth of a tree given the children of its nodes; -1 on the left of leaves."""
    depth, level = 0, np.flatnonzero(left[:1] >= 0)
    while len(level):
        depth += 1
        below = np.concatenate([left[level], right[level]])
        level = below[left[below] >= 0]
    return depth


def _lightgbm(model: Any) -> Attributes:
    if not model.__sklearn_is_fitted__():
        return
    trees = []
    for tree in model.booster_.dump_model()["tree_info"]:
        n_leaves, depth, values, level = tree["num_leaves"], 0, 0, [tree["tree_structure"]]
        while level:
            values += sum(1 + len(node.get("leaf_coeff", ())) for node in level if _is_leaf(node))
            sides = ("left_child", "right_child")
            level = [node[side] for node in level if not _is_leaf(node) for side in sides]
            depth += bool(level)
        trees.append(_Tree(n_leaves - 1, n_leaves, depth, values))
    yield "trees", _measure(trees), ""


def _is_leaf(node: dict[str, Any]) -> bool:
    return "split_feature" not in node


def _catboost(model: Any) -> Attributes:
    if not model.is_fitted():
        return
    leaves = [int(n) for n in model.get_tree_leaf_counts()]
    # A symmetric tree has the same split at all nodes of a depth.
    symmetric = model.get_all_params().get("grow_policy", "SymmetricTree") == "SymmetricTree"
    depths = [n.bit_length() - 1 if symmetric else None for n in leaves]
    per_leaf = len(model.get_leaf_values()) // max(1, sum(leaves))
    trees = [_Tree(n - 1 if d is None else d, n, d, n * per_leaf) for n, d in zip(leaves, depths)]
    _, start = model.get_scale_and_bias()
    yield "bias", measure(np.ravel(start).astype(float)), "prediction before any tree"
    yield "trees", _measure(trees), ""


_READERS: dict[str, Callable[[Any], Attributes]] = {
    "XGBModel": _xgboost,
    "LGBMModel": _lightgbm,
    "CatBoost": _catboost,
}
