"""Plans of descents, on functions whose minima are known."""

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import minimize

from skhyper import History, Trial
from skhyper.samplers import Answer, GradientSampler, Stop, descent
from skhyper.space import Real, Space, When


def run(function, space, n=60, names=None, history=None, **options):
    """Trials of a search for the minimum of ``function(params) -> value, gradient``."""
    space = space if isinstance(space, Space) else Space(space)
    history = History((), seed=0) if history is None else history
    sampler = GradientSampler(
        {name for name in space.names if name} if names is None else names, n_iter=n, **options
    )
    while len(history) < n:
        answer = sampler.ask(space, history, np.random.default_rng(0))
        if isinstance(answer, Stop):
            break
        (params,) = space.from_unit([answer])
        value, gradient = function(params)
        state = "complete" if np.isfinite(value) else "failed"
        trial = Trial(len(history), params, state, loss=value, criterion=value, gradient=gradient)
        history = History((*history.trials, trial), seed=0)
    return history, answer


def bowl(params):
    value = sum((v - 0.3 * (i + 1)) ** 2 for i, v in enumerate(params.values()))
    slope = {n: 2 * (v - 0.3 * (i + 1)) for i, (n, v) in enumerate(params.items())}
    return 1.0 + value, slope


def test_a_bowl_is_one_basin():
    history, stop = run(bowl, {"a": (0.0, 1.0), "b": (0.0, 1.0)})
    assert history.best.params["a"] == pytest.approx(0.3, abs=5e-3)
    assert history.best.params["b"] == pytest.approx(0.6, abs=5e-3)
    assert len(history) < 20
    assert "3 restarts in a row found nothing better" in stop.reason


def test_as_scipy_does_it_from_the_same_point():
    space = Space({"a": (-2.0, 2.0), "b": (-1.0, 3.0)})

    def rosenbrock(params):
        a, b = params["a"], params["b"]
        slope = {"a": -400 * a * (b - a * a) - 2 * (1 - a), "b": 200 * (b - a * a)}
        return 100 * (b - a * a) ** 2 + (1 - a) ** 2, slope

    history, _ = run(rosenbrock, space, n=80, tol=1e-9)
    ours = history.best.criterion
    theirs = minimize(
        lambda v: rosenbrock({"a": v[0], "b": v[1]})[0],
        [0.0, 1.0],
        method="L-BFGS-B",
        bounds=[(-2, 2), (-1, 3)],
    ).fun
    assert ours < max(theirs, 1e-4)


def test_tol_is_relative_to_the_distance_from_the_least_value():
    def errors(params, shift=0.0):  # of a model that can be perfect
        a, b = params["a"], params["b"]
        value = 1e-4 * ((a - 0.3) ** 2 + 5 * (b - a) ** 2 + 10 * (a - 0.3) ** 4)
        by_a = 1e-4 * (2 * (a - 0.3) - 10 * (b - a) + 40 * (a - 0.3) ** 3)
        return value + shift, {"a": by_a, "b": 1e-3 * (b - a)}

    def r2(params):
        return errors(params, -1.0)

    space = {"a": (0.0, 1.0), "b": (-1.0, 1.0)}
    expected, _ = run(errors, space, n_restarts=0)
    found, _ = run(r2, space, n_restarts=0, least=-1.0)
    early, _ = run(r2, space, n_restarts=0)
    assert len(found) == len(expected)
    for trial, other in zip(found, expected, strict=True):
        assert trial.params == pytest.approx(other.params, rel=1e-4, abs=1e-6)
    assert found.best.criterion + 1 < 0.01 * (early.best.criterion + 1)


def test_logarithms_and_bounds():
    def loss(params):
        return np.log10(params["c"]) ** 2, {
            "c": 2 * np.log10(params["c"]) / params["c"] / np.log(10)
        }

    history, _ = run(loss, {"c": (1e-6, 1e-2, "log-uniform")})
    assert history.best.params["c"] == pytest.approx(1e-2)
    history, _ = run(loss, {"c": (1e-6, 1e4, "log-uniform")})
    assert history.best.params["c"] == pytest.approx(1.0, rel=1e-2)


def test_two_basins_are_both_seen():
    def loss(params):
        x = params["x"]
        # Minima near 0.25 (value about -1.2) and 0.75 (-1.0), where the middle leads.
        wells = [(0.25, 1.2, 0.1), (0.75, 1.0, 0.15)]
        terms = [(h * np.exp(-(((x - m) / s) ** 2)), m, s) for m, h, s in wells]
        slope = sum(2 * (x - m) / s**2 * t for t, m, s in terms)
        return -sum(t for t, _, _ in terms), {"x": slope}

    history, _ = run(loss, {"x": (0.0, 1.0)})
    assert history.best.params["x"] == pytest.approx(0.25, abs=0.01)
    history, stop = run(loss, {"x": (0.0, 1.0)}, n_restarts=0)
    assert history.best.params["x"] == pytest.approx(0.75, abs=0.02)
    assert stop.reason == "the descent is at its end"


def test_kinks():
    def loss(params):
        a, b = params["a"] - 0.37, params["b"] - 0.61
        value = abs(a) + 3 * abs(b) + 0.1 * (a + b) ** 2
        tail = 0.2 * (a + b)
        return 1 + value, {"a": np.sign(a) + tail, "b": 3 * np.sign(b) + tail}

    history, _ = run(loss, {"a": (0.0, 1.0), "b": (0.0, 1.0)})
    assert history.best.criterion < 1.1


def test_plains_and_cliffs():
    def loss(params):
        x = params["x"]
        if x > 0.9:
            return np.nan, None
        return (0.0, {"x": 0.0}) if x > 0.3 else (x - 0.3, {"x": 1.0})

    history, _ = run(loss, {"x": (0.0, 1.0)})
    assert history.best.params["x"] == 0.0

    def flat(params):
        return 1.0, {"x": 0.0}

    history, stop = run(flat, {"x": (0.0, 1.0)})
    assert stop.reason.startswith("the criterion is flat")
    assert len(history) == 11  # the middle, and more restarts than usual

    def broken(params):
        return np.nan, None

    history, stop = run(broken, {"x": (0.0, 1.0)})
    assert stop.reason == "no candidate could be fitted and scored"


def test_a_step_into_failures_is_shortened():
    def loss(params):
        x = params["x"]
        return (np.nan, None) if x < 0.31 else (x**2, {"x": 2 * x})

    history, _ = run(loss, {"x": (0.0, 1.0)}, n=40)
    assert history.best.params["x"] < 0.35


def test_configurations_few_and_many():
    def loss(params):
        bias = {"u": 0.3, "v": 0.0, "w": 0.6}[params["kind"]] + 0.1 * params.get("n", 0)
        return bias + (params["x"] - 0.2) ** 2, {"x": 2 * (params["x"] - 0.2)}

    space = {"kind": ["u", "v", "w"], "x": (0.0, 1.0)}
    history, _ = run(loss, space, names={"x"})
    assert history.best.params["kind"] == "v"
    assert history.best.params["x"] == pytest.approx(0.2, abs=0.01)
    assert {trial.params["kind"] for trial in history} == {"u", "v", "w"}
    # Each one over its whole range; then the best one first.
    for kind in "uvw":
        tried = [trial.params["x"] for trial in history[:15] if trial.params["kind"] == kind]
        assert sorted(tried) == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    kinds = [trial.params["kind"] for trial in history[15:]]
    assert kinds.count("v") > kinds.count("u") == kinds.count("w")

    history, _ = run(loss, {**space, "n": (0, 20)}, names={"x"}, n=40)
    assert len(history) == 40
    assert history.best.params["kind"] == "v"
    assert history.best.params["n"] <= 2


def test_conditions():
    def loss(params):
        if params["kind"] == "a":
            return 1.0 + params["x"] ** 2, {"x": 2 * params["x"]}
        return (params["g"] - 0.4) ** 2 + params["x"] ** 2, {
            "x": 2 * params["x"],
            "g": 2 * (params["g"] - 0.4),
        }

    space = {"kind": ["a", "b"], "x": (-1.0, 1.0), "g": When((0.0, 1.0), kind="b")}
    history, _ = run(loss, space, names={"x", "g"})
    assert history.best.params["g"] == pytest.approx(0.4, abs=0.01)


def test_a_history_that_ends_is_gone_on_with():
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)})
    whole, _ = run(bowl, space)
    half = History(whole.trials[:5], seed=0)
    again, _ = run(bowl, space, history=half)
    assert [t.params for t in again] == [t.params for t in whole]


def test_trials_without_gradients_are_a_start():
    space = Space({"a": Real(0.0, 1.0), "b": Real(0.0, 1.0)})
    bare = Trial(0, {"a": 0.9, "b": 0.9}, "complete", loss=5.0)
    better = Trial(1, {"a": 0.1, "b": 0.2}, "complete", loss=2.0)
    history, _ = run(bowl, space, history=History((bare, better), seed=0))
    assert history[2].params == better.params
    assert history.best.criterion == pytest.approx(1.0, abs=1e-4)


def test_a_wall_costs_no_trials():
    space = Space({"x": (0.0, 1.0)}, constraint=lambda params: params["x"] > 0.25)

    def loss(params):
        assert params["x"] > 0.25
        return params["x"] ** 2, {"x": 2 * params["x"]}

    history, _ = run(loss, space)
    assert history.best.params["x"] < 0.3


def test_configurations_that_the_constraint_rejects_are_none():
    kinds = list("abcdefghijklmnopqrst")
    space = Space(
        {"kind": kinds, "x": (0.0, 1.0)},
        constraint=lambda params: params["kind"] in "ab" and params["x"] < 0.2,
    )

    def loss(params):
        return params["x"] ** 2, {"x": 2 * params["x"]}

    history, _ = run(loss, space, n=30)
    assert {trial.params["kind"] for trial in history} == {"a", "b"}
    assert history.best.params["x"] < 0.02


def test_a_step_onto_a_plain_is_shortened():
    def loss(params):
        x = params["x"]
        if x > 0.6:
            return 0.5, {"x": 0.0}
        return (x - 0.55) ** 2 * 4 + 0.2, {"x": 8 * (x - 0.55)}

    history, _ = run(loss, {"x": (0.0, 1.0)}, n_restarts=0)
    assert history.best.params["x"] == pytest.approx(0.55, abs=0.01)


def valley(lowest):
    return lambda params: (np.cosh(params["x"] - lowest), {"x": np.sinh(params["x"] - lowest)})


def test_a_step_that_would_gain_nothing_is_not_made():
    """Two slopes say where the minimum of a parabola is: it is tried, and nothing after it."""
    history, _ = run(valley(0.575), {"x": (0.0, 1.0)}, n_restarts=0)
    assert history.best.params["x"] == pytest.approx(0.575, abs=1e-3)
    assert len(history) == 3
    # Here the second trial is so near to it that the third would gain 1e-6.
    history, _ = run(valley(0.6487), {"x": (0.0, 1.0)}, n_restarts=0)
    assert [trial.params["x"] for trial in history] == pytest.approx([0.5, 0.65])


def test_restarts_next_to_what_is_known_are_not_made_and_not_counted():
    """In three dimensions or more; here two are choices of one."""
    space = {"x": (0.0, 1.0), "a": ["one"], "b": ["one"]}
    starts = [{"x": x, "a": "one", "b": "one"} for x in np.arange(0.05, 1.0, 0.1)]

    loss, options = valley(0.502), {"n": 200, "names": {"x"}, "starts": starts}
    made, stop = run(loss, space, n_restarts=5, **options)
    without, _ = run(loss, space, n_restarts=0, **options)
    assert len(made) == len(without) < 200
    assert "5 restarts were skipped, next to trials" in stop.reason
    assert "found nothing better" not in stop.reason


@pytest.mark.parametrize("names", ["x", "xy"])
def test_all_restarts_of_one_or_two_hyperparameters_are_made(names):
    space = {name: (0.0, 1.0) for name in names}

    def loss(params):
        value = sum(np.cosh(v - 0.502) for v in params.values())
        return value, {name: np.sinh(v - 0.502) for name, v in params.items()}

    few, _ = run(loss, space, n=200, n_restarts=1)
    many, stop = run(loss, space, n=200, n_restarts=9)
    assert len(many) >= len(few) + 8
    assert stop.reason.endswith(", and 9 restarts in a row found nothing better")
    assert len({tuple(trial.params.values()) for trial in many}) == len(many)


@pytest.mark.parametrize(("names", "size"), [("x", 5), ("xy", 11)])
def test_the_whole_range_of_one_or_two_is_looked_at_first(names, size):
    space = {name: (0.0, 1.0) for name in names}

    def loss(params):
        value = sum((v - 0.2) ** 2 for v in params.values())
        return 1 + value, {name: 2 * (v - 0.2) for name, v in params.items()}

    history, _ = run(loss, space)
    for name in names:  # in each coordinate every value of a fine grid
        values = [trial.params[name] for trial in history[:size]]
        assert sorted(values) == pytest.approx((np.arange(size) + 0.5) / size)
    assert history.best.loss == pytest.approx(1, abs=1e-4)
    bare, _ = run(loss, space, n_restarts=0)
    assert len(bare) < size
    # With few trials, half of them are left for the descent.
    history, _ = run(loss, space, n=7)
    assert history.best.loss < 1 + 1e-3


def test_a_range_with_choices_is_looked_at_for_each():
    def loss(params):
        x, lowest = params["x"], {"u": 0.5, "v": 0.1}[params["kind"]]
        depth = {"u": 0.0, "v": 0.5}[params["kind"]]  # a narrow valley far from the middle
        dip = depth * np.exp(-(((x - lowest) / 0.06) ** 2))
        slope = 2 * (x - 0.5) + dip * 2 * (x - lowest) / 0.06**2
        return 1 + (x - 0.5) ** 2 - dip, {"x": slope}

    history, _ = run(loss, {"kind": ["u", "v"], "x": (0.0, 1.0)}, names={"x"})
    assert history.best.params["kind"] == "v"
    assert history.best.params["x"] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("quasiconvex", [False, True])
def test_a_drop_behind_a_hump_and_beside_a_plateau(quasiconvex):
    """As of a lasso with columns in small units, which only a tiny penalty lets in."""

    def value(x):
        drop, plateau = 1 / (1 + np.exp(-60 * (x - 0.22))), np.tanh(8 * (x - 0.75))
        return 1 + 1000 * drop * (1 + 0.15 * np.exp(-(((x - 0.45) / 0.1) ** 2)) + 0.1 * plateau)

    def loss(params):
        x, h = params["x"], 1e-6
        return value(x), {"x": (value(x + h) - value(x - h)) / (2 * h)}

    history, _ = run(loss, {"x": (0.0, 1.0)}, quasiconvex=quasiconvex)
    assert history.best.loss < 1.01


def test_a_restart_between_two_valleys_is_not_given_up():
    """Waves: the slope at a restart points to the best trial, but a hump lies between them."""

    def loss(params):
        x = params["x"]
        deep = 0.6 * np.exp(-(((x - 0.22) / 0.05) ** 2))
        value = 2 + 2 * (x - 0.75) ** 2 + 0.2 * np.cos(8 * np.pi * x) - deep
        slope = 4 * (x - 0.75) - 1.6 * np.pi * np.sin(8 * np.pi * x)
        return value, {"x": slope + deep * 2 * (x - 0.22) / 0.05**2}

    history, _ = run(loss, {"x": (0.0, 1.0)})
    grid = min(loss({"x": x})[0] for x in np.linspace(0, 1, 1001))
    assert history.best.loss == pytest.approx(grid, rel=1e-3)


@pytest.mark.parametrize("name", ["alpha", "C"])
def test_the_most_expensive_end_is_left_out_if_it_is_unpromising(name):
    """A lasso's valley; what makes a model flexible is small for alpha, large for C."""
    logarithm = CubicHermiteSpline(
        [0, 0.3, 0.5, 0.7, 0.9, 1],
        [-2.2, -2.625, -2.834, -2.273, -0.573, 0],
        [-1, -1.46, -0.13, 7.4, 8.3, 5],
    )

    def value(x):
        return float(np.exp(logarithm(x)))

    def loss(params):
        x = params[name] if name == "alpha" else 1 - params[name]
        slope = value(x) * float(logarithm(x, 1))
        return value(x), {name: slope if name == "alpha" else -slope}

    history, _ = run(loss, {name: (0.0, 1.0)})
    values = np.array([trial.params[name] for trial in history])
    values = values if name == "alpha" else 1 - values
    assert values[:4] == pytest.approx([0.9, 0.7, 0.5, 0.3])
    assert values.min() > 0.11
    assert history.best.loss <= min(map(value, np.linspace(0, 1, 1001))) * (1 + 1e-4)


def test_a_tolerance_is_relative_to_the_distance_from_the_lowest_value():
    """Minus an R2 is the squared error less 1: the same search, where -1 is the lowest value."""

    def error(shift):
        def loss(params):
            t = params["x"] - 0.537
            return 1e-6 * (1 + 50 * t * t + 20 * t**4) - shift, {"x": 1e-6 * (100 * t + 80 * t**3)}

        return loss

    for n_restarts in (0, 3):
        plain, _ = run(error(0.0), {"x": (0.0, 1.0)}, n_restarts=n_restarts)
        shifted, _ = run(error(1.0), {"x": (0.0, 1.0)}, n_restarts=n_restarts, least=-1.0)
        assert shifted.best.params["x"] == pytest.approx(plain.best.params["x"], abs=1e-4)
        assert plain.best.params["x"] == pytest.approx(0.537, abs=2e-3)


def test_restarts_in_quasiconvex_do_not_climb_out_of_it():
    def loss(params):
        x = params["x"]
        return 1 + 9 * (x - 0.6) ** 2, {"x": 18 * (x - 0.6)}

    # A rise of a tenth is at 0.6 -+ 0.11; no trial of the first look is nearer than 0.1.
    two = {"a": ["one"], "b": ["one"]}
    for quasiconvex, space in ((True, {}), (True, two), (False, two)):
        options = {"n_restarts": 5, "quasiconvex": quasiconvex, "names": {"x"}}
        history, _ = run(loss, {"x": (0.0, 1.0), **space}, **options)
        assert history.best.params["x"] == pytest.approx(0.6, abs=1e-3)
        later = [trial.params["x"] for trial in history[0 if space else 5 :]]
        assert (min(later) > 0.3 and max(later) < 0.9) == quasiconvex


def test_in_quasiconvex_a_point_without_a_value_is_a_wall():
    def loss(params):
        x = params["x"]
        return (np.nan, {}) if x < 0.3 else (1 + (x - 0.6) ** 2, {"x": 2 * (x - 0.6)})

    history, _ = run(loss, {"x": (0.0, 1.0)}, n_restarts=8, quasiconvex=True)
    beyond = [trial.params["x"] for trial in history if trial.params["x"] < 0.3]
    assert beyond
    assert beyond == sorted(beyond), "each one lies between the one before and the best"


def trials_of(function, start):
    """Points and values of one descent."""
    plan, trials = descent(np.array(start), np.ones(len(start), dtype=bool), tol=1e-6), []
    point = next(plan)
    while True:
        value, slope = function(point)
        trials.append((point, value))
        try:
            point = plan.send(Answer(value, np.array(slope), {}))
        except StopIteration:
            return trials


@pytest.mark.parametrize("start", [(0.9, 0.9), (0.5, 0.5), (0.1, 0.2), (0.8, 0.1)])
def test_where_a_descent_ends_at_a_kink_there_is_a_new_attempt_from_its_best_point(start):
    def kink(u):
        a, b = u[0] - 0.37, u[1] - 0.61
        tail = 0.2 * (a + b)
        return 1 + abs(a) + 3 * abs(b) + 0.1 * (a + b) ** 2, [
            np.sign(a) + tail,
            3 * np.sign(b) + tail,
        ]

    trials = trials_of(kink, start)
    first_steps = []
    for i, (point, _) in enumerate(trials[1:], 1):
        best, _ = min(trials[:i], key=lambda trial: trial[1])
        first_steps += [
            (i, step) for step in (0.15, 0.03) if abs(abs(point - best).max() - step) < 1e-9
        ]
    assert [step for _, step in first_steps] == [0.15, 0.03]
    assert first_steps[1][0] > 10


def test_after_a_failed_point_comes_one_between_it_and_the_best():
    def cliff(u):
        return (1.0 - u[0], [-1.0]) if u[0] < 0.62 else (np.nan, [np.nan])

    trials = trials_of(cliff, [0.1])
    points, values = np.array([point[0] for point, _ in trials]), [value for _, value in trials]
    failed = np.isnan(values)
    first = int(failed.argmax())
    assert points[first - 1] < points[first + 1] < points[first]
    assert 0.62 - 1e-3 < points[~failed].max() < 0.62
    assert len(points) < 60
