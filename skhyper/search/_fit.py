"""The steps of every ``fit``: task, plan, starting history, trials, results, refit.

Each step is a function in a separate module: ``_task``, ``_plan``, ``_resume``, ``_run`` and
``_results``. A search class implements one method, ``_plan``.
"""

import numbers
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from skhyper._sklearn import CallbackSearchCV, Interval, StrOptions, fit_context
from skhyper._trial import StopReason
from skhyper.evaluation import opened_journal
from skhyper.reuse import ReuseOptions
from skhyper.search._after import AfterSearch
from skhyper.search._display import Displayed
from skhyper.search._fold_scores import history_from_table, optimized_of
from skhyper.search._interrupts import interruptions_stored
from skhyper.search._kept import check_keep, store_kept
from skhyper.search._plan import Plan
from skhyper.search._refit import Refittable
from skhyper.search._results import refit, store_plan, store_results
from skhyper.search._resume import starting_history
from skhyper.search._run import run
from skhyper.search._task import Task, make_task
from skhyper.search._tools import (
    mlflow_run,
    overrides_run_search,
    register_for_onnx,
    replaced_fit,
)
from skhyper.search._warnings import warn
from skhyper.space import Space

# Valid values of the limits of time and memory, which every search class has.
BUDGET_CONSTRAINTS = {
    "max_time": [Interval(numbers.Real, 0, None, closed="neither"), None],
    "fit_timeout": [Interval(numbers.Real, 0, None, closed="neither"), None],
    "memory_limit": [Interval(numbers.Integral, 1, None, closed="left"), None],
}
# What the searches may keep of their folds.
KEEP_CONSTRAINTS = {"keep": [str, tuple, list, None]}
REUSE_CONSTRAINTS = {
    "reuse": [
        StrOptions({"auto", "tolerance"}),
        "boolean",
        Interval(numbers.Integral, 1, None, closed="left"),
        ReuseOptions,
        None,
    ]
}


def shares_fits(reuse: Any) -> bool:
    """Whether the parameter `reuse` of a search is on."""
    return reuse is not None and reuse is not False


class BaseSearch(Displayed, Refittable, AfterSearch, CallbackSearchCV):
    """Base class of searches: scikit-learn's ``BaseSearchCV`` with a different evaluation loop."""

    # Whether output, errors and warnings equal those of scikit-learn's searches: no line for each
    # trial, and no stop if all trials fail with the same error.
    _is_sklearn_search: ClassVar[bool] = False
    # Arguments of ``fit`` that are not metadata; the plan uses them.
    _fit_options: ClassVar[tuple[str, ...]] = ()
    keep: Any = None  # a parameter of our own classes

    @abstractmethod
    def _plan(self, task: Task) -> Plan:
        """The plan of the search; raises if arguments of the search are invalid."""

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, and refit the best candidate on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
            Training data; a kernel or distance matrix where the estimator takes one.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target; None for unsupervised learning.
        **params : dict
            Metadata for the estimator's ``fit``, the scorer and the splitter. Array-likes
            of length n_samples are split with the folds.

        Returns
        -------
        self : object

        Raises
        ------
        InvalidSpaceError
            If the search space is invalid; raised before any model is trained.
        ValueError
            If every fit failed.
        """
        register_for_onnx(type(self))
        replaced = replaced_fit(self)
        if replaced is not None:
            self._warn_about_ignored_parameters()
            replaced(self, X, y, **params)
            if overrides_run_search(self):
                self._take_table(self.cv_results_)
            return self
        with interruptions_stored(self), mlflow_run(self):
            self._search(X, y, params)
        return self

    def _search(self, X: Any, y: Any, params: Mapping[str, Any]) -> None:
        check_keep(self.keep)
        task = make_task(self, X, y, params)
        plan = self._plan(task)
        n_steps = 1 + (self.refit is not False)
        with opened_journal(plan.journal, warn) as journal:
            start = starting_history(self, task, plan, journal)
            store_plan(self, plan, start.history)
            with task.callback_context(self, n_steps) as context:
                models_of = run(self, task, plan, start, context, journal)
                store_results(self, task, plan)
                store_kept(self, task, models_of)
                refit(self, task, context)

    def _warn_about_ignored_parameters(self) -> None:
        names = (*BUDGET_CONSTRAINTS, "racing", "journal", "keep")
        ignored = [name for name in names if getattr(self, name) not in (None, False)]
        if ignored:
            warn(
                f"{', '.join(ignored)}: ignored, because a tool such as MLflow's autologging has "
                "replaced fit by scikit-learn's, or the class overrides _run_search."
            )

    def _take_table(self, results: Mapping[str, Any], space: Space | None = None) -> None:
        """Store the trials of a search that scikit-learn's ``fit`` has run."""
        self.space_ = space
        self.history_ = history_from_table(results, optimized_of(self, results))
        self.n_trials_ = len(self.history_)
        self.stop_reason_ = StopReason("every candidate was tried", "candidates")

    def _store_arguments(self, arguments: Mapping[str, Any]) -> None:
        """Store the arguments of ``__init__``, given as its ``locals()``, as attributes."""
        CallbackSearchCV.__init__(self, arguments["estimator"])
        own = {name: value for name, value in arguments.items() if name != "self"}
        vars(self).update(own)
