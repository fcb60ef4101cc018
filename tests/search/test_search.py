"""Manual search, and handing over from one search to another."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.metrics import make_scorer
from sklearn.model_selection import PredefinedSplit, ShuffleSplit
from sklearn.svm import SVC

from skhyper import BayesSearchCV, SearchCV
from skhyper.exceptions import HistoryMismatchWarning, InvalidSpaceError, SkhyperWarning

X, y = load_iris(return_X_y=True)
SHUFFLED = ShuffleSplit(3, test_size=0.3)  # other folds each time they are drawn


class Counted(SVC):
    """Counts fits; a class attribute, for searches clone."""

    n_fits = 0

    def fit(self, X, y):
        Counted.n_fits += 1
        return super().fit(X, y)


def fits_of(function):
    Counted.n_fits = 0
    result = function()
    return result, Counted.n_fits


def test_settings_in_their_order_with_any_values():
    settings = [{"C": 1}, {"kernel": "poly", "degree": 2}, {"C": 10, "class_weight": {0: 1}}]
    search = SearchCV(SVC(), sampler=settings, cv=3).fit(X, y)
    assert search.cv_results_["params"] == settings
    assert search.stop_reason_ == "every candidate of the list was tried"
    assert search.space_ is None
    assert search.cv_results_["param_degree"].mask.tolist() == [True, False, True]


def test_look_add_and_fit_again():
    search = SearchCV(Counted(), sampler=[{"C": 1}, {"C": 100}], cv=3, warm_start=True)
    _, n_fits = fits_of(lambda: search.fit(X, y))
    assert n_fits == 2 * 3 + 1
    first = search.cv_results_["mean_test_score"].copy()
    # What stands in the list still, and was tried, is not tried again.
    search.set_params(sampler=[{"C": 1}, {"C": 100}, {"C": 10}])
    _, n_fits = fits_of(lambda: search.fit(X, y))
    assert n_fits == 1 * 3 + 1
    assert [p["C"] for p in search.cv_results_["params"]] == [1, 100, 10]
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"][:2], first)
    # Nothing new to try: the results stay.
    _, n_fits = fits_of(lambda: search.fit(X, y))
    assert n_fits == 1
    assert search.n_trials_ == 3


def test_without_warm_start_each_fit_starts_anew():
    search = SearchCV(SVC(), sampler=[{"C": 1}], cv=3).fit(X, y)
    search.set_params(sampler=[{"C": 2}]).fit(X, y)
    assert search.cv_results_["params"] == [{"C": 2}]


def test_hand_over_to_bayesian_search_on_the_same_folds():
    space = {"C": (1e-2, 1e2, "log-uniform"), "gamma": (1e-3, 1.0, "log-uniform")}
    manual = SearchCV(
        Counted(), sampler=[{"C": 5.0, "gamma": 0.1}, {"C": 1e5, "gamma": 0.5}], cv=SHUFFLED
    ).fit(X, y)
    bayes = BayesSearchCV(
        Counted(), space, n_iter=6, cv=SHUFFLED, history=manual.history_, random_state=0
    )
    _, n_fits = fits_of(lambda: bayes.fit(X, y))
    assert n_fits == 6 * 3 + 1
    assert bayes.n_trials_ == 8
    assert bayes.cv_results_["params"][:2] == manual.cv_results_["params"]
    assert [trial.number for trial in bayes.history_] == list(range(8))
    # The folds are those of the manual search, though the splitter would draw others.
    for one, other in zip(bayes.history_.splits, manual.history_.splits):
        np.testing.assert_array_equal(one[1], other[1])
    repeated = SearchCV(
        SVC(), sampler=[{"C": 5.0, "gamma": 0.1}], cv=list(manual.history_.splits)
    ).fit(X, y)
    assert repeated.cv_results_["mean_test_score"][0] == bayes.cv_results_["mean_test_score"][0]


def test_earlier_settings_are_completed_by_the_estimators_own_values():
    space = {"C": (1e-2, 1e2, "log-uniform"), "gamma": (1e-3, 1.0, "log-uniform")}
    manual = SearchCV(SVC(gamma=0.1), sampler=[{"C": 1}, {"C": 10, "gamma": 0.5}], cv=3)
    manual.fit(X, y)
    bayes = BayesSearchCV(SVC(gamma=0.1), space, n_iter=2, cv=3, history=manual.history_)
    bayes.fit(X, y)
    np.testing.assert_allclose(
        bayes.space_.locate({"C": 1}), bayes.space_.locate({"C": 1.0, "gamma": 0.1})
    )
    # The estimator's own params, C=1 and gamma=0.1, were tried and are not tried again.
    assert {"C": 1.0, "gamma": 0.1} not in bayes.cv_results_["params"]


def test_earlier_settings_without_a_place_in_the_space_are_told():
    manual = SearchCV(SVC(), sampler=[{"C": 1}, {"kernel": "poly"}], cv=3).fit(X, y)
    bayes = BayesSearchCV(
        SVC(), {"C": (0.1, 10.0)}, n_iter=2, cv=3, history=manual.history_, random_state=0
    )
    with pytest.warns(SkhyperWarning, match=r"1 of 2 earlier trials .*'poly'") as caught:
        bayes.fit(X, y)
    assert caught[0].filename == __file__, "it points at the caller's line"
    assert bayes.n_trials_ == 4


def test_bayesian_search_learns_from_what_it_is_handed():
    space = {"C": (1e-2, 1e2, "log-uniform")}
    settings = [{"C": float(c)} for c in np.logspace(-2, 2, 9)]
    manual = SearchCV(SVC(), sampler=settings, cv=3).fit(X, y)
    bayes = BayesSearchCV(SVC(), space, n_iter=1, history=manual.history_, cv=3, random_state=0)
    bayes.fit(X, y)
    new = bayes.history_[-1].params["C"]
    # With nine values known on the line, it goes where the score is high, between them.
    worst = manual.history_[int(np.argmax(manual.history_.losses))].params["C"]
    assert abs(np.log10(new) - np.log10(worst)) > 0.5
    assert new not in [s["C"] for s in settings]


def test_warm_start_of_a_sampled_search_goes_on():
    space = {"C": (1e-2, 1e2, "log-uniform")}
    search = BayesSearchCV(SVC(), space, n_iter=4, cv=SHUFFLED, warm_start=True, random_state=0)
    first = list(search.fit(X, y).history_)
    search.set_params(n_iter=3).fit(X, y)
    assert search.n_trials_ == 7
    assert [t.params for t in search.history_[:4]] == [t.params for t in first]
    assert len({t.params["C"] for t in search.history_}) == 7


class EveryNth:
    """A splitter without a repr of its own."""

    def __init__(self, n):
        self.n = n

    def get_n_splits(self, X=None, y=None, groups=None):
        return self.n

    def split(self, X, y=None, groups=None):
        fold = np.arange(len(X)) % self.n
        return ((np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(self.n))


def constant(value):
    return make_scorer(lambda a, b: value)


CHANGES = {
    "scoring": ("accuracy", "f1_macro"),
    "a scorer": (constant(1.0), constant(-7.0)),
    "estimator": (SVC(), SVC(kernel="linear")),
    "cv": (3, 4),
    "a splitter": (EveryNth(3), EveryNth(5)),
    # Alike at both ends, which is all that their repr shows.
    "a list of folds": (
        PredefinedSplit(np.arange(150) % 3),
        PredefinedSplit(np.r_[:3, np.random.RandomState(0).permutation(np.arange(144) % 3), :3]),
    ),
}


@pytest.mark.parametrize("change", ["X", "y", "weights", *CHANGES])
def test_trials_of_something_else_are_not_used(change):
    name = {"a scorer": "scoring", "a splitter": "cv", "a list of folds": "cv"}.get(change, change)
    before, after = CHANGES.get(change, (None, None))
    manual = SearchCV(SVC(), sampler=[{"C": 1}], cv=3, warm_start=True)
    if change in CHANGES:
        manual.set_params(**{name: before})
    manual.fit(X, y)
    X2, y2, metadata = X, y, {}
    if change == "X":
        X2 = X + 1e-9
    elif change == "y":
        y2 = y[::-1]
    elif change == "weights":
        metadata = {"sample_weight": np.ones(150)}
    else:
        manual.set_params(**{name: after})
    manual.set_params(sampler=[{"C": 2}])
    with pytest.warns(HistoryMismatchWarning, match="Earlier trials are not used"):
        manual.fit(X2, y2, **metadata)
    assert manual.cv_results_["params"] == [{"C": 2}]


@pytest.mark.parametrize(
    ("sampler", "match"),
    [
        ([{"c": 1}], "Invalid parameter 'c'"),
        ([{"C": 1}, 3], "sampler: candidates must be a dict"),
    ],
)
def test_wrong_lists(sampler, match):
    with pytest.raises(InvalidSpaceError, match=match):
        SearchCV(SVC(), sampler=sampler).fit(X, y)


def test_an_empty_list_and_a_constraint():
    with pytest.raises(InvalidSpaceError, match="list of candidates is empty"):
        SearchCV(SVC(), sampler=[]).fit(X, y)
    with pytest.raises(InvalidSpaceError, match="constraint rejects"):
        SearchCV(SVC(), sampler=[{"C": 1}], constraint=lambda p: p["C"] > 1).fit(X, y)


def test_a_setting_written_twice_is_tried_twice():
    search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 1}], cv=3).fit(X, y)
    assert search.n_trials_ == 2


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
def test_what_a_fit_leaves_on_the_data_or_the_estimator_is_no_change(container):
    data, svc = container(X), SVC()
    manual = SearchCV(svc, sampler=[{"C": 1}], cv=3, warm_start=True).fit(data, y)
    svc.fit(data, y)
    assert manual.set_params(sampler=[{"C": 2}]).fit(data, y).n_trials_ == 2


def test_another_metric_is_optimised_by_then():
    options = {"scoring": ["accuracy", "f1_macro"], "cv": 3, "warm_start": True}
    manual = SearchCV(SVC(), sampler=[{"C": 1e-3}, {"C": 1}], refit="accuracy", **options)
    manual.fit(X, y).set_params(refit="f1_macro", sampler=[{"C": 10}]).fit(X, y)
    np.testing.assert_array_equal(manual.history_.losses, -manual.cv_results_["mean_test_f1_macro"])


def test_history_beside_warm_start():
    space = {"C": (0.1, 10.0)}
    manual = SearchCV(SVC(), sampler=[{"C": 1.5}, {"C": 2.5}], cv=3).fit(X, y)
    bayes = BayesSearchCV(SVC(), space, n_iter=3, cv=3, warm_start=True).fit(X, y)
    assert bayes.set_params(history=manual.history_).fit(X, y).n_trials_ == 3 + 2 + 3
    assert [t.number for t in bayes.history_] == list(range(8))


def test_a_grid_goes_on_where_it_stopped():
    grid = {"C": [1, 2, 3, 4, 5, 6]}
    search = SearchCV(SVC(), grid, sampler="grid", n_iter=3, cv=3, warm_start=True).fit(X, y)
    assert search.stop_reason_ == "n_iter=3 candidates were tried"
    search.fit(X, y)
    assert [p["C"] for p in search.cv_results_["params"]] == [1, 2, 3, 4, 5, 6]


def test_initial_points_of_a_manual_search_are_checked():
    options = {"sampler": [{"C": 1}], "initial_points": [{"CC": 2}]}
    with pytest.raises(InvalidSpaceError, match="Invalid parameter 'CC'"):
        SearchCV(SVC(), **options).fit(X, y)
    options = {"sampler": [{"C": 1}], "initial_points": [{"C": 2}]}
    with pytest.raises(InvalidSpaceError, match="constraint rejects"):
        SearchCV(SVC(), constraint=lambda p: p["C"] < 1.5, **options).fit(X, y)


def test_own_setting_first_even_in_a_grid_if_asked_for():
    grid = {"C": [0.01, 0.1, 1.0, 10.0]}
    search = SearchCV(SVC(), grid, n_iter=10, include_default=True, cv=3).fit(X, y)
    assert [p["C"] for p in search.cv_results_["params"]] == [1.0, 0.01, 0.1, 10.0]
