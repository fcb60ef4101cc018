"""Systems with a Gram matrix and many penalties, against the matrix in full."""

import numpy as np
import pytest

from skhyper._numeric import Shifted
from skhyper._numeric._shifted import MAX_FACTORS

rng = np.random.default_rng(0)


@pytest.mark.parametrize("primal", [True, False])
def test_factors_at_first_and_then_eigenvalues(primal):
    X = rng.normal(size=(20, 8) if primal else (8, 20))
    G, B = X.T @ X if primal else X @ X.T, rng.normal(size=(8, 2))
    system = Shifted(G.copy, primal, None)
    for i, alpha in enumerate(np.geomspace(1e-2, 1e2, MAX_FACTORS + 4)):
        expected = np.linalg.solve(G + alpha * np.eye(8), B)
        np.testing.assert_allclose(system.solve(B, np.full(2, alpha)), expected, rtol=1e-9)
        assert ("spectrum" in vars(system)) == (i >= MAX_FACTORS)
    several = np.array([0.1, 10.0])
    expected = np.column_stack(
        [np.linalg.solve(G + a * np.eye(8), b) for a, b in zip(several, B.T)]
    )
    np.testing.assert_allclose(system.solve(B, several), expected, rtol=1e-9)


def test_columns_of_other_scales_stay_with_factors():
    """Eigenvalues would lose the small columns: 1e16 is in the same matrix."""
    X = rng.normal(size=(20, 3)) * [1e8, 1.0, 1.0]
    y = rng.normal(size=(20, 1))
    system = Shifted(lambda: X.T @ X, True, None)
    for alpha in np.geomspace(1e-2, 1e2, MAX_FACTORS + 4):
        V = system.solve(X.T @ y, np.array([alpha]))
        penalized = np.vstack([X, np.sqrt(alpha) * np.eye(3)])
        expected = np.linalg.lstsq(
            penalized / [1e8, 1, 1], np.vstack([y, np.zeros((3, 1))]), rcond=None
        )[0]
        np.testing.assert_allclose(V * [[1e8], [1.0], [1.0]], expected, rtol=1e-9)
        lengths, condition = system.lengths_and_condition(np.array([alpha]))
        np.testing.assert_allclose(lengths[:, 0] ** 2, (X * X).sum(axis=0) + alpha)
        assert condition < 100


def test_singular_matrices_say_so():
    system = Shifted(lambda: np.ones((3, 3)), True, None)
    assert np.isnan(system.solve(np.ones((3, 1)), np.zeros(1))).all()
    assert system.lengths_and_condition(np.zeros(1))[1] == np.inf


@pytest.mark.parametrize("by_spectrum", [True, False])
def test_the_mean_of_the_inverse(by_spectrum):
    X = rng.normal(size=(400, 500))
    X -= X.mean(axis=0)
    ones = np.full((400, 1), 0.05)
    system = Shifted(lambda: X @ X.T, False, ones)
    if by_spectrum:
        assert len(system.spectrum[0]) == 400
        system._n_factors = MAX_FACTORS
    inverse = np.linalg.inv(X @ X.T + 3.0 * np.eye(400)) - ones @ ones.T / 3.0
    expected = np.trace(inverse) / 400
    rel = 1e-2 if by_spectrum else 0.2  # the trace by one random vector
    assert system.mean_inverse(np.array([3.0])) == pytest.approx(expected, rel=rel)
