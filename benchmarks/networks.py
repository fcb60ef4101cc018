"""Networks: their speed beside scikit-learn's, and learning how to train them.

    python benchmarks/networks.py [--fast]

Fits: MLPClassifier and scikit-learn's on the digits, both with Adam, at equal epochs and batch
sizes, and what derivatives by k hyperparameters add to the time of a fit.

Learning: the learning rate, a penalty for each layer, and the momentum where there is one, by
GradientSearchCV from the middle of the ranges, against 30 random settings of the same ranges, on
one held-out split. Reported are the CPU time to reach the loss of the best of the 30, and what the
gradient has found in the CPU time of 10, all in CPU times of a random setting.
"""

import argparse
import statistics
import time
import warnings
from functools import partial

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from sklearn import neural_network as theirs
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import ShuffleSplit, train_test_split
from sklearn.preprocessing import StandardScaler, scale

from skhyper import GradientSearchCV, SearchCV
from skhyper.neural_network import (
    MLPClassifier,
    MLPRegressor,
    fit_with_derivatives,
    fit_with_slopes,
)

N_RANDOM, N_GRADIENT = 30, 12


def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def cpu(function, repeats):
    """Least CPU seconds of some calls."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return min(seconds)


def fits(hidden, seeds, repeats):
    """CPU seconds and test accuracies of both libraries at equal settings."""
    X, y = digits()
    common = {"max_iter": 30, "batch_size": 200}
    found = {"hidden_layer_sizes": list(hidden), **common, "accuracy": {"ours": [], "theirs": []}}
    seconds = {"ours": [], "theirs": []}
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
        pair = {
            "ours": MLPClassifier(hidden, random_state=seed, **common),
            "theirs": theirs.MLPClassifier(
                hidden, random_state=seed, tol=0, n_iter_no_change=1000, **common
            ),
        }
        for name, network in pair.items():
            seconds[name].append(cpu(partial(network.fit, X_train, y_train), repeats))
            found["accuracy"][name].append(network.score(X_test, y_test))
    found["cpu_seconds"] = seconds
    found["cpu_ratio"] = statistics.median(seconds["ours"]) / statistics.median(seconds["theirs"])
    return found


def derivatives(hidden, optimizer, repeats):
    """CPU time of training with derivatives, in trainings without.

    In forward mode, and of one loss in the mode that a search takes.
    """
    X, y = digits()
    own = {"sgd": [], "momentum": ["momentum"], "adam": ["beta_1", "beta_2"]}[optimizer]
    network = MLPClassifier(hidden, "tanh", optimizer=optimizer, max_iter=10, random_state=0)
    network.set_params(alpha=np.full(len(hidden) + 1, 1e-2))
    plain, found = cpu(lambda: network.fit(X, y), repeats), []
    one = np.ones(sum(W.size + len(b) for W, b in zip(network.coefs_, network.intercepts_)))
    for names in (["learning_rate"], ["learning_rate", "alpha"], ["learning_rate", "alpha", *own]):
        k = len(fit_with_derivatives(network, X, y, names))
        seconds = cpu(lambda n=names: fit_with_derivatives(network, X, y, n), repeats)
        either = cpu(lambda n=names: fit_with_slopes(network, X, y, n)(one), repeats)
        ratios = {"cpu_ratio": seconds / plain, "cpu_ratio_of_search": either / plain}
        found.append({"k": k} | ratios)
    return {"hidden_layer_sizes": list(hidden), "optimizer": optimizer, "ratios": found}


RATE = {"adam": (1e-4, 1e-1, "log-uniform"), "momentum": (1e-3, 1.0, "log-uniform")}
TASKS = {
    # data, network, share to train on, scoring
    "digits, adam": (digits, MLPClassifier, (50,), "tanh", "adam", 0.3, "neg_log_loss"),
    "digits, momentum": (digits, MLPClassifier, (50,), "tanh", "momentum", 0.3, "neg_log_loss"),
    "digits, 2 layers": (digits, MLPClassifier, (50, 30), "softplus", "adam", 0.3, "neg_log_loss"),
    "digits, relu": (digits, MLPClassifier, (50,), "relu", "momentum", 0.3, "neg_log_loss"),
    "diabetes, momentum": (diabetes, MLPRegressor, (20,), "tanh", "momentum", 0.5, "r2"),
    "cancer, momentum": (cancer, MLPClassifier, (20,), "tanh", "momentum", 0.3, "neg_log_loss"),
}


def learning(name, seeds):
    """Both searches, for each seed of the network, the split and the random settings."""
    data, network, hidden, activation, optimizer, share, scoring = TASKS[name]
    X, y = data()
    model = network(hidden, activation, optimizer=optimizer, max_iter=30, batch_size=50)
    model.set_params(alpha=np.full(len(hidden) + 1, 1.0))
    space = {"learning_rate": RATE[optimizer], "alpha": (1e-3, 1e3, "log-uniform")}
    space |= {"momentum": (0.5, 0.99)} if optimizer == "momentum" else {}
    runs = []
    for seed in seeds:
        model.set_params(random_state=seed)
        cv = ShuffleSplit(1, train_size=share, random_state=seed)
        common = {"scoring": scoring, "cv": cv, "refit": False, "random_state": seed}
        random = SearchCV(model, space, sampler="random", n_iter=N_RANDOM, **common)
        gradient = GradientSearchCV(model, space, n_iter=N_GRADIENT, **common)
        unit = cpu(lambda s=random: s.fit(X, y), 1) / N_RANDOM
        cost = cpu(lambda s=gradient: s.fit(X, y), 1) / gradient.n_trials_ / unit
        runs.append(compare(seed, random.history_.losses, gradient.history_.losses, cost))
    within = [run["beats_within_10"] for run in runs]
    times = [np.inf if run["cpu_to_beat"] is None else run["cpu_to_beat"] for run in runs]
    n_dims = len(hidden) + 1 + len(space) - 1
    summary = {"n_dims": n_dims, "beats_within_10": f"{sum(within)} of {len(within)}"}
    median = float(np.median(times))
    summary["median_cpu_to_beat"] = median if np.isfinite(median) else None
    summary["median_cpu_of_a_gradient"] = statistics.median(r["cpu_of_a_gradient"] for r in runs)
    print(f"{name:20}", *summary.values(), flush=True)
    return {"runs": runs, "summary": summary}


def compare(seed, random, gradient, cost):
    """One run; CPU times in those of a random setting."""
    best, curve = float(np.nanmin(random)), np.fmin.accumulate(gradient)
    in_ten = max(int(10 / cost), 1)
    found = float(curve[min(in_ten, len(curve)) - 1])
    return {
        "seed": seed,
        "random_best_of_30": best,
        "random_best_of_10": float(np.nanmin(random[:10])),
        "gradient_in_cpu_of_10": found,
        "gradient_best": float(curve[-1]),
        "cpu_of_a_gradient": cost,
        "beats_within_10": bool(found <= best and cost <= 10),
        "cpu_to_beat": (
            float((np.argmax(curve <= best) + 1) * cost) if curve[-1] <= best else None
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="2 seeds")
    fast = parser.parse_args().fast
    warnings.simplefilter("ignore")  # trainings that diverge, epochs that run out
    seeds, repeats = range(2 if fast else 5), 2 if fast else 5
    command = "python benchmarks/networks.py" + (" --fast" if fast else "")
    result = _environment.environment(command) | {"seeds": list(seeds)}
    result["fits"] = [fits(hidden, seeds, repeats) for hidden in ((100,), (100, 50))]
    for fit in result["fits"]:
        means = {name: round(np.mean(a), 4) for name, a in fit["accuracy"].items()}
        print("fit", fit["hidden_layer_sizes"], round(fit["cpu_ratio"], 2), means, flush=True)
    result["derivatives"] = [
        derivatives(hidden, optimizer, repeats)
        for hidden in ((100,), (100, 50))
        for optimizer in ("sgd", "momentum", "adam")
    ]
    for part in result["derivatives"]:
        print("derivatives", *part.values(), flush=True)
    result["learning"] = {name: learning(name, seeds) for name in TASKS}
    print(_environment.write("networks-fast.json" if fast else "networks.json", result).name)


if __name__ == "__main__":
    main()
