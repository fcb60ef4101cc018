"""The training data of the estimator of a rule, recorded while a composition of it is fitted."""

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from skhyper.reuse._rules import SharedFit

_CLONE = "__sklearn_clone__"


class TrainingData(NamedTuple):
    """Arguments of the ``fit`` of an estimator; `params` are metadata such as sample weights."""

    X: Any
    y: Any
    params: Mapping[str, Any]


@contextmanager
def recorded_training_data(estimator: Any, rule: SharedFit) -> Iterator[list[TrainingData]]:
    """Context in which ``estimator.fit`` appends the training data of its part to the list.

    The part is that of the rule, such as the last step of a pipeline; it may be cloned first.
    """
    found: list[TrainingData] = []
    part = rule.part(estimator)
    _record(part, found)
    try:
        yield found
    finally:
        _restore(part)


def _record(estimator: Any, found: list[TrainingData]) -> None:
    """Replace ``fit`` and ``clone`` of an instance until it is fitted."""

    @functools.wraps(estimator.fit)
    def fit(X: Any, y: Any = None, **params: Any) -> Any:
        _restore(estimator)
        found.append(TrainingData(X, y, params))
        return estimator.fit(X, y, **params)

    def clone() -> Any:
        new = getattr(type(estimator), _CLONE)(estimator)
        _record(new, found)
        return new

    vars(estimator)["fit"] = fit
    if hasattr(type(estimator), _CLONE):
        vars(estimator)[_CLONE] = clone


def _restore(estimator: Any) -> None:
    for name in ("fit", _CLONE):
        vars(estimator).pop(name, None)
