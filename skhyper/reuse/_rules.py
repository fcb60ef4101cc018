"""Rules by which one fit serves several values of one hyperparameter of an estimator.

A forest of 100 trees contains the forests of its first 10, 20, ... trees: one fit serves all values
of ``n_estimators``. :func:`shared_fit` returns the rule of an estimator, a :class:`SharedFit`;
``shared_fit.register`` adds third-party estimators.
"""

import functools
import importlib
import numbers
import sys
import threading
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Modules with rules, by the packages whose estimators they are of. A module is imported once its
# package is: without an object of that package there is nothing to look up.
_RULES = {
    "sklearn.compose": "skhyper.reuse._compose",
    "sklearn.decomposition": "skhyper.reuse._decomposition",
    "sklearn.ensemble": "skhyper.reuse._ensembles",
    "sklearn.feature_selection": "skhyper.reuse._selection",
    "sklearn.linear_model": "skhyper.reuse._linear",
    "sklearn.neighbors": "skhyper.reuse._neighbors",
    "sklearn.pipeline": "skhyper.reuse._compose",
    "sklearn.tree": "skhyper.reuse._trees",
}


_LOCK = threading.RLock()


def _load_rules() -> None:
    """Import the modules with rules that are needed by now."""
    with _LOCK:  # another thread waits until they are registered
        for package in [name for name in _RULES if name in sys.modules]:
            if module := _RULES.get(package):
                importlib.import_module(module)
                _RULES.pop(package, None)


def is_count(value: Any) -> bool:
    """Whether a value is an integer of at least 1."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and value >= 1


def _no_estimator(fitted: Any, value: Any) -> None:
    """No estimator: the training data are needed."""


def _largest(values: Sequence[Any]) -> Any:
    """The largest of the values."""
    return max(values)


def _always(estimator: Any, X: Any) -> bool:
    return True


def _itself(estimator: Any) -> Any:
    return estimator


@dataclass(frozen=True)
class SharedFit:
    """Rule by which one fit of an estimator serves several values of one hyperparameter.

    Attributes
    ----------
    name : str
        The hyperparameter.
    derive : callable
        ``derive(fitted, value)`` returns the estimator as if fitted with another value, without a
        fit: a copy that shares fitted attributes with `fitted`, which must not change. None where
        the data or metadata do not allow it.
    longest : callable
        ``longest(values)`` returns the value to fit with, from which all `values` are derived; by
        default their maximum.
    accepts : callable
        Whether a value can be derived. Others, such as invalid ones, are fitted as ever.
    whole_range : bool
        Whether a fit with any value takes as long, so that all values are free after one fit.
    is_certain : bool
        Whether `derive` answers for all data. Otherwise no candidates are added to proposals, as
        they might have to be fitted.
    rtol : float
        Largest error of derived predictions, relative to the largest of them; 0 where they are
        equal to the last bit. Searches use other rules only with ``reuse="tolerance"``.
    why_not : str
        Why the estimator, as it is set, cannot share fits; empty if it can.
    transformed : callable
        For transformers whose ``fit_transform`` is not ``fit`` and ``transform``:
        ``transformed(derived, output)`` returns its output for a derived estimator from that of
        the fit, or None where it is that of ``transform``.
    suits : callable
        For transformers: ``suits(estimator, X)`` is asked before a fit to data X whether the
        estimator can be derived from another fit to them; always by default.
    fit_path : callable
        In place of `derive`, for rules that need the training data: ``fit_path(fitted, values,
        data)`` yields pairs of a value and its estimator, in any order; none where the data do not
        allow it. `data` has the arguments of ``fit``: ``X``, ``y``, and the metadata ``params``.
    part : callable
        ``part(estimator)`` returns the part of a composition, such as the last step of a pipeline,
        that `fit_path` needs the training data of.
    otherwise : SharedFit or None
        Rule along another hyperparameter, for candidates that do not set `name`, or agree on it.

    Examples
    --------
    A forest of n trees contains the forests of its first trees:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skhyper.reuse import shared_fit
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> rule = shared_fit(forest)
    >>> fitted = forest.fit(*load_iris(return_X_y=True))
    >>> len(rule.derive(fitted, 3).estimators_)
    3
    """

    name: str
    derive: Callable[[Any, Any], Any] = _no_estimator
    longest: Callable[[Sequence[Any]], Any] = _largest
    accepts: Callable[[Any], bool] = is_count
    whole_range: bool = False
    is_certain: bool = True
    rtol: float = 0.0
    why_not: str = ""
    transformed: Callable[[Any, Any], Any] | None = None
    suits: Callable[[Any, Any], bool] = _always
    fit_path: Callable[[Any, Sequence[Any], Any], Iterable[tuple[Any, Any]]] | None = None
    part: Callable[[Any], Any] = _itself
    otherwise: "SharedFit | None" = None

    def along(self, names: Container[Any]) -> "SharedFit | None":
        """This rule or the one `otherwise`, whose hyperparameter is among the names."""
        if self.name in names or self.otherwise is None:
            return self if self.name in names else None
        return self.otherwise.along(names)

    def why_not_with(self, tolerance: bool) -> str:
        """Why fits are not shared, if results may differ within a `tolerance`, or may not."""
        if self.why_not or tolerance or not self.rtol:
            return self.why_not
        return 'results are equal only to a tolerance: reuse="tolerance" shares them'


@functools.singledispatch
def shared_fit(estimator: Any) -> SharedFit | None:
    """The rule by which fits of an estimator are shared; None without one.

    Searches evaluate candidates that differ only in the hyperparameter of the rule by one fit.

    Parameters
    ----------
    estimator : estimator
        Unfitted or fitted.

    Returns
    -------
    rule : SharedFit or None

    See Also
    --------
    check_shared_fit : Compares derived estimators with plain fits.

    Notes
    -----
    Register a rule by ``@shared_fit.register(MyEstimator)``. It is also called for subclasses,
    which may fit in another way: compare ``type(estimator)``.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skhyper.reuse import shared_fit
    >>> shared_fit(RandomForestClassifier(random_state=0)).name
    'n_estimators'
    >>> shared_fit(RandomForestClassifier()).why_not
    'random_state is None: each fit has other trees'
    """
    _load_rules()
    rule = shared_fit.dispatch(type(estimator))
    if rule is not shared_fit.dispatch(object):  # it was registered meanwhile
        return rule(estimator)
    from skhyper.reuse._boosters import booster_rule

    return booster_rule(estimator)


def why_not_repeatable(estimator: Any, what: str) -> str:
    """Why fits of an estimator differ: `what` is random and there is no seed; else empty."""
    seed = estimator.random_state
    if isinstance(seed, numbers.Integral | np.random.RandomState):
        return ""
    return f"random_state is {seed!r}: each fit has other {what}"


def why_continued(estimator: Any) -> str:
    """Why an ensemble is more than its parts: it continues an earlier fit, or scores samples."""
    if getattr(estimator, "warm_start", False):
        return "warm_start=True: fits depend on earlier ones"
    if getattr(estimator, "oob_score", False):
        return "oob_score is set: out-of-bag scores are those of all trees"
    return ""
