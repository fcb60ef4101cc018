"""The parameter `reuse` of a search: the objective that it runs, and its line of output."""

from collections.abc import Mapping
from typing import Any

import joblib

from skhyper._sklearn import has_callbacks_for_steps
from skhyper.evaluation import FitGroups, Objective, SharedFits, with_listener
from skhyper.evaluation._memory import KEPT_SHARE
from skhyper.evaluation._recurrence import Recurrence
from skhyper.reuse import ReuseOptions, shared_fit
from skhyper.search._plan import Plan
from skhyper.search._resume import Start

_LIMITED = "fit_timeout and memory_limit apply to single fits"
_CHOSEN = "an evaluation set or callbacks may choose the number of rounds of each fit"
_NO_RULE = (
    "candidates do not differ in a hyperparameter whose values can share fits, and the estimator "
    "is not a scikit-learn Pipeline"
)


def reuse_options(reuse: Any) -> ReuseOptions:
    """The limits that the parameter `reuse` of a search stands for."""
    if isinstance(reuse, ReuseOptions):
        return reuse
    is_auto = reuse is None or isinstance(reuse, bool | str)
    return ReuseOptions(None if is_auto else int(reuse), tolerance=reuse == "tolerance")


def fit_groups(
    search: Any, plan: Plan, estimator: Any, start: Start
) -> tuple[FitGroups | None, Mapping[str, str]]:
    """The candidates that can share whole fits, None if there are none; and why not.

    With limits of single fits nothing is shared, since the limits apply to each candidate.
    """
    if not plan.shares_fits:
        return None, {}
    tolerance = reuse_options(search.reuse).tolerance
    groups = FitGroups(estimator, plan.candidates.has_followers, tolerance)
    running = [(start.history[n].params, folds) for n, folds in start.resumed.folds.items()]
    groups.add([*(params for params, _ in running), *plan.candidates.remaining], running)
    limited = search.fit_timeout is not None or search.memory_limit is not None
    if not len(groups) and not groups.grows:
        rule = shared_fit(estimator)
        if plan.candidates.known_ahead or plan.space is None or rule is None:
            return None, groups.why_not
        if (rule := rule.along(plan.space.names)) is None:
            return None, groups.why_not
        return None, {"": rule.why_not or (_LIMITED if limited else _CHOSEN)}
    if limited:
        return None, {"": _LIMITED}
    return groups, groups.why_not


def with_reuse(
    search: Any, plan: Plan, objective: Any, groups: FitGroups | None = None
) -> tuple[Any, Mapping[str, str]]:
    """The objective whose candidates share steps, and fits of `groups`; and why not.

    Keys are names of steps; the empty one is that of the whole estimator.
    """
    if groups is None:
        return _with_shared_steps(search, plan, objective)
    objective, why_not = _with_shared_steps(search, plan, with_listener(objective))
    return SharedFits(objective), {name: why for name, why in why_not.items() if name}


def _with_shared_steps(search: Any, plan: Plan, objective: Any) -> tuple[Any, Mapping[str, str]]:
    if type(objective) is not Objective:
        return objective, {"": "gradient searches have their own caches"}
    if search.reuse is None or search.reuse is False:
        return objective, {"": "reuse is off"}
    estimator = objective.estimator
    kind = type(estimator)
    if kind.__module__ != "sklearn.pipeline" or kind.__name__ != "Pipeline":
        return objective, {"": _NO_RULE}
    if estimator.memory is not None:
        return objective, {"": "it has its own memory"}
    if has_callbacks_for_steps(search):
        return objective, {"": "callbacks observe the fits of its steps"}
    # Lazy imports: searches of other estimators do not need these modules.
    from skhyper.evaluation._reusing_objective import ReusingObjective
    from skhyper.evaluation._steps import steps_of

    recurrence = _recurrence(plan)
    steps = steps_of(estimator, recurrence)
    replaced = recurrence.varying & set(estimator.get_params(deep=True)) & _paths(estimator)
    if not replaced and not any(step.has_keys for step in steps.values()):
        return objective, dict(reason for step in steps.values() for reason in step.reasons())
    n_workers = joblib.effective_n_jobs(search.n_jobs)
    limit, directory = _limit(search, n_workers), reuse_options(search.reuse).directory
    return ReusingObjective.of(objective, recurrence, limit, n_workers, directory), {}


def _paths(estimator: Any) -> set[str]:
    """Names of the hyperparameters that are estimators, or lists or placeholders of them."""
    lists = ("steps", "transformers", "transformer_list")
    return {
        name
        for name, value in estimator.get_params(deep=True).items()
        if hasattr(value, "get_params")
        or (isinstance(value, str) and value in ("passthrough", "drop"))
        or name.rpartition("__")[2] in lists
    }


def _recurrence(plan: Plan) -> Recurrence:
    if plan.candidates.known_ahead or plan.space is None:
        return Recurrence.from_candidates(plan.candidates.listed)
    return Recurrence.from_space(plan.space, plan.candidates.n_candidates)


def _limit(search: Any, n_workers: int) -> int | None:
    """Bytes that all workers may keep; None for a share of the available memory."""
    limit = reuse_options(search.reuse).memory
    if search.memory_limit is None:
        return limit
    of_workers = int(KEPT_SHARE * search.memory_limit) * n_workers
    return of_workers if limit is None else min(limit, of_workers)


def print_reuse(search: Any) -> None:
    """Print what was shared, with ``verbose=1`` or more, and what a tolerance would share."""
    reuse = search.reuse_
    if search.verbose > 0 and reuse.fits_made < reuse.fits_asked:
        print(reuse)  # noqa: T201
    if search.verbose > 0 and 'reuse="tolerance"' in (why := reuse.why_not.get("", "")):
        print(f"Fits are not shared along a hyperparameter: {why}")  # noqa: T201
