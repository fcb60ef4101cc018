"""Nystroem and random features against differences of scikit-learn's own transformers."""

import numpy as np
import pytest
from contracts.transformer_contract import check_transformer_vjp
from scipy import sparse
from sklearn.kernel_approximation import Nystroem, RBFSampler

from skhyper.hypergradient import NotDifferentiableError, transformer_vjp

rng = np.random.default_rng(0)
TRAIN = rng.normal(size=(40, 4)) + [0, 1, 2, 3]
TEST = rng.normal(size=(15, 4)) + [0, 1, 2, 3]

TRANSFORMERS = [
    Nystroem(gamma=0.2, n_components=10, random_state=0),
    Nystroem(n_components=10, random_state=0),
    Nystroem("poly", gamma=0.2, coef0=1.5, degree=2, n_components=10, random_state=0),
    Nystroem("polynomial", gamma=0.2, n_components=10, random_state=0),
    Nystroem("sigmoid", gamma=0.01, coef0=0.1, n_components=6, random_state=0),
    Nystroem("linear", n_components=4, random_state=0),
    RBFSampler(gamma=0.3, n_components=10, random_state=0),
    RBFSampler(gamma="scale", n_components=10, random_state=0),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_against_differences(transformer):
    check_transformer_vjp(transformer, TRAIN, TEST, rtol=1e-6)


@pytest.mark.parametrize("transformer", TRANSFORMERS[:1] + TRANSFORMERS[6:7], ids=str)
def test_sparse_data_have_derivatives_by_hyperparameters(transformer):
    gradients = []
    for convert in (np.asarray, sparse.csr_matrix):
        mapped = transformer_vjp(transformer)
        Z = mapped.fit_transform({}, convert(TRAIN))
        mapped.transform(convert(TEST))
        gradients.append(mapped.pull_back(Z, None, ["gamma"], False)[0]["gamma"])
    np.testing.assert_allclose(*gradients, rtol=1e-9)


def test_directions_that_scikit_learn_clips_are_constant():
    # Five basis rows of a kernel of rank 2: three eigenvalues are clipped.
    flat = np.zeros((5, 2))
    flat[:, 0], flat[:, 1] = [1, 2, 3, -1, 2], [0, 1, -1, 1, 3]
    nystroem = Nystroem("poly", gamma=0.5, coef0=0.0, degree=1, n_components=5, random_state=0)
    mapped = transformer_vjp(nystroem)
    mapped.fit_transform({}, flat)
    Z = mapped.transform(flat)
    gradient, *_ = mapped.pull_back(None, Z, ["gamma"], True)
    # Z Zᵀ = K, in proportion to gamma, so Σ Z dZ/dgamma = tr K / 2 gamma.
    np.testing.assert_allclose(gradient["gamma"], np.trace(Z @ Z.T) / (2 * 0.5), rtol=1e-4)


def test_names_are_numbers():
    assert transformer_vjp(Nystroem("poly", coef0=1.0)).names == ("coef0",)
    assert "gamma is None" in transformer_vjp(Nystroem()).why_not
    assert transformer_vjp(RBFSampler(gamma="scale")).names == ()
    assert "gamma='scale'" in transformer_vjp(RBFSampler(gamma="scale")).why_not
    with pytest.raises(NotDifferentiableError, match=r"got kernel='chi2', kernel_params=None"):
        transformer_vjp(Nystroem("chi2"))
    with pytest.raises(NotDifferentiableError, match=r"kernel_params=\{'gamma': 1\}"):
        transformer_vjp(Nystroem(kernel_params={"gamma": 1}))
