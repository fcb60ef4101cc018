"""BandedLogisticRegression: scikit-learn's checks, and its solutions on scaled columns."""

import numpy as np
import pytest
from hypergradient.problems import designs, target, weights
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhyper.linear_model import BandedLogisticRegression

DATA = designs()


@parametrize_with_checks(
    [BandedLogisticRegression(), BandedLogisticRegression(0.5, class_weight="balanced")]
)
@pytest.mark.fast_cases(40)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("kind", ["binary", "classes"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_regression_on_scaled_columns(design, kind, intercept, weighted):
    X = DATA[design]
    y, fit_params = target(X, kind), weights(X.shape[0], weighted)
    labels = np.arange(X.shape[1]) % 3
    alphas = np.array([0.3, 3.0, 30.0])
    scale = 1 / np.sqrt(alphas[labels])
    scaled = X.multiply(scale).tocsr() if sparse.issparse(X) else X * scale
    class_weight = None if weighted else "balanced"
    options = {"fit_intercept": intercept, "class_weight": class_weight}
    ours = BandedLogisticRegression(alphas, labels, **options).fit(X, y, **fit_params)
    solver = "newton-cg" if sparse.issparse(X) else "newton-cholesky"
    theirs = LogisticRegression(solver=solver, tol=1e-12, max_iter=1000, **options)
    theirs.fit(scaled, y, **fit_params)
    np.testing.assert_allclose(ours.coef_, theirs.coef_ * scale, rtol=1e-5, atol=1e-6)
    theirs_p = theirs.predict_proba(scaled)
    np.testing.assert_allclose(ours.predict_proba(X), theirs_p, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(scaled))
    np.testing.assert_allclose(ours.predict_log_proba(X), np.log(theirs_p), rtol=1e-5, atol=1e-5)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_features_without_a_penalty(design, kind):
    X = DATA[design]
    y = target(X, kind)
    alphas = np.where(np.arange(X.shape[1]) < 2, 0.0, 2.0)
    model = BandedLogisticRegression(alphas).fit(X, y)
    dense = X.toarray() if sparse.issparse(X) else X
    P = model.predict_proba(X) - (y[:, None] == model.classes_)
    W = model.coef_
    residual = P[:, 1 if len(W) == 1 else slice(None)].T @ dense + alphas * W
    np.testing.assert_allclose(residual, 0.0, atol=1e-6)


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_sparse_data_that_stay_sparse(monkeypatch, kind):
    X = DATA["sparse"]
    y, alphas = target(X, kind), np.geomspace(0.1, 10, X.shape[1])
    dense = BandedLogisticRegression(alphas).fit(X, y)
    monkeypatch.setattr("skhyper.linear_model._logistic._SMALL", 0)
    model = BandedLogisticRegression(alphas).fit(X, y)
    np.testing.assert_allclose(model.coef_, dense.coef_, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, dense.intercept_, atol=1e-8)


def test_the_minimum():
    X = DATA["tall"]
    y = target(X, "classes")
    model = BandedLogisticRegression(2.0).fit(X, y)
    Y = (y[:, None] == model.classes_).astype(float)

    def objective(v):
        W = v.reshape(9, 3)
        return -(Y * log_softmax(X @ W[:8] + W[8], axis=1)).sum() + (W[:8] ** 2).sum()

    at = objective(np.vstack([model.coef_.T, model.intercept_]).ravel())
    assert at <= minimize(objective, np.zeros(27), method="BFGS").fun + 1e-9


def test_separated_classes():
    X = np.arange(10.0)[:, None]
    message = "may be separated by features without a penalty"
    with pytest.warns(ConvergenceWarning, match=message) as warned:
        BandedLogisticRegression(0.0, max_iter=15).fit(X, X[:, 0] > 4)
    assert warned[0].filename == __file__


def test_one_class():
    with pytest.raises(ValueError, match="at least two classes; the data have one class"):
        BandedLogisticRegression().fit(np.eye(3), [1, 1, 1])
