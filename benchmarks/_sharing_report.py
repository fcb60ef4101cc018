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
        [name, *[_share(row.get(s)) for s in solvers]]
        for name, row in result["summary"]["tasks"].items()
    ]
    median = result["summary"]["median"]
    rows.append(["median", *[_share(median[s]) for s in solvers]])
    rows.append(["seeds", *[_n_seeds(result["results"], s) for s in solvers]])
    lines += [*table(["pipeline and data", *solvers], rows), ""]
    lines += [f"- Bar of 0.1 for the median of *ours*: {met(median['ours'] <= 0.1)}.", ""]
    return lines + provenance(result | {"seeds": []})


def _n_seeds(results, solver):
    counts = {sum(solver in row["solvers"] for row in rows) for rows in results.values()}
    return " to ".join(map(str, sorted({min(counts), max(counts)})))


def _share(value):
    if value is None or math.isnan(value):
        return ""
    return "missed" if math.isinf(value) else f"{value:.2f}"


def fidelity(result):
    """The experiment with parts of the training samples."""
    summary, searches = result["summary"], list(next(iter(result["summary"]["tasks"].values())))
    n = max(row["candidates"] for row in result["tasks"].values())
    lines = ["## Candidates on a part of the samples first", ""]
    lines += [
        "An experiment, not in the package: CPU time until the best score of 60 random candidates, "
        "over that of the 60 candidates; medians over seeds. Candidates are first seen on a part "
        "of the samples; the Gaussian process has the part as one more input. Searches choose "
        f"from a recorded pool of {n} candidates only; their own CPU time is not counted. "
        "`benchmarks/fidelity.py` describes them. *ranks*: rank correlation of the scores on 1/9 "
        "and 1/3 with those on all samples, of the 40 best candidates.",
        "",
    ]
    n_tasks, rows = len(summary["tasks"]), []
    for name, row in summary["tasks"].items():
        cost, ranks = (result["tasks"][name][key] for key in ("cost", "correlation"))
        about = [f"{part[0]:.2f}, {part[1]:.2f}" for part in (cost, ranks)]
        rows.append([name, *about, *[_share(row[s]) for s in searches]])
    ideal = result["summary_in_proportion"]
    for name, found in (("saves a third", summary), ("the same, if time were as samples", ideal)):
        rows.append([name, "", "", *[f"{found['saves'][s]} of {n_tasks}" for s in searches]])
    lines += [*table(["task", "time of 1/9, 1/3", "ranks", *searches], rows), ""]
    lines += [f"- Bar: a third or more saved on at least 4 tasks: {met(summary['passes'])}.", ""]
    return lines + provenance(result)


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


def knowledge_peers(result):
    lines = ["## Knowledge of other data sets, against peers", ""]
    lines += [
        "Mean regret after ten trials in the same default space with the same folds, ± the "
        "standard error of the difference of *with knowledge* from it; of a seed that the files "
        "were not chosen by. The peers' Gaussian processes begin after four random candidates "
        "instead of ten, their default, with which all peers are random search here.",
        "",
    ]
    arms = {"on": "with knowledge", "off": "without"}
    columns = [arm for arm in result["summary"]["all"] if arm != "n_data_sets"]
    rows = [
        [name, str(row["n_data_sets"]), *[_peer(row[arm]) for arm in columns]]
        for name, row in sorted(result["summary"].items(), key=lambda item: item[0] == "all")
    ]
    head = ["family and score", "data sets", *[arms.get(arm, arm) for arm in columns]]
    lines += [*table(head, rows), ""]
    every = {arm: result["summary"]["all"][arm]["regret_at_10"] for arm in columns}
    best = min(value for arm, value in every.items() if arm not in arms)
    ratio = every["on"] / best
    lines += [
        f"- At most 0.55 of the best peer: {met(ratio <= 0.55)} ({ratio:.2f}); "
        f"{every['on'] / every['off']:.2f} of the same search without knowledge.",
        "",
    ]
    return lines + provenance(result | {"seeds": []})


def _peer(entry):
    error = f" ± {entry['standard_error']:.2f}" if entry["standard_error"] else ""
    return f"{entry['regret_at_10']:.2f}{error}"


def knowledge_branches(result):
    row = result["summary"]
    each = ", ".join(f"{n} trials: {text}" for n, text in zip((5, 10, 20), _regrets(row)))
    lines = ["## Knowledge of each branch", ""]
    lines += [
        f"SVC, k-NN or a tree, by accuracy, {row['n_data_sets']} data sets; regret without → with "
        f"knowledge, ± the standard error of the difference. {each}.",
        "",
    ]
    return lines + provenance(result | {"seeds": []})


def knowledge_emulated(result):
    lines = ["## Rules of known starts, on interpolated losses", ""]
    lines += [
        f"Regret of `GPSampler` after 5, 10 and 20 trials, {result['summary']['n']} searches on "
        "losses interpolated from the tables; ± is the standard error of the difference from "
        "eight known starts, the rule of skhyper.",
        "",
    ]
    rows = [
        [arm, *[f"{r:.3f} ± {e:.3f}" for r, e in zip(row["regret"], row["standard_error"])]]
        for arm, row in result["summary"].items()
        if arm != "n"
    ]
    at = ["after 5 trials", "after 10", "after 20"]
    lines += [*table(["known starts", *at], rows), ""]
    return lines + provenance(result | {"seeds": []})


def knowledge_costs(result):
    lines = ["## What knowledge costs a fit", ""]
    lines += ["CPU milliseconds, the median of ten fits; *before* without limits and caches.", ""]
    rows = [
        [name, *[f"{of[name]['median']:.1f}" if name in of else "" for of in _both(result)]]
        for name in result["after"]
    ]
    lines += [*table(["search", "before", "now"], rows), ""]
    return lines + provenance(result | {"seeds": []})


def _both(result):
    return result.get("before", {}), result["after"]
