"""One instance of every public estimator of scikit-learn, and tiny data that it can learn."""

import inspect
import warnings
from functools import cache

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

# What would take long says nothing more about what is learned.
SHORT = {"max_iter": 5, "n_estimators": 3, "cv": 2, "n_init": 1, "random_state": 0}
NEEDED = {
    "SelfTrainingClassifier": {"estimator": LogisticRegression()},
    "TSNE": {"max_iter": 250},
    "GaussianRandomProjection": {"n_components": 2},
    "SparseRandomProjection": {"n_components": 2},
}


@cache
def classes():
    """Names and classes, deprecated ones too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(all_estimators())


def construct(name):
    """An instance with the arguments that it needs, and as little work as possible."""
    cls = classes()[name]
    model = Ridge() if issubclass(cls, RegressorMixin) else LogisticRegression()
    needed = {
        "estimator": model,
        "base_estimator": model,  # as chains have it before scikit-learn 1.7
        "estimators": [("a", model), ("b", type(model)(fit_intercept=False))],
        "steps": [("scale", StandardScaler()), ("model", model)],
        "transformers": [("scale", StandardScaler(), [0])],
        "transformer_list": [("scale", StandardScaler())],
        "param_grid": {"fit_intercept": [True, False]},
        "param_distributions": {"fit_intercept": [True, False]},
        "dictionary": np.eye(5),
    }
    arguments = inspect.signature(cls).parameters.values()
    given = {a.name: needed[a.name] for a in arguments if a.default is a.empty}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that are deprecated say so
        estimator = cls(**given)
        own = estimator.get_params(deep=False)
        settings = {**SHORT, **NEEDED.get(name, {})}
        estimator.set_params(**{n: v for n, v in settings.items() if n in own})
        return estimator


@cache
def data_sets():
    """Several kinds of X and y: no estimator takes all of them."""
    X, y = make_classification(
        40, 5, n_informative=3, n_classes=3, n_clusters_per_class=1, random_state=0
    )
    positive, texts = np.abs(X), ["one two three", "two three four"] * 20
    return [
        (X, y),
        (texts, y),
        (y, None),
        (positive, y),
        (positive, positive[:, 0] + 0.1),
        (X, np.column_stack([y, y])),
        (X, None),
        (X, X),
        (X[:, 0], y),
        ([{"a": 1, "b": 2}] * 40, None),
        ([["a"], ["b"]], None),
        (X[:, 0], X[:, 1]),
        (X @ X.T, None),
        (X, (y > 0).astype(int)),
        (X, np.where(y == 2, -1, y)),  # -1: not labelled
    ]


def fit(estimator):
    """Fit to the first of the data sets that the estimator takes; False if there is none."""
    for X, y in data_sets():
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                estimator.fit(X) if y is None else estimator.fit(X, y)
        except (ValueError, TypeError, AttributeError, IndexError, ArithmeticError):
            continue
        return True
    return False
