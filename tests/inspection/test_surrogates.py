"""Surrogates of importance: their sums of products are their predictions; Sobol indices."""

import numpy as np
import pytest

from skhyper.inspection._surrogates import Forest, ProductGP, _left_out


def g_function(U, a=(0.0, 1.0, 4.5, 99.0)):
    """Sobol's g-function, whose indices are known."""
    a = np.array(a)
    return np.prod((np.abs(4 * U - 2) + a) / (1 + a), axis=1)


def fitted(kind, U, y, cells=64):
    rng = np.random.default_rng(0)
    if kind == "forest":
        return Forest.fit(U, y, [cells] * U.shape[1], rng)
    return ProductGP.fit(U, y, [cells] * U.shape[1], [None] * U.shape[1], rng)


@pytest.mark.parametrize(("kind", "n", "tolerance"), [("gp", 120, 0.04), ("forest", 700, 0.11)])
def test_sobol_indices_of_the_g_function(kind, n, tolerance):
    a = np.array([0.0, 1.0, 4.5, 99.0])
    partial = 1 / (3 * (1 + a) ** 2)
    total = np.prod(1 + partial) - 1
    U = np.random.default_rng(1).random((n, 4))
    model = fitted(kind, U, g_function(U))
    part, variance = model.parts()[0], model.variances()[0]
    np.testing.assert_allclose(part.main_effects() / variance, partial / total, atol=tolerance)
    pair = part.interactions([0, 1])[0, 1] / variance
    assert pair == pytest.approx(partial[0] * partial[1] / total, abs=tolerance)


@pytest.mark.parametrize("kind", ["gp", "forest"])
def test_marginals_are_means_of_predictions(kind):
    rng = np.random.default_rng(0)
    U = rng.random((40, 2))
    model = fitted(kind, U, U[:, 0] ** 2 + U[:, 0] * U[:, 1])
    part = model.parts()[0]
    centers = (np.arange(64) + 0.5) / 64
    grid = np.array([[a, b] for a in centers for b in centers])
    predicted = model.predict(grid).reshape(64, 64)
    expected = predicted.mean(axis=1) - predicted.mean()
    # Thresholds of trees lie within cells.
    np.testing.assert_allclose(part.marginal(0), expected, atol=1e-8 if kind == "gp" else 0.04)
    assert model.variances()[0] == pytest.approx(predicted.var(), rel=0.03)


def test_choices_have_a_feature_each():
    rng = np.random.default_rng(0)
    index = rng.integers(3, size=45)
    U = np.column_stack([(index + 0.5) / 3, rng.random(45)])
    y = np.array([0.0, 1.0, 0.0])[index] + 0.01 * rng.standard_normal(45)
    model = ProductGP.fit(U, y, [3, 64], [np.eye(3), None], rng)
    part = model.parts()[0]
    np.testing.assert_allclose(part.marginal(0), [-1 / 3, 2 / 3, -1 / 3], atol=0.03)
    assert part.main_effects()[0] / model.variances()[0] > 0.97
    assert model.r2 > 0.97


def test_predictions_of_left_out_observations_are_those_of_a_gp_without_them():
    rng = np.random.default_rng(0)
    U = rng.random((12, 1))
    model = fitted("gp", U, np.sin(4 * U[:, 0])).models[0]
    K = model.kernel_(U)
    y = (model.y_train_ * model._y_train_std + model._y_train_mean).ravel()
    rest = np.arange(12) != 3
    # Without the observation, but centered and scaled by all.
    z = (y - y.mean()) / model._y_train_std
    expected = K[3, rest] @ np.linalg.solve(K[np.ix_(rest, rest)], z[rest])
    found = _left_out(model)[3]
    assert found == pytest.approx(expected * model._y_train_std + y.mean(), abs=1e-6)


def test_a_forest_predicts_noise_no_better_than_its_mean():
    rng = np.random.default_rng(0)
    assert fitted("forest", rng.random((50, 3)), rng.random(50)).r2 < 0.2
