"""BandedRidge: scikit-learn's checks, its solutions, closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhyper._numeric import _normal
from skhyper.linear_model import BandedRidge

rng = np.random.default_rng(0)
SHAPES = {"primal": (60, 8), "dual": (20, 50), "iterative": (40, 1100)}


def data(way, n_outputs=None):
    n, p = SHAPES[way]
    X = rng.normal(size=(n, p)) + 2
    if way == "iterative":
        X = sparse.random(n, p, density=0.2, random_state=0, format="csr")
    Y = np.asarray(X @ rng.normal(size=(p, n_outputs or 1))) + rng.normal(size=(n, n_outputs or 1))
    return X, Y if n_outputs else Y[:, 0]


@parametrize_with_checks([BandedRidge(), BandedRidge(fit_intercept=False, alphas=0.5)])
@pytest.mark.fast_cases(40)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("way", SHAPES)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("n_outputs", [None, 3])
def test_ridge_on_scaled_columns(way, intercept, weighted, n_outputs):
    X, y = data(way, n_outputs)
    p = X.shape[1]
    weight = rng.random(len(y)) if weighted else None
    labels = rng.permutation(np.arange(p) % 4)
    alphas = np.array([0.1, 1.0, 10.0, 100.0])
    scale = 1 / np.sqrt(alphas[labels])
    scaled = X.multiply(scale).tocsr() if sparse.issparse(X) else X * scale
    ours = BandedRidge(alphas, labels, fit_intercept=intercept).fit(X, y, weight)
    assert ours.solver_ == way
    solver = "sparse_cg" if way == "iterative" else "cholesky"
    theirs = Ridge(1.0, fit_intercept=intercept, solver=solver, tol=1e-12, max_iter=10_000)
    theirs.fit(scaled, y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_ * scale, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(scaled), rtol=1e-6, atol=1e-7)
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)


def test_one_penalty_for_all_is_ridge():
    X, y = data("primal")
    ours, theirs = BandedRidge(3.0).fit(X, y), Ridge(3.0).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_)
    np.testing.assert_allclose(BandedRidge(0.0).fit(X, y).coef_, LinearRegression().fit(X, y).coef_)


@pytest.mark.parametrize("way", ["primal", "dual"])
def test_features_without_a_penalty(way):
    # The others then see what these leave of the target (Frisch, Waugh and Lovell).
    X, y = data(way)
    alphas = np.where(np.arange(X.shape[1]) < 3, 0.0, 2.0)
    ridge = BandedRidge(alphas).fit(X, y)
    assert ridge.solver_ == way
    free = LinearRegression().fit(X[:, :3], np.column_stack([X[:, 3:], y]))
    rest = np.column_stack([X[:, 3:], y]) - free.predict(X[:, :3])
    theirs = Ridge(2.0, fit_intercept=False).fit(rest[:, :-1], rest[:, -1])
    np.testing.assert_allclose(ridge.coef_[3:], theirs.coef_, rtol=1e-6, atol=1e-9)


def test_bands_by_name_and_type():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    bands = {"serum": [f"s{i}" for i in range(1, 7)], "rest": ["age", "sex", "bmi", "bp"]}
    ridge = BandedRidge({"rest": 0.1, "serum": 1.0}, bands).fit(X, y)
    assert ridge.band_names_ == ["serum", "rest"]
    np.testing.assert_array_equal(ridge.alphas_, [1.0, 0.1])
    by_feature = dict(zip(X.columns, np.where(X.columns.str.match("s[0-9]"), 1.0, 0.1)))
    np.testing.assert_allclose(BandedRidge(by_feature).fit(X, y).coef_, ridge.coef_)
    mixed = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 0.1, 0.3]})
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), ridge)
    assert pipeline.fit(X, y)[-1].bands_.tolist() == ridge.bands_.tolist()
    ridge = BandedRidge(bands={"whole": lambda X: [0], "real": ["b"]})
    assert ridge.fit(mixed, [1, 2, 3]).bands_.tolist() == [0, 1]


def test_what_was_passed_is_not_changed():
    X, y = data("primal")
    alphas = {"a": 1.0, "b": 2.0}
    ridge = BandedRidge(alphas, {"a": slice(0, 3), "b": slice(3, 8)})
    copy = clone(ridge)
    ridge.fit(X, y)
    assert ridge.alphas is alphas and copy.alphas == alphas == {"a": 1.0, "b": 2.0}


def test_what_is_refused():
    X, y = data("primal")
    with pytest.raises(ValueError, match="alphas must be finite and >= 0"):
        BandedRidge(np.full(8, -1.0)).fit(X, y)
    with pytest.raises(ValueError, match=r"The 'alphas' parameter of BandedRidge must be"):
        BandedRidge("much").fit(X, y)
    with pytest.raises(ValueError, match="each of the 8 bands"):
        BandedRidge(np.ones(3)).fit(X, y)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6, 1e8])
@pytest.mark.parametrize("shape", [(20, 30), (20, 24), (20, 80), (40, 8)])
@pytest.mark.parametrize("seed", range(2))
def test_any_unit(unit, shape, seed):
    """R2 was -61 on the training data, or LinAlgError, by the seed."""
    rng = np.random.default_rng(seed)
    X, y = unit * rng.normal(size=shape), rng.normal(size=shape[0])
    ours, theirs = BandedRidge().fit(X, y), Ridge(solver="svd").fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9, atol=1e-9)
    free = BandedRidge([1.0, 0.0], np.arange(shape[1]) < 3).fit(X, y)
    residuals = y - free.predict(X)
    np.testing.assert_allclose(X[:, :3].T @ residuals / unit, 0, atol=1e-8)
    np.testing.assert_allclose(X[:, 3:].T @ residuals, free.coef_[3:], atol=1e-7 * unit)


def test_powers_and_scales():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 100, size=(80, 1))
    y = np.sin(x[:, 0] / 20)
    X = x ** np.arange(1, 7)
    ours = BandedRidge(np.geomspace(1, 1e6, 6)).fit(X, y)
    roots = np.geomspace(1, 1e3, 6)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    rows = np.vstack([scaled, np.diag(roots / X.std(axis=0))])
    w = np.linalg.lstsq(rows, np.append(y - y.mean(), np.zeros(6)), rcond=None)[0]
    np.testing.assert_allclose(ours.predict(X), scaled @ w + y.mean(), rtol=1e-8, atol=1e-9)


def test_iterations_that_do_not_end_are_warned_of(monkeypatch):
    monkeypatch.setattr(_normal, "_LARGEST_SPARSE", 0)
    X = sparse.csr_matrix(np.linspace(0, 1, 60)[:, None] ** np.arange(1, 25))
    with pytest.warns(ConvergenceWarning, match="scale the features") as warned:
        BandedRidge(0.0).fit(X, np.arange(60.0) % 7)
    assert warned[0].filename == __file__
