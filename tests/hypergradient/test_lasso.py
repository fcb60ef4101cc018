"""Lasso and elastic net: solutions against scikit-learn's, gradients against differences."""

import dataclasses
import warnings

import numpy as np
import pytest
from hypergradient.problems import Session, designs, target, weights
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso
from sklearn.model_selection import KFold, cross_val_score
from sklearn.preprocessing import PolynomialFeatures

from skhyper import GradientSearchCV
from skhyper._numeric._data import checked_matrix
from skhyper._numeric._parts import SharedData
from skhyper.hypergradient import (
    NotDifferentiableError,
    TrainingPart,
    Want,
    _lasso,
    check_hypergradient,
    hypergradient,
    inner_problem,
)
from skhyper.hypergradient._centered import SquaredLoss

DATA = designs()


@pytest.fixture
def solution_is_scored(monkeypatch):
    """The exact solution is returned even where coordinate descent would take hours."""
    monkeypatch.setattr(_lasso._LassoFold, "_does_not_converge", lambda *args: False)


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(
    "estimator",
    [
        Lasso(alpha=0.02),
        ElasticNet(alpha=0.05, l1_ratio=0.6),
        ElasticNet(alpha=0.05, l1_ratio=0.6, positive=True),
    ],
    ids=["lasso", "elastic net", "positive"],
)
def test_one_target(design, weighted, intercept, estimator):
    X = DATA[design]
    y = target(X, "real")
    estimator = clone(estimator).set_params(fit_intercept=intercept)
    check_hypergradient(estimator, X, y, fit_params=weights(len(y), weighted))


@pytest.mark.parametrize("design", ["tall", "wide"])
@pytest.mark.parametrize(
    "estimator", [MultiTaskLasso(alpha=0.2), MultiTaskElasticNet(alpha=0.2, l1_ratio=0.7)]
)
def test_several_targets(design, estimator):
    X = DATA[design]
    # scikit-learn 1.6.0 cannot make the default scorer of these.
    check_hypergradient(estimator, X, target(X, "outputs"), scoring="r2")


@pytest.mark.parametrize("design", DATA)
def test_a_walk_through_penalties_finds_what_cold_fits_find(design):
    X = DATA[design]
    y = target(X, "real")
    lasso = Lasso(tol=1e-13, max_iter=1_000_000)
    problem = Session(lasso)
    problem.load(X, y)
    for alpha in (0.5, 0.02, 0.3, 0.005, 1e3, 0.05):
        ours, theirs = problem.fit({"alpha": alpha}), clone(lasso).set_params(alpha=alpha)
        theirs.fit(X, y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-7)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-7)


def test_nothing_moves_where_no_feature_is_in():
    X = DATA["tall"]
    problem = Session(Lasso())
    problem.load(X, target(X, "real"))
    problem.fit({"alpha": 1e3})
    _, gradient = hypergradient(
        problem.fitted, X, "predict", lambda p: (float(p @ p), 2 * p), ["alpha"]
    )
    assert gradient == {"alpha": 0.0}


@pytest.mark.parametrize("estimator", [Lasso(alpha=0.03), ElasticNet(alpha=0.03, l1_ratio=0.3)])
def test_what_is_not_searched_keeps_its_value(estimator):
    X = DATA["tall"]
    y = target(X, "real")
    problem = Session(estimator)
    problem.load(X, y)
    expected = clone(estimator).set_params(tol=1e-12).fit(X, y).coef_
    np.testing.assert_allclose(problem.fit({}).coef_, expected, atol=1e-6)
    loose = clone(estimator).set_params(max_iter=2)
    problem = Session(loose)
    problem.load(X, y)
    with pytest.warns(UserWarning, match="Objective did not converge"):
        fitted = problem.fit({})
    with pytest.warns(UserWarning, match="Objective did not converge"):
        np.testing.assert_array_equal(fitted.coef_, loose.fit(X, y).coef_)


@pytest.mark.usefixtures("solution_is_scored")
def test_the_conditions_hold_where_features_abound():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(20):
        X, y = rng.normal(size=(16, 40)), rng.normal(size=16)
        for alpha in (0.1, 1e-3, 1e-2, 1e-4):
            problem = Session(Lasso(max_iter=10**9, tol=1e-14))
            problem.load(X, y)
            coef = problem.fit({"alpha": alpha}).coef_
            try:
                problem.predict(X, "predict")
            except NotDifferentiableError:
                refused += 1
                continue
            Xc = X - X.mean(axis=0)
            C = Xc.T @ (y - y.mean() - Xc @ coef) / 16
            assert np.abs(C).max() <= alpha * (1 + 1e-6)
            np.testing.assert_allclose(C[coef != 0], alpha * np.sign(coef[coef != 0]), rtol=1e-6)
    assert refused < 8


def test_what_is_not_searched_is_the_estimators_own():
    X = DATA["tall"]
    y = target(X, "real")
    net = ElasticNet(alpha=0.05, tol=1e-13)
    problem = Session(net)
    problem.load(X, y)
    ours, theirs = problem.fit({"l1_ratio": 0.3}), net.set_params(l1_ratio=0.3).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    assert ours.get_params() == theirs.get_params()


@pytest.mark.parametrize("design", ["tall", "wide"])
def test_copies_of_features(design):
    X = DATA[design]
    y = target(X, "real")
    check_hypergradient(Lasso(alpha=0.02), np.hstack([X, X[:, :3]]), y)


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(
    "estimator",
    [Lasso(alpha=0.1), ElasticNet(alpha=0.1, l1_ratio=0.6, positive=True, fit_intercept=False)],
)
def test_several_targets_are_fitted_one_by_one(design, n_outputs, estimator):
    X = DATA[design]
    Y = target(X, "outputs")[:, :n_outputs]
    problem = Session(estimator)
    problem.load(X, Y)
    ours, theirs = problem.fit({}), clone(estimator).set_params(tol=1e-13, max_iter=10**6)
    theirs.fit(X, Y)
    assert np.shape(ours.coef_) == theirs.coef_.shape
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-7)
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-6)
    assert problem.predict(X, "predict").shape == ours.predict(X).shape
    check_hypergradient(estimator, X, Y)


@pytest.mark.parametrize("estimator", [Lasso(), MultiTaskLasso()], ids=["separate", "joint"])
def test_outputs_of_a_search_are_scored_as_scikit_learn_scores_them(estimator):
    X = DATA["tall"]
    Y = target(X, "outputs")
    space = {"alpha": (1e-2, 1.0, "log-uniform")}
    search = GradientSearchCV(estimator, space, scoring="r2", cv=3, n_iter=4).fit(X, Y)
    own = clone(estimator).set_params(**search.best_params_, tol=1e-12)
    expected = cross_val_score(own, X, Y, scoring="r2", cv=3).mean()
    assert search.best_score_ == pytest.approx(expected, rel=1e-8)


@pytest.mark.usefixtures("solution_is_scored")
@pytest.mark.parametrize("shape", [(100, 80), (40, 200), (800, 1400)])
def test_a_sparse_table_is_solved_as_the_dense_one(shape):
    rng = np.random.default_rng(0)
    X = sparse.random(*shape, density=0.05, random_state=0, format="csr")
    y = X @ rng.normal(size=shape[1]) + rng.normal(size=shape[0])
    found = []
    for data in (X, X.toarray()):
        problem = Session(Lasso(max_iter=10**9, tol=1e-14))
        problem.load(data, y)
        fitted = [problem.fit({"alpha": alpha}) for alpha in (1e-2, 4e-3)][-1]
        loss = lambda p: (float((p - y) @ (p - y)), 2 * (p - y))  # noqa: E731
        _, gradient = hypergradient(problem.fitted, data, "predict", loss, ["alpha"])
        found.append((fitted.coef_, gradient["alpha"]))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-8, atol=1e-10)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-8)


def scaled(seed, n, p, span):
    """Data with columns in units from 10^-span to 10^span, and a target."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + rng.normal(size=p)
    y = X @ rng.normal(size=p) + rng.normal(size=n)
    return X * 10.0 ** rng.uniform(-span, span, size=p), y


def violation(X, y, coef, l1, l2, a):
    """How far the optimality conditions are violated, relative to the largest correlation."""
    X, y, coef, a = (np.asarray(v, dtype=np.longdouble) for v in (X, y, coef, a))
    Z, r = X - a @ X / a.sum(), y - a @ y / a.sum()
    sizes = np.sqrt(a @ Z**2 / a.sum() * (a @ r**2) / a.sum())
    C = Z.T @ (a * (r - Z @ coef)) / a.sum() - l2 * coef
    off = np.where(coef == 0, np.maximum(np.abs(C) - l1, 0), np.abs(C - l1 * np.sign(coef)))
    return float((off / sizes).max())


@pytest.mark.usefixtures("solution_is_scored")
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(60, 8), (30, 29), (30, 30), (30, 40)])
def test_columns_of_any_scale(shape, weighted, kind):
    a = weights(shape[0], weighted).get("sample_weight", np.ones(shape[0]))
    for seed in range(3):
        X, y = scaled(seed, *shape, span=8)
        problem = Session(ElasticNet(l1_ratio=0.9, max_iter=10**9, tol=1e-14))
        problem.load(kind(X), y, **weights(len(y), weighted))
        value = {}
        for alpha in (1e-4, 1.0, 1.0 - 1e-5, 1.0 + 1e-5):
            coef = problem.fit({"alpha": alpha}).coef_
            assert violation(X, y, coef, 0.9 * alpha, 0.1 * alpha, a) < 1e-12
            value[alpha], gradient = hypergradient(
                problem.fitted,
                X,
                "predict",
                lambda p, y=y: ((p - y) @ (p - y), 2 * (p - y)),
                ["alpha"],
            )
            if alpha == 1.0:
                slope = gradient["alpha"]
        difference = (value[1.0 + 1e-5] - value[1.0 - 1e-5]) / 2e-5
        assert slope == pytest.approx(difference, rel=1e-4, abs=1e-7)


def test_where_coordinate_descent_does_not_converge_its_own_fit_is_scored():
    x = np.random.default_rng(0).uniform(0, 100, size=(60, 1))
    y = np.sin(x[:, 0] / 20)
    X = PolynomialFeatures(5, include_bias=False).fit_transform(x)
    problem = Session(Lasso(alpha=0.01))
    problem.load(X, y)
    with pytest.warns(ConvergenceWarning, match="Objective did not converge"):
        ours = problem.fit({})
    with pytest.warns(ConvergenceWarning, match="Objective did not converge"):
        np.testing.assert_array_equal(ours.coef_, Lasso(alpha=0.01).fit(X, y).coef_)
    # What is differentiated is the solution all the same.
    exact = Session(Lasso(alpha=0.01, max_iter=10**9, tol=1e-14))
    exact.load(X, y)
    coef = exact.fit({}).coef_
    assert violation(X, y, coef, 0.01, 0.0, np.ones(60)) < 1e-12
    p = problem.predict(X, "predict")
    np.testing.assert_allclose(p - p.mean(), (X - X.mean(axis=0)) @ coef, atol=1e-9)


@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(80, 20), (40, 60)])
@pytest.mark.parametrize(
    "estimator",
    [Lasso(), ElasticNet(l1_ratio=0.7, positive=True, fit_intercept=False), MultiTaskLasso()],
    ids=lambda v: type(v).__name__,
)
def test_scores_are_scikit_learns_own_where_its_tolerance_shows(
    estimator, shape, weighted, n_outputs
):
    """With little noise its solutions are off by as much as the noise: so are the scores."""
    joint = isinstance(estimator, MultiTaskLasso)
    if joint and (weighted or n_outputs is None):
        pytest.skip("not there in scikit-learn")
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    w = rng.random(size=(10,) if n_outputs is None else (10, n_outputs))
    y = 10 * X[:, :10] @ w
    y += 0.01 * rng.normal(size=y.shape)
    alpha, n_train = 1e-3, 3 * len(X) // 4
    fit_params = weights(n_train, weighted)
    problem = Session(estimator)
    problem.load(X[:n_train], y[:n_train], **fit_params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = problem.fit({"alpha": alpha}).predict(X[n_train:])
        own = clone(estimator).set_params(alpha=alpha).fit(X[:n_train], y[:n_train], **fit_params)
    np.testing.assert_allclose(ours, own.predict(X[n_train:]), rtol=1e-9, atol=1e-9)
    assert not problem.fitted.is_exact
    if (
        shape == (80, 20) and estimator.get_params().get("positive") is not True
    ):  # others stop early
        exact = problem.predict(X[n_train:], "predict")
        assert np.abs(exact - ours).max() > 1e-4


@pytest.mark.parametrize("estimator", [ElasticNet(), MultiTaskElasticNet()], ids=str)
def test_a_fit_outlasts_the_next_one_of_its_fold(estimator):
    X = DATA["tall"]
    y = target(X, "outputs" if isinstance(estimator, MultiTaskElasticNet) else "real")
    fold = inner_problem(estimator).load(X, y)
    first = fold.fit({"alpha": 0.2}).predict(X, "predict")
    d, want = np.ones_like(first.value), Want(["alpha", "l1_ratio"], True)
    expected = first.vjp(d, want)
    fold.fit({"alpha": 0.01})
    found = first.vjp(d, want)
    assert found.params == pytest.approx(expected.params, rel=1e-8)
    np.testing.assert_allclose(found.X_train, expected.X_train, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_a_part_of_shared_data_is_a_copy_of_its_rows(intercept, weighted, kind, monkeypatch):
    monkeypatch.setattr("skhyper._numeric._parts.dense_if_small", lambda X: X)
    X = DATA["tall"]
    y, a = target(X, "real"), weights(len(X), weighted).get("sample_weight")
    estimator = ElasticNet(alpha=0.05, l1_ratio=0.6, fit_intercept=intercept)
    problem, loss = inner_problem(estimator), lambda p: (float(p @ p), 2 * p)
    trains = [train for train, _ in KFold(3).split(X)]
    shared = SharedData(checked_matrix(kind(X)), a, trains), y
    for fold, train in enumerate(trains):
        own = {} if a is None else {"sample_weight": a[train]}
        rows = TrainingPart.of(kind(X[train]), y[train], **own)
        part = dataclasses.replace(rows, fold=fold, shared=lambda: shared)
        assert SquaredLoss.from_part(part, intercept) is not None
        results = []
        for fit in (problem.load_part(part).fit({}), problem.load_part(rows).fit({})):
            slope = hypergradient(fit, X, "predict", loss, ["alpha", "l1_ratio"])[1]
            results.append([*fit.estimator.coef_, fit.estimator.intercept_, *slope.values()])
        np.testing.assert_allclose(*results, rtol=1e-10, atol=1e-12)
