"""Searches over settings known ahead: scikit-learn's grid and random search."""

import numbers
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn import model_selection
from sklearn.model_selection import ParameterGrid, ParameterSampler

from skhyper._sklearn import Interval
from skhyper.evaluation import ListedCandidates
from skhyper.exceptions import InvalidSpaceError, SkhyperWarning
from skhyper.search._base import BaseSearch, Plan
from skhyper.search._validate import check_settings
from skhyper.space import Categorical, Dimension, Space, check_dimension

__all__ = ["GridSearchCV", "RandomizedSearchCV"]


class GridSearchCV(BaseSearch, model_selection.GridSearchCV):
    """Try every setting of a grid, as scikit-learn's class of the same name.

    Parameters
    ----------
    estimator : estimator object
    param_grid : dict or list of dict
        From names of hyperparameters to sequences of values. As in scikit-learn a tuple is
        a sequence of choices here, not a range.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in :class:`sklearn.model_selection.GridSearchCV`.

    Attributes
    ----------
    history_ : History
        All trials, in order.
    space_ : Space or None
        The grid as a search space.
    n_trials_ : int
        Number of trials.
    stop_reason_ : str
        Why the search ended.
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, \
n_splits_, refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in :class:`sklearn.model_selection.GridSearchCV`, to the last bit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import GridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(SVC(), {"kernel": ["linear", "rbf"], "C": [1, 10]}).fit(X, y)
    >>> search.best_params_
    {'C': 1, 'kernel': 'linear'}
    >>> search.stop_reason_
    'every setting was tried'
    """

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_grid = param_grid

    _parameter_constraints: ClassVar[dict] = {
        **BaseSearch._parameter_constraints,
        "param_grid": [dict, list],
    }

    def _plan(self) -> Plan:
        settings = list(ParameterGrid(self.param_grid))
        check_settings(self.estimator, settings)
        candidates = ListedCandidates(settings, "every setting was tried")
        return Plan(candidates, _as_space(self.param_grid))


class RandomizedSearchCV(BaseSearch, model_selection.RandomizedSearchCV):
    """Try settings drawn at random, as scikit-learn's class of the same name.

    Parameters
    ----------
    estimator : estimator object
    param_distributions : dict or list of dict
        From names of hyperparameters to sequences of values, distributions with ``rvs``,
        or dimensions of ``skhyper.space`` or ``skopt.space``. As in scikit-learn a tuple
        is a sequence of choices here, not a range.
    n_iter : int, default=10
        Number of settings.
    random_state : int, RandomState instance or None, default=None
        The same settings are drawn as by scikit-learn.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in :class:`sklearn.model_selection.RandomizedSearchCV`.

    Attributes
    ----------
    history_ : History
        All trials, in order.
    space_ : Space or None
        The search space; None if a distribution has no quantile function.
    n_trials_ : int
        Number of trials.
    stop_reason_ : str
        Why the search ended.
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, \
n_splits_, refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in :class:`sklearn.model_selection.RandomizedSearchCV`, to the last bit.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import RandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": loguniform(1e-2, 1e2)}
    >>> search = RandomizedSearchCV(SVC(), space, n_iter=5, random_state=0).fit(X, y)
    >>> search.n_trials_
    5
    """

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.random_state = random_state

    _parameter_constraints: ClassVar[dict] = {
        **BaseSearch._parameter_constraints,
        "param_distributions": [dict, list],
        "n_iter": [Interval(numbers.Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def _plan(self) -> Plan:
        spaces = _drawable(self.param_distributions)
        sampler = ParameterSampler(spaces, self.n_iter, random_state=self.random_state)
        settings = list(sampler)
        check_settings(self.estimator, settings)
        reason = f"n_iter={self.n_iter} settings were tried"
        if len(settings) < self.n_iter:
            reason = "every setting was tried"
        return Plan(ListedCandidates(settings, reason), _as_space(spaces))


def _drawable(spaces: Any) -> Any:
    """The same distributions, scikit-optimize's dimensions as ones that draw one value."""
    if isinstance(spaces, list):
        return [_drawable(space) for space in spaces]
    if not isinstance(spaces, Mapping):
        return spaces
    for name, values in spaces.items():
        prior = values[2] if isinstance(values, tuple) and len(values) == 3 else None
        if isinstance(prior, str) and prior in ("uniform", "log-uniform"):
            warnings.warn(
                f"{name!r}: {values!r} is a list of choices here, as in scikit-learn. For the "
                "range use scipy.stats, or SearchCV(sampler='random').",
                SkhyperWarning,
                stacklevel=4,
            )
    return {
        name: check_dimension(v) if type(v).__module__.startswith("skopt.") else v
        for name, v in spaces.items()
    }


def _as_space(spaces: Any) -> Space | None:
    """The search space that a grid or distributions of scikit-learn describe."""
    dicts = [spaces] if isinstance(spaces, Mapping) else spaces
    try:
        return Space([{n: _as_dimension(v) for n, v in part.items()} for part in dicts])
    except InvalidSpaceError:  # a distribution without a quantile function
        return None


def _as_dimension(values: Any) -> Dimension:
    if hasattr(values, "rvs"):
        return check_dimension(values)
    return Categorical(values)
