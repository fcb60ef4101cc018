"""Shared fits of XGBoost, LightGBM and CatBoost are equal to plain fits, to the last bit."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import GridSearchCV
from skhyper.reuse import check_shared_fit, shared_fit

CLASSES = tuple(part[::5] for part in load_breast_cancer(return_X_y=True))
NUMBERS = tuple(part[::3] for part in load_diabetes(return_X_y=True))
THREE = CLASSES[0], (CLASSES[0][:, 0] * 3 // 8).astype(int) % 3
WEIGHTS = {"sample_weight": np.random.default_rng(0).random(len(CLASSES[1]))}
ROUNDS = [1, 4, 12]


def check(estimator, data, **more):
    check_shared_fit(estimator, *data, ROUNDS, **more)


def test_xgboost():
    xgboost = pytest.importorskip("xgboost")
    pandas = pytest.importorskip("pandas")
    model = xgboost.XGBClassifier(n_jobs=1, subsample=0.5, colsample_bynode=0.5)
    check(model, CLASSES, fit_params=WEIGHTS)
    check(model, (pandas.DataFrame(CLASSES[0]).add_prefix("x"), CLASSES[1]))
    check(model.set_params(num_parallel_tree=2), THREE)
    check(xgboost.XGBRegressor(n_jobs=1, tree_method="exact"), NUMBERS)
    for params in ({"booster": "dart"}, {"early_stopping_rounds": 3}):
        assert shared_fit(xgboost.XGBRegressor(**params)).why_not
    # A model that continued another has more rounds than it was asked for.
    first = xgboost.XGBRegressor(n_estimators=3, n_jobs=1).fit(*NUMBERS)
    both = xgboost.XGBRegressor(n_estimators=4, n_jobs=1)
    both.fit(*NUMBERS, xgb_model=first.get_booster())
    assert shared_fit(both).derive(both, 2) is None


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_lightgbm():
    lightgbm = pytest.importorskip("lightgbm")
    options = {"n_jobs": 1, "verbose": -1, "min_child_samples": 5}
    model = lightgbm.LGBMClassifier(subsample=0.5, subsample_freq=1, **options)
    check(model, CLASSES, fit_params=WEIGHTS)
    check(model, THREE)
    check(lightgbm.LGBMRegressor(colsample_bytree=0.5, **options), NUMBERS)
    refused = [{"boosting_type": "dart"}, {"boost": "dart"}, {"num_iterations": 4}]
    for params in (*refused, {"early_stopping_rounds": 3}, {"early_stopping": 3}):
        assert shared_fit(lightgbm.LGBMRegressor(**params)).why_not
    # The best of 12 rounds may not be the best of 4.
    few = [part[3:6] for part in NUMBERS]
    stop = {"eval_set": [few], "callbacks": [lightgbm.early_stopping(12, verbose=False)]}
    stopped = lightgbm.LGBMRegressor(n_estimators=12, **options).fit(*NUMBERS, **stop)
    assert shared_fit(stopped).derive(stopped, 4) is None
    assert_same_grid(lightgbm.LGBMRegressor(**options), "n_estimators", stop)
    first = lightgbm.LGBMRegressor(n_estimators=3, **options).fit(*NUMBERS)
    both = lightgbm.LGBMRegressor(n_estimators=4, **options).fit(*NUMBERS, init_model=first)
    assert shared_fit(both).derive(both, 2) is None


def test_catboost():
    catboost = pytest.importorskip("catboost")
    options = {"thread_count": 1, "verbose": False, "allow_writing_files": False}
    model = catboost.CatBoostClassifier(learning_rate=0.1, **options)
    check(model, CLASSES, fit_params=WEIGHTS)
    check(catboost.CatBoostRegressor(learning_rate=0.1, rsm=0.5, **options), NUMBERS)
    assert "learning_rate" in shared_fit(catboost.CatBoostRegressor()).why_not
    model = catboost.CatBoostRegressor(learning_rate=0.1, n_estimators=3, od_wait=3)
    assert shared_fit(model).name == "n_estimators"
    assert "early stopping" in shared_fit(model).why_not
    for params in ({"model_shrink_rate": 0.1}, {"langevin": True}, {"grow_policy": "Lossguide"}):
        assert shared_fit(catboost.CatBoostRegressor(learning_rate=0.1, **params)).why_not
    # With an evaluation set, the rounds after the best one are dropped.
    few = {"eval_set": tuple(part[3:6] for part in NUMBERS)}
    model = catboost.CatBoostRegressor(learning_rate=0.5, **options)
    best = clone(model).set_params(iterations=12).fit(*NUMBERS, **few)
    assert shared_fit(best).derive(best, 4) is None
    assert_same_grid(model, "iterations", few)
    # Its alias is not a hyperparameter before it is set.
    assert assert_same_grid(model, "n_estimators", {}).reuse_.fits_made == 3


def assert_same_grid(estimator, name, fit_params):
    shared, plain = (
        GridSearchCV(estimator, {name: ROUNDS}, reuse=reuse, cv=3).fit(*NUMBERS, **fit_params)
        for reuse in ("auto", None)
    )
    found, expected = (search.cv_results_["mean_test_score"] for search in (shared, plain))
    np.testing.assert_array_equal(found, expected)
    return shared


def test_a_grid_in_a_pipeline():
    xgboost = pytest.importorskip("xgboost")
    pipeline = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_jobs=1))
    grid = {"xgbclassifier__n_estimators": ROUNDS}
    shared, plain = (
        GridSearchCV(pipeline, grid, reuse=reuse, cv=3, scoring="neg_log_loss").fit(*CLASSES)
        for reuse in ("auto", None)
    )
    assert shared.reuse_.fits_made < shared.reuse_.fits_asked
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(shared.cv_results_[name], plain.cv_results_[name])
