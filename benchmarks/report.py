"""Draw REPORT.md from the JSON in results/, and from nothing else.

python benchmarks/report.py
"""

import json
from pathlib import Path

from _bayesian_report import ablation, bayesian, bayesian_costs
from _default_spaces_report import default_space_times, default_spaces, small_default_spaces
from _markdown import met, provenance, table
from _sharing_report import (
    fidelity,
    knowledge,
    knowledge_branches,
    knowledge_costs,
    knowledge_emulated,
    knowledge_peers,
    time_to_score,
)

HERE = Path(__file__).parent
CHECKPOINTS = (10, 20, 30)


def load(name):
    path = HERE / "results" / name
    return json.loads(path.read_text()) if path.exists() else None


def overhead(result):
    lines = ["## Overhead: cost of a trial besides the fits", ""]
    lines += [
        "Medians over repetitions. *Overhead* is CPU time outside of the estimator's methods; "
        "the ratio is taken within each repetition, its range in brackets.",
        "",
    ]
    for task in result["tasks"].values():
        rows = [overhead_row(name, row) for name, row in task["summary"].items()]
        lines += [f"**{task['what']}**; {task['n_iter']} trials.", ""]
        head = ["search", "overhead, CPU ms a trial", "over ours", "CPU s in all", "of it fits"]
        lines += [*table([*head, "best CV score, median (worst)"], rows), ""]
    return lines + provenance(result)


def overhead_row(name, row):
    low, high = row["overhead_over_ours_range"]
    ratio = row["overhead_over_ours"]
    return [
        name,
        f"{row['overhead_cpu_ms_per_trial']:.1f}",
        "1" if low == high == 1 else f"{ratio:.2g} ({low:.2g} to {high:.2g})",
        f"{row['cpu_seconds']:.2f}",
        f"{row['estimator_cpu_seconds']:.2f}",
        f"{row['best_score']:.4f} ({row['worst_best_score']:.4f})",
    ]


def quality(result):
    n_seeds = len(result["seeds"])
    lines = ["## Quality: a first look", ""]
    lines += [
        f"Mean regret (± its standard error) over {n_seeds} seeds: the best CV score that any run "
        "on the task found, minus the best so far. *Won (lost)* counts seeds on which Bayesian "
        "search was strictly better (worse) than random search with the same seed. Rows 30 / 60 "
        "compare 30 Bayesian trials with 60 random ones.",
        "",
    ]
    head = ["task", "trials", "Bayesian", "random", "Bayesian won (lost)"]
    rows = []
    for name, task in result["tasks"].items():
        summary = task["summary"]
        for n in CHECKPOINTS:
            won = f"{summary[f'bayes_won_{n}']} ({summary[f'bayes_lost_{n}']})"
            regrets = [mean_and_error(summary[f"{kind}_{n}"]) for kind in ("bayes", "random")]
            rows.append([name, n, *regrets, won])
        won = f"{summary['bayes_30_beat_random_60']} ({summary['bayes_30_lost_to_random_60']})"
        rows.append(
            [
                name,
                "30 / 60",
                mean_and_error(summary["bayes_30"]),
                mean_and_error(summary["random_60"]),
                won,
            ]
        )
    lines += [*table(head, rows), ""]
    lines += [f"- `{name}`: {task['what']}." for name, task in result["tasks"].items()]
    return [*lines, "", *provenance(result)]


def gradients(result):
    levels = [f"{100 * level:g} %" for level in result["levels"]]
    n_seeds = len(result["seeds"])
    lines = ["## Derivatives in the Gaussian process", ""]
    lines += [
        f"Median number of evaluations, over {n_seeds} seeds, until the best loss is within a "
        "share of the gap between the optimum and the median random draw; in brackets the number "
        "of searches that reached it. *d + 1 starts*: as many initial points as without "
        "derivatives. *Fitted to values*: the hyperparameters of the GP are fitted without "
        "derivatives.",
        "",
    ]
    head = ["task", "process", *levels, "CPU ms an ask"]
    rows = []
    for name, task in result["tasks"].items():
        for variant, row in task["summary"].items():
            counts = zip(row["evaluations"], row["searches_that_reached"], strict=True)
            cells = [f"{n if isinstance(n, str) else f'{n:g}'} ({k})" for n, k in counts]
            rows.append([name, variant, *cells, f"{row['cpu_ms_per_ask']:.0f}"])
    return [*lines, *table(head, rows), "", *provenance(result)]


def gradient_search(result):
    targets = result["targets"]
    lines = ["## GradientSearchCV against its targets", ""]
    lines += [
        "CPU time in ratios within one run, medians of repetitions; same folds for all.",
        "",
    ]
    draws = {"1": exactness, "2": cost, "3": searches, "4": searches, "5": memory}
    for number, draw in draws.items():
        if number in targets:
            lines += [f"### Target {number}", "", *draw(targets[number]), ""]
    return lines + provenance(result)


def exactness(target):
    rows = [
        [
            name,
            f"{row['error']:.1e}",
            f"{row['bar']:g}",
            met(row["met"]),
            f"{row['error_of_own']:.1e}" if "error_of_own" in row else "",
            row["why"],
        ]
        for name, row in target["rows"].items()
    ]
    head = ["estimator", "largest error", "bar", "met", "to own differences", "not exact because"]
    n_runs = max(len(row["runs"]) for row in target["rows"].values())
    return [
        "Distance of directional derivatives from central differences of scikit-learn's fits, "
        f"relative to the gradient: the largest of up to {n_runs} data sets of several scales, "
        "with sample weights and without. Where scikit-learn's solver is too coarse, also from "
        "differences of the exact solutions.",
        "",
        *table(head, rows),
    ]


def cost(target):
    rows = [
        [
            row["what"],
            f"{row['over_fits']:.2f}",
            f"{row['over_value']:.2f}",
            f"{row['bar']:g}",
            met(row["met"]),
        ]
        for row in target["rows"].values()
    ]
    head = ["task", "over scikit-learn's fits", "over own values", "bar", "met"]
    return [
        f"A search of {target['n_settings']} given settings, with gradients, over "
        "`cross_val_score` at the same settings, and over the same search without gradients. "
        "The bar is for the first.",
        "",
        *table(head, rows),
    ]


def searches(target):
    rows = []
    for name, row in target["rows"].items():
        summary, own = row["summary"], row["runs"]["GradientSearchCV"]
        seconds = f"{summary['cpu_seconds']['GradientSearchCV']:.2f}"
        trials = sorted(run["n_trials"] for run in own)[len(own) // 2]
        cells = [seconds, trials, "", ""]
        excess = f"{summary['loss']:.6g} ({100 * summary['excess']:+.2g} %)"
        options = ", ".join(f"{key}={value}" for key, value in row.get("options", {}).items())
        ours = f"GradientSearchCV({options})" if options else "GradientSearchCV"
        rows.append([name, ours, excess, met(summary["met"]["loss"]), *cells])
        for rival, loss in summary["rivals_losses"].items():
            share = f"{summary['cpu_share'][rival]:.2g}"
            bar = summary["bars"].get(rival)
            share += "" if bar is None else f" (bar {bar:.2g})"
            reached = "" if bar is None else met(summary["met"][rival])
            seconds = f"{summary['cpu_seconds'][rival]:.2f}"
            rows.append(["", rival, f"{loss:.6g}", "", seconds, "", share, reached])
    head = ["task", "search", "CV loss (to the best rival)", "met", "CPU s", "trials"]
    most = 100 * target["largest_excess"]
    return [
        f"The loss may be at most {most:g} % above that of the best rival. *Share*: our CPU time "
        "over the rival's.",
        "",
        *table([*head, "share", "met"], rows),
    ]


def memory(target):
    rows = []
    for name, row in target["rows"].items():
        peaks = [f"{peak:.0f}" for peak in row["peak_mb"].values()]
        copy = "yes" if row["dense_copy"] else "no"
        rows.append([name, *peaks, f"{row['over_fit']:.1f}", copy, met(row["met"])])
    head = ["estimator", "one fit, MB", "cross_val_score", "search", "search over fit"]
    return [
        f"Peak memory beyond that of the imports; the data have {target['data_mb']:.0f} MB, dense "
        f"they would have {target['dense_mb']:.0f}. Bar: {target['bar']:g} times one fit, and no "
        "dense copy.",
        "",
        *table([*head, "dense copy", "met"], rows),
    ]


def whole_range(result):
    labels, bar = result["labels"], result["largest_excess"]
    lines = ["## One or two hyperparameters: compared with a grid of the whole range", ""]
    lines += [
        f"{len(result['rows'])} tasks, {len(result['seeds'])} seeds (of data, folds and search) "
        "each; `GradientSearchCV` by default against a grid of 30 values, or of 10 x 10. "
        "*Excess*: CV loss over that of the best of the grid, less 1, median (worst); R² counts as "
        f"1 - R². *Worse*: runs in which it was above {100 * bar:g} %. *CPU*: over that of "
        "`GridSearchCV` on the grid, median, without the final fit. Where the score is not smooth "
        "(s), the lowest surrogate loss is compared; *score*: how far the best score is above the "
        "grid's, mean.",
        "",
    ]
    head = ["task"]
    for label in labels:
        head += [f"excess, {label}", "worse", "trials", "CPU", "score"]
    rows = []
    for name, row in result["rows"].items():
        cells = [name + " (s)" * row["surrogate"]]
        for label in labels:
            cells += whole_range_cells(row, label, bar)
        rows.append(cells)
    lines += [*table(head, rows), ""]
    rows = [
        [
            label,
            parts.pop("commit"),
            *[f"{part['n_worse']} of {part['n_runs']}" for part in parts.values()],
            *[f"{100 * part['worst']:.2g} %" for part in parts.values()],
            *[f"{part['trials_median']:g} ({part['trials_max']})" for part in parts.values()],
            *[f"{part['cpu_share_median']:.2f}" for part in parts.values()],
        ]
        for label, parts in ((label, dict(parts)) for label, parts in labels.items())
    ]
    head = [f"{what}, {n}-D" for what in ("worse", "worst", "trials (most)", "CPU") for n in (1, 2)]
    return lines + table(["code", "commit", *head], rows) + [""] + provenance(result)


def whole_range_cells(row, label, bar):
    runs = row["runs"].get(label, [])
    if not runs:
        return [""] * 5
    excess = sorted(run["excess"] for run in runs)
    grids = [row["grid"][str(run["seed"])] for run in runs]
    shares = sorted(run["cpu_seconds"] / g["cpu_seconds"] for run, g in zip(runs, grids))
    scores = [run["score"] - g["score"] for run, g in zip(runs, grids)]
    middle = len(runs) // 2
    return [
        f"{100 * excess[middle]:.2g} ({100 * excess[-1]:.2g}) %",
        sum(e > bar for e in excess),
        sorted(run["n_trials"] for run in runs)[middle],
        f"{shares[middle]:.2f}",
        f"{sum(scores) / len(scores):+.4f}" if row["surrogate"] else "",
    ]


def overfitting(result):
    lines = ["## Many hyperparameters: gain and overfitting", ""]
    lines += [
        f"Means over {len(result['seeds'])} seeds. *single*: one common value for all "
        "components; *plain*: no prior, by the loss of five folds (`prior=None`); *stopped*: the "
        "same on four fifths of the samples, and of its trials the one that predicts the last "
        "fifth best; *auto*: the default. *Over single*: test loss divided by that of *single* "
        "with the same seed, mean (worst), and number of seeds in which it was more than 0.1 % "
        "higher. The rule by which *auto* chooses a strength was tuned on other seeds of the "
        "first tasks, and not on tasks marked unseen. CPU seconds are medians; those of *plain* "
        "include the check for overfitting.",
        "",
    ]
    rows = []
    for name, task in result["tasks"].items():
        for kind, row in task["summary"].items():
            over = f"{row['test_over_single']:.3f} ({row['worst_over_single']:.3f})"
            losses = [f"{row[key]:.4f}" for key in ("cv_loss", "test_loss")]
            seconds = f"{row['cpu_seconds']:.2f}"
            rows.append([name, kind, *losses, over, row["n_above_single"], seconds])
    head = ["task", "search", "CV loss", "test loss", "over single", "times above", "CPU s"]
    return lines + table(head, rows) + [""] + provenance(result)


def corrected_scores(result):
    lines = [
        "## Corrected scores",
        "",
        "Mean error (bias) of the score of the selected candidate, in accuracy, and share of the "
        "90 % intervals that cover the truth. *Simulated*: fold scores around known means; "
        "*fitted*: kernel ridge classifiers on 120 samples, the truth is the accuracy of the refit "
        "on 3000 others. Bars: bias within 0.005, coverage of at least 0.85.",
        "",
    ]
    rows = []
    for group in ("simulated", "fitted"):
        for name, row in result[group].items():
            methods = row["methods"]
            cells = [
                f"{m['bias']:+.4f}" + (f" ({m['coverage']:.2f})" if "coverage" in m else "")
                for m in methods.values()
            ]
            cells += [""] * (5 - len(cells))  # simulated scores have no predictions
            error = f"{methods['bootstrap']['bias_standard_error']:.4f}"
            rows.append([group, name, row["n_runs"], *cells, error])
    head = ["scores", "case", "runs", *methods, "s.e. of bootstrap"]
    total = [_within(result[group], group) for group in ("simulated", "fitted")]
    return [*lines, *table(head, rows), "", *total, "", *provenance(result)]


def _within(cases, group):
    """How many of the cases meet the bars, for each method."""
    found = []
    for name in next(iter(cases.values()))["methods"]:
        if name != "uncorrected":
            rows = [case["methods"][name] for case in cases.values()]
            bias = sum(abs(row["bias"]) <= 0.005 for row in rows)
            covered = sum(row["coverage"] >= 0.85 for row in rows)
            worst = max(abs(row["bias"]) for row in rows)
            found.append(f"{name} {bias} and {covered} (largest bias {worst:.3f})")
    return (
        f"- Of {len(cases)} {group} cases meet the bars of bias and coverage: {'; '.join(found)}."
    )


def peaks(result):
    rows = []
    for name, row in result["rows"].items():
        own, rival = row["runs"]["GradientSearchCV"], row["runs"][row["rival"]]
        shape, mb = " x ".join(map(str, row["shape"])), (f"{run['mb']:.0f}" for run in (rival, own))
        rows.append([name, shape, row["rival"], *mb, f"{row['ratio']:.2f}", met(row["met"])])
    head = ["task", "data", "compared with", "its peak, MB", "search", "ratio", "met"]
    return [
        "## Peak memory of gradient searches",
        "",
        "`GradientSearchCV` of one penalty, 5 folds; each process reads the data and fits. "
        "Compared with `GridSearchCV` of 3 candidates: whole processes; with one fit: beyond the "
        f"imports. Bar: {result['bar']:g}.",
        "",
        *table(head, rows),
        "",
        *provenance(result),
    ]


def import_time(result):
    rows = [
        [
            f"`{name}`",
            f"{row['cpu_seconds_median']:.3f} ({row['cpu_seconds_min']:.3f})",
            f"{row['wall_seconds_median']:.3f} ({row['wall_seconds_min']:.3f})",
            row["modules"],
            ", ".join(row["packages"]),
        ]
        for name, row in result["imports"].items()
    ]
    head = ["import", "CPU s, median (least)", "wall s, median (least)", "modules", "of"]
    return [
        "## Import time",
        "",
        "What is added to `import sklearn.model_selection`, each time in a fresh process, "
        f"{result['repeats']} times. Bar: 0.15 s, stretch 0.05 s.",
        "",
        *table(head, rows),
        "",
        *provenance({**result, "seeds": None}),
    ]


def cost_aware(result):
    shares = [f"{part:.0%}" for part in result["parts"]]
    rows = [
        [
            f"{row['function']}, cost {row['cost']}",
            *[
                f"{plain:.4f} / {aware:.4f}"
                for plain, aware in zip(row["plain"]["regret_mean"], row["aware"]["regret_mean"])
            ],
            f"{row['plain']['trials_mean']:.0f} / {row['aware']['trials_mean']:.0f}",
        ]
        for row in result["rows"]
    ]
    return [
        "## Trials of different cost",
        "",
        "Mean regret (0: the optimum, 1: the median of the space) at shares of a budget of "
        f"{result['n_average']} trials of average cost, without / with a model of the cost, which "
        f"differs by a factor of {result['ratio']:g} within the space, in artificial seconds.",
        "",
        *table(["problem", *[f"at {share}" for share in shares], "trials"], rows),
        "",
        *provenance(result),
    ]


def early_stopping(result):
    rows = []
    for row in result["rows"]:
        name = row["problem"] + ("" if row["noise"] is None else f", noise {row['noise']:g}")
        cells = [
            f"{rule['trials_median']:.0f}; {rule['lost_mean']:.2f} ({rule['lost_worst']:.2f})"
            for rule in row["rules"].values()
        ]
        rows.append([name, *cells])
    return [
        "## Early stopping",
        "",
        f"Of {result['n_trials']} trials, the median number before the rule stops; then the loss "
        "by stopping, mean (and worst), in standard deviations of the noise of cross-validation. "
        "All rules but the last: bound of the regret below the noise, after at least the given "
        "number of trials. `early_stopping=True` is `20 trials, 3 in a row`.",
        "",
        *table(["problem", *result["rules"]], rows),
        "",
        *provenance(result),
    ]


def racing(result):
    rows = [
        [name, f"{row['fits']:.2f}", f"{row['same_winner']} of {row['n']}"]
        + [f"{row['within_noise']} of {row['n']}", f"{row['worse_mean']:.3f}"]
        for name, row in result["summary"].items()
    ]
    drops = []
    for name in ("real", "simulated"):
        n, n_lost = (sum(row[key] for row in result[name]) for key in ("races", "n_lost"))
        drops.append(f"{n_lost} of {n} races of {name} scores")
    stopped = result["stopped"]
    compared = {
        name: sum((row["all folds"] - row[name]) / row["noise"] for row in stopped) / len(stopped)
        for name in ("own folds", "fold effects")
    }
    return [
        "## Racing",
        "",
        "Folds that are run, relative to all, by search and folds; and how far the winner is from "
        "the best candidate (Bayesian search: the winner without racing), in standard errors.",
        "",
        *table(["search, folds", "fits", "same winner", "within noise", "worse by"], rows),
        "",
        f"The best candidate was stopped in {' and in '.join(drops)}; the stated rate is "
        f"{result['error_rate']:.0%}. Bayesian searches whose stopped trials have the mean of "
        "their own folds as loss, or the estimate by fold effects, ended "
        f"{compared['own folds']:.3f} and {compared['fold effects']:.3f} standard errors below "
        "those that are told the exact mean of all folds.",
        "",
        *provenance(result),
    ]


def networks(result):
    lines = ["## Networks", ""]
    lines += [
        "Fits with Adam at equal epochs and batch sizes on the digits, in CPU time of "
        "scikit-learn's; bar: 1.5 (issue 4).",
        "",
    ]
    rows = []
    for fit in result["fits"]:
        means = [f"{sum(a) / len(a):.3f}" for a in fit["accuracy"].values()]
        ratio = fit["cpu_ratio"]
        rows.append([fit["hidden_layer_sizes"], f"{ratio:.2f}", met(ratio <= 1.5), *means])
    head = ["hidden layers", "CPU ratio", "met", "accuracy, ours", "scikit-learn's"]
    lines += [*table(head, rows), ""]
    lines += [
        "Training with derivatives with respect to k hyperparameters, relative to training "
        "without; bar: about 1 + k.",
        "",
    ]
    rows = []
    for part in result["derivatives"]:
        cells = [f"{row['k']}: {row['cpu_ratio']:.2f}" for row in part["ratios"]]
        rows.append([part["hidden_layer_sizes"], part["optimizer"], *cells])
    head = ["hidden layers", "optimizer", "rate", "and penalties", "and the optimizer's own"]
    lines += [*table(head, rows), ""]
    lines += [
        "Learning rate, penalties and momentum by gradients against the best of 30 random "
        "candidates. *Seeds met*: gradients were at least as good within the CPU time of 10 random "
        "settings.",
        "",
    ]
    rows = []
    for name, task in result["learning"].items():
        summary = task["summary"]
        time = summary["median_cpu_to_beat"]
        rows.append(
            [
                name,
                summary["n_dims"],
                summary["beats_within_10"],
                "not reached" if time is None else f"{time:.1f}",
                f"{summary['median_cpu_of_a_gradient']:.1f}",
            ]
        )
    head = ["task", "hyperparameters", "seeds met", "random settings' CPU to beat 30"]
    lines += [*table([*head, "of one gradient"], rows), ""]
    return lines + provenance(result)


def estimators(result):
    parts = {name: part["results"] for name, part in result["parts"].items()}
    lines = ["## Estimators with many hyperparameters", ""]
    if "bands" in parts:
        lines += banded(parts["bands"])
    if "ard" in parts:
        lines += length_scales(parts["ard"])
    if "fits" in parts:
        lines += plain_fits(parts["fits"])
    return lines + provenance(result)


LOSSES = ["CV loss", "test loss", "worst test loss", "CPU s"]


def losses(row):
    names = ("cv_loss", "test_loss", "worst_test_loss", "cpu_seconds")
    return [f"{row[name]:.4g}" for name in names]


def first_over(row):
    """The first search's losses and CPU time over this one's."""
    return [f"{row[f'ours_over_it_{name}']:.2g}" for name in ("cv_loss", "test_loss")]


def banded(tasks):
    lines = []
    for name, task in tasks.items():
        bar = "at 1 / 20 of their CPU" if name == "10 bands" else "test loss below one penalty's"
        rows = []
        for search, row in task["rows"].items():
            share = row["ours_over_it_cpu_seconds"]
            rows.append([search, *losses(row), *first_over(row), f"1 / {1 / share:.3g}"])
        lines += [
            f"### One penalty for each of {name}",
            "",
            f"{task['what']}; medians over seeds. Ratios: the first search over this one, within "
            f"a seed. Bars: CV loss {task['best_of_cv']:g} of the rivals', {bar}.",
            "",
            *table(["search", *LOSSES, "CV ratio", "test ratio", "CPU share"], rows),
            "",
        ]
    return lines


def length_scales(task):
    rows = [[name, *losses(row), *first_over(row)] for name, row in task["rows"].items()]
    return [
        "### One length-scale for each of 30 features",
        "",
        f"{task['what']}; medians over seeds. Ratios: the first search over this one. Bars: CV "
        "loss 0.1 of gp_minimize's, test loss 1.1 of that by the marginal likelihood.",
        "",
        *table(["search", *LOSSES, "CV ratio", "test ratio"], rows),
        "",
    ]


def plain_fits(fits):
    rows = [
        [
            row["shape"],
            f"{row['ours']} / {row['estimator']}",
            f"{row['cpu_ratio']:.2f}",
            f"{row['theirs_cpu_seconds']:.2g}",
            f"{row['distance']:.1e}",
        ]
        for row in fits
    ]
    return [
        "### Fits",
        "",
        "CPU time of one fit over scikit-learn's at the same penalty. *Distance*: of the "
        "predictions, relative to their spread. Ours are solved to about 1e-7 or better.",
        "",
        *table(["data", "estimators", "CPU ratio", "CPU s, scikit-learn", "distance"], rows),
        "",
    ]


def mean_and_error(entry):
    return f"{entry['mean']:.5f} ± {entry['se']:.5f}"


def main():
    lines = [
        "# Benchmark report",
        "",
        "Look up how fast and how good the searches are. Each section has the results of a "
        "benchmark, its targets, and the command that repeats it.",
        "",
        "Drawn by `python benchmarks/report.py` from `results/`; + behind a commit: changed since.",
        "",
    ]
    sections = {
        "overhead.json": overhead,
        "quality_first_look.json": quality,
        "bayesian.json": bayesian,
        "bayesian_costs.json": bayesian_costs,
        "ablation.json": ablation,
        "gradients_in_the_process.json": gradients,
        "gradient_search.json": gradient_search,
        "memory.json": peaks,
        "whole_range.json": whole_range,
        "overfitting.json": overfitting,
        "corrected_scores.json": corrected_scores,
        "import_time.json": import_time,
        "cost_aware.json": cost_aware,
        "early_stopping.json": early_stopping,
        "racing.json": racing,
        "time_to_score.json": time_to_score,
        "fidelity.json": fidelity,
        "knowledge.json": knowledge,
        "knowledge_peers.json": knowledge_peers,
        "knowledge_branches.json": knowledge_branches,
        "knowledge_emulated.json": knowledge_emulated,
        "knowledge_costs.json": knowledge_costs,
        "networks.json": networks,
        "estimators.json": estimators,
        "default_spaces.json": default_spaces,
        "small_default_spaces.json": small_default_spaces,
        "default_space_times.json": default_space_times,
    }
    for name, draw in sections.items():
        result = load(name)
        lines += draw(result) if result else [f"`results/{name}` is missing.", ""]
    text = "\n".join(lines).rstrip() + "\n"
    (HERE / "REPORT.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
