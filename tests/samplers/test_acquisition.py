"""The acquisition function, and the proposals that come from its maximum."""

from dataclasses import replace

import numpy as np
import pytest

from skhyper._trial import History, Trial
from skhyper.gp import Hyperparameters, gp_posterior, log_expected_improvement
from skhyper.samplers import GPSampler, Rules
from skhyper.samplers._acquisition import Acquisition, Maximizer
from skhyper.samplers._encoding import Encoding
from skhyper.samplers._surrogate import GPSurrogate, SurrogateFit
from skhyper.space import Space, When

MAXIMIZER = Maximizer(Rules(), n_candidates=1000, n_polish=4)


def run(sampler, space, loss, n_trials):
    history = History(seed=0)
    for i in range(n_trials):
        point = sampler.ask(space, history, np.random.default_rng([0, i]))
        (params,) = space.from_unit([point])
        trial = Trial(i, params, "complete", loss=loss(params))
        history = History((*history, trial), seed=0)
    return history


def history_of(space, loss, n=8, seed=2):
    settings = space.from_unit(space.sample(n, np.random.default_rng(seed)))
    trials = [Trial(i, p, "complete", loss=loss(p)) for i, p in enumerate(settings)]
    return History(tuple(trials))


def surrogate_of(space, points, losses, length_scales):
    encoding = Encoding.from_space(space)
    h = Hyperparameters(np.array(length_scales), 1.0, 1e-4, 0.0)
    gp = gp_posterior(encoding.encode(points), losses, h, groups=encoding.groups)
    return GPSurrogate(space, gp, encoding, float(gp.predict(gp.X)[0].min()))


def test_values_are_those_of_the_expected_improvement_less_the_penalty():
    space = Space({"x": (0.0, 1.0)})
    surrogate = surrogate_of(space, np.array([[0.2], [0.7]]), [1.0, -1.0], [0.3])
    points = np.array([[0.1], [0.5], [0.9]])
    mean, std = surrogate.gp.predict(points)
    for std_scale in (1.0, 2.0):
        expected = log_expected_improvement(mean, std_scale * std, surrogate.best, 2 * 1e-2)[0]
        acquisition = Acquisition(surrogate, noise_weight=2.0)
        np.testing.assert_allclose(acquisition(points, std_scale), expected)
        penalized = replace(acquisition, penalty=lambda F: 3.0 * F[:, 0])
        np.testing.assert_allclose(penalized(points, std_scale), expected - [0.3, 1.5, 2.7])


@pytest.mark.parametrize("n_values", [11, 25])
def test_a_batch_has_the_points_that_single_proposals_would_have(n_values):
    """In enumerated spaces: of candidates that are all kept, and of more than the short list."""
    space = Space({"x": (0, n_values - 1), "y": (0, n_values - 1)})
    history = history_of(space, lambda p: (p["x"] - 3) ** 2 + p["y"], n=12)
    sampler = GPSampler(rules=Rules(n_shortlist=150))
    batch = sampler.ask_batch(space, history, np.random.default_rng(0), 20)
    assert len(batch) == 20
    for point in batch:
        expected = sampler.ask(space, history, np.random.default_rng(0))
        np.testing.assert_array_equal(point, expected)
        (params,) = space.from_unit([point])
        history = History((*history, Trial(len(history), params)), seed=0)


def test_a_batch_fits_the_surrogate_once(monkeypatch):
    fitted = []
    real = SurrogateFit.__call__

    def counting(self, space, observed, refit=False):
        fitted.append(len(observed.points))
        return real(self, space, observed, refit)

    monkeypatch.setattr(SurrogateFit, "__call__", counting)
    space = Space({name: (0.0, 1.0) for name in "abcdef"})
    history = history_of(space, lambda p: p["a"], n=12)
    batch = GPSampler().ask_batch(space, history, np.random.default_rng(0), 31)
    assert (len(np.unique(batch, axis=0)), fitted) == (31, [12])


def test_on_lines_standard_deviations_are_doubled():
    """The mean falls gently to the left; far to the right it is high, and little is known."""
    space = Space({name: (0.0, 1.0) for name in "abcd"})
    points = np.full((8, 4), 0.5)
    points[:, 0] = [0.30, 0.34, 0.38, 0.42, 0.46, 0.50, 0.54, 0.58]
    losses = np.linspace(-1.0, 0.6, 8)
    surrogate = surrogate_of(space, points, losses, [0.4, 50.0, 50.0, 50.0])
    acquisition, centers = Acquisition(surrogate, 2.0), points[:1]

    def asked(**rules):
        maximizer = Maximizer(Rules(**rules), 1000, 4)
        return maximizer.next_point(acquisition, points, centers, np.random.default_rng(0))

    np.testing.assert_array_equal(asked(), asked(line_std_scale=2.0))
    assert not np.array_equal(asked(), asked(line_std_scale=1.0))
    line = np.repeat(points[:1], 1001, axis=0)
    line[:, 0] = np.linspace(0.0, 1.0, 1001)
    mean, std = surrogate.gp.predict(line)
    best = [
        line[np.argmax(log_expected_improvement(mean, s * std, surrogate.best, 0.02)[0]), 0]
        for s in (1.0, 2.0)
    ]
    assert abs(asked()[0] - best[1]) < 0.5 * abs(best[1] - best[0])


@pytest.mark.parametrize(
    ("n_dims", "n", "use_gradients", "climbed"),
    [(6, 19, 0, 0), (6, 21, 0, 1), (3, 9, 1, 1), (7, 5, 0, 1)],
)
def test_the_acquisition_is_maximized_locally_where_candidates_are_sparse_or_trials_many(
    n_dims, n, use_gradients, climbed
):
    space = Space({f"x{i}": (0.0, 1.0) for i in range(n_dims)} | {"k": ["a", "b"]})
    settings = space.from_unit(space.sample(n, np.random.default_rng(1)))
    trials = [
        Trial(i, p, "complete", loss=p["x0"] ** 2, gradient={"x0": 2.0 * p["x0"]})
        for i, p in enumerate(settings)
    ]
    answers = [
        GPSampler(n_polish=n_polish, use_gradients=bool(use_gradients)).ask(
            space, History(tuple(trials)), np.random.default_rng(0)
        )
        for n_polish in (0, 4)
    ]
    assert np.array_equal(*answers) != bool(climbed)


@pytest.mark.parametrize(
    ("n_dims", "n", "along"), [(4, 7, 0), (4, 8, 1), (4, 9, 0), (4, 12, 1), (3, 8, 0)]
)
def test_every_fourth_point_differs_from_the_best_trial_in_one_dimension(n_dims, n, along):
    space = Space({f"x{i}": (0.0, 1.0) for i in range(n_dims)})
    history = history_of(space, lambda p: sum((x - 0.3) ** 2 for x in p.values()), n=n)
    answer = GPSampler().ask(space, history, np.random.default_rng(0))
    best = space.locate(history.best.params)
    assert (np.sum(np.abs(answer - best) > 1e-12) == 1) == along
    if not along:
        return
    gp = GPSampler().model(space, history).gp
    lines = np.repeat(best[None], 404, axis=0)
    lines[np.arange(404), np.repeat(np.arange(4), 101)] = np.tile(np.linspace(0, 1, 101), 4)
    noise, least = 2 * np.sqrt(gp.noise_variance), gp.predict(gp.X)[0].min()

    def expected_improvement(points):
        mean, std = gp.predict(points)
        return np.exp(log_expected_improvement(mean, 2 * std, least, noise)[0])

    assert expected_improvement(answer[None])[0] > 0.98 * expected_improvement(lines).max()


BRANCHES = {
    "model": ["knn", "ridge", "tree"],
    "scale": [True, False],
    "k": When((1, 50), model="knn"),
    "alpha": When((1e-3, 1e3, "log-uniform"), model="ridge"),
    "depth": When((1, 15), model="tree"),
    "leaf": When((1, 50), model="tree"),
}


def test_each_branch_is_tried_four_times_before_one_is_settled_for():
    def settings(space, loss, n_each):
        sampler = GPSampler(rules=Rules(min_branch_trials=n_each))
        return [trial.params for trial in run(sampler, Space(space), loss, 17)]

    def hopeless_trees(params):
        return 9.0 if params["model"] == "tree" else 0.1

    for n_each in (4, 0):
        tried = [params["model"] for params in settings(BRANCHES, hopeless_trees, n_each)]
        fewest = min(tried.count(model) for model in ("knn", "ridge", "tree"))
        assert fewest == 4 if n_each else fewest < 4
    # No branches, or time that counts: no such trials.
    kernels = {"k": ["x", "y"], "a": (0.0, 1.0), "b": When((0.0, 1.0), k="x")}
    both = [settings(kernels, lambda p: 2.0 * (p["k"] == "x") + p["a"], n) for n in (4, 0)]
    assert both[0] == both[1]
    space = Space(BRANCHES)
    history = run(GPSampler(), space, lambda p: 0.1 + 0.01 * (p["model"] == "tree"), 8)
    slow = [replace(t, seconds=1 + 50.0 * (t.params["model"] == "tree")) for t in history[:8]]
    for sampler, is_slow in ((GPSampler(), True), (GPSampler(max_time=500), False)):
        answer = sampler.ask(space, History(tuple(slow)), np.random.default_rng(0))
        assert (space.from_unit([answer])[0]["model"] == "tree") == is_slow


def test_where_nothing_new_is_on_the_lines_the_search_goes_on_elsewhere():
    space = Space({name: (1, 2) for name in "abcd"})
    every = sorted(space.from_unit(np.array(list(space.grid(2)))), key=lambda p: sum(p.values()))
    tried = every[:8]  # the best, 1 1 1 1, all four that differ from it in one value, three more
    trials = [Trial(i, p, "complete", loss=sum(p.values())) for i, p in enumerate(tried)]
    answer = GPSampler().ask(space, History(tuple(trials)), np.random.default_rng(0))
    assert space.from_unit([answer])[0] in every[8:]


@pytest.mark.parametrize(("n_known", "expected"), [(4, 1500), (30, 1500), (40, 1125), (900, 900)])
def test_a_long_history_is_compared_with_fewer_candidates(n_known, expected):
    space, rng = Space({"x": (0.0, 1.0), "y": (0.0, 1.0)}), np.random.default_rng(0)
    points = MAXIMIZER.candidates(space, rng.random((3, 2)), rng.random((n_known, 2)), rng)
    assert expected <= len(points) <= expected + 2  # as many around each of three


def test_a_small_space_is_looked_at_as_a_whole():
    space = Space({"k": list("abcdefgh"), "n": (1, 40), "g": When([1, 2, 3], k="h")})
    history = history_of(space, lambda p: abs(p["n"] - 20) + 5 * (p["k"] != "h"), n=12)
    model = GPSampler().model(space, history)
    answer = GPSampler().ask(space, history, np.random.default_rng(0))
    assert len(MAXIMIZER.candidates(space, None, 12, None)) == 7 * 40 + 3 * 40
    points = np.array(list(space.grid(100)))
    mean, std = model.gp.predict(model.encoding.encode(points))
    tau = 2 * np.sqrt(model.gp.noise_variance)
    value = log_expected_improvement(mean, std, model.best, tau)[0]
    seen = space.to_unit([trial.params for trial in history])
    new = [not any(np.array_equal(p, q, equal_nan=True) for q in seen) for p in points]
    asked = [np.array_equal(p, answer, equal_nan=True) for p in points]
    np.testing.assert_allclose(
        value[asked], value[new].max(), rtol=1e-9
    )  # unseen choices are equal
