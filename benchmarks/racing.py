"""What racing saves, and how often it stops the eventual winner.

python benchmarks/racing.py [--fast]

Searches replay recorded scores (``_fold_tables.py``), so that they fit no model. Counted are the
folds that are run, relative to all of them, and the distance of the winner of the race from the
best candidate, in standard errors of a mean score.
"""

import _environment  # isort: skip  (fixes threads)

import sys
from dataclasses import replace
from unittest import mock

import numpy as np
from _fold_tables import load, replayed

from skhyper import BayesSearchCV, GridSearchCV, Racing, RandomizedSearchCV, SearchCV
from skhyper._trial import History, Trial
from skhyper.evaluation import _evaluator

ERROR_RATE = Racing().error_rate
N_SIMULATED, N_SHUFFLES = 1000, 20
FOLDS = ("3", "5", "10", "5x5")
# Seeds of the Bayesian searches.
SEEDS = {"3": range(1), "5": range(2), "10": range(2), "5x5": range(1)}


def searches(table, seed):
    """A search of each kind without racing, and the means of all candidates."""
    estimator, grid, X, cv = replayed(table)
    ranges = {name: (0, values[-1]) for name, values in grid.items()}
    options = {"cv": cv, "refit": False, "random_state": seed}
    return X, {
        "random": RandomizedSearchCV(estimator, grid, n_iter=60, **options),
        "Sobol": SearchCV(estimator, ranges, sampler="sobol", n_iter=60, **options),
        "grid": GridSearchCV(estimator, grid, cv=cv, refit=False),
        "Bayes": BayesSearchCV(estimator, ranges, n_iter=40, **options),
    }


def mean_of(params, means):
    return means[tuple(params[name] for name in "abc" if name in params)]


def noise_of(table):
    """Standard error of the best mean, as in ``skhyper.samplers._regret.fold_noise``."""
    rows = table.reshape(-1, table.shape[-1])
    n_folds, n_parts = rows.shape[1], 5 if rows.shape[1] == 25 else rows.shape[1]
    variance = np.var(rows[rows.mean(axis=1).argmax()], ddof=1)
    return float(np.sqrt(variance * (1 / n_folds + 1 / (n_parts - 1))))


def outcome(search, X, table, noise):
    """Share of the folds that were run, and the winner."""
    search.fit(X)
    means = table.mean(axis=-1)
    n_run = sum(len(trial.folds) for trial in search.history_)
    every = [mean_of(trial.params, means) for trial in search.history_]
    won = mean_of(search.best_params_, means)
    return {
        "fits": n_run / (len(search.history_) * table.shape[-1]),
        "lost": float((max(every) - won) / noise) if noise else 0.0,
        "won": float(won),
    }


def shuffled(table, rng):
    """The table with its folds in random order."""
    return table[..., rng.permutation(table.shape[-1])]


def replays(tables, seeds):
    """Raced searches of each kind; those of Bayesian searches are compared with plain ones."""
    rows = []
    for (pair, folds), table in tables.items():
        noise = noise_of(table)
        for seed in seeds[folds]:
            own = shuffled(table, np.random.default_rng(seed))
            X, found = searches(own, seed)
            for kind, search in found.items():
                if kind != "Bayes" and seed > 0:
                    continue
                row = {"pair": pair, "folds": folds, "kind": kind, "seed": seed}
                raced = outcome(search.set_params(racing=True), X, own, noise)
                if kind == "Bayes":
                    plain = outcome(search.set_params(racing=False), X, own, noise)
                    raced["lost"] = (plain["won"] - raced["won"]) / noise if noise else 0.0
                rows.append(row | raced)
        print(pair, folds, {r["kind"]: round(r["fits"], 2) for r in rows[-4:]}, flush=True)
    return rows


def race(table, racing):
    """Number of folds of each candidate (rows), as a search of a list runs them."""
    n_folds = table.shape[1]
    trials = {}
    for number in np.argsort(-table[:, 0], kind="stable"):
        row, n_run, state = table[number], 0, "stopped"
        while state == "stopped":
            n_run += 1
            state = "stopped" if n_run < n_folds else "complete"
            seen = np.where(np.arange(n_folds) < n_run, row, np.nan)
            trial = Trial(int(number), {}, state, seen, -row[:n_run].mean())
            if state == "stopped" and not racing.goes_on(trial, History(tuple(trials.values()))):
                break
        trials[number] = trial
    return np.array([(~np.isnan(trials[i].scores)).sum() for i in range(len(table))])


def false_drops(tables, n_races, simulated):
    """How often the best candidate of 60 is stopped, in shuffled or simulated tables."""
    rng, rows = np.random.default_rng(0), []
    for (pair, folds), table in tables.items():
        every = table.reshape(-1, table.shape[-1])
        n_folds = every.shape[1]
        fits, n_lost = [], 0
        for _ in range(n_races):
            own = every[rng.permutation(len(every))[:60]]
            means = own.mean(axis=1, keepdims=True)
            if simulated:  # normal, with the covariances of the candidates over the folds
                mixed = rng.normal(size=(n_folds, n_folds)) / np.sqrt(n_folds - 1)
                own = means + (own - means) @ mixed
            else:
                own = own[:, rng.permutation(n_folds)]
            n_run = race(own, Racing())
            means = own.mean(axis=1)
            fits.append(n_run.sum() / own.size)
            n_lost += bool(means[n_run == n_folds].max() < means.max() - 1e-12)
        rows.append(
            {"pair": pair, "folds": folds, "races": n_races, "n_lost": n_lost,
             "fits": float(np.mean(fits))}
        )  # fmt: skip
    return rows


def losses_of_stopped(tables, seeds):
    """Bayesian searches whose stopped trials have other losses.

    "all folds" is the exact mean, which no model of the noise of a stopped trial can surpass.
    """
    own = _evaluator.with_fold_effects
    rows = []
    for (pair, folds), table in tables.items():
        noise = noise_of(table)
        for seed in seeds:
            shuffled_one = shuffled(table, np.random.default_rng(seed))
            means = shuffled_one.mean(axis=-1)

            def exact(trial, history, means=means):
                return replace(trial, loss=-float(mean_of(trial.params, means)))

            ways = {
                "own folds": lambda trial, history: trial,
                "fold effects": own,
                "all folds": exact,
            }
            row = {"pair": pair, "folds": folds, "seed": seed}
            for name, way in ways.items():
                X, found = searches(shuffled_one, seed)
                with mock.patch.object(_evaluator, "with_fold_effects", way):
                    search = found["Bayes"].set_params(racing=True)
                    row[name] = outcome(search, X, shuffled_one, noise)["won"]
            rows.append(row | {"noise": noise})
    return rows


def summary(rows):
    """Means over pairs, by kind and folds."""
    found = {}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        for folds in dict.fromkeys(row["folds"] for row in rows):
            some = [row for row in rows if (row["kind"], row["folds"]) == (kind, folds)]
            lost = np.array([row["lost"] for row in some])
            found[f"{kind}, {folds}"] = {
                "fits": round(float(np.mean([row["fits"] for row in some])), 3),
                "same_winner": int(np.sum(np.abs(lost) < 1e-9)),
                "within_noise": int(np.sum(lost <= 1)),
                "worse_mean": round(float(lost.mean()), 3),
                "n": len(some),
            }
    return found


def main(fast):
    tables = load()
    if fast:
        tables = dict(list(tables.items())[:8])
    ten = {key: table for key, table in tables.items() if key[1] == "10"}
    five = {key: table for key, table in tables.items() if key[1] == "5"}
    rows = replays(tables, {folds: range(1) for folds in FOLDS} if fast else SEEDS)
    print(*summary(rows).items(), sep="\n", flush=True)
    real = false_drops(tables, 2 if fast else N_SHUFFLES, simulated=False)
    simulated = false_drops(ten, 3 if fast else -(-N_SIMULATED // len(ten)), simulated=True)
    for name, drops in (("real", real), ("simulated", simulated)):
        n, n_lost = (sum(row[key] for row in drops) for key in ("races", "n_lost"))
        print(f"{name}: winner stopped in {n_lost} of {n}", flush=True)
    stopped = losses_of_stopped(five, range(1) if fast else range(2))
    result = _environment.environment("python benchmarks/racing.py")
    settings = {"seeds": [0, 1], "error_rate": ERROR_RATE, "summary": summary(rows)}
    parts = {"rows": rows, "real": real, "simulated": simulated, "stopped": stopped}
    print(_environment.write(f"racing{'-fast' * fast}.json", {**result, **settings, **parts}))


if __name__ == "__main__":
    main("--fast" in sys.argv)
