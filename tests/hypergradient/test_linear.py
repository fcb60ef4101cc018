"""What linear problems share: polishing, and derivatives by the data."""

import numpy as np
import pytest
from hypergradient.problems import Session, designs, target, weights
from scipy import sparse
from scipy.special import logsumexp, softmax
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.svm import LinearSVR

from skhyper._sklearn import sklearn_version
from skhyper.hypergradient import (
    NotDifferentiableError,
    Want,
    check_hypergradient,
    hypergradient,
    inner_problem,
)

X = designs()["tall"]


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (Ridge(alpha=2.0), "outputs"),
        (ElasticNet(alpha=0.05), "real"),
        (LogisticRegression(C=0.7), "binary"),
        (LogisticRegression(C=0.7), "classes"),
        (PoissonRegressor(alpha=0.1), "count"),
        (LinearSVR(loss="squared_epsilon_insensitive", C=0.5, epsilon=0.1), "real"),
        (HuberRegressor(alpha=1.0), "real"),
    ],
    ids=str,
)
@pytest.mark.parametrize("intercept", [True, False])
def test_derivatives_by_the_data(estimator, kind, intercept):
    """Along a random change of the training and of the test data."""
    y = target(X, kind)
    estimator.set_params(fit_intercept=intercept)
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    given = weights(len(y), True)
    rng = np.random.default_rng(0)
    D, T, D_test = rng.normal(size=X.shape), rng.normal(size=X.shape), rng.normal(size=X.shape)

    def predictions(step):
        problem = Session(estimator)
        problem.load(X + step * D, y, **given)
        problem.fit({})
        return problem, problem.predict(T + step * D_test, method)

    problem, output = predictions(0.0)
    cotangent = rng.normal(size=output.shape)
    _, dX, dX_test = problem.vjp(cotangent, data=True)
    h = 1e-5
    expected = np.sum(cotangent * (predictions(h)[1] - predictions(-h)[1])) / (2 * h)
    assert np.sum(dX * D) + np.sum(dX_test * D_test) == pytest.approx(expected, rel=1e-5)


def softmax_loss(X, y, test, C):
    """Log-loss of the l2-penalised softmax, by Newton's method on standardised features."""
    m, s = X.mean(axis=0), np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
    Q = np.column_stack([(X - m) / s, np.ones(len(X))])
    Y, K = np.eye(y.max() + 1)[y], y.max() + 1
    penalties = np.repeat(np.append(1 / (C * s**2), 0.0), K)
    v = np.zeros(Q.shape[1] * K)
    for _ in range(200):
        P = softmax(Q @ v.reshape(-1, K), axis=1)
        G = (Q.T @ (P - Y)).ravel() + penalties * v
        H = np.einsum("ij,ik,ikl,im->jkml", Q, P, np.eye(K) - P[:, None, :], Q, optimize=True)
        H = H.reshape(len(v), -1) + np.diag(penalties)
        d = 1 / np.sqrt(np.diag(H))
        step = d * np.linalg.lstsq(d[:, None] * H * d, d * G, rcond=1e-14)[0]
        change = np.abs(Q @ step.reshape(-1, K)).max()
        v = v - step / max(1.0, change / 5)
        if change < 1e-8:
            break
    X_test, y_test = test
    Z = np.column_stack([(X_test - m) / s, np.ones(len(X_test))]) @ v.reshape(-1, K)
    return float(np.mean(logsumexp(Z, axis=1) - Z[np.arange(len(Z)), y_test]))


WINE = load_wine(return_X_y=True)
SCALES = {
    "raw": np.ones(13),
    "1e-8 to 1e8": 10.0 ** np.linspace(-8, 8, 13),
    "constant": np.where(np.arange(13) == 4, 0.0, 1.0),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("scales", "make", "C"),
    [(scales, np.asarray, C) for scales in SCALES for C in (1e-3, 1e3)]
    + [("raw", sparse.csr_matrix, 1.0)],
)
def test_logistic_regression_on_data_that_are_not_to_scale(scales, make, C):
    X, y = WINE[0] * SCALES[scales] + (scales == "constant"), WINE[1]
    train, test = np.arange(len(y)) % 3 != 0, np.arange(len(y)) % 3 == 0
    problem = Session(LogisticRegression())
    problem.load(make(X[train]), y[train])
    problem.fit({"C": C})

    def loss(P):
        of_class = P[np.arange(len(P)), y[test]]
        d = np.zeros_like(P)
        d[np.arange(len(P)), y[test]] = -1 / of_class / len(P)
        return -float(np.log(of_class).mean()), d

    value, gradient = hypergradient(problem.fitted, make(X[test]), "predict_proba", loss, ["C"])
    held_out, h = (X[test], y[test]), 1e-3
    assert value == pytest.approx(softmax_loss(X[train], y[train], held_out, C), rel=1e-6)
    ends = [softmax_loss(X[train], y[train], held_out, C * (1 + d)) for d in (-h, h)]
    expected = (ends[1] - ends[0]) / (2 * h)
    assert gradient["C"] * C == pytest.approx(expected, rel=1e-3, abs=1e-8 * value)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("estimator", "kind"),
    [(PoissonRegressor(alpha=0.0), "count"), (GammaRegressor(alpha=0.0), "positive")],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # its lbfgs overflows
def test_regressions_without_a_penalty_do_not_depend_on_scales(estimator, kind):
    y, scales = target(X, kind), 10.0 ** np.linspace(-4, 4, X.shape[1])
    exact = clone(estimator).set_params(solver="newton-cholesky", tol=1e-12).fit(X, y).predict(X)
    raw = (X + 3) * scales
    problem = Session(estimator)
    problem.load(raw, y)
    problem.fit({})
    np.testing.assert_allclose(problem.predict(raw, "predict"), exact, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classes_that_a_model_without_a_penalty_separates():
    # Its coefficients have no end: there is a score, and no derivative.
    Z = np.linspace(-1, 1, 20)[:, None]
    y = (Z[:, 0] > 0).astype(int)
    without = {"C": np.inf} if sklearn_version >= (1, 8) else {"penalty": None}
    problem = Session(LogisticRegression(**without))
    problem.load(Z, y)
    fitted = problem.fit({})
    expected = fitted.predict_proba(Z)
    np.testing.assert_allclose(problem.predict(Z, "predict_proba"), expected, atol=1e-4)
    with pytest.raises(NotDifferentiableError, match="has no solution"):
        problem.vjp(np.ones((20, 2)))


def test_separated_classes_with_a_negligible_penalty_have_no_derivative():
    # There is a minimum, but rounding keeps Newton's method at a finite distance from it.
    Z = np.linspace(-1, 1, 20)[:, None]
    model = LogisticRegression(C=1e18, max_iter=1000)
    with pytest.raises(NotDifferentiableError, match="does not converge"):
        check_hypergradient(model, Z, (Z[:, 0] > 0).astype(int), scoring="neg_log_loss")


def test_a_model_without_a_penalty_is_scored_as_one():
    y = target(X, "binary")
    without = {"C": np.inf} if sklearn_version >= (1, 8) else {"penalty": None}
    model = LogisticRegression(solver="newton-cholesky", tol=1e-12, **without)
    problem = Session(model)
    problem.load(X, y)
    expected = problem.fit({}).predict_proba(X)
    np.testing.assert_allclose(problem.predict(X, "predict_proba"), expected, rtol=1e-8)


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_a_fit_outlasts_the_next_one_of_its_fold(kind):
    fold = inner_problem(LogisticRegression()).load(X, target(X, kind))
    first = fold.fit({"C": 1.0}).predict(X, "predict_proba")
    d, want = np.random.default_rng(0).normal(size=first.value.shape), Want(["C"], True)
    expected = first.vjp(d, want)
    second = fold.fit({"C": 0.01}).predict(X, "predict_proba")
    assert second.vjp(d, want).params["C"] != pytest.approx(expected.params["C"], rel=0.1)
    found = first.vjp(d, want)
    assert found.params["C"] == pytest.approx(expected.params["C"], rel=1e-6)
    np.testing.assert_allclose(found.X_train, expected.X_train, rtol=1e-6, atol=1e-8)
