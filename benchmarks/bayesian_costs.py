"""What Bayesian search costs: an iteration as history grows, and of a whole search.

    python benchmarks/bayesian_costs.py [--only scale end_to_end] [--solvers ours optuna_gp]

Parts and solvers that are not run again are kept from the result that is there.
"""

import argparse
import json
import statistics
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
import overhead
from problems._functions import hartmann6
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import RandomizedSearchCV
from solvers import SOLVERS
from solvers._remote import Local, Remote

NAME = "bayesian_costs.json"
# Trials that are known, dimensions.
SCALES = [(50, 7), (500, 10), (1000, 50)]
N_ASKED, N_ROUNDS = 10, 5
# No further trial is asked for after so many CPU seconds.
PATIENCE = 20.0


def scale(solvers, pythons):
    """CPU seconds of ask and tell at histories of random trials; {solver: {"n=..., d=...": ...}}"""
    rows = {name: {} for name in solvers}
    for n, d in SCALES:
        seconds = {name: [] for name in rows if not too_slow(rows[name])}
        for _ in range(N_ROUNDS):  # in turn, so that a busy minute slows all of them
            for name, spent in seconds.items():
                if sum(spent) < PATIENCE:
                    spent += asked(name, pythons.get(name), n, d)
        for name, spent in seconds.items():
            rows[name][f"n={n}, d={d}"] = {
                "median": float(np.median(spent)),
                "mean": float(np.mean(spent)),
                "max": float(np.max(spent)),
                "n_asked": len(spent),
            }
            print(name, n, d, rows[name][f"n={n}, d={d}"], flush=True)
    return rows


def too_slow(row):
    return any(measured["median"] > PATIENCE / 4 for measured in row.values())


def asked(name, python, n, d):
    """CPU seconds of each of some trials after `n` random ones, the first one left out."""
    dims = [
        {"name": f"x{i}", "kind": "real", "low": 0.0, "high": 1.0, "log": False, "when": {}}
        for i in range(d)
    ]
    start = (name, dims, 0, n + N_ASKED)
    solver = Remote(python, *start) if python else Local(*start)
    rng = np.random.default_rng(0)
    settings = [{f"x{i}": float(u) for i, u in enumerate(row)} for row in rng.random((n, d))]
    solver.call("preload", settings, [loss(params) for params in settings])
    seconds = []
    while len(seconds) < 1 + N_ASKED and sum(seconds) < PATIENCE:
        (token, params), cpu = solver.call("ask")
        seconds.append(cpu + solver.call("tell", token, loss(params))[1])
    solver.close()
    return seconds[1:] or seconds


def loss(params):
    return float(hartmann6(np.array([params[f"x{i}"] for i in range(6)])))


def end_to_end(n_seeds):
    """SVC(C, gamma) on breast cancer as it is: CPU besides the fits, and the best score."""
    X, y = load_breast_cancer(return_X_y=True)
    for search in searches(2, 0).values():  # imports, caches
        measure(search, X, y)
    runs = {}
    for seed in range(n_seeds):
        for name, search in searches(50, seed).items():
            runs.setdefault(name, []).append(measure(search, X, y))
            print(name, runs[name][-1], flush=True)
    return {name: summary(rows) for name, rows in runs.items()}


def measure(search, X, y):
    """One fit: CPU seconds, of which the estimator's own, and the best score."""
    overhead.spent["estimator"] = 0.0
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    return {
        "cpu_seconds": time.process_time() - start,
        "estimator_cpu_seconds": overhead.spent["estimator"],
        "best_score": float(search.best_score_),
    }


def searches(n_iter, seed):
    import optuna
    import skopt
    from optuna.distributions import FloatDistribution
    from optuna_integration import OptunaSearchCV
    from scipy.stats import loguniform

    import skhyper

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    bounds = {"C": (1e-3, 1e3), "gamma": (1e-6, 1e1)}
    ours = {name: (*pair, "log-uniform") for name, pair in bounds.items()}
    common = {"cv": 3, "refit": False, "random_state": seed}

    def of_optuna(sampler):
        space = {name: FloatDistribution(*pair, log=True) for name, pair in bounds.items()}
        study = optuna.create_study(direction="maximize", sampler=sampler(seed=seed))
        return OptunaSearchCV(overhead.TimedSVC(), space, n_trials=n_iter, study=study, **common)

    svc = overhead.TimedSVC
    found = {
        "skhyper BayesSearchCV": skhyper.BayesSearchCV(svc(), dict(ours), n_iter=n_iter, **common),
        "OptunaSearchCV TPE": of_optuna(optuna.samplers.TPESampler),
        "RandomizedSearchCV": RandomizedSearchCV(
            svc(), {n: loguniform(*pair) for n, pair in bounds.items()}, n_iter=n_iter, **common
        ),
        "skopt BayesSearchCV": skopt.BayesSearchCV(svc(), dict(ours), n_iter=n_iter, **common),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found["OptunaSearchCV GP"] = of_optuna(optuna.samplers.GPSampler)
    return found


def summary(rows):
    scores = [row["best_score"] for row in rows]
    spent = [row["cpu_seconds"] - row["estimator_cpu_seconds"] for row in rows]
    return {
        "overhead_cpu_seconds": statistics.median(spent),
        "cpu_seconds": statistics.median(row["cpu_seconds"] for row in rows),
        "best_score": statistics.median(scores),
        "mean_best_score": statistics.mean(scores),
        "n_seeds": len(rows),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("scale", "end_to_end")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--solvers", nargs="+", choices=list(SOLVERS), default=["ours"])
    parser.add_argument("--python", nargs="+", default=[], metavar="SOLVER=PATH")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    path = _environment.RESULTS / NAME
    kept = json.loads(path.read_text()) if path.exists() else {}
    result = _environment.environment("python benchmarks/bayesian_costs.py")
    result["seeds"] = list(range(args.seeds))
    result |= {part: kept.get(part, {}) for part in parts}
    pythons = dict(pair.split("=", 1) for pair in args.python)
    run = {
        "scale": lambda: result["scale"] | scale(args.solvers, pythons),
        "end_to_end": lambda: end_to_end(args.seeds),
    }
    for part in args.only:
        result[part] = run[part]()
        print(_environment.write(NAME, result), flush=True)


if __name__ == "__main__":
    main()
