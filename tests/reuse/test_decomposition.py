"""The first components of a full PCA are those of plain fits."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA

from skhyper.reuse import check_shared_fit, shared_fit

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 12)) @ rng.normal(size=(12, 12))


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("solver", ["full", "covariance_eigh"])
@pytest.mark.parametrize("data", [X, np.asfortranarray(X), X[::2]])
def test_first_components_are_those_of_plain_fits(whiten, solver, data):
    model = PCA(svd_solver=solver, whiten=whiten)
    values = [1, 2, 0.5, 0.9, 11, 12, None]
    check_shared_fit(model, data, None, values, X_test=X[:7])
    whole = model.fit(data)
    for value in values:
        plain = PCA(value, svd_solver=solver, whiten=whiten).fit(data)
        derived = shared_fit(model).derive(whole, value)
        assert vars(derived).keys() == vars(plain).keys()
        for name, expected in vars(plain).items():
            np.testing.assert_array_equal(getattr(derived, name), expected, err_msg=name)
        assert derived.components_.strides == plain.components_.strides


@pytest.mark.filterwarnings("ignore:.*ill-conditioned")  # of `score`
def test_wide_data():
    check_shared_fit(PCA(svd_solver="full"), X[:9], None, [1, 5, 0.5])
    whole = PCA(svd_solver="covariance_eigh").fit(X[:9])
    assert shared_fit(whole).derive(whole, 3) is None
    assert shared_fit(PCA(svd_solver="full")).derive(PCA(svd_solver="full").fit(X[:9]), 10) is None


def test_fits_that_are_not_whole_or_of_another_solver():
    fewer = PCA(3, svd_solver="full").fit(X)
    assert shared_fit(fewer).derive(fewer, 2) is None
    single = PCA(svd_solver="full").fit(X.astype(np.float32))
    assert shared_fit(single).derive(single, 2) is None
    assert shared_fit(PCA(0.5)).why_not == shared_fit(PCA(2)).why_not == ""
    assert "solver" in shared_fit(PCA(2, svd_solver="randomized")).why_not
    assert not shared_fit(PCA()).accepts("mle")
    assert not shared_fit(PCA()).accepts(0)


@pytest.mark.parametrize("shape", [(60, 501), (501, 60), (510, 51), (499, 500), (1100, 110)])
def test_the_solver_auto(shape):
    data = rng.normal(size=shape)
    rule, n_all = shared_fit(PCA()), min(shape)
    whole = PCA().fit(data)
    for value in (1, int(0.8 * n_all), int(0.8 * n_all) + 1, n_all, None, 0.9):
        plain = PCA(value, random_state=0)
        suits = rule.suits(plain, data)
        is_randomized = plain.fit(data)._fit_svd_solver == "randomized"
        assert suits != is_randomized
        derived = rule.derive(whole, value)
        assert (derived is None) == is_randomized
        if derived is not None:
            np.testing.assert_array_equal(derived.components_, plain.components_)
    assert rule.suits(PCA(2), data.tolist()) == rule.suits(PCA(2), data)
    assert not rule.suits(PCA(2), sparse.csr_matrix(data))
    assert not rule.suits(PCA(2), data.astype(np.float32))
    assert not rule.suits(PCA(2), data[0])
