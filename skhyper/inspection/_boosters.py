"""Parameters of boosted models of XGBoost, LightGBM and CatBoost, which are stored in C++.

None of the three is imported: classes are recognized by the names of their bases, and models are
read by their public methods.

Notation
--------
splits, leaves : numbers of them in each tree, shape (n_trees,)
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from skhyper.inspection._measure import Measure, measure

Attributes = Iterator[tuple[str, Measure, str]]


class _Trees(NamedTuple):
    splits: list[int]
    leaves: list[int]
    depths: list[int]
    values: int  # of all leaves together

    def measure(self) -> Measure:
        """A feature and a threshold for each split, and the values of the leaves."""
        size = 2 * sum(self.splits) + self.values
        summary = f"{len(self.leaves):,} trees, {sum(self.leaves):,} leaves"
        if self.depths:
            summary += f", depth up to {max(self.depths)}"
        return Measure(None, size, "", summary)


def booster_attributes(estimator: Any) -> Attributes:
    """Name, measure and meaning of each parameter; none before ``fit``, or for other classes."""
    reader = _reader(estimator)
    if reader is not None:
        yield from reader(estimator)


def _reader(estimator: Any) -> Callable[[Any], Attributes] | None:
    names = [base.__name__ for base in type(estimator).__mro__]
    return next((_READERS[name] for name in names if name in _READERS), None)


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
    found = _Trees([], [], [], 0)
    values = 0
    for tree in booster["model"]["trees"]:
        left, right = (np.array(tree[f"{side}_children"]) for side in ("left", "right"))
        n_leaves = int((left < 0).sum())
        found.splits.append(len(left) - n_leaves)
        found.leaves.append(n_leaves)
        found.depths.append(_depth(left, right))
        values += n_leaves * max(1, int(tree["tree_param"]["size_leaf_vector"]))
    yield "trees", found._replace(values=values).measure(), ""


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
    found, values = _Trees([], [], [], 0), 0
    for tree in model.booster_.dump_model()["tree_info"]:
        n_leaves = tree["num_leaves"]
        found.splits.append(n_leaves - 1)
        found.leaves.append(n_leaves)
        depth, level = 0, [tree["tree_structure"]]
        while level:
            values += sum(1 + len(node.get("leaf_coeff", ())) for node in level if _is_leaf(node))
            sides = ("left_child", "right_child")
            level = [node[side] for node in level if not _is_leaf(node) for side in sides]
            depth += bool(level)
        found.depths.append(depth)
    yield "trees", found._replace(values=values).measure(), ""


def _is_leaf(node: dict[str, Any]) -> bool:
    return "split_feature" not in node


def _catboost(model: Any) -> Attributes:
    if not model.is_fitted():
        return
    leaves = [int(n) for n in model.get_tree_leaf_counts()]
    # A symmetric tree has the same split at all nodes of a depth.
    symmetric = model.get_all_params().get("grow_policy", "SymmetricTree") == "SymmetricTree"
    depths = [n.bit_length() - 1 for n in leaves] if symmetric else []
    splits = depths if symmetric else [n - 1 for n in leaves]
    _, start = model.get_scale_and_bias()
    yield "bias", measure(np.ravel(start).astype(float)), "prediction before any tree"
    yield "trees", _Trees(splits, leaves, depths, len(model.get_leaf_values())).measure(), ""


_READERS: dict[str, Callable[[Any], Attributes]] = {
    "XGBModel": _xgboost,
    "LGBMModel": _lightgbm,
    "CatBoost": _catboost,
}
