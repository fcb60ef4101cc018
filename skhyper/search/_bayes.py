"""Bayesian search."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import joblib
import numpy as np
from scipy.optimize import OptimizeResult
from sklearn.utils.validation import check_is_fitted

from skhyper._trial import History, Trial
from skhyper.evaluation import Objective, Racer, params_key
from skhyper.exceptions import InvalidSpaceError
from skhyper.knowledge import Knowledge, Suggestions
from skhyper.reuse import ReuseOptions
from skhyper.samplers import GPSampler, Regret, Sampler, SkoptSampler, skopt_result
from skhyper.samplers._arguments import check_callables
from skhyper.search._given_spaces import given_spaces
from skhyper.search._plan import Plan
from skhyper.search._sampled import SampledSearch, sampled_plan, seed_of
from skhyper.search._spaces import phases
from skhyper.search._starts import known_starts
from skhyper.search._task import Task
from skhyper.search._validate import warn_about_pairs
from skhyper.search._warnings import warn
from skhyper.space import Space, check_space

# Keywords of scikit-optimize's Optimizer that GPSampler supports.
_OWN_KEYWORDS = {"base_estimator", "n_initial_points", "n_random_starts"}


class BayesSearchCV(SampledSearch):
    """Bayesian search with cross-validation: a surrogate model of all trials proposes the next.

    Parameters
    ----------
    estimator : estimator object
        The estimator to tune, such as a pipeline.
    search_spaces : dict, list of dict, list of (dict, int) or Space, default=None
        Search space: see :class:`skhyper.space.Space`. With ``(dict, n_iter)`` pairs
        the sub-spaces are searched one after the other; a list of dicts is one space with a
        choice of sub-space, searched with `n_iter` trials in total. By default the space of
        :func:`skhyper.default_space` for the estimator and the data; ``"auto"`` is the default
        range of one hyperparameter.
    n_iter : int or None, default=50
        Number of proposals of this fit, excluding trials it starts from. With None and a `max_time`
        only time limits it.
    use_gradients : bool, default=False
        Whether the Gaussian process also observes derivatives of the loss, if the estimator and
        the score have them (see :class:`GradientSearchCV`). Fewer trials are needed, each of which
        takes longer; folds run in threads.
    optimizer_kwargs : dict, default=None
        For code written for scikit-optimize: keywords of its ``Optimizer``. With a
        ``base_estimator`` other than "GP", or a keyword other than it, ``n_initial_points`` and
        ``n_random_starts``, that ``Optimizer`` makes the proposals.
    initial_points : dict or list of dict, default=None
        Candidates to try first. Omitted names have the estimator's own values.
    include_default : bool, default=None
        Whether the estimator's own values are tried first (after `initial_points`), even if they
        lie outside of the space (``gamma="scale"``, for instance); the surrogate then ignores
        them. None means True, unless they lie outside of the space and that has at most `n_iter`
        candidates, or with ``error_score="raise"``.
    constraint : callable, default=None
        ``constraint(params) -> bool``; only candidates that it accepts are tried.
    max_time : float, default=None
        Seconds after which the search ends, if a trial has ended. With ``n_jobs`` above 1,
        `fit_timeout` or `memory_limit`, running folds are abandoned in time for the refit;
        otherwise they are finished. If fit times differ, promising candidates that are fast to fit
        come first: see :class:`skhyper.samplers.GPSampler`.
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
        are nan in ``cv_results_``.
    early_stopping : bool, default=False
        Whether to stop when the remaining regret is below the noise of cross-validation: after 20
        trials, when the regret (``regret_``) was negligible after each of the last three.
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
    knowledge : "auto", Knowledge, str, os.PathLike or None, default="auto"
        Results of searches on other data sets: eight candidates that did well there are among
        the first 16 trials. "auto" takes the knowledge that comes with skhyper for the
        estimator and the score, if there is any (see the user guide); a file, or what
        :func:`skhyper.knowledge.learn` returned, is that of your own searches. Not with
        `initial_points`.
    random_state : int, RandomState instance or None, default=None
        Seed. The same seed and the same `n_points` give the same trials, with any number
        of workers. With None, each proposal is made as soon as a worker is free, from all results
        so far.
    fit_params : dict, default=None
        For code written for scikit-optimize: metadata for ``fit``; better passed to ``fit``.
    iid : object, default="deprecated"
        For code written for scikit-optimize; ignored.
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
    space_ : Space
        The search space.
    sampler_ : Sampler
        The sampler that proposed the candidates.
    n_trials_ : int
        Number of trials, including those it started from.
    stop_reason_ : str
        Why the search ended.
    reuse_ : Reuse
        Counts of shared fits: fits needed, fits made, seconds saved, and reasons why estimators
        were not shared.
    regret_ : Regret
        The regret of the best candidate: an upper bound of how much better another candidate
        could be (``bound``), the noise of cross-validation (``noise``), and whether the bound is
        below the noise (``negligible``). Computed on first access; ``regrets()`` returns it after
        each trial.
    knowledge_ : list of dict
        First candidates, suggested by `knowledge`, with attributes ``source`` (a
        file), ``data_sets`` and ``reason`` (why there are none). If the last step of a pipeline is
        searched, ``branches`` has pairs of what a branch fixes and such a list.
    optimizer_results_ : list of OptimizeResult
        The trials in the format of scikit-optimize and its plots: ``x``, ``fun``, ``x_iters``,
        ``func_vals``, ``space``, ``models``, ``specs``, ``random_state``. Values are in the order
        of the sorted names, nan or None where inactive. Trials outside of the space are omitted.
        With ``(dict, n_iter)`` pairs there is one result for each sub-space.
    oof_predictions_ : OutOfFoldPredictions
        Out-of-fold predictions of the best candidate, and of others by ``of(index)``; with `keep`.
    fold_models_ : list of estimator
        The models of the best candidate, one for each fold; with `keep`.
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, \
n_splits_, refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in :class:`sklearn.model_selection.GridSearchCV`.

    See Also
    --------
    SearchCV : The same with any sampler, or an explicit list of candidates.

    Notes
    -----
    The surrogate is a Gaussian process with a Matérn 5/2 kernel and one length-scale for
    each dimension; the next candidate maximizes the expected improvement.

    With several metrics the one named by `refit` is optimized, and the first one if `refit`
    is False or a callable.

    After Ctrl-C, and after an error with ``error_score="raise"``, all finished trials are kept in
    ``history_``, ``cv_results_`` and ``best_params_``; ``warm_start=True`` resumes from them.

    References
    ----------
    Snoek, Larochelle and Adams (2012), "Practical Bayesian optimization of machine learning
    algorithms", arXiv:1206.2944. Lee, Perrone, Archambeau and Seeger (2020), arXiv:2003.10870
    (for `max_time`). Makarova et al. (2022), arXiv:2104.08166 (for `early_stopping`).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import BayesSearchCV
    >>> from skhyper.space import When
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {
    ...     "kernel": ["linear", "rbf"],
    ...     "C": (1e-2, 1e3, "log-uniform"),
    ...     "gamma": When((1e-4, 1e1, "log-uniform"), kernel="rbf"),
    ... }
    >>> search = BayesSearchCV(SVC(), space, n_iter=12, random_state=0).fit(X, y)
    >>> search.n_trials_
    12
    >>> bool(search.best_score_ >= 0.97)
    True
    """

    def __init__(
        self,
        estimator: Any,
        search_spaces: Any = None,
        *,
        n_iter: int | None = 50,
        use_gradients: bool = False,
        optimizer_kwargs: dict[str, Any] | None = None,
        initial_points: Any = None,
        include_default: bool | None = None,
        constraint: Callable[[dict[str, Any]], bool] | None = None,
        max_time: float | None = None,
        fit_timeout: float | None = None,
        memory_limit: int | None = None,
        reuse: str | int | ReuseOptions | None = "auto",
        racing: bool | Racer = False,
        early_stopping: bool = False,
        n_points: int | None = None,
        allow_repeats: bool = False,
        warm_start: bool = False,
        history: History | None = None,
        journal: str | os.PathLike | None = None,
        knowledge: Any = "auto",
        scoring: Any = None,
        fit_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        iid: Any = "deprecated",
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
        "optimizer_kwargs": [dict, None],
        "use_gradients": ["boolean"],
        "early_stopping": ["boolean"],
        "fit_params": [dict, None],
        "knowledge": [Knowledge, str, os.PathLike, None],
        "iid": "no_validation",
    }

    _fit_options: ClassVar[tuple[str, ...]] = ("callback",)

    def _plan(self, task: Task) -> Plan:
        seed = seed_of(self)
        sampler = self._sampler()
        callbacks = check_callables("callback", task.options.get("callback"))
        plan = sampled_plan(self, task, sampler, seed, follows=not self.use_gradients)
        sampler = plan.attributes["sampler_"]
        warn_about_pairs(self.search_spaces)
        suggested = Suggestions(reason="scikit-optimize's optimizer makes the proposals")
        if isinstance(sampler, GPSampler):
            sampler.starts, suggested = known_starts(self, task, plan)
        plan = replace(plan, attributes={**plan.attributes, "knowledge_": suggested})
        if self.use_gradients:
            plan = replace(plan, wrap_objective=self._wrapper(task, plan.space), shares_fits=False)
        if callbacks:

            def on_trial_end(search: Any, history: History, trial: Trial) -> bool:
                result = skopt_result(history, plan.space, sampler, with_outside=True)
                return any([bool(callback(result)) for callback in callbacks])

            plan = replace(plan, callbacks=(on_trial_end,))
        return plan

    def _sampler(self) -> Sampler:
        kwargs = dict(self.optimizer_kwargs or {})
        if not all(isinstance(name, str) for name in kwargs):
            raise TypeError(f"optimizer_kwargs must have str as keys, got {kwargs!r}.")
        surrogate = kwargs.get("base_estimator", "GP")
        if set(kwargs) <= _OWN_KEYWORDS and str(surrogate).upper() == "GP":
            n_initial = kwargs.get("n_initial_points", kwargs.get("n_random_starts"))
            return GPSampler(
                n_initial_points=n_initial,
                use_gradients=self.use_gradients,
                max_time=self._working_time(),
                early_stopping=self.early_stopping,
            )
        for name in ("use_gradients", "early_stopping", "knowledge"):
            if getattr(self, name) not in (False, None, "auto"):
                what = name.removeprefix("use_").replace("_", " ")
                raise InvalidSpaceError(f"scikit-optimize's optimizer does not support {what}.")
        return SkoptSampler(**kwargs)

    def _working_time(self) -> float | None:
        """Total seconds of all trials, over all workers."""
        return self.max_time and self.max_time * joblib.effective_n_jobs(self.n_jobs)

    def _wrapper(self, task: Task, space: Space) -> Callable[[Objective], Any]:
        """A function that adds derivatives to the objective, if the score has them."""
        # Lazy import: derivatives take longer to import than all else.
        from skhyper.evaluation import GradientObjective
        from skhyper.search._derivatives import criterion_and_names

        criterion, names = criterion_and_names(
            self.estimator, space, task.scorers, task.refit_metric
        )
        if criterion.exact:
            return lambda objective: GradientObjective.of(objective, criterion, names)
        warn(
            f"use_gradients: the score is not differentiable (only its surrogate is: "
            f"{criterion.description}); the Gaussian process is fitted to values only."
        )
        return lambda objective: objective

    @property
    def regret_(self) -> Regret:
        check_is_fitted(self, "history_")
        made = self.__dict__.get("_last_regret", (None, None))
        if made[0] is not self.history_:
            made = self._last_regret = (self.history_, self._regret(self.n_trials_))
        return made[1]

    def regrets(self) -> list[Regret]:
        """The regret after each trial; fits a Gaussian process for each of them.

        Returns
        -------
        regrets : list of Regret
            As ``regret_``; the bound is nan before 10 trials.
        """
        check_is_fitted(self, "history_")
        return [self._regret(n) for n in range(1, self.n_trials_ + 1)]

    def _regret(self, n_trials: int) -> Regret:
        if not isinstance(self.sampler_, GPSampler):
            raise AttributeError(f"{self.sampler_!r} does not compute a bound of the regret.")
        return self.sampler_.regret(self.space_, self._seen(n_trials))

    def _seen(self, n_trials: int) -> History:
        """The first trials, without the estimator's own values if they lie outside the space."""
        outside = {params_key(params) for params in self._outside}
        trials = self.history_.trials[:n_trials]
        seen = tuple(trial for trial in trials if params_key(trial.params) not in outside)
        return replace(self.history_, trials=seen)

    @property
    def optimizer_results_(self) -> list[OptimizeResult]:
        check_is_fitted(self, "history_")
        space, seen = self.space_, self._seen(self.n_trials_)
        parts = [space]
        if any(budget is not None for budget in space.budgets):  # of (dict, n_iter) pairs
            parts = [space.restrict(i) for i in range(space.n_subspaces)]
        return [skopt_result(seen, part, self.sampler_) for part in parts]

    @property
    def total_iterations(self) -> float:
        """Number of trials of one fit; ``inf`` if only `max_time` limits it."""
        spaces = given_spaces(self.search_spaces, self.estimator)
        space = check_space(spaces, self.constraint)
        return sum(n for _, n in phases(space, self.n_iter, self.max_time))
