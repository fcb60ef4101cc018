"""From runs to regrets."""

import json

import numpy as np
from problems import reference, regret

CHECKPOINTS = (10, 20, 30, 50)


def read(paths):
    """Records of the working files, the last one of each run."""
    records = {}
    for path in paths:
        for line in path.read_text().splitlines():
            r = json.loads(line)
            records[r["problem"], r["solver"], r["seed"], r["workers"]] = r
    return list(records.values())


def best_so_far(record):
    """Noise-free loss, after each trial, of the one that looked best by then."""
    losses = np.array(record["losses"])
    observed = np.array(record.get("observed", losses))
    leader = np.maximum.accumulate(
        np.where(observed <= np.minimum.accumulate(observed), np.arange(len(losses)), 0)
    )
    return losses[leader]


def curves(records):
    """Regret after each trial: {(problem, solver): {seed: array}}; failed runs left out."""
    known = reference()
    exact = {name for name, row in known.items() if row.get("exact")}
    best = {name: row["best"] for name, row in known.items()}
    for r in records:
        if r["losses"] and r["problem"] not in exact:
            best[r["problem"]] = min(best[r["problem"]], min(r["losses"]))
    found = {}
    for r in records:
        if "error" not in r:
            values = regret(best_so_far(r), best[r["problem"]], known[r["problem"]]["median"])
            found.setdefault((r["problem"], r["solver"]), {})[r["seed"]] = values
    return found


def show(paths, part=None, problems=None):
    """Mean regrets on the terminal, on the problems that all solvers have run."""
    records = [
        r
        for r in read(paths)
        if r["workers"] == 1
        and part in (None, r["part"])
        and (not problems or r["problem"] in problems)
    ]
    found = curves(records)
    solvers = sorted({solver for _, solver in found})
    names = sorted({p for p, _ in found if all((p, s) in found for s in solvers)})
    print(f"{'':26}" + "".join(f"{s:>14}" for s in solvers))
    for n in CHECKPOINTS:
        for name in names if n == CHECKPOINTS[-1] else []:
            means = [np.mean([c[n - 1] for c in found[name, s].values()]) for s in solvers]
            print(f"{name:26}" + "".join(f"{m:14.4f}" for m in means))
        means = [
            np.mean([np.mean([c[n - 1] for c in found[p, s].values()]) for p in names])
            for s in solvers
        ]
        print(f"{'mean @' + str(n):26}" + "".join(f"{m:14.4f}" for m in means))
    ms = {
        s: 1e3 * np.median([np.mean(r["cpu"]) for r in records if r["solver"] == s])
        for s in solvers
    }
    print(f"{'CPU ms a trial':26}" + "".join(f"{ms[s]:14.1f}" for s in solvers))


def collect(paths):
    raise NotImplementedError
