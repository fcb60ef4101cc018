"""Write figures of committed results into the pages that quote them.

    python benchmarks/figures.py           # rewrites README.md and docs/
    python benchmarks/figures.py --check   # only says which are out of date

A page marks the place of a table or sentence by `<!-- figures: NAME -->` and `<!-- end -->`; what
stands between them is made here, by the function of that name, from `results/*.json` alone.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from _markdown import table

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n)(?:(?!<!--).)*(<!-- end -->)", re.DOTALL)


def result(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


def searches(rows, score):
    """A table of searches, a row each."""
    head = ["search", "trials", "CPU seconds", f"CV {score}", f"held-out {score}"]
    digits = 3 if score == "accuracy" else 2
    return table(
        head,
        [
            [
                name,
                run["trials"],
                f"{run['cpu_seconds']:.1f}",
                f"{run['cv_score']:.{digits}f}",
                f"{run['held_out_score']:.{digits}f}",
            ]
            for name, run in rows.items()
        ],
    )


def tune_svc():
    return searches(result("examples")["tune_svc"], "accuracy")


def complete_digits():
    found = result("examples")
    runs, n = found["complete_digits"], len(found["digits_seeds"])
    default = runs["default"]["held_out_error"]
    rows = []
    for name, run in runs.items():
        low, high = run["trials"]
        rows.append(
            [
                name,
                str(low) if low == high else f"{low} to {high}",
                f"{run['cpu_seconds']:.1f}" if run["cpu_seconds"] else "",
                f"{run['held_out_error']:.4f} ± {run['standard_error']:.4f}",
                f"{100 * (run['held_out_error'] / default - 1):+.0f} %"
                if name != "default"
                else "",
            ]
        )
    head = ["search", "trials", "CPU seconds", "held-out squared error", "against the default"]
    return [*table(head, rows), "", f"Means over {n} splits of the data, ± their standard error."]


def tune_many():
    return searches(result("examples")["tune_many"]["5 of 40 matter"], "R²")


def tune_many_noise():
    return searches(result("examples")["tune_many"]["all matter a little"], "R²")


def whole_range():
    found = result("whole_range")
    parts = [found["labels"]["now"][name] for name in ("1-D", "2-D")]
    worse, runs = (sum(part[name] for part in parts) for name in ("n_worse", "n_runs"))
    tasks, excess = len(found["rows"]), 100 * found["largest_excess"]
    return [
        "With one or two hyperparameters, `GradientSearchCV` first covers the whole range: "
        f"{worse} of {runs} runs (of {tasks} tasks) ended more than {excess:g} % above a grid of "
        "30 (10 x 10) values."
    ]


def shared_data():
    found = result("shared_data")
    head = [f"{found['data_mb']:.0f} MB, as", "scikit-learn", "`GridSearchCV`", "`SearchCV`"]
    return table(
        head,
        [
            [kind, *(f"{run['memory_mb']:.0f}" for run in row.values())]
            for kind, row in found["rows"].items()
        ],
    )


def penalties():
    found = result("penalties")["rows"]
    ratios = [f"{row['ratio']:.2f}" for row in found.values()]
    largest = [f"{row['largest_difference']:.0e}" for row in found.values()]
    head = ["60 penalties, 5 folds", *found]
    return table(
        head, [["CPU time", *ratios], ["largest difference of a candidate's mean score", *largest]]
    )


def racing():
    whole = result("racing")
    found = whole["summary"]
    kinds, folds = zip(*(name.split(", ") for name in found))
    kinds, folds = dict.fromkeys(kinds), dict.fromkeys(folds)
    head = ["share of the fits", *(f"cv={n}" if n.isdigit() else f"repeated {n}" for n in folds)]
    rows = [[kind, *(f"{found[f'{kind}, {n}']['fits']:.2f}" for n in folds)] for kind in kinds]
    exact = [row for name, row in found.items() if not name.startswith("Bayes")]
    same, within, n = (sum(row[k] for row in exact) for k in ("same_winner", "within_noise", "n"))
    drops = [
        f"{sum(row['n_lost'] for row in whole[kind])} of {sum(row['races'] for row in whole[kind])}"
        for kind in ("real", "simulated")
    ]
    return [
        *table(head, rows),
        "",
        f"Means over {found['grid, 10']['n']} pairs of pipeline and data set, with about 100 "
        "candidates in a grid, 60 random or Sobol points, 40 of Bayesian search. In "
        f"{same} of {n} searches without a surrogate the best candidate won; in {within} the "
        f"winner was within one standard error of it. The best candidate was stopped in {drops[0]} "
        f"races of shuffled real scores, and in {drops[1]} of simulated scores with their "
        "covariances.",
    ]


FIGURES = {
    "complete_digits": complete_digits,
    "penalties": penalties,
    "racing": racing,
    "shared_data": shared_data,
    "tune_svc": tune_svc,
    "tune_many": tune_many,
    "tune_many_noise": tune_many_noise,
    "whole_range": whole_range,
}


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def written(text):
    """A page with the figures of the results as they are."""
    return BLOCK.sub(lambda m: "\n".join([m[1], *FIGURES[m[2]](), "", m[3]]), text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale = {
        page: new for page in pages() if (new := written(page.read_text())) != page.read_text()
    }
    for page, text in stale.items():
        print(page.relative_to(ROOT))
        if not check:
            page.write_text(text)
    sys.exit(bool(check and stale))


if __name__ == "__main__":
    main()
