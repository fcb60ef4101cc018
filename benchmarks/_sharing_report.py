"""Sections of REPORT.md about what saves fits, and what is known from other data sets."""

import math

from _markdown import met, provenance, table


def time_to_score(result):
    lines = ["## CPU time until the best score of 60 random candidates", ""]
    lines += [
        "CPU time of a search until it reaches that score, over that of the 60 candidates in "
        "scikit-learn's loop; medians over seeds, *missed* if it was not reached within 60 "
        "proposals. Default spaces; knowledge of other data sets without that of the row.",
        "",
    ]
    solvers = list(result["summary"]["median"])
    rows = [
        [name, str(len(result["results"][name])), *[_share(row.get(s)) for s in solvers]]
        for name, row in result["summary"]["tasks"].items()
    ]
    median = result["summary"]["median"]
    rows.append(["median", "", *[_share(median[s]) for s in solvers]])
    lines += [*table(["pipeline and data", "seeds", *solvers], rows), ""]
    lines += [f"- Bar of 0.1 for the median of *ours*: {met(median['ours'] <= 0.1)}.", ""]
    return lines + provenance(result | {"seeds": []})


def _share(value):
    if value is None or math.isnan(value):
        return ""
    return "missed" if math.isinf(value) else f"{value:.2f}"


def knowledge(result):
    lines = ["## Knowledge of other data sets", ""]
    lines += [
        "Regret of `BayesSearchCV` without → with knowledge from all other data sets, real fits, "
        "default spaces: 0 is the best known candidate, 1 the median one of a design. ± is the "
        "standard error of the difference, paired by data set.",
        "",
    ]
    rows = [
        [name, str(row["n_data_sets"]), *_regrets(row)] for name, row in result["summary"].items()
    ]
    mean = result["mean_of_families"]
    rows.append(["mean", "", *_regrets(mean)])
    at = ["after 5 trials", "after 10", "after 20"]
    lines += [*table(["family and score", "data sets", *at], rows), ""]
    ratio = mean["on"][1] / mean["off"][1]
    lines += [
        f"- Mean of all rows after 10 trials at most 0.75 of that without: {met(ratio <= 0.75)} "
        f"({ratio:.2f}). Rows that gained nothing are not shipped.",
        "",
    ]
    return lines + provenance(result | {"seeds": []})


def _regrets(row):
    each = zip(row["off"], row["on"], row["standard_error"], strict=True)
    return [f"{off:.2f} → {on:.2f} ± {error:.2f}" for off, on, error in each]
