"""Tables of default spaces: every setting that can be drawn from them can be fitted."""

import numpy as np
import pytest
import sklearn.ensemble
import sklearn.linear_model
import sklearn.naive_bayes
import sklearn.neighbors
import sklearn.svm
import sklearn.tree
from sklearn.base import clone, is_classifier
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.feature_selection import SelectKBest, SelectPercentile
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.mixture import GaussianMixture
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import skhyper.neural_network as networks
from skhyper._sklearn import value_error
from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier
from skhyper.linear_model import BandedLogisticRegression, BandedRidge, WeightedElasticNet
from skhyper.space import Space, default_space
from skhyper.space._default_tables import _FAMILIES, TABLES

MODULES = [
    sklearn.linear_model,
    sklearn.svm,
    sklearn.naive_bayes,
    sklearn.neighbors,
    sklearn.tree,
    sklearn.ensemble,
]

OTHERS = [
    KernelRidge,
    GaussianProcessRegressor,
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
    MLPClassifier,
    MLPRegressor,
    KMeans,
    MiniBatchKMeans,
    GaussianMixture,
    PCA,
    SelectKBest,
    SelectPercentile,
    ARDKernelRidge,
    ARDKernelRidgeClassifier,
    BandedLogisticRegression,
    BandedRidge,
    WeightedElasticNet,
    networks.MLPClassifier,
    networks.MLPRegressor,
]

# Deprecated in scikit-learn 1.8, told apart by their own warning.
GONE = {"PassiveAggressiveClassifier", "PassiveAggressiveRegressor"}

CLASSES = [
    getattr(module, name)
    for module in MODULES
    for name in dir(module)
    if name in TABLES and name not in GONE
] + OTHERS

# Rounds and iterations say nothing about whether a setting is valid.
SHORT = {"max_iter": 20, "n_estimators": 5}


def data_sets(kind):
    """Three tiny ones: few samples, correlated features on other scales, many features."""
    rng = np.random.RandomState(0)
    for n, p in ((40, 3), (60, 6), (50, 30)):
        if kind == "classifier":
            X, y = make_classification(
                n, p, n_informative=3, n_redundant=0, n_classes=2 + (p > 3), random_state=p
            )
        else:
            X, y = make_regression(n, p, noise=1.0, random_state=p)
        X = X if p != 6 else X + X[:, [0]] + rng.normal(size=X.shape)
        yield X, y


def shortened(estimator):
    own = estimator.get_params()
    short = {name: value for name, value in SHORT.items() if name in own}
    if "random_state" in own:
        short["random_state"] = 0
    return estimator.set_params(**short)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.fast_cases(16)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_setting_fits(cls):
    estimator = shortened(cls())
    rng = np.random.default_rng(0)
    for X, y in data_sets("classifier" if is_classifier(estimator) else "regressor"):
        if cls.__name__ in ("MultinomialNB", "ComplementNB", "CategoricalNB"):
            X = (X > 0).astype(int)
        if cls.__name__ in ("PoissonRegressor", "GammaRegressor", "TweedieRegressor"):
            X, y = StandardScaler().fit_transform(X), np.exp(y / np.abs(y).max())
        if cls is QuadraticDiscriminantAnalysis and X.shape[1] == 30:
            continue  # more features than samples of a class: no covariance has full rank
        if cls.__name__.startswith("SGD"):
            X = StandardScaler().fit_transform(X)
        if cls.__name__.startswith("MultiTask"):
            y = np.column_stack([y, X[:, 0]])
        if cls.__name__.startswith("Select"):
            y = (y > np.median(y)).astype(int)
        space = Space(default_space(estimator, X, y))
        for params in space.from_unit(space.sample(4, rng)):
            # What takes long is not what may fail.
            fitted = clone(estimator).set_params(**{**params, **short_of(params)})
            with np.errstate(all="ignore"):
                fitted.fit(X, y)
                if hasattr(fitted, "predict"):
                    fitted.predict(X)  # where too many neighbours are found out


def short_of(params):
    return {name: SHORT[name] for name in params if name in SHORT}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_ends_of_every_range_are_valid(cls):
    constraints = cls._parameter_constraints
    for data in ((), *data_sets("classifier" if is_classifier(cls()) else "regressor")):
        space = Space(default_space(cls(), *data)) if default_space(cls(), *data) else None
        if space is None:
            assert cls is SelectKBest  # whose k depends on the number of features
            continue
        for name, dimension in zip(space.names, space.dimensions, strict=True):
            for u in dimension.grid(3):
                error = value_error(cls(), name, dimension.from_unit(u), constraints[name])
                assert not error


def test_each_name_of_the_tables_is_a_hyperparameter():
    for cls in CLASSES:
        names = set(cls().get_params())
        # Those of other versions, and of the other library's networks, are left out by
        # default_space itself.
        assert set(TABLES[cls.__name__]) - names <= {"l1_ratio", "learning_rate_init"}


def test_no_class_is_listed_twice():
    names = [name for names in _FAMILIES for name in names.split()]
    assert len(names) == len(set(names))
