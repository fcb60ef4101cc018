"""With a time limit, fast candidates come first; without one, nothing changes."""

import dataclasses
import time

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import RidgeCV

from skhyper import BayesSearchCV, History, Optimizer, Trial
from skhyper.samplers import GPSampler
from skhyper.samplers._cost import (
    fit_cost,
    maximize_by_steps,
    penalty_for_cost,
    penalty_for_time,
    time_left,
)
from skhyper.samplers._encoding import Encoding
from skhyper.space import Space, When

SPACE = {"x": (0.0, 1.0), "y": (0.0, 1.0)}


def run(n, seconds, max_time, function, seed=0):
    """Points asked for when a point takes seconds(params) and the search max_time."""
    optimizer = Optimizer(SPACE, sampler=GPSampler(max_time=max_time), random_state=seed)
    asked = []
    for _ in range(n):
        asked.append(optimizer.ask())
        optimizer.tell(asked[-1], function(asked[-1]), seconds=seconds(asked[-1]))
    return asked


def bowl(params):
    return (params["x"] - 0.6) ** 2 + (params["y"] - 0.4) ** 2


def test_the_model_is_ridge_regression_with_the_penalty_of_least_leave_one_out_error():
    rng = np.random.default_rng(0)
    F = rng.random((30, 3))
    y = 1.0 + 3.0 * F[:, 0] - 2.0 * F[:, 1] ** 2 + 0.1 * rng.standard_normal(30)
    model = fit_cost(F, np.exp(y))
    Z = np.concatenate([F, F**2], axis=1)
    Z = Z - Z.mean(axis=0)
    penalties = np.logspace(-4, 1, 11) * np.linalg.norm(Z, 2) ** 2
    peer = RidgeCV(penalties, scoring=None).fit(Z, y)  # scikit-learn's own leave-one-out
    np.testing.assert_allclose(model(F), np.clip(peer.predict(Z), y.min(), y.max()), rtol=1e-8)


def test_predictions_stay_within_what_was_seen():
    F = np.linspace(0.4, 0.6, 20)[:, None]
    model = fit_cost(F, np.exp(5 * F[:, 0]))
    assert model is not None
    low, high = model(np.array([[0.0], [1.0]]))
    assert (low, high) == pytest.approx((2.0, 3.0), abs=1e-6)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.5])
def test_noise_is_no_cost(noise):
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 40))
        seconds = 3.0 * np.exp(noise * rng.standard_normal(n))
        found += fit_cost(rng.random((n, 4)), seconds) is not None
    assert found <= 20  # one in ten at the most
    if noise == 0.0:
        assert found == 0


def test_a_cost_is_found_in_a_few_trials():
    found = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        F = rng.random((12, 3))
        seconds = np.exp(2.0 * F[:, 1] + 0.1 * rng.standard_normal(12))
        found += fit_cost(F, seconds) is not None
    assert found >= 45


def test_flat_cost_changes_nothing():
    plain = run(14, lambda p: 2.0, None, bowl)
    assert run(14, lambda p: 2.0, 1000.0, bowl) == plain
    # times without information: none was given
    assert run(14, lambda p: np.nan, 1000.0, bowl) == plain


def test_noise_in_the_times_changes_next_to_nothing():
    same = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        times = iter(np.exp(0.1 * rng.standard_normal(11)))
        noisy = run(11, lambda p, times=times: next(times), 1000.0, bowl, seed)
        same += noisy == run(11, lambda p: 1.0, None, bowl, seed)
    assert same >= 5


def test_when_the_time_is_over_it_does_not_count():
    costly = lambda p: 10.0 ** (3 * p["x"])  # noqa: E731
    assert run(12, costly, 1e-6, bowl) == run(12, costly, None, bowl)


def test_cheap_points_come_first():
    """Two equal minima, one of them 30 times as expensive."""

    def function(params):
        return min((params["x"] - 0.15) ** 2, (params["x"] - 0.85) ** 2) + params["y"] ** 2

    spent = {True: [], False: []}
    for seed in range(3):
        for aware in (True, False):
            asked = run(20, lambda p: 30 ** p["x"], 1e4 if aware else None, function, seed)
            assert min(map(function, asked)) < 2e-3
            spent[aware].append(np.mean([30 ** p["x"] for p in asked[6:]]))
    assert np.mean(spent[True]) < 0.8 * np.mean(spent[False])


def test_a_minimum_that_is_expensive_is_found_all_the_same():
    def function(params):
        return (params["x"] - 0.95) ** 2 + (params["y"] - 0.5) ** 2

    asked = run(30, lambda p: 10 ** p["x"], 150.0, function)
    assert min(map(function, asked)) < 5e-3


def test_the_exponent():
    trials = (Trial(0, {}, seconds=3.0), Trial(1, {}), Trial(2, {}, seconds=1.0))
    assert time_left(History(trials), 8.0) == 0.5
    assert time_left(History(), 8.0) == 1.0
    assert time_left(History(trials), 2.0) == 0.0


def test_failures_do_not_count_as_quick():
    space, rng = Space(SPACE), np.random.default_rng(0)
    points = rng.random((20, 2))
    trials = tuple(
        Trial(i, p, "complete", np.zeros(1), 0.0, seconds=float(np.exp(p["x"])))
        for i, p in enumerate(space.from_unit(points))
    )
    F = rng.random((5, 2))
    expected = penalty_for_time(space, History(trials), 1e3, np.asarray)(F)
    worse = [dataclasses.replace(t, state="failed", seconds=1e-6) for t in trials[:5]]
    history = History((*trials, *worse))
    np.testing.assert_allclose(penalty_for_time(space, history, 1e3, np.asarray)(F), expected, 1e-6)


def test_the_penalty_for_cost_is_the_logarithm_of_a_hyperparameter():
    space = Space({"x": (0.0, 1.0), "n": (10, 1000, "log-uniform")})
    points = space.sample(50, np.random.default_rng(0))
    penalty = penalty_for_cost(Encoding.from_space(space), "n")
    n = [params["n"] for params in space.from_unit(points)]
    np.testing.assert_allclose(penalty(points), np.log(n), atol=0.05)


@pytest.mark.parametrize(
    "space",
    [
        {"m": (1, 100)},
        {"n": (0.0, 1.0)},
        {"n": [10, 100]},
        {"kind": ["a", "b"], "n": When((10, 100), kind="a")},
        [{"n": (10, 100)}, {"n": (100, 1000)}],
    ],
)
def test_costs_that_are_not_known(space):
    assert penalty_for_cost(Encoding.from_space(Space(space)), "n") is None


def test_proposals_are_cheaper_with_a_cost():
    """Two equal minima, one of them 30 times as expensive."""

    def loss(params):
        return min((params["x"] - 0.15) ** 2, (params["x"] - 0.85) ** 2) + params["y"] ** 2

    def mean_cost(cost, seed):
        space = {"n": (10, 300, "log-uniform"), "y": (0.0, 1.0)}
        optimizer = Optimizer(space, sampler=GPSampler(cost=cost), random_state=seed)
        asked = []
        for _ in range(20):
            asked.append(optimizer.ask())
            params = {"x": np.log(asked[-1]["n"] / 10) / np.log(30), "y": asked[-1]["y"]}
            optimizer.tell(asked[-1], loss(params))
        return np.mean([params["n"] for params in asked[6:]])

    costs = np.array([[mean_cost(c, seed) for c in ("n", None)] for seed in range(4)])
    assert costs[:, 0].mean() < 0.9 * costs[:, 1].mean()


def test_the_cost_counts_less_towards_the_end():
    encoding = Encoding.from_space(Space({"n": (10, 1000, "log-uniform")}))
    F = np.array([[0.0], [1.0]])
    half = penalty_for_cost(encoding, "n", 0.5)(F)
    np.testing.assert_allclose(half, 0.5 * penalty_for_cost(encoding, "n")(F))
    assert penalty_for_cost(encoding, "n", 0.0) is None
    space = Space({"n": (10, 1000, "log-uniform"), "y": (0.0, 1.0)})
    points = space.from_unit(space.sample(12, np.random.default_rng(0)))
    losses = [(p["y"] - 0.5) ** 2 for p in points]
    pairs = enumerate(zip(points, losses))
    trials = [Trial(i, p, "complete", np.zeros(1), x) for i, (p, x) in pairs]

    def asked(sampler):
        return tuple(sampler.ask(space, History(tuple(trials)), np.random.default_rng(0)))

    plain = asked(GPSampler())
    assert asked(GPSampler().per("n", 12)) == plain
    assert asked(GPSampler().per("n")) != plain


def test_the_cost_is_a_name():
    with pytest.raises(TypeError, match="cost must be a name"):
        GPSampler(cost=3)


def test_steps_lead_to_the_top():
    rng = np.random.default_rng(0)

    def worth(points):
        return -np.sum((points - 0.3) ** 2, axis=1)

    def steps(starts):
        return starts + 0.05 * rng.standard_normal(starts.shape)

    start = rng.random((20, 2))
    assert worth(maximize_by_steps(worth, start, steps)[None])[0] >= worth(start).max()
    assert worth(maximize_by_steps(worth, start, steps)[None])[0] > -1e-3


class Slow(ClassifierMixin, BaseEstimator):
    """Takes 10 ms times `size` and is as good at any of them."""

    def __init__(self, size=1.0, shift=0.0):
        self.size, self.shift = size, shift

    def fit(self, X, y):
        time.sleep(0.01 * self.size)
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return -((self.shift - 0.3) ** 2)


@pytest.mark.usefixtures("virtual_time")
def test_a_search_with_a_time_limit():
    X, y = np.arange(12.0)[:, None], np.arange(12) % 2
    space = {"size": (1.0, 20.0, "log-uniform"), "shift": (0.0, 1.0)}
    search = BayesSearchCV(
        Slow(), space, n_iter=14, max_time=60.0, cv=2, refit=False, random_state=0
    ).fit(X, y)
    assert search.sampler_.max_time == 60.0
    late = [p["size"] for p in search.cv_results_["params"][6:]]
    assert np.median(late) < 3.0
    # The same history with the same times gives the same next candidate.
    ask = search.sampler_.ask
    again = [
        ask(search.space_, search.history_, np.random.default_rng(1)).tolist() for _ in range(2)
    ]
    assert again[0] == again[1]


def test_without_hurry_times_do_not_decide():
    rng = np.random.default_rng(0)
    points = rng.random((30, 2))
    space = Space(SPACE)
    trials = tuple(
        Trial(i, p, "complete", np.zeros(1), 0.0, seconds=float(np.exp(p["x"])))
        for i, p in enumerate(space.from_unit(points))
    )
    spent = sum(trial.seconds for trial in trials)
    assert penalty_for_time(space, History(trials), 100 * spent, np.asarray) is not None
    assert penalty_for_time(space, History(trials), 10_000 * spent, np.asarray) is None
