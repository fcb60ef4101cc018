"""Lists of candidates, and candidates from a sampler."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from sklearn.svm import SVC

from skhyper._trial import History, Stop, Trial
from skhyper.evaluation import ListedCandidates, SampledCandidates, params_key
from skhyper.samplers import RandomSampler, Sampler
from skhyper.space import Categorical, Space, When


def grown(history, params):
    return replace(history, trials=(*history.trials, Trial(len(history), params)))


def all_of(candidates, history=None):
    history, settings = History() if history is None else history, []
    while (params := candidates.ask(history)) is not None:
        settings.append(params)
        history = grown(history, params)
    return settings


class Stuck(Sampler):
    """Always the same point."""

    def ask(self, space, history, rng):
        return space.canonical(np.full((1, space.n_dims), 0.1))[0]


def test_listed_candidates_in_order_and_what_was_tried_before():
    settings = [{"C": 1}, {"C": 2}, {"C": 1}]
    assert all_of(ListedCandidates(settings, "end")) == settings
    earlier = History((Trial(0, {"C": 2}),))
    listed = ListedCandidates(settings, "end", allow_repeats=False)
    listed.start_from(earlier, 0)
    assert listed.n_candidates == 2
    assert all_of(listed, earlier) == [{"C": 1}, {"C": 1}]
    assert listed.exhausted_reason == "end"


def test_first_settings_then_the_sampler():
    space = Space({"a": (0.0, 1.0)})
    candidates = SampledCandidates(RandomSampler(), [(space, 4)], [{"a": 0.5}, {"a": 0.25}])
    settings = all_of(candidates)
    assert settings[:2] == [{"a": 0.5}, {"a": 0.25}]
    assert len(settings) == 4
    assert candidates.exhausted_reason == "n_iter=4 candidates were tried"


def test_a_repeating_sampler_is_corrected_until_the_space_is_used_up():
    space = Space({"a": [1, 2, 3], "b": ["x", "y"]})
    candidates = SampledCandidates(Stuck(), [(space, 50)])
    settings = all_of(candidates)
    assert sorted((s["a"], s["b"]) for s in settings) == [
        (a, b) for a in (1, 2, 3) for b in ("x", "y")
    ]
    assert candidates.exhausted_reason == "every candidate was tried"
    repeated = all_of(SampledCandidates(Stuck(), [(space, 5)], allow_repeats=True))
    assert repeated == [{"a": 1, "b": "x"}] * 5


def test_a_sampler_that_ignores_the_constraint_is_corrected():
    space = Space({"a": (0, 20)}, constraint=lambda p: p["a"] > 15)
    assert {s["a"] for s in all_of(SampledCandidates(Stuck(), [(space, 50)]))} == {
        16,
        17,
        18,
        19,
        20,
    }


def test_phases_end_when_their_space_is_used_up():
    phases = [(Space({"a": [1, 2]}), 5), (Space({"b": [1, 2, 3]}), 2)]
    candidates = SampledCandidates(RandomSampler(), phases)
    assert [set(s) for s in all_of(candidates)] == [{"a"}] * 2 + [{"b"}] * 2
    # The third candidate of the second space was not tried.
    assert candidates.exhausted_reason == (
        "every candidate was tried in 1 of 2 sub-spaces; the others reached their n_iter"
    )
    both = SampledCandidates(RandomSampler(), [(phases[0][0], 9), (phases[1][0], 9)])
    assert len(all_of(both)) == 5
    assert both.exhausted_reason == "every candidate was tried in all sub-spaces"


@pytest.mark.parametrize("n_made", [1, 2, 3, 5])
def test_a_search_that_began_with_the_own_values_outside_of_its_first_phase(n_made):
    """Earlier versions did so; their journals are resumed without an early end of a phase."""
    phases, own = [(Space({"a": (0.0, 1.0)}), 3), (Space({"b": (0.0, 1.0)}), 3)], {"b": 0.5}
    began = all_of(SampledCandidates(RandomSampler(), phases, [own]))
    made = History(tuple(Trial(i, params) for i, params in enumerate(began[:n_made])))
    candidates = SampledCandidates(RandomSampler(), phases, own=[own])
    candidates.start_from(made, n_made)
    assert all_of(candidates, made) == began[n_made:]
    assert candidates.exhausted_reason == "n_iter=6 candidates were tried"


def test_a_rare_branch_is_drawn_or_the_reason_does_not_claim_that_it_was_tried():
    """Each level of nesting is entered by one of 40 choices."""
    choices = list(range(40))
    two = {"a": choices, "b": When(choices, a=39)}
    space = Space({**two, "c": When((0.0, 1.0), b=39)})
    candidates = SampledCandidates(RandomSampler(), [(space, 2000)])
    tried = all_of(candidates)
    assert len(tried) < 2000
    assert candidates.exhausted_reason == "no new candidate was found in 400 draws"
    assert candidates.exhausted_reason.kind == "candidates"
    # A finite space is enumerated, however rare its last branch is.
    candidates = SampledCandidates(RandomSampler(), [(Space(two), 2000)])
    assert len(all_of(candidates)) == 39 + 40
    assert candidates.exhausted_reason == "every candidate was tried"


def test_keys_of_one_phase_are_not_those_of_the_next():
    """The spaces give their points other coordinates; no candidate is repeated."""
    phases = [(Space({"a": [1, 2, 3]}), 2), (Space({"a": [3, 4, 1, 2]}), 9)]
    settings = all_of(SampledCandidates(RandomSampler(), phases))
    assert sorted(params["a"] for params in settings) == [1, 2, 3, 4]


def test_a_point_that_was_tried_is_replaced_though_most_points_were():
    """Half of the random draws, and of the points that cover the space, are a repeat."""
    space = Space({"k": ["x", "y"], "n": When((1, 10**6), k="y")})
    candidates = SampledCandidates(Stuck(), [(space, 40)], [{"k": "x"}])
    settings = all_of(candidates)
    assert len(settings) == 40
    assert candidates.exhausted_reason == "n_iter=40 candidates were tried"


@pytest.mark.parametrize(
    ("stop", "reason", "kind"),
    [
        (Stop("converged"), "converged", "sampler"),
        (Stop(), "the sampler has no further candidate", "candidates"),
    ],
)
def test_a_sampler_that_stops(stop, reason, kind):
    class Stopping(Sampler):
        def ask(self, space, history, rng):
            return stop if len(history) == 2 else space.sample(1, rng)[0]

    candidates = SampledCandidates(Stopping(), [(Space({"a": (0.0, 1.0)}), 5)])
    assert len(all_of(candidates)) == 2
    assert candidates.exhausted_reason == reason
    assert candidates.exhausted_reason.kind == kind


def test_answers_depend_on_seed_and_history_only():
    space = Space({"a": (0.0, 1.0)})
    one = all_of(SampledCandidates(RandomSampler(), [(space, 6)]), History(seed=1))
    # Resumed in the middle by other candidates: the same continuation.
    history = History(tuple(Trial(i, p) for i, p in enumerate(one[:3])), seed=1)
    rest = all_of(SampledCandidates(RandomSampler(), [(space, 3)]), history)
    assert one[3:] == rest
    assert one != all_of(SampledCandidates(RandomSampler(), [(space, 6)]), History(seed=2))


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ({"C": 1}, {"C": 1.0}, False),  # one feature and all of them, to max_features
        ({"C": np.float64(2)}, {"C": 2.0}, True),
        ({"C": np.int64(2)}, {"C": 2}, True),
        ({"C": 1}, {"C": True}, False),
        ({"C": "1"}, {"C": 1}, False),
        ({"C": None}, {"C": "None"}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": (1, 2)}, {"a": (1, 2)}, True),
        ({"a": (1, 2)}, {"a": [1, 2]}, False),
        ({"a": {"x": 1}}, {"a": {"x": 1}}, True),
        ({"a": SVC()}, {"a": SVC()}, True),
        ({"a": SVC()}, {"a": SVC(C=2)}, False),
        ({"a": np.arange(3)}, {"a": np.arange(3)}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
    ],
)
def test_params_key(a, b, equal):
    assert (params_key(a) == params_key(b)) == equal


def test_params_key_in_a_space():
    space = Space({"C": (0.1, 10.0), "f": [1, 1.0]}).with_defaults({"C": 2.0, "f": 1, "tol": 3})
    assert params_key({"C": 1, "f": 1}, space) == params_key({"C": 1.0, "f": 1}, space)
    assert params_key({"C": 1, "f": 1}, space) != params_key({"C": 1, "f": 1.0}, space)
    assert params_key({"f": 1.0}, space) == params_key({"C": 2, "f": 1.0, "tol": 3}, space)
    assert params_key({"C": 1}, space) != params_key({"C": 1, "tol": 4}, space)


@pytest.mark.parametrize("answer", [np.zeros((1, 2)), np.zeros(3), [{"a": 1}], None])
def test_a_sampler_whose_answer_has_the_wrong_shape(answer):
    class Wrong(Sampler):
        def ask(self, space, history, rng):
            return answer

    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)})
    with pytest.raises(TypeError, match=r"Wrong.ask must return a point .* of shape \(2,\)"):
        SampledCandidates(Wrong(), [(space, 3)]).ask(History())


def test_params_key_of_what_cannot_be_pickled():
    function = lambda: (yield)  # noqa: E731
    generator = function()
    assert params_key({"a": generator}) == params_key({"a": generator})
    assert params_key({"a": generator}) != params_key({"a": function()})


def test_a_branch_of_hardly_any_weight_is_found():
    """The only candidate of the other branch comes first."""
    weighted = Categorical(["x", "y"], weights=[0.99999, 0.00001])
    space = Space({"k": weighted, "n": When((1, 10**6), k="y")})
    candidates = SampledCandidates(RandomSampler(), [(space, 20)])
    settings = all_of(candidates)
    assert len(settings) == 20
    assert len({s.get("n") for s in settings}) == 20
    assert candidates.exhausted_reason == "n_iter=20 candidates were tried"


NAMES = "abcdefg"


def rising(params):
    return all(params[a] < params[b] for a, b in itertools.pairwise(NAMES))


def test_a_rare_constraint_is_met_by_settings_near_those_it_accepted():
    space = Space(dict.fromkeys(NAMES, (1, 40)), rising)
    first = dict(zip(NAMES, range(1, 8)))
    candidates = SampledCandidates(RandomSampler(), [(space, 12)], [first])
    settings = all_of(candidates, History(seed=3))
    assert len({tuple(s.values()) for s in settings}) == 12
    assert all(map(rising, settings))
    # Going on from a history gives what the whole search gives.
    history = History(tuple(Trial(i, p) for i, p in enumerate(settings[:8])), seed=3)
    again = Space(dict.fromkeys(NAMES, (1, 40)), rising)
    rest = SampledCandidates(RandomSampler(), [(again, 4)])
    assert [rest.ask(history)] == settings[8:9]


def test_the_end_of_a_constraint_that_accepts_a_single_setting_of_very_many():
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)}, lambda p: p == {"a": 0.25, "b": 0.75})
    candidates = SampledCandidates(RandomSampler(), [(space, 5)], [{"a": 0.25, "b": 0.75}])
    assert all_of(candidates) == [{"a": 0.25, "b": 0.75}]
    assert candidates.exhausted_reason == (
        "no new candidate that the constraint accepts was found in 400 draws"
    )
