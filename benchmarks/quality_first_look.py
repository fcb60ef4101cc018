"""How far from the best known CV score Bayesian and random search are after 10, 20, 30 trials.

    python benchmarks/quality_first_look.py [--fast]

Four small tasks on data that ship with scikit-learn. Folds are the same for all; a seed
changes only the search. Neither search starts from the estimator's own setting. The regret
is the best score that any run on the task has found (the random ones go on to 60 trials)
minus the best so far; it favours nobody, but it is not the distance to the true optimum.
"""

import argparse
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV, SearchCV
from skhyper.space import When

CHECKPOINTS = (10, 20, 30, 60)
N_BAYES, N_RANDOM = 30, 60
STRATIFIED = StratifiedKFold(5, shuffle=True, random_state=0)


def digits(n):
    X, y = load_digits(return_X_y=True)
    return X[:n], y[:n]


TASKS = {
    "svc": {
        "what": "SVC(kernel, C, gamma) on breast cancer, scaled; gamma with rbf only, roc_auc",
        "estimator": make_pipeline(StandardScaler(), SVC(max_iter=20_000)),
        "data": load_breast_cancer(return_X_y=True),
        "space": {
            "svc__kernel": ["linear", "rbf"],
            "svc__C": (1e-3, 1e3, "log-uniform"),
            "svc__gamma": When((1e-5, 1e1, "log-uniform"), svc__kernel="rbf"),
        },
        "scoring": "roc_auc",
    },
    "knn": {
        "what": "k-NN(n_neighbors, p, weights, scaler) on wine, neg_log_loss",
        "estimator": make_pipeline(StandardScaler(), KNeighborsClassifier()),
        "data": load_wine(return_X_y=True),
        "space": {
            "standardscaler": [StandardScaler(), MinMaxScaler()],
            "kneighborsclassifier__n_neighbors": (1, 60),
            "kneighborsclassifier__p": (1.0, 4.0),
            "kneighborsclassifier__weights": ["uniform", "distance"],
        },
        "scoring": "neg_log_loss",
    },
    "boosting": {
        "what": "HistGradientBoostingRegressor, 5 hyperparameters, on diabetes, r2",
        "estimator": HistGradientBoostingRegressor(max_iter=40, random_state=0),
        "data": load_diabetes(return_X_y=True),
        "space": {
            "learning_rate": (1e-2, 1.0, "log-uniform"),
            "max_leaf_nodes": (2, 64, "log-uniform"),
            "min_samples_leaf": (2, 100, "log-uniform"),
            "l2_regularization": (1e-3, 1e3, "log-uniform"),
            "max_features": (0.1, 1.0),
        },
        "scoring": "r2",
    },
    "logistic": {
        "what": "PCA(n_components) and LogisticRegression(C, class_weight) on 600 digits, log loss",
        "estimator": make_pipeline(MinMaxScaler(), PCA(), LogisticRegression(max_iter=300)),
        "data": digits(600),
        "space": {
            "pca__n_components": (2, 60),
            "pca__whiten": [False, True],
            "logisticregression__C": (1e-4, 1e4, "log-uniform"),
            "logisticregression__class_weight": [None, "balanced"],
        },
        "scoring": "neg_log_loss",
    },
}


def best_so_far(search, X, y):
    """Best mean CV score after each trial."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # solvers cut short, failed corners of the space
        search.fit(X, y)
    return np.maximum.accumulate(np.nan_to_num(search.cv_results_["mean_test_score"], nan=-np.inf))


def run_task(task, seeds):
    """Curves of both searches at all seeds; random ones are longer."""
    X, y = task["data"]
    regression = task["scoring"] == "r2"
    common = {
        "cv": KFold(5, shuffle=True, random_state=0) if regression else STRATIFIED,
        "scoring": task["scoring"],
        "refit": False,
        "include_default": False,
    }
    curves = {"bayes": [], "random": []}
    for seed in seeds:
        args, kwargs = (task["estimator"], task["space"]), {**common, "random_state": seed}
        bayes = BayesSearchCV(*args, n_iter=N_BAYES, **kwargs)
        random = SearchCV(*args, sampler="random", n_iter=N_RANDOM, **kwargs)
        curves["bayes"].append(best_so_far(bayes, X, y).tolist())
        curves["random"].append(best_so_far(random, X, y).tolist())
    return curves


def summarise(curves):
    """Mean regret and its standard error at the checkpoints; seeds on which Bayesian won."""
    best_known = max(max(curve) for runs in curves.values() for curve in runs)
    summary = {"best_known": best_known}
    for name, runs in curves.items():
        for n in CHECKPOINTS:
            if n <= len(runs[0]):
                regret = best_known - np.array([curve[n - 1] for curve in runs])
                error = regret.std(ddof=1) / np.sqrt(len(regret))
                summary[f"{name}_{n}"] = {"mean": float(regret.mean()), "se": float(error)}
    for n in CHECKPOINTS[:-1]:
        bayes, random = (np.array([c[n - 1] for c in curves[k]]) for k in ("bayes", "random"))
        summary[f"bayes_won_{n}"] = int((bayes > random).sum())
        summary[f"bayes_lost_{n}"] = int((bayes < random).sum())
    bayes, random = (np.array([c[-1] for c in curves[k]]) for k in ("bayes", "random"))
    summary["bayes_30_beat_random_60"] = int((bayes > random).sum())
    summary["bayes_30_lost_to_random_60"] = int((bayes < random).sum())
    return summary


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="3 seeds instead of 16")
    fast = parser.parse_args().fast
    seeds = list(range(3 if fast else 16))
    command = "python benchmarks/quality_first_look.py" + (" --fast" if fast else "")
    result = {**_environment.environment(command), "seeds": seeds, "tasks": {}}
    for name, task in TASKS.items():
        start = time.perf_counter()
        curves = run_task(task, seeds)
        summary = summarise(curves)
        result["tasks"][name] = {"what": task["what"], "summary": summary, "curves": curves}
        print(f"{name:9} {time.perf_counter() - start:6.1f} s")
    fast_or_not = "quality_first_look-fast.json" if fast else "quality_first_look.json"
    print(_environment.write(fast_or_not, result).name)


if __name__ == "__main__":
    main()
