"""scikit-optimize's Optimizer behind `ask`."""

import numpy as np
import pytest
import skopt
from scipy.stats import binomtest
from skopt.learning import ExtraTreesRegressor
from skopt.sampler import Lhs

from skhyper._trial import History, Trial
from skhyper.samplers import SkoptSampler
from skhyper.samplers._skopt import _finite_losses
from skhyper.space import Categorical, Space

# What scikit-optimize warns of inside itself is not ours.
pytestmark = pytest.mark.filterwarnings("ignore:::skopt", "ignore:::sklearn.gaussian_process")

SPACE = Space({"a": (0.0, 1.0), "k": ["x", "y", "z"], "n": (1, 8)})

RANDOM_FOREST = {
    "base_estimator": ExtraTreesRegressor(n_estimators=5, min_samples_leaf=2),
    "acq_optimizer": "sampling",
    "acq_optimizer_kwargs": {"n_points": 200},
}


def run(sampler, n_trials, space=SPACE, loss=lambda params: params["a"], seed=3):
    """Candidates of a sequential search."""
    history = History(seed=seed)
    for i in range(n_trials):
        point = sampler.ask(space, history, np.random.default_rng([seed, i]))
        (params,) = space.from_unit([point])
        trial = Trial(i, params, "complete", loss=loss(params))
        history = History((*history, trial), seed=seed)
    return history


@pytest.mark.parametrize("generator", ["random", "sobol", "halton"])
def test_initial_points_are_all_different(generator):
    history = run(SkoptSampler(initial_point_generator=generator), 8)
    assert len({trial.params["a"] for trial in history}) == 8


@pytest.mark.slow
def test_a_designed_set_of_initial_points_is_kept_through_the_search():
    sampler = SkoptSampler(initial_point_generator=Lhs(), n_initial_points=6)
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)})
    history = run(sampler, 6, space)
    # A latin hypercube: one point in each sixth of each side.
    for name in "ab":
        assert sorted(int(trial.params[name] * 6) for trial in history) == [0, 1, 2, 3, 4, 5]


def test_after_the_design_each_proposal_has_a_seed_of_its_own():
    """The seed of the design is kept for it only; then the rng decides."""
    sampler = SkoptSampler(initial_point_generator="lhs", n_initial_points=3, **RANDOM_FOREST)
    history = run(sampler, 3)
    during, after = (
        {
            tuple(sampler.ask(SPACE, History(history[:n], seed=3), np.random.default_rng(i)))
            for i in range(3)
        }
        for n in (2, 3)
    )
    assert len(during) == 1
    assert len(after) == 3


def test_asks_what_skopt_itself_would_ask():
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)})
    known = np.random.default_rng(1).random((6, 2))
    losses = (known**2).sum(axis=1)
    trials = [
        Trial(i, {"a": a, "b": b}, "complete", loss=loss)
        for i, ((a, b), loss) in enumerate(zip(known.tolist(), losses.tolist()))
    ]
    kwargs = {"base_estimator": "GP", "n_initial_points": 4, "acq_func": "EI"}
    answer = SkoptSampler(**kwargs).ask(space, History(tuple(trials)), np.random.default_rng(9))
    seed = int(np.random.default_rng(9).integers(2**31))
    optimizer = skopt.Optimizer([(0.0, 1.0), (0.0, 1.0)], random_state=seed, **kwargs)
    optimizer.tell(known.tolist(), losses.tolist())
    np.testing.assert_allclose(answer, optimizer.ask(), rtol=0, atol=1e-12)


# With kappa=0, the lower confidence bound asks for the least predicted loss.
GREEDY = {"acq_func": "LCB", "acq_func_kwargs": {"kappa": 0.0}, "n_initial_points": 2}


@pytest.mark.parametrize("surrogate", ["GP", "RF", "ET"])
@pytest.mark.fast_cases(1)
def test_each_surrogate_knows_the_minimum_of_a_bowl(surrogate):
    space = Space({"a": (0.1, 1000.0, "log-uniform")})
    settings = space.from_unit(np.linspace(0, 1, 25)[:, None])
    losses = [(np.log10(setting["a"]) - 2.0) ** 2 for setting in settings]
    trials = [Trial(i, p, "complete", loss=v) for i, (p, v) in enumerate(zip(settings, losses))]
    sampler = SkoptSampler(base_estimator=surrogate, **GREEDY)
    answer = sampler.ask(space, History(tuple(trials)), np.random.default_rng(0))
    (params,) = space.from_unit([answer])
    assert 30 < params["a"] < 300


def test_choices_are_finite_losses_and_read_as_they_are():
    choices = [[1], None, {"a": 1}]
    space = Space({"k": choices, "size": Categorical([8, 16, 32], ordered=True)})
    settings = space.from_unit(list(space.grid(3)))
    losses = [(s["k"] is not None) + abs(s["size"] - 8) / 10 for s in settings]
    trials = [Trial(i, p, "complete", loss=v) for i, (p, v) in enumerate(zip(settings, losses))]
    sampler = SkoptSampler(base_estimator="GP", **GREEDY)
    answer = sampler.ask(space, History(tuple(trials)), np.random.default_rng(0))
    assert space.from_unit([answer]) == [{"k": None, "size": 8}]


@pytest.mark.slow
def test_first_points_follow_the_weights_of_choices():
    space = Space({"k": Categorical(["rare", "often"], weights=[1, 9])})
    answers = [SkoptSampler().ask(space, History(), np.random.default_rng(i)) for i in range(200)]
    n_rare = sum(setting["k"] == "rare" for setting in space.from_unit(answers))
    assert binomtest(n_rare, 200, 0.1).pvalue > 0.01


def test_an_estimator_of_the_users_is_seeded_and_left_alone():
    mine = ExtraTreesRegressor(n_estimators=5, min_samples_leaf=2)
    sampler = SkoptSampler(base_estimator=mine, n_initial_points=2)
    first, second = (run(sampler, 5) for _ in range(2))
    assert [trial.params for trial in first] == [trial.params for trial in second]
    assert mine.random_state is None
    assert not hasattr(mine, "estimators_")


@pytest.mark.slow
def test_an_estimator_of_the_users_keeps_its_own_seed():
    history = run(SkoptSampler(n_initial_points=2), 4)
    seeded = ExtraTreesRegressor(n_estimators=5, min_samples_leaf=2, random_state=1)
    answers = [
        SkoptSampler(base_estimator=model, n_initial_points=2, acq_optimizer="sampling").ask(
            SPACE, history, np.random.default_rng(0)
        )
        for model in (seeded, seeded)
    ]
    np.testing.assert_array_equal(*answers)
    assert seeded.random_state == 1


def test_failed_and_pending_trials_have_finite_losses():
    losses = np.array([1.0, np.nan, 3.0, np.nan, np.inf])
    pending = np.array([False, False, False, True, False])
    assert _finite_losses(losses, pending) == [1.0, 3.0, 3.0, 2.0, 3.0]
    assert _finite_losses(np.full(2, np.nan), np.array([True, False])) == [0.0, 0.0]


def test_repr():
    sampler = SkoptSampler(base_estimator="RF", n_initial_points=3)
    assert repr(sampler) == "SkoptSampler(base_estimator='RF', n_initial_points=3)"


def test_unknown_keywords_are_skopts_to_refuse():
    with pytest.raises(TypeError, match="unexpected keyword argument 'surrogate'"):
        SkoptSampler(surrogate="GP").ask(SPACE, History(), np.random.default_rng(0))
