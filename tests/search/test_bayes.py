"""What only Bayesian search has: its sampler and scikit-optimize's spellings."""

import numpy as np
import pytest
from search.test_sampled import Surface
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import BayesSearchCV, SearchCV
from skhyper.samplers import GPSampler, SkoptSampler

X, y = load_iris(return_X_y=True)


def test_bayesian_search_beats_random_search_on_a_smooth_surface():
    space = {"a": (0.0, 1.0), "b": (0.0, 1.0), "n": (1, 20), "kind": ["x", "y", "z"]}
    best = {
        sampler: [
            SearchCV(Surface(), space, sampler=sampler, n_iter=25, cv=2, random_state=seed)
            .fit(X, y)
            .best_score_
            for seed in range(5)
        ]
        for sampler in ("gp", "random")
    }
    # 0 is the optimum; the margin is far from what chance can do.
    assert np.median(best["gp"]) > 0.1 * np.median(best["random"])


def test_samplers_are_told():
    search = BayesSearchCV(Surface(), {"a": (0.0, 1.0)}, n_iter=2, cv=2).fit(X, y)
    assert isinstance(search.sampler_, GPSampler)
    kwargs = {"base_estimator": "RF", "n_initial_points": 3}
    search = BayesSearchCV(
        Surface(), {"a": (0.0, 1.0)}, n_iter=5, cv=2, optimizer_kwargs=kwargs, random_state=0
    ).fit(X, y)
    assert isinstance(search.sampler_, SkoptSampler)
    kwargs = {"base_estimator": "GP", "n_initial_points": 7}
    search.set_params(optimizer_kwargs=kwargs).fit(X, y)
    assert isinstance(search.sampler_, GPSampler)
    assert search.sampler_.n_initial_points == 7


def test_callbacks_of_scikit_optimize():
    seen = []

    def watch(result):
        seen.append((list(result.x), result.fun, len(result.x_iters)))
        return len(result.x_iters) == 4

    search = BayesSearchCV(SVC(), {"C": (1.0, 3.0)}, n_iter=9, cv=2, random_state=0)
    search.fit(X, y, callback=watch)
    assert [n for _, _, n in seen] == [1, 2, 3, 4]
    assert search.n_trials_ == 4
    assert seen[-1][0] == [search.best_params_["C"]]
    assert seen[-1][1] == -search.best_score_
    assert search.optimizer_results_[0].func_vals.shape == (4,)
    assert search.total_iterations == 9


def test_keywords_of_scikit_optimize():
    search = BayesSearchCV(
        SVC(),
        {"C": (0.1, 10.0)},
        n_iter=4,
        optimizer_kwargs={"n_initial_points": 2},
        n_points=2,
        fit_params={"sample_weight": np.where(y == 0, 1e-9, 1.0)},
        iid=True,
        cv=3,
        pre_dispatch="all",
        random_state=np.random.RandomState(0),
    ).fit(X, y)
    assert search.n_trials_ == 4
    assert not (search.predict(X) == 0).any(), "fit_params reach the estimator"


def test_the_positional_arguments_end_where_the_keywords_begin():
    with pytest.raises(TypeError, match="positional"):
        BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, {"n_initial_points": 2})
