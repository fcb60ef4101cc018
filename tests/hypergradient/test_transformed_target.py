"""TransformedTargetRegressor against scikit-learn's fits and differences of them."""

import numpy as np
import pytest
import sklearn
from contracts.naming import short
from hypergradient.problems import Session
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from skhyper.hypergradient import NotDifferentiableError, check_hypergradient, inner_problem

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 5))
z = np.sin(X[:, 0]) + 0.3 * X[:, 1] + 0.1 * rng.normal(size=90)
y = np.exp(z)


def regressor():
    return make_pipeline(
        StandardScaler(), Nystroem(gamma=0.1, n_components=10, random_state=0), Ridge(0.3)
    )


TRANSFORMATIONS = [
    {},
    {"func": np.log, "inverse_func": np.exp},
    {"func": np.log1p, "inverse_func": np.expm1},
    {"func": np.sqrt, "inverse_func": np.square},
    {"func": lambda y: np.log(y + 1), "inverse_func": lambda z: np.exp(z) - 1},
    {"transformer": StandardScaler()},
    {"transformer": MinMaxScaler()},
    {"transformer": PowerTransformer()},
    {"transformer": PowerTransformer("box-cox")},
    {"transformer": FunctionTransformer(np.log, np.exp)},
]


@pytest.mark.parametrize("transformation", TRANSFORMATIONS, ids=short)
def test_against_differences(transformation):
    model = TransformedTargetRegressor(regressor(), **transformation)
    check = check_hypergradient(model, X, y)
    assert list(check.gradient) == ["regressor__nystroem__gamma", "regressor__ridge__alpha"]


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_quantiles(distribution):
    # Between two quantiles the inverse is smooth; a larger step goes past some.
    quantiles = QuantileTransformer(n_quantiles=20, output_distribution=distribution)
    check_hypergradient(
        TransformedTargetRegressor(Ridge(2.0), transformer=quantiles), X, y, step=1e-5
    )


@pytest.mark.parametrize("target", [y[:, None], np.column_stack([y, np.exp(X[:, 2])])], ids=[1, 2])
def test_several_outputs(target):
    model = TransformedTargetRegressor(Ridge(2.0), transformer=PowerTransformer())
    check_hypergradient(model, X, target)
    check_hypergradient(clone(model).set_params(transformer=StandardScaler()), X, target)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS, ids=short)
def test_the_fitted_regressor_is_scikit_learns(transformation):
    model = TransformedTargetRegressor(regressor(), **transformation)
    model.set_params(regressor__ridge__tol=1e-12)
    problem = Session(model)
    problem.load(X[:70], y[:70])
    ours = problem.fit({"regressor__ridge__alpha": 0.7})
    own = clone(model).set_params(regressor__ridge__alpha=0.7).fit(X[:70], y[:70])
    expected = own.predict(X[70:])
    np.testing.assert_allclose(ours.predict(X[70:]), expected, rtol=1e-10)
    np.testing.assert_allclose(problem.predict(X[70:], "predict"), expected, rtol=1e-10)
    assert vars(ours).keys() == vars(own).keys()
    assert ours.n_features_in_ == own.n_features_in_
    assert problem.estimator is model and not hasattr(model, "regressor_")


def test_within_a_pipeline():
    inner = TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    model = make_pipeline(Nystroem(gamma=0.1, n_components=12, random_state=0), inner)
    check = check_hypergradient(model, X, y)
    assert len(check.gradient) == 3


def test_weights_of_samples():
    weight = rng.random(90)
    model = TransformedTargetRegressor(Ridge(2.0), func=np.log, inverse_func=np.exp)
    check_hypergradient(model, X, y, fit_params={"sample_weight": weight})
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_params(regressor=Ridge(2.0).set_fit_request(sample_weight=True))
        check_hypergradient(model, X, y, fit_params={"sample_weight": weight})


def test_what_is_refused():
    with pytest.raises(NotDifferentiableError, match="PCA has no hypergradient"):
        inner_problem(TransformedTargetRegressor(PCA()))
    mixing = TransformedTargetRegressor(Ridge(), transformer=PCA(2))
    with pytest.raises(NotDifferentiableError, match="is not elementwise"):
        check_hypergradient(mixing, X, np.column_stack([y, z]))
    problem = Session(TransformedTargetRegressor(Ridge()))
    problem.load(X, y)
    with pytest.raises(ValueError, match=r"\['func'\] cannot be changed after the data are loaded"):
        problem.fit({"func": np.log})
