"""Dual systems at many penalties, against numpy."""

import numpy as np
import pytest

from skhyper.hypergradient._dual import DualSystem


def test_factors_at_first_and_then_eigenvalues():
    rng = np.random.default_rng(0)
    X, B = rng.normal(size=(9, 9)), rng.normal(size=(9, 2))
    A = X @ X.T
    system = DualSystem(A)
    for n in range(10):
        alpha = np.array([0.5, 0.5 + n])
        solver = system.at(alpha)
        expected = [np.linalg.solve(A + a * np.eye(9), b) for a, b in zip(alpha, B.T)]
        np.testing.assert_allclose(solver.solve(B), np.column_stack(expected))
        inverse = np.linalg.inv(A + 0.5 * np.eye(9))
        np.testing.assert_allclose(solver.inverse(), inverse, rtol=1e-9, atol=1e-12)
        assert (system.spectrum is None) == (n < 8)  # two factors a penalty, one for the first


def test_a_singular_matrix():
    system = DualSystem(np.diag([2.0, 1.0, -0.5])).at(np.array([0.5]))
    with pytest.warns(UserWarning, match="Singular matrix in solving dual problem"):
        found = system.solve(np.ones((3, 1)))
    np.testing.assert_allclose(found.ravel(), [1 / 2.5, 1 / 1.5, 0])
