"""Our grid and random search against scikit-learn's, to the last bit."""

import warnings

import numpy as np
import pytest
import sklearn.model_selection as sk
from scipy.stats import loguniform, randint, rv_discrete
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import ShuffleSplit
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import skhyper
from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.space import Real

X, y = load_iris(return_X_y=True)

GRIDS = [
    {"C": [0.1, 1, 10], "kernel": ["linear", "rbf"]},
    [{"kernel": ["linear"], "C": (1, 10)}, {"kernel": ["rbf"], "gamma": np.logspace(-3, 0, 4)}],
    {"class_weight": [None, {0: 1, 1: 2, 2: 3}, "balanced"]},
    {},
]
DISTRIBUTIONS = [
    {"C": loguniform(1e-2, 1e2), "kernel": ["linear", "rbf"]},
    [{"kernel": ["poly"], "degree": randint(2, 5)}, {"gamma": loguniform(1e-3, 1)}],
    {"C": [0.1, 1, 10], "kernel": ["linear", "rbf"]},
]
OPTIONS = [
    {},
    {"cv": ShuffleSplit(3, random_state=0), "return_train_score": True},
    {"scoring": ["accuracy", "f1_macro"], "refit": "f1_macro", "cv": 3},
    {"cv": 3, "n_jobs": 2},
]


def assert_same_results(ours, theirs):
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for key, expected in theirs.cv_results_.items():
        if key.endswith("_time"):
            continue
        got = ours.cv_results_[key]
        if key == "params":
            assert got == expected
            continue
        assert got.dtype == expected.dtype, key
        if isinstance(expected, np.ma.MaskedArray):
            np.testing.assert_array_equal(got.mask, expected.mask)
            assert got.tolist() == expected.tolist()
        else:
            np.testing.assert_array_equal(got, expected, err_msg=key)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    assert ours.best_score_ == theirs.best_score_


@pytest.mark.parametrize("grid", GRIDS, ids=["dict", "list", "objects", "empty"])
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "train", "metrics", "workers"])
@pytest.mark.fast_cases(5)
def test_grid_search_equals_scikit_learn(grid, options):
    theirs = sk.GridSearchCV(SVC(), grid, **options).fit(X, y)
    ours = skhyper.GridSearchCV(SVC(), grid, **options).fit(X, y)
    assert_same_results(ours, theirs)


@pytest.mark.parametrize("space", DISTRIBUTIONS, ids=["dict", "list", "choices"])
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "train", "metrics", "workers"])
@pytest.mark.fast_cases(4)
def test_random_search_equals_scikit_learn(space, options):
    theirs = sk.RandomizedSearchCV(SVC(), space, n_iter=6, random_state=0, **options).fit(X, y)
    ours = skhyper.RandomizedSearchCV(SVC(), space, n_iter=6, random_state=0, **options).fit(X, y)
    assert_same_results(ours, theirs)


def test_one_random_state_shared_by_everything():
    def searched(cls):
        rng = np.random.RandomState(3)
        tree = DecisionTreeClassifier(max_features=1, random_state=rng)
        cv = ShuffleSplit(3, random_state=rng)
        space = {"max_depth": randint(1, 20), "min_samples_leaf": randint(1, 20)}
        return cls(tree, space, n_iter=6, cv=cv, random_state=rng).fit(X, y)

    assert_same_results(searched(skhyper.RandomizedSearchCV), searched(sk.RandomizedSearchCV))


def test_signatures_are_those_of_scikit_learn():
    from inspect import signature

    for name in ("GridSearchCV", "RandomizedSearchCV"):
        ours = signature(getattr(skhyper, name)).parameters
        theirs = signature(getattr(sk, name)).parameters
        assert list(ours)[: len(theirs)] == list(theirs)
        added = {more: ours[more].default for more in list(ours)[len(theirs) :]}
        assert added.pop("reuse") == "auto"
        assert not any(added.values())
        for parameter in theirs:
            assert ours[parameter].kind == theirs[parameter].kind
            np.testing.assert_equal(ours[parameter].default, theirs[parameter].default)


def test_dimensions_of_skhyper_and_scikit_optimize_can_be_drawn():
    skopt_space = pytest.importorskip("skopt.space")
    space = {"alpha": Real(1e-3, 1e3, "log-uniform"), "tol": skopt_space.Real(1e-5, 1e-3)}
    search = skhyper.RandomizedSearchCV(Ridge(), space, n_iter=20, random_state=0).fit(X, y)
    alphas = np.array([p["alpha"] for p in search.cv_results_["params"]])
    assert 1e-3 <= alphas.min() < 0.1 < 10 < alphas.max() <= 1e3
    assert all(1e-5 <= p["tol"] <= 1e-3 for p in search.cv_results_["params"])


@pytest.mark.parametrize("cls", [skhyper.GridSearchCV, skhyper.RandomizedSearchCV])
def test_unknown_names_are_found_before_any_fit(cls):
    class NeverFitted(SVC):
        def fit(self, X, y):
            raise AssertionError("fitted")

    space = [{"C": [1, 2]}, {"gama": [1]}]
    options = {} if cls is skhyper.GridSearchCV else {"n_iter": 3}
    with pytest.raises(ValueError, match=r"Invalid parameter 'gama'.*Did you mean 'gamma'"):
        cls(NeverFitted(), space, error_score="raise", **options).fit(X, y)


def test_the_space_is_told():
    search = skhyper.GridSearchCV(SVC(), {"C": (1, 10)}).fit(X, y)
    assert search.space_.n_candidates == 2, "a tuple is a list of choices here"

    class OnlyDraws:
        def rvs(self, random_state=None):
            return random_state.uniform(0.5, 1.5)

    search = skhyper.RandomizedSearchCV(SVC(), {"C": OnlyDraws()}, n_iter=2, random_state=0)
    assert search.fit(X, y).space_ is None


@pytest.mark.filterwarnings("ignore:One or more", "ignore:\\n2 fits failed")
def test_a_range_of_scikit_optimize_where_scikit_learn_reads_choices():
    search = skhyper.RandomizedSearchCV(SVC(), {"C": (1, 10, "log-uniform")}, n_iter=3, cv=2)
    with pytest.warns(SkhyperWarning, match="is a list of choices here"):
        search.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search.set_params(param_distributions={"C": (1, 10)}, n_iter=2).fit(X, y)


class OnlyDraws(rv_discrete):
    """A distribution with draws of its own and nothing else, as scikit-learn accepts it."""

    def rvs(self, *args, random_state=None, **kwargs):
        return 2 ** int(random_state.randint(5))


TABLE = rv_discrete(values=([0.1, 0.5, 0.9], [0.2, 0.3, 0.5]))


@pytest.mark.parametrize(
    "space",
    [
        {"C": OnlyDraws(name="mine")},
        {"C": TABLE},
        {"C": TABLE(loc=1)},
        {"C": randint(1, 5, loc=0.5)},
    ],
    ids=["draws", "table", "shifted table", "shifted integers"],
)
def test_distributions_that_scikit_learn_draws_from(space):
    theirs = sk.RandomizedSearchCV(SVC(), space, n_iter=6, cv=2, random_state=0).fit(X, y)
    ours = skhyper.RandomizedSearchCV(SVC(), space, n_iter=6, cv=2, random_state=0).fit(X, y)
    assert_same_results(ours, theirs)


def test_ranges_with_a_step_can_be_drawn():
    space = {"C": Real(0.5, 2.5, step=0.5)}
    search = skhyper.RandomizedSearchCV(SVC(), space, n_iter=20, cv=2, random_state=0).fit(X, y)
    assert {p["C"] for p in search.cv_results_["params"]} == {0.5, 1.0, 1.5, 2.0, 2.5}


def test_repeated_choices_are_tried_as_often_as_by_scikit_learn():
    grid = {"C": [1, 2, 1]}
    assert_same_results(
        skhyper.GridSearchCV(SVC(), grid, cv=2).fit(X, y),
        sk.GridSearchCV(SVC(), grid, cv=2).fit(X, y),
    )


def test_a_choice_that_the_estimator_does_not_accept_is_a_failed_trial_as_in_scikit_learn():
    options = {"error_score": 0.0, "cv": 2}
    grid = {"kernel": ["rbf", "rfb"]}
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        ours = skhyper.GridSearchCV(SVC(), grid, **options).fit(X, y)
    assert ours.cv_results_["mean_test_score"][1] == 0.0


@pytest.mark.parametrize(
    ("cls", "param"),
    [(skhyper.GridSearchCV, "param_grid"), (skhyper.RandomizedSearchCV, "param_distributions")],
)
def test_without_a_space_the_error_says_what_to_write(cls, param):
    text = f"{cls.__name__} needs {param}, such as .* write BayesSearchCV"
    with pytest.raises(InvalidSpaceError, match=text):
        cls(Ridge(), None).fit(X, y)
