"""Does knowledge of other data sets pay? Searches with and without it, one data set left out.

    python benchmarks/knowledge.py [--only FAMILY] [--seeds 3]

For each family and metric of the tables (``knowledge_tables.py``) and every second data set:
``BayesSearchCV`` in the default space, with knowledge learned from the other data sets, and
without. Losses are those of real fits. A regret of 0 is the best candidate that is known, 1 the
median one of the table's design. Interrupted runs are resumed; data sets with fewer seeds than
wanted are run again.
"""

import argparse
import json
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _knowledge_families import FAMILIES
from _knowledge_training import FOLDER, FamilyTable
from knowledge_tables import Problem
from sklearn.base import clone

from skhyper import BayesSearchCV

SCORING = {
    "error": "accuracy",
    "log_loss": "neg_log_loss",
    "ranking": "roc_auc",
    "squared_error": "neg_mean_squared_error",
}
N_TRIALS, AT = 20, (5, 10, 20)
PATH = _environment.RESULTS / "knowledge.json"


def losses_of(problem, metric, knowledge, seed):
    """Losses of a search's trials, in their order; nan where a trial failed."""
    search = BayesSearchCV(
        clone(problem.family.estimator),
        n_iter=N_TRIALS,
        cv=problem.splits,
        scoring=SCORING[metric],
        knowledge=knowledge,
        reuse=None,
        refit=False,
        random_state=seed,
    )
    search.fit(problem.X, problem.y)
    scores = search.cv_results_["mean_test_score"]
    return 1 - scores if metric in ("error", "ranking") else -scores


def compare(table, metric, name, n_seeds):
    """Regrets at 5, 10 and 20 trials of each seed, with and without knowledge."""
    at = table.names.index(name)
    best, median = (values[at] for values in table.best_and_median(metric))
    problem = Problem(table.spec, name, table.rows[at])
    if metric == "ranking" and len(np.unique(problem.y)) > 2:
        return None  # the scorer needs probabilities
    learned = table.knowledge(metric, without=[name]).adapted("", problem.all_units)
    losses = {
        arm: [losses_of(problem, metric, given, seed) for seed in range(n_seeds)]
        for arm, given in (("on", learned), ("off", None))
    }
    best = min(best, np.nanmin([*losses["on"], *losses["off"]]))
    if not median > best:
        return None
    return {
        arm: [
            [round(float((np.nanmin(run[:n]) - best) / (median - best)), 4) for n in AT]
            for run in runs
        ]
        for arm, runs in losses.items()
    }


def summary(rows):
    """Mean regrets, and differences with standard errors, paired by data set."""
    on, off = (
        np.array([np.minimum(row[arm], 4.0).mean(axis=0) for row in rows.values()])
        for arm in ("on", "off")
    )
    difference = on - off
    error = difference.std(axis=0, ddof=1) / np.sqrt(len(difference))
    thirds = [part.mean(axis=0)[1] for part in np.array_split(difference, 3)]
    return {
        "n_data_sets": len(rows),
        "off": off.mean(axis=0).round(3).tolist(),
        "on": on.mean(axis=0).round(3).tolist(),
        "difference": difference.mean(axis=0).round(3).tolist(),
        "standard_error": error.round(3).tolist(),
        "difference_at_10_by_thirds": np.round(thirds, 3).tolist(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="families whose names contain this")
    parser.add_argument("--metric", default="", help="this metric only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=2, help="each data set of so many")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for family, spec in FAMILIES.items():
        if arguments.only not in family or not (FOLDER / f"{family}.npz").exists():
            continue
        table = FamilyTable(family)
        for metric in spec.metrics:
            if arguments.metric and metric != arguments.metric:
                continue
            run(table, metric, arguments)


def run(table, metric, arguments):
    key, start = f"{table.family}, {metric}", time.process_time()
    for name in table.names[:: arguments.every]:
        known = stored()["results"].get(key, {}).get(name, {"on": []})
        if len(known["on"]) >= arguments.seeds:
            continue
        regrets = compare(table, metric, name, arguments.seeds)
        if regrets is None:
            continue
        content = stored()
        rows = content["results"].setdefault(key, {})
        rows[name] = regrets
        if len(rows) > 1:
            content["summary"][key] = summary(rows)
        content["mean_of_families"] = mean(content["summary"].values())
        content |= _environment.environment("python benchmarks/knowledge.py")
        _environment.write(PATH.name, content)
    print(key, stored()["summary"].get(key), f"{time.process_time() - start:.0f} CPU s", flush=True)


def mean(rows):
    """Mean of all families and metrics, shipped or not."""
    means = {
        name: np.mean([row[name] for row in rows], axis=0).round(3).tolist()
        for name in ("off", "on", "difference")
    }
    errors = np.array([row["standard_error"] for row in rows])
    error = np.sqrt((errors**2).sum(axis=0)) / len(errors)
    return means | {"n_families": len(errors), "standard_error": error.round(3).tolist()}


def stored():
    return json.loads(PATH.read_text()) if PATH.exists() else {"results": {}, "summary": {}}


if __name__ == "__main__":
    main()
