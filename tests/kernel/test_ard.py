"""ARD kernel ridge: scikit-learn's checks, its solutions, closed forms."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 4))
y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=70)
Y = np.column_stack([y, X[:, 2] * y])
SCALES = np.array([0.5, 1.0, 2.0, 4.0])


@parametrize_with_checks([ARDKernelRidge(), ARDKernelRidge(0.5, 2.0), ARDKernelRidgeClassifier()])
@pytest.mark.fast_cases(40)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("target", [y, Y], ids=["one", "two"])
def test_the_mean_of_a_gaussian_process(target):
    ours = ARDKernelRidge(0.3, SCALES).fit(X, target)
    theirs = GaussianProcessRegressor(RBF(SCALES), alpha=0.3, optimizer=None)
    theirs.fit(X, target - target.mean(axis=0))
    expected = theirs.predict(X + 0.1) + target.mean(axis=0)
    np.testing.assert_allclose(ours.predict(X + 0.1), expected, rtol=1e-8)


def test_one_length_scale_is_kernel_ridge():
    weight = rng.random(70)
    mean = np.average(y, weights=weight)
    ours = ARDKernelRidge(0.3, 0.7).fit(X, y, weight)
    theirs = KernelRidge(alpha=0.3, kernel="rbf", gamma=0.5 / 0.7**2).fit(X, y - mean, weight)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X) + mean, rtol=1e-9)


def test_bands():
    bands = {"narrow": [0, 1], "wide": [2, 3]}
    ours = ARDKernelRidge(0.3, {"wide": 3.0, "narrow": 1.0}, bands).fit(X, y)
    np.testing.assert_array_equal(ours.length_scales_, [1.0, 3.0])
    theirs = ARDKernelRidge(0.3, [1.0, 1.0, 3.0, 3.0]).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X))


def test_the_default_does_not_depend_on_units():
    ours, theirs = ARDKernelRidge().fit(X, y), ARDKernelRidge().fit(X * [1, 1e3, 1e-4, 7], y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X * [1, 1e3, 1e-4, 7]), rtol=1e-9)
    constant = np.column_stack([X, np.ones(70)])
    assert np.isfinite(ARDKernelRidge().fit(constant, y).predict(constant)).all()


@pytest.mark.parametrize(
    "data", [load_diabetes(return_X_y=True), make_friedman1(300, noise=1.0, random_state=0)]
)
def test_the_default_fits_well(data):
    other = make_pipeline(StandardScaler(), KernelRidge(kernel="rbf"))
    ours = cross_val_score(ARDKernelRidge(), *data).mean()
    assert ours > max(0.3, cross_val_score(other, *data).mean())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes):
    labels = np.array(["a", "b", "c"])[np.digitize(y, np.quantile(y, [0.4, 0.7][: n_classes - 1]))]
    model = ARDKernelRidgeClassifier(0.3, SCALES).fit(X, labels)
    one_hot = np.where(labels[:, None] == model.classes_, 1.0, -1.0)
    values = ARDKernelRidge(0.3, SCALES).fit(X, one_hot).predict(X)
    np.testing.assert_array_equal(model.predict(X), model.classes_[values.argmax(axis=1)])
    expected = values[:, 1] if n_classes == 2 else values
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-12)


def test_what_is_refused():
    with pytest.raises(ValueError, match="length_scales must be finite and > 0"):
        ARDKernelRidge(length_scales=[0.0, 1.0, 1.0, 1.0]).fit(X, y)
    with pytest.raises(ValueError, match="The 'alpha' parameter of ARDKernelRidge must be"):
        ARDKernelRidge(0.0).fit(X, y)
    with pytest.raises(ValueError, match="at least two classes; the data have one class"):
        ARDKernelRidgeClassifier().fit(X, np.ones(70))
