"""What derivatives are worth to the Gaussian process: GPSampler with and without them.

    python benchmarks/gradients_in_the_process.py [--fast]

Noise-free functions with exact derivatives, and cross-validation losses of kernel ridge and of
ridge with a penalty for each group of features, differentiated by central differences (their cost
is not counted: a hypergradient costs about as much as the loss). The gap is what separates the
optimum from the median of a random draw. Reported are the evaluations it takes to come within 10,
1 and 0.1 % of it, and the CPU time of an ask, mean over each search.
"""

import argparse
import functools
import time

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes

from skhyper._trial import History, Trial
from skhyper.samplers import GPSampler, Rules
from skhyper.space import Space

LEVELS = (0.1, 0.01, 0.001)


def branin(x):
    a, b = 15 * x[0] - 5, 15 * x[1]
    inner = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
    by_a = 2 * inner * (5 / np.pi - 10.2 / (4 * np.pi**2) * a)
    by_a -= 10 * (1 - 1 / (8 * np.pi)) * np.sin(a)
    value = inner**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10
    return value, 15 * np.array([by_a, 2 * inner])


def camel(x):
    """Six basins, two of them global."""
    a, b = 6 * x[0] - 3, 4 * x[1] - 2
    value = (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (4 * b**2 - 4) * b**2
    slopes = [8 * a - 8.4 * a**3 + 2 * a**5 + b, a + 16 * b**3 - 8 * b]
    return value, np.array(slopes) * [6, 4]


def waves(x):
    """Rastrigin's function on a short side: nine basins, the global one off the centre."""
    a = 3 * x - [1.1, 1.7]
    value = (a**2).sum() + 0.5 * (1 - np.cos(2 * np.pi * a)).sum()
    return value, 3 * (2 * a + np.pi * np.sin(2 * np.pi * a))


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8]]
    + [[17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(x):
    terms = _ALPHA * np.exp(-(_A * (x - _P) ** 2).sum(axis=1))
    return -terms.sum(), (terms[:, None] * 2 * _A * (x - _P)).sum(axis=0)


def by_differences(loss):
    """Value and gradient of a function of the unit cube, by central differences."""

    def value_and_gradient(x):
        steps = 1e-4 * np.eye(len(x))
        return loss(x), np.array([(loss(x + s) - loss(x - s)) / 2e-4 for s in steps])

    return value_and_gradient


@functools.cache
def _diabetes():
    X, y = load_diabetes(return_X_y=True)
    X, y = (X / X.std(axis=0))[:180], (y - y.mean()) / y.std()
    return X, y[:180], np.arange(180) % 3


def kernel_ridge(x, n_groups):
    """Mean squared error, 3 folds; x: log alpha and log length-scales of groups of features."""
    X, y, fold = _diabetes()
    Z = X * 10.0 ** -(2.5 * x[1:] - 0.5)[np.arange(X.shape[1]) % n_groups]
    squared = ((Z[:, None] - Z) ** 2).sum(axis=-1)
    return _cv_error(np.exp(-0.5 * squared), 10.0 ** (4 * x[0] - 3), y, fold)


def grouped_ridge(x):
    """Mean squared error, 3 folds, of a ridge with the log penalty of each of five groups."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 40))
    strength = np.array([2.0, 1.0, 0.3, 0.0, 0.0])[np.arange(40) % 5]
    y = X @ (strength * rng.standard_normal(40)) + 3 * rng.standard_normal(90)
    Z = X * 10.0 ** -(2.5 * x - 0.5)[np.arange(40) % 5]
    return _cv_error(Z @ Z.T, 1.0, y / y.std(), np.arange(90) % 3)


def _cv_error(K, alpha, y, fold):
    error = 0.0
    for k in range(3):
        train, test = fold != k, fold == k
        dual = np.linalg.solve(K[np.ix_(train, train)] + alpha * np.eye(train.sum()), y[train])
        error += np.mean((K[np.ix_(test, train)] @ dual - y[test]) ** 2) / 3
    return error


TASKS = {
    "branin": (branin, 2, 40),
    "camel, 6 basins": (camel, 2, 40),
    "waves, 9 basins": (waves, 2, 40),
    "hartmann6": (hartmann6, 6, 50),
    "kernel ridge, 2": (by_differences(functools.partial(kernel_ridge, n_groups=1)), 2, 40),
    "kernel ridge, 3": (by_differences(functools.partial(kernel_ridge, n_groups=2)), 3, 40),
    "grouped ridge, 5": (by_differences(grouped_ridge), 5, 50),
}
VARIANTS = {
    "values": (False, {}, None),
    "derivatives": (True, {}, None),
    "derivatives, d + 1 starts": (True, {}, lambda d: d + 1),
    "derivatives, fitted to values": (True, {"max_fitted_derivatives": 0}, None),
}


def optimum(function, d):
    """Least value that L-BFGS-B finds from many starts, and the median of random draws."""
    rng = np.random.default_rng(1)
    draws = rng.random((200, d))
    values = np.array([function(x)[0] for x in draws])
    starts = draws[np.argsort(values)[:12]]
    bounds, options = [(0, 1)] * d, {"ftol": 1e-12, "gtol": 1e-9}
    ends = [minimize(function, x, jac=True, bounds=bounds, options=options).fun for x in starts]
    return float(min(ends)), float(np.median(values))


def search(function, d, n_trials, variant, seed):
    """Losses of the trials, and the mean CPU seconds of an ask of the process."""
    use, options, initial = VARIANTS[variant]
    n_initial = None if initial is None else initial(d)
    space = Space({f"x{i}": (0.0, 1.0) for i in range(d)})
    rules = Rules(**options)
    sampler = GPSampler(n_initial_points=n_initial, use_gradients=use, rules=rules)
    history, seconds = History(seed=seed), []
    for i in range(n_trials):
        start = time.process_time()
        point = sampler.ask(space, history, np.random.default_rng([seed, i]))
        seconds.append(time.process_time() - start)
        (params,) = space.from_unit([point])
        value, gradient = function(np.array([params[name] for name in space.names]))
        gradient = dict(zip(space.names, gradient, strict=True))
        trial = Trial(i, params, "complete", loss=float(value), gradient=gradient)
        history = History((*history, trial), seed=seed)
    # the same asks in all variants: those after d + 1 trials
    return history.losses, float(np.mean(seconds[d + 1 :]))


def reached(losses, best, typical):
    """Evaluations until within each level of the gap; None where it was not reached."""
    regret = (np.minimum.accumulate(losses) - best) / (typical - best)
    return [
        int(np.argmax(regret <= level)) + 1 if regret[-1] <= level else None for level in LEVELS
    ]


def summarise(runs, n_trials):
    """Medians over seeds, where a level that was not reached counts as later than all."""
    evaluations = np.array([run["evaluations"] for run in runs], dtype=float)
    medians = np.median(np.where(np.isnan(evaluations), np.inf, evaluations), axis=0)
    return {
        "evaluations": [float(m) if np.isfinite(m) else f"> {n_trials}" for m in medians],
        "searches_that_reached": np.isfinite(evaluations).sum(axis=0).tolist(),
        "median_final_regret": float(np.median([run["final_regret"] for run in runs])),
        "cpu_ms_per_ask": 1e3 * float(np.median([run["cpu_seconds_per_ask"] for run in runs])),
    }


def run_task(name, seeds):
    function, d, n_trials = TASKS[name]
    best, typical = optimum(function, d)
    task = {"n_dims": d, "n_trials": n_trials, "optimum": best, "typical": typical}
    task |= {"runs": {}, "summary": {}}
    for variant in VARIANTS:
        runs = task["runs"][variant] = []
        for seed in seeds:
            losses, seconds = search(function, d, n_trials, variant, seed)
            runs.append(
                {
                    "seed": seed,
                    "evaluations": reached(losses, best, typical),
                    "final_regret": float((losses.min() - best) / (typical - best)),
                    "cpu_seconds_per_ask": seconds,
                }
            )
        summary = task["summary"][variant] = summarise(runs, n_trials)
        print(f"{name:17} {variant:41}", *summary.values(), flush=True)
    return task


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="2 seeds")
    fast = parser.parse_args().fast
    seeds = range(2) if fast else range(10)
    command = "python benchmarks/gradients_in_the_process.py" + (" --fast" if fast else "")
    result = _environment.environment(command) | {"seeds": list(seeds), "levels": LEVELS}
    result["tasks"] = {name: run_task(name, seeds) for name in TASKS}
    name = "gradients_in_the_process"
    print(_environment.write(f"{name}-fast.json" if fast else f"{name}.json", result).name)


if __name__ == "__main__":
    main()
