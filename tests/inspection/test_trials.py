"""Trials of any search as points and losses."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import History, SearchCV
from skhyper._trial import Trial
from skhyper.inspection._trials import located, params_and_losses
from skhyper.space import Categorical, Integer, Real, Space

X, y = load_iris(return_X_y=True)


def history(losses, states=None, **values):
    names = list(values)
    states = states or ["complete"] * len(losses)
    return History(
        tuple(
            Trial(i, {n: values[n][i] for n in names}, states[i], loss=losses[i])
            for i in range(len(losses))
        )
    )


def test_failed_and_outside_trials_are_omitted():
    given = history(
        [0.5, np.nan, 0.1, 0.2],
        ["complete", "failed", "complete", "complete"],
        C=[1.0, 2.0, 3.0, 99.0],
    )
    found = located(given, space=Space({"C": (1.0, 5.0)}))
    np.testing.assert_allclose(found.points[:, 0], [0.0, 0.5])
    np.testing.assert_array_equal(found.losses, [0.5, 0.1])
    assert found.n_omitted == 2


def test_stopped_trials_are_corrected_for_the_difficulty_of_their_folds():
    easy, hard = 0.9, 0.5
    trials = [
        Trial(0, {}, "complete", np.array([easy, hard]), -0.7),
        Trial(1, {}, "stopped", np.array([easy, np.nan]), -easy, fold_numbers=(0,)),
    ]
    assert params_and_losses(History(tuple(trials)))[1] == pytest.approx([-0.7, -0.7])


def test_spaces_are_inferred_from_the_values():
    n = 30
    rng = np.random.default_rng(0)
    found = located(
        history(
            rng.random(n),
            C=list(10.0 ** rng.uniform(-3, 3, n)),
            share=list(rng.uniform(0, 1, n)),
            depth=list(range(1, n + 1)),
            kernel=["rbf", "poly"] * 15,
            degree=[2, 3, 4] * 10,
        )
    )
    log, linear, whole, kernel, degree = found.dimensions
    assert isinstance(log, Real) and log.prior == "log-uniform"
    assert isinstance(linear, Real) and linear.prior == "uniform"
    assert isinstance(whole, Integer)
    assert isinstance(kernel, Categorical)
    assert list(degree.choices) == [2, 3, 4]


def test_missing_hyperparameters_are_inactive():
    params = [{"kernel": "linear"}, {"kernel": "rbf", "gamma": 0.1}]
    results = {"params": params, "mean_test_score": np.array([0.5, 0.6])}
    np.testing.assert_array_equal(np.isnan(located(results).points), [[0, 1], [0, 0]])


def test_searches_of_scikit_learn_and_their_results():
    space = {"C": loguniform(1e-3, 1e3), "kernel": ["rbf", "linear"]}
    search = model_selection.RandomizedSearchCV(SVC(), space, n_iter=12, cv=3, random_state=0)
    search.fit(X, y)
    for source in (search, search.cv_results_):
        found = located(source)
        assert found.names == ["C", "kernel"]
        np.testing.assert_allclose(found.losses.min(), -search.best_score_)


def test_metrics_and_columns():
    scoring = ["accuracy", "f1_macro"]
    search = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 9}], scoring=scoring, refit="accuracy", cv=3)
    search.fit(X, y)
    results = search.cv_results_
    np.testing.assert_array_equal(
        params_and_losses(search, "f1_macro")[1], -results["mean_test_f1_macro"]
    )
    np.testing.assert_array_equal(
        params_and_losses(search, "mean_fit_time")[1], results["mean_fit_time"]
    )
    with pytest.raises(ValueError, match="metric must be one of"):
        params_and_losses(results)
    with pytest.raises(TypeError, match="got int"):
        params_and_losses(3)
