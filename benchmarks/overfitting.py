"""Many hyperparameters: what they gain, what they overfit, and what the prior makes of it.

    python benchmarks/overfitting.py [--fast]

Each task is a model with a vector of 10 to 200 hyperparameters, few samples to choose them on and
many to test it on. GradientSearchCV chooses them with 100 trials at most,

- single: as one value (prior=inf);
- plain: each by itself, by the loss of five folds alone (prior=None);
- stopped: likewise, on four fifths of the samples and with 200 trials at most; the setting that
  predicts the last fifth best is refitted on all of them;
- auto: as it does by default (prior="auto").

The rule by which "auto" picks a strength was chosen on ridge, bands and logistic regression with
seeds 0 to 7; what is marked with "unseen" played no part in it, nor did the seeds here.
"""

import argparse
import statistics
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.preprocessing import scale

from skhyper import GradientSearchCV
from skhyper.exceptions import OverfittingWarning
from skhyper.kernel import ARDKernelRidge
from skhyper.linear_model import BandedLogisticRegression, BandedRidge, WeightedElasticNet

N_TEST = 5000
PENALTIES = {"alphas": (1e-3, 1e5, "log-uniform")}
WEIGHTS = {"l1_weights": (1e-4, 1e1, "log-uniform")}
SCALES = {"alpha": (1e-5, 1e1, "log-uniform"), "length_scales": (0.2, 200.0, "log-uniform")}


def correlated(rng, n, p, r=0.5):
    """Features of which neighbours correlate by r, and so on."""
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = r * X[:, j - 1] + np.sqrt(1 - r * r) * X[:, j]
    return X


def linear(kind, n, p, classes=False, noise=1.0):
    def draw(seed):
        rng = np.random.default_rng(seed)
        X = correlated(rng, n + N_TEST, p)
        w = np.zeros(p)
        if kind == "sparse":
            few = rng.choice(p, 10, replace=False)
            w[few] = rng.choice([-1, 1], 10) * rng.uniform(0.3, 1.0, 10)
        elif kind == "dense":
            w = 1.5 * rng.standard_normal(p) / np.sqrt(p)
        else:  # bands of falling relevance
            w = 0.5 * rng.standard_normal(p) * np.repeat(10.0 ** (-np.arange(10) / 2), p // 10)
        f = X @ w
        if classes:
            y = (rng.random(len(f)) < 1 / (1 + np.exp(-f))).astype(int)
        else:
            y = f + noise * rng.standard_normal(len(f))
        return X[:n], X[n:], y[:n], y[n:]

    return draw


def surface(n, p):
    """Four of the features matter, not linearly."""

    def draw(seed):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((n + N_TEST, p))
        f = np.sin(1.5 * X[:, 0]) + 0.5 * X[:, 1] ** 2 + X[:, 2] * X[:, 3]
        y = f + 0.2 * rng.standard_normal(len(f))
        return X[:n], X[n:], y[:n], y[n:]

    return draw


def with_noise(load, n, n_noise):
    """Real data, with features of noise added to its own."""

    def draw(seed):
        X, y = load(return_X_y=True)
        rng = np.random.default_rng(seed)
        X = np.hstack([scale(X), rng.standard_normal((len(X), n_noise))])
        classes = y.dtype.kind == "i"
        y = y if classes else scale(y)
        stratify = y if classes else None
        return train_test_split(X, y, train_size=n, random_state=seed, stratify=stratify)

    return draw


def lasso(p):
    return WeightedElasticNet(alpha=1.0, l1_weights=np.ones(p))


TASKS = {
    # data, model, ranges
    "60 ridge penalties, sparse": (linear("sparse", 150, 60), BandedRidge(np.ones(60)), PENALTIES),
    "60 ridge penalties, dense": (linear("dense", 150, 60), BandedRidge(np.ones(60)), PENALTIES),
    "10 bands of 10, ridge": (
        linear("bands", 200, 100),
        BandedRidge(np.ones(10), np.repeat(np.arange(10), 10)),
        PENALTIES,
    ),
    "60 logistic penalties, sparse": (
        linear("sparse", 300, 60, True),
        BandedLogisticRegression(np.ones(60)),
        PENALTIES,
    ),
    "60 logistic penalties, dense": (
        linear("dense", 300, 60, True),
        BandedLogisticRegression(np.ones(60)),
        PENALTIES,
    ),
    "diabetes and 40 of noise, ridge (unseen)": (
        with_noise(load_diabetes, 200, 40),
        BandedRidge(np.ones(50)),
        PENALTIES,
    ),
    "200 lasso weights, sparse (unseen)": (linear("sparse", 250, 200), lasso(200), WEIGHTS),
    "200 lasso weights, dense (unseen)": (linear("dense", 250, 200), lasso(200), WEIGHTS),
    "200 lasso weights, little noise (unseen)": (
        linear("sparse", 250, 200, noise=0.15),
        lasso(200),
        WEIGHTS,
    ),
    "breast cancer and 30 of noise, logistic (unseen)": (
        with_noise(load_breast_cancer, 200, 30),
        BandedLogisticRegression(np.ones(60)),
        PENALTIES,
    ),
    "30 length-scales, four matter (unseen)": (
        surface(200, 30),
        ARDKernelRidge(length_scales=np.ones(30)),
        SCALES,
    ),
}


def loss_of(model, X, y):
    if hasattr(model, "predict_proba"):
        return float(log_loss(y, model.predict_proba(X), labels=model.classes_))
    return float(mean_squared_error(y, model.predict(X)))


def searched(model, ranges, X, y, seed, **options):
    classes = hasattr(model, "predict_proba")
    folds = (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=seed)
    scoring = "neg_log_loss" if classes else "neg_mean_squared_error"
    options = {"n_iter": 100, "scoring": scoring, "cv": folds, "random_state": 0} | options
    return GradientSearchCV(model, ranges, **options).fit(X, y)


def stopped(model, ranges, X, y, seed):
    """The setting of a plain search on some samples that predicts the others best."""
    classes = y if hasattr(model, "predict_proba") else None
    parts = train_test_split(X, y, test_size=0.2, random_state=seed, stratify=classes)
    X_search, X_held, y_search, y_held = parts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OverfittingWarning)
        search = searched(model, ranges, X_search, y_search, seed, prior=None, n_iter=200)
    best, least, chosen = np.inf, np.inf, None
    for trial in search.history_:
        if trial.loss < best:
            best = trial.loss
            fitted = clone(model).set_params(**trial.params).fit(X_search, y_search)
            if (held := loss_of(fitted, X_held, y_held)) < least:
                least, chosen = held, trial
    return clone(model).set_params(**chosen.params).fit(X, y), float(chosen.loss)


def one_run(draw, model, ranges, seed):
    X, X_test, y, y_test = draw(seed)
    found = {}
    for name, prior in {"single": np.inf, "plain": None, "auto": "auto"}.items():
        start = time.process_time()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            search = searched(model, ranges, X, y, seed, prior=prior)
        seconds = time.process_time() - start
        found[name] = {
            "cv_loss": float(-search.best_score_),
            "test_loss": loss_of(search, X_test, y_test),
            "cpu_seconds": seconds,
            "n_trials": search.n_trials_,
        }
        if name == "auto":
            losses = search.held_out_
            shared = search.prior_ == np.inf
            found[name]["strength"] = "inf" if shared else search.prior_
            if losses is not None:  # with samples enough, nothing is held out
                found[name]["held_out_losses"] = losses.held_out.mean(axis=0).tolist()
        if name == "plain":
            found[name]["warned"] = any(issubclass(w.category, OverfittingWarning) for w in caught)
    start = time.process_time()
    fitted, cv_loss = stopped(model, ranges, X, y, seed)
    found["stopped"] = {
        "cv_loss": cv_loss,
        "test_loss": loss_of(fitted, X_test, y_test),
        "cpu_seconds": time.process_time() - start,
    }
    return {"seed": seed, **found}


def summary_of(runs):
    summary = {}
    for name in ("single", "plain", "stopped", "auto"):
        ratios = [run[name]["test_loss"] / run["single"]["test_loss"] for run in runs]
        summary[name] = {
            "cv_loss": statistics.mean(run[name]["cv_loss"] for run in runs),
            "test_loss": statistics.mean(run[name]["test_loss"] for run in runs),
            "test_over_single": statistics.mean(ratios),
            "worst_over_single": max(ratios),
            "n_above_single": sum(ratio > 1 + 1e-3 for ratio in ratios),
            "cpu_seconds": statistics.median(run[name]["cpu_seconds"] for run in runs),
        }
    return summary


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="1 seed, the quick tasks")
    fast = parser.parse_args().fast
    seeds = [20] if fast else list(range(20, 25))
    command = "python benchmarks/overfitting.py" + (" --fast" if fast else "")
    result = _environment.environment(command) | {"seeds": seeds, "tasks": {}}
    for name, (draw, model, ranges) in TASKS.items():
        if fast and "ridge" not in name:
            continue
        runs = [one_run(draw, model, ranges, seed) for seed in seeds]
        result["tasks"][name] = {"runs": runs, "summary": summary_of(runs)}
        for row, values in result["tasks"][name]["summary"].items():
            numbers = [round(value, 4) for value in values.values()]
            print(f"{name:50} {row:8}", *numbers, flush=True)
        _environment.write("overfitting-fast.json" if fast else "overfitting.json", result)


if __name__ == "__main__":
    main()
