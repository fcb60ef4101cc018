"""Gaussian process regression: against scikit-learn's fits, differences and evidence."""

import numpy as np
import pandas as pd
import pytest
from hypergradient.problems import Session
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process import kernels as gp
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper.hypergradient import (
    NotDifferentiableError,
    check_hypergradient,
    hypergradient,
    inner_problem,
    log_marginal_likelihood,
)
from skhyper.hypergradient._losses import criterion_of

rng = np.random.default_rng(0)
X = rng.random((70, 4))
y = 5 + np.sin(4 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=70)
Y = np.column_stack([y, X[:, 2] * y])
SCALES = np.linspace(0.5, 1.5, 4)

KERNELS = [
    gp.RBF(0.6),
    1.3 * gp.RBF(SCALES) + gp.WhiteKernel(0.3),
    gp.Matern(SCALES, nu=0.5) + gp.WhiteKernel(0.1),
    gp.Matern(np.array([0.7]), nu=1.5) + gp.WhiteKernel(0.1),
    gp.Matern(0.8, nu=2.5) * gp.ConstantKernel(2.0),
    gp.Matern(SCALES, nu=np.inf),
    gp.RationalQuadratic(0.8, 0.6) + gp.DotProduct(0.5),
    gp.ExpSineSquared(1.5, 4.0),
    (gp.DotProduct(0.7) ** 2) * gp.RBF(1.0, length_scale_bounds="fixed"),
]


def process(kernel, **params):
    return GaussianProcessRegressor(kernel, **{"alpha": 0.1, "optimizer": None, **params})


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("scoring", [None, log_marginal_likelihood], ids=["cv", "evidence"])
def test_kernels(kernel, scoring):
    check = check_hypergradient(process(kernel), X, y, scoring=scoring)
    assert len(check.gradient) == 1 + sum(not h.fixed for h in kernel.hyperparameters)
    assert ("log marginal" in check.criterion) == (scoring is not None)


@pytest.mark.parametrize("target", [y, y[:, None], Y], ids=["flat", "column", "two"])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("alpha", [0.1, rng.uniform(0.1, 0.2, 70)], ids=["alpha", "alphas"])
def test_the_fit_is_scikit_learns(target, normalize, alpha):
    estimator = process(KERNELS[1], alpha=alpha, normalize_y=normalize)
    params = {"kernel__k1__k2__length_scale": SCALES[::-1].copy()}
    problem = Session(estimator)
    problem.load(X, target)
    ours = problem.fit(params)
    theirs = clone(estimator).set_params(**params).fit(X, target)
    assert set(vars(theirs)) == set(vars(ours))
    for name in ("alpha_", "L_", "log_marginal_likelihood_value_", "y_train_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), 1e-9, 1e-11)
        assert np.shape(getattr(ours, name)) == np.shape(getattr(theirs, name))
    for a, b in zip(ours.predict(X, return_std=True), theirs.predict(X, return_std=True)):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    # exp(log(theta)) may differ in the last bit, by where a number lies in its vector.
    assert repr(ours.kernel_) == repr(theirs.kernel_)
    np.testing.assert_allclose(ours.kernel_.theta, theirs.kernel_.theta, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(problem.predict(X, "predict"), theirs.predict(X), rtol=1e-9)
    evidence = problem.predict(X, "log_marginal_likelihood")
    assert evidence == pytest.approx([theirs.log_marginal_likelihood_value_ / 70])


@pytest.mark.parametrize("scoring", [None, log_marginal_likelihood], ids=["cv", "evidence"])
@pytest.mark.parametrize("normalize", [True, False])
def test_two_targets(scoring, normalize):
    check_hypergradient(process(KERNELS[1], normalize_y=normalize), X, Y, scoring=scoring)


def test_evidence_as_scikit_learn_differentiates_it():
    problem = Session(process(KERNELS[1]))
    problem.load(X, y)
    fitted = problem.fit({})
    loss = criterion_of(log_marginal_likelihood, fitted).on(y[:3])
    value, gradient = hypergradient(
        problem.fitted, X[:3], "log_marginal_likelihood", loss, problem.names
    )
    theirs, slope = fitted.log_marginal_likelihood(fitted.kernel_.theta, eval_gradient=True)
    assert value == pytest.approx(-theirs / 70)
    for h in fitted.kernel_.hyperparameters:
        name = f"kernel__{h.name}"
        logarithmic = gradient[name] * problem.estimator.get_params()[name]
        np.testing.assert_allclose(logarithmic, -slope[: h.n_elements] / 70, rtol=1e-9)
        slope = slope[h.n_elements :]


def test_evidence_as_a_scorer():
    pipeline = make_pipeline(StandardScaler(), process(gp.RBF()))
    scores = cross_val_score(pipeline, X, y, scoring=log_marginal_likelihood, cv=3)
    assert np.isfinite(scores).all()
    fitted = process(gp.RBF()).fit(X, y)
    expected = fitted.log_marginal_likelihood_value_ / 70
    assert log_marginal_likelihood(fitted) == pytest.approx(expected)
    with pytest.raises(TypeError, match="scores a fitted GaussianProcessRegressor; got Ridge"):
        log_marginal_likelihood(Ridge())


@pytest.mark.parametrize("method", ["predict", "log_marginal_likelihood"])
@pytest.mark.parametrize("kernel", [KERNELS[1], KERNELS[6], gp.WhiteKernel(0.5)], ids=str)
def test_derivatives_by_the_data(kernel, method):
    train, test, v = X[:40], X[40:], rng.normal(size=30)

    def loss(train, test):
        fitted = process(kernel, normalize_y=True).fit(train, y[:40])
        if method == "predict":
            return v @ fitted.predict(test)
        return log_marginal_likelihood(fitted)

    problem = Session(process(kernel, normalize_y=True))
    problem.load(train, y[:40])
    problem.fit({})
    problem.predict(test, method)
    _, d_train, d_test = problem.vjp(v if method == "predict" else np.ones(1), data=True)
    E, F, h = rng.normal(size=train.shape), rng.normal(size=test.shape), 1e-5
    expected = (loss(train + h * E, test + h * F) - loss(train - h * E, test - h * F)) / (2 * h)
    found = np.sum(d_train * E) + np.sum(d_test * F)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_without_a_kernel():
    estimator = process(None)
    assert inner_problem(estimator).names == ("alpha",)
    check_hypergradient(estimator, X, y)


def test_a_kernel_of_which_nothing_is_known():
    estimator = process(gp.Matern(SCALES, nu=0.7) + gp.WhiteKernel(0.2))
    problem = Session(estimator)
    assert problem.names == ("alpha",)
    assert "nu=0.7" in problem.traits.why_not
    check_hypergradient(estimator, X, y)
    check_hypergradient(estimator, X, y, scoring=log_marginal_likelihood)
    problem.load(X, y)
    problem.fit({})
    problem.predict(X, "predict")
    assert problem.vjp(y, data=True)[1:] == (None, None)


def test_a_noise_for_each_sample_is_a_constant():
    problem = Session(process(gp.RBF(0.6), alpha=np.full(70, 0.1)))
    assert problem.names == ("kernel__length_scale",)
    assert "An alpha for each sample" in problem.traits.why_not


def test_a_constant_target():
    problem = Session(process(gp.RBF(0.6), normalize_y=True))
    problem.load(pd.DataFrame(X, columns=list("abcd")), np.full(70, 3.0))
    fitted = problem.fit({"alpha": 0.2})
    assert list(fitted.feature_names_in_) == list("abcd")
    np.testing.assert_array_equal(problem.predict(X, "predict"), 3.0)


def test_the_same_points_twice():
    doubled, target = np.vstack([X, X[:20]]), np.concatenate([y, y[:20]])
    check_hypergradient(process(gp.Matern(SCALES, nu=0.5)), doubled, target)


def test_what_is_refused():
    with pytest.raises(NotDifferentiableError, match=r"learns the .* set optimizer=None"):
        inner_problem(GaussianProcessRegressor())
    fixed = gp.RBF(0.6, length_scale_bounds="fixed")
    assert inner_problem(GaussianProcessRegressor(fixed)).names == ("alpha",)

    class Halved(GaussianProcessRegressor):
        def predict(self, X):
            return super().predict(X) / 2

    with pytest.raises(NotDifferentiableError, match="Halved overrides 'predict'"):
        inner_problem(Halved(optimizer=None))
    problem = Session(process(gp.DotProduct(0.0), alpha=0.0))
    problem.load(X, y)
    with pytest.raises(np.linalg.LinAlgError, match="not returning a positive definite matrix"):
        problem.fit({})
