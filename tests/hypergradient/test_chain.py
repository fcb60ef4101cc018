"""Chains of transformers, and pipelines of them as differentiable transformers."""

import numpy as np
import pytest
from contracts.transformer_contract import check_transformer_vjp
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skhyper.hypergradient import NotDifferentiableError, transformer_vjp
from skhyper.hypergradient._chain import Chain

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4)) * [1, 2, 3, 1]


def nystroem(gamma=0.1):
    return Nystroem(gamma=gamma, n_components=8, random_state=0)


def rbf(gamma=0.1):
    return RBFSampler(gamma=gamma, n_components=8, random_state=0)


PIPELINES = [
    make_pipeline(StandardScaler(), nystroem()),
    make_pipeline(rbf(), StandardScaler(), nystroem(), "passthrough"),
    make_pipeline(StandardScaler(), make_pipeline(rbf(), StandardScaler()), nystroem()),
    make_pipeline(nystroem(0.3), nystroem(0.2)),
    make_pipeline(None, StandardScaler()),
]


@pytest.mark.parametrize("pipeline", PIPELINES, ids=[str(i) for i in range(len(PIPELINES))])
def test_against_differences(pipeline):
    check_transformer_vjp(pipeline, X[:35], X[35:], rtol=1e-6)


def test_a_step_that_blocks():
    chain = Chain([("first", nystroem()), ("pca", PCA(2)), ("second", rbf())])
    assert chain.names == ("second__gamma",)
    assert not chain.passes_inputs
    assert chain.why_not == (
        "first__gamma omitted: the later step 'pca' (PCA) is not differentiated."
    )
    blocked = Chain([("first", Nystroem()), ("pca", PCA(2))])
    assert blocked.why_not.startswith("first: Nystroem: gamma is None")


def test_only_what_is_wanted_is_computed():
    class Forbidden(Exception):
        pass

    chain = Chain([("a", rbf()), ("b", StandardScaler()), ("c", rbf())])

    def forbidden(*args):
        raise Forbidden

    Z = chain.fit_transform({}, X, None, {})
    for stage in chain._stages[:2]:
        stage.map.pull_back = forbidden
    _, maps = chain.transform(X)
    gradient, dX_train, dX_test = chain.pull_back(Z, Z, ["c__gamma"], False, maps)
    assert list(gradient) == ["c__gamma"] and dX_train is None and dX_test is None
    assert chain.pull_back(Z, Z, [], False, maps) == ({}, None, None)
    with pytest.raises(Forbidden):
        chain.pull_back(Z, Z, ["a__gamma"], False, maps)


def test_nothing_in_between_passes_all():
    chain = Chain([("a", None), ("b", "passthrough")])
    assert chain.fit_transform({}, X, None, {}) is X
    assert chain.transform(X)[0] is X
    assert chain.pull_back(X, None, [], True, [])[1] is X


def test_the_fitted_pipeline():
    pipeline = make_pipeline(StandardScaler(), "passthrough", nystroem())
    mapped = transformer_vjp(pipeline)
    mapped.fit_transform({"nystroem__gamma": 0.4}, X)
    own = clone(pipeline).set_params(nystroem__gamma=0.4).fit(X)
    assert str(mapped.fitted) == str(own)
    np.testing.assert_allclose(mapped.fitted.transform(X), own.transform(X), atol=1e-12)
    assert pipeline.steps[2][1].gamma == 0.1


def test_what_is_refused():
    class Doubled(Pipeline):
        def fit_transform(self, X, y=None, **params):
            return 2 * super().fit_transform(X, y, **params)

    with pytest.raises(NotDifferentiableError, match="Doubled overrides 'fit_transform'"):
        transformer_vjp(Doubled([("scale", MinMaxScaler())]))
    with pytest.raises(NotDifferentiableError, match="transform_input="):
        transformer_vjp(Pipeline([("scale", MinMaxScaler())], transform_input=["X_val"]))
