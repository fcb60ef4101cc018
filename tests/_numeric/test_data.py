"""Centered, weighted data as an operator, against the matrix written out."""

import numpy as np
import pytest
from scipy import sparse

from skhyper._numeric._data import Centered

rng = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("center", [True, False])
def test_products(shape, make, center):
    X, a = rng.normal(size=shape), rng.random(shape[0])
    mean = a @ X / a.sum() if center else 0.0
    Xc = np.sqrt(a)[:, None] * (X - mean)
    data = Centered.from_data(make(X), a, center)
    W, R = rng.normal(size=(shape[1], 2)), rng.normal(size=(shape[0], 2))
    np.testing.assert_allclose(data.apply(W), Xc @ W, atol=1e-12)
    np.testing.assert_allclose(data.adjoint(R), Xc.T @ R, atol=1e-12)
    small = Xc.T @ Xc if shape[1] <= shape[0] else Xc @ Xc.T
    np.testing.assert_allclose(data.gram(), small, atol=1e-12)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_dropped_data_are_made_again_when_used(make):
    X, W = rng.normal(size=(30, 8)), rng.normal(size=(8, 2))
    data, calls = Centered.from_data(make(X), np.ones(30), True), []
    expected = data.apply(W)

    def again():
        calls.append(1)
        return Centered.from_data(make(X), np.ones(30), True)

    data.drop(again)
    assert not {"X", "dense"} & set(vars(data))
    assert not calls
    np.testing.assert_array_equal(data.apply(W), expected)
    assert data.shape == (30, 8)
    assert len(calls) == 1
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        data.nothing  # noqa: B018
