"""Estimators with many hyperparameters: what learning them gains, and what a fit costs.

    python benchmarks/estimators.py [--fast] [--only bands,ard,fits]

bands: ridge regression with 10 and with 100 groups of features of unequal signal. A penalty for
each group by GradientSearchCV(BandedRidge), by himalaya's random search, and for 10 groups by
scikit-optimize; and one penalty for all by RidgeCV.

ard: kernel ridge regression with 30 length-scales, by GradientSearchCV(ARDKernelRidge) from the
middle of the ranges, from the best single length-scale, and by leave-one-out from there; by
gp_minimize; and by the evidence of GaussianProcessRegressor.

fits: CPU time of a plain fit over that of scikit-learn's at the same penalty.

All searches get the same folds. All models have an intercept that is not penalised, on each
fold's own training samples (himalaya by ``fit_intercept=True``), so all minimise the same; what a
search found is scored by the same code for all: BandedRidge, or ARDKernelRidge, with the
hyperparameters found, on these folds and on test samples. CPU times include the final fit.
"""

import argparse
import importlib.metadata
import json
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
import skopt
from himalaya.ridge import GroupRidgeCV
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import KFold, LeaveOneOut, cross_val_score

from skhyper import GradientSearchCV
from skhyper.kernel import ARDKernelRidge
from skhyper.linear_model import BandedLogisticRegression, BandedRidge, WeightedElasticNet

MSE = "neg_mean_squared_error"
LOG = "log-uniform"


def cpu(function):
    """What a function returns, and the CPU seconds that it takes."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function()
    return result, time.process_time() - start


def folds(n):
    return list(KFold(5, shuffle=True, random_state=0).split(np.zeros(n)))


def scored(model, data, splits):
    """CV and test loss of a model."""
    X, y, X_test, y_test = data
    cv_loss = -cross_val_score(model, X, y, cv=splits, scoring=MSE).mean()
    test_loss = mean_squared_error(y_test, model.fit(X, y).predict(X_test))
    return {"cv_loss": float(cv_loss), "test_loss": float(test_loss)}


def run_all(searches, data, seed, model_of):
    """One run of each search: losses of what it found, CPU seconds."""
    runs, splits = {}, folds(len(data[0]))
    for name, search in searches.items():
        found, seconds = cpu(lambda s=search: s(data, splits, seed))
        runs[name] = {"seed": seed, "cpu_seconds": seconds}
        runs[name] |= scored(model_of(found), data, splits)
        print("  ", seed, f"{name:36}", *(f"{v:.4g}" for v in runs[name].values()), flush=True)
    return runs


def gradient_search(model, space, data, splits, seed, **options):
    search = GradientSearchCV(model, space, scoring=MSE, cv=splits, random_state=seed, **options)
    return search.fit(data[0], data[1])


# ---- bands

ALPHAS = (1e-2, 1e6)
BANDS = {
    # bands, features of each, training samples, share of bands with signal
    "10 bands": (10, 30, 300, 0.7),
    "100 bands": (100, 5, 300, 0.2),
}


def banded_data(task, seed):
    """Groups whose coefficients have sizes from 1 down to 0.01, or are 0; 1 of 3 is noise."""
    n_bands, size, n, share = BANDS[task]
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_bands), size)
    strength = 10 ** rng.uniform(-2, 0, n_bands)
    strength[rng.permutation(n_bands)[round(share * n_bands) :]] = 0.0
    w = strength[labels] * rng.standard_normal(len(labels))
    X = rng.standard_normal((n + 2000, len(labels)))
    z = X @ w
    y = z + z.std() / np.sqrt(2) * rng.standard_normal(len(z))
    y = (y - y[:n].mean()) / y[:n].std()
    return (X[:n], y[:n], X[n:], y[n:]), labels


class TenPenalties(RegressorMixin, BaseEstimator):
    """BandedRidge with a name for each penalty, for searches that know numbers only."""

    def __init__(self, a0=1, a1=1, a2=1, a3=1, a4=1, a5=1, a6=1, a7=1, a8=1, a9=1, bands=None):
        self.a0, self.a1, self.a2, self.a3, self.a4 = a0, a1, a2, a3, a4
        self.a5, self.a6, self.a7, self.a8, self.a9 = a5, a6, a7, a8, a9
        self.bands = bands

    def fit(self, X, y):
        self.model_ = BandedRidge([getattr(self, f"a{i}") for i in range(10)], self.bands)
        self.model_.fit(X, y)
        return self

    def predict(self, X):
        return self.model_.predict(X)


def banded_searches(task, labels):
    """From names to functions that return the penalties of the bands."""
    n_bands = BANDS[task][0]

    def ours(data, splits, seed, **options):
        model, space = BandedRidge(bands=labels), {"alphas": (*ALPHAS, LOG)}
        search = gradient_search(model, space, data, splits, seed, **options)
        return search.best_params_["alphas"]

    def himalaya(data, splits, seed):
        params = {"n_iter": 100, "alphas": np.logspace(-2, 4, 19), "progress_bar": False}
        model = GroupRidgeCV(
            labels, solver_params=params, fit_intercept=True, cv=splits, random_state=seed
        )
        model.fit(data[0], data[1])
        found = np.exp(-model.deltas_.ravel())
        # The same problem: its best score is the loss of BandedRidge with these penalties.
        X, y = data[:2]
        again = -cross_val_score(BandedRidge(found, labels), X, y, cv=splits, scoring=MSE).mean()
        assert abs(again + model.cv_scores_.max()) < 1e-3 * again, (again, model.cv_scores_.max())
        return found

    def skopt_search(data, splits, seed):
        space = {f"a{i}": (*ALPHAS, LOG) for i in range(10)}
        search = skopt.BayesSearchCV(
            TenPenalties(bands=labels), space, n_iter=40, scoring=MSE, cv=splits, random_state=seed
        )
        found = search.fit(data[0], data[1]).best_params_
        return np.array([found[f"a{i}"] for i in range(10)])

    def one_penalty(data, splits, seed):
        model = RidgeCV(np.geomspace(*ALPHAS, 100), cv=splits, scoring=MSE)
        return np.full(n_bands, model.fit(data[0], data[1]).alpha_)

    searches = {
        "GradientSearchCV": ours,
        "GradientSearchCV(prior=None)": lambda *args: ours(*args, prior=None),
        "himalaya, 100 random": himalaya,
    }
    if n_bands == 10:
        searches["skopt BayesSearchCV, 40"] = skopt_search
    return searches | {"RidgeCV, one penalty": one_penalty}


def bands(fast):
    tasks = {}
    for task in BANDS:
        runs = []
        for seed in range(1 if fast else 3):
            data, labels = banded_data(task, seed)
            searches = banded_searches(task, labels)
            model_of = lambda alphas, labels=labels: BandedRidge(alphas, labels)  # noqa: E731
            runs.append(run_all(searches, data, seed, model_of))
        n_bands, size, n, share = BANDS[task]
        tasks[task] = {
            "what": f"{n} samples, {n_bands} bands of {size} features, {share:.0%} with signal",
            "best_of_cv": 0.95 if n_bands == 10 else 0.7,
            "rows": summarised(runs),
        }
    return tasks


# ---- ARD

N_DIMS, SCALES, PENALTY = 30, (0.1, 1e3), (1e-5, 1e2)
ARD_SPACE = {"length_scales": (*SCALES, LOG), "alpha": (*PENALTY, LOG)}


def ard_data(seed):
    """Six of 30 features matter, by smooth functions of one and of two; 200 samples."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((1200, N_DIMS))
    z = np.sin(2 * X[:, 0]) + np.tanh(X[:, 1] * X[:, 2]) + 0.5 * X[:, 3]
    z += np.exp(-((X[:, 4] + X[:, 5]) ** 2))
    y = z + 0.1 * rng.standard_normal(len(z))
    y = (y - y[:200].mean()) / y[:200].std()
    return X[:200], y[:200], X[200:], y[200:]


def ard_middle(data, splits, seed, **options):
    """From the middle of the ranges."""
    model = ARDKernelRidge(length_scales=np.ones(N_DIMS))
    return gradient_search(model, ARD_SPACE, data, splits, seed, **options).best_params_


def ard_isotropic_first(data, splits, seed, **options):
    """The best single length-scale, and from there one for each feature."""
    one = gradient_search(ARDKernelRidge(), ARD_SPACE, data, splits, seed).best_params_
    start = {**one, "length_scales": np.full(N_DIMS, one["length_scales"])}
    return ard_middle(data, splits, seed, initial_points=start, **options)


def ard_leave_one_out(data, splits, seed, **options):
    return ard_isotropic_first(data, LeaveOneOut(), seed, **options)


def ard_gp_minimize(data, splits, seed):
    box = [skopt.space.Real(*SCALES, prior=LOG)] * N_DIMS + [skopt.space.Real(*PENALTY, prior=LOG)]

    def loss(point):
        model = ARDKernelRidge(point[-1], np.array(point[:-1]))
        return -cross_val_score(model, data[0], data[1], cv=splits, scoring=MSE).mean()

    found = skopt.gp_minimize(loss, box, n_calls=50, random_state=seed).x
    return {"length_scales": np.array(found[:-1]), "alpha": found[-1]}


def ard_evidence(n_restarts):
    def search(data, splits, seed):
        kernel = 1.0 * RBF(np.ones(N_DIMS), SCALES) + WhiteKernel(0.1)
        model = GaussianProcessRegressor(
            kernel, n_restarts_optimizer=n_restarts, normalize_y=True, random_state=seed
        )
        found = model.fit(data[0], data[1]).kernel_
        variance = found.k1.k1.constant_value
        scales = np.broadcast_to(found.k1.k2.length_scale, N_DIMS)
        return {"length_scales": scales, "alpha": found.k2.noise_level / variance}

    return search


def ard_one(data, splits, seed):
    return gradient_search(ARDKernelRidge(), ARD_SPACE, data, splits, seed).best_params_


def ard(fast):
    starts = {
        "GradientSearchCV": ard_middle,
        "GradientSearchCV, from one scale": ard_isotropic_first,
        "GradientSearchCV, from one scale, LOO": ard_leave_one_out,
    }
    searches = dict(starts)
    for name, start in starts.items():
        searches[f"{name}, prior=None"] = lambda *args, s=start: s(*args, prior=None)
    searches["one length-scale"] = ard_one
    searches["gp_minimize, 50"] = ard_gp_minimize
    searches["evidence"] = ard_evidence(0)
    searches["evidence, 2 restarts"] = ard_evidence(2)
    runs = []
    for seed in range(1 if fast else 3):
        model_of = lambda found: ARDKernelRidge(**found)  # noqa: E731
        runs.append(run_all(searches, ard_data(seed), seed, model_of))
    return {"what": "200 samples, 30 features of which 6 matter", "rows": summarised(runs)}


def summarised(runs):
    """Runs and their medians, by search; losses also over those of the first search."""
    rows, first = {}, next(iter(runs[0]))
    for name in runs[0]:
        own = [run[name] for run in runs]
        row = {key: float(np.median([run[key] for run in own])) for key in own[0] if key != "seed"}
        row["worst_test_loss"] = max(run["test_loss"] for run in own)
        for key in ("cv_loss", "test_loss", "cpu_seconds"):
            ratios = [run[first][key] / run[name][key] for run in runs]
            row[f"ours_over_it_{key}"] = float(np.median(ratios))
        rows[name] = row | {"runs": own}
    return rows


# ---- fits

SHAPES = {
    "200 x 20": (200, 20),
    "2000 x 1000": (2000, 1000),
    "500 x 5000": (500, 5000),
    "5000 x 20000, 0.5 %": (5000, 20000),
}


def plain_data(n, p):
    """X, a target and two and three classes; sparse where it is large."""
    rng = np.random.default_rng(0)
    if n * p > 1e7:
        options = {"density": 0.005, "random_state": 0, "data_rvs": rng.standard_normal}
        X = sparse.random(n, p, format="csr", **options)
    else:
        X = rng.standard_normal((n, p))
    w = np.zeros(p)
    w[: max(10, p // 50)] = rng.standard_normal(max(10, p // 50))
    z = X @ w
    y = z / z.std() + 0.5 * rng.standard_normal(n)
    noisy = y + 0.5 * rng.logistic(size=n)
    return X, y, (noisy > 0).astype(int), np.digitize(noisy, [-0.5, 0.5])


def pairs(X, y, two, three):
    """From a name to the estimator of scikit-learn, ours, and the target."""
    top = float(np.abs(X.T @ (y - y.mean())).max() / len(y))
    lasso = {share: (share * top, 0.5) for share in (0.1, 0.01)}
    loose, tight = {"max_iter": 10000}, {"max_iter": 10000, "tol": 1e-8}
    logistic = BandedLogisticRegression(1.0)
    rows = {
        "Ridge": (Ridge(10.0), BandedRidge(10.0), y),
        "LogisticRegression": (LogisticRegression(**loose), logistic, two),
        "LogisticRegression(tol=1e-8)": (LogisticRegression(**tight), logistic, two),
        "LogisticRegression, 3 classes": (LogisticRegression(**loose), logistic, three),
        "LogisticRegression(tol=1e-8), 3 classes": (LogisticRegression(**tight), logistic, three),
    }
    for share, (alpha, ratio) in lasso.items():
        theirs = ElasticNet(alpha=alpha, l1_ratio=ratio, max_iter=10000)
        ours = WeightedElasticNet(alpha, ratio, 1 - ratio)
        rows[f"ElasticNet, {share:g} of the largest penalty"] = (theirs, ours, y)
    if not sparse.issparse(X):
        rows["KernelRidge"] = (
            KernelRidge(alpha=0.3, kernel=RBF(5.0)),
            ARDKernelRidge(0.3, 5.0),
            y,
        )
    return rows


def fits(fast):
    rows = []
    for what, shape in list(SHAPES.items())[: 2 if fast else None]:
        X, *targets = plain_data(*shape)
        for name, (theirs, ours, y) in pairs(X, *targets).items():
            seconds = {"theirs": [], "ours": []}
            while len(seconds["ours"]) < 5 and sum(seconds["ours"]) < 3:
                for whose, model in (("theirs", theirs), ("ours", ours)):
                    seconds[whose].append(cpu(lambda m=model: m.fit(X, y))[1])  # noqa: B023
            row = {"shape": what, "estimator": name, "ours": type(ours).__name__}
            row |= {f"{whose}_cpu_seconds": min(of) for whose, of in seconds.items()}
            row["cpu_ratio"] = row["ours_cpu_seconds"] / row["theirs_cpu_seconds"]
            row["distance"] = distance(theirs, ours, X)
            rows.append(row)
            print("  ", *row.values(), flush=True)
    return rows


def distance(theirs, ours, X):
    """Of the predictions, relative to their spread; scikit-learn's solvers stop early."""
    method = "decision_function" if hasattr(theirs, "decision_function") else "predict"
    a, b = (getattr(model, method)(X) for model in (theirs, ours))
    if a.ndim == 2:  # what all classes have in common has no effect
        a, b = (z - z.mean(axis=1, keepdims=True) for z in (a, b))
    shift = 0.0 if method == "decision_function" else b.mean() - a.mean()
    return float(np.linalg.norm(a - b + shift) / np.linalg.norm(b - b.mean()))


PARTS = {"bands": bands, "ard": ard, "fits": fits}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="one seed, small fits")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, as in bands,fits")
    arguments = parser.parse_args()
    fast, only = arguments.fast, arguments.only.split(",")
    command = "python benchmarks/estimators.py" + (" --fast" if fast else "")
    result = _environment.environment(command) | {"seeds": [0] if fast else [0, 1, 2]}
    result["versions"]["himalaya"] = importlib.metadata.version("himalaya")
    name = "estimators-fast.json" if fast else "estimators.json"
    path = _environment.RESULTS / name
    known = json.loads(path.read_text())["parts"] if path.exists() else {}
    for part in only:
        known[part] = {"commit": result["commit"], "results": PARTS[part](fast)}
        result["parts"] = {part: known[part] for part in PARTS if part in known}
        _environment.write(name, result)


if __name__ == "__main__":
    main()
