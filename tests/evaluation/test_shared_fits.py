"""The objective that scores several candidates from one fit."""

import copy
import pickle
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import check_scoring
from sklearn.model_selection import KFold

from skhyper.evaluation import FoldJob, Objective, SharedFits, with_listener
from skhyper.evaluation._objective import Followers
from skhyper.reuse import SharedFit, shared_fit

X = np.arange(12.0)[:, None]
y = X[:, 0] ** 2


class Mean(RegressorMixin, BaseEstimator):
    """Predicts the mean of the first n targets; fails for n in `fails`."""

    fits: ClassVar[list] = []

    def __init__(self, n=1, fails=(), fails_in="fit"):
        self.n, self.fails, self.fails_in = n, fails, fails_in

    def _check(self, method):
        if self.n in self.fails and method == self.fails_in:
            raise ValueError(f"n={self.n} is bad")

    def fit(self, X, y):
        self.fits.append(self.n)
        self._check("fit")
        self.y_ = y[: self.n]
        return self

    def predict(self, X):
        self._check("predict")
        return np.full(len(X), self.y_.mean())


@shared_fit.register(Mean)
def _mean(estimator):
    return SharedFit("n", _first)


def _first(fitted, n):
    view = copy.copy(fitted)
    view.n, view.y_ = n, fitted.y_[:n]
    return view


@pytest.fixture(autouse=True)
def _no_fits():
    Mean.fits.clear()


def objective(estimator=None, scoring=None, **options):
    estimator = Mean() if estimator is None else estimator
    splits = list(KFold(3).split(X))
    defaults = {"error_score": np.nan, "return_train_score": True, "verbose": 0, "quiet": True}
    scorer = check_scoring(estimator, scoring)
    return Objective(estimator, X, y, splits, scorer, {}, {}, **{**defaults, **options})


def job(n, *others):
    followers = Followers("n", others, max(n, *others)) if others else None
    return FoldJob(0, 1, {"n": n}, 1, followers=followers)


def run(plain, n, *others):
    return SharedFits(with_listener(plain)).run(job(n, *others))


def without_times(result):
    left_out = ("fit_time", "score_time", "shared", "followers")
    return {key: value for key, value in result.items() if key not in left_out}


@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error", ["r2", "neg_max_error"]])
@pytest.mark.parametrize("values", [(5, 2, 3), (2, 5, 3)])
def test_one_fit_gives_the_results_of_plain_fits(scoring, values):
    plain = objective(scoring=scoring)
    found = run(plain, *values)
    assert Mean.fits == [5]
    own, *others = (without_times(plain.run(job(n))) for n in values)
    assert without_times(found) == own
    assert [without_times(result) for result in found["followers"]] == others


def test_the_time_of_the_fit_counts_for_the_value_that_was_fitted():
    found = run(objective(), 2, 5, 3)
    times = {2: found["fit_time"]} | dict(zip((5, 3), (r["fit_time"] for r in found["followers"])))
    assert max(times, key=times.get) == 5
    assert found["shared"] and found["score_time"] >= 0


def test_without_followers_nothing_changes():
    plain = objective()
    assert without_times(run(plain, 4)) == without_times(plain.run(job(4)))


def test_what_cannot_be_scored_from_the_fit_is_left_to_plain_fits():
    found = run(objective(Mean(fails=(3,), fails_in="predict")), 5, 3, 2)
    assert found["followers"][0] is None
    assert found["followers"][1]["fit_error"] is None
    found = run(objective(Mean(fails=(3,), fails_in="predict")), 3, 5)
    assert "n=3 is bad" in found["score_error"]  # immediately, as in a plain fit
    assert Mean.fits == [5, 5, 3]


@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_a_longer_fit_that_fails_does_not_fail_others(error_score):
    estimator = Mean(fails=(5,))
    plain = objective(estimator, error_score=error_score)
    found = run(plain, 2, 5)
    assert Mean.fits == [5, 2]
    assert found["fit_error"] is None
    assert found["followers"] == [None]
    if error_score == "raise":
        with pytest.raises(ValueError, match="n=5 is bad"):
            run(plain, 5, 2)
    else:
        assert "n=5 is bad" in run(plain, 5, 2)["fit_error"]
        assert Mean.fits == [5, 2, 5]


def test_the_objective_is_sent_to_workers():
    shared, splits = SharedFits(with_listener(objective())).without_splits()
    copied = pickle.loads(pickle.dumps(shared))
    expected = run(objective(), 5, 2)
    found = copied.run(job(5, 2), *splits[1])
    assert without_times(found) == without_times(expected)
    assert shared.portable
    error = shared.failed(job(5, 2), ValueError("ended"), 1.0, *splits[1])
    assert error["fit_error"] == "ValueError: ended"


def test_a_scorer_with_a_listener_looks_like_the_scorer():
    plain = objective(scoring="r2")
    assert repr(with_listener(plain).scorer) == repr(plain.scorer)


def test_only_the_fit_that_was_made_counts_as_one():
    """For the deadline, which reads the seconds of fits, wherever the longest stands."""
    found = run(objective(), 2, 5, 3)
    shared = [bool(result.get("shared")) for result in (found, *found["followers"])]
    assert shared == [True, False, True]
    found = run(objective(), 5, 2)
    assert [bool(result.get("shared")) for result in (found, *found["followers"])] == [False, True]


def test_a_worker_that_does_not_know_the_rule_scores_its_own_candidate(monkeypatch):
    monkeypatch.setattr("skhyper.evaluation._shared_fits.shared_fit", lambda estimator: None)
    plain = objective()
    for values in ((5, 2), (2, 5)):
        found = run(plain, *values)
        assert found.pop("n_fits", 1) == 1 + (values[0] == 2)
        assert without_times(found) == without_times(plain.run(job(values[0])))
        followers = dict(zip(values[1:], found["followers"]))
        assert followers.get(2) is None


def test_a_search_inside_of_an_estimator_leaves_the_outer_sharing_alone():
    class Nested(Mean):
        def fit(self, X, y):
            run(objective(), 3, 2)
            return super().fit(X, y)

    shared_fit.register(Nested, _mean)
    found = run(objective(Nested()), 5, 2)
    assert found["followers"][0] is not None
