"""WeightedElasticNet: scikit-learn's checks, its solutions, optimality with any weights."""

import numpy as np
import pytest
from hypergradient.problems import designs, target, weights
from scipy import sparse
from sklearn.datasets import load_diabetes, make_regression
from sklearn.linear_model import ElasticNet, Lasso, LassoCV, LinearRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhyper.linear_model import WeightedElasticNet

DATA = designs()
TIGHT = {"tol": 1e-14, "max_iter": 1_000_000}
rng = np.random.default_rng(0)


@parametrize_with_checks(
    [WeightedElasticNet(), WeightedElasticNet(0.1, l2_weights=1.0, fit_intercept=False)]
)
@pytest.mark.fast_cases(40)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [0.3, 0.01])
def test_equal_weights(design, intercept, weighted, alpha):
    X = DATA[design]
    y, fit_params = target(X, "real"), weights(X.shape[0], weighted)
    ours = WeightedElasticNet(alpha, 0.7, 0.3, fit_intercept=intercept).fit(X, y, **fit_params)
    theirs = ElasticNet(alpha, l1_ratio=0.7, fit_intercept=intercept, **TIGHT)
    theirs.fit(X, y, **fit_params)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-7)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-6)


@pytest.mark.parametrize("design", DATA)
def test_a_weighted_lasso_is_a_lasso_on_scaled_columns(design):
    X = DATA[design]
    y = target(X, "real")
    w = np.geomspace(0.2, 5, X.shape[1])
    scaled = X.multiply(1 / w).tocsc() if sparse.issparse(X) else X / w
    ours = WeightedElasticNet(0.03, w).fit(X, y)
    theirs = Lasso(0.03, **TIGHT).fit(scaled, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_ / w, atol=1e-7)


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("weighted", [False, True])
def test_optimality(design, weighted):
    X = DATA[design]
    y, (n, p) = target(X, "real"), X.shape
    a = weights(n, weighted).get("sample_weight", np.ones(n))
    l1, l2 = rng.uniform(0, 0.1, p), rng.uniform(0, 0.1, p)
    l1[:5], l2[3:10] = 0.0, 0.0
    model = WeightedElasticNet(1.0, l1, l2).fit(X, y, a)
    C = X.T @ (a * (y - model.predict(X))) / a.sum() - l2 * model.coef_
    nonzero = model.coef_ != 0
    assert 5 < nonzero.sum() < p or p < 10
    np.testing.assert_allclose(C[nonzero], (l1 * np.sign(model.coef_))[nonzero], atol=1e-9)
    assert np.all(np.abs(C[~nonzero]) <= l1[~nonzero] + 1e-9)


def test_no_penalty_and_l2_alone():
    X = DATA["tall"]
    y = target(X, "real")
    free = WeightedElasticNet(0.0).fit(X, y)
    np.testing.assert_allclose(free.coef_, LinearRegression().fit(X, y).coef_, atol=1e-10)
    ridge = WeightedElasticNet(1.0, 0.0, 0.5).fit(X, y)
    np.testing.assert_allclose(ridge.coef_, Ridge(0.5 * len(y)).fit(X, y).coef_, atol=1e-10)


def test_everything_out():
    X = DATA["wide"]
    y = target(X, "real")
    model = WeightedElasticNet(1e3).fit(X, y)
    assert not model.coef_.any()
    assert model.intercept_ == pytest.approx(y.mean())


def test_a_working_set_that_grows():
    X, y = make_regression(300, 1500, n_informative=200, noise=1.0, random_state=0)
    ours = WeightedElasticNet(0.5, l2_weights=0.02).fit(X, y)
    theirs = ElasticNet(0.5 + 0.01, l1_ratio=0.5 / 0.51, **TIGHT).fit(X, y)
    assert np.count_nonzero(ours.coef_) > 200
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


def test_the_default_strength_is_good():
    X, y = load_diabetes(return_X_y=True)
    for scale in (1.0, 1e-3):
        Z = StandardScaler().fit_transform(X) * scale
        best = LassoCV(cv=5).fit(Z, y)
        model = WeightedElasticNet().fit(Z, y)
        assert model.score(Z, y) > best.score(Z, y) - 0.01


def test_bands():
    X = DATA["tall"]
    y = target(X, "real")
    bands = {"in": slice(0, 4), "out": slice(4, 8)}
    model = WeightedElasticNet(0.1, {"in": 0.0, "out": 1e3}, {"in": 1.0, "out": 0.0}, bands)
    model.fit(X, y)
    assert not model.coef_[4:].any()
    np.testing.assert_allclose(model.coef_[:4], Ridge(12.0).fit(X[:, :4], y).coef_)


def test_what_is_refused():
    with pytest.raises(ValueError, match="l1_weights must be finite and >= 0"):
        WeightedElasticNet(l1_weights=[-1.0] * 8).fit(DATA["tall"], np.arange(120))


def data_and_weights():
    X, y = make_regression(80, 40, n_informative=8, noise=5.0, random_state=0)
    return X, y, 10 ** np.random.default_rng(0).uniform(-1, 1, 40)


@pytest.mark.parametrize("alpha", [0.3, 3.0])
def test_weights_as_celer_has_them(alpha):
    celer = pytest.importorskip("celer", reason="an independent solver of the weighted lasso")
    X, y, own = data_and_weights()
    theirs = celer.Lasso(alpha, weights=own, tol=1e-12, max_iter=1000).fit(X, y)
    ours = WeightedElasticNet(alpha, own).fit(X, y)
    assert 0 < np.count_nonzero(ours.coef_) < 40
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5 * np.abs(ours.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)


@pytest.mark.parametrize("alpha", [0.3, 3.0])
def test_weights_as_skglm_has_them(alpha):
    skglm = pytest.importorskip("skglm", reason="an independent solver of the weighted lasso")
    from skglm import datafits, penalties, solvers

    X, y, own = data_and_weights()
    theirs = skglm.GeneralizedLinearEstimator(
        datafits.Quadratic(), penalties.WeightedL1(alpha, own), solvers.AndersonCD(tol=1e-10)
    ).fit(X, y)
    ours = WeightedElasticNet(alpha, own).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6 * np.abs(ours.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-6)
