"""Tables of default spaces: all candidates that can be drawn from them can be fitted."""

import numpy as np
import pytest
from inspection.all_estimators import classes
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification, make_regression
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.preprocessing import StandardScaler

import skhyper.neural_network as networks
from skhyper._sklearn import value_error
from skhyper.kernel import ARDKernelRidge, ARDKernelRidgeClassifier
from skhyper.linear_model import BandedLogisticRegression, BandedRidge, WeightedElasticNet
from skhyper.space import Space, default_space
from skhyper.space._default_tables import _FAMILIES, TABLES

OUR_CLASSES = [
    ARDKernelRidge,
    ARDKernelRidgeClassifier,
    BandedLogisticRegression,
    BandedRidge,
    WeightedElasticNet,
    networks.MLPClassifier,
    networks.MLPRegressor,
]
BOOSTERS = ["xgboost.XGBClassifier", "xgboost.XGBRegressor", "lightgbm.LGBMClassifier"]
BOOSTERS += ["lightgbm.LGBMRegressor", "catboost.CatBoostClassifier", "catboost.CatBoostRegressor"]
QUIET = {"xgboost": {}, "lightgbm": {"verbose": -1}}
QUIET["catboost"] = {"logging_level": "Silent", "allow_writing_files": False, "iterations": 5}

# Deprecated in scikit-learn 1.8, with a separate warning.
GONE = {"PassiveAggressiveClassifier", "PassiveAggressiveRegressor"}


CLASSES = [cls for name, cls in classes().items() if name in TABLES and name not in GONE]
CLASSES += OUR_CLASSES

# The number of iterations does not affect whether a candidate is valid.
SHORT = {"max_iter": 20, "n_estimators": 5}
TEXTS = ["one two three four", "two three four five", "one one six", "six seven eight two"] * 10


def data_sets(cls):
    """Three tiny ones: few samples, correlated features on other scales, more features than n."""
    rng = np.random.RandomState(0)
    for n, p in ((40, 3), (60, 6), (30, 40)):
        if is_classifier(cls()):
            X, y = make_classification(
                n, p, n_informative=3, n_redundant=0, n_classes=2 + (p == 6), random_state=p
            )
        else:
            X, y = make_regression(n, p, noise=1.0, random_state=p)
        X = X if p != 6 else X + X[:, [0]] + rng.normal(size=X.shape)
        yield as_needed(cls, X, y)


def as_needed(cls, X, y):
    """Data of the kind that a class takes."""
    name = cls.__name__
    if name in ("MultinomialNB", "ComplementNB", "CategoricalNB"):
        X = (X > 0).astype(int)
    if name in ("PoissonRegressor", "GammaRegressor", "TweedieRegressor"):
        X, y = StandardScaler().fit_transform(X), np.exp(y / np.abs(y).max())
    if name.startswith("SGD"):
        X = StandardScaler().fit_transform(X)
    if name.startswith("MultiTask"):
        y = np.column_stack([y, X[:, 0]])
    if name.startswith("Select"):
        y = (y > np.median(y)).astype(int)
    if name.endswith("Vectorizer"):
        X, y = np.array(TEXTS), None
    return X, y


def shortened(estimator):
    own = estimator.get_params()
    short = {name: value for name, value in SHORT.items() if name in own}
    if "random_state" in own:
        short["random_state"] = 0
    return estimator.set_params(**short)


def check_draws(cls, n_draws, **params):
    """Fit `n_draws` random candidates to two thirds of each data set, as in a search of 3 folds."""
    estimator = shortened(cls(**params))
    rng = np.random.default_rng(0)
    for X, y in data_sets(cls):
        if cls is QuadraticDiscriminantAnalysis and X.shape[1] == 40:
            continue  # more features than samples of a class: no covariance has full rank
        space = Space(default_space(estimator, X, y))
        rows = np.random.RandomState(1).permutation(len(X))[: 2 * len(X) // 3]
        for params in space.from_unit(space.sample(n_draws, rng)):
            # What takes long is not what may fail.
            fitted = clone(estimator).set_params(**{**params, **short_of(params)})
            with np.errstate(all="ignore"):
                fitted.fit(X[rows], None if y is None else y[rows])
                if hasattr(fitted, "predict"):
                    fitted.predict(X)  # where too many neighbours are found out


def short_of(params):
    return {name: SHORT[name] for name in params if name in SHORT}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_settings_fit(cls):
    check_draws(cls, 1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_thirty_settings_fit(cls):
    check_draws(cls, 30)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*feature names")
@pytest.mark.parametrize("path", BOOSTERS)
def test_thirty_settings_of_other_packages_fit(path):
    package, name = path.split(".")
    cls = getattr(pytest.importorskip(package), name)
    check_draws(cls, 30, **QUIET[package])


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_ends_of_every_range_are_valid(cls):
    constraints = cls._parameter_constraints
    for data in ((), *data_sets(cls)):
        space = Space(default_space(cls(), *data)) if default_space(cls(), *data) else None
        if space is None:
            assert cls is SelectKBest  # whose k depends on the number of features
            continue
        for name, dimension in zip(space.names, space.dimensions, strict=True):
            for u in {0.0, 1.0, *dimension.grid(9)}:
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
