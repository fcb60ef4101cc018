"""First candidates, phases, repeats and errors of the searches that sample a space."""

import math

import numpy as np
import pytest
from scipy.stats import loguniform, norm
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV, GradientSearchCV, SearchCV
from skhyper.callbacks import Callback
from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.samplers import GPSampler, GridSampler, RandomSampler, SkoptSampler
from skhyper.space import Categorical, Integer, Real, Space, When

X, y = load_iris(return_X_y=True)
C = {"C": (1e-2, 1e2, "log-uniform")}


class Never(SVC):
    """Fails the test if it is ever fitted."""

    def fit(self, X, y):
        raise AssertionError("a model was trained before the error was found")


class Surface(ClassifierMixin, BaseEstimator):
    """Scores by its hyperparameters alone, in no time."""

    def __init__(self, a=0.5, b=0.5, n=3, kind="x"):
        self.a, self.b, self.n, self.kind = a, b, n, kind

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def score(self, X, y):
        shift = {"x": 0.0, "y": 0.3, "z": 0.6}[self.kind]
        return -((self.a - 0.3) ** 2) - (self.b - 0.8) ** 2 - 0.1 * abs(self.n - 5) - shift


both = pytest.mark.parametrize("cls", [SearchCV, BayesSearchCV])


@pytest.mark.parametrize("sampler", ["random", "sobol", "gp", "skopt", "grid"])
def test_every_sampler_by_name(sampler):
    space = {"a": (0.0, 1.0), "n": (1, 9), "kind": ["x", "y", "z"]}
    search = SearchCV(Surface(), space, sampler=sampler, n_iter=12, cv=2, random_state=0)
    search.fit(X, y)
    assert search.n_trials_ == 12
    assert search.stop_reason_ == "n_iter=12 candidates were tried"
    assert all(search.space_.contains(p) for p in search.cv_results_["params"])


def test_grid_over_ranges():
    space = {"a": (0.0, 1.0), "n": (1, 100, "log-uniform"), "kind": ["x", "y"]}
    search = SearchCV(Surface(), space, sampler=GridSampler(3), cv=2).fit(X, y)
    assert {p["a"] for p in search.cv_results_["params"]} == {0.0, 0.5, 1.0}
    assert {p["n"] for p in search.cv_results_["params"]} == {1, 10, 100}
    assert search.n_trials_ == 18
    assert search.stop_reason_ == "every candidate was tried"


@both
def test_own_setting_first(cls):
    first = cls(SVC(C=3.0), C, n_iter=2, cv=2, random_state=0).fit(X, y).history_[0]
    assert first.params == {"C": 3.0}
    search = cls(SVC(C=3.0), C, n_iter=2, include_default=False, cv=2, random_state=0)
    assert search.fit(X, y).history_[0].params != {"C": 3.0}


OUTSIDE = {
    "a string": (SVC(), {"gamma": (1e-3, 1.0, "log-uniform")}, {"gamma": "scale"}),
    "None": (
        DecisionTreeClassifier(random_state=0),
        {"max_depth": (1, 9), "min_samples_leaf": (1, 5)},
        {"max_depth": None, "min_samples_leaf": 1},
    ),
    "a number": (SVC(C=1e6), C, {"C": 1e6}),
    "a choice": (SVC(C=2.0, kernel="poly"), {**C, "kernel": ["rbf"]}, {"C": 2.0, "kernel": "poly"}),
}


@pytest.mark.parametrize("sampler", ["random", "gp", "skopt"])
@pytest.mark.parametrize("kind", OUTSIDE)
@pytest.mark.fast_cases(4)
def test_own_setting_outside_of_the_space_comes_first(sampler, kind):
    estimator, space, own = OUTSIDE[kind]
    if sampler == "skopt":
        pytest.importorskip("skopt")
        sampler = SkoptSampler(n_initial_points=2, base_estimator="ET", acq_func="EI")
    search = SearchCV(estimator, space, sampler=sampler, n_iter=5, cv=2, random_state=0)
    search.fit(X, y)
    assert search.n_trials_ == 5
    assert search.cv_results_["params"][0] == own
    assert all(search.space_.contains(p) for p in search.cv_results_["params"][1:])
    for name, value in own.items():
        shown = search.cv_results_[f"param_{name}"][0]
        assert shown == value and type(shown) in (type(value), np.float64, np.int64)
    assert search.cv_results_["mean_test_score"][0] == cross_val_score(estimator, X, y, cv=2).mean()
    assert search.history_[0].state == "complete"


@both
@pytest.mark.parametrize("kind", OUTSIDE)
def test_own_setting_outside_can_win_and_is_refitted(cls, kind):
    estimator, space, own = OUTSIDE[kind]

    def prefers_own(estimator, X, y):
        return float(all(estimator.get_params()[name] == value for name, value in own.items()))

    search = cls(estimator, space, n_iter=4, cv=2, random_state=0, scoring=prefers_own)
    search.fit(X, y)
    assert search.best_params_ == own
    assert search.best_index_ == 0
    assert search.best_estimator_.get_params()[next(iter(own))] == next(iter(own.values()))


def test_bayesian_search_with_its_own_setting_outside(tmp_path):
    def search(n_iter, **kwargs):
        space = {**C, "gamma": (1e-3, 1.0, "log-uniform")}
        return BayesSearchCV(SVC(), space, n_iter=n_iter, cv=2, random_state=0, **kwargs).fit(X, y)

    whole = search(14)
    # Not among what scikit-optimize's plots draw, but where its callbacks count.
    assert len(whole.optimizer_results_[0].x_iters) == 13
    assert "scale" not in [gamma for _, gamma in whole.optimizer_results_[0].x_iters]
    counted = []
    BayesSearchCV(SVC(), {"gamma": (1e-3, 1.0)}, n_iter=3, cv=2, random_state=0).fit(
        X, y, callback=lambda result: counted.append((len(result.func_vals), result.x_iters[0]))
    )
    assert counted == [(1, ["scale"]), (2, ["scale"]), (3, ["scale"])]
    assert np.isfinite(whole.regret_.bound)
    # A resumed search makes the same trials, without a second warning of an outside trial.
    for n_iter in (5, 14):
        again = search(n_iter, journal=tmp_path / "j")
    assert again.cv_results_["params"] == whole.cv_results_["params"]
    more = search(3, history=again.history_)
    assert [p["gamma"] for p in more.cv_results_["params"]].count("scale") == 1
    assert more.n_trials_ == 17


def test_the_surrogate_does_not_see_the_own_setting_outside():
    seen = []

    class Watch(GPSampler):
        def ask(self, space, history, rng):
            seen.append([trial.number for trial in history])
            return super().ask(space, history, rng)

    SearchCV(SVC(C=1e6), C, sampler=Watch(), n_iter=3, cv=2, random_state=0).fit(X, y)
    SearchCV(SVC(C=1.0), C, sampler=Watch(), n_iter=3, cv=2, random_state=0).fit(X, y)
    assert seen == [[], [1], [0], [0, 1]]


def test_where_the_own_setting_outside_is_not_tried():
    rejects = {"constraint": lambda params: params["gamma"] < 0.5}
    space = {"gamma": (1e-3, 1.0)}
    for cls, kwargs in [
        (BayesSearchCV, {"include_default": False}),
        (SearchCV, {"include_default": False}),
        (SearchCV, {"sampler": "sobol"}),
        (SearchCV, {"sampler": "grid"}),
        (SearchCV, {"error_score": "raise"}),
        (BayesSearchCV, {"error_score": "raise"}),
        (BayesSearchCV, rejects),  # fails on what is outside
        (SearchCV, {"constraint": lambda params: params["gamma"] != "scale"}),
    ]:
        search = cls(SVC(), space, n_iter=3, cv=2, random_state=0, **kwargs).fit(X, y)
        assert all(search.space_.contains(p) for p in search.cv_results_["params"])
        assert search.n_trials_ == 3
    with pytest.warns(SkhyperWarning, match="not tried, as the constraint rejects it"):
        SearchCV(SVC(), space, n_iter=2, cv=2, include_default=True, **rejects).fit(X, y)
    # Choices that are tried one and all, and a step that is a placeholder.
    search = BayesSearchCV(SVC(), {"C": [2.0, 10.0]}, cv=2).fit(X, y)
    assert search.cv_results_["params"] == [{"C": 2.0}, {"C": 10.0}]
    pipe = Pipeline([("model", "passthrough")])
    steps = {"model": [SVC(), DecisionTreeClassifier()], "model__random_state": (0, 99)}
    search = SearchCV(pipe, steps, n_iter=3, cv=2, scoring="accuracy", random_state=0).fit(X, y)
    assert all(p["model"] != "passthrough" for p in search.cv_results_["params"])


@pytest.mark.parametrize("sampler", ["sobol", "grid", "gp"])
def test_own_setting_outside_if_asked_for(sampler):
    space = {"gamma": [0.1, 0.5]}
    search = SearchCV(SVC(), space, sampler=sampler, cv=2, include_default=True).fit(X, y)
    assert search.cv_results_["params"] == [{"gamma": g} for g in ("scale", 0.1, 0.5)]


class StopAt60(Callback):
    def on_trial_end(self, search, trial):
        return trial.number == 59


@both
@pytest.mark.parametrize("kwargs", [{}, {"n_points": 3}])
def test_without_n_iter_only_time_counts(cls, kwargs):
    search = cls(Surface(), {"a": (0.0, 1.0)}, n_iter=None, max_time=1e4, cv=2, **kwargs)
    if cls is BayesSearchCV:
        assert search.total_iterations == math.inf
        search.set_params(n_iter=7)
        assert search.total_iterations == 7
        search.set_params(n_iter=None, optimizer_kwargs={"n_initial_points": 10_000})
    search.set_callbacks(StopAt60()).fit(X, y)
    assert search.n_trials_ >= 60
    assert search.stop_reason_ == "a callback asked to stop"
    search.set_params(max_time=0.01).fit(X, y)
    assert search.stop_reason_ == "max_time=0.01 seconds have passed"


@both
def test_without_n_iter_a_small_space_ends_it_and_without_max_time_there_are_50(cls):
    search = cls(Surface(), {"n": (1, 5)}, n_iter=None, max_time=100, cv=2).fit(X, y)
    assert search.n_trials_ == 5
    assert search.stop_reason_ == "every candidate was tried"
    if cls is SearchCV:
        assert cls(Surface(), {"a": (0.0, 1.0)}, n_iter=None, cv=2).fit(X, y).n_trials_ == 50


def test_own_setting_of_a_conditional_space_leaves_out_what_is_inactive():
    space = {"kernel": ["linear", "rbf"], "gamma": When((1e-3, 1.0), kernel="rbf")}
    search = BayesSearchCV(SVC(kernel="linear", gamma=0.5), space, n_iter=1, cv=2).fit(X, y)
    assert search.history_[0].params == {"kernel": "linear"}


@pytest.mark.parametrize("sampler", ["random", "sobol", "gp", "grid", "skopt"])
def test_initial_points_come_first_in_any_search(sampler):
    guesses = [{"C": 7.0}, {"gamma": 0.5}]
    space = {**C, "gamma": (0.01, 1.0)}
    search = SearchCV(
        SVC(C=2.0, gamma=0.1), space, sampler=sampler, n_iter=5, initial_points=guesses, cv=2
    ).fit(X, y)
    params = search.cv_results_["params"]
    # What a guess leaves out has the estimator's own value.
    assert params[:2] == [{"C": 7.0, "gamma": 0.1}, {"C": 2.0, "gamma": 0.5}]
    assert len(params) == 5


@both
def test_initial_points_that_are_wrong(cls):
    for guess, match in [
        ({"C": 1e9}, "does not lie in"),
        ({"c": 1}, "Invalid parameter 'c'"),
        ("C", "initial_points"),
        ([1], "must be a dict, or a list"),
    ]:
        with pytest.raises(ValueError, match=match):
            cls(Never(), C, initial_points=guess).fit(X, y)


@both
def test_no_setting_twice(cls):
    search = cls(Surface(), {"n": (1, 3)}, n_iter=12, cv=2, random_state=0).fit(X, y)
    assert search.n_trials_ == 3
    assert search.stop_reason_ == "every candidate was tried"
    # Hardly more candidates than trials: the sampler must not repeat itself.
    space = {"n": (1, 4), "kind": ["x", "y", "z"]}
    search = cls(Surface(), space, n_iter=11, cv=2, random_state=0).fit(X, y)
    assert len({(p["n"], p["kind"]) for p in search.cv_results_["params"]}) == 11
    search = cls(Surface(), {"n": (1, 3)}, n_iter=12, cv=2, allow_repeats=True, random_state=0)
    assert search.fit(X, y).n_trials_ == 12


@both
def test_a_conditional_space_is_used_up_too(cls):
    space = {"kind": ["x", "y", "z"], "n": When((1, 5), kind="x")}  # 5 + 2 candidates
    search = cls(Surface(), space, n_iter=14, cv=2, random_state=0).fit(X, y)
    assert search.n_trials_ == 7
    assert search.stop_reason_ == "every candidate was tried"


@both
def test_pairs_are_searched_one_after_the_other(cls):
    spaces = [({"a": (0.0, 1.0)}, 4), ({"b": (0.0, 1.0)}, 3)]
    search = cls(Surface(), spaces, n_iter=50, cv=2, random_state=0).fit(X, y)
    assert [set(p) for p in search.cv_results_["params"]] == [{"a"}] * 4 + [{"b"}] * 3
    assert search.stop_reason_ == "n_iter=7 candidates were tried"


@both
def test_list_of_dicts_is_one_space(cls):
    spaces = [{"kind": ["x"], "a": (0.0, 1.0)}, {"kind": ["y", "z"], "b": (0.0, 1.0)}]
    search = cls(Surface(), spaces, n_iter=15, cv=2, random_state=0).fit(X, y)
    params = search.cv_results_["params"]
    assert len(params) == 15
    assert all(("a" in p) == (p["kind"] == "x") and ("b" in p) != ("a" in p) for p in params)
    assert any("a" in p for p in params) and any("b" in p for p in params)


@both
def test_conditions_and_constraint_hold_for_every_trial(cls):
    space = {
        "svc__kernel": ["rbf", "poly", "linear"],
        "svc__C": (1e-2, 1e2, "log-uniform"),
        "svc__gamma": When((1e-3, 1.0, "log-uniform"), svc__kernel=["rbf", "poly"]),
        "svc__degree": When((2, 4), svc__kernel="poly"),
    }
    pipe = make_pipeline(StandardScaler(), SVC())
    search = cls(
        pipe,
        space,
        n_iter=25,
        cv=2,
        random_state=0,
        constraint=lambda p: p["svc__C"] * p.get("svc__gamma", 0) < 1,
    ).fit(X, y)
    for p in search.cv_results_["params"]:
        assert ("svc__gamma" in p) == (p["svc__kernel"] != "linear")
        assert ("svc__degree" in p) == (p["svc__kernel"] == "poly")
        assert p["svc__C"] * p.get("svc__gamma", 0) < 1
    assert len({p["svc__kernel"] for p in search.cv_results_["params"]}) == 3


WRONG_SPACES = [
    ({"c": [1]}, r"Invalid parameter 'c' for estimator Never"),
    ([{"C": [1]}, {"kernl": ["rbf"]}], r"Invalid parameter 'kernl'.*'kernel'"),
    ({"C": (10.0, 1.0)}, r"Search space of 'C'.*inverted"),
    ({"C": (0.0, np.inf)}, r"Search space of 'C'.*finite"),
    ({"C": (np.nan, 1.0)}, r"Search space of 'C'.*finite"),
    ({"C": (0.0, 1.0, "log-uniform")}, r"Search space of 'C'.*low > 0"),
    ({"C": (-1, 5, "log-uniform")}, r"Search space of 'C'.*low > 0"),
    ({"C": (0.1, 1.0, "lognormal")}, r"Search space of 'C'.*prior must be one of"),
    ({"C": (0.1, 10, True)}, r"Search space of 'C'.*\(0.1, 10, 'log-uniform'\)"),
    ({"degree": (1, 9, 2)}, r"Search space of 'degree'.*step=2"),
    ({"degree": (1, 10**400)}, r"Search space of 'degree'.*must be finite"),
    ({"kernel": ["rbf", "rfb"]}, r"choice 'rfb' is not valid for 'kernel'.*Did you mean 'rbf'"),
    ({"C": []}, r"Search space of 'C'.*must not be empty"),
    ({"C": np.array([])}, r"Search space of 'C'.*must not be empty"),
    ({"C": 3}, r"Search space of 'C': 3 is not a valid search space"),
    ({"kernel": "rbf"}, r"Search space of 'kernel'.*\['rbf'\]"),
    ({"C": {"low": 1}}, r"Search space of 'C'.*not a valid search space"),
    ({"C": (-5.0, -1.0)}, r"No value of Real.* is valid for 'C': The 'C' parameter of Never must"),
    ({"C": ["a", "b"]}, r"No value of Categorical.* is valid for 'C'"),
    ({"degree": (1.5, 3.0)}, r"No value of Real.* is valid for 'degree'.*int"),
    ({"C": [1e-3, 1e3, "log-uniform"]}, r"list of choices; write a range as \(0.001, 1000.0, 'log"),
    ({3: [1]}, r"names of hyperparameters \(str\)"),
    ([], r"non-empty list"),
    ([{"C": [1]}, 7], r"sub-space must be a dict"),
    ([({"C": [1]}, 0)], r"at least 1"),
    ({"C": When((0.1, 1.0), kernel="rbf")}, r"'kernel', which is not in the same dict"),
    ({"kernel": ["rbf"], "C": When([1], kernel="cosine")}, r"is not a value of Cat"),
    ({"kernel": When(["rbf"], C=1), "C": When([1], kernel="rbf")}, r"cycle"),
]


@both
@pytest.mark.parametrize(("space", "match"), WRONG_SPACES)
def test_wrong_spaces_are_found_before_any_fit(cls, space, match):
    with pytest.raises(InvalidSpaceError, match=match):
        cls(Never(), space, error_score="raise").fit(X, y)


@pytest.mark.parametrize(("space", "match"), WRONG_SPACES)
def test_wrong_spaces_of_a_manual_search_are_found_before_any_fit(space, match):
    manual = SearchCV(Never(), space, sampler=[{"C": 1.0}], error_score="raise")
    with pytest.raises(InvalidSpaceError, match=match):
        manual.fit(X, y)


@both
def test_wrong_constraints_are_found_before_any_fit(cls):
    for constraint, match in [
        (lambda p: False, "rejected all of"),
        (lambda p: p["gamma"] < 1, r"failed on the candidate.*KeyError"),
    ]:
        with pytest.raises(InvalidSpaceError, match=match):
            cls(Never(), C, constraint=constraint, error_score="raise").fit(X, y)
    with pytest.raises(InvalidSpaceError, match="not to both"):
        cls(Never(), Space(C, constraint=bool), constraint=bool).fit(X, y)


def test_names_that_only_a_swapped_step_has():
    pipe = Pipeline([("scale", "passthrough"), ("clf", SVC())])
    space = {"scale": ["passthrough", StandardScaler()], "scale__with_mean": [True, False]}
    with pytest.raises(InvalidSpaceError, match=r"Invalid parameter 'scale__with_mean'"):
        BayesSearchCV(pipe, space, error_score="raise").fit(X, y)
    space["scale__with_mean"] = When([True, False], scale=lambda step: step != "passthrough")
    assert BayesSearchCV(pipe, space, n_iter=9, cv=2).fit(X, y).n_trials_ == 3


def test_the_pipelines_prefix_is_suggested():
    pipe = make_pipeline(StandardScaler(), SVC())
    with pytest.raises(InvalidSpaceError, match=r"Did you mean 'svc__C'"):
        BayesSearchCV(pipe, {"C": [1, 2]}).fit(X, y)


@both
@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"n_iter": 0}, "n_iter"),
        ({"n_iter": 2.5}, "n_iter"),
        ({"max_time": -1}, "max_time"),
        ({"n_points": 0}, "n_points"),
        ({"constraint": 3}, "constraint"),
        ({"history": 3}, "history"),
        ({"random_state": "x"}, "random_state"),
        ({"cv": 1}, "cv"),
        ({"scoring": "accurate"}, "scoring"),
        ({"error_score": "rise"}, "error_score"),
    ],
)
def test_wrong_arguments(cls, wrong, match):
    with pytest.raises(ValueError, match=match):
        cls(Never(), C, **wrong).fit(X, y)


def test_a_sampler_of_ones_own_and_unknown_ones():
    class Corner(RandomSampler.__mro__[1]):
        def ask(self, space, history, rng):
            return space.canonical(np.full((1, space.n_dims), 1.0))[0]

    search = SearchCV(Surface(), {"a": (0.0, 1.0)}, sampler=Corner(), n_iter=3, cv=2)
    search.fit(X, y)
    assert search.history_[0].params == {"a": 1.0}
    assert len({p["a"] for p in search.cv_results_["params"]}) == 3, "repeats are replaced"
    with pytest.raises(ValueError, match="sampler must be one of"):
        SearchCV(Never(), C, sampler="bayes").fit(X, y)


def test_a_design_of_ones_own_is_listed_and_starts_from_the_default_only_if_it_says_so():
    class Ends(RandomSampler.__mro__[1]):
        def ask(self, space, history, rng):
            raise AssertionError("all points are known ahead")

        def design(self, space):
            return np.array([[0.0], [1.0]])

    search = SearchCV(Surface(), {"a": (0.0, 1.0)}, sampler=Ends(), cv=2).fit(X, y)
    assert search.cv_results_["params"] == [{"a": 0.0}, {"a": 1.0}]

    class Quarter(RandomSampler.__mro__[1]):
        def ask(self, space, history, rng):
            return np.full(space.n_dims, 0.25)

    class FromDefault(Quarter):
        starts_from_default = True

    first = [
        SearchCV(SVC(), C, sampler=sampler, n_iter=2, cv=2).fit(X, y).history_[0].params["C"]
        for sampler in (Quarter(), FromDefault())
    ]
    assert first[0] == pytest.approx(0.1)
    assert first[1] == 1.0


def test_what_the_caller_passed_is_never_changed():
    skopt_space = pytest.importorskip("skopt.space")
    dims = {
        "a": skopt_space.Real(0.0, 1.0),
        "b": skopt_space.Real(1e-2, 1.0, prior="log-uniform", base=2),
        "n": skopt_space.Integer(1, 9),
        "kind": skopt_space.Categorical(["x", "y"], prior=[0.2, 0.8]),
    }
    before = {k: dict(vars(v)) for k, v in dims.items()}
    for sampler in ("gp", "skopt"):
        SearchCV(Surface(), dims, sampler=sampler, n_iter=12, cv=2, random_state=0).fit(X, y)
    assert before == {k: vars(v) for k, v in dims.items()}
    choices = [1, 2]
    space = {"n": choices, "a": loguniform(0.1, 1), "b": norm(0.5, 0.1)}
    BayesSearchCV(Surface(), space, n_iter=5, cv=2).fit(X, y)
    assert space["n"] is choices and choices == [1, 2]


def test_all_spellings_in_one_dict():
    skopt_space = pytest.importorskip("skopt.space")
    space = {
        "svc__C": loguniform(1e-2, 1e2),
        "svc__gamma": skopt_space.Real(1e-3, 1.0, prior="log-uniform"),
        "svc__degree": Integer(2, 4),
        "svc__kernel": Categorical(["rbf", "poly"], weights=[3, 1]),
        "svc__coef0": Real(0.0, 1.0),
        "svc__shrinking": [True, False],
        "svc__tol": (1e-5, 1e-2, "log-uniform", 10),
        "svc__class_weight": [None, "balanced", {0: 1, 1: 2, 2: 1}],
    }
    pipe = make_pipeline(StandardScaler(), SVC())
    search = BayesSearchCV(pipe, space, n_iter=15, cv=2, random_state=0).fit(X, y)
    assert search.n_trials_ == 15
    assert all(set(p) == set(space) for p in search.cv_results_["params"])
    assert all(type(p["svc__degree"]) is int for p in search.cv_results_["params"])
    assert all(type(p["svc__C"]) is float for p in search.cv_results_["params"])


def test_max_time():
    import time

    class Slow(Surface):
        def fit(self, X, y):
            time.sleep(0.05)
            return super().fit(X, y)

    search = BayesSearchCV(Slow(), {"a": (0.0, 1.0)}, n_iter=1000, max_time=1.0, cv=2).fit(X, y)
    assert 1 <= search.n_trials_ <= 10  # of 0.1 s at least
    assert search.stop_reason_ == "max_time=1.0 seconds have passed"
    # Jobs that were all submitted up front also end in time.
    settings = [{"a": float(a)} for a in np.linspace(0, 1, 400)]
    SearchCV(Slow(), sampler=settings[:2], cv=2, n_jobs=2).fit(X, y)  # starts the workers
    search = SearchCV(Slow(), sampler=settings, max_time=3.0, cv=2, n_jobs=2).fit(X, y)
    assert 0 < search.n_trials_ <= 60  # two at a time
    assert search.stop_reason_.kind == "max_time"


@pytest.mark.parametrize("cls", [SearchCV, BayesSearchCV])
def test_repeated_choices_and_settings_are_tried_once(cls):
    spaces = [{"n": [1, 2, 1], "kind": ["x"]}, {"n": np.array([2, 3, 3]), "kind": ["x"]}]
    search = cls(Surface(), spaces, n_iter=20, cv=2, random_state=0).fit(X, y)
    assert sorted(p["n"] for p in search.cv_results_["params"]) == [1, 2, 3]
    assert search.stop_reason_ == "every candidate was tried"
    options = {"initial_points": [{"n": 2}, {"n": 2}], "n_iter": 20, "cv": 2}
    search = cls(Surface(), {"n": [1, 2, 2]}, **options).fit(X, y)
    assert [p["n"] for p in search.cv_results_["params"][:2]] != [2, 2]
    assert search.n_trials_ == 2


@both
@pytest.mark.slow
def test_a_rare_constraint_starts_from_an_initial_point(cls):
    """About one candidate in 10^8 is accepted."""
    space = {"a": (0.0, 1.0), "b": (0.0, 1.0), "n": (1, 10**4)}

    def on_the_line(params):
        return params["a"] == params["b"] == 0.5 and params["n"] % 2 == 0

    options = {"n_iter": 6, "cv": 2, "constraint": on_the_line, "random_state": 0}
    with pytest.raises(InvalidSpaceError, match="pass one as an initial point"):
        cls(Surface(), space, **options).fit(X, y)
    search = cls(Surface(), space, initial_points={"n": 4}, **options).fit(X, y)
    assert search.n_trials_ == 6
    assert all(map(on_the_line, search.cv_results_["params"]))


@pytest.mark.parametrize(
    ("spec", "is_range"),
    [
        ([1e-3, 1e3], True),
        ([0.0, 1.0], True),
        (When([1e-3, 1e3], kind="x"), True),
        ([1, 1000], False),
        ([0.2, 1.0], False),
        ([1e3, 1e-3], False),
        ([1e-3, 1.0, 1e3], False),
        (Categorical([1e-3, 1e3]), False),
        (np.array([1e-3, 1e3]), False),
    ],
    ids=str,
)
def test_a_list_that_scikit_optimize_reads_as_a_range(spec, is_range, recwarn):
    for spaces in ({"a": spec, "kind": ["x"]}, [({"a": spec, "kind": ["x"]}, 1)]):
        for cls in (SearchCV, BayesSearchCV):
            cls(Surface(), spaces, n_iter=1, cv=2, include_default=False).fit(X, y)
            warned = [str(w.message) for w in recwarn]
            recwarn.clear()
            assert len(warned) == (is_range and cls is BayesSearchCV)
            assert all("'a'" in w and "write (" in w and "Categorical(" in w for w in warned)


def test_advice_for_a_pair_is_a_range():
    with pytest.warns(SkhyperWarning, match=r"write \(0.001, 1000.0\) or \(.*, 'log-uniform'\)"):
        BayesSearchCV(Surface(), {"a": [1e-3, 1e3]}, n_iter=1, cv=2).fit(X, y)


@pytest.mark.parametrize("prior", [True, False, np.True_])
def test_a_prior_is_a_number(prior):
    search = GradientSearchCV(Ridge(), {"alpha": (1e-2, 1e2, "log")}, prior=prior)
    with pytest.raises(ValueError, match=r"'?prior'? .*[gG]ot (np\.)?(True|False)"):
        search.fit(X, y)
