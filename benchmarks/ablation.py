"""What each ingredient of the Bayesian engine is worth: it is taken out, and the search run again.

    python benchmarks/ablation.py --seeds 5 --out ablation.jsonl --resume
    python benchmarks/ablation.py --collect ablation.jsonl

On the tuning part only. Runs are those of bayesian.py, one line of JSON each. A change is another
value of some fields of the engine's `Rules`.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import _environment  # first: it sets the number of threads before numpy is imported
import _regrets
import bayesian
import numpy as np
from problems import load_problems
from scipy.stats import wilcoxon

from skhyper.gp import Priors
from skhyper.samplers import Rules
from skhyper.samplers._encoding import Encoding
from skhyper.samplers._losses import clip_outliers

# A fit takes so long that they say little for their time.
SLOW = ("forest_friedman", "boosting_friedman", "mlp_iris")
WHOLE = "ours"


def _as_they_are(losses):
    known = losses[np.isfinite(losses)]
    return np.where(np.isfinite(losses), losses, known.max())


def _yeo_johnson(losses):
    """Clipped losses by the power transform of largest likelihood."""
    y = clip_outliers(losses)
    z = (y - np.median(y)) / (y.std() or 1.0)
    grid = [(_log_likelihood(z, _power(z, p), p), p) for p in np.linspace(-2.0, 2.0, 17)]
    return _power(z, max(grid)[1])


def _power(z, p):
    up, down = np.maximum(z, 0.0), np.maximum(-z, 0.0)
    above = np.log1p(up) if p == 0 else ((1.0 + up) ** p - 1.0) / p
    below = np.log1p(down) if p == 2 else ((1.0 + down) ** (2.0 - p) - 1.0) / (2.0 - p)
    return above - below


def _log_likelihood(z, w, p):
    jacobian = (p - 1.0) * (np.sign(z) * np.log1p(np.abs(z))).sum()
    return -0.5 * len(z) * np.log(w.var() + 1e-300) + jacobian - 0.5 * (p - 1.0) ** 2


@dataclass(frozen=True)
class _Embedding(Encoding):
    """One more feature for each conditional dimension: whether it is active.

    What is inactive is then as far from all that is active, as in Hutter and Osborne (2013),
    arXiv:1310.5738, in place of lying in the middle of its range.
    """

    @classmethod
    def from_space(cls, space):
        whole = Encoding.from_space(space)
        dims = np.flatnonzero(np.isnan(space.sample(256, np.random.default_rng(0))).any(axis=0))
        return cls(space, whole.columns, np.concatenate([whole.groups, dims]))

    def encode(self, points):
        F, first = super().encode(points), self.columns[-1].stop
        F[:, first:] = 0.5 * ~np.isnan(points[:, self.groups[first:]])
        return F


# A Matérn 3/2 kernel, which is not a rule, was measured by an earlier version of this file.
CHANGES = {
    WHOLE: Rules(),
    "a Sobol sequence of d + 1 points first": Rules(starts_in_middle=False, max_initial_points=100),
    "no augmentation for noise": Rules(noise_weight=0.0),
    "half the augmentation for noise": Rules(noise_weight=1.0),
    "no trials along lines": Rules(line_period=10**9),
    "no doubt along lines": Rules(line_std_scale=1.0),
    "lines from the first model on": Rules(first_line=4),
    "no trials in each branch": Rules(min_branch_trials=0),
    "branches first": Rules(branch_period=1),
    "no candidates around the best": Rules(local_share=0.0),
    "all candidates in long histories": Rules(min_candidate_share=1.0),
    "no climbing": Rules(max_polish_iterations=0),
    "climbing from 20 trials on, in all spaces": Rules(covered_dimensions=100),
    "climbing from the first model on, in all spaces": Rules(covered_dimensions=0),
    "climbing from 10 trials on where it waits": Rules(first_polish=10),
    "losses as they are": Rules(transform_losses=_as_they_are),
    "losses by Yeo-Johnson": Rules(transform_losses=_yeo_johnson),
    "hyperparameters fitted at each trial": Rules(refit_growth=10**9),
    "flat prior of length-scales": Rules(priors=Priors(length_scale=(-1.0, 10.0))),
    "length-scales expected 2.7 times longer": Rules(
        priors=Priors(length_scale=(np.sqrt(2.0) - 2.0, np.sqrt(3.0)))
    ),
    "inactive dimensions embedded": Rules(encoding=_Embedding.from_space),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", nargs="+", default=list(CHANGES), choices=list(CHANGES))
    parser.add_argument("--problems", nargs="+", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", help="directory with yahpo/; or SKHYPER_BENCH_DATA")
    parser.add_argument("--out", type=Path, help="working file of JSON lines")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--collect", nargs="+", type=Path, metavar="FILE")
    return parser.parse_args()


def main():
    args = arguments()
    if args.collect:
        result = _environment.environment("python benchmarks/ablation.py") | collect(args.collect)
        print(_environment.write("ablation.json", result))
        return
    problems = load_problems("tune", args.problems, args.data)
    if not args.problems:
        problems = {n: p for n, p in problems.items() if n not in SLOW}
    done = bayesian.known_runs(args.out) if args.resume else set()
    for seed in range(args.seeds):
        for change in args.changes:
            for problem in problems.values():
                key = (problem.name, change, seed, 1)
                if key not in done:
                    options = {"rules": CHANGES[change]}
                    found = bayesian.run(problem, "ours", None, seed, 50, 1, options)
                    names = ("problem", "solver", "seed", "workers")
                    record = dict(zip(names, key, strict=True)) | {"part": problem.part}
                    bayesian.keep(record | found, args.out)


def collect(paths):
    """Mean regrets with each change, and their differences to the whole engine's."""
    records = [r for r in _regrets.read(paths) if r["solver"] in CHANGES]
    found = _regrets.regrets(records, _regrets.best_known(records))
    problems = sorted({problem for problem, _ in found})
    result = {"seeds": sorted({r["seed"] for r in records}), "problems": problems, "changes": {}}
    for change in CHANGES:
        if all((problem, change) in found for problem in problems):
            result["changes"][change] = compared(found, problems, change)
    return result


def compared(found, problems, change):
    """Means over the seeds that both have, and Wilcoxon's p over all pairs of runs."""
    row = {"regret": {}, "difference": {}, "p": {}, "n_runs": 0}
    pairs = [
        (found[p, change][seed], found[p, WHOLE][seed])
        for p in problems
        for seed in found[p, change]
        if seed in found[p, WHOLE]
    ]
    row["n_runs"] = len(pairs)
    for n in _regrets.CHECKPOINTS:
        values = np.array([(curve[n - 1], whole[n - 1]) for curve, whole in pairs])
        difference = values[:, 0] - values[:, 1]
        row["regret"][n] = float(values[:, 0].mean())
        row["difference"][n] = float(difference.mean())
        row["p"][n] = float(wilcoxon(difference).pvalue) if difference.any() else 1.0
    return row


if __name__ == "__main__":
    main()
