"""Scores over a hyperparameter, compared with scikit-learn's validation curve."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import GridSearchCV, RandomizedSearchCV
from skhyper.inspection import validation_curve

X, y = load_iris(return_X_y=True)
C = [0.01, 0.1, 1.0, 10.0]


def test_a_slice_of_a_grid_is_the_curve_of_scikit_learn():
    grid = {"C": C[::-1], "gamma": [0.01, 0.1]}
    search = GridSearchCV(SVC(), grid, return_train_score=True).fit(X, y)
    found = validation_curve(search, "C")
    best = SVC(gamma=search.best_params_["gamma"])
    train, test = model_selection.validation_curve(best, X, y, param_name="C", param_range=C, cv=5)
    assert found.kind == "slice"
    np.testing.assert_array_equal(found.values, C)
    np.testing.assert_allclose(found.test, test.mean(axis=1))
    np.testing.assert_allclose(found.test_std, test.std(axis=1))
    np.testing.assert_allclose(found.train, train.mean(axis=1))
    np.testing.assert_allclose(found.train_std, train.std(axis=1))
    params = search.cv_results_["params"]
    assert [params[row]["C"] for row in found.rows] == C


def test_a_profile_of_random_candidates():
    space = {
        "C": loguniform(1e-3, 1e3),
        "gamma": loguniform(1e-3, 1e3),
        "kernel": ["rbf", "linear"],
    }
    search = RandomizedSearchCV(SVC(), space, n_iter=30, cv=3, random_state=0).fit(X, y)
    found = validation_curve(search, "C")
    assert found.kind == "profile"
    assert 5 < len(found.values) <= 10
    assert (np.diff(found.values) > 0).all()
    assert found.test.max() == search.best_score_
    assert np.isnan(found.train).all()
    kernels = validation_curve(search.cv_results_, "kernel")
    assert set(kernels.values) == {"rbf", "linear"}
    for kernel, mean in zip(kernels.values, kernels.test):
        rows = [p["kernel"] == kernel for p in search.cv_results_["params"]]
        assert mean == search.cv_results_["mean_test_score"][rows].max()


def test_equal_values_are_in_one_group():
    params = [{"a": i % 12 // 2, "b": i / 7, "c": 1 + i} for i in range(36)]
    scores = np.random.default_rng(0).random(36)
    results = {"params": params, "mean_test_score": scores}
    found = validation_curve(results, "a")
    np.testing.assert_array_equal(found.values, np.arange(6))
    np.testing.assert_array_equal(
        found.test, [max(scores[i::12].max(), scores[i + 1 :: 12].max()) for i in range(0, 12, 2)]
    )
    assert len(validation_curve(results, "c").values) == 9


def test_text_and_frame():
    search = GridSearchCV(SVC(), {"C": C}).fit(X, y)
    found = validation_curve(search, "C")
    assert repr(found).startswith("Scores over C (slice of the trials)")
    assert list(found.to_frame().index) == C
    with pytest.raises(ValueError, match=r"has the hyperparameter 'gamma', only \['C'\]"):
        validation_curve(search, "gamma")
    with pytest.raises(TypeError, match="got int"):
        validation_curve(3, "C")
