"""CPU time of searches that share the first steps of a pipeline, over that of ``reuse=None``.

    python benchmarks/reuse.py           # about 3 minutes; --fast: small data, seconds

Besides, pipelines with scikit-learn's ``memory``; the ideal, a loop that fits the first steps once
for each fold; and searches in which nothing can be shared. Scores must be equal.
"""

import _environment  # isort: skip  (fixes the number of threads before numpy is imported)

import argparse
import statistics
import tempfile
import time
import warnings

import numpy as np
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV, GridSearchCV, RandomizedSearchCV

C = np.geomspace(0.01, 10.0, 8)
REAL_C = (0.01, 10.0, "log-uniform")
BARS = {"tf-idf, logistic regression": 0.3}
BAR_OF_OVERHEAD = 1.02


def texts(n):
    """Texts of two classes, with words by Zipf's law."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(20_000)])
    y = rng.integers(0, 2, n)
    weights = np.array([1 / np.arange(1, 20_001), 1 / np.roll(np.arange(1, 20_001), 40)])
    weights /= weights.sum(axis=1, keepdims=True)
    mixed = [0.9 * weights[k] + 0.1 * weights[1 - k] for k in (0, 1)]
    return [" ".join(rng.choice(words, rng.integers(20, 300), p=mixed[k])) for k in y], y


def pipe(*steps, memory=None):
    named = [(type(step).__name__.lower(), step) for step in steps[:-1]]
    return Pipeline([*named, ("last", steps[-1])], memory=memory)


def tasks(scale):
    documents = texts(2000 // scale)
    digits, iris = load_digits(return_X_y=True), load_iris(return_X_y=True)
    if scale > 1:
        digits = tuple(part[:600] for part in digits)
    tfidf, logistic = TfidfVectorizer(), LogisticRegression()
    halves = ColumnTransformer(
        [("left", PCA(10), slice(0, 32)), ("right", StandardScaler(), slice(32, 64))]
    )
    grid = {"last__C": C}
    return {
        "tf-idf, logistic regression": (GridSearchCV, (tfidf, logistic), grid, {}, documents),
        "scaler, PCA, SVC on digits": (
            GridSearchCV, (StandardScaler(), PCA(20), SVC()), grid, {}, digits
        ),
        "columns, SVC by Bayes on digits": (
            BayesSearchCV, (halves, SVC()), {"last__C": REAL_C}, {"n_iter": 12}, digits
        ),
        "scaler, SVC on iris": (GridSearchCV, (StandardScaler(), SVC()), grid, {}, iris),
    }  # fmt: skip


def tasks_without_sharing():
    """Searches in which nothing can be shared, all with short fits."""
    iris = load_iris(return_X_y=True)
    ranges = {"pca__tol": loguniform(1e-9, 1e-3), "last__C": loguniform(0.01, 10.0)}
    return {
        "no pipeline": (GridSearchCV, (SVC(),), {"last__C": C}, {}, iris),
        "first step varies": (RandomizedSearchCV, (PCA(), SVC()), ranges, {"n_iter": 20}, iris),
        "first step varies, by Bayes": (
            BayesSearchCV, (PCA(), SVC()),
            {"pca__tol": (1e-9, 1e-3), "last__C": REAL_C}, {"n_iter": 12}, iris
        ),
    }  # fmt: skip


def run(task, what):
    """CPU seconds of a search, its scores and its report."""
    kind, steps, space, more, (X, y) = task
    fixed = {} if kind is GridSearchCV else {"random_state": 0}
    with tempfile.TemporaryDirectory() as folder:
        estimator = pipe(*steps, memory=folder if what == "memory" else None)
        if len(steps) == 1:
            estimator, space = steps[0], {"C": space["last__C"]}
        reuse = "auto" if what == "reuse" else None
        search = kind(estimator, space, cv=5, refit=False, reuse=reuse, **fixed, **more)
        start = time.process_time()
        search.fit(X, y)
        return time.process_time() - start, search.cv_results_["mean_test_score"], search.reuse_


def run_ideal(task):
    """CPU seconds of a loop over the folds, and over a grid within it."""
    _, steps, space, _, (X, y) = task
    rows = np.array(X, dtype=object) if isinstance(X, list) else X
    start = time.process_time()
    for train, test in StratifiedKFold(5).split(rows, y):
        first = pipe(*steps)[:-1]
        outputs = first.fit_transform(rows[train], y[train]), first.transform(rows[test])
        for value in space["last__C"]:
            model = clone(steps[-1]).set_params(C=value).fit(outputs[0], y[train])
            model.score(outputs[1], y[test])
    return time.process_time() - start


def row(task, kinds, repeats):
    seconds = {what: [] for what in kinds}
    scores = {}
    for _ in range(repeats):
        for what in kinds:
            if what == "ideal":
                seconds[what].append(run_ideal(task))
                continue
            used, scores[what], reuse = run(task, what)
            seconds[what].append(used)
            if what == "reuse":
                report = {"fits_asked": reuse.fits_asked, "fits_made": reuse.fits_made}
        assert np.array_equal(scores["reuse"], scores["plain"])
    ratios = {
        what: statistics.median(a / b for a, b in zip(seconds[what], seconds["plain"]))
        for what in kinds
        if what != "plain"
    }
    return {"seconds": seconds, "ratios": ratios, **report}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fast", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    result = _environment.environment("python benchmarks/reuse.py")
    scale, repeats = (4, 1) if options.fast else (1, 3)
    rows, overheads = {}, {}
    for name, task in tasks(scale).items():
        kinds = ("plain", "reuse", "memory")
        rows[name] = row(task, kinds + ("ideal",) * (task[0] is GridSearchCV), repeats)
        rows[name]["bar"] = BARS.get(name)
        print(name, {k: v for k, v in rows[name].items() if k != "seconds"}, flush=True)
    for name, task in tasks_without_sharing().items():
        overheads[name] = row(task, ("plain", "reuse"), 7 * repeats)
        print(name, overheads[name]["ratios"], flush=True)
    summary = {
        "ratio_of_text": rows["tf-idf, logistic regression"]["ratios"]["reuse"],
        "largest_overhead": max(r["ratios"]["reuse"] for r in overheads.values()),
        "bar_of_overhead": BAR_OF_OVERHEAD,
    }
    name = "reuse-fast.json" if options.fast else "reuse.json"
    more = {"seeds": [0], "rows": rows, "overheads": overheads, "summary": summary}
    print(summary, _environment.write(name, {**result, **more}))


if __name__ == "__main__":
    main()
