"""Malformed arguments of all that is public: a ValueError or TypeError that names the culprit.

Each comes before the first fit: the estimators and functions here must never be called.
"""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

from skhyper import (
    BayesSearchCV,
    GradientSearchCV,
    GridSearchCV,
    Optimizer,
    RandomizedSearchCV,
    SearchCV,
    minimize,
)
from skhyper.callbacks import ProgressBar
from skhyper.samplers import GPSampler, GradientSampler, Sampler, SkoptSampler, check_sampler
from skhyper.samplers._arguments import check_callables, check_flag, check_number
from skhyper.space import Space

X, y = load_iris(return_X_y=True)
C = {"C": (0.1, 10.0)}
HUGE = 10**400


class Never(SVC):
    def fit(self, X, y, sample_weight=None):
        raise AssertionError("a model was trained before the error was found")


def never(params):
    raise AssertionError("the function was called before the error was found")


NO_WHOLE = [-1, 0, -5, 1.5, np.nan, np.inf, True, "x", "", [], [5], {}, object(), 3 + 4j, HUGE]
NO_NUMBER = [-1, 0, np.nan, True, "x", [], {}, object(), 3 + 4j, HUGE]
NO_FLAG = [-1, 2, 1.5, np.nan, "x", None, [], {}, object()]
NO_CALLABLE = [-1, 1.5, "x", True, [5], {"nope": 1}, [print, None], object()]
NO_SETTING = [5, "x", [5], {1: 2}, [None], [[]], {"nope": 1}, object()]

# What the arguments of the searches must not be. None is tried where it means nothing.
OF_SAMPLED = {
    "n_iter": NO_WHOLE,
    "max_time": NO_NUMBER,
    "n_points": NO_WHOLE,
    "initial_points": NO_SETTING,
    "include_default": [-1, 2, 1.5, "x", [], object()],
    "constraint": [5, "x", [], {}, object()],
    "allow_repeats": NO_FLAG,
    "warm_start": NO_FLAG,
    "history": [5, "x", [], {}, object()],
    "journal": ["", 5, b"x", [], {}, object(), "/", "no_such_folder/file"],
    "random_state": [-1, 1.5, np.nan, "x", [], {}, object(), HUGE],
    "search_spaces": [5, "x", [], (), [5], {1: [2]}, object()],
}
OF_ALL = {
    "cv": [-1, 0, 1.5, "x", b"x", [5], [None], {1: 2}, object()],
    "error_score": ["x", None, [], {}, object()],
    "return_train_score": NO_FLAG,
    "refit": [5, 1.5, None, [], {}, object()],
    "verbose": [-1, 1.5, "x", None, [], {}, object()],
    "n_jobs": [0, 1.5, np.nan, "x", [], {}, object()],
    "scoring": [5, "x", object(), lambda y_true, y_pred: 0.0, lambda a: 0.0],
}
OF_GRADIENT = {
    name: OF_SAMPLED[name]
    for name in ("n_iter", "max_time", "initial_points", "constraint", "history", "journal")
} | {
    "n_restarts": [-1, 1.5, np.nan, True, "x", None, [], HUGE],
    "tol": [-1, 0, np.nan, True, "x", None, []],
    "prior": [-1, np.nan, "x", [], {}, object()],
}
SEARCHES = {
    "BayesSearchCV": (
        lambda: BayesSearchCV(Never(), C),
        OF_SAMPLED
        | OF_ALL
        | {
            "use_gradients": NO_FLAG,
            "early_stopping": NO_FLAG,
            "optimizer_kwargs": [5, "x", [], {1: 2}, object()],
            "fit_params": [5, "x", [], {1: 2}, {"nope": 1}, object()],
        },
    ),
    "SearchCV": (
        lambda: SearchCV(Never(), C),
        OF_SAMPLED
        | OF_ALL
        | {"sampler": [5, None, "x", "", [5], [], {1: 2}, {"nope": 1}, [None], {"C": [1]}]},
    ),
    "GradientSearchCV": (lambda: GradientSearchCV(Ridge(), {"alpha": (0.1, 1.0)}), OF_GRADIENT),
    "GridSearchCV": (lambda: GridSearchCV(Never(), {"C": [1, 2]}), OF_ALL),
    "RandomizedSearchCV": (
        lambda: RandomizedSearchCV(Never(), {"C": [1, 2]}),
        OF_ALL | {"n_iter": [-1, 0, 1.5, "x", None, []]},
    ),
}
ALSO_NAMED = {
    "fit_params": "fit_params|nope",
    "search_spaces": "search_spaces|search space|sub-space|Search space",
    "refit": "scor|refit",
    "n_jobs": "n_jobs",
    "random_state": "random_state",
    "sampler": "sampler|'nope'|'C'|list of candidates",
    "initial_points": "initial.point|'nope'",
    "scoring": "scor",
}


def _cases(table):
    return [
        pytest.param(kind, name, value, id=f"{kind}-{name}-{i}")
        for kind, (_, arguments) in table.items()
        for name, values in arguments.items()
        for i, value in enumerate(values)
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "name", "value"), _cases(SEARCHES))
@pytest.mark.fast_cases(120)
def test_searches(kind, name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = SEARCHES[kind][0]().set_params(**{name: value})
    with pytest.raises((ValueError, TypeError), match=ALSO_NAMED.get(name, name)):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")


@pytest.mark.parametrize("value", NO_CALLABLE)
def test_callbacks_of_fit(value):
    with pytest.raises(TypeError, match="callback must be a callable or a list of them"):
        BayesSearchCV(Never(), C).fit(X, y, callback=value)
    with pytest.raises(TypeError, match="callback must be a callable or a list of them"):
        minimize(never, C, 3, callback=value)


OF_SAMPLERS = {
    "GPSampler": (
        GPSampler,
        {
            "n_initial_points": NO_WHOLE,
            "n_candidates": [None, *NO_WHOLE],
            "n_polish": [None, -1, 1.5, True, "x", HUGE],
            "max_time": NO_NUMBER,
            "max_points": [None, *NO_WHOLE],
            "use_gradients": NO_FLAG,
            "early_stopping": NO_FLAG,
            "deterministic": NO_FLAG,
        },
    ),
    "GradientSampler": (
        lambda names=("C",), **kwargs: GradientSampler(names, **kwargs),
        {
            "names": ["C", [5], [None]],
            "n_iter": [None, *NO_WHOLE],
            "n_restarts": [None, -1, 1.5, True, "x"],
            "tol": [None, *NO_NUMBER],
            "prior": [None, -1, np.nan, True, "x", []],
            "quasiconvex": NO_FLAG,
        },
    ),
    "ProgressBar": (
        ProgressBar,
        {"width": [-1, 0, 1.5, np.nan, True, "x", None, HUGE], "file": [5, "x", [], object()]},
    ),
}


@pytest.mark.parametrize(("kind", "name", "value"), _cases(OF_SAMPLERS))
def test_samplers_and_callbacks(kind, name, value):
    with pytest.raises((ValueError, TypeError), match=f"^{name} must be"):
        OF_SAMPLERS[kind][0](**{name: value})


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"nope": 1}, "'nope' is not a keyword of skopt.Optimizer"),
        ({"dimensions": []}, "'dimensions' is not a keyword"),
        ({"base_estimator": "XX"}, "refuses .*base_estimator"),
        ({"acq_func": "XX"}, "refuses .*acq_func"),
        ({"acq_optimizer": 5}, "refuses .*acq_optimizer"),
        ({"initial_point_generator": "XX"}, "refuses .*initial_point_generator"),
        ({"acq_func": "EI", "n_initial_points": -1}, "n_initial_points must be"),
        ({"acq_func": "EI", "n_random_starts": np.nan}, "n_random_starts must be"),
    ],
)
def test_keywords_of_scikit_optimize(kwargs, said):
    pytest.importorskip("skopt")
    sampler = SkoptSampler(**kwargs)
    for call in (
        lambda: SearchCV(Never(), C, sampler=sampler).fit(X, y),
        lambda: BayesSearchCV(Never(), C, optimizer_kwargs=kwargs).fit(X, y),
        lambda: minimize(never, C, 3, sampler=sampler),
        lambda: Optimizer(C, sampler=sampler),
    ):
        with pytest.raises((ValueError, TypeError), match=said):
            call()


@pytest.mark.parametrize("value", [-1, 0, np.nan, True, "x", 2.5])
@pytest.mark.parametrize("name", ["n_initial_points", "n_random_starts"])
def test_initial_points_of_our_own_engine(name, value):
    with pytest.raises((ValueError, TypeError), match="n_initial_points must be"):
        BayesSearchCV(Never(), C, optimizer_kwargs={name: value}).fit(X, y)


def test_without_scikit_optimize_it_is_said_before_the_first_fit(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "skopt", None)
    with pytest.raises(ImportError, match=r"SkoptSampler\(.*\) needs scikit-optimize"):
        SearchCV(Never(), C, sampler="skopt").fit(X, y)


OF_FUNCTIONS = {
    "minimize": (
        lambda **kwargs: minimize(never, C, **{"n_iter": 3, **kwargs}),
        {
            "n_iter": [None, *NO_WHOLE],
            "max_time": NO_NUMBER,
            "sampler": [5, None, "x", [], {}],
            "initial_points": [5, "x", object()],
            "history": [5, "x", [], {}, object()],
            "catch": [5, None, "x", [5], [ValueError, None], BaseException, object()],
            "allow_repeats": NO_FLAG,
            "n_jobs": [0, 1.5, "x", [], {}],
        },
    ),
    "Optimizer": (
        lambda **kwargs: Optimizer(C, **kwargs),
        {
            "sampler": [5, None, "x", [], {}],
            "initial_points": [5, "x", object()],
            "allow_repeats": NO_FLAG,
        },
    ),
}


@pytest.mark.parametrize(("kind", "name", "value"), _cases(OF_FUNCTIONS))
def test_functions(kind, name, value):
    with pytest.raises((ValueError, TypeError), match=f"^{name} must be"):
        OF_FUNCTIONS[kind][0](**{name: value})


def test_lists_of_settings_of_which_none_suits():
    with pytest.raises(ValueError, match=r"valid 'C'.*looks like a list of choices.*search_spaces"):
        SearchCV(Never(), sampler={"C": [1]}).fit(X, y)
    with pytest.raises(ValueError, match="No candidate of the list has a valid 'kernel'"):
        SearchCV(Never(), sampler=[{"kernel": "rfb"}, {"kernel": "liner"}]).fit(X, y)
    # One that suits is enough, as in scikit-learn.
    with pytest.warns(Warning):
        search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": -1}], cv=2).fit(X, y)
    assert [trial.state for trial in search.history_] == ["complete", "failed"]


def test_what_is_right():
    for value in (1, np.int64(5)):
        check_number("n", value, whole=True, low=1)
    for value in (0.5, 1, np.float32(2.0), np.inf):
        check_number("x", value, whole=False, low=0, above=True)
    check_number("n", None, whole=True, low=1, optional=True)
    check_flag("f", np.bool_(True))
    assert check_callables("c", None) == []
    assert check_callables("c", print) == check_callables("c", (print,)) == [print]
    for name in ("random", "grid", "sobol", "gp"):
        sampler = check_sampler(name)
        assert isinstance(sampler, Sampler)
        sampler.check(Space(C))
