"""The parameter `reuse` of a search: which objective it runs, and what is printed of it."""

from collections.abc import Mapping
from typing import Any

import joblib

from skhyper._sklearn import has_callbacks_for_steps
from skhyper.evaluation import Objective
from skhyper.evaluation._memory import KEPT_SHARE
from skhyper.evaluation._recurrence import Recurrence
from skhyper.search._plan import Plan


def with_reuse(search: Any, plan: Plan, objective: Any) -> tuple[Any, Mapping[str, str]]:
    """The objective whose candidates share steps, if they can; else itself, and why not.

    Keys are names of steps; the empty one is that of the whole estimator.
    """
    if type(objective) is not Objective:
        return objective, {"": "the search by gradients keeps what it needs itself"}
    if search.reuse is None or search.reuse is False:
        return objective, {"": "reuse is off"}
    estimator = objective.estimator
    kind = type(estimator)
    if kind.__module__ != "sklearn.pipeline" or kind.__name__ != "Pipeline":
        return objective, {"": "it is not a scikit-learn Pipeline"}
    if estimator.memory is not None:
        return objective, {"": "it has a memory of its own"}
    if has_callbacks_for_steps(search):
        return objective, {"": "callbacks observe the fits of its steps"}
    # Lazy imports: searches of other estimators need none of it.
    from skhyper.evaluation._reusing_objective import ReusingObjective
    from skhyper.evaluation._steps import steps_of

    recurrence = _recurrence(plan)
    steps = steps_of(estimator, recurrence)
    replaced = recurrence.varying & set(estimator.get_params(deep=True)) & _paths(estimator)
    if not replaced and not any(step.has_keys for step in steps.values()):
        return objective, dict(reason for step in steps.values() for reason in step.reasons())
    n_workers = joblib.effective_n_jobs(search.n_jobs)
    return ReusingObjective.of(objective, recurrence, _limit(search, n_workers), n_workers), {}


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
    is_auto = search.reuse is True or search.reuse == "auto"
    limit = None if is_auto else int(search.reuse)
    if search.memory_limit is None:
        return limit
    of_workers = int(KEPT_SHARE * search.memory_limit) * n_workers
    return of_workers if limit is None else min(limit, of_workers)


def print_reuse(search: Any) -> None:
    """Print what was shared, with ``verbose=1`` or more."""
    reuse = search.reuse_
    if search.verbose > 0 and reuse.fits_made < reuse.fits_asked:
        print(reuse)  # noqa: T201
