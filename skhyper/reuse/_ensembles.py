"""Shared fits of scikit-learn's ensembles: the first k members of a longer ensemble.

Where only `ccp_alpha` of a forest varies, its trees are pruned.

All of these draw the seeds of their members one after the other, so that the first k members do not
depend on the number of all. Boosting with early stopping only ends before the given number.
"""

import copy
from typing import Any

from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from skhyper._sklearn import first_iterations, n_training_samples, pruned_tree
from skhyper.reuse._rules import SharedFit, shared_fit, why_continued, why_not_repeatable
from skhyper.reuse._trees import is_penalty, unpruned

_FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)
_ENSEMBLES = (
    *_FORESTS,
    BaggingClassifier,
    BaggingRegressor,
    AdaBoostClassifier,
    AdaBoostRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
_HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)

# Number of samples up to which histogram boosting finds its bins from all of them.
_MAX_BINNED_SAMPLES = 200_000

# Fitted attributes with one entry for each member.
_PER_MEMBER = (
    "estimators_",
    "estimators_features_",
    "estimator_weights_",
    "estimator_errors_",
    "train_score_",
    "oob_improvement_",
    "oob_scores_",
    "_seeds",
)


def first_members(fitted: Any, n: int) -> Any:
    """A copy of a fitted ensemble that has only its first n members."""
    view = copy.copy(fitted)
    view.n_estimators = n
    for name in _PER_MEMBER:
        if name in vars(fitted):
            setattr(view, name, vars(fitted)[name][:n])
    if "n_estimators_" in vars(fitted):
        view.n_estimators_ = min(n, fitted.n_estimators_)
    if "oob_score_" in vars(fitted):
        view.oob_score_ = view.oob_scores_[-1]
    return view


def pruned_forest(fitted: Any, ccp_alpha: float) -> Any:
    """A copy of a fitted forest whose trees are pruned with `ccp_alpha`."""
    view = copy.copy(fitted)
    view.ccp_alpha = ccp_alpha
    view.estimators_ = [pruned_tree(tree, ccp_alpha) for tree in fitted.estimators_]
    return view


def _ensemble(estimator: Any) -> SharedFit | None:
    if type(estimator) not in _ENSEMBLES:
        return None  # a subclass may fit in another way
    why_not = why_continued(estimator) or why_not_repeatable(estimator, "trees")
    pruning = None
    if type(estimator) in _FORESTS:
        pruning = SharedFit(
            "ccp_alpha",
            pruned_forest,
            longest=unpruned,
            accepts=is_penalty,
            whole_range=True,
            why_not=why_not,
        )
    return SharedFit("n_estimators", first_members, why_not=why_not, otherwise=pruning)


for _cls in _ENSEMBLES:
    shared_fit.register(_cls, _ensemble)


@shared_fit.register(HistGradientBoostingClassifier)
@shared_fit.register(HistGradientBoostingRegressor)
def _histograms(estimator: Any) -> SharedFit | None:
    if type(estimator) not in _HISTOGRAMS:
        return None
    why_not, why_random = why_continued(estimator), why_not_repeatable(estimator, "trees")
    if why_random and getattr(estimator, "max_features", 1.0) == 1.0:
        # Random are then only the samples for early stopping and for the bins of many samples.
        unseeded = _first_iterations_unless_random
        return SharedFit("max_iter", unseeded, is_certain=False, why_not=why_not)
    return SharedFit("max_iter", first_iterations, why_not=why_not or why_random)


def _first_iterations_unless_random(fitted: Any, n: int) -> Any:
    is_random = fitted.do_early_stopping_ or n_training_samples(fitted) > _MAX_BINNED_SAMPLES
    return None if is_random else first_iterations(fitted, n)
