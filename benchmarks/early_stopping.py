"""Where a search may stop: trials saved and regret lost by rules on the bound of the regret.

python benchmarks/early_stopping.py

Functions whose value is the mean of five fold scores, noise shared by all settings (the folds)
and noise of each; and cross-validation of three estimators. Each search runs to its end; each rule
says where it would have stopped.
"""

import _environment  # isort: skip  (fixes threads)

import sys
from dataclasses import replace

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV, History, Trial
from skhyper.evaluation import SampledCandidates
from skhyper.samplers import GPSampler
from skhyper.space import Space

SEEDS, N_TRIALS, N_FOLDS, NOISES = range(4), 50, 5, (0.05,)
# At least so many trials, and the bound below the noise after so many in a row.
RULES = {
    "10 trials, once": (10, 1),
    "20 trials, once": (20, 1),
    "20 trials, 3 in a row": (20, 3),
    "20 trials, 5 in a row": (20, 5),
}
PATIENCE = 10  # the peer: no better trial in so many


def branin(u):
    x, y = 15 * u[0] - 5, 15 * u[1]
    bowl = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return bowl**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10 - 0.397887


def camel(u):
    x, y = 4 * u[0] - 2, 2 * u[1] - 1
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2 + 1.031628


def hartmann6(u):
    A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14]]
    A = np.array([*A, [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
    P = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991]]
    P = np.array([*P, [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])
    inner = (A * (u - 1e-4 * P) ** 2).sum(axis=1)
    return 3.32237 - np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-inner)


FUNCTIONS = {
    "flat": (lambda u: 0.0, 2),
    "bowl 2": (lambda u: ((u - 0.6) ** 2).sum(), 2),
    "bowl 4": (lambda u: ((u - 0.6) ** 2).sum(), 4),
    "Branin": (branin, 2),
    "six-hump camel": (camel, 2),
    "two wells": (lambda u: min(4 * ((u - 0.2) ** 2).sum() + 0.1, 20 * ((u - 0.8) ** 2).sum()), 2),
    "Hartmann 6": (hartmann6, 6),
}


def of_function(f, d, noise, seed):
    """History of N_TRIALS with losses of noise, and the true value of each trial."""
    rng = np.random.default_rng(seed)
    scale = noise * (np.median([f(u) for u in rng.random((1000, d))]) or 1.0)
    space = Space({f"x{i}": (0.0, 1.0) for i in range(d)})
    candidates = SampledCandidates(GPSampler(), [(space, N_TRIALS)])
    folds = scale * rng.standard_normal(N_FOLDS)
    history, values = History(seed=seed), []
    while (params := candidates.ask(history)) is not None:
        values.append(f(np.array(list(params.values()))))
        scores = -(values[-1] + folds + 0.3 * scale * rng.standard_normal(N_FOLDS))
        trial = Trial(len(history), params, "complete", scores, -scores.mean())
        history = replace(history, trials=(*history.trials, trial))
    return space, history, values, scale * np.sqrt(1.09 / N_FOLDS)


def of_search(estimator, space, data, seed):
    X, y = data(return_X_y=True)
    search = BayesSearchCV(
        estimator, space, n_iter=N_TRIALS, cv=N_FOLDS, refit=False, random_state=seed
    ).fit(X[:600], y[:600])
    losses = search.history_.losses
    return search.space_, search.history_, losses - np.nanmin(losses), None


TASKS = {
    "SVC, breast cancer": (
        make_pipeline(StandardScaler(), SVC()),
        {"svc__C": (1e-2, 1e3, "log-uniform"), "svc__gamma": (1e-5, 1e1, "log-uniform")},
        load_breast_cancer,
    ),
    "k-NN, digits": (
        KNeighborsClassifier(),
        {"n_neighbors": (1, 50, "log-uniform"), "weights": ["uniform", "distance"], "p": (1, 3)},
        load_digits,
    ),
    "boosting, diabetes": (
        HistGradientBoostingRegressor(max_iter=30),
        {"learning_rate": (0.01, 0.5, "log-uniform"), "max_leaf_nodes": (3, 60, "log-uniform")},
        load_diabetes,
    ),
}


def stops(history, negligible):
    """Number of trials after which each rule stops, N_TRIALS if it does not."""
    found = {}
    for name, (least, streak) in RULES.items():
        run, found[name] = 0, len(negligible)
        for n, flag in enumerate(negligible, 1):
            run = run + 1 if flag else 0
            if n >= least and run >= streak:
                found[name] = n
                break
    losses = history.losses
    best_at = [int(np.argmin(losses[:n])) for n in range(1, len(losses) + 1)]
    waited = [n for n in range(1, len(losses) + 1) if n - 1 - best_at[n - 1] >= PATIENCE]
    found[f"no better trial in {PATIENCE}"] = waited[0] if waited else len(losses)
    return found


def summary(runs):
    """Medians and worst of the trials used and of the regret lost, in units of the noise."""
    rows = {}
    for rule in runs[0]["stops"]:
        used = [run["stops"][rule] for run in runs]
        lost = [run["lost"][rule] for run in runs]
        rows[rule] = {
            "trials_median": float(np.median(used)),
            "lost_mean": float(np.mean(lost)),
            "lost_worst": float(np.max(lost)),
            "stopped": int(np.sum(np.array(used) < N_TRIALS)),
        }
    return rows


def one(space, history, values, noise):
    sampler = GPSampler()
    parts = [replace(history, trials=history.trials[: n + 1]) for n in range(len(history))]
    regrets = [sampler.regret(space, part) for part in parts]
    losses = history.losses
    last = values[int(np.nanargmin(losses))]
    unit = regrets[-1].noise if noise is None else noise
    at = stops(history, [regret.negligible for regret in regrets])
    lost = {
        rule: float((values[int(np.nanargmin(losses[:n]))] - last) / unit) if unit else 0.0
        for rule, n in at.items()
    }
    return {"stops": at, "lost": lost}


def main(seeds):
    rows = []
    for name, (f, d) in FUNCTIONS.items():
        for noise in NOISES:
            runs = [one(*of_function(f, d, noise, seed)) for seed in seeds]
            rows.append({"problem": name, "noise": noise, "runs": runs, "rules": summary(runs)})
            print(name, noise, rows[-1]["rules"], flush=True)
    for name, task in TASKS.items():
        runs = [one(*of_search(*task, seed)) for seed in seeds]
        rows.append({"problem": name, "noise": None, "runs": runs, "rules": summary(runs)})
        print(name, rows[-1]["rules"], flush=True)
    result = _environment.environment("python benchmarks/early_stopping.py")
    settings = {"seeds": list(seeds), "n_trials": N_TRIALS, "rules": list(rows[0]["rules"])}
    print(_environment.write("early_stopping.json", {**result, **settings, "rows": rows}))


if __name__ == "__main__":
    main(range(2) if "--fast" in sys.argv else SEEDS)
