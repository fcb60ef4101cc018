"""Kernel ridge regression: against scikit-learn's fits and differences of them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypergradient.problems import Session
from scipy import sparse
from sklearn.base import clone
from sklearn.gaussian_process import kernels as gp
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from skhyper import GradientSearchCV
from skhyper._numeric._shifted import MAX_FACTORS
from skhyper.hypergradient import NotDifferentiableError, check_hypergradient, inner_problem

rng = np.random.default_rng(0)
X = rng.random((80, 5))
y = np.sin(4 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=80)
Y = np.column_stack([y, X[:, 2] * y])
WEIGHTS = rng.random(80)
WEIGHTS[:5] = 0
SCALES = np.linspace(0.5, 1.5, 5)

STRINGS = ["linear", "poly", "polynomial", "rbf", "laplacian", "cosine", "chi2"]
COMPOSED = [
    1.3 * gp.RBF(SCALES) + gp.WhiteKernel(0.3),
    gp.RBF(np.array([0.7])),
    gp.Matern(SCALES, nu=0.5),
    gp.Matern(SCALES, nu=1.5),
    gp.Matern(0.8, nu=2.5),
    gp.RationalQuadratic(0.8, 0.6),
    gp.ExpSineSquared(1.5, 4.0),
    gp.DotProduct(0.7) * gp.RBF(0.8) + gp.ConstantKernel(0.4),
    gp.DotProduct(0.7) ** 2,
    gp.PairwiseKernel(gamma=0.6, metric="laplacian"),
]


def check_fit(estimator, X, y, params, **fit_params):
    """The problem's fit is scikit-learn's, and predicts alike."""
    problem = Session(estimator)
    problem.load(X, y, **fit_params)
    ours = problem.fit(params)
    theirs = clone(estimator).set_params(**params).fit(X, y, **fit_params)
    assert type(ours) is type(theirs)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(problem.predict(X, "predict"), ours.predict(X), rtol=1e-10)
    np.testing.assert_equal(ours.get_params().keys(), theirs.get_params().keys())
    assert vars(ours).keys() == vars(theirs).keys()
    return problem


@pytest.mark.parametrize("kernel", STRINGS)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_kernels_by_name(kernel, weights):
    fit_params = {} if weights is None else {"sample_weight": weights}
    ridge = KernelRidge(alpha=0.1, kernel=kernel, gamma=0.7, coef0=0.4)
    check_hypergradient(ridge, X, y, fit_params=fit_params)
    check_fit(ridge, X, y, {"alpha": 0.2, "gamma": 0.5}, **fit_params)


@pytest.mark.parametrize("kernel", ["sigmoid", "additive_chi2"])
def test_kernels_that_are_not_positive(kernel):
    # scikit-learn warns of a singular matrix where Cholesky does not work.
    ridge = KernelRidge(alpha=3.0, kernel=kernel, gamma=0.7, coef0=0.4)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Singular matrix in solving dual problem")
        check_hypergradient(ridge, X, y)
        check_fit(ridge, X, y, {"alpha": 2.0})


@pytest.mark.parametrize("kernel", COMPOSED, ids=str)
def test_kernels_of_gaussian_processes(kernel):
    ridge = KernelRidge(alpha=0.1, kernel=kernel)
    check = check_hypergradient(ridge, X, Y, fit_params={"sample_weight": WEIGHTS})
    for name, value in check.gradient.items():
        assert np.shape(value) == np.shape(ridge.get_params()[name])
    check_fit(ridge, X, Y, {"alpha": 0.3}, sample_weight=WEIGHTS)


def test_many_length_scales():
    wide = rng.random((60, 200))
    target = np.sin(wide[:, 0]) + wide[:, 1]
    ridge = KernelRidge(alpha=0.1, kernel=gp.RBF(rng.uniform(3, 6, 200)))
    check = check_hypergradient(ridge, wide, target)
    assert check.gradient["kernel__length_scale"].shape == (200,)


def test_noise_is_not_a_hyperparameter():
    # KernelRidge calls the kernel with two arguments, and then it has no noise.
    kernel = gp.RBF() + gp.WhiteKernel()
    assert inner_problem(KernelRidge(kernel=kernel)).names == ("alpha", "kernel__k1__length_scale")


@pytest.mark.parametrize("alpha", [np.array([0.1, 0.3]), np.array([0.1, 0.1])])
def test_one_penalty_for_each_target(alpha):
    ridge = KernelRidge(alpha=alpha, kernel="rbf", gamma=0.5)
    check = check_hypergradient(ridge, X, Y)
    assert check.gradient["alpha"].shape == (2,)
    check_fit(ridge, X, Y, {"alpha": alpha + 0.1})


def test_one_penalty_in_an_array():
    check = check_hypergradient(KernelRidge(alpha=np.array([0.2]), kernel="rbf", gamma=1.0), X, Y)
    assert check.gradient["alpha"].shape == (1,)


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "laplacian"])
def test_sparse_data(kernel):
    S = sparse.random(80, 30, density=0.2, random_state=0, format="csr")
    ridge = KernelRidge(alpha=0.1, kernel=kernel, gamma=0.3)
    check_hypergradient(ridge, S, y)
    problem = check_fit(ridge, S, y, {})
    assert problem.vjp(y, data=True).X_test is None


@pytest.mark.parametrize("kernel", ["precomputed", lambda a, b: 1 + a @ b, gp.Matern(nu=0.7)])
def test_kernels_of_which_nothing_is_known(kernel):
    data = rbf_kernel(X) if isinstance(kernel, str) else X
    ridge = KernelRidge(alpha=0.1, kernel=kernel)
    assert inner_problem(ridge).names == ("alpha",)
    check_hypergradient(ridge, data, y)
    problem = check_fit(ridge, data, y, {"alpha": 0.2})
    assert problem.vjp(y, data=True)[1:] == (None, None)


def test_gamma_by_default():
    problem = check_fit(KernelRidge(kernel="rbf"), X, y, {})
    default = problem.fit({}).dual_coef_
    np.testing.assert_allclose(problem.fit({"gamma": 1 / 5}).dual_coef_, default, rtol=1e-10)
    problem = Session(KernelRidge(kernel="chi2"))
    problem.load(X, y)
    with pytest.raises(ValueError, match="needs a number for gamma; got None"):
        problem.fit({})


def test_a_search_of_a_kernel_that_takes_no_read_only_data():
    ridge = KernelRidge(kernel="chi2", gamma=1.0)
    search = GradientSearchCV(ridge, {"alpha": (1e-2, 1e1, "log-uniform")}, n_iter=3, cv=3)
    search.fit(np.abs(X), y)  # warnings are errors
    assert all(trial.gradient for trial in search.history_)


def test_a_search_of_the_penalty_takes_one_eigendecomposition():
    problem = Session(KernelRidge(kernel="rbf"))
    problem.load(X, y)
    for i, alpha in enumerate(np.geomspace(1e-3, 1, MAX_FACTORS + 4)):
        ours = problem.fit({"alpha": alpha, "gamma": 0.5})
        theirs = KernelRidge(alpha=alpha, kernel="rbf", gamma=0.5).fit(X, y)
        np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, rtol=1e-8)
        assert (problem.fitted.at.system.spectrum is None) == (i < MAX_FACTORS)
    spectrum = problem.fitted.at.system.spectrum
    problem.fit({"alpha": 0.1, "gamma": 0.5})
    assert problem.fitted.at.system.spectrum is spectrum
    problem.fit({"alpha": 0.1, "gamma": 0.6})
    assert problem.fitted.at.system.spectrum is None


def test_the_fitted_estimator_is_the_users_own():
    class Named(KernelRidge):
        """A subclass that fits and predicts as its base does."""

    frame = pd.DataFrame(X, columns=list("abcde"))
    problem = check_fit(Named(kernel=gp.RBF(0.8), alpha=0.1), frame, y, {})
    fitted = problem.fit({"kernel__length_scale": 0.5})
    assert list(fitted.feature_names_in_) == list("abcde")
    before = problem.predict(frame, "predict")
    fitted.set_params(kernel__length_scale=3.0)
    np.testing.assert_array_equal(problem.predict(frame, "predict"), before)
    problem.fit({"kernel__length_scale": 0.5})
    np.testing.assert_array_equal(problem.predict(frame, "predict"), before)


@pytest.mark.parametrize(
    "kernel",
    ["linear", "poly", "rbf", "cosine", 1.5 * gp.RBF(SCALES) + gp.DotProduct(0.5)],
    ids=str,
)
def test_derivatives_by_the_data(kernel):
    ridge = KernelRidge(alpha=0.3, kernel=kernel, gamma=0.5)
    train, test, v = X[:50], X[50:], rng.normal(size=30)

    def loss(train, test):
        fitted = clone(ridge).fit(train, y[:50], sample_weight=WEIGHTS[:50])
        return v @ fitted.predict(test)

    problem = Session(ridge)
    problem.load(train, y[:50], sample_weight=WEIGHTS[:50])
    problem.fit({})
    problem.predict(test, "predict")
    _, d_train, d_test = problem.vjp(v, data=True)
    E, F, h = rng.normal(size=train.shape), rng.normal(size=test.shape), 1e-5
    expected = (loss(train + h * E, test + h * F) - loss(train - h * E, test - h * F)) / (2 * h)
    assert np.sum(d_train * E) + np.sum(d_test * F) == pytest.approx(expected, rel=1e-6)


def test_what_is_refused():
    class Halved(KernelRidge):
        def predict(self, X):
            return super().predict(X) / 2

    with pytest.raises(NotDifferentiableError, match="Halved overrides 'predict' of KernelRidge"):
        inner_problem(Halved())
