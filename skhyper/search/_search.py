"""Search with any sampler, or an explicit list of candidates."""

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from skhyper._trial import History
from skhyper.evaluation import Racer
from skhyper.reuse import ReuseOptions
from skhyper.samplers import Sampler, check_sampler
from skhyper.search._plan import Plan
from skhyper.search._sampled import SampledSearch, listed_plan, sampled_plan, seed_of
from skhyper.search._task import Task


class SearchCV(SampledSearch):
    """Search with any sampler, or an explicit list of candidates, with cross-validation.

    Parameters
    ----------
    estimator : estimator object
        The estimator to tune, such as a pipeline.
    search_spaces : dict, list of dict, list of (dict, int) or Space, default=None
        Search space: see :class:`skhyper.space.Space`. By default that of
        :func:`skhyper.default_space` for the estimator and the data, unless `sampler` is a list of
        candidates. ``"auto"`` is the default range of one hyperparameter.
    sampler : {"random", "grid", "sobol", "gp", "skopt"}, Sampler or list of dict, \
default="random"
        How candidates are chosen. A list of candidates is a manual search: they are tried in
        order.
    n_iter : int, default=None
        Number of proposals of this fit, excluding trials it starts from. By default all of a grid
        or a list; otherwise as many as `max_time` allows, or 50 without a `max_time`.
    initial_points : dict or list of dict, default=None
        Candidates to try first. Omitted names have the estimator's own values.
    include_default : bool, default=None
        Whether the estimator's own values are tried first (after `initial_points`), even if they
        lie outside of the space (``gamma="scale"``, for instance); the surrogate then ignores
        them. By default only with samplers that are not fixed designs ("random", "gp" and
        "skopt"), and not outside of a space of at most `n_iter` candidates, nor with
        ``error_score="raise"``.
    constraint : callable, default=None
        ``constraint(params) -> bool``; only candidates that it accepts are tried.
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
        whose scores are equal only within a tolerance, such as those of `Lasso`. Candidates that
        can share the fits of a proposal, such as smaller `n_estimators`, are added to it: trials
        with ``shared=True``, which do not count.
    racing : bool or Racing, default=False
        Whether to stop a candidate after some of its folds if it is very unlikely to become the
        best one; :class:`skhyper.Racing` has the error rate, 1 % by default. Folds that are not run
        are nan in ``cv_results_``. Without `max_time`, if candidates do not depend on results, all
        of them run one fold before any runs others.
    n_points : int, default=None
        Maximum number of trials that run at the same time. By default as many as keep `n_jobs`
        workers busy.
    allow_repeats : bool, default=False
        Whether a candidate may be tried more than once.
    warm_start : bool, default=False
        Whether to keep the trials of the last fit, if made on the same data and folds.
    history : History, default=None
        Trials of another search on the same data and folds to start from, such as its
        ``history_``.
    journal : str or os.PathLike, default=None
        File to which each candidate, fold and trial is written immediately. If the search is
        killed, the same search on the same data resumes from it.
    random_state : int, RandomState instance or None, default=None
        Seed. The same seed and the same `n_points` give the same trials, with any number
        of workers. With None, each proposal is made as soon as a worker is free, from all results
        so far.
    keep : {"predictions", "models"}, tuple of both or None, default=None
        What to keep of the folds: out-of-fold predictions of all candidates, fitted models of the
        best one, or both. See the user guide's page on what to do after the search for the memory.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in :class:`sklearn.model_selection.GridSearchCV`; `refit` may also be "1se" or
        "fastest": the simplest or the fastest candidate within one standard error of the best, see
        :func:`skhyper.inspection.one_standard_error`.

    Attributes
    ----------
    history_ : History
        All trials, in the order in which they were proposed.
    space_ : Space or None
        The search space.
    sampler_ : Sampler or list of dict
        The sampler that proposed the candidates, or their list.
    n_trials_ : int
        Number of trials, including those it started from.
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
        As in :class:`sklearn.model_selection.GridSearchCV`.

    Notes
    -----
    With several metrics the one named by `refit` is optimized, and the first one if `refit`
    is False or a callable.

    After Ctrl-C, and after an error with ``error_score="raise"``, all finished trials are kept in
    ``history_``, ``cv_results_`` and ``best_params_``; ``warm_start=True`` resumes from them.

    Examples
    --------
    Try candidates of a list, then another one.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import BayesSearchCV, SearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> manual = SearchCV(SVC(), sampler=[{"C": 1}, {"C": 100}], warm_start=True).fit(X, y)
    >>> manual.set_params(sampler=[{"C": 10}]).fit(X, y).n_trials_
    3

    Then let a Bayesian search continue from there.

    >>> space = {"C": (1e-2, 1e3, "log-uniform")}
    >>> bayes = BayesSearchCV(SVC(), space, n_iter=5, history=manual.history_, random_state=0)
    >>> bayes.fit(X, y).n_trials_
    8
    """

    def __init__(
        self,
        estimator: Any,
        search_spaces: Any = None,
        *,
        sampler: Any = "random",
        n_iter: int | None = None,
        initial_points: Any = None,
        include_default: bool | None = None,
        constraint: Callable[[dict[str, Any]], bool] | None = None,
        max_time: float | None = None,
        fit_timeout: float | None = None,
        memory_limit: int | None = None,
        reuse: str | int | ReuseOptions | None = "auto",
        racing: bool | Racer = False,
        n_points: int | None = None,
        allow_repeats: bool = False,
        warm_start: bool = False,
        history: History | None = None,
        journal: str | os.PathLike | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: int | np.random.RandomState | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        keep: str | tuple[str, ...] | None = None,
    ) -> None:
        self._store_arguments(locals())

    _parameter_constraints: ClassVar[dict] = {
        **SampledSearch._parameter_constraints,
        "sampler": [str, Sampler, list, tuple, dict],
    }

    def _plan(self, task: Task) -> Plan:
        seed = seed_of(self)
        sampler = self.sampler
        if isinstance(sampler, str):
            sampler = check_sampler(sampler, " or a list of candidates")
        if isinstance(sampler, Sampler):
            return sampled_plan(self, task, sampler, seed)
        return listed_plan(self, task, sampler, seed)
