"""Searches over candidates that are known in advance: scikit-learn's grid and random search."""

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn import model_selection
from sklearn.model_selection import ParameterGrid, ParameterSampler

from skhyper.evaluation import ListedCandidates, Racer
from skhyper.exceptions import InvalidSpaceError
from skhyper.reuse import ReuseOptions
from skhyper.search._fit import (
    BUDGET_CONSTRAINTS,
    KEEP_CONSTRAINTS,
    REUSE_CONSTRAINTS,
    BaseSearch,
    shares_fits,
)
from skhyper.search._plan import Plan, racer_of
from skhyper.search._task import Task
from skhyper.search._validate import check_candidates
from skhyper.search._warnings import warn
from skhyper.space import Categorical, Dimension, Space, check_dimension


class _ListedSearch(BaseSearch):
    """A search whose candidates are known in advance; scikit-learn's ``fit`` can run it, too."""

    _is_sklearn_search = True
    _candidates_param: ClassVar[str]

    def _validate_params(self) -> None:
        if getattr(self, self._candidates_param) is None:
            raise InvalidSpaceError(
                f"{type(self).__name__} needs {self._candidates_param}, such as "
                "{'C': [0.1, 1, 10]}. To search default ranges, write BayesSearchCV(estimator) or "
                "SearchCV(estimator, sampler='random')."
            )
        super()._validate_params()

    @abstractmethod
    def _candidates(self) -> list[dict[str, Any]]:
        """The candidates."""

    def _listed_space(self) -> Space | None:
        """The search space of the candidates."""
        return _as_space(_drawable(getattr(self, self._candidates_param)))

    def _plan(self, task: Task) -> Plan:
        candidates = self._candidates()
        check_candidates(self.estimator, candidates)
        _warn_about_ranges(getattr(self, self._candidates_param))
        reason = "every candidate was tried"
        if len(candidates) == getattr(self, "n_iter", None):
            reason = f"n_iter={self.n_iter} candidates were tried"
        return Plan(
            ListedCandidates(candidates, reason),
            self._listed_space(),
            journal=self.journal,
            max_time=self.max_time,
            shares_fits=shares_fits(self.reuse),
            ordered=getattr(self, "random_state", None) is not None,
            racer=racer_of(self.racing),
        )

    def _run_search(self, evaluate_candidates: Callable, *, callback_ctx: Any = None) -> None:
        """Evaluate by scikit-learn's loop, if a tool has replaced the ``fit`` of its class."""
        candidates = self._candidates()
        if callback_ctx is None:
            results = evaluate_candidates(candidates)
        else:
            context = callback_ctx.subcontext(
                task_name="search",
                max_subtasks=len(candidates) * self.n_splits_,
                sequential_subtasks=False,
            ).call_on_fit_task_begin(estimator=self)
            results = evaluate_candidates(candidates, callback_ctx=context)
            context.call_on_fit_task_end(estimator=self)
        self._take_table(results, self._listed_space())


class GridSearchCV(_ListedSearch, model_selection.GridSearchCV):
    """Grid search: scikit-learn's class of the same name, with a history of trials.

    Parameters
    ----------
    estimator : estimator object
    param_grid : dict or list of dict
        From names of hyperparameters to sequences of values. As in scikit-learn, a tuple is a
        sequence of choices, not a range.
    keep : {"predictions", "models"}, tuple of both or None, default=None
        What to keep of the folds: out-of-fold predictions of all candidates, fitted models of the
        best one, or both. See the user guide's page on what to do after the search for the memory.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in :class:`sklearn.model_selection.GridSearchCV`; `refit` may also be "1se" or
        "fastest": the simplest or the fastest candidate within one standard error of the best, see
        :func:`skhyper.inspection.one_standard_error`.
    max_time : float, default=None
        Seconds after which the search ends, if a trial has ended. With ``n_jobs`` above 1,
        `fit_timeout` or `memory_limit`, running folds are abandoned in time for the refit;
        otherwise they are finished.
    fit_timeout : float, default=None
        Time limit of a fold in seconds, scoring included. A fold that exceeds it is ended and has
        failed. Folds then run in worker processes, also with ``n_jobs=None``.
    memory_limit : int, default=None
        Maximum number of bytes that a worker process may allocate; a fit that needs more fails.
        Imported modules take about 200 MB of it; data that workers share do not count. On Linux
        only. Folds then run in worker processes, also with ``n_jobs=None``.
    reuse : "auto", "tolerance", int, ReuseOptions or None, default="auto"
        Whether candidates share fitted pipeline steps and whole fits, with the same scores to the
        last bit: see the user guide's page on reuse. "auto" keeps at most a quarter of the free
        memory, an integer is a number of bytes; None shares nothing. "tolerance" also shares fits
        whose scores are equal only within a tolerance, such as those of `Lasso`.
    racing : bool or Racing, default=False
        Whether to stop a candidate after some of its folds if it is very unlikely to become the
        best one; :class:`skhyper.Racing` has the error rate, 1 % by default. Folds that are not run
        are nan in ``cv_results_``. Without `max_time`, all candidates run one fold before any
        runs others.
    journal : str or os.PathLike, default=None
        File to which each candidate, fold and trial is written immediately. If the search is
        killed, the same search on the same data resumes from it.

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
    reuse_ : Reuse
        Counts of shared fits: fits needed, fits made, seconds saved, and reasons why estimators
        were not shared.
    oof_predictions_ : OutOfFoldPredictions
        Out-of-fold predictions of the best candidate, and of others by ``of(index)``; with `keep`.
    fold_models_ : list of estimator
        The models of the best candidate, one for each fold; with `keep`.
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
    'every candidate was tried'
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        max_time: float | None = None,
        fit_timeout: float | None = None,
        memory_limit: int | None = None,
        reuse: str | int | ReuseOptions | None = "auto",
        racing: bool | Racer = False,
        journal: str | os.PathLike | None = None,
        keep: str | tuple[str, ...] | None = None,
    ) -> None:
        self._store_arguments(locals())

    _parameter_constraints: ClassVar[dict] = {
        **model_selection.GridSearchCV._parameter_constraints,
        **BUDGET_CONSTRAINTS,
        **REUSE_CONSTRAINTS,
        **KEEP_CONSTRAINTS,
        "racing": ["boolean", Racer],
        "journal": [str, os.PathLike, None],
    }

    _candidates_param = "param_grid"

    def _candidates(self) -> list[dict[str, Any]]:
        return list(ParameterGrid(self.param_grid))


class RandomizedSearchCV(_ListedSearch, model_selection.RandomizedSearchCV):
    """Random search: scikit-learn's class of the same name, with a history of trials.

    Parameters
    ----------
    estimator : estimator object
    param_distributions : dict or list of dict
        From names of hyperparameters to sequences of values, distributions with ``rvs``,
        or dimensions of ``skhyper.space`` or ``skopt.space``. As in scikit-learn, a tuple
        is a sequence of choices, not a range.
    n_iter : int, default=10
        Number of candidates.
    random_state : int, RandomState instance or None, default=None
        Seed; candidates are those that scikit-learn draws.
    keep : {"predictions", "models"}, tuple of both or None, default=None
        What to keep of the folds: out-of-fold predictions of all candidates, fitted models of the
        best one, or both. See the user guide's page on what to do after the search for the memory.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in :class:`sklearn.model_selection.RandomizedSearchCV`; `refit` may also be "1se" or
        "fastest": the simplest or the fastest candidate within one standard error of the best, see
        :func:`skhyper.inspection.one_standard_error`.
    max_time : float, default=None
        Seconds after which the search ends, if a trial has ended. With ``n_jobs`` above 1,
        `fit_timeout` or `memory_limit`, running folds are abandoned in time for the refit;
        otherwise they are finished.
    fit_timeout : float, default=None
        Time limit of a fold in seconds, scoring included. A fold that exceeds it is ended and has
        failed. Folds then run in worker processes, also with ``n_jobs=None``.
    memory_limit : int, default=None
        Maximum number of bytes that a worker process may allocate; a fit that needs more fails.
        Imported modules take about 200 MB of it; data that workers share do not count. On Linux
        only. Folds then run in worker processes, also with ``n_jobs=None``.
    reuse : "auto", "tolerance", int, ReuseOptions or None, default="auto"
        Whether candidates share fitted pipeline steps and whole fits, with the same scores to the
        last bit: see the user guide's page on reuse. "auto" keeps at most a quarter of the free
        memory, an integer is a number of bytes; None shares nothing. "tolerance" also shares fits
        whose scores are equal only within a tolerance, such as those of `Lasso`.
    racing : bool or Racing, default=False
        Whether to stop a candidate after some of its folds if it is very unlikely to become the
        best one; :class:`skhyper.Racing` has the error rate, 1 % by default. Folds that are not run
        are nan in ``cv_results_``. Without `max_time`, all candidates run one fold before any
        runs others.
    journal : str or os.PathLike, default=None
        File to which each candidate, fold and trial is written immediately. If the search is
        killed, the same search on the same data resumes from it.

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
    reuse_ : Reuse
        Counts of shared fits: fits needed, fits made, seconds saved, and reasons why estimators
        were not shared.
    oof_predictions_ : OutOfFoldPredictions
        Out-of-fold predictions of the best candidate, and of others by ``of(index)``; with `keep`.
    fold_models_ : list of estimator
        The models of the best candidate, one for each fold; with `keep`.
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
        estimator: Any,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: int | np.random.RandomState | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        max_time: float | None = None,
        fit_timeout: float | None = None,
        memory_limit: int | None = None,
        reuse: str | int | ReuseOptions | None = "auto",
        racing: bool | Racer = False,
        journal: str | os.PathLike | None = None,
        keep: str | tuple[str, ...] | None = None,
    ) -> None:
        self._store_arguments(locals())

    _parameter_constraints: ClassVar[dict] = {
        **model_selection.RandomizedSearchCV._parameter_constraints,
        **BUDGET_CONSTRAINTS,
        **REUSE_CONSTRAINTS,
        **KEEP_CONSTRAINTS,
        "racing": ["boolean", Racer],
        "journal": [str, os.PathLike, None],
    }

    _candidates_param = "param_distributions"

    def _candidates(self) -> list[dict[str, Any]]:
        spaces = _drawable(self.param_distributions)
        return list(ParameterSampler(spaces, self.n_iter, random_state=self.random_state))


def _drawable(spaces: Any) -> Any:
    """The distributions, with those of scikit-optimize as dimensions with ``rvs``."""
    if isinstance(spaces, list):
        return [_drawable(space) for space in spaces]
    if not isinstance(spaces, Mapping):
        return spaces
    return {
        name: check_dimension(v) if type(v).__module__.startswith("skopt.") else v
        for name, v in spaces.items()
    }


def _warn_about_ranges(spaces: Any) -> None:
    """Warn of tuples that are ranges in the other searches."""
    for space in spaces if isinstance(spaces, list) else [spaces]:
        for name, values in space.items() if isinstance(space, Mapping) else ():
            prior = values[2] if isinstance(values, tuple) and len(values) == 3 else None
            if isinstance(prior, str) and prior in ("uniform", "log-uniform", "loguniform", "log"):
                warn(
                    f"{name!r}: {values!r} is a list of choices here, as in scikit-learn. For the "
                    "range use scipy.stats in RandomizedSearchCV, or SearchCV(sampler='random')."
                )


def _as_space(spaces: Any) -> Space | None:
    """The search space of a grid or of distributions of scikit-learn."""
    dicts = [spaces] if isinstance(spaces, Mapping) else spaces
    try:
        return Space([{n: _as_dimension(v) for n, v in part.items()} for part in dicts])
    except InvalidSpaceError:  # a distribution without a quantile function
        return None


def _as_dimension(values: Any) -> Dimension:
    if hasattr(values, "rvs"):
        return check_dimension(values)
    return Categorical(values)
