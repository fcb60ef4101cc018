"""FeatureUnion and ColumnTransformer against differences of scikit-learn's own."""

import re

import numpy as np
import pandas as pd
import pytest
import sklearn
from contracts.transformer_contract import check_transformer_vjp, dense
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skhyper.hypergradient import check_hypergradient, transformer_vjp

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5)) * [1, 2, 3, 1, 0.5] + 1
FRAME = pd.DataFrame(X, columns=list("abcde"))
FRAME["cat"] = rng.choice(["u", "v", "w"], 60)
WORDS = np.array(["red", "green", "blue", "cyan", "black", "white", "grey", "pink"])


def nystroem(gamma=0.1):
    return Nystroem(gamma=gamma, n_components=8, random_state=0)


UNION = FeatureUnion(
    [
        ("map", nystroem()),
        ("scaled", make_pipeline(StandardScaler(), nystroem(0.2))),
        ("same", "passthrough"),
        ("gone", "drop"),
    ],
    transformer_weights={"scaled": 2.0, "same": 0.5, "gone": 3.0},
)
COLUMNS = ColumnTransformer(
    [
        ("map", nystroem(), slice(0, 3)),
        ("same", "passthrough", [1, 4]),
        ("twice", StandardScaler(), lambda X: [0, 0, 3]),
        ("none", StandardScaler(), []),
        ("gone", "drop", [2]),
    ],
    transformer_weights={"map": 2.0, "same": 0.7, "twice": 1.5},
)
MIXED = ColumnTransformer(
    [
        ("num", make_pipeline(StandardScaler(), nystroem()), ["a", "b", "c"]),
        ("cat", OneHotEncoder(), make_column_selector(dtype_exclude=float)),
        ("same", "passthrough", ["d"]),
    ],
    remainder=Nystroem(gamma=3.0, n_components=3, random_state=0),
    transformer_weights={"num": 2.0, "cat": 0.7, "same": 0.5, "remainder": 1.5},
)


@pytest.mark.parametrize(
    ("transformer", "data"),
    [
        (UNION, X),
        (clone(UNION).set_params(transformer_weights=None), X),
        (COLUMNS, X),
        (clone(COLUMNS).set_params(remainder="passthrough", transformer_weights={"same": 2.0}), X),
        (MIXED, FRAME),
        (clone(MIXED).set_params(sparse_threshold=1.0), FRAME),
    ],
    ids=["union", "unweighted", "columns", "remainder", "frame", "sparse"],
)
def test_against_differences(transformer, data):
    # Copies, as folds are: sums over views of a DataFrame may round otherwise.
    train, test = data[:40].copy(), data[40:].copy()
    check_transformer_vjp(transformer, train, test, rtol=1e-6)


def test_in_front_of_a_model():
    y = np.sin(X[:, 0]) + (FRAME["cat"] == "u")
    check = check_hypergradient(make_pipeline(MIXED, Ridge(0.3)), FRAME, y)
    names = ["transformer_weights", "num__nystroem__gamma", "remainder__gamma"]
    expected = [f"columntransformer__{name}" for name in names]
    assert list(check.gradient) == [*expected, "ridge__alpha"]
    assert list(check.gradient[expected[0]]) == list(MIXED.transformer_weights)
    check_hypergradient(make_pipeline(nystroem(), UNION, StandardScaler(), Ridge(0.3)), X, y)


def test_the_fitted_transformer_is_clean():
    for transformer, data in [(UNION, X), (COLUMNS, X), (MIXED, FRAME)]:
        transformer = clone(transformer).set_params(n_jobs=2)
        mapped = transformer_vjp(transformer)
        mapped.fit_transform({}, data)
        assert "_StageProxy" not in repr(vars(mapped.fitted))
        assert mapped.fitted.n_jobs == 2
        mapped.fitted.n_jobs = 1
        own = clone(transformer).set_params(n_jobs=1).fit(data)
        np.testing.assert_allclose(
            dense(mapped.fitted.transform(data)), dense(own.transform(data)), atol=1e-12
        )
        texts = [re.sub("0x[0-9a-f]+", "", str(fitted)) for fitted in (mapped.fitted, own)]
        assert texts[0] == texts[1]
    np.testing.assert_array_equal(
        mapped.fitted.get_feature_names_out(), own.get_feature_names_out()
    )


class Counting(StandardScaler):
    n_fits = 0

    def fit(self, X, y=None, sample_weight=None):
        type(self).n_fits += 1
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("inside", [UNION, COLUMNS], ids=["union", "columns"])
def test_weights_fit_nothing_again(inside):
    Counting.n_fits = 0
    transformer = clone(inside)
    key = "transformer_list" if inside is UNION else "transformers"
    children = [(n, Counting() if n == "map" else t, *c) for n, t, *c in getattr(inside, key)]
    setattr(transformer, key, children)
    mapped = transformer_vjp(transformer)
    for weight in (1.0, 2.0, 3.0):
        weights = {"map": weight}
        Z = mapped.fit_transform({"transformer_weights": weights}, X)
        again = clone(inside).set_params(map=StandardScaler(), transformer_weights=weights)
        np.testing.assert_allclose(Z, again.fit_transform(X), atol=1e-12)
    assert Counting.n_fits == 1
    mapped.fit_transform({"map__with_mean": False}, X)
    assert Counting.n_fits == 2
    mapped.fit_transform({"map__with_mean": False}, X.copy())
    assert Counting.n_fits == 3


def test_weights_of_sparse_text():
    texts = np.array([" ".join(rng.choice(WORDS, 6)) for _ in range(60)])
    y = np.array([t.count("red") - t.count("blue") for t in texts]) + 0.1 * rng.normal(size=60)
    union = FeatureUnion(
        [("word", TfidfVectorizer()), ("char", TfidfVectorizer(analyzer="char"))],
        transformer_weights={"word": 1.0, "char": 0.5},
    )
    check = check_hypergradient(make_pipeline(union, Ridge(0.3, solver="sparse_cg")), texts, y)
    assert list(check.gradient) == ["featureunion__transformer_weights", "ridge__alpha"]


def test_pandas_output():
    transformer = clone(MIXED).set_params(cat=OneHotEncoder(sparse_output=False))
    transformer.set_output(transform="pandas")
    mapped = transformer_vjp(transformer)
    Z = mapped.fit_transform({}, FRAME)
    pd.testing.assert_frame_equal(Z, clone(transformer).fit_transform(FRAME))
    pd.testing.assert_frame_equal(mapped.transform(FRAME[:5]), Z[:5])


def test_metadata():
    weight = rng.random(60)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        union = FeatureUnion([("a", scaler), ("b", "passthrough")], transformer_weights={"a": 2.0})
        check_transformer_vjp(union, X[:40], X[40:], rtol=1e-6, sample_weight=weight[:40])


def test_what_passes_and_what_not():
    blocked = transformer_vjp(FeatureUnion([("pca", PCA(2)), ("map", nystroem())]))
    assert not blocked.passes_inputs
    assert blocked.names == ("map__gamma",)
    assert (
        "map: Nystroem: gamma is None"
        in transformer_vjp(FeatureUnion([("map", Nystroem())])).why_not
    )
    with pytest.raises(ValueError, match="'map' replaces a step of FeatureUnion"):
        transformer_vjp(UNION).fit_transform({"map": "drop"}, X)
