"""Models with a penalty for each band: hypergradients against differences, and searches."""

import numpy as np
import pandas as pd
import pytest
from hypergradient.problems import Session, designs, target, weights
from sklearn.base import clone
from sklearn.model_selection import KFold, LeaveOneOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import BayesSearchCV, GradientSearchCV, SearchCV
from skhyper.hypergradient import NotDifferentiableError, Want, check_hypergradient, inner_problem
from skhyper.linear_model import BandedLogisticRegression, BandedRidge
from skhyper.space import default_space

DATA = designs()
LOG = (1e-3, 1e4, "log-uniform")


def penalties(p, spelling):
    """`alphas` and `bands` for p features."""
    third = p // 3
    bands = {"a": slice(0, third), "b": slice(third, p - 1), "last": [p - 1]}
    return {
        "number": {"alphas": 2.0},
        "feature": {"alphas": np.geomspace(0.1, 100, p)},
        "label": {"alphas": [0.5, 5.0], "bands": np.arange(p) % 2},
        "dict": {"alphas": {"b": 3.0, "a": 0.3, "last": 0.01}, "bands": bands},
    }[spelling]


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("spelling", ["number", "feature", "label", "dict"])
@pytest.mark.parametrize("kind", ["real", "outputs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge(design, spelling, kind, weighted):
    X = DATA[design]
    y, fit_params = target(X, kind), weights(X.shape[0], weighted)
    ridge = BandedRidge(**penalties(X.shape[1], spelling), fit_intercept=not weighted)
    check = check_hypergradient(ridge, X, y, fit_params=fit_params)
    assert np.shape(check.gradient["alphas"]) == np.shape(ridge.alphas)
    problem = Session(ridge)
    problem.load(X, y, **fit_params)
    ours, theirs = problem.fit({}), clone(ridge).fit(X, y, **fit_params)
    assert vars(ours).keys() == vars(theirs).keys()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(problem.predict(X, "predict"), theirs.predict(X), atol=1e-8)


@pytest.mark.parametrize("design", DATA)
@pytest.mark.parametrize("kind", ["binary", "classes"])
@pytest.mark.parametrize("spelling", ["number", "label", "dict"])
@pytest.mark.parametrize("scoring", ["neg_log_loss", None])
def test_logistic_regression(design, kind, spelling, scoring):
    weighted = (scoring is None) == (spelling == "label")
    X = DATA[design]
    y, fit_params = target(X, kind), weights(X.shape[0], weighted)
    model = BandedLogisticRegression(
        **penalties(X.shape[1], spelling),
        fit_intercept=not weighted,
        class_weight="balanced" if scoring is None else None,
    )
    check_hypergradient(model, X, y, scoring=scoring, fit_params=fit_params)


def test_where_a_penalty_is_zero():
    # There is no difference to the left of it; the derivative is the limit from the right.
    X = DATA["tall"]
    y = target(X, "real")
    slopes = []
    for last in (0.0, 1e-9):
        problem = Session(BandedRidge())
        problem.load(X, y)
        problem.fit({"alphas": np.append(np.ones(7), last)})
        problem.predict(X, "predict")
        slopes.append(problem.vjp(np.arange(120.0)).params["alphas"])
    np.testing.assert_allclose(*slopes, rtol=1e-6)


def test_through_a_pipeline():
    X = DATA["tall"]
    check_hypergradient(
        make_pipeline(StandardScaler(), BandedRidge(np.ones(8))), X, target(X, "real")
    )


@pytest.mark.parametrize("design", ["tall", "wide"])
@pytest.mark.parametrize("intercept", [True, False])
def test_leave_one_out(design, intercept):
    X = DATA[design][:40]
    y = target(X, "outputs")
    w = weights(40, True)["sample_weight"]
    ridge = BandedRidge(np.geomspace(0.3, 30, X.shape[1]), fit_intercept=intercept)
    problem = Session(ridge)
    problem.load(X, y, sample_weight=w)
    problem.fit({})
    left_out = problem.fitted.leave_one_out()
    for test in (0, 7):
        train = np.arange(40) != test
        theirs = clone(ridge).fit(X[train], y[train], w[train]).predict(X[[test]])[0]
        np.testing.assert_allclose(left_out.value[test], theirs, rtol=1e-9)
    D = np.random.default_rng(0).normal(size=y.shape)
    gradient = left_out.vjp(D, Want(["alphas"])).params["alphas"]
    direction = ridge.alphas * np.random.default_rng(1).normal(size=X.shape[1])
    values = []
    for step in (1e-4, -1e-4):
        problem.fit({"alphas": ridge.alphas + step * direction})
        values.append(np.vdot(D, problem.fitted.leave_one_out().value))
    assert gradient @ direction == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-5)


def grouped(n=80, n_noise=40):
    """Three features that matter, under a name, among many that do not."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3 + n_noise))
    names = [f"x{i}" for i in range(X.shape[1])]
    y = X[:, :3] @ [1.0, 2.0, -1.0] + 0.5 * rng.normal(size=n)
    bands = {"signal": names[:3], "noise": names[3:]}
    return pd.DataFrame(X, columns=names), y, bands


def test_a_penalty_for_each_band_beats_one_for_all():
    X, y, bands = grouped()
    cv = KFold(4, shuffle=True, random_state=0)
    ridge = make_pipeline(StandardScaler().set_output(transform="pandas"), BandedRidge(bands=bands))
    search = GradientSearchCV(ridge, {"bandedridge__alphas": LOG}, cv=cv, random_state=0).fit(X, y)
    one = GradientSearchCV(BandedRidge(), {"alphas": LOG}, cv=cv, random_state=0).fit(X, y)
    found = search.best_params_["bandedridge__alphas"]
    assert found["noise"] > 100 * found["signal"]
    assert isinstance(one.best_params_["alphas"], float)
    assert search.best_score_ > one.best_score_ + 0.05
    again = cross_val_score(search.best_estimator_, X, y, cv=cv).mean()
    assert again == pytest.approx(search.best_score_, rel=1e-9)
    bayes = BayesSearchCV(ridge, {"bandedridge__alphas": LOG}, n_iter=15, cv=cv, random_state=0)
    assert bayes.fit(X, y).best_score_ > one.best_score_
    assert bayes.best_params_["bandedridge__alphas"].keys() == bands.keys()


@pytest.mark.slow
def test_logistic_regression_in_searches():
    X, y, bands = grouped(120)
    y = np.where(y > 0, "up", "down")
    cv = KFold(4, shuffle=True, random_state=0)
    options = {"scoring": "neg_log_loss", "cv": cv, "random_state": 0}
    model = BandedLogisticRegression(bands=bands)
    search = GradientSearchCV(model, {"alphas": LOG}, **options).fit(X, y)
    one = GradientSearchCV(BandedLogisticRegression(), {"alphas": LOG}, **options).fit(X, y)
    assert search.best_params_["alphas"]["noise"] > 10 * search.best_params_["alphas"]["signal"]
    assert search.best_score_ > one.best_score_ + 0.02
    bayes = BayesSearchCV(model, {"alphas": LOG}, n_iter=15, **options).fit(X, y)
    assert bayes.best_score_ > one.best_score_


@pytest.mark.parametrize("model", [BandedRidge(), BandedRidge(np.ones(8))], ids=str)
def test_the_default_space(model):
    X = DATA["tall"]
    search = GradientSearchCV(model, default_space(model), n_iter=5, random_state=0)
    search.fit(X, target(X, "real"))
    assert np.shape(search.best_params_["alphas"]) == np.shape(model.alphas)


def test_leave_one_out_in_a_search():
    X, y, bands = grouped(40, 10)
    search = GradientSearchCV(
        BandedRidge(bands=bands),
        {"alphas": LOG},
        cv=LeaveOneOut(),
        scoring="neg_mean_squared_error",
        n_iter=10,
        random_state=0,
    ).fit(X, y)
    theirs = cross_val_score(
        search.best_estimator_, X, y, cv=LeaveOneOut(), scoring="neg_mean_squared_error"
    )
    assert search.best_score_ == pytest.approx(theirs.mean(), rel=1e-8)


@pytest.mark.parametrize("sampler", ["random", "sobol", "gp"])
def test_an_array_in_every_search(sampler):
    X = DATA["tall"]
    search = SearchCV(
        BandedRidge(np.ones(8)), {"alphas": LOG}, sampler=sampler, n_iter=12, random_state=0
    ).fit(X, target(X, "real"))
    assert search.best_params_["alphas"].shape == (8,)


def test_what_is_refused():
    class Halved(BandedRidge):
        def predict(self, X):
            return super().predict(X) / 2

    with pytest.raises(NotDifferentiableError, match="Halved overrides 'predict' of BandedRidge"):
        inner_problem(Halved())
