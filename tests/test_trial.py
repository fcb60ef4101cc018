"""Trials and their history: look-ups only."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest
from scipy.stats import sem

from skhyper._trial import History, StopKind, StopReason, Trial, TrialState


def complete(number, loss):
    scores = np.array([-loss, -loss])
    return Trial(number, {"C": number}, "complete", scores=scores, loss=loss)


MIXED = History(
    (
        complete(0, 3.0),
        Trial(1, {"C": 1}, "failed"),
        complete(2, 1.0),
        Trial(3, {"C": 3}),
        complete(4, 1.0),
        Trial(5, {"C": 5}),
    )
)


def test_a_new_trial_is_running_and_knows_nothing():
    trial = Trial(0, {"C": 1.0})
    assert trial.state == "running"
    assert np.isnan(trial.loss)
    assert np.isnan(trial.seconds)
    assert trial.scores.shape == (0,)
    assert trial.folds == ()
    assert trial.message == ""
    assert trial.gradient is None


def test_new_trials_do_not_share_their_scores():
    assert Trial(0, {}).scores is not Trial(1, {}).scores


@pytest.mark.parametrize("obj", [Trial(0, {}), History()], ids=["trial", "history"])
def test_frozen(obj):
    field = dataclasses.fields(obj)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError, match=field):
        setattr(obj, field, None)


def test_history_is_a_sequence_of_its_trials():
    assert len(MIXED) == 6
    assert [trial.number for trial in MIXED] == [0, 1, 2, 3, 4, 5]
    assert MIXED[2].number == 2
    assert MIXED[-1].number == 5
    assert [trial.number for trial in MIXED[3:]] == [3, 4, 5]
    assert [trial.number for trial in reversed(MIXED)] == [5, 4, 3, 2, 1, 0]


def test_states_are_strings_to_users():
    state = Trial(0, {}, "complete").state
    assert state is TrialState.COMPLETE
    assert state == "complete"
    assert (repr(state), str(state), f"{state}") == ("'complete'", "complete", "complete")
    assert json.dumps([state]) == '["complete"]'
    assert {"complete": 1}[state] == 1
    with pytest.raises(ValueError, match="'done' is not a valid TrialState"):
        Trial(0, {}, "done")


def test_standard_error_of_the_loss():
    scores = np.array([0.5, 0.7, 0.9, np.nan, np.nan])
    trial = Trial(0, {}, "stopped", scores, -0.7)
    assert trial.standard_error == pytest.approx(sem(scores[:3]))
    assert np.isnan(Trial(0, {}, "stopped", np.array([0.5, np.nan]), -0.5).standard_error)
    assert np.isnan(Trial(0, {}).standard_error)


def test_a_stopped_trial_has_a_loss_and_is_not_the_best():
    stopped = Trial(0, {}, "stopped", np.array([9.0, np.nan]), -9.0)
    history = History((stopped, complete(1, 2.0)))
    np.testing.assert_array_equal(history.losses, [np.nan, 2.0])
    assert history.best.number == 1
    assert history.pending == ()


def test_losses_are_nan_where_failed_or_running():
    losses = MIXED.losses
    assert losses.dtype == np.float64
    np.testing.assert_array_equal(losses, [3.0, np.nan, 1.0, np.nan, 1.0, np.nan])


def test_best_is_the_first_of_the_least_losses():
    assert MIXED.best.number == 2


@pytest.mark.parametrize(
    "trials", [(), (Trial(0, {}, "failed"),), (Trial(0, {}),)], ids=["none", "failed", "running"]
)
def test_no_best_without_a_complete_trial(trials):
    history = History(trials)
    assert history.best is None
    assert history.losses.shape == (len(trials),)


def test_best_ignores_infinite_losses_where_it_can():
    assert History((complete(0, np.inf), complete(1, 2.0))).best.number == 1


def test_pending_are_the_running_ones():
    assert [trial.number for trial in MIXED.pending] == [3, 5]
    assert History().pending == ()


def test_pickling_keeps_everything():
    again = pickle.loads(pickle.dumps(History(MIXED.trials, seed=7, fingerprint="abc")))
    assert (again.seed, again.fingerprint) == (7, "abc")
    assert [(t.number, t.params, t.state) for t in again] == [
        (t.number, t.params, t.state) for t in MIXED
    ]
    np.testing.assert_array_equal(again.losses, MIXED.losses)


def test_long_fields_stay_out_of_the_repr():
    trial = Trial(0, {"C": 1}, folds=({"fit_time": 123.456},), message="Traceback: a long one")
    assert "Traceback" not in repr(trial)
    assert "123.456" not in repr(trial)


def test_a_stop_reason_is_a_sentence_with_a_kind():
    reason = StopReason("max_time=1 seconds have passed", "max_time")
    assert reason == "max_time=1 seconds have passed"
    assert f"{reason}" == str(reason) == repr(reason)[1:-1]
    for same in (pickle.loads(pickle.dumps(reason)), copy.deepcopy(reason)):
        assert (same, same.kind) == (reason, StopKind.MAX_TIME)
    assert StopReason("the criterion is flat").kind == "sampler"
    with pytest.raises(ValueError, match="boredom"):
        StopReason("", "boredom")


def test_a_data_frame_of_trials():
    pandas = pytest.importorskip("pandas")
    trials = (
        Trial(0, {"C": 1.0, "m": (1, 2)}, "complete", np.array([0.5, 0.7]), -0.6, started=1.7e9),
        Trial(1, {"C": 2.0}, "complete", np.array([0.1, 0.2]), -0.15, gradient={"C": 3.0}),
        Trial(2, {"C": 3.0}),
    )
    frame = History(trials).to_frame()
    assert list(frame) == [
        *("state", "loss", "standard_error", "seconds", "started", "message", "shared"),
        *("param_C", "param_m", "split0_score", "split1_score", "criterion", "gradient_C"),
    ]
    assert frame.index.name == "number"
    assert frame["state"].tolist() == ["complete", "complete", "running"]
    assert frame["started"][0] == pandas.Timestamp(1.7e9, unit="s", tz="UTC")
    assert frame["param_m"][0] == (1, 2)
    assert frame["loss"].isna().tolist() == [False, False, True]
    assert frame["gradient_C"].tolist()[1] == 3.0
    empty = History().to_frame()
    assert len(empty) == 0
    assert list(empty) == list(frame)[:7]
