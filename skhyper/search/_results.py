"""The attributes of a search that ``fit`` sets: trials, table of results, best candidate, refit."""

import copy
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._readonly import with_protected
from skhyper._sklearn import (
    MultimetricScorer,
    insert_error_scores,
    warn_or_raise_about_fit_failures,
)
from skhyper._trial import History, StopReason, TrialState
from skhyper.evaluation import tabulated, with_missing_folds
from skhyper.search._fold_scores import metric_of, metrics_in
from skhyper.search._plan import Plan
from skhyper.search._rules import refit_rule
from skhyper.search._scoring import warn_or_raise_about_scores
from skhyper.search._task import Task
from skhyper.search._validate import warn_about_gradients
from skhyper.search._warnings import warn

# Attributes computed from the trials, and those added by a refit.
RESULTS_OF_TRIALS = (
    "best_index_",
    "best_params_",
    "best_score_",
    "cv_results_",
    "oof_predictions_",
)
RESULTS_OF_REFIT = (
    "best_estimator_",
    "fold_models_",
    "multimetric_",
    "refit_time_",
    "scorer_",
)
RESULTS = (*RESULTS_OF_TRIALS, *RESULTS_OF_REFIT)


def forget_results(search: Any, keep: tuple[str, ...] = ()) -> None:
    """Remove the results of an earlier fit, which would otherwise remain after an error."""
    for name in set(RESULTS) - set(keep):
        vars(search).pop(name, None)


def store_plan(search: Any, plan: Plan, base: History) -> None:
    """Store attributes that callbacks may read during the search."""
    search.space_ = plan.space
    search.n_splits_ = len(base.splits)
    vars(search).update(plan.attributes)


def store_trials(search: Any, plan: Plan, history: History, stop_reason: StopReason) -> None:
    """Store the finished trials, and remove the results of an earlier fit."""
    search.history_ = _ended(history)
    search.n_trials_ = len(search.history_)
    search.stop_reason_ = stop_reason
    vars(search).pop("_is_running", None)
    vars(search).update(plan.attributes_after())
    forget_results(search)


def _ended(history: History) -> History:
    """The trials that have ended, numbered in order."""
    done = [trial for trial in history if trial.state != "running"]
    trials = tuple(replace(trial, number=number) for number, trial in enumerate(done))
    return replace(history, trials=trials)


def renew_results(search: Any, history: History, trial: Any) -> bool:
    """Hook after a trial: results are computed again when a callback reads them."""
    forget_results(search)
    search._is_running = True
    return False


def results_so_far(search: Any) -> dict[str, Any]:
    """Results of the trials that have ended, while the search runs."""
    snapshot = copy.copy(search)
    snapshot._is_running = False
    snapshot.history_ = _ended(search.history_)
    store_partial_results(snapshot)
    return {name: vars(snapshot)[name] for name in RESULTS_OF_TRIALS if name in vars(snapshot)}


def store_results(search: Any, task: Task, plan: Plan) -> None:
    """Store ``cv_results_`` and the best candidate; give the warnings about the search.

    Raises if no fit or no score succeeded.
    """
    history = search.history_
    folds = [fold for trial in history for fold in trial.folds]
    if not folds and search.stop_reason_.kind == "max_time":
        raise ValueError(f"No trial was completed: {search.stop_reason_}. Increase max_time.")
    if not folds:
        raise ValueError(
            "No fits were performed. Was the CV iterator empty? Were there no candidates? "
            f"The search ended because {search.stop_reason_}."
        )
    warn_or_raise_about_fit_failures(folds, search.error_score)
    if not search._is_sklearn_search:
        gave_up = search.stop_reason_.kind == "failures"
        warn_or_raise_about_scores(history, search.error_score, gave_up)
    warn_about_gradients(history)
    _store_table(search, plan.selection_losses)
    _store_best(search, task)
    _warn_about_stopped_best(search)
    for finding in plan.findings(history, search.stop_reason_):
        warn(*finding)
    vars(search).update(plan.attributes_after())


def store_partial_results(
    search: Any, selection_losses: Callable[[History], np.ndarray | None] = lambda history: None
) -> None:
    """Store results after an interruption, without a refit and without warnings."""
    history = search.history_
    if not len(history):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses = _store_table(search, selection_losses)
    losses = history.losses if losses is None else losses
    if not np.all(np.isnan(losses)):
        search.best_index_ = int(np.nanargmin(losses))
        best = history[search.best_index_]
        search.best_params_, search.best_score_ = dict(best.params), -best.loss


def _store_table(search: Any, selection_losses: Callable) -> np.ndarray | None:
    """Store ``cv_results_``; returns the losses that select the best candidate, if any."""
    history, n_splits = search.history_, len(search.history_.splits)
    out = [tabulated(fold) for trial in history for fold in trial.folds]
    if callable(search.scoring) and any(isinstance(o["test_scores"], dict) for o in out):
        insert_error_scores(out, search.error_score)
    params = [dict(trial.params) for trial in history]
    with warnings.catch_warnings():
        if len(out) < len(params) * n_splits:  # the mean of a stopped trial is nan
            warnings.filterwarnings("ignore", "One or more of the", UserWarning)
            out = with_missing_folds(out, history)
        results = search._format_results(params, n_splits, out)
    losses: np.ndarray | None = selection_losses(history)
    search.cv_results_ = results if losses is None else results | {"penalized_loss": losses}
    return losses


def _store_best(search: Any, task: Task) -> None:
    """Store the scorers and, unless there are several metrics and no refit, the best candidate."""
    found = scoring_attributes(search, task)
    vars(search).update(found)
    if search.refit or not found["multimetric_"]:
        vars(search).update(best_candidate(search, task))


def _warn_about_stopped_best(search: Any) -> None:
    """Warn if `refit` has selected a candidate that was stopped, as ``argmax`` does of nan."""
    best = search.history_[search.best_index_] if hasattr(search, "best_index_") else None
    if best is not None and best.state == TrialState.STOPPED:
        warn(
            f"refit={search.refit!r} selected candidate {best.number}, which was stopped after "
            f"{len(best.folds)} of {len(best.scores)} folds. The means of stopped candidates are "
            "nan: ignore them, for example with numpy.nanargmax."
        )


def scoring_attributes(search: Any, task: Task) -> dict[str, Any]:
    """``multimetric_`` and ``scorer_``; the number of metrics is known only from scores."""
    outcomes = (fold["test_scores"] for trial in search.history_ for fold in trial.folds)
    dicts = [scores for scores in outcomes if isinstance(scores, dict)]
    if callable(search.scoring) and dicts:
        search._check_refit_for_multimetric(dicts[0])
    scorers = task.scorers
    return {
        "multimetric_": bool(dicts),
        "scorer_": scorers._scorers if isinstance(scorers, MultimetricScorer) else scorers,
    }


def best_candidate(search: Any, task: Task, index: int | None = None) -> dict[str, Any]:
    """``best_index_``, ``best_params_`` and ``best_score_`` of the candidate at `index`.

    None selects it by the rule that `refit` names, by the plan's losses, or as scikit-learn does.
    Another callable `refit` selects without a score.
    """
    results, rule = search.cv_results_, refit_rule(search)
    if rule is not None:
        metric: str | None = metric_of(results, rule.metric)
    else:
        metric = None if callable(search.refit) else _metric(search, results)
    losses = results.get("penalized_loss")
    if index is None and rule is not None:
        index = rule.select(results, search.history_.splits)
    elif index is None and (losses is None or metric is None or np.all(np.isnan(losses))):
        index = search._select_best_index(search.refit, metric, results)
    elif index is None:
        index = int(np.nanargmin(losses))
    best = {"best_index_": index, "best_params_": results["params"][index]}
    return best if metric is None else best | {"best_score_": results[f"mean_test_{metric}"][index]}


def _metric(search: Any, results: Mapping[str, Any]) -> str:
    """Name in ``cv_results_`` of the optimized metric: that of `refit`, or the first."""
    names = metrics_in(results)
    if names == ["score"] or not isinstance(search.refit, str):
        return names[0]
    if search.refit not in names:
        raise ValueError(f"refit must be one of the metrics {names}; got {search.refit!r}.")
    return search.refit


def refit(search: Any, task: Task, root: Any) -> None:
    """Fit the best candidate to all data, unless `refit` is False."""
    if search.refit:
        names = ("best_index_", "best_params_", "best_score_")
        fit_candidate(search, task, root, {n: vars(search)[n] for n in names if n in vars(search)})


def fit_candidate(search: Any, task: Task, root: Any, chosen: Mapping[str, Any]) -> None:
    """Fit the candidate ``chosen["best_params_"]`` to all data; then store `chosen` and the model.

    Nothing is stored if the fit fails or is interrupted.
    """
    # Values are cloned, too: they may be estimators, such as steps of a pipeline.
    best = clone(task.estimator).set_params(**clone(chosen["best_params_"], safe=False))
    context = root.subcontext(task_name="refit-with-best-params")
    with context.propagate_callback_context(best):
        context.call_on_fit_task_begin(estimator=search, **task.seen)
        start = time.time()
        # Steps that work in place must not change the user's data.
        data = (task.X,) if task.y is None else (task.X, task.y)
        with_protected(partial(best.fit, **task.fit_params), *data)
        found = {**chosen, "best_estimator_": best, "refit_time_": time.time() - start}
    if hasattr(best, "feature_names_in_"):
        found["feature_names_in_"] = best.feature_names_in_
    for name in {"feature_names_in_", "best_score_"} & set(vars(search)):
        if name not in found:
            delattr(search, name)
    vars(search).update(found)
    context.call_on_fit_task_end(estimator=search, **task.seen)
