"""The contract, run against each sampler; and against wrong ones, which it must catch."""

import numpy as np
import pytest
from contracts import sampler_contract as contract
from skopt.learning import ExtraTreesRegressor

from skhyper.samplers import (
    GPSampler,
    GridSampler,
    RandomSampler,
    Sampler,
    SkoptSampler,
    SobolSampler,
    Stop,
    located_trials,
)


class HillClimber(Sampler):
    """The example of docs/extending/sampler.md: a sampler from outside the package."""

    def ask(self, space, history, rng):
        points, losses, _ = located_trials(space, history)
        if np.isnan(losses).all():
            return space.sample(1, rng)[0]
        steps = 0.1 * rng.standard_normal(space.n_dims)
        point = np.clip(points[np.nanargmin(losses)] + steps, 0, 1)
        return space.canonical([point])[0]


FEW_CANDIDATES = {"acq_optimizer": "sampling", "acq_optimizer_kwargs": {"n_points": 100}}
SAMPLERS = {
    "random": RandomSampler,
    "grid": GridSampler,
    "sobol": SobolSampler,
    "gp": GPSampler,
    "gp-model": lambda: GPSampler(n_initial_points=2, n_candidates=200),
    "gp-gradients": lambda: GPSampler(n_candidates=200, use_gradients=True),
    "outside": HillClimber,
    "skopt": SkoptSampler,
    "skopt-gp": lambda: SkoptSampler(
        base_estimator="GP", n_initial_points=2, acq_func="EI", **FEW_CANDIDATES
    ),
    "skopt-trees": lambda: SkoptSampler(
        base_estimator=ExtraTreesRegressor(n_estimators=5, min_samples_leaf=2),
        n_initial_points=2,
        **FEW_CANDIDATES,
    ),
}


# What scikit-optimize warns of inside itself is not ours.
@pytest.mark.filterwarnings("ignore:::skopt", "ignore:::sklearn.gaussian_process")
@pytest.mark.parametrize("make_sampler", SAMPLERS.values(), ids=SAMPLERS)
@pytest.mark.parametrize("check", contract.SAMPLER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.fast_cases(30)
def test_contract(check, make_sampler):
    check(make_sampler)


@pytest.mark.parametrize(
    "name", [name for name in SAMPLERS if not name.startswith(("skopt", "outside"))]
)
def test_constraints_are_honoured(name):
    contract.check_a_constraint_is_honoured(SAMPLERS[name])


# A contract that nothing can break is none.


class Wrong(RandomSampler):
    def ask(self, space, history, rng):
        return self.spoil(space.sample(1, rng)[0], space, history)


class NotActivated(Wrong):
    def spoil(self, point, space, history):
        return np.where(np.isnan(point), 0.5, point)


class NotSnapped(Wrong):
    def spoil(self, point, space, history):
        return np.clip(point + 1e-3, 0, 1)


class OutOfTheCube(Wrong):
    def spoil(self, point, space, history):
        return point + 1.0


class ManyPoints(Wrong):
    def spoil(self, point, space, history):
        return point[None]


class Lists(Wrong):
    def spoil(self, point, space, history):
        return point.tolist()


class StopsAtOnce(Wrong):
    def spoil(self, point, space, history):
        return Stop("too tired")


class ReasonIsANumber(Wrong):
    def spoil(self, point, space, history):
        return Stop(3)


class Remembers(Wrong):
    def __init__(self):
        self.asked = 0

    def spoil(self, point, space, history):
        self.asked += 1
        return space.canonical([point * 0.9**self.asked])[0]


class GlobalRandomness(Wrong):
    def spoil(self, point, space, history):
        return space.canonical(np.random.rand(1, len(point)))[0]


class ChangesHistory(Wrong):
    def spoil(self, point, space, history):
        for trial in history:
            trial.params["seen"] = True
        return point


class TrustsLosses(Wrong):
    def spoil(self, point, space, history):
        assert np.all(np.isfinite(history.losses))
        return point


class TrustsSettings(Wrong):
    def spoil(self, point, space, history):
        space.to_unit([trial.params for trial in history])
        return point


class StandsStill(Wrong):
    def spoil(self, point, space, history):
        return space.sample(1, np.random.default_rng(history.seed))[0]


class RepeatsInABatch(RandomSampler):
    def ask_batch(self, space, history, rng, n):
        return [self.ask(space, history, rng)] * n


class NeverTwice(Wrong):
    def spoil(self, point, space, history):
        if len(history) >= space.n_candidates:
            raise RuntimeError("nothing left")
        return point


class Forbidden(Wrong):
    def spoil(self, point, space, history):
        return space.canonical(np.full((1, len(point)), 0.9))[0]


CAUGHT = [
    (NotActivated, contract.check_inactive_dimensions_are_nan),
    (NotSnapped, contract.check_answers_are_in_the_space),
    (OutOfTheCube, contract.check_answers_are_in_the_space),
    (ManyPoints, contract.check_answers_are_in_the_space),
    (Lists, contract.check_answers_are_in_the_space),
    (StopsAtOnce, contract.check_answers_are_in_the_space),
    (ReasonIsANumber, contract.check_inactive_dimensions_are_nan),
    (Remembers, contract.check_is_a_pure_function),
    (GlobalRandomness, contract.check_the_global_random_state_is_neither_read_nor_moved),
    (ChangesHistory, contract.check_changes_nothing_it_is_given),
    (TrustsLosses, contract.check_survives_failed_and_pending_trials),
    (OutOfTheCube, contract.check_survives_odd_losses),
    (TrustsSettings, contract.check_survives_trials_of_another_space),
    (StandsStill, contract.check_successive_points_differ),
    (RepeatsInABatch, contract.check_batches),
    (NeverTwice, contract.check_copes_with_an_exhausted_space),
    (NotSnapped, contract.check_a_constraint_is_handled),
    (Forbidden, contract.check_a_constraint_is_honoured),
]


@pytest.mark.parametrize(("wrong", "check"), CAUGHT, ids=lambda value: value.__name__)
def test_the_contract_catches(wrong, check):
    with pytest.raises((AssertionError, ValueError, RuntimeError), match=r"\S"):
        check(wrong)


def test_every_check_is_known_to_catch_something():
    caught = {check for _, check in CAUGHT}
    assert caught == {*contract.SAMPLER_CHECKS, *contract.OPTIONAL_CHECKS}


def test_samplers_of_a_base_class():
    assert all(isinstance(make(), Sampler) for make in SAMPLERS.values())
