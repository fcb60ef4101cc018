"""Validation curves: against scikit-learn's own, and by surrogates."""

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.svm import SVC

from skhyper import GridSearchCV, History, Trial
from skhyper.plotting import ValidationCurveDisplay
from skhyper.plotting._validation_curve import curve_over_axis

GAMMAS = [1e-3, 1e-2, 0.1, 1.0]


@pytest.mark.parametrize("cls", [GridSearchCV, model_selection.GridSearchCV])
def test_a_grid_has_the_curve_of_scikit_learn(cls, data):
    grid = {"C": [1, 10], "gamma": GAMMAS}
    search = cls(SVC(), grid, cv=3, return_train_score=True).fit(*data)
    curve = ValidationCurveDisplay.from_search(search, "gamma").data
    best = SVC(C=search.best_params_["C"])
    train, test = model_selection.validation_curve(
        best, *data, param_name="gamma", param_range=GAMMAS, cv=3
    )
    assert not curve.is_surrogate
    np.testing.assert_allclose(curve.positions, GAMMAS)
    np.testing.assert_allclose(curve.test, test.mean(axis=1))
    np.testing.assert_allclose(curve.train, train.mean(axis=1))
    np.testing.assert_allclose(curve.train_std, train.std(axis=1))


def test_other_searches_have_surrogates_at_the_best_trial(plain):
    curve = ValidationCurveDisplay.from_search(plain, "ccp_alpha").data
    assert curve.is_surrogate
    depth = plain.best_params_["max_depth"]
    params = [{"ccp_alpha": x, "max_depth": depth} for x in curve.positions]
    model = plain.sampler_.model(plain.space_, plain.history_)
    np.testing.assert_allclose(curve.test, -model.predict(params), atol=1e-3)
    np.testing.assert_allclose(curve.trial_train, plain.cv_results_["mean_train_score"])
    assert np.isfinite(curve.train).all()


def test_without_training_scores(failures, conditional):
    curve = ValidationCurveDisplay.from_search(failures, "penalty").data
    assert np.isnan(curve.train).all()
    curve = ValidationCurveDisplay.from_search(conditional, "gamma").data
    assert np.isfinite(curve.test).all()


def test_the_most_important_by_default(theirs):
    assert curve_over_axis(theirs).axis.name in ("C", "gamma")
    with pytest.raises(ValueError, match="'alpha' is not a hyperparameter"):
        curve_over_axis(theirs, "alpha")
    with pytest.raises(ValueError, match="No trial is complete"):
        curve_over_axis(History((Trial(0, {"a": 1}, "failed", np.full(2, np.nan)),)))
