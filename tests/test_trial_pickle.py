"""Pickles of a history: smaller, and the trials as they were, to the type of each number."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from skhyper import History, SearchCV, Trial


def fold(score, **more):
    return {"fit_error": None, "test_scores": score, "n_test_samples": 30, "fit_time": 0.1} | more


def trials():
    yield Trial(0, {"C": 1.0}, "complete", np.array([0.5, np.nan]), -0.5, (fold(0.5), fold(0.25)))
    yield Trial(1, {"C": np.float64(2)}, "failed", message="Traceback", gradient={"C": 1.0})
    yield Trial(2, {"m": "x"}, "stopped", np.array([1.0]), 1, (fold(np.float64(1)),), shared=True)
    yield Trial(3, {}, "running", fold_numbers=(1,), folds=(fold({"a": 1, "b": 2}),))


def described(value):
    """A value as text, with types."""
    if isinstance(value, dict):
        return {key: described(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(map(described, value))
    return type(value), repr(value)


def check(history, made):
    assert len(made) == len(history)
    for trial, again in zip(history, made, strict=True):
        assert type(again) is type(trial)
        assert list(vars(again)) == list(vars(trial))
        assert described(vars(again)) == described(vars(trial))
    assert (made.seed, made.fingerprint) == (history.seed, history.fingerprint)


class OwnTrial(Trial):
    pass


def of_older_version(trial):
    """A trial without attributes that were added later."""
    vars(trial).pop("started")
    return trial


HISTORIES = {
    "none": (),
    "several kinds": tuple(trials()),
    "one": tuple(trials())[:1],
    "no folds": (Trial(0, {"x": 1}), Trial(1, {"x": 2})),
    "folds with other keys": (*trials(), Trial(4, {}, folds=(fold(0.5, gradient={"C": 1.0}),))),
    "folds without keys": (Trial(0, {"x": 1}, folds=({}, {})),),
    "an older version first": (of_older_version(Trial(0, {"x": 1})), Trial(1, {}, started=5.0)),
    "an older version last": (Trial(0, {}, started=5.0), of_older_version(Trial(1, {"x": 1}))),
    "a class of its own": (OwnTrial(0, {"x": 1}, scores=np.array([0.5])),),
    "scores in a list": (Trial(0, {"x": 1}, scores=[0.5]),),
    "scores of another type": (Trial(0, {"x": 1}, scores=np.array([0.5], dtype=np.float32)),),
}


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize(
    "again", [lambda h: pickle.loads(pickle.dumps(h)), copy.deepcopy, copy.copy]
)
def test_trials_are_as_they_were(name, again):
    history = History(HISTORIES[name], 3, "print")
    check(history, again(history))


def test_pickles_of_earlier_versions_are_read():
    history = History(tuple(trials()))
    made = object.__new__(History)
    made.__setstate__(dict(vars(history)))
    check(history, made)


def test_the_pickle_is_smaller_than_that_of_the_trials():
    X, y = load_iris(return_X_y=True)
    space = {"var_smoothing": np.geomspace(1e-9, 1, 40).tolist()}
    search = SearchCV(GaussianNB(), space, n_iter=20, random_state=0).fit(X, y)
    made = pickle.loads(pickle.dumps(search)).history_
    check(search.history_, made)
    assert len(pickle.dumps(made)) < 0.75 * len(pickle.dumps(made.trials))
    more = SearchCV(GaussianNB(), space, n_iter=25, history=made, random_state=0).fit(X, y)
    times = [trial.folds[0]["fit_time"] for trial in more.history_]
    assert times[:20] == [trial.folds[0]["fit_time"] for trial in made]
