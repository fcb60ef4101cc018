"""Shared fits of decision trees: all values of `ccp_alpha` prune the same tree.

There is none along `max_depth`: a tree of limited depth is not a part of a deeper one, since each
node advances the generator that breaks ties between features.
"""

import math
import numbers
from collections.abc import Sequence
from typing import Any

from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from skhyper._sklearn import pruned_tree
from skhyper.reuse._rules import SharedFit, shared_fit, why_not_repeatable

_TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)


def is_penalty(value: Any) -> bool:
    """Whether a value is a finite number that is not negative."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0


def unpruned(values: Sequence[Any]) -> float:
    """The value of trees that all others can be pruned from."""
    return 0.0


@shared_fit.register(DecisionTreeClassifier)
@shared_fit.register(DecisionTreeRegressor)
def _pruning(estimator: Any) -> SharedFit | None:
    if type(estimator) not in _TREES:
        return None
    return SharedFit(
        "ccp_alpha",
        pruned_tree,
        longest=unpruned,
        accepts=is_penalty,
        whole_range=True,
        why_not=why_not_repeatable(estimator, "splits"),
    )
