"""Bias of corrected scores, and coverage of their 90 % intervals, on noise and on signal.

Two kinds of fold scores. *Simulated*: normal scores around known means, with an effect of each
fold that candidates share, and correlated between similar candidates. *Fitted*: accuracies of
kernel ridge classifiers on 120 samples, where the truth is the accuracy of the selected candidate,
refitted to all of them, on 3000 others. Candidates are a grid, drawn at random, or proposed by the
Gaussian process sampler. The method "predictions" needs out-of-fold predictions, which only the
fitted ones have.
"""

import argparse
import json

import _environment
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import StratifiedKFold

from skhyper import History
from skhyper._trial import Trial
from skhyper.inspection import corrected_score
from skhyper.samplers import GPSampler
from skhyper.search._corrected import score_from_predictions
from skhyper.search._pooled import averaged_accuracy
from skhyper.space import Space

N_CANDIDATES = 40
N_SAMPLES, N_TEST = 120, 3000
GAMMAS, PENALTIES = np.logspace(-3, 1, 16), np.logspace(-4, 2, 16)
METHODS = ("bootstrap", "leave-one-out", "tibshirani")
UNIT = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)})
PLANE = Space({"gamma": (0, 15), "penalty": (0, 15)})


def candidates(kind, space, scores_at, rng, seed):
    """Points (n, 2) of the unit square that a search tries, and their fold scores (n, K)."""
    if kind == "grid":
        axis = (np.arange(6) + 0.5) / 6
        points = np.array([[a, b] for a in axis for b in axis])
    elif kind == "random":
        points = rng.random((N_CANDIDATES, 2))
    else:
        trials, points, sampler = [], [], GPSampler()
        while len(trials) < N_CANDIDATES:
            answer = sampler.ask(space, History(tuple(trials)), np.random.default_rng([seed]))
            if not isinstance(answer, np.ndarray):
                break
            points.append(np.ravel(answer))
            scores, params = scores_at(points[-1][None])[0], space.from_unit(points[-1:])[0]
            trials.append(Trial(len(trials), params, "complete", scores, -scores.mean()))
        points = np.array(points)
    return points, scores_at(points)


def smooth(rng, n, length):
    """n random smooth functions on the square, with mean 0 and variance 1."""
    w = rng.standard_normal((200, 2)) / length
    b, c = rng.uniform(0, 2 * np.pi, 200), rng.standard_normal((200, n)) / 10
    return lambda points: np.cos(points @ w.T + b) @ c


def simulated(kind, search, K, seed):
    """Fold scores, and the true score of each candidate."""
    rng = np.random.default_rng([seed, K])
    noise, mean = smooth(rng, K, 0.25), smooth(rng, 1, 0.4)
    common = rng.standard_normal(K)

    def truth(points):
        if kind == "noise":
            return np.full(len(points), 0.5)
        if kind == "weak":
            return 0.7 + 0.02 * mean(points)[:, 0]
        return 0.85 - 0.3 * np.sum((points - 0.4) ** 2, axis=1)

    def scores_at(points):
        return truth(points)[:, None] + 0.04 * (common + noise(points)) * np.sqrt(0.5)

    points, S = candidates(search, UNIT, scores_at, rng, seed)
    return S, truth(points)


def predictions(D, y, D_test):
    """Decision values of all 256 candidates, (256, n_test)."""
    found = []
    for gamma in GAMMAS:
        w, V = np.linalg.eigh(np.exp(-gamma * D))
        K = np.exp(-gamma * D_test) @ V
        found.append((K @ ((V.T @ y)[:, None] / (np.maximum(w, 0)[:, None] + PENALTIES))).T)
    return np.concatenate(found)


def data(kind, seed):
    n, options = N_SAMPLES + N_TEST, {"n_redundant": 2, "n_informative": 4, "class_sep": 0.7}
    if kind == "weak":
        options = {"n_redundant": 0, "n_informative": 2, "class_sep": 0.5, "n_features": 30}
    flip = 0.2 if kind == "weak" else 0.1
    X, y = make_classification(n, **({"n_features": 10} | options), flip_y=flip, random_state=seed)
    if kind == "noise":
        y = np.random.default_rng(seed).integers(2, size=n)
    X = (X - X[:N_SAMPLES].mean(axis=0)) / X[:N_SAMPLES].std(axis=0)
    return X[:N_SAMPLES], 2.0 * y[:N_SAMPLES] - 1, X[N_SAMPLES:], 2.0 * y[N_SAMPLES:] - 1


def fitted_tables(kind, K, seed):
    """Fold scores, true accuracies (256,), and which predictions are right (256, n), of all."""
    X, y, X_test, y_test = data(kind, seed)
    D = euclidean_distances(X, squared=True) / X.shape[1]
    D_test = euclidean_distances(X_test, X, squared=True) / X.shape[1]
    folds = StratifiedKFold(K, shuffle=True, random_state=seed)
    S = np.empty((len(GAMMAS) * len(PENALTIES), K))
    right = np.empty((len(S), len(y)))
    for k, (train, test) in enumerate(folds.split(X, y)):
        found = predictions(D[np.ix_(train, train)], y[train], D[np.ix_(test, train)])
        right[:, test] = np.sign(found) == y[test]
        S[:, k] = right[:, test].mean(axis=1)
    return S, np.mean(np.sign(predictions(D, y, D_test)) == y_test, axis=1), right


def fitted(tables, search, seed):
    """The tables of the candidates of a search among all of them."""
    S, truth, right = tables

    def rows(points):
        cell = np.minimum((points * 16).astype(int), 15)
        return cell[:, 0] * 16 + cell[:, 1]

    rng = np.random.default_rng(seed)
    points, scores = candidates(search, PLANE, lambda points: S[rows(points)], rng, seed)
    return scores, truth[rows(points)], right[rows(points)]


def errors(S, truth, right=None):
    """Error of the mean and of each method, and whether its interval covers the truth."""
    results = {"mean_test_score": S.mean(axis=1)}
    results |= {f"split{k}_test_score": column for k, column in enumerate(S.T)}
    target = truth[np.argmax(S.mean(axis=1))]
    found = {"uncorrected": (S.mean(axis=1).max() - target, None)}
    made = {method: corrected_score(results, method=method) for method in METHODS}
    if right is not None:
        made["predictions"] = score_from_predictions(averaged_accuracy(right), S.mean(axis=1).max())
    for method, score in made.items():
        low, high = score.interval
        found[method] = (score.estimate - target, low <= target <= high)
    return found


def summary(runs):
    """Bias with its standard error, spread and coverage of each method over the runs."""
    table = {}
    for method in runs[0]:
        error = np.array([run[method][0] for run in runs])
        table[method] = {
            "bias": float(error.mean()),
            "bias_standard_error": float(error.std(ddof=1) / np.sqrt(len(runs))),
            "std": float(error.std(ddof=1)),
        }
        if method != "uncorrected":
            table[method]["coverage"] = float(np.mean([run[method][1] for run in runs]))
    return {"n_runs": len(runs), "methods": table}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="few runs")
    parser.add_argument("--fitted", action="store_true", help="keep the simulated results")
    options = parser.parse_args()
    fast = options.fast
    n_simulated, n_bayes, n_fitted = (8, 3, 3) if fast else (150, 25, 60)
    command = "python benchmarks/corrected_scores.py" + (" --fast" if fast else "")
    command += " --fitted" if options.fitted else ""
    result = _environment.environment(command) | {"seeds": list(range(n_simulated))}
    result |= {"simulated": {}, "fitted": {}}
    if options.fitted:  # their methods and seeds are the same
        earlier = json.loads((_environment.RESULTS / "corrected_scores.json").read_text())
        result["simulated"] = earlier["simulated"]
    searches = ("grid", "random", "bayes")

    def report(group, name, runs):
        result[group][name] = summary(runs)
        row = result[group][name]["methods"]
        text = [f"{m} {v['bias']:+.4f} ({v.get('coverage', np.nan):.2f})" for m, v in row.items()]
        print(f"{group:10}{name:24}", "  ".join(text), flush=True)
        _environment.write(
            "corrected_scores-fast.json" if fast else "corrected_scores.json", result
        )

    for K in () if options.fitted else (3, 5, 10):
        for kind in ("noise", "weak", "signal"):
            for search in searches if K == 5 else searches[:2]:
                seeds = range(n_bayes if search == "bayes" else n_simulated)
                runs = [errors(*simulated(kind, search, K, seed)) for seed in seeds]
                report("simulated", f"{kind}, {search}, {K} folds", runs)
    for K in (5, 10):
        for kind in ("noise", "weak", "signal"):
            made = [(seed, fitted_tables(kind, K, seed)) for seed in range(n_fitted)]
            for search in searches if K == 5 else searches[:2]:
                used = made[:n_bayes] if search == "bayes" else made
                runs = [errors(*fitted(tables, search, seed)) for seed, tables in used]
                report("fitted", f"{kind}, {search}, {K} folds", runs)


if __name__ == "__main__":
    main()
