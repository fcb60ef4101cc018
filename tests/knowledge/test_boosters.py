"""Knowledge of boosting by other packages, whose values of None mean their defaults."""

import pytest
from sklearn.datasets import load_diabetes

from skhyper import BayesSearchCV
from skhyper.knowledge._shipped import knowledge_for, shipped
from skhyper.space import Space, default_space

X, y = load_diabetes(return_X_y=True)
QUIET = {"lightgbm": {"verbose": -1}}


@pytest.mark.parametrize(
    ("package", "name"), [("xgboost", "XGBRegressor"), ("lightgbm", "LGBMRegressor")]
)
def test_a_search_of_few_hyperparameters_has_known_starts(package, name):
    booster = getattr(pytest.importorskip(package), name)(n_jobs=1, **QUIET.get(package, {}))
    space = {"learning_rate": (0.01, 0.3, "log-uniform"), "n_estimators": (20, 60)}
    search = BayesSearchCV(booster, space, n_iter=4, cv=2, random_state=0)
    search.fit(X, y)
    assert search.knowledge_.source == f"{name}-squared_error.npz"
    assert search.cv_results_["params"][1] == search.knowledge_[0]


def test_none_is_the_default_of_xgboost():
    xgboost = pytest.importorskip("xgboost")
    unset, own, _ = knowledge_for(xgboost.XGBRegressor(), X, y, "squared_error")
    values = {"max_depth": 6, "learning_rate": 0.3, "subsample": 1.0, "booster": "gbtree"}
    config = xgboost.XGBRegressor(n_estimators=1).fit(X, y).get_booster().save_config()
    for value in ('"max_depth":"6"', '"learning_rate":"0.3', '"subsample":"1"', '"lambda":"1"'):
        assert value in config
    assert own.items() >= values.items()
    space = Space({"learning_rate": (0.01, 0.3, "log-uniform")})
    explicit = xgboost.XGBRegressor(**values)
    known, own_of_explicit, _ = knowledge_for(explicit, X, y, "squared_error")
    assert unset.portfolio(space, own) == known.portfolio(space, own_of_explicit) != []


def test_knowledge_that_is_given_reads_none_likewise():
    booster = pytest.importorskip("xgboost").XGBRegressor(n_jobs=1)
    known = shipped("XGBRegressor", "squared_error")
    space = {"learning_rate": (0.01, 0.3, "log-uniform"), "n_estimators": (20, 60)}
    options = {"n_iter": 4, "cv": 2, "random_state": 0}
    given, auto = (
        BayesSearchCV(booster, space, knowledge=knowledge, **options).fit(X, y).knowledge_
        for knowledge in (known, "auto")
    )
    assert given == auto != []


def test_none_of_what_is_not_boosting_of_trees():
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(booster="gblinear")
    found, own, _ = knowledge_for(model, X, y, "squared_error")
    assert found.portfolio(Space(default_space(model, X, y)), own) == []
    found, _, reason = knowledge_for(xgboost.XGBRFRegressor(), X, y, "squared_error")
    assert found is None
    assert "none of XGBRFRegressor" in reason
