"""Bayesian search beside its peers: run, then collect.

    python benchmarks/bayesian.py --part report --seeds 10 --solvers ours random --out runs.jsonl
    python benchmarks/bayesian.py --collect runs.jsonl more.jsonl

Each run (problem, solver, seed) is one line of JSON in a working file; with ``--resume`` those that
are there already are left out. ``--collect`` draws results/bayesian.json from such files.
"""

import argparse
import ast
import heapq
import json
import subprocess
import sys
import traceback
from pathlib import Path

import _environment  # first: it sets the number of threads before numpy is imported
import _reference
import _regrets
import numpy as np
from problems import load_problems
from problems._problem import from_plain, plain_space
from solvers import SOLVERS
from solvers._remote import Local, Remote


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["tune", "report"])
    parser.add_argument("--solvers", nargs="+", default=["ours"], choices=list(SOLVERS))
    parser.add_argument("--problems", nargs="+", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=10, help="how many, from --first-seed on")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--workers", type=int, default=1, help="simulated; durations are random")
    parser.add_argument("--data", help="directory with yahpo/; or SKHYPER_BENCH_DATA")
    parser.add_argument("--python", nargs="+", default=[], metavar="SOLVER=PATH")
    parser.add_argument("--set", nargs="+", default=[], metavar="OPTION=VALUE", dest="options")
    parser.add_argument("--label", help="name of the solver in the results")
    parser.add_argument("--out", type=Path, help="working file of JSON lines")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--reference", action="store_true", help="draw medians and bests anew")
    parser.add_argument("--collect", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--print", nargs="+", type=Path, metavar="FILE", dest="show")
    return parser.parse_args()


def main():
    args = arguments()
    if args.reference:
        _reference.write_reference(load_problems(args.part, args.problems, args.data))
    elif args.collect:
        result = _environment.environment("python benchmarks/bayesian.py")
        result |= _regrets.collect(args.collect, args.data)
        print(_environment.write("bayesian.json", result))
    elif args.show:
        _regrets.show(args.show, args.part, args.problems)
    else:
        run_all(args)


def run_all(args):
    """Seed by seed, so that what is there at any time covers all problems."""
    pythons = dict(pair.split("=", 1) for pair in args.python)
    options = {k: ast.literal_eval(v) for k, v in (pair.split("=", 1) for pair in args.options)}
    problems = load_problems(args.part, args.problems, args.data)
    done = known_runs(args.out) if args.resume else set()
    versions = {name: version(name, pythons.get(name)) for name in args.solvers}
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for problem in problems.values():
            for name in args.solvers:
                key = (problem.name, args.label or name, seed, args.workers)
                if key in done:
                    continue
                start = pythons.get(name)
                record = dict(zip(("problem", "solver", "seed", "workers"), key, strict=True))
                record |= {"part": problem.part, "version": versions[name], "options": options}
                record |= run(problem, name, start, seed, args.trials, args.workers, options)
                keep(record, args.out)


def run(problem, name, python, seed, n_trials, n_workers, options):
    """Losses in the order in which they were told, CPU seconds of each ask and tell."""
    dims = plain_space(problem.space)
    start = (name, dims, seed, n_trials)
    found = {"losses": [], "observed": [], "cpu": []}
    solver = None
    try:
        solver = Remote(python, *start, **options) if python else Local(*start, **options)
        simulate(problem, solver, seed, n_trials, n_workers, found)
    except Exception:  # noqa: BLE001 a peer's failure is a result
        found["error"] = traceback.format_exc(limit=-3)
        print(found["error"], file=sys.stderr)
    finally:
        if solver is not None:
            solver.close()
    if not problem.noise:
        del found["observed"]
    return found


def simulate(problem, solver, seed, n_trials, n_workers, found):
    """Ask whenever a worker is free; trials last for random times, those of a seed the same."""
    durations = np.random.default_rng([seed, 1]).lognormal(0.0, 0.5, size=n_trials)
    running = []
    for trial in range(n_trials + n_workers):
        if trial >= n_workers or trial >= n_trials:
            if not running:
                break
            now, _, token, value, cpu = heapq.heappop(running)
            observed = problem.observe(value, seed, len(found["losses"]))
            _, told = solver.call("tell", token, observed)
            found["losses"].append(rounded(value))
            found["observed"].append(rounded(observed))
            found["cpu"].append(rounded(cpu + told, 3))
        else:
            now = 0.0
        if trial < n_trials:
            (token, params), cpu = solver.call("ask")
            value = problem.value(from_plain(problem.space, params))
            heapq.heappush(running, (now + durations[trial], trial, token, value, cpu))


def rounded(x, digits=8):
    return float(f"{x:.{digits}g}")


def keep(record, path):
    n, best = len(record["losses"]), min(record["losses"], default=float("nan"))
    cpu = 1e3 * sum(record["cpu"]) / max(n, 1)
    print(
        f"{record['problem']:24} {record['solver']:12} seed {record['seed']:3} {n:4} trials "
        f"best {best:10.5g} {cpu:9.1f} CPU ms a trial",
        flush=True,
    )
    if path:
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def known_runs(path):
    records = _regrets.read([path]) if path and path.exists() else []
    return {(r["problem"], r["solver"], r["seed"], r["workers"]) for r in records}


def version(name, python):
    """Version of the solver's package, in the Python where it runs."""
    code = f"import importlib.metadata as m; print(m.version({SOLVERS[name][2]!r}))"
    done = subprocess.run([python or sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
