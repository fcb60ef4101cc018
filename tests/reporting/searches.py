"""Fitted searches for the tests of reports, each made once."""

import warnings
from functools import cache

import numpy as np
from scipy.stats import loguniform
from sklearn import model_selection
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skhyper

# Everything a report shows may contain it.
MARKUP = "</td><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"
SPACE = {"svc__C": (1e-2, 1e3, "log-uniform"), "svc__gamma": (1e-5, 1.0, "log-uniform")}


class Fails(SVC):
    """Fails for large C, with a message of HTML."""

    def __init__(self, C=1.0, tag=""):
        super().__init__(C=C)
        self.tag = tag

    def fit(self, X, y):
        if self.C > 5:
            raise ValueError(f"C={self.C} {MARKUP}")
        return super().fit(X, y)


def _pipeline():
    return make_pipeline(StandardScaler(), SVC())


@cache
def search(name):
    """A fitted search."""
    data = (load_diabetes if name == "gradient" else load_iris)(return_X_y=True)
    with warnings.catch_warnings():
        if name == "failures":
            warnings.simplefilter("ignore")
        return SEARCHES[name]().fit(*data)


SEARCHES = {
    "grid": lambda: skhyper.GridSearchCV(_pipeline(), {"svc__C": [0.1, 1, 10]}, cv=3),
    "random": lambda: skhyper.RandomizedSearchCV(
        SVC(), {"C": loguniform(1e-2, 1e2)}, n_iter=5, cv=3, random_state=0
    ),
    "bayes": lambda: skhyper.BayesSearchCV(_pipeline(), SPACE, n_iter=8, cv=3, random_state=0),
    "gradient": lambda: skhyper.GradientSearchCV(Ridge(), {"alpha": (1e-3, 1e3, "log-uniform")}),
    "manual": lambda: skhyper.SearchCV(
        SVC(), sampler=[{"C": 1}, {"C": 2, "class_weight": {0: 1, 1: 2, 2: 1}}], cv=3
    ),
    "conditional": lambda: skhyper.SearchCV(
        SVC(),
        {
            "kernel": ["linear", "rbf"],
            "gamma": skhyper.When((1e-3, 1.0, "log-uniform"), kernel="rbf"),
        },
        n_iter=8,
        cv=3,
        random_state=0,
    ),
    "failures": lambda: skhyper.GridSearchCV(
        Fails(), {"C": [0.1, 1.0, 9.5, 10.25], "tag": ["plain", MARKUP]}, cv=3
    ),
    "sklearn grid": lambda: model_selection.GridSearchCV(_pipeline(), {"svc__C": [0.1, 1, 10]}),
    "sklearn random": lambda: model_selection.RandomizedSearchCV(
        SVC(),
        {"C": loguniform(1e-2, 1e2), "kernel": ["linear", "rbf"], "max_iter": [-1, np.int64(500)]},
        n_iter=4,
        scoring=["accuracy", "balanced_accuracy"],
        refit="accuracy",
        random_state=0,
        return_train_score=True,
    ),
}
