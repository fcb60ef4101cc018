"""Factors of regular, singular and indefinite matrices."""

import numpy as np
import pytest

from skhyper.gp._linalg import inverse_root, jittered_cholesky


def test_cholesky_without_need_adds_nothing(rng):
    A = rng.random((6, 6))
    K = A @ A.T + np.eye(6)
    np.testing.assert_allclose(jittered_cholesky(K, 1.0), np.linalg.cholesky(K), rtol=1e-12)


def test_cholesky_of_a_singular_matrix():
    L = jittered_cholesky(np.ones((4, 4)), 1.0)
    np.testing.assert_allclose(L @ L.T, np.ones((4, 4)), atol=1e-5)


def test_cholesky_gives_up():
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite, even with"):
        jittered_cholesky(-np.eye(3), 1.0)


def test_inverse_root(rng):
    A = rng.random((6, 6))
    K = A @ A.T + np.eye(6)
    R = inverse_root(K, 1.0)
    np.testing.assert_allclose(R.T @ R @ K, np.eye(6), atol=1e-10)
    assert not np.triu(R, 1).any()
