"""The trials of a search: the evaluator runs its plan."""

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skhyper._sklearn import n_samples
from skhyper._trial import History, StopReason
from skhyper.evaluation import (
    Budget,
    Evaluator,
    FailureWatch,
    FitGroups,
    FoldCallbacks,
    Journal,
    Limits,
    Observer,
    Reuse,
    ReuseCounter,
    SharingPool,
    TrialCallbacks,
    interruption_name,
    journaled_pool,
    make_pool,
)
from skhyper.search._interrupts import STOPPED, stop_callbacks, stops
from skhyper.search._kept import model_observer, store_predictions
from skhyper.search._plan import Plan
from skhyper.search._progress import TrialLines, opening_line, print_fold, racing_line
from skhyper.search._results import renew_results, store_partial_results, store_trials
from skhyper.search._resume import Start
from skhyper.search._reuse import fit_groups, print_reuse, with_reuse
from skhyper.search._task import Task, pick_score


def run(
    search: Any, task: Task, plan: Plan, start: Start, root: Any, journal: Journal | None
) -> Callable[[int], dict[int, Any]]:
    """Run the trials and store them, even after an interruption or an error.

    `start` has the trials to start from, the folds and the seed; `root` is the callback context of
    ``fit``. Returns a function from a row of ``cv_results_`` to the models that were kept of it.
    """
    objective = plan.wrap_objective(task.objective(search, list(start.history.splits)))
    groups, why_single = fit_groups(search, plan, task.estimator, start)
    objective, why_not = with_reuse(search, plan, objective, groups)
    counter = ReuseCounter({**why_not, **why_single})
    models = model_observer(search, plan, min(start.resumed.folds, default=len(start.history)))
    first = (counter, models) if search.keep else (counter,)
    evaluator, context = _evaluator(
        search, task, plan, start, root, journal, objective, groups, first
    )
    callbacks = stop_callbacks(search)
    try:
        evaluator.run()
        interrupted = any([callback.end_trials() for callback in callbacks])
        reason: StopReason | None = evaluator.stop_reason
        if interrupted and evaluator.stop_reason.kind == "callback":
            reason = STOPPED
    except BaseException as error:
        reason = stops(callbacks, error, evaluator.history)
        if reason is None:
            reason = StopReason(f"interrupted by {interruption_name(error)}", "interrupted")
            store_trials(search, plan, evaluator.history, reason)
            store_partial_results(search, plan.selection_losses)
            store_predictions(search, task)
            raise
    finally:
        objective.free()  # before the refit
        if groups is not None:
            counter.add(Reuse(why_not=groups.why_not))  # also of candidates proposed meanwhile
        search.reuse_ = counter.total
        if journal is not None:
            journal.close()
    store_trials(search, plan, evaluator.history, reason)
    if search.verbose > 0 and plan.racer is not None and len(search.history_):
        print(racing_line(search.history_))  # noqa: T201
    print_reuse(search)
    context.call_on_fit_task_end(estimator=search)
    numbers = [trial.number for trial in evaluator.history if trial.state != "running"]
    return lambda row: models.of(numbers[row])


def _evaluator(
    search: Any,
    task: Task,
    plan: Plan,
    start: Start,
    root: Any,
    journal: Journal | None,
    objective: Any,
    groups: FitGroups | None,
    first: tuple[Observer, ...],
) -> tuple[Evaluator, Any]:
    """The evaluator, and the callback context of its trials."""
    base, running = start.history, start.resumed.folds
    candidates, n_splits = plan.candidates, len(base.splits)
    proposed = [trial.number for trial in base if not trial.shared]
    n = candidates.n_candidates + len(running.keys() & set(proposed))
    if search.verbose > 0:
        print(opening_line(n_splits, n, plan.max_time, plan.racer is not None))  # noqa: T201
    limits = Limits(search.fit_timeout, search.memory_limit)
    pool = make_pool(objective, search.n_jobs, search.pre_dispatch, limits)
    n_folds = None if math.isinf(n) or candidates.has_followers else n * n_splits
    context = root.subcontext(
        task_name="search", max_subtasks=n_folds, sequential_subtasks=False
    ).call_on_fit_task_begin(estimator=search)
    pick = pick_score(search)
    # The first ones remove their entries of results before the journal writes them.
    observers: list[Observer] = [*first] if journal is None else [*first, journal]
    if journal is not None:
        pool = journaled_pool(pool, objective, journal, start.n_deaths)
        journal.resume(running)
    if groups is not None:
        pool = SharingPool(pool, groups, partial(print_fold, search.verbose, n_splits))
        observers.append(groups)
    caller = _caller(search, pool.n_workers)
    if caller is not None:
        observers.append(FoldCallbacks(search, caller, context, n_splits))
    # With verbose >= 2 scikit-learn prints its own lines.
    if search.verbose == 1 and not search._is_sklearn_search:
        observers.append(TrialLines(len(proposed) + candidates.n_candidates))
    observers.append(TrialCallbacks(search, (renew_results, *plan.callbacks)))
    if not candidates.known_ahead:
        ended = [trial for trial in base if trial.number not in running]
        observers.append(FailureWatch(pick, ended))
    observers += plan.observers
    n_parallel = plan.n_parallel or math.ceil(pool.n_workers / n_splits)
    budget = Budget(plan.max_time, n_parallel, plan.ordered, _refit_scale(search, task, base))
    loop = Evaluator(candidates, pool, base, budget, plan.racer, observers, pick, start.resumed)
    return loop, context


def _refit_scale(search: Any, task: Task, base: History) -> float:
    """Number of all samples relative to those of a fold's fit; 0 without a refit."""
    if not search.refit or not base.splits:
        return 0.0
    n = n_samples(task.X)
    return n / max(1, len(np.arange(n)[base.splits[0][0]]))


def _caller(search: Any, n_workers: int) -> Any:
    """The `caller` passed to scikit-learn's callbacks; None without callbacks.

    It is sent with each job, to other workers without trials and results.
    """
    listeners = [*getattr(search, "_skl_callbacks", [])]
    listeners += getattr(search.estimator, "_skl_callbacks", [])
    if not listeners:
        return None
    if n_workers == 1:
        return search
    light = copy.copy(search)
    for name in ("history_", "history", "space_", "cv_results_", "_is_running"):
        light.__dict__.pop(name, None)
    return light
