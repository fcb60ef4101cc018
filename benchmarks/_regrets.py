"""From runs to regrets, and from regrets to what is claimed.

Notation
--------
found : {(problem, solver): {seed: regret after each trial}}
"""

import json

import numpy as np
from problems import load_problems, reference, regret
from scipy.stats import mannwhitneyu

CHECKPOINTS = (10, 20, 30, 50)
OURS = "ours"
GP_PEERS = ("skopt_gp", "optuna_gp", "hebo")
CONDITIONAL_PEERS = ("smac", "optuna_tpe")
N_RESAMPLES = 1000
# Runs that serve to find the best known loss, and are judged by nobody.
LONG = "long"


def read(paths):
    """Records of the working files, the last one of each run."""
    records = {}
    for path in paths:
        for line in path.read_text().splitlines():
            record = json.loads(line)
            key = ("problem", "solver", "seed", "workers")
            records[tuple(record[name] for name in key)] = record
    return list(records.values())


def best_so_far(record):
    """Loss without noise, after each trial, of the setting that looked best by then."""
    losses = np.array(record["losses"])
    observed = np.array(record.get("observed", losses))
    leads = observed <= np.minimum.accumulate(observed)
    return losses[np.maximum.accumulate(np.where(leads, np.arange(len(losses)), 0))]


def best_known(records):
    """Least loss of the reference and of all runs; {problem: (best, median)}."""
    known = {name: dict(row) for name, row in reference().items()}
    for record in records:
        row = known[record["problem"]]
        if not row["exact"]:
            row["best"] = min([row["best"], *record["losses"]])
    return {name: (row["best"], row["median"]) for name, row in known.items()}


def regrets(records, known, n_workers=1, n_trials=CHECKPOINTS[-1]):
    """Regret curves of the complete runs."""
    found = {}
    for record in records:
        whole = "error" not in record and len(record["losses"]) >= n_trials
        if whole and record["workers"] == n_workers and record["solver"] != LONG:
            curve = regret(best_so_far(record), *known[record["problem"]])
            found.setdefault((record["problem"], record["solver"]), {})[record["seed"]] = curve
    return found


def at(found, problem, solver, n):
    """Regrets of all seeds after `n` trials."""
    return np.array([curve[n - 1] for curve in found[problem, solver].values()])


def mean_at(found, problems, solver, n):
    """Mean over problems of the mean over seeds."""
    return float(np.mean([at(found, problem, solver, n).mean() for problem in problems]))


def seed_means(found, problems, solver, n):
    """Mean regret over problems (n_seeds,); where a run is missing, that of the other seeds."""
    runs = [found[problem, solver] for problem in problems]
    others = [at(found, problem, solver, n).mean() for problem in problems]
    seeds = sorted({seed for run in runs for seed in run})
    rows = [
        [run[seed][n - 1] if seed in run else mean for run, mean in zip(runs, others, strict=True)]
        for seed in seeds
    ]
    return np.mean(rows, axis=1)


def common(found, problems, *solvers):
    return [p for p in problems if all((p, solver) in found for solver in solvers)]


def ratio(found, problems, peer, n, ours=OURS):
    """Our mean regret over the peer's, on the problems that both have, and a 90 % interval.

    The interval is of resampled seeds, the same ones on all problems: where spaces are alike, the
    runs of one seed share their first points, and their luck. Problems are what they are.
    """
    problems = common(found, problems, ours, peer)
    if not problems:
        return None
    rng = np.random.default_rng(0)
    means = []
    for solver in (ours, peer):
        by_seed = seed_means(found, problems, solver, n)
        means.append(rng.choice(by_seed, (N_RESAMPLES, len(by_seed))).mean(axis=1))
    low, high = np.quantile(means[0] / means[1], [0.05, 0.95])
    mean = mean_at(found, problems, ours, n) / mean_at(found, problems, peer, n)
    return {"ratio": mean, "interval": [low, high], "n_problems": len(problems)}


def significantly_worse(found, problems, peer, n=50, ours=OURS):
    """Problems where our regrets are larger than the peer's: one-sided Mann-Whitney, Holm.

    Returns the p-values that are below .05 before correction, and which hold after it.
    """
    problems = common(found, problems, ours, peer)
    p = {}
    for problem in problems:
        mine, other = at(found, problem, ours, n), at(found, problem, peer, n)
        same = np.ptp(np.concatenate([mine, other])) == 0
        p[problem] = 1.0 if same else mannwhitneyu(mine, other, alternative="greater").pvalue
    ordered = sorted(p, key=p.get)
    holm, largest = [], 0.0
    for rank, problem in enumerate(ordered):
        largest = max(largest, (len(ordered) - rank) * p[problem])
        if largest < 0.05:
            holm.append(problem)
    return {
        "n_problems": len(problems),
        "before_correction": {name: float(p[name]) for name in ordered if p[name] < 0.05},
        "after_correction": holm,
    }


def summarise(found, problems, conditional):
    """All tables of one part."""
    solvers = sorted({solver for problem, solver in found if problem in problems})
    solvers = sorted(solvers, key=lambda s: s != OURS)
    rows = {}
    for solver in solvers:
        own = common(found, problems, solver)
        seeds = [len(found[problem, solver]) for problem in own]
        rows[solver] = {
            "n_problems": len(own),
            "n_seeds": [min(seeds), max(seeds)],
            "regret": {n: mean_at(found, own, solver, n) for n in CHECKPOINTS},
        }
    peers = [solver for solver in solvers if solver != OURS]
    ours = common(found, problems, OURS)
    complete = [peer for peer in peers if len(common(found, ours, peer)) == len(ours) > 0]
    best = {n: min(complete, key=lambda s: rows[s]["regret"][n], default=None) for n in CHECKPOINTS}
    return {
        "solvers": rows,
        "ratios": {p: {n: ratio(found, problems, p, n) for n in CHECKPOINTS} for p in peers},
        "best_peer": best,
        "worse": {p: significantly_worse(found, problems, p) for p in GP_PEERS if p in peers},
        "conditional": {
            p: ratio(found, conditional, p, CHECKPOINTS[-1])
            for p in CONDITIONAL_PEERS
            if p in peers
        },
    }


def workers(sequential, parallel, problems, n=50, ours=OURS):
    """Trials of simulated workers until the regret of `n` sequential trials is reached."""
    problems = [p for p in problems if (p, ours) in sequential and (p, ours) in parallel]
    if not problems:
        return None
    n_trials = min(len(curve) for p in problems for curve in parallel[p, ours].values())
    means = [np.mean([c[:n_trials] for c in parallel[p, ours].values()], axis=0) for p in problems]
    goals = [at(sequential, p, ours, n).mean() for p in problems]
    reached = [first(curve, goal) for curve, goal in zip(means, goals, strict=True)]
    return {
        "n_problems": len(problems),
        "n_trials": n_trials,
        "of_the_mean_curve": first(np.mean(means, axis=0), np.mean(goals)),
        "of_each_problem": dict(zip(problems, reached, strict=True)),
    }


def first(curve, goal):
    """Number of the trial at which the curve is down to the goal, None if it never is."""
    return int(np.argmax(curve <= goal)) + 1 if np.any(curve <= goal) else None


def cpu(records):
    """CPU seconds of ask and tell: {solver: ...}, medians over runs."""
    found = {}
    for solver in sorted({r["solver"] for r in records} - {LONG}):
        runs = [
            r for r in records if r["solver"] == solver and r["workers"] == 1 and "error" not in r
        ]
        late = [np.median(r["cpu"][45:50]) for r in runs if r["problem"].startswith("lcbench")]
        found[solver] = {
            "median_trial": float(np.median([np.median(r["cpu"]) for r in runs])),
            "whole_run": float(np.median([np.sum(r["cpu"][:50]) for r in runs])),
            "lcbench_46_to_50": float(np.median(late)) if late else None,
        }
    return found


def collect(paths, data=None):
    """What results/bayesian.json holds."""
    records = read(paths)
    known = best_known(records)
    sequential = regrets(records, known)
    parallel = regrets(records, known, n_workers=4)
    result = {"seeds": sorted({r["seed"] for r in records if r["solver"] != LONG})}
    result["solver_versions"] = {r["solver"]: r["version"] for r in records}
    result["failed"] = sorted({(r["problem"], r["solver"]) for r in records if "error" in r})
    result |= {"seconds": cpu(records), "problems": {}, "parts": {}, "curves": {}, "runs": {}}
    for name, problem in load_problems(data=data).items():
        best, median = known[name]
        result["problems"][name] = {
            "part": problem.part,
            "n_dims": problem.n_dims,
            "conditional_or_categorical": problem.conditional,
            "best_known": best,
            "median_draw": median,
        }
    for part in ("report", "tune"):
        names = [n for n, row in result["problems"].items() if row["part"] == part]
        conditional = [n for n in names if result["problems"][n]["conditional_or_categorical"]]
        result["parts"][part] = summarise(sequential, names, conditional)
        result["parts"][part]["workers"] = workers(sequential, parallel, names)
        result["curves"][part] = mean_curves(sequential, names)
    for (name, solver), seeds in sorted(sequential.items()):
        rows = {s: [float(f"{c[n - 1]:.5g}") for n in CHECKPOINTS] for s, c in seeds.items()}
        result["runs"].setdefault(name, {})[solver] = rows
    return result


def mean_curves(found, problems):
    """Mean regret after each trial, of the solvers that have all problems that we have."""
    ours = common(found, problems, OURS)
    solvers = {s for p, s in found if p in ours}
    return {
        solver: [float(f"{mean_at(found, ours, solver, n):.5g}") for n in range(1, 51)]
        for solver in sorted(solvers)
        if common(found, ours, solver) == ours
    }


def show(paths, part=None, problems=None):
    """Mean regrets on the terminal, on the problems that all solvers have run."""
    records = [
        r
        for r in read(paths)
        if part in (None, r["part"]) and (not problems or r["problem"] in problems)
    ]
    found = regrets(records, best_known(records))
    solvers = sorted({solver for _, solver in found})
    names = common(found, dict.fromkeys(p for p, _ in found), *solvers)
    print(f"{'':26}" + "".join(f"{s:>13}" for s in solvers))
    for name in names:
        means = [at(found, name, s, CHECKPOINTS[-1]).mean() for s in solvers]
        print(f"{name:26}" + "".join(f"{m:13.4f}" for m in means))
    for n in CHECKPOINTS:
        means = [mean_at(found, names, s, n) for s in solvers]
        print(f"{f'mean @{n}':26}" + "".join(f"{m:13.4f}" for m in means))
    seconds = cpu(records)
    print(f"{'CPU ms':26}" + "".join(f"{1e3 * seconds[s]['median_trial']:13.1f}" for s in solvers))
