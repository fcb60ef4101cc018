"""The protocol of transformers, and how third parties add theirs."""

import numpy as np
import pytest
from contracts.transformer_contract import check_transformer_vjp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.hypergradient import (
    LeafTransformer,
    NotDifferentiableError,
    check_hypergradient,
    transformer_vjp,
)
from skhyper.hypergradient._transformer import differentiable_or_opaque

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
y = np.sin(X[:, 0]) + 0.1 * rng.normal(size=60)


class Power(TransformerMixin, BaseEstimator):
    """``|X|^exponent``."""

    def __init__(self, exponent=1.0):
        self.exponent = exponent

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.abs(X) ** self.exponent


class PowerMap(LeafTransformer):
    names = ("exponent",)

    def pull_back(self, dZ_train, dZ_test, names, inputs):
        e, d, total = self.fitted.exponent, [None, None], 0.0
        for side, X, dZ in self.sides(dZ_train, dZ_test):
            total += float(np.vdot(dZ, np.log(np.abs(X)) * np.abs(X) ** e))
            d[side] = dZ * e * np.abs(X) ** (e - 1) * np.sign(X)
        return {"exponent": total}, d[0], d[1]


def test_third_parties_register_theirs():
    with pytest.raises(NotDifferentiableError, match="no VJP is registered"):
        transformer_vjp(Power())
    transformer_vjp.register(Power, PowerMap)
    check_transformer_vjp(Power(1.3), X[:40], X[40:], step=1e-5, rtol=1e-6)
    check = check_hypergradient(make_pipeline(StandardScaler(), Power(1.5), Ridge()), X, y)
    assert list(check.gradient) == ["power__exponent", "ridge__alpha"]


def test_what_has_no_map_is_fitted_and_applied():
    pca = differentiable_or_opaque(PCA(2))
    assert not pca.passes_inputs and not pca.names and not pca.why_not
    Z = pca.fit_transform({"n_components": 3}, X, y)
    np.testing.assert_array_equal(Z, PCA(3).fit_transform(X))
    assert pca.pull_back(Z, None, [], False) == ({}, None, None)
    with pytest.raises(NotDifferentiableError, match="PCA has no derivatives"):
        pca.pull_back(Z, None, [], True)


def test_the_reason_of_a_registered_class_is_kept():
    assert "kernel='cosine'" in differentiable_or_opaque(Nystroem(kernel="cosine")).why_not

    class Doubled(StandardScaler):
        def transform(self, X, copy=None):
            return 2 * super().transform(X)

    assert "overrides 'transform'" in differentiable_or_opaque(Doubled()).why_not
