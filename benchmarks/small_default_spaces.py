"""The small default space against the full one where that has more than 8 hyperparameters.

    python benchmarks/small_default_spaces.py

A vote of a decision tree, k-NN and stochastic gradient descent: 12 hyperparameters, 7 of them in
the small space. One search of 60 trials in each space; losses of the best candidates after 15, 30
and 60 trials, in cross-validation and on a third of the rows that is held out.
"""

import json
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _real_data import load
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV, default_space

DATA = ("sonar", "heart", "bupa", "ionosphere", "saheart", "australian", "pima", "bands")
DATA += ("breast_cancer", "german", "vehicle")
CHECKPOINTS, SIZES, N_ROWS = (15, 30, 60), ("full", "small"), 600
MODEL = VotingClassifier(
    [
        ("tree", DecisionTreeClassifier(random_state=0)),
        ("neighbors", make_pipeline(StandardScaler(), KNeighborsClassifier())),
        ("sgd", make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0))),
    ],
    voting="soft",
)


def log_loss(model, X, y):
    probability = model.predict_proba(X)[np.arange(len(y)), np.searchsorted(np.unique(y), y)]
    return round(float(-np.log(np.clip(probability, 1e-6, None)).mean()), 5)


def run(data):
    X, y = load(data, N_ROWS)
    X, X_test, y, y_test = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=0)
    found = {}
    for size in SIZES:
        search = BayesSearchCV(
            MODEL,
            default_space(MODEL, X, y, size=size),
            n_iter=max(CHECKPOINTS),
            cv=StratifiedKFold(3, shuffle=True, random_state=0),
            scoring="neg_log_loss",
            random_state=0,
            refit=False,
        ).fit(X, y)
        losses = -search.cv_results_["mean_test_score"]
        found[size] = {}
        for n in CHECKPOINTS:
            best = int(np.nanargmin(losses[:n]))
            model = clone(MODEL).set_params(**search.cv_results_["params"][best]).fit(X, y)
            held_out = log_loss(model, X_test, y_test)
            found[size][str(n)] = {"cv": round(float(losses[best]), 5), "held_out": held_out}
    return found


def summary(results):
    """Mean difference small - full, its standard error, and on how many data sets it is worse."""
    table = {}
    for n in map(str, CHECKPOINTS):
        for kind in ("cv", "held_out"):
            rows = [row["small"][n][kind] - row["full"][n][kind] for row in results.values()]
            error = float(np.std(rows, ddof=1) / np.sqrt(len(rows)))
            n_worse = int((np.array(rows) > 0).sum())
            table[f"{kind} at {n}"] = [round(float(np.mean(rows)), 4), round(error, 4), n_worse]
    return table


def main():
    warnings.simplefilter("ignore")
    path = _environment.RESULTS / "small_default_spaces.json"
    results = json.loads(path.read_text())["results"] if path.exists() else {}
    content = _environment.environment("python benchmarks/small_default_spaces.py")
    for data in DATA:
        if data not in results and load(data) is not None:
            results[data] = run(data)
            content["results"] = results
            content["summary"] = summary(results) if len(results) > 1 else {}
            _environment.write(path.name, content)
            print(data, results[data], flush=True)


if __name__ == "__main__":
    main()
