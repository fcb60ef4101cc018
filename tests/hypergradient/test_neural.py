"""Networks: hypergradients against differences of whole trainings, and their use in searches."""

import numpy as np
import pytest
from hypergradient.problems import Session
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import GradientSearchCV
from skhyper.hypergradient import NotDifferentiableError, check_hypergradient, inner_problem
from skhyper.neural_network import MLPClassifier, MLPRegressor

IRIS, CANCER = load_iris(return_X_y=True), load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
OPTIMIZERS = {
    "gd": {"learning_rate": 0.3},
    "sgd": {"learning_rate": 0.1},
    "momentum": {"learning_rate": 0.03, "schedule": "exponential"},
    "adagrad": {"learning_rate": 0.1, "schedule": "inverse"},
    "adam": {"learning_rate": 0.02, "beta_2": 0.9},
}
COMMON = {"max_iter": 15, "random_state": 0, "batch_size": 50, "activation": "tanh"}


def scaled(network):
    return make_pipeline(StandardScaler(), network)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_classifier(optimizer, scoring):
    params = {"optimizer": optimizer, **OPTIMIZERS[optimizer], **COMMON}
    network = MLPClassifier((6,), alpha=np.array([0.5, 0.3]), **params)
    check = check_hypergradient(scaled(network), *IRIS, scoring=scoring)
    assert check.gradient["mlpclassifier__alpha"].shape == (2,)
    assert check.max_error < 1e-6


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_regressor(optimizer):
    params = {"optimizer": optimizer, **OPTIMIZERS[optimizer], **COMMON}
    network = MLPRegressor((6, 5), alpha=0.5, early_stopping=True, **params)
    model = TransformedTargetRegressor(scaled(network), transformer=StandardScaler())
    check = check_hypergradient(model, *DIABETES)
    assert np.ndim(check.gradient["regressor__mlpregressor__alpha"]) == 0


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss"])
@pytest.mark.parametrize("hidden", [(), (4,)])
def test_two_classes_and_weights(scoring, hidden):
    network = MLPClassifier(hidden, learning_rate=0.05, beta_2=0.9, **COMMON)
    weights = np.random.default_rng(0).random(len(CANCER[1]))
    X = StandardScaler().fit_transform(CANCER[0])
    fit_params = {"sample_weight": weights}
    check_hypergradient(network, X, CANCER[1], scoring=scoring, fit_params=fit_params)


def test_several_outputs():
    X, y = DIABETES
    X, Y = StandardScaler().fit_transform(X), np.column_stack([y, y**2 / 300]) / 100
    network = MLPRegressor((4,), optimizer="sgd", learning_rate=0.05, **COMMON)
    check_hypergradient(network, X, Y)


def test_what_is_fitted_is_the_estimator():
    network = MLPClassifier((4,), **COMMON)
    problem = Session(network)
    problem.load(*IRIS)
    fitted = problem.fit({"learning_rate": 0.05, "momentum": 0.5})
    own = clone(network).set_params(learning_rate=0.05).fit(*IRIS)
    np.testing.assert_array_equal(fitted.coefs_[0], own.coefs_[0])
    assert fitted.get_params() == {**own.get_params(), "momentum": 0.5}
    assert not hasattr(network, "coefs_")


def test_derivatives_that_were_not_announced():
    problem = Session(MLPRegressor((4,), alpha=[0.1, 0.2], **COMMON))
    problem.load(*DIABETES)
    problem.fit({"learning_rate": 0.01})
    problem.predict(DIABETES[0], "predict")
    gradient = problem.vjp(np.ones(len(DIABETES[1]))).params
    assert set(gradient) == {"learning_rate", "alpha", "beta_1", "beta_2"}
    assert gradient["alpha"].shape == (2,)
    alone = problem.vjp(np.ones(len(DIABETES[1])), ["alpha"]).params
    assert list(alone) == ["alpha"]
    np.testing.assert_allclose(alone["alpha"], gradient["alpha"])


def test_without_a_seed_a_fold_has_one():
    problem = Session(MLPRegressor((4,), max_iter=3))
    problem.load(*DIABETES)
    one, two = problem.fit({"alpha": 0.1}), problem.fit({"alpha": 0.1})
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    assert one.random_state is None


def test_names():
    network = MLPRegressor(optimizer="momentum", schedule="inverse")
    assert inner_problem(network).names == ("learning_rate", "alpha", "momentum", "decay")
    assert inner_problem(MLPClassifier(optimizer="gd")).names == ("learning_rate", "alpha")

    class Doubled(MLPRegressor):
        def predict(self, X):
            return 2 * super().predict(X)

    with pytest.raises(NotDifferentiableError, match="overrides 'predict'"):
        inner_problem(Doubled())


def test_a_search_learns_rate_and_penalties():
    network = MLPClassifier((8,), alpha=np.full(2, 1.0), optimizer="momentum", **COMMON)
    space = {
        "mlpclassifier__learning_rate": (1e-3, 1.0, "log-uniform"),
        "mlpclassifier__momentum": (0.1, 0.95),
        "mlpclassifier__alpha": (1e-3, 1e2, "log-uniform"),
    }
    search = GradientSearchCV(
        scaled(network), space, n_iter=12, scoring="neg_log_loss", cv=3, random_state=0
    ).fit(*CANCER)
    first = search.history_[0]
    assert search.best_score_ > -first.loss + 0.01
    assert search.best_params_["mlpclassifier__alpha"].shape == (2,)
    assert search.history_.best.gradient["mlpclassifier__alpha"].shape == (2,)
    # the search scores what scikit-learn would
    refitted = clone(scaled(network)).set_params(**search.best_params_).fit(*CANCER)
    np.testing.assert_array_equal(
        refitted.predict_proba(CANCER[0]), search.predict_proba(CANCER[0])
    )


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_survives_trainings_that_diverge():
    network = MLPRegressor((5,), optimizer="sgd", **COMMON)
    model = TransformedTargetRegressor(scaled(network), transformer=StandardScaler())
    name = "regressor__mlpregressor__learning_rate"
    search = GradientSearchCV(
        model,
        {name: (1e-3, 1e6, "log-uniform")},
        initial_points={name: 1e-2},
        n_iter=15,
        cv=3,
        random_state=0,
        refit=False,
    )
    with pytest.warns(FitFailedWarning, match="lower learning_rate"):
        search.fit(*DIABETES)
    assert -search.history_.best.loss > 0.4
