"""Sizes and summaries of what fit leaves behind."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.neighbors import KDTree
from sklearn.preprocessing import SplineTransformer
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skhyper.inspection._measure import Measure, forest_measure, is_tree, measure, number

X, y = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, Measure((), 1, "float64", "1.5")),
        (np.float32(0.25), Measure((), 1, "float32", "0.25")),
        (3, Measure((), 1, "int64", "3")),
        (True, Measure((), 1, "bool", "True")),
        ("auto", Measure((), 1, "str", "auto")),
        (np.array([1.0, 2.0]), Measure((2,), 2, "float64", "1, 2")),
        (np.zeros((0, 3)), Measure((0, 3), 0, "float64", "empty")),
        (np.arange(6.0) + 1, Measure((6,), 6, "float64", "1 to 6")),
        (np.arange(6.0), Measure((6,), 6, "float64", "0 to 5, 1 of 6 are 0")),
        (np.arange(6), Measure((6,), 6, "int64", "0 to 5")),
        (np.full(6, np.nan), Measure((6,), 6, "float64", "not finite")),
        ([1.0, 2.0], Measure((2,), 2, "float64", "1, 2")),
        ([np.ones(2), np.ones(3)], Measure(None, 5, "float64", "2 arrays")),
        ([np.ones(2)], Measure(None, 2, "float64", "1 array")),
        ({"C": 10.0, "kernel": "rbf"}, Measure(None, 2, "", "C=10, kernel=rbf")),
        (dict.fromkeys(range(9)), Measure(None, 9, "", "9 entries")),
        ({"a": np.ones(3)}, Measure(None, 1, "", "1 entries")),
        (sparse.csr_matrix(np.eye(3)), Measure((3, 3), 9, "float64", "sparse, 3 stored")),
    ],
    ids=repr,
)
def test_values(value, expected):
    assert measure(value) == expected


def test_infinite_values_are_counted():
    assert measure(np.array([1.0, 2, 3, 4, np.inf])).summary == "1 to 4, 1 not finite"


def test_text_and_other_objects():
    assert measure(np.array(list("abcdef"))).summary == "a, b, c, d, ..."
    assert measure(object()) == Measure(None, 0, "object", "")
    kernel = measure(2.0 * RBF([1.0, 2.0]))
    assert kernel.size == 3
    assert kernel.summary == "1.41**2 * RBF(length_scale=[1, 2])"


def test_a_tree_counts_splits_and_leaves():
    tree = DecisionTreeRegressor(max_depth=1, random_state=0).fit(X, y).tree_
    assert is_tree(tree)
    # A feature, a threshold and two values.
    assert measure(tree) == Measure(None, 4, "", "3 nodes, 2 leaves, depth 1")
    shares = DecisionTreeClassifier(max_depth=1, random_state=0).fit(X, y).tree_
    assert measure(shares).size == 2 + 2 * 3
    stump = DecisionTreeRegressor().fit(X[:2], [1.0, 1.0]).tree_
    assert measure(stump).summary == "1 node, 1 leaf, depth 0"


def test_a_forest_counts_them_all():
    trees = [DecisionTreeRegressor(max_depth=d, random_state=0).fit(X, y).tree_ for d in (1, 2)]
    both = forest_measure(trees)
    assert both.size == sum(measure(tree).size for tree in trees)
    assert both.summary.startswith("2 trees: 8 nodes, 5 leaves, depth up to 2")


def test_histogram_trees():
    boosted = HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=4).fit(X, y)
    found = measure(boosted._predictors)
    leaves = sum(trees[0].get_n_leaf_nodes() for trees in boosted._predictors)
    assert found.size == 2 * (leaves - 3) + leaves
    assert found.summary.startswith(f"3 trees: {2 * leaves - 3} nodes, {leaves} leaves")


def test_splines_and_search_trees():
    splines = SplineTransformer(n_knots=4).fit(X).bsplines_
    assert measure(splines).size == sum(len(spline.t) for spline in splines)
    assert measure(splines[0]).summary.endswith("knots")
    assert measure(KDTree(X)).shape == X.shape


def test_numbers():
    assert number(1 / 3) == "0.3333"
    assert number(1e-9) == "1e-09"
    assert number(12345) == "12345"
