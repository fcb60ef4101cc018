"""The benchmarks of Bayesian search measure what they say."""

import importlib
import json
import os
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from skhyper.space import Space

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not in what is installed", allow_module_level=True)

# The driver fixes the number of threads: that must not reach other tests.
with mock.patch.dict(os.environ), mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
    bayesian = importlib.import_module("bayesian")
    regrets = importlib.import_module("_regrets")
    report = importlib.import_module("_bayesian_report")
    problems = importlib.import_module("problems")
    plain = importlib.import_module("problems._problem")
    solvers = importlib.import_module("solvers")
    remote = importlib.import_module("solvers._remote")

PROBLEMS = problems.load_problems()
# Minimisers as published (see problems/_functions.py), of the coordinates that count.
MINIMISERS = {
    "branin": [np.pi, 2.275],
    "hartmann3": [0.114614, 0.555649, 0.852547],
    "hartmann6": [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573],
    "hartmann6_in_50": [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573],
    "levy4_in_20": [1.0, 1.0, 1.0, 1.0],
    "styblinski3_in_25": [-2.903534] * 3,
    "noisy_camel": [0.0898, -0.7126],
    "noisy_goldstein_price": [0.0, -1.0],
    "ackley3_in_30": [0.0] * 3,
    "hartmann3_in_40": [0.114614, 0.555649, 0.852547],
    "cosine4_in_16": [0.0] * 4,
    "log_rosenbrock4": [1.0] * 4,
    "noisy_michalewicz3": [2.137558, 1.570796, 1.294214],
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.fast_cases(5)
def test_every_problem_can_be_evaluated(name):
    problem = PROBLEMS[name]
    Space(problem.space)
    for params in problem.draw(2, seed=0):
        value = problem.value(params)
        assert np.isfinite(value)
        assert problem.value(dict(params)) == value
    row = problems.reference()[name]
    assert row["best"] < row["median"]


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_plain_space_is_the_same_space(name):
    space = PROBLEMS[name].space
    for params in PROBLEMS[name].draw(20, seed=1):
        labels = {
            n: str(v) if not isinstance(v, int | float) or isinstance(v, bool) else v
            for n, v in params.items()
        }
        # What is inactive may have any value: it is left out.
        for dim in plain.plain_space(space):
            labels.setdefault(dim["name"], dim["labels"][0] if "labels" in dim else dim["low"])
        back = plain.from_plain(space, labels)
        assert back == params
        assert all(type(back[n]) is type(params[n]) for n in params)


def test_both_parts_have_problems_of_every_kind():
    for part in ("tune", "report"):
        own = problems.load_problems(part)
        assert any(p.optimum is not None for p in own.values())
        assert any(p.noise for p in own.values())
        assert any(p.n_dims >= 20 for p in own.values())
        assert sum(p.conditional for p in own.values()) >= 3
        assert sum(p.optimum is None for p in own.values()) >= 6


@pytest.mark.parametrize("name", MINIMISERS)
def test_minima_are_where_they_were_published(name):
    problem = PROBLEMS[name]
    x = iter(MINIMISERS[name])
    params, base = {}, problem.draw(1, seed=0)[0]
    if problem.n_dims > len(MINIMISERS[name]):
        value = problem.value(base)
        others = problem.draw(1, seed=1)[0]
        active = [n for n in base if problem.value(base | {n: others[n]}) != value]
    else:
        active = list(base)
    params = base | {n: next(x) for n in active}
    assert problem.value(params) == pytest.approx(problem.optimum, abs=2e-5)
    assert len(active) == len(MINIMISERS[name])


def test_lcbench_is_left_out_without_data(tmp_path):
    assert not any(name.startswith("lcbench") for name in problems.load_problems(data=tmp_path))


def test_regret_is_0_at_the_best_and_1_at_the_median():
    assert problems.regret(np.array([2.0, 5.0, 8.0]), 2.0, 5.0) == pytest.approx([0, 1, 2])


def test_with_noise_the_setting_that_looked_best_counts():
    record = {"losses": [3.0, 1.0, 2.0, 0.5], "observed": [3.0, 2.5, 1.5, 2.0]}
    assert regrets.best_so_far(record) == pytest.approx([3.0, 1.0, 2.0, 2.0])
    assert regrets.best_so_far({"losses": [3, 4, 1]}) == pytest.approx([3, 3, 1])


def found_of(levels, n_seeds=10):
    """Constant curves around a level for each (problem, solver)."""
    rng = np.random.default_rng(0)
    return {
        key: {s: np.full(50, level + 0.01 * rng.random()) for s in range(n_seeds)}
        for key, level in levels.items()
    }


def test_ratios_are_of_the_problems_that_both_have():
    levels = {("a", "ours"): 1.0, ("b", "ours"): 3.0, ("a", "peer"): 2.0}
    row = regrets.ratio(found_of(levels), ["a", "b"], "peer", 50)
    assert row["n_problems"] == 1
    assert row["ratio"] == pytest.approx(0.5, abs=0.01)
    assert row["interval"][0] <= row["ratio"] <= row["interval"][1]


def test_the_interval_of_a_ratio_knows_that_seeds_share_their_luck():
    luck = np.linspace(-0.5, 0.5, 10)
    found = {("a", "ours"): luck, ("b", "ours"): luck, ("c", "ours"): -luck}
    found |= {(name, "peer"): np.zeros(10) for name in "abc"}
    found = {key: {s: np.full(50, 2.0 + v) for s, v in enumerate(vs)} for key, vs in found.items()}
    one, alike, opposite = (
        np.diff(regrets.ratio(found, list(names), "peer", 50)["interval"])
        for names in ("a", "ab", "ac")
    )
    assert alike == pytest.approx(one)  # two problems alike say no more than one
    assert opposite == pytest.approx(0.0, abs=1e-9)
    del found["b", "ours"][9]  # a missing run counts as the mean of the others
    expected = (luck[9] + np.mean(luck[:9])) / 2
    assert regrets.seed_means(found, ["a", "b"], "ours", 50)[9] == pytest.approx(2.0 + expected)


def test_a_difference_must_survive_holms_correction():
    levels = {("a", "ours"): 2.0, ("b", "ours"): 1.0, ("a", "peer"): 1.0, ("b", "peer"): 2.0}
    row = regrets.significantly_worse(found_of(levels), ["a", "b"], "peer")
    assert row["after_correction"] == ["a"]
    # Three seeds each: at best p = 1 / 20, which 2 problems turn into .1.
    row = regrets.significantly_worse(found_of(levels, n_seeds=3), ["a", "b"], "peer")
    assert row["after_correction"] == []


def test_a_solver_that_equals_another_is_not_worse():
    levels = {("a", "ours"): 0.0, ("a", "peer"): 0.0}
    found = {key: {s: np.zeros(50) for s in range(5)} for key in levels}
    assert regrets.significantly_worse(found, ["a"], "peer")["before_correction"] == {}


def test_trials_of_workers_until_the_sequential_regret():
    sequential = {("a", "ours"): {0: np.linspace(1, 0.02, 50)}}
    parallel = {("a", "ours"): {0: np.linspace(1, 0, 76)[:75]}}
    row = regrets.workers(sequential, parallel, ["a"])
    assert row["of_the_mean_curve"] == row["of_each_problem"]["a"] == 75
    assert regrets.first(np.array([3.0, 2.0]), 1.0) is None


class Recorder:
    """Proposes one candidate at a time, and records the number of pending ones."""

    def __init__(self):
        self.asked, self.pending, self.most = 0, set(), 0

    def call(self, name, *args):
        if name == "tell":
            self.pending.remove(args[0])
            return None, 0.0
        self.asked += 1
        self.pending.add(self.asked)
        self.most = max(self.most, len(self.pending))
        return (self.asked, {"x00": 1.0, "x01": float(self.asked)}), 0.0


@pytest.mark.parametrize("n_workers", [1, 4])
def test_workers_have_as_many_pending_as_there_are(n_workers):
    solver, found = Recorder(), {"losses": [], "observed": [], "cpu": []}
    problem = PROBLEMS["branin"]
    bayesian.simulate(problem, solver, 0, 12, n_workers, found)
    assert solver.asked == len(found["losses"]) == 12
    assert solver.most == n_workers
    in_order = [problem.value({"x00": 1.0, "x01": float(i + 1)}) for i in range(12)]
    assert sorted(found["losses"]) == pytest.approx(sorted(in_order))
    assert (found["losses"] == pytest.approx(in_order)) == (n_workers == 1)


@pytest.mark.parametrize("name", ["ours", "random", "sobol", "optuna_tpe"])
def test_solvers_propose_settings_of_the_space(name):
    if name == "optuna_tpe":
        pytest.importorskip("optuna")
    problem = PROBLEMS["pipeline_clusters"]
    space = Space(problem.space)
    with mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
        solver = solvers.make_solver(name, plain.plain_space(problem.space), 0, 15)
    asked = [solver.ask() for _ in range(2)]
    for trial in range(14):
        token, params = asked.pop(0)
        assert space.contains(plain.from_plain(problem.space, params))
        solver.tell(token, float(trial % 5))
        asked.append(solver.ask())


@pytest.mark.slow
def test_a_remote_solver_is_the_same_solver():
    dims = plain.plain_space(PROBLEMS["logistic_breast_cancer"].space)
    environment = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with mock.patch.dict(os.environ, environment):
        far = remote.Remote(sys.executable, "sobol", dims, 3, 5)
    with mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
        near = remote.Local("sobol", dims, 3, 5)
    try:
        for _ in range(3):
            assert far.call("ask")[0] == list(near.call("ask")[0])
    finally:
        far.close()


def test_the_report_is_drawn_from_what_was_collected(tmp_path):
    pytest.importorskip("matplotlib")
    # (best known = 0.398, median = 28.3): a regret of about .1 against one of about .2.
    levels = {"ours": 3.2, "skopt_gp": 6.0, "smac": 6.0}
    lines = []
    for solver, level in levels.items():
        for seed in range(5):
            loss = level + 0.01 * seed
            record = {"problem": "branin", "solver": solver, "seed": seed, "workers": 1}
            record |= {"part": "report", "version": "1.0", "options": {}}
            record |= {"losses": [30.0, *[loss] * 49], "cpu": [0.001] * 50}
            lines.append(json.dumps(record))
    lines.append(json.dumps(record | {"seed": 5, "losses": [1.0], "error": "it failed"}))
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(lines))
    result = json.loads(json.dumps(regrets.collect([path], tmp_path)))
    best, median = 0.39788735773, problems.reference()["branin"]["median"]
    ours = result["parts"]["report"]["solvers"]["ours"]["regret"]["50"]
    assert ours == pytest.approx((3.22 - best) / (median - best), rel=1e-6)
    assert result["parts"]["report"]["best_peer"]["50"] in ("skopt_gp", "smac")
    assert result["failed"] == [["branin", "smac"]]
    result |= {"versions": {}, "load_before": [], "command": "", "date": "", "commit": ""}
    result |= {"cpu": "", "n_cpus": 1, "threads": 1, "python": ""}
    with mock.patch.object(report, "HERE", tmp_path):
        (tmp_path / "results").mkdir()
        text = "\n".join(report.bayesian(result))
    share = (3.22 - best) / (6.02 - best)
    assert f"{share:.2f} (" in text
    assert "SMAC on branin" in text
    assert (tmp_path / "results" / "bayesian.png").exists()
