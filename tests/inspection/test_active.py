"""Which hyperparameters count: checked by fitting with two values of those that do not."""

import pickle
import warnings

import numpy as np
import pytest
from inspection.all_estimators import SHORT, classes, construct, fit
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from skhyper import neural_network as networks
from skhyper.inspection._hyperparameters import inactive_because
from skhyper.space._requirements import REQUIREMENTS

# Params with which a hyperparameter has no effect, and two values of it.
IDLE = [
    ("SVC", {"kernel": "linear"}, "gamma", 0.1, 10.0),
    ("SVC", {"kernel": "rbf"}, "degree", 2, 5),
    ("SVR", {"kernel": "rbf"}, "coef0", 0.0, 3.0),
    ("KernelRidge", {"kernel": "linear"}, "gamma", 0.1, 10.0),
    ("KernelPCA", {"kernel": "rbf"}, "degree", 2, 5),
    ("KernelPCA", {"fit_inverse_transform": False}, "alpha", 0.1, 10.0),
    ("Nystroem", {"kernel": "laplacian"}, "coef0", 0.1, 10.0),
    ("LabelPropagation", {"kernel": "knn"}, "gamma", 0.1, 10.0),
    ("LabelSpreading", {"kernel": "rbf"}, "n_neighbors", 3, 7),
    ("SpectralClustering", {"affinity": "nearest_neighbors", "n_clusters": 2}, "gamma", 0.1, 10.0),
    ("LinearSVC", {"fit_intercept": False}, "intercept_scaling", 0.5, 2.0),
    ("LogisticRegression", {"solver": "lbfgs"}, "intercept_scaling", 0.5, 2.0),
    ("LogisticRegression", {"solver": "lbfgs"}, "random_state", 0, 1),
    ("Ridge", {"solver": "cholesky"}, "max_iter", 1, 100),
    ("Ridge", {"solver": "svd"}, "tol", 1e-1, 1e-9),
    ("RidgeClassifier", {"solver": "lsqr"}, "random_state", 0, 1),
    ("Lasso", {"selection": "cyclic"}, "random_state", 0, 1),
    ("SGDClassifier", {"penalty": "l2"}, "l1_ratio", 0.1, 0.9),
    ("SGDClassifier", {"learning_rate": "optimal"}, "eta0", 0.1, 0.9),
    ("SGDClassifier", {"learning_rate": "constant", "eta0": 0.1}, "power_t", 0.1, 0.9),
    ("SGDRegressor", {"loss": "squared_error"}, "epsilon", 0.1, 0.9),
    ("SGDClassifier", {"early_stopping": False}, "validation_fraction", 0.1, 0.5),
    ("Perceptron", {"penalty": None}, "alpha", 0.1, 0.9),
    ("MLPClassifier", {"solver": "adam"}, "momentum", 0.1, 0.9),
    ("MLPClassifier", {"solver": "adam"}, "learning_rate", "constant", "invscaling"),
    ("MLPClassifier", {"solver": "lbfgs"}, "learning_rate_init", 0.1, 0.001),
    ("MLPClassifier", {"solver": "lbfgs"}, "batch_size", 5, 10),
    ("MLPClassifier", {"solver": "sgd"}, "beta_1", 0.1, 0.9),
    ("MLPClassifier", {"solver": "sgd"}, "epsilon", 1e-8, 0.9),
    ("MLPClassifier", {"solver": "sgd", "learning_rate": "constant"}, "power_t", 0.1, 0.9),
    ("MLPClassifier", {"solver": "sgd", "momentum": 0.0}, "nesterovs_momentum", True, False),
    ("MLPRegressor", {"solver": "adam"}, "max_fun", 1, 1000),
    ("MLPClassifier", {"early_stopping": False}, "validation_fraction", 0.1, 0.5),
    ("GradientBoostingRegressor", {"n_iter_no_change": None}, "validation_fraction", 0.1, 0.5),
    ("GradientBoostingRegressor", {"n_iter_no_change": None}, "tol", 1e-9, 10.0),
    ("GradientBoostingRegressor", {"loss": "squared_error"}, "alpha", 0.1, 0.5),
    ("HistGradientBoostingRegressor", {"early_stopping": False}, "n_iter_no_change", 1, 5),
    ("HistGradientBoostingRegressor", {"early_stopping": False}, "tol", 1e-9, 10.0),
    ("KNeighborsClassifier", {"metric": "euclidean"}, "p", 1, 3),
    ("KNeighborsClassifier", {"algorithm": "brute"}, "leaf_size", 1, 50),
    ("DBSCAN", {"metric": "euclidean", "eps": 2.0}, "p", 1, 3),
    ("OPTICS", {"cluster_method": "dbscan"}, "xi", 0.01, 0.3),
    ("PCA", {"svd_solver": "full"}, "iterated_power", 1, 5),
    ("PCA", {"svd_solver": "full"}, "random_state", 0, 1),
    ("PCA", {"svd_solver": "full"}, "n_oversamples", 1, 20),
    ("TruncatedSVD", {"algorithm": "arpack"}, "n_iter", 1, 5),
    ("TruncatedSVD", {"algorithm": "randomized"}, "tol", 0.0, 10.0),
    ("LinearDiscriminantAnalysis", {"solver": "lsqr"}, "tol", 1e-9, 10.0),
    ("SimpleImputer", {"strategy": "mean"}, "fill_value", 1, 2),
    ("DummyRegressor", {"strategy": "mean"}, "quantile", 0.1, 0.9),
    ("DummyClassifier", {"strategy": "prior"}, "random_state", 0, 1),
    ("TSNE", {"method": "exact"}, "angle", 0.1, 0.9),
    ("LocallyLinearEmbedding", {"method": "standard"}, "hessian_tol", 1e-9, 1.0),
    ("TfidfVectorizer", {"use_idf": False}, "smooth_idf", True, False),
    ("TfidfVectorizer", {"analyzer": "char"}, "token_pattern", r"\w", r"\w\w"),
    ("TfidfVectorizer", {"analyzer": "char"}, "stop_words", ["one"], None),
    ("CountVectorizer", {"vocabulary": ["one", "two"]}, "max_features", 1, 2),
]


def fitted_state(name, setting, parameter, value):
    """What fit leaves behind, without the value itself."""
    estimator = construct(name)
    estimator.set_params(**setting, **{parameter: value})
    np.random.seed(0)
    assert fit(estimator)
    estimator.set_params(**{parameter: None})
    state = {k: v for k, v in vars(estimator).items() if k.endswith("_") and k[0] != "_"}
    state.pop("random_state_", None)
    return pickle.dumps(canonical(state))


def canonical(value):
    """Without what differs between two runs: memory layouts, identities."""
    if isinstance(value, dict):
        return {key: canonical(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(v) for v in value]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [canonical(v) for v in value.ravel()]
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if hasattr(value, "tree_"):
        return canonical(value.tree_.__getstate__()["values"])
    return repr(value)


@pytest.mark.parametrize(("name", "setting", "parameter", "a", "b"), IDLE)
def test_what_is_idle_changes_nothing(name, setting, parameter, a, b):
    estimator = construct(name).set_params(**setting)
    assert inactive_because(estimator, parameter, estimator.get_params(deep=False))
    assert fitted_state(name, setting, parameter, a) == fitted_state(name, setting, parameter, b)


# The same, where it counts, so that the check above can fail.
BUSY = [
    ("SVC", {"kernel": "rbf"}, "gamma", 0.1, 10.0),
    ("SGDClassifier", {"penalty": "elasticnet"}, "l1_ratio", 0.1, 0.9),
    ("MLPClassifier", {"solver": "sgd"}, "momentum", 0.1, 0.9),
    ("GradientBoostingRegressor", {"loss": "quantile"}, "alpha", 0.1, 0.5),
    ("RandomForestClassifier", {"bootstrap": True}, "max_samples", 0.3, 1.0),
]


@pytest.mark.parametrize(("name", "setting", "parameter", "a", "b"), BUSY)
def test_what_counts_changes_something(name, setting, parameter, a, b):
    estimator = construct(name).set_params(**setting)
    assert not inactive_because(estimator, parameter, estimator.get_params(deep=False))
    assert fitted_state(name, setting, parameter, a) != fitted_state(name, setting, parameter, b)


def test_the_rules_are_about_hyperparameters_that_exist():
    ours = {name: construct(name) for name in REQUIREMENTS if name in classes()}
    # A base class that several share, and names that one of two versions or of two kin lacks.
    assert set(REQUIREMENTS) - set(ours) <= {"ForestClassifier", "ForestRegressor", "NeighborsBase"}
    families = {}
    for name, estimator in ours.items():
        families.setdefault(id(REQUIREMENTS[name]), set()).update(estimator.get_params(deep=False))
    for name in ours:
        missing = set(REQUIREMENTS[name]) - families[id(REQUIREMENTS[name])]
        assert missing <= {"l1_ratio", "quantile_method", "k_best", "n_oversamples"}, name


def reason(estimator, name):
    return inactive_because(estimator, name, estimator.get_params(deep=False))


def test_reasons():
    assert reason(SVC(kernel="linear"), "degree") == "needs kernel='poly'"
    assert reason(SGDClassifier(), "eta0") == "needs learning_rate other than 'optimal'"
    both = reason(MLPClassifier(solver="lbfgs"), "validation_fraction")
    assert both == "needs solver in 'sgd', 'adam' and early_stopping=True"
    assert reason(MLPClassifier(solver="lbfgs", early_stopping=True), "validation_fraction") == (
        "needs solver in 'sgd', 'adam'"
    )


def test_what_is_not_known_counts():
    assert reason(BaseEstimator(), "anything") == ""
    assert reason(SVC(), "C") == ""
    assert reason(SVC(kernel=np.ones((2, 2))), "C") == ""


def test_a_subclass_has_the_rules_of_its_base():
    class MySVC(SVC):
        pass

    assert reason(MySVC(kernel="linear"), "gamma")
    assert reason(classes()["Lasso"](), "random_state") == "needs selection='random'"


def test_what_is_deprecated_and_not_set_does_not_count():
    class Old(BaseEstimator):
        def __init__(self, gone="deprecated"):
            self.gone = gone

    assert reason(Old(), "gone") == "deprecated"
    assert reason(Old(3), "gone") == ""


def test_the_penalty_of_a_logistic_regression():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixed = LogisticRegression(penalty="elasticnet", solver="saga", l1_ratio=0.5)
        free = LogisticRegression(penalty=None)
    assert reason(mixed, "l1_ratio") == ""
    assert reason(free, "C") == "needs penalty other than None"
    assert "max_iter" in SHORT


def test_the_networks_of_this_package():
    own = {"optimizer": "adagrad"}
    network = networks.MLPClassifier(**own)
    assert inactive_because(network, "epsilon", own) == ""
    assert inactive_because(network, "momentum", own) == "needs optimizer='momentum'"
    assert inactive_because(network, "learning_rate", own) == ""
