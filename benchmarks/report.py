"""Draw REPORT.md from the JSON in results/, and from nothing else.

python benchmarks/report.py
"""

import json
from pathlib import Path

HERE = Path(__file__).parent
CHECKPOINTS = (10, 20, 30)


def load(name):
    path = HERE / "results" / name
    return json.loads(path.read_text()) if path.exists() else None


def table(head, rows):
    """A markdown table; numbers are right-aligned, the first column is not."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(map(str, row)) + " |" for row in [head, rule, *rows]]


def provenance(result):
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    load = " ".join(map(str, result["load_before"]))
    return [
        f"`{result['command']}`, {result['date']}, commit {result['commit']}, seeds "
        f"{result['seeds'][0]} to {result['seeds'][-1]}. {result['cpu']}, {result['n_cpus']} CPUs "
        f"(load {load} before), {result['threads']} thread; Python {result['python']}, {versions}.",
        "",
    ]


def overhead(result):
    lines = ["## Overhead: what a trial costs besides the fits", ""]
    lines += [
        "Medians over repetitions. *Overhead* is CPU time outside of the estimator's own methods; "
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
        f"Median number of evaluations, over {n_seeds} seeds, until the best loss is within a part "
        "of the gap between the optimum and the median random draw; in brackets how many of the "
        "searches came so far. *d + 1 starts*: as many initial points as without derivatives. "
        "*Fitted to values*: the hyperparameters of the process are found without derivatives.",
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


def mean_and_error(entry):
    return f"{entry['mean']:.5f} ± {entry['se']:.5f}"


def main():
    lines = [
        "# Benchmark report",
        "",
        "Drawn by `python benchmarks/report.py` from `results/`; + behind a commit: changed since.",
        "",
    ]
    sections = {
        "overhead.json": overhead,
        "quality_first_look.json": quality,
        "gradients_in_the_process.json": gradients,
    }
    for name, draw in sections.items():
        result = load(name)
        lines += draw(result) if result else [f"`results/{name}` is missing.", ""]
    text = "\n".join(lines).rstrip() + "\n"
    (HERE / "REPORT.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
