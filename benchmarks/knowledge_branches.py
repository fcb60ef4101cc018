"""Knowledge of each branch where the last step is searched, too: SVC, k-NN or a tree.

    python benchmarks/knowledge_branches.py [--seeds 2] [--every 5]

``BayesSearchCV`` with and without knowledge of other data sets than the one searched on, by
accuracy, of which there is knowledge of SVC and k-NN and none of trees. The space is that of
``default_space`` for each of the three. A regret of 0 is the best candidate of all runs, 1 the
median one of 30 random ones. Interrupted runs are resumed.
"""

import argparse
import json
import time
import warnings
from unittest import mock

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from _knowledge_training import FamilyTable
from knowledge import summary
from knowledge_tables import Problem
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from time_to_score import knowledge_without

from skhyper import BayesSearchCV, default_space
from skhyper.knowledge import _shipped
from skhyper.space import Space

PATH = _environment.RESULTS / "knowledge_branches.json"
MODELS = SVC(cache_size=500), KNeighborsClassifier(), DecisionTreeClassifier(random_state=0)
N_TRIALS, N_RANDOM, AT = 20, 30, (5, 10, 20)


def pipeline(model):
    return Pipeline([("scaler", StandardScaler()), ("model", model)])


def compare(table, name, n_seeds):
    """Regrets at 5, 10 and 20 trials of each seed, with and without knowledge."""
    problem = Problem(table.spec, name, table.rows[table.names.index(name)])
    X, y = problem.X, problem.y
    space = [{"model": [m], **default_space(pipeline(m), X, y)} for m in MODELS]
    options = {"cv": problem.splits, "scoring": "accuracy"}

    def errors(seed, **more):
        search = BayesSearchCV(
            pipeline(MODELS[0]),
            space,
            n_iter=N_TRIALS,
            reuse=None,
            refit=False,
            random_state=seed,
            **options,
            **more,
        )
        with mock.patch.object(_shipped, "shipped", shipped):
            return 1 - search.fit(X, y).cv_results_["mean_test_score"]

    shipped = knowledge_without(name)
    runs = {
        arm: [errors(seed, knowledge=given) for seed in range(n_seeds)]
        for arm, given in (("on", "auto"), ("off", None))
    }
    draws = Space(space)
    random = [
        1 - cross_val_score(pipeline(MODELS[0]).set_params(**params), X, y, **options).mean()
        for params in draws.from_unit(draws.sample(N_RANDOM, np.random.default_rng(0)))
    ]
    best, median = min(np.nanmin([*runs["on"], *runs["off"]]), min(random)), np.median(random)
    if not median > best:
        return None
    return {
        arm: [
            [round(float((np.nanmin(run[:n]) - best) / (median - best)), 4) for n in AT]
            for run in losses
        ]
        for arm, losses in runs.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--every", type=int, default=5, help="each data set of so many")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    table, start = FamilyTable("KNeighborsClassifier"), time.process_time()
    content = json.loads(PATH.read_text()) if PATH.exists() else {"results": {}}
    rows = content["results"]
    for name in table.names[:: arguments.every]:
        found = rows.get(name) or compare(table, name, arguments.seeds)
        if found is None:
            continue
        rows[name] = found
        print(name, found, f"{time.process_time() - start:.0f} CPU s", flush=True)
        if len(rows) > 2:
            content["summary"] = summary(rows)
        content |= _environment.environment("python benchmarks/knowledge_branches.py")
        _environment.write(PATH.name, content)
    print(content["summary"])


if __name__ == "__main__":
    main()
