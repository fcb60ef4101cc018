"""The history that a search starts from: folds, seed, and valid earlier trials."""

from dataclasses import replace
from typing import Any

from sklearn.base import is_classifier
from sklearn.model_selection import check_cv

from skhyper._identity import digest, splitter_digest
from skhyper._trial import History
from skhyper.evaluation import Journal, finished_trial, setting_key
from skhyper.exceptions import HistoryMismatchWarning
from skhyper.search._folds import drawn_folds
from skhyper.search._plan import Plan
from skhyper.search._scoring import check_fit_metadata
from skhyper.search._task import Task, pick_score
from skhyper.search._validate import is_own
from skhyper.search._warnings import warn
from skhyper.space import Space

__all__ = ["starting_history"]


def starting_history(search: Any, task: Task, plan: Plan) -> History:
    """Folds, seed and fingerprint of a search, with its valid earlier trials.

    The candidates of the plan are informed of these trials.
    """
    names = plan.space.names if plan.space else ()
    check_fit_metadata(task.estimator, task.fit_params, names)
    cv = check_cv(search.cv, task.y, classifier=is_classifier(search.estimator))
    fingerprint = _fingerprint(search, task, cv)
    last = search.history_ if plan.warm_start and hasattr(search, "history_") else None
    given, n_made = _given(plan, last, fingerprint), 0
    if plan.journal is not None:
        given, n_made = _with_journal(plan.journal, given, last, fingerprint)
    if given is None:
        splits = drawn_folds(search.cv, cv, task.X, task.y, task.split_params)
        return History((), plan.seed, fingerprint, tuple(splits))
    if plan.space is not None:
        _warn_about_unlocated(given, plan.space, search.estimator)
    plan.candidates.start_from(given, n_made)
    # `refit` may name another metric than in the earlier search.
    pick = pick_score(search)
    return replace(given, trials=tuple(finished_trial(t, t.folds, pick) for t in given))


def _fingerprint(search: Any, task: Task, cv: Any) -> str:
    """Digest of everything that trials depend on, except their params."""
    metadata = (task.fit_params, task.split_params, task.score_params)
    return digest(
        [
            task.X,
            task.y,
            task.estimator,
            splitter_digest(cv),
            search.scoring,
            search.return_train_score,
            *map(dict, metadata),
        ]
    )


def _given(plan: Plan, last: History | None, fingerprint: str) -> History | None:
    """Valid trials of `history` and of the last fit; None without any."""
    given = [history for history in (plan.history, last) if history is not None]
    valid = [history for history in given if history.fingerprint == fingerprint]
    if len(valid) < len(given):
        warn(
            "Earlier trials are not used: they were made on other data, folds or scoring, "
            "or with another estimator.",
            HistoryMismatchWarning,
        )
    if not valid:
        return None
    # The last fit may already contain the trials of `history`.
    return replace(_merged(valid[-1], valid[0]), seed=plan.seed)


def _with_journal(
    path: Any, given: History | None, last: History | None, fingerprint: str
) -> tuple[History | None, int]:
    """Trials, including those in the journal, and the number of these that this search has made.

    Trials of a killed search count; those of the last fit (`warm_start`) do not.
    """
    known = Journal(path).read()
    if known is None:
        return given, 0
    history, n_made = known
    if history.fingerprint != fingerprint:
        raise ValueError(
            f"The journal {str(path)!r} is of a search on other data, folds or "
            "scoring, or with another estimator. Name another file, or delete it to start "
            "anew."
        )
    if last is not None:
        n_made = max(0, len(history) - len(last))
    return history if given is None else _merged(history, given), n_made


def _merged(history: History, other: History) -> History:
    """`history` extended by the trials that only `other` has."""
    known = {setting_key(trial.params) for trial in history}
    new = [trial for trial in other if setting_key(trial.params) not in known]
    trials = [replace(t, number=i) for i, t in enumerate([*history, *new])]
    return replace(history, trials=tuple(trials))


def _warn_about_unlocated(earlier: History, space: Space, estimator: Any) -> None:
    own = estimator.get_params(deep=True)
    lost = [t for t in earlier if space.locate(t.params) is None and not is_own(t.params, own)]
    if lost:
        warn(
            f"{len(lost)} of {len(earlier)} earlier trials lie outside the search space and are "
            f"ignored by the sampler, such as {dict(lost[0].params)!r}; they are kept in history_ "
            "and cv_results_."
        )
