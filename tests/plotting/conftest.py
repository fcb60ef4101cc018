"""Searches that the tests of the pictures share, and figures that are closed."""

import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV as SklearnRandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV, RandomizedSearchCV, When, minimize

C = (1e-2, 1e2, "log-uniform")


@pytest.fixture(autouse=True)
def _figures():
    """Draw without a screen, draw all that was made, and close it."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    plt.close("all")


@pytest.fixture(scope="session")
def data():
    X, y = load_iris(return_X_y=True)
    return X[::2], y[::2]


@pytest.fixture(scope="session")
def plain(data):
    """Two ranges, one logarithmic and one of integers, with training scores."""
    space = {"ccp_alpha": (1e-4, 1e-1, "log-uniform"), "max_depth": (1, 8)}
    tree = DecisionTreeClassifier(random_state=0)
    options = {"n_iter": 9, "random_state": 0, "cv": 3, "return_train_score": True}
    return BayesSearchCV(tree, space, include_default=False, reuse=None, **options).fit(*data)


@pytest.fixture(scope="session")
def conditional(data):
    """A choice with hyperparameters of its own."""
    pipeline = Pipeline([("scale", StandardScaler()), ("model", SVC())])
    space = {
        "model": [SVC(), LogisticRegression()],
        "model__C": C,
        "model__gamma": When((1e-3, 1.0, "log-uniform"), model=lambda m: isinstance(m, SVC)),
    }
    return BayesSearchCV(pipeline, space, n_iter=10, random_state=0, cv=3).fit(*data)


@pytest.fixture(scope="session")
def failures(data):
    """Some candidates cannot be fitted."""
    space = {"C": loguniform(1e-2, 1e2), "solver": ["lbfgs", "liblinear"], "penalty": ["l1", "l2"]}
    search = RandomizedSearchCV(LogisticRegression(), space, n_iter=12, random_state=0, cv=3)
    with pytest.warns(Warning):
        return search.fit(data[0], data[1] > 0)


@pytest.fixture(scope="session")
def theirs(data):
    """A search of scikit-learn."""
    space = {"C": loguniform(1e-2, 1e2), "gamma": loguniform(1e-3, 1)}
    search = SklearnRandomizedSearchCV(
        SVC(), space, n_iter=8, random_state=0, cv=3, return_train_score=True
    )
    return search.fit(*data)


@pytest.fixture(scope="session")
def one():
    """One dimension, minimized."""
    return minimize(lambda p: (p["x"] - 0.3) ** 2, {"x": (0.0, 1.0)}, 6, random_state=0)


@pytest.fixture(scope="session")
def forty():
    """Forty dimensions, of which the third and the seventh matter."""

    def value(params):
        return 2 * params["x3"] + params["x7"]

    space = {f"x{i}": (0.0, 1.0) for i in range(40)}
    return minimize(value, space, 40, sampler="random", random_state=0)
