"""MLPRegressor and MLPClassifier: scikit-learn's checks, its networks and its linear models."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhyper.neural_network import (
    MLPClassifier,
    MLPRegressor,
    differentiable,
    fit_with_derivatives,
    pull_back,
)


def standardised(load):
    X, y = load(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


IRIS = standardised(load_iris)
CANCER = standardised(load_breast_cancer)
DIABETES = (standardised(load_diabetes)[0], (load_diabetes().target - 152.1) / 77)


@parametrize_with_checks(
    [
        MLPRegressor(learning_rate=0.01),
        MLPClassifier(learning_rate=0.01),
        MLPClassifier((), optimizer="gd", learning_rate=0.5),
        MLPRegressor(5, "tanh", optimizer="momentum", learning_rate=0.02, schedule="cosine"),
    ]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.fast_cases(40)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("activation", ["identity", "logistic", "relu", "tanh"])
@pytest.mark.parametrize("optimizer", ["adam", "momentum", "sgd"])
def test_same_weights_as_scikit_learn(activation, optimizer):
    """Draw for draw and step for step; the penalty of theirs is over the batch's size."""
    X, y = IRIS
    same = {"activation": activation, "batch_size": 50, "max_iter": 5, "random_state": 3}
    momentum = {"momentum": 0.8} if optimizer == "momentum" else {}
    ours = MLPClassifier((7, 4), optimizer=optimizer, alpha=0.3, learning_rate=0.1, **same)
    solver = "adam" if optimizer == "adam" else "sgd"
    their = theirs.MLPClassifier(
        (7, 4), solver=solver, alpha=0.1, learning_rate_init=0.1, tol=0, n_iter_no_change=9, **same
    ).set_params(nesterovs_momentum=False, momentum=momentum.get("momentum", 0.0))
    ours.set_params(**momentum).fit(X, y)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        their.fit(X, y)
    for a, b in zip(ours.coefs_ + ours.intercepts_, their.coefs_ + their.intercepts_):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.loss_curve_, their.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(ours.predict_proba(X), their.predict_proba(X), rtol=1e-8)
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X))
    assert ours.out_activation_ == their.out_activation_
    assert (ours.n_layers_, ours.n_outputs_) == (their.n_layers_, their.n_outputs_)


@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.fast_cases(2)
def test_without_hidden_layers_it_is_ridge(n_outputs, weighted):
    X, y = DIABETES
    y = y if n_outputs is None else np.column_stack([y, X[:, 0] - y])
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    network = MLPRegressor((), optimizer="gd", learning_rate=0.2, max_iter=6000, alpha=20.0)
    network.fit(X, y, weight)
    ridge = Ridge(alpha=20.0).fit(X, y, weight)
    np.testing.assert_allclose(network.coefs_[0].T, np.atleast_2d(ridge.coef_), atol=1e-6)
    np.testing.assert_allclose(network.predict(X), ridge.predict(X), atol=1e-6)


@pytest.mark.parametrize(("X", "y"), [IRIS, CANCER], ids=["softmax", "sigmoid"])
@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.fast_cases(2)
def test_without_hidden_layers_it_is_logistic_regression(X, y, container):
    network = MLPClassifier((), optimizer="momentum", batch_size=10_000, alpha=5.0)
    network.set_params(learning_rate=0.2, max_iter=2000, momentum=0.95).fit(container(X), y)
    logistic = LogisticRegression(C=0.2, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(network.coefs_[0].T, logistic.coef_, atol=1e-5)
    shape = (len(X),) if len(network.classes_) == 2 else (len(X), 3)
    assert network.decision_function(X).shape == shape
    np.testing.assert_allclose(network.predict_proba(X), logistic.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(network.predict(X), logistic.predict(X))


def test_a_penalty_for_each_layer():
    X, y = IRIS
    free, bound = [
        MLPClassifier((8,), "tanh", alpha=alpha, learning_rate=0.05, random_state=0).fit(X, y)
        for alpha in (0.0, [0.0, 50.0])
    ]
    first, last = [[np.abs(W).mean() for W in network.coefs_] for network in (free, bound)]
    assert last[1] < 0.5 * first[1]
    same = clone(bound).set_params(alpha=0.1).fit(X, y)
    each = clone(bound).set_params(alpha=[0.1, 0.1]).fit(X, y)
    np.testing.assert_array_equal(same.coefs_[0], each.coefs_[0])


def test_the_epoch_of_lowest_validation_loss_is_kept():
    X, y = CANCER
    network = MLPClassifier((30,), learning_rate=0.02, early_stopping=True, random_state=0)
    network.set_params(validation_fraction=0.3, n_iter_no_change=20, alpha=0).fit(X, y)
    curve = network.validation_curve_
    assert len(curve) == len(network.loss_curve_) == network.n_iter_ < 200
    assert network.best_iter_ == np.argmin(curve) + 1 < network.n_iter_
    shorter = clone(network).set_params(max_iter=network.best_iter_).fit(X, y)
    np.testing.assert_array_equal(shorter.coefs_[0], network.coefs_[0])
    whole = clone(network).set_params(early_stopping=False).fit(X, y)
    assert whole.validation_curve_ is None
    assert whole.best_iter_ == whole.n_iter_ == 200
    # the curve is the loss on held-out samples
    assert log_loss(y, network.predict_proba(X)) < 1.5 * min(curve) + 0.1


def test_weights_are_repetitions():
    X, y = CANCER
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    network = MLPClassifier((5,), optimizer="gd", learning_rate=0.3, alpha=2.0, random_state=0)
    weighted = clone(network).fit(X, y, sample_weight=weight)
    repeated = clone(network).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.coefs_[0], repeated.coefs_[0], atol=1e-10)
    assert weighted.loss_curve_ == pytest.approx(repeated.loss_curve_)


def test_sparse_data():
    X, y = IRIS
    X = np.where(np.abs(X) > 0.5, X, 0.0)
    network = MLPClassifier((5,), "tanh", batch_size=40, max_iter=10, random_state=0)
    names = differentiable("adam", "constant")
    rows = [
        fit_with_derivatives(network, kind(X), y, names) for kind in (np.array, sparse.csr_array)
    ]
    np.testing.assert_allclose(*rows, rtol=1e-8, atol=1e-10)
    dZ = np.random.default_rng(0).normal(size=(len(y), 3))
    np.testing.assert_allclose(
        *[pull_back(network, kind(X), dZ) for kind in (np.array, sparse.csr_array)]
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must be positive integers"),
        ({"hidden_layer_sizes": (5.5,)}, "hidden_layer_sizes must be positive integers"),
        ({"alpha": [0.1]}, "one entry per layer of weights, 2; got shape"),
        ({"alpha": [0.1, -0.1]}, "alpha must be finite and non-negative"),
        ({"alpha": ["a", "b"]}, "or an array of numbers; got"),
        ({"momentum": 1.0}, "'momentum' parameter"),
        ({"optimizer": "lbfgs"}, "'optimizer' parameter"),
        ({"optimizer": "sgd", "learning_rate": 1e200}, "not finite after epoch .: lower"),
    ],
)
def test_what_is_refused(params, message):
    network = MLPRegressor(**params)
    with pytest.raises(ValueError, match=message):
        network.fit(*DIABETES)
    with pytest.raises(NotFittedError, match="not fitted"):
        network.predict(DIABETES[0])


def test_data_that_are_refused():
    X, y = IRIS
    with pytest.raises(ValueError, match="at least 2 classes; got 1 class"):
        MLPClassifier().fit(X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="zero"):
        MLPClassifier().fit(X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(ValueError, match="positive weight both for training"):
        MLPClassifier(early_stopping=True, random_state=0).fit(X, y, np.arange(len(y)) == 3)
    with pytest.raises(
        ValueError, match=r"No derivatives with respect to \['momentum'\]; choose names"
    ):
        fit_with_derivatives(MLPClassifier(), X, y, ["momentum"])


def test_a_validation_set_that_cannot_be_cut_is_explained():
    X, y = IRIS
    with pytest.raises(
        ValueError, match=r"stratified split of the 101 samples, .*: The least populated"
    ):
        MLPClassifier(early_stopping=True).fit(X[49:], y[49:])


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
def test_a_training_that_is_worse_than_a_constant_is_said_so(optimizer):
    X, y = IRIS
    network = MLPClassifier((10,), optimizer=optimizer, learning_rate=30.0, max_iter=30)
    with pytest.warns(ConvergenceWarning, match="exceeds that of a constant prediction"):
        network.set_params(random_state=0).fit(X, y)
    # One that falls, if too slowly, shows it in its curve.
    network.set_params(learning_rate=1e-6, optimizer="gd").fit(X, y)
    assert network.loss_curve_[-1] > np.log(3)


def test_pickled():
    X, y = IRIS
    network = MLPClassifier((5,), max_iter=3).fit(X, y)
    again = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(again.predict_proba(X), network.predict_proba(X))
