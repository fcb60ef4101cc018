"""Ridge regression and classification: against scikit-learn's fits and differences of them."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Ridge, RidgeClassifier

from skhyper.hypergradient import NotDifferentiableError, _ridge, check_hypergradient, inner_problem

rng = np.random.default_rng(0)
TALL = rng.normal(size=(90, 12)) + 1
WIDE = rng.normal(size=(60, 150)) * np.geomspace(1, 10, 150)
SPARSE = sparse.random(90, 40, density=0.2, random_state=0, format="csr")


def target(X, n_outputs=None):
    W = rng.normal(size=(X.shape[1], n_outputs or 1))
    Y = X @ W + rng.normal(size=(X.shape[0], n_outputs or 1))
    return Y if n_outputs else Y[:, 0]


@pytest.mark.parametrize("X", [TALL, WIDE, SPARSE], ids=["tall", "wide", "sparse"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("n_outputs", [None, 3])
def test_ridge(X, intercept, weighted, n_outputs):
    y = target(X, n_outputs)
    fit_params = {"sample_weight": rng.random(len(y))} if weighted else {}
    ridge = Ridge(alpha=2.0, fit_intercept=intercept, tol=1e-12)
    check_hypergradient(ridge, X, y, fit_params=fit_params)
    problem = inner_problem(ridge)
    problem.load(X, y, **fit_params)
    ours, theirs = problem.fit({"alpha": 0.3}), clone(ridge).set_params(alpha=0.3)
    theirs.fit(X, y, **fit_params)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(problem.predict(X, "predict"), theirs.predict(X), rtol=1e-7)


def test_one_penalty_for_each_output():
    check = check_hypergradient(Ridge(alpha=np.array([0.5, 5.0])), TALL, target(TALL, 2))
    assert check.gradient["alpha"].shape == (2,)


@pytest.mark.parametrize("scoring", [None, "balanced_accuracy"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_ridge_classifier(scoring, n_classes, class_weight):
    values = target(TALL)
    y = np.digitize(values, np.quantile(values, [0.4, 0.7][: n_classes - 1]))
    classifier = RidgeClassifier(alpha=20.0, class_weight=class_weight)
    check_hypergradient(classifier, TALL, y, scoring=scoring)


def test_what_is_refused():
    with pytest.raises(NotDifferentiableError, match="positive=True"):
        inner_problem(Ridge(positive=True))

    class Halved(Ridge):
        def predict(self, X):
            return super().predict(X) / 2

    with pytest.raises(NotDifferentiableError, match="Halved overrides 'predict' of Ridge"):
        inner_problem(Halved())


@pytest.mark.parametrize("alpha", [1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_small_penalties_with_more_features_than_samples(alpha, scale):
    X = scale * np.random.default_rng(0).normal(size=(40, 100))
    y = X[:, 0] / scale + np.random.default_rng(1).normal(size=40)
    problem = inner_problem(Ridge())
    problem.load(X[:30], y[:30])
    problem.fit({"alpha": alpha})
    expected = Ridge(alpha=alpha, solver="svd").fit(X[:30], y[:30]).predict(X[30:])
    np.testing.assert_allclose(problem.predict(X[30:], "predict"), expected, rtol=1e-6)
    check_hypergradient(Ridge(alpha=1e-2), X, y)


def test_solvers_that_stop_are_left_to_stop():
    y = target(TALL)
    loose = Ridge(solver="lsqr", tol=0.5)
    problem = inner_problem(loose)
    problem.load(TALL, y)
    fitted, theirs = problem.fit({"alpha": 1.0}), clone(loose).fit(TALL, y)
    np.testing.assert_array_equal(fitted.coef_, theirs.coef_)
    exact = Ridge().fit(TALL, y).predict(TALL)
    np.testing.assert_allclose(problem.predict(TALL, "predict"), exact, rtol=1e-8)


@pytest.mark.parametrize("n_outputs", [None, 2])
def test_large_sparse_data_by_conjugate_gradients(monkeypatch, n_outputs):
    monkeypatch.setattr(_ridge, "_LARGEST_SPARSE_GRAM", 0)
    y = target(SPARSE, n_outputs)
    check_hypergradient(Ridge(alpha=2.0, tol=1e-12), SPARSE, y)
    problem = inner_problem(Ridge())
    problem.load(SPARSE, y)
    fitted, expected = problem.fit({"alpha": 0.3}), Ridge(0.3).fit(SPARSE.toarray(), y)
    np.testing.assert_allclose(fitted.coef_, expected.coef_, rtol=1e-6, atol=1e-8)
    assert not problem.worth_keeping


@pytest.mark.parametrize("X", [TALL, WIDE], ids=["tall", "wide"])
@pytest.mark.parametrize("inputs", [True, False])
def test_every_way_to_many_penalties(X, inputs):
    """Cholesky's at first, then an eigendecomposition: against the system written out."""
    y, dw = target(X), rng.normal(size=(X.shape[1], 1))
    problem = inner_problem(Ridge())
    problem.load(X, y)
    problem.inputs_wanted = inputs
    Xc = X - X.mean(axis=0)
    for alpha in np.geomspace(1e-3, 1e3, 2 * _ridge._MAX_FACTORS):
        u = np.linalg.solve(Xc.T @ Xc + alpha * np.eye(X.shape[1]), dw)
        K = Xc @ Xc.T + alpha * np.eye(len(X))  # the way that loses no digits to small penalties
        c, s = np.linalg.solve(K, np.column_stack([y - y.mean(), Xc @ dw])).T
        w = Xc.T @ c
        fitted = problem.fit({"alpha": alpha})
        np.testing.assert_allclose(fitted.coef_, w, rtol=1e-6, atol=1e-8)
        solved = problem.solve(dw)
        if inputs:
            np.testing.assert_allclose(solved, u, rtol=1e-6, atol=1e-8 * np.abs(u).max())
        slope = problem.cross(solved)["alpha"]
        assert slope == pytest.approx(c @ s, rel=1e-6, abs=1e-9 * np.linalg.norm(u))


def test_penalties_are_checked():
    problem = inner_problem(Ridge())
    problem.load(TALL, target(TALL))
    with pytest.raises(ValueError, match="'alpha' parameter of Ridge"):
        problem.fit({"alpha": -1.0})
