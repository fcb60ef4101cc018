"""Shared fits of XGBoost, LightGBM and CatBoost: the first rounds of a longer boosting."""

import copy
from typing import Any

from skhyper.reuse._rules import SharedFit

# Aliases of hyperparameters, as the packages document them.
_LIGHTGBM_STOPS = (
    "early_stopping_round",
    "early_stopping_rounds",
    "early_stopping",
    "n_iter_no_change",
)
_LIGHTGBM_ROUNDS = (
    "num_iterations",
    "num_iteration",
    "n_iter",
    "num_tree",
    "num_trees",
    "num_round",
    "num_rounds",
    "nrounds",
    "num_boost_round",
    "max_iter",
)
_CATBOOST_ROUNDS = ("iterations", "n_estimators", "num_boost_round", "num_trees")
_CATBOOST_SHRINKING = ("model_shrink_rate", "langevin", "posterior_sampling")


def first_rounds_of_xgboost(fitted: Any, n: int) -> Any:
    """A copy of a fitted XGBoost model with its first n rounds; None if it continued another."""
    booster = fitted.get_booster()
    if booster.num_boosted_rounds() != fitted.n_estimators:
        return None
    view = copy.copy(fitted)
    view.n_estimators, view._Booster = n, booster[:n]
    return view


def first_rounds_of_lightgbm(fitted: Any, n: int) -> Any:
    """A copy of a fitted LightGBM model with its first n rounds.

    None if it continued another model, or if a callback chose the best round.
    """
    booster = fitted.booster_
    if booster.current_iteration() > fitted.n_estimators or booster.best_iteration > 0:
        return None
    view = copy.copy(fitted)
    view.n_estimators = n
    text = booster.model_to_string(num_iteration=n)
    view._Booster = type(booster)(model_str=text)
    return view


def first_rounds_of_catboost(fitted: Any, n: int) -> Any:
    """A copy of a fitted CatBoost model with its first n rounds.

    None if an evaluation set chose the best round.
    """
    if fitted.tree_count_ < n or fitted.get_best_iteration() is not None:
        return None
    view = fitted.copy()
    view.shrink(n)
    return view


def _xgboost(estimator: Any) -> SharedFit:
    params, why_not = estimator.get_params(), ""
    if params.get("booster") not in (None, "gbtree"):
        why_not = f"booster={params['booster']!r}: later rounds change earlier ones"
    elif params.get("early_stopping_rounds") is not None or params.get("callbacks"):
        why_not = "early_stopping_rounds or callbacks are set"
    return SharedFit("n_estimators", first_rounds_of_xgboost, why_not=why_not)


def _lightgbm(estimator: Any) -> SharedFit:
    params, why_not = estimator.get_params(), ""
    if params["boosting_type"] != "gbdt" or "boosting" in params or "boost" in params:
        why_not = "the boosting type is not 'gbdt'"
    elif any(params.get(name) for name in _LIGHTGBM_STOPS):
        why_not = "early stopping is set"
    elif numbers := [name for name in _LIGHTGBM_ROUNDS if name in params]:
        why_not = f"{numbers[0]} is set: n_estimators has no effect"
    return SharedFit("n_estimators", first_rounds_of_lightgbm, why_not=why_not)


def _catboost(estimator: Any) -> SharedFit | None:
    params, why_not = estimator.get_params(), ""
    if params.get("learning_rate", params.get("eta")) is None:
        why_not = "learning_rate is not set: its default depends on the number of rounds"
    elif any(name.startswith(("od_", "early_stopping", "use_best")) for name in params):
        why_not = "early stopping is set"
    elif params.get("grow_policy", "SymmetricTree") != "SymmetricTree":
        why_not = "only models of symmetric trees can be shortened"
    elif any(params.get(name) for name in _CATBOOST_SHRINKING):
        why_not = "later rounds change earlier ones"
    names = [name for name in _CATBOOST_ROUNDS if name in params] or _CATBOOST_ROUNDS
    rule = None
    for name in reversed(names):
        rule = SharedFit(name, first_rounds_of_catboost, why_not=why_not, otherwise=rule)
    return rule


# By package and class; subclasses may fit in another way.
_RULES = {
    ("xgboost", "XGBClassifier"): _xgboost,
    ("xgboost", "XGBRegressor"): _xgboost,
    ("lightgbm", "LGBMClassifier"): _lightgbm,
    ("lightgbm", "LGBMRegressor"): _lightgbm,
    ("catboost", "CatBoostClassifier"): _catboost,
    ("catboost", "CatBoostRegressor"): _catboost,
}


def booster_rule(estimator: Any) -> SharedFit | None:
    """The rule of an estimator of these packages, which are not imported; None for others."""
    cls = type(estimator)
    rule = _RULES.get((cls.__module__.partition(".")[0], cls.__name__))
    return None if rule is None else rule(estimator)
