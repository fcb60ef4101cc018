"""Scalers against differences of scikit-learn's own."""

import numpy as np
import pytest
from contracts.transformer_contract import check_transformer_vjp
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    StandardScaler,
)

from skhyper.hypergradient import NotDifferentiableError, transformer_vjp

rng = np.random.default_rng(0)
TRAIN = rng.normal(size=(30, 4)) * [1, 5, 0.1, 2] + [0, 1, 2, -3]
TEST = rng.normal(size=(12, 4)) * [1, 5, 0.1, 2] + [0, 1, 2, -3]

TRANSFORMERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler(feature_range=(-1, 2)),
    MinMaxScaler(clip=True),
    MaxAbsScaler(),
    Normalizer(),
    Normalizer("l1"),
    Normalizer("max"),
    FunctionTransformer(),
    FunctionTransformer(np.arcsinh),
    PolynomialFeatures(3, include_bias=False),
    PolynomialFeatures((2, 3), interaction_only=True),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_against_differences(transformer):
    check_transformer_vjp(transformer, TRAIN, TEST, step=1e-6, rtol=1e-6)


def test_sample_weight():
    weight = rng.random(30)
    check_transformer_vjp(StandardScaler(), TRAIN, TEST, rtol=1e-6, sample_weight=weight)


@pytest.mark.parametrize("transformer", [StandardScaler(), MinMaxScaler(), MaxAbsScaler()], ids=str)
def test_a_constant_feature(transformer):
    constant = TRAIN.copy()
    constant[:, 1] = 0.0
    mapped = transformer_vjp(transformer)
    Z = mapped.fit_transform({}, constant)
    Z_test = mapped.transform(TEST)
    _, dX_train, dX_test = mapped.pull_back(np.ones_like(Z), np.ones_like(Z_test), [], True)
    np.testing.assert_array_equal(dX_test[:, 1], 1.0)
    assert np.isfinite(dX_train).all()


@pytest.mark.parametrize(
    ("transformer", "value", "share"),
    [(StandardScaler(), 1e9, np.full(30, 1 / 30)), (MinMaxScaler(), 1.0, np.eye(30)[0])],
    ids=["standard", "minmax"],
)
def test_a_feature_that_is_constant_up_to_rounding_gets_no_derivative_by_its_scale(
    transformer, value, share
):
    constant = TRAIN.copy()
    constant[:, 1] = np.nextafter(value, np.inf)  # scikit-learn sets its scale to 1
    constant[::2, 1] = value
    mapped = transformer_vjp(transformer)
    Z = mapped.fit_transform({}, constant)
    Z_test = mapped.transform(TEST)
    _, dX_train, dX_test = mapped.pull_back(np.zeros_like(Z), np.ones_like(Z_test), [], True)
    np.testing.assert_array_equal(dX_test[:, 1], 1.0)
    # Only the mean, or the minimum, has a derivative.
    np.testing.assert_allclose(dX_train[:, 1], -len(TEST) * share)


def test_a_row_of_zeros():
    mapped = transformer_vjp(Normalizer())
    Z = mapped.fit_transform({}, np.zeros((2, 3)))
    _, dX, _ = mapped.pull_back(np.ones_like(Z), None, [], True)
    np.testing.assert_array_equal(dX, 1.0)


@pytest.mark.parametrize("func", [np.cumsum, lambda X: X[:, ::-1]])
def test_functions_that_are_not_known(func):
    with pytest.raises(NotDifferentiableError, match="use a numpy function such as"):
        transformer_vjp(FunctionTransformer(func))
