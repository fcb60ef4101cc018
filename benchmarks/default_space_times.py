"""How long may a candidate of a default space take? CPU times relative to the estimator's defaults.

    python benchmarks/default_space_times.py [--only NAME]

On 2,000 rows with 20 standardized features, for each estimator with a table of default ranges: each
hyperparameter at both ends of its range, the others at the estimator's defaults; then all of them
at their slower ends, which is close to the slowest candidate of the space (those that alone make
no difference at their defaults, at their lower and at their upper ends); and three random
candidates. Each fit runs in a process of its own, which ends after 60 times the default's time.
"""

import argparse
import json
import os
import resource
import time
import warnings

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification, make_regression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from skhyper.space import Space, default_space
from skhyper.space._default_tables import TABLES

N_ROWS, N_FEATURES, N_DRAWS, MOST = 2000, 20, 3, 60
# What takes texts, counts or several targets is left out; so is what takes no time.
LEFT_OUT = ("Vectorizer", "MultiTask", "PassiveAggressive", "Select", "NB", "PCA", "NuSV")
QUIET = {"LGBM": {"verbose": -1, "n_jobs": 1}, "XGB": {"n_jobs": 1}}
QUIET["CatBoost"] = {"logging_level": "Silent", "thread_count": 1, "allow_writing_files": False}
QUIET["CatBoost"]["iterations"] = 50  # not searched; 1,000, the default, have the same ratios


def estimators():
    """Instances of all estimators with a table, boosters of other packages if installed."""
    found = dict(all_estimators())
    for package in ("xgboost", "lightgbm", "catboost"):
        try:
            module = __import__(package)
        except ImportError:
            continue
        found |= {name: getattr(module, name) for name in TABLES if hasattr(module, name)}
    for name, cls in found.items():
        if name in TABLES and not any(part in name for part in (*LEFT_OUT, "Ranker")):
            quiet = [values for part, values in QUIET.items() if name.startswith(part)]
            estimator = cls(**(quiet[0] if quiet else {}))
            seeded = "random_state" in estimator.get_params()
            yield name, estimator.set_params(random_state=0) if seeded else estimator


def data_for(name, estimator):
    if is_classifier(estimator) or not hasattr(estimator, "predict"):
        X, y = make_classification(
            N_ROWS, N_FEATURES, n_informative=8, flip_y=0.1, class_sep=0.7, random_state=0
        )
        return StandardScaler().fit_transform(X), y
    X, y = make_regression(N_ROWS, N_FEATURES, n_informative=8, noise=50.0, random_state=0)
    positive = name in ("PoissonRegressor", "GammaRegressor", "TweedieRegressor")
    return StandardScaler().fit_transform(X), np.exp(y / np.abs(y).max()) if positive else y


def cpu_seconds(estimator, X, y, most=1000.0):
    """CPU time of a fit in a child process; infinite if it takes more than `most`."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + most) + 1,) * 2)
        start = time.process_time()
        estimator.fit(X, y)
        os.write(writer, str(time.process_time() - start).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return float(text) if text else float("inf")


def coordinates(dimension):
    """The ends of a range; all choices of a list."""
    return dimension.grid(99) if dimension.kind == "categorical" else (0.0, 1.0)


def run(name, estimator):
    X, y = data_for(name, estimator)
    space = Space(default_space(estimator, X, y))
    default = float(np.median([cpu_seconds(clone(estimator), X, y) for _ in range(2)]))

    def ratio(params):
        most = MOST * max(default, 0.05)
        return round(cpu_seconds(clone(estimator).set_params(**params), X, y, most) / default, 2)

    ends, indifferent = {}, {}
    slowest = {}  # coordinates in the unit interval
    for hyperparameter, dimension in zip(space.names, space.dimensions, strict=True):
        places = list(coordinates(dimension))
        values = [dimension.from_unit(u) for u in places]
        ratios = [ratio({hyperparameter: value}) for value in values]
        ends[hyperparameter] = {str(v): r for v, r in zip(values, ratios, strict=True)}
        if max(ratios) < 1.15 * min(ratios):
            indifferent[hyperparameter] = (places[0], places[-1])
        else:
            slowest[hyperparameter] = places[int(np.argmax(ratios))]
    corners = {}
    for end in (None, 0, 1):
        point = slowest | ({} if end is None else {n: u[end] for n, u in indifferent.items()})
        # Conditions hold as in a search: what is inactive is left out.
        params = space.from_unit(space.canonical([[point.get(n, 0.0) for n in space.names]]))[0]
        params = {n: value for n, value in params.items() if n in point}
        corners[str(params)] = ratio(params)
    draws = space.from_unit(space.sample(N_DRAWS, np.random.default_rng(0)))
    return {
        "default_cpu_seconds": round(default, 4),
        "ends": ends,
        "corners": corners,
        "slowest_ratio": max(corners.values()),
        "draws": sorted(ratio(params) for params in draws),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="estimators whose names contain this")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    path = _environment.RESULTS / "default_space_times.json"
    results = json.loads(path.read_text())["results"] if path.exists() else {}
    content = _environment.environment("python benchmarks/default_space_times.py")
    for name, estimator in estimators():
        if arguments.only not in name or (not arguments.only and name in results):
            continue
        results[name] = run(name, estimator)
        found = results[name]
        print(
            name,
            found["default_cpu_seconds"],
            found["slowest_ratio"],
            found["draws"][-1],
            flush=True,
        )
        _environment.write(path.name, content | {"results": results})


if __name__ == "__main__":
    main()
