"""Fixed searches of all classes, which take 20 seconds in total."""

import contextlib
import tempfile
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.stats import loguniform, randint
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, HuberRegressor, Lasso, LogisticRegression, Ridge
from sklearn.model_selection import KFold, LeaveOneOut
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from skhyper import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    Optimizer,
    RandomizedSearchCV,
    SearchCV,
    When,
    minimize,
)
from skhyper.linear_model import BandedRidge, WeightedElasticNet
from skhyper.neural_network import MLPRegressor
from skhyper.samplers import GPSampler

WIDE = (1e-4, 1e4, "log-uniform")


def _wine():
    X, y = load_wine(return_X_y=True)
    return X[::2], y[::2]


def _diabetes(n=120):
    X, y = load_diabetes(return_X_y=True)
    return X[:n], y[:n]


def _wide():
    return make_regression(40, 12, n_informative=4, noise=8.0, random_state=0)


def _bayes(*arguments, **options):
    """A search that does not begin with the knowledge that is shipped, which may change."""
    return BayesSearchCV(*arguments, **{"knowledge": None, **options})


def grid():
    scoring = {"accuracy": "accuracy", "log": "neg_log_loss"}
    model = make_pipeline(StandardScaler(), LogisticRegression())
    space = {
        "logisticregression__C": [0.1, 1, 10],
        "logisticregression__fit_intercept": [True, False],
    }
    search = GridSearchCV(model, space, scoring=scoring, refit="log", return_train_score=True, cv=3)
    return search.fit(*_wine())


def randomized():
    space = {
        "max_depth": randint(1, 6),
        "min_samples_leaf": [1, 2, 5],
        "ccp_alpha": loguniform(1e-4, 1),
    }
    search = RandomizedSearchCV(
        DecisionTreeClassifier(random_state=0), space, n_iter=12, random_state=3, cv=3
    )
    return search.fit(*load_iris(return_X_y=True))


def bayes_ranges():
    model = make_pipeline(StandardScaler(), SVC())
    space = {"svc__C": (1e-2, 1e3, "log-uniform"), "svc__gamma": (1e-4, 1e1, "log-uniform")}
    return _bayes(model, space, n_iter=24, random_state=0, cv=3).fit(*_wine())


def bayes_knowledge():
    model = make_pipeline(StandardScaler(), SVC())
    return _bayes(model, n_iter=12, knowledge="auto", random_state=0, cv=3).fit(*_wine())


def bayes_conditions():
    space = {
        "kernel": ["rbf", "poly", "linear"],
        "C": (1e-2, 1e3, "log-uniform"),
        "gamma": When((1e-4, 1e1, "log-uniform"), kernel=["rbf", "poly"]),
        "degree": When((2, 4), kernel="poly"),
    }
    X, y = _wine()
    X = StandardScaler().fit_transform(X)
    return _bayes(SVC(), space, n_iter=26, random_state=1, cv=3).fit(X, y)


def bayes_models():
    spaces = [
        {"model": [LogisticRegression(max_iter=500)], "model__C": WIDE},
        {"model": [KNeighborsClassifier()], "model__n_neighbors": [1, 3, 5, 9, 15]},
        {"model": [DecisionTreeClassifier(random_state=0)], "model__max_depth": (1, 8)},
    ]
    model = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
    return _bayes(model, spaces, n_iter=20, random_state=2, cv=3).fit(*_wine())


def bayes_gradients():
    X, y = _diabetes()
    space = {"alpha": WIDE, "kernel__length_scale": (1e-2, 1e2, "log-uniform")}
    search = _bayes(
        KernelRidge(kernel=RBF()),
        space,
        n_iter=14,
        use_gradients=True,
        random_state=0,
        scoring="neg_mean_squared_error",
        cv=3,
    )
    return search.fit(X, y)


def bayes_parallel():
    space = {"C": WIDE, "gamma": WIDE}
    search = _bayes(SVC(), space, n_iter=12, n_points=2, n_jobs=2, random_state=5, cv=3)
    X, y = _wine()
    return search.fit(StandardScaler().fit_transform(X), y)


def bayes_skopt():
    model = make_pipeline(StandardScaler(), SVC())
    space = {"svc__C": WIDE, "svc__gamma": (1e-4, 1e1, "log-uniform")}
    kwargs = {"base_estimator": "ET", "n_initial_points": 5}
    search = _bayes(model, space, n_iter=9, optimizer_kwargs=kwargs, random_state=0, cv=3)
    return search.fit(*_wine())


def bayes_failures():
    """Candidates that fail, early stopping, a constraint, lists of numbers."""
    space = {
        "solver": ["lbfgs", "liblinear", "saga"],
        "l1_ratio": [0.0, 0.25, 0.5, 1.0],
        "C": (1e-3, 1e2, "log-uniform"),
    }
    search = _bayes(
        LogisticRegression(max_iter=50, tol=1e-1, random_state=0),
        space,
        n_iter=18,
        early_stopping=True,
        constraint=lambda params: params["C"] < 50,
        random_state=0,
        cv=3,
    )
    X, y = load_iris(return_X_y=True)
    return search.fit(StandardScaler().fit_transform(X), y)


def bayes_resumed():
    """A search killed after eight trials, another one from its journal, and a warm start."""

    def stop(result):
        if len(result.func_vals) == 8:
            raise KeyboardInterrupt

    X, y = load_iris(return_X_y=True)
    space = {"max_depth": (1, 12), "min_samples_leaf": (1, 20), "max_features": (0.1, 1.0)}
    model = RandomForestClassifier(n_estimators=5, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        arguments = {"random_state": 0, "cv": 3, "journal": Path(folder) / "trials.jsonl"}
        with contextlib.suppress(KeyboardInterrupt):
            _bayes(model, space, n_iter=12, **arguments).fit(X, y, callback=stop)
        search = _bayes(model, space, n_iter=12, **arguments).fit(X, y)
        search.set_params(journal=None, warm_start=True, n_iter=4)
        return search.fit(X, y)


def sampler_random():
    space = {"alpha": WIDE, "fit_intercept": [True, False]}
    return SearchCV(Ridge(), space, sampler="random", n_iter=8, random_state=0).fit(*_diabetes())


def sampler_sobol():
    space = {"alpha": WIDE, "fit_intercept": [True, False]}
    return SearchCV(Ridge(), space, sampler="sobol", n_iter=8, random_state=0).fit(*_diabetes())


def sampler_grid():
    space = {"alpha": (1e-2, 1e2, "log-uniform"), "fit_intercept": [True, False]}
    return SearchCV(Ridge(), space, sampler="grid", n_iter=10, random_state=0).fit(*_diabetes())


def gradient_ridge():
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge())
    space = {"ridge__alpha": (1e-4, 1e6, "log-uniform")}
    return GradientSearchCV(model, space, random_state=0).fit(*_diabetes())


def gradient_kernel():
    space = {"alpha": WIDE, "kernel__length_scale": (1e-2, 1e2, "log-uniform")}
    search = GradientSearchCV(
        KernelRidge(kernel=RBF()),
        space,
        n_iter=25,
        scoring="neg_mean_squared_error",
        random_state=0,
        cv=4,
    )
    return search.fit(*_diabetes())


def gradient_length_scales():
    """A vector of hyperparameters, with a prior found on held-out samples."""
    X, y = _wide()
    space = {"alpha": WIDE, "kernel__length_scale": (1e-1, 1e3, "log-uniform")}
    model = KernelRidge(kernel=RBF(np.ones(X.shape[1])))
    return GradientSearchCV(model, space, n_iter=20, random_state=0).fit(X, y)


def gradient_banded():
    X, y = _wide()
    space = {"alphas": (1e-3, 1e5, "log-uniform")}
    model = BandedRidge(alphas=np.ones(3), bands=[0] * 4 + [1] * 4 + [2] * 4)
    return GradientSearchCV(model, space, n_iter=20, random_state=0, prior=None).fit(X, y)


def gradient_logistic():
    model = make_pipeline(StandardScaler(), LogisticRegression())
    space = {"logisticregression__C": (1e-4, 1e4, "log-uniform")}
    search = GradientSearchCV(model, space, n_iter=20, scoring="neg_log_loss", random_state=0)
    return search.fit(*_wine())


def gradient_lasso():
    space = {"alpha": (1e-4, 1e1, "log-uniform")}
    return GradientSearchCV(Lasso(), space, n_iter=20, random_state=0, cv=3).fit(*_diabetes())


def gradient_elastic_net():
    space = {"alpha": (1e-4, 1e1, "log-uniform"), "l1_ratio": (0.1, 0.9)}
    return GradientSearchCV(ElasticNet(), space, n_iter=20, random_state=0, cv=3).fit(*_diabetes())


def gradient_weighted_elastic_net():
    X, y = _wide()
    space = {"alpha": (1e-3, 1e2, "log-uniform"), "l1_weights": (1e-2, 1e2, "log-uniform")}
    model = WeightedElasticNet(l1_weights=np.ones(X.shape[1]))
    search = GradientSearchCV(model, space, n_iter=12, random_state=0, prior=None, cv=3)
    return search.fit(X, y)


def gradient_svr():
    X, y = _diabetes(80)
    space = {
        "svr__C": (1e-1, 1e4, "log-uniform"),
        "svr__epsilon": (1e-1, 1e2, "log-uniform"),
        "svr__gamma": (1e-3, 1e1, "log-uniform"),
    }
    model = make_pipeline(StandardScaler(), SVR())
    return GradientSearchCV(model, space, n_iter=15, random_state=0, cv=3).fit(X, y)


def gradient_pipeline():
    """A derivative through a transformer with hyperparameters of its own, and a choice."""
    X, y = _diabetes()
    space = {
        "nystroem__gamma": (1e-3, 1e2, "log-uniform"),
        "ridge__alpha": WIDE,
        "ridge__fit_intercept": [True, False],
    }
    model = make_pipeline(Nystroem(n_components=20, random_state=0), Ridge())
    return GradientSearchCV(model, space, n_iter=20, random_state=0, cv=3).fit(X, y)


def gradient_network():
    X, y = _wide()
    space = {"alpha": (1e-6, 1e1, "log-uniform"), "learning_rate": (1e-3, 1e-1, "log-uniform")}
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=30, random_state=0)
    model = make_pipeline(StandardScaler(), model)
    space = {f"mlpregressor__{name}": value for name, value in space.items()}
    return GradientSearchCV(model, space, n_iter=8, random_state=0, cv=3).fit(
        X, (y - y.mean()) / y.std()
    )


def gradient_svc():
    """A surrogate loss, and the target in a column."""
    X, y = load_iris(return_X_y=True)
    X, y = X[50:], y[50:, None]
    space = {"svc__C": (1e-1, 1e4, "log-uniform"), "svc__gamma": (1e-3, 1e1, "log-uniform")}
    model = make_pipeline(StandardScaler(), SVC())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GradientSearchCV(model, space, n_iter=12, random_state=0, cv=3).fit(X, y)


def gradient_leave_one_out():
    space = {"alpha": WIDE}
    search = GradientSearchCV(
        Ridge(), space, random_state=0, cv=LeaveOneOut(), scoring="neg_mean_squared_error"
    )
    return search.fit(*_wide())


def gradient_gaussian_process():
    space = {"alpha": (1e-6, 1e1, "log-uniform"), "kernel__length_scale": WIDE}
    model = GaussianProcessRegressor(kernel=RBF(), optimizer=None, normalize_y=True)
    X, y = _wide()
    return GradientSearchCV(model, space, n_iter=12, random_state=0, cv=3).fit(X, y)


def gradient_robust():
    """A transformed target."""
    X, y = _diabetes()
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), HuberRegressor(max_iter=1000)),
        func=np.log,
        inverse_func=np.exp,
    )
    space = {"regressor__huberregressor__alpha": WIDE}
    return GradientSearchCV(model, space, n_iter=8, random_state=0, cv=3).fit(X, y)


def gradient_sparse():
    X, y = _wide()
    X = sparse.csr_matrix(np.where(np.abs(X) > 1, X, 0))
    return GradientSearchCV(Ridge(), {"alpha": WIDE}, random_state=0, cv=3).fit(X, y)


def sampler_process():
    """The surrogate of a function without noise, a splitter that shuffles."""
    space = {"alpha": WIDE}
    cv = KFold(4, shuffle=True, random_state=0)
    search = SearchCV(
        Ridge(), space, sampler=GPSampler(deterministic=True), n_iter=10, random_state=0, cv=cv
    )
    return search.fit(*_diabetes())


def _branin(point):
    x, y = point
    hill = (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2
    return hill + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def function_minimize():
    return minimize(_branin, [(-5.0, 10.0), (0.0, 15.0)], 30, random_state=0)


def function_optimizer():
    optimizer = Optimizer([(-5.0, 10.0), (0.0, 15.0)], random_state=1)
    for _ in range(4):
        points = optimizer.ask(3)
        optimizer.tell(points, [_branin(point) for point in points])
    return optimizer.get_result()


SEARCHES = {
    name: function
    for name, function in list(globals().items())
    if name.startswith(("grid", "randomized", "bayes", "sampler", "gradient", "function"))
}
