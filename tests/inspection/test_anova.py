"""Decomposition of variance, compared with closed forms and with sums over a grid."""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from skhyper.inspection._anova import SumOfProducts, cells_covered, leaves

G = 500
u = (np.arange(G) + 0.5) / G


def test_sum_of_products_has_the_effects_of_the_closed_form():
    # f = 3 x + y z: Var(3x) = 9/12; Var(y z) = 1/9 - 1/16, of which the main effects of y and z
    # are (1/2)^2 / 12 each, and the rest is their interaction.
    one = np.ones(G)
    f = SumOfProducts(
        np.array([3.0, 1.0]),
        [np.array([u, one]), np.array([one, u]), np.array([one, u])],
    )
    assert f.mean == pytest.approx(1.75)
    np.testing.assert_allclose(f.main_effects(), [0.75, 1 / 48, 1 / 48], rtol=1e-4)
    found = f.interactions([0, 1, 2])
    np.testing.assert_allclose(found[1, 2], 1 / 9 - 1 / 16 - 2 / 48, rtol=1e-3)
    np.testing.assert_allclose(found[0, 1:], 0.0, atol=1e-12)
    np.testing.assert_array_equal(found, found.T)


def test_pairs_that_are_not_asked_for_are_nan():
    one = np.ones((1, 4))
    found = SumOfProducts(np.ones(1), [one, one, one]).interactions([0, 2])
    np.testing.assert_array_equal(np.isnan(found), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


def test_cells_covered_are_lengths_of_overlaps():
    covered = cells_covered(np.array([0.1, 0.0]), np.array([0.6, 1.0]), 4)
    np.testing.assert_allclose(covered, [[0.6, 1.0, 0.4, 0.0], [1.0, 1.0, 1.0, 1.0]])


def test_leaves_reproduce_the_tree():
    rng = np.random.default_rng(0)
    X = rng.random((60, 3))
    tree = DecisionTreeRegressor(random_state=0).fit(X, rng.random(60))
    low, high, values = leaves(tree, 3)
    assert np.prod(high - low, axis=1).sum() == pytest.approx(1.0)
    points = rng.random((200, 3))
    inside = np.all((points[:, None] > low) & (points[:, None] <= high), axis=2)
    np.testing.assert_array_equal(inside.sum(axis=1), 1)
    np.testing.assert_array_equal(inside @ values, tree.predict(points))
