"""Trials of any search: the same numbers as in its own tables."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.svm import SVC

from skhyper import GridSearchCV, History, Trial
from skhyper.inspection._results import inferred_space, results_of


def test_a_search_of_scikit_learn_has_the_numbers_of_its_table(theirs):
    results = results_of(theirs)
    table = theirs.cv_results_
    np.testing.assert_allclose(results.scores, table["mean_test_score"])
    np.testing.assert_allclose(results.fold_scores[:, 1], table["split1_test_score"])
    np.testing.assert_allclose(results.train_scores[:, 2], table["split2_train_score"])
    assert results.best == theirs.best_index_
    assert results.params == table["params"]
    assert results.label == "accuracy"
    assert results.test_share == pytest.approx(0.5)
    assert results.space.names == ("C", "gamma")


def test_a_search_of_this_package_has_the_numbers_of_its_table(plain):
    results = results_of(plain)
    np.testing.assert_allclose(results.scores, plain.cv_results_["mean_test_score"])
    for fold in range(3):
        key = f"split{fold}_train_score"
        np.testing.assert_allclose(results.train_scores[:, fold], plain.cv_results_[key])
    assert results.test_share == pytest.approx(0.5)
    assert results_of(results) is results


def test_the_optimized_metric_of_several(data):
    options = {"scoring": ["accuracy", "f1_macro"], "refit": "f1_macro", "return_train_score": True}
    for cls in (GridSearchCV, SklearnGridSearchCV):
        search = cls(SVC(), {"C": [0.01, 1.0]}, **options).fit(*data)
        results = results_of(search)
        assert results.label == "f1 macro"
        np.testing.assert_allclose(results.scores, search.cv_results_["mean_test_f1_macro"])
        expected = search.cv_results_["mean_train_f1_macro"]
        np.testing.assert_allclose(results.train_scores.mean(axis=1), expected)


def test_training_scores_of_the_folds_that_were_run():
    folds = tuple({"test_scores": 0.5, "train_scores": score} for score in (0.6, 0.7))
    scores = np.array([0.5, np.nan, 0.5])
    trial = Trial(0, {"a": 1}, "stopped", scores, -0.5, folds, fold_numbers=(0, 2))
    np.testing.assert_array_equal(results_of(History((trial,))).train_scores, [[0.6, np.nan, 0.7]])


def test_running_trials_are_left_out():
    done = Trial(1, {"a": 1}, "complete", np.array([0.5, 0.7]), -0.6)
    results = results_of(History((Trial(0, {"a": 2}), done)))
    assert results.history.trials == (done,)
    assert results.best == 0


def test_failed_and_stopped_trials():
    trials = (
        Trial(0, {"a": 1}, "complete", np.array([0.5, 0.7]), -0.6),
        Trial(1, {"a": 2}, "stopped", np.array([0.4, np.nan]), -0.4),
        Trial(2, {"a": 3}, "failed", np.array([np.nan, np.nan])),
    )
    results = results_of(History(trials))
    np.testing.assert_array_equal(results.scores, [0.6, np.nan, np.nan])
    np.testing.assert_array_equal(results.estimated_scores, [0.6, 0.4, np.nan])
    assert results.states.tolist() == ["complete", "stopped", "failed"]
    assert results.best == 0


def test_rounds_of_successive_halving_are_stopped_trials(data):
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    X, y = load_iris(return_X_y=True)
    space = {"C": loguniform(1e-2, 1e2)}
    search = HalvingRandomSearchCV(SVC(), space, random_state=0, cv=3, min_resources=20).fit(X, y)
    results = results_of(search)
    last = search.cv_results_["iter"] == search.n_iterations_ - 1
    assert (results.states == "complete").tolist() == last.tolist()
    assert results.best == search.best_index_


def test_a_space_is_inferred_from_candidates():
    space = inferred_space([{"a": 1, "b": 0.001}, {"a": 3, "b": 2.0}, {"a": 2, "c": "x"}])
    assert space.n_subspaces == 2
    kinds = {name: repr(d) for name, d in zip(space.names, space.dimensions) if name}
    assert kinds == {
        "a": "Integer(1, 3, 'uniform')",
        "b": "Real(0.001, 2.0, 'log-uniform')",
        "c": "Categorical(['x'])",
    }


def test_a_minimized_value_is_not_a_score(one):
    results = results_of(one)
    np.testing.assert_array_equal(results.scores, one.func_vals)
    assert results.label == "value"
    assert not results.greater_is_better
    assert results.scores[results.best] == one.fun


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="Expected a fitted search or a History, got SVC"):
        results_of(SVC())
    with pytest.raises(TypeError, match="call fit first"):
        results_of(GridSearchCV(SVC(), {}))
    with pytest.raises(ValueError, match="no trial"):
        results_of(History())
