"""GradientSearchCV against its targets: exactness, cost of a gradient, searches, memory.

    python benchmarks/gradient_search.py [--fast]

1. Hypergradients against differences of scikit-learn's own fits, on random data.
2. CPU time of a value and its gradient over that of the value alone.
3. Searches of one or two hyperparameters against scikit-learn's own classes.
4. Kernel ridge and SVR against a grid and scikit-optimize.
5. Peak memory of a search on sparse data over that of one fit.

All searches of a task get the same folds and otherwise each class's own defaults, the final fit
included. They take turns within each repetition, in one process on one thread; ratios of CPU time
are taken within a repetition. What a search found is fitted again by scikit-learn with a tight
tolerance, X
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from unittest import mock

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _gradient_tasks import (
    COSTS,
    COVERAGE,
    FEW,
    KERNELS,
    LOG_LOSS,
    MSE,
    alpha_max,
    folds,
    random_data,
    text_like,
)
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.svm import LinearSVC

import skhyper
from skhyper.evaluation import _gradient_objective
from skhyper.hypergradient import _check as hypergradient_check
from skhyper.hypergradient import check_hypergradient

EXACT, LOOSE, LOSS, MEMORY = 1e-5, 2e-2, 1e-3, 2.0
SCALES = ("plain", "features", "small", "target")


def cpu(function, *args):
    """What a function returns, and the CPU seconds that it takes."""
    start = time.process_time()
    result = function(*args)
    return result, time.process_time() - start


def median(values):
    return float(np.median(values))


# ---- 1: exactness


class OwnFolds(hypergradient_check._Folds):
    """Differences of the exact solutions: where scikit-learn's own are too coarse to compare."""

    def loss(self, params):
        losses = []
        for (X_train, y_train), (X_test, y_test), fit_params in self._folds:
            problem = hypergradient_check.inner_problem(self._estimator)
            fit = problem.load(X_train, y_train, **fit_params).fit(params)
            loss = self.criterion.on(y_test, classes=getattr(fit.estimator, "classes_", None))
            losses.append(loss(fit.predict(X_test, self.criterion.method).value)[0])
        self.level = float(np.mean(losses))
        return self.level


def error_of(estimator, X, y, bar, **options):
    """The error with the first step that is within the bar: longer ones may cross a kink."""
    errors = []
    for step in (1e-3, 1e-4, 1e-5, 1e-6):
        found = check_hypergradient(estimator, X, y, step=step, rtol=np.inf, **options)
        errors.append(found.max_error)
        if errors[-1] <= bar:
            break
    return min(errors)


def exactness(fast):
    rows = {}
    for name, row in COVERAGE.items():
        bar, runs = EXACT if row.exact else LOOSE, []
        for scale in SCALES[: 2 if fast else None]:
            for seed in range(1 if fast else 2):
                for weighted in (False, True)[: 1 + (row.weight is not None)]:
                    runs.append(one_check(row, scale, seed, weighted, bar))
        rows[name] = {
            "exact": row.exact,
            "why": row.why,
            "bar": bar,
            "error": max(run["error"] for run in runs),
            "runs": runs,
        }
        if not row.exact:
            rows[name]["error_of_own"] = max(run["error_of_own"] for run in runs)
        rows[name]["met"] = rows[name]["error"] <= bar
        print(f"1 {name:45} {rows[name]['error']:.1e} {rows[name].get('error_of_own', 0):.1e}")
    return {"bar": EXACT, "bar_of_the_rest": LOOSE, "rows": rows}


def one_check(row, scale, seed, weighted, bar):
    X, y, weight, y_scale = random_data(row, scale, seed)
    estimator = row.make(alpha_max(X, y) if y.dtype.kind == "f" else np.nan, y_scale)
    fit_params = {row.weight: weight} if weighted else {}
    options = {"scoring": row.scoring, "fit_params": fit_params}
    # scikit-learn's L-BFGS of the Huber regressor ends by itself, or not at all.
    rest = {"tighten": False, "step": 0.05} if "L-BFGS" in row.why else {}
    run = {"scale": scale, "seed": seed, "weighted": weighted}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if rest:
            found = check_hypergradient(estimator, X, y, rtol=np.inf, **rest, **options)
            run["error"] = found.max_error
        else:
            run["error"] = error_of(estimator, X, y, bar, **options)
        if not row.exact:
            with mock.patch.object(hypergradient_check, "_Folds", OwnFolds):
                run["error_of_own"] = error_of(estimator, X, y, EXACT, **options)
    return run


# ---- 2: cost of a gradient


def cost(fast):
    rows, n_settings, n_repeats = {}, (4 if fast else 5), (1 if fast else 3)
    for name, task in COSTS.items():
        X, y = task.data()
        splits, runs = folds(y), []
        rng = np.random.default_rng(0)
        settings = [{task.name: task.values(rng)} for _ in range(n_settings)]
        for repeat in range(n_repeats + 1):
            some = settings if repeat else settings[:1]  # at first for imports and caches
            _, fits = cpu(score_all, task, some, X, y, splits)
            _, whole = cpu(searched, task, some, X, y, splits, True)
            _, value = cpu(searched, task, some, X, y, splits, False)
            if repeat:
                runs.append({"fits": fits, "value": value, "value_and_gradient": whole})
        ratios = {
            "over_fits": median([run["value_and_gradient"] / run["fits"] for run in runs]),
            "over_value": median([run["value_and_gradient"] / run["value"] for run in runs]),
        }
        met = ratios["over_fits"] <= task.bar
        rows[name] = {"what": task.what, **ratios, "bar": task.bar, "met": met, "runs": runs}
        print(f"2 {name:28} {ratios} {runs[-1]}", flush=True)
    return {"n_settings": n_settings, "rows": rows}


def score_all(task, settings, X, y, splits):
    """scikit-learn's own fits and scores."""
    for params in settings:
        estimator = clone(task.estimator).set_params(**params)
        cross_val_score(estimator, X, y, cv=splits, scoring=task.scoring)


def searched(task, settings, X, y, splits, gradient):
    """A search of these settings and no others, with or without their gradients."""
    search = skhyper.GradientSearchCV(
        task.estimator,
        {task.name: task.ranges},
        n_iter=len(settings),
        initial_points=settings,
        scoring=task.scoring,
        cv=splits,
        refit=False,
    )
    if gradient:
        search.fit(X, y)
    else:
        nothing = {"criterion": 1.0, "gradient": {}}
        with mock.patch.object(
            _gradient_objective._Fold, "differentiate", lambda self, params: nothing
        ):
            search.fit(X, y)
    assert len(search.history_) == len(settings)
    return search


# ---- 3 and 4: searches


def search_all(name, task, fast):
    X, y = task.data()
    splits = folds(y)
    rivals = task.rivals(X, y)
    makers = {"GradientSearchCV": ours_of(task, X, y)}
    makers |= {rival: (r.make, r.params) for rival, r in rivals.items()}
    runs, known = {maker: [] for maker in makers}, {}
    for seed in range(1 if fast else task.repeats):
        for maker, (make, params_of) in makers.items():
            search = make(seed, splits)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _, seconds = cpu(search.fit, X, y)
            params = {n: float(v) for n, v in params_of(search).items()}
            run = {"seed": seed, "cpu_seconds": seconds, "params": params}
            run["loss"] = tight_loss(task, params, X, y, splits, known)
            if maker == "GradientSearchCV":
                run["n_trials"] = search.n_trials_
                run["stop_reason"] = search.stop_reason_
            runs[maker].append(run)
            print(f"  {name:28} {maker:22} {seconds:7.2f} s {run['loss']:.6f} {params}", flush=True)
    return {"what": task.what, "scoring": task.scoring, "options": task.options, "runs": runs}


def ours_of(task, X, y):
    def make(seed, splits):
        options = {"scoring": task.scoring, "cv": splits, "random_state": seed, **task.options}
        return skhyper.GradientSearchCV(task.estimator, task.space(X, y), **options)

    return make, lambda search: search.best_params_


def tight_loss(task, params, X, y, splits, known):
    """CV loss of a setting, by scikit-learn with a tight tolerance."""
    key = tuple(sorted(params.items()))
    if key not in known:
        estimator = clone(task.estimator).set_params(**task.tight, **params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = cross_val_score(estimator, X, y, cv=splits, scoring=task.scoring)
        known[key] = -float(scores.mean())
    return known[key]


def summarise(task, result, strictly_better):
    """Losses, and CPU time as shares of the rivals', by the bars."""
    runs = result["runs"]
    losses = {name: median([run["loss"] for run in of]) for name, of in runs.items()}
    ours = losses.pop("GradientSearchCV")
    best = min(losses.values())
    excess = ours / best - 1
    shares = {}
    for name in losses:
        pairs = zip(runs["GradientSearchCV"], runs[name], strict=True)
        shares[name] = median([a["cpu_seconds"] / b["cpu_seconds"] for a, b in pairs])
    loss_met = excess < 0 if strictly_better else excess <= LOSS
    met = {"loss": bool(loss_met)}
    met |= {name: shares[name] <= bar and not task.options for name, bar in task.bars.items()}
    result["summary"] = {
        "loss": ours,
        "rivals_losses": losses,
        "excess": excess,
        "cpu_seconds": {n: median([r["cpu_seconds"] for r in of]) for n, of in runs.items()},
        "cpu_share": shares,
        "bars": task.bars,
        "met": met,
    }
    return result


def searches(tasks, number, fast, strictly_better):
    rows = {}
    for name, task in tasks.items():
        rows[name] = summarise(task, search_all(name, task, fast), strictly_better)
        summary = rows[name]["summary"]
        print(number, name, summary["excess"], summary["cpu_share"], summary["met"], flush=True)
    return {"largest_excess": 0.0 if strictly_better else LOSS, "rows": rows}


# ---- 5: memory


MEMORY_TASKS = {
    "Ridge": (Ridge(), "real", {"alpha": (1e-2, 1e2, "log-uniform")}, MSE),
    "Lasso": (Lasso(), "real", None, MSE),
    "LogisticRegression": (
        LogisticRegression(max_iter=1000),
        "binary",
        {"C": (1e-4, 1e4, "log-uniform")},
        LOG_LOSS,
    ),
    "LinearSVC": (LinearSVC(), "binary", {"C": (1e-4, 1e2, "log-uniform")}, "roc_auc"),
}


def memory(fast):
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("real", "binary"):
            X, y = text_like(kind=kind)
            sparse.save_npz(Path(folder) / f"{kind}.npz", X)
            np.save(Path(folder) / f"{kind}.npy", y)
        dense_mb = 8 * np.prod(X.shape) / 2**20
        data_mb = (X.data.nbytes + X.indices.nbytes + X.indptr.nbytes) / 2**20
        for name in list(MEMORY_TASKS)[: 2 if fast else None]:
            peaks = {
                what: peak(name, what, folder) for what in ("fit", "cross-validation", "search")
            }
            ratio = peaks["search"] / peaks["fit"]
            rows[name] = {
                "peak_mb": peaks,
                "over_fit": ratio,
                "over_cross_validation": peaks["search"] / peaks["cross-validation"],
                "dense_copy": bool(peaks["search"] >= dense_mb),
                "met": bool(ratio <= MEMORY and peaks["search"] < dense_mb),
            }
            print(f"5 {name:28} {rows[name]}", flush=True)
    return {"bar": MEMORY, "dense_mb": float(dense_mb), "data_mb": data_mb, "rows": rows}


def peak(name, what, folder):
    """Peak memory in MB of a process that does it, beyond that of its imports."""
    command = [sys.executable, __file__, "--child", name, what, folder]
    return json.loads(subprocess.check_output(command, text=True))


def child(name, what, folder):
    """Part of a process of its own: load data, do it, print the peak."""
    estimator, kind, space, scoring = MEMORY_TASKS[name]
    Lasso().fit(np.eye(3), np.arange(3.0))
    start = most_memory()
    X, y = sparse.load_npz(Path(folder) / f"{kind}.npz"), np.load(Path(folder) / f"{kind}.npy")
    if space is None:
        top = alpha_max(X, y)
        space = {"alpha": (1e-3 * top, top, "log-uniform")}
        estimator.set_params(alpha=10**-1.5 * top)
    if what == "fit":
        estimator.fit(X, y)
    elif what == "cross-validation":
        cross_val_score(estimator, X, y, cv=folds(y), scoring=scoring)
    else:
        options = {"cv": folds(y), "scoring": scoring, "random_state": 0}
        skhyper.GradientSearchCV(estimator, space, **options).fit(X, y)
    print((most_memory() - start) / 1024)


def most_memory():
    """Peak resident memory of this process so far, in KB."""
    try:  # what getrusage says begins, after a fork, with that of the parent
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


PARTS = {
    "1": exactness,
    "2": cost,
    "3": lambda fast: searches(FEW, 3, fast, strictly_better=False),
    "4": lambda fast: searches(KERNELS, 4, fast, strictly_better=True),
    "5": memory,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="one repetition, fewer data")
    parser.add_argument("--only", default="", help="parts to run again, as in 245")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(*arguments.child)
        return
    fast, only = arguments.fast, arguments.only
    command = "python benchmarks/gradient_search.py" + (" --fast" if fast else "")
    result = _environment.environment(command) | {"seeds": [0] if fast else [0, 1, 2]}
    name = "gradient_search-fast.json" if fast else "gradient_search.json"
    path = _environment.RESULTS / name
    known = {}
    for number in only or PARTS:
        part = {"commit": result["commit"], **PARTS[number](fast)}
        if (only or number != "1") and path.exists():
            known = json.loads(path.read_text())["targets"]
        result["targets"] = dict(sorted((known | {number: part}).items()))
        _environment.write(name, result)


if __name__ == "__main__":
    main()
