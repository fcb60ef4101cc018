"""The history that a search starts from: folds, seed, and valid earlier trials."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv

from skhyper._sklearn import n_samples
from skhyper._splits import Splits
from skhyper._trial import History, Trial
from skhyper.evaluation import (
    Journal,
    KnownValues,
    Replay,
    Resumed,
    StoredChoice,
    encoded,
    finished_trial,
    params_key,
)
from skhyper.exceptions import HistoryMismatchWarning
from skhyper.search._folds import drawn_folds
from skhyper.search._plan import Plan
from skhyper.search._problem import PARTS, Problem, differences, known_values, versions
from skhyper.search._scoring import check_fit_metadata
from skhyper.search._task import Task, optimized_metric, pick_score
from skhyper.search._validate import is_own
from skhyper.search._warnings import warn
from skhyper.space import Space


@dataclass(frozen=True)
class Start:
    """Where a search starts.

    Attributes
    ----------
    history : History
        Earlier trials, the folds and the seed. Trials that are to be continued are running.
    resumed : Resumed
        Where an earlier process stopped.
    n_deaths : dict
        Trials that may have ended that process: from their numbers to how often they did so while
        they were retried in a separate process.
    """

    history: History
    resumed: Resumed = field(default_factory=Resumed)
    n_deaths: Mapping[int, int] = field(default_factory=dict)


def starting_history(search: Any, task: Task, plan: Plan, journal: Journal | None = None) -> Start:
    """Folds, seed and fingerprint of a search, with its valid earlier trials.

    The candidates of the plan are informed of these trials, and the journal is ready for new ones.
    """
    names = plan.space.names if plan.space else ()
    check_fit_metadata(task.estimator, task.fit_params, names)
    cv = check_cv(search.cv, task.y, classifier=is_classifier(search.estimator))
    problem = Problem(search, task, cv, plan.space)
    known = known_values(plan, task.estimator)
    last = search.history_ if plan.warm_start and hasattr(search, "history_") else None
    given = _given(plan, last, problem.fingerprint, known)
    replay = None if journal is None else journal.replay(known)
    if replay is not None:
        assert journal is not None
        _check_problem(journal, replay, problem)
        start, n_made, extra = _resumed(replay, given, last)
        made = start.history[len(start.history) - len(extra) - n_made :][:n_made]
        _check_space(journal, replay, problem, made, plan.space, search.estimator)
    else:
        start, n_made, extra = Start(given or History(seed=plan.seed)), 0, given or ()
    splits = _splits(search.cv, cv, task, start.history.splits)
    history = replace(start.history, splits=splits, fingerprint=problem.fingerprint)
    if plan.space is not None:
        _warn_about_unlocated(history, plan.space, search.estimator)
    if len(history):
        plan.candidates.start_from(history, n_made)
    start = replace(start, history=_picked(history, pick_score(search)))
    if journal is not None:
        _begin(journal, search, task, start, problem, extra)
    return start


def _picked(history: History, pick: Any) -> History:
    """The trials by the metric of this search: `refit` may name another one than before."""
    trials = [_with_metric(trial, pick) if trial.folds else trial for trial in history]
    return replace(history, trials=tuple(trials))


def _with_metric(trial: Trial, pick: Any) -> Trial:
    picked = finished_trial(trial, trial.folds, pick, trial.fold_numbers)
    if picked.state == "stopped" and np.array_equal(picked.scores, trial.scores, equal_nan=True):
        return trial  # its loss is an estimate
    return picked


def _given(
    plan: Plan, last: History | None, fingerprint: str, known: KnownValues
) -> History | None:
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
    merged, new = _merged(valid[-1], valid[0])
    trials = [t for t in (*merged, *new) if t.state != "running"]
    trials = [_looked_up(replace(t, number=i), known) for i, t in enumerate(trials)]
    return replace(merged, trials=tuple(trials), seed=plan.seed)


def _looked_up(trial: Trial, known: KnownValues) -> Trial:
    """The trial with the values of this search in place of those that a journal cannot contain."""
    if not _has_unknown(trial):
        return trial
    params = {
        name: known.find(name, value) if isinstance(value, StoredChoice) else value
        for name, value in trial.params.items()
    }
    return replace(trial, params=params)


def _has_unknown(trial: Trial) -> bool:
    return any(isinstance(value, StoredChoice) for value in trial.params.values())


def _merged(history: History, other: History) -> tuple[History, list[Trial]]:
    """`history`, and the trials that only `other` has, numbered after it."""
    known = {params_key(trial.params) for trial in history}
    new = [trial for trial in other if params_key(trial.params) not in known]
    return history, [replace(t, number=i) for i, t in enumerate(new, start=len(history))]


def _resumed(
    replay: Replay, given: History | None, last: History | None
) -> tuple[Start, int, list[Trial]]:
    """Start from a journal; number of trials that this search made; those not in the journal.

    Trials of a killed search count; those of the last fit (`warm_start`) do not, nor does their
    time.
    """
    history = replay.history()
    entries = replay.entries
    n_given = sum(entry.is_given for entry in entries.values())
    is_prefix = all(entry.is_given for entry in [*entries.values()][:n_given])
    n_made, spent = len(history) - n_given, replay.spent
    if last is not None:
        n_before = min(len(last), len(history))
        n_made, n_given = len(history) - n_before, n_before
        spent -= max((e.ended_at for e in [*entries.values()][:n_before]), default=0.0)
    extra = _merged(history, given)[1] if given is not None else []
    history = replace(history, trials=(*history, *extra))
    first_own = n_given if is_prefix and not extra else None
    folds = {number: entry.folds for number, entry in replay.unfinished().items()}
    resumed = Resumed(folds, first_own, spent)
    return (
        Start(history, resumed, {n: entries[n].n_deaths for n in replay.suspects()}),
        n_made,
        extra,
    )


def _splits(given_cv: Any, cv: Any, task: Task, earlier: Any) -> Splits:
    """The folds: those of earlier trials, or new ones."""
    if len(earlier) and not isinstance(earlier, Splits):
        return Splits(earlier, n_samples(task.X))
    if not len(earlier):
        return drawn_folds(given_cv, cv, task.X, task.y, task.split_params)
    if earlier.has_indices:
        return earlier
    again = earlier.drawn(cv, task.X, task.y, task.split_params)
    if again is None:
        raise ValueError(
            "The folds of the earlier trials cannot be reproduced: the splitter now returns other "
            "folds for the same data. Pass them as a list, cv=[(train, test), ...]."
        )
    return again


def _check_problem(journal: Journal, replay: Replay, problem: Problem) -> None:
    """Raise if the journal is of another problem; warn if it is of other versions of packages."""
    differ = differences(problem.digests, replay.header["digests"])
    if differ:
        raise ValueError(_of_another(journal, differ))


def _of_another(journal: Journal, parts: list[str]) -> str:
    *others, last = [PARTS[part] for part in parts]
    what = f"{', '.join(others)} and {last}" if others else last
    return (
        f"The journal {str(journal.path)!r} belongs to a search with {what}. Name another file, or "
        "delete it to start from scratch."
    )


def _check_space(
    journal: Journal,
    replay: Replay,
    problem: Problem,
    made: Any,
    space: Space | None,
    estimator: Any,
) -> None:
    """Raise if trials of the search lie outside of its space, which has been changed."""
    lost = [trial for trial in made if _has_unknown(trial)]
    changed = problem.with_space()["space"] != replay.header["digests"]["space"]
    if not lost and changed and space is not None:
        own = estimator.get_params(deep=True)
        lost = [t for t in made if not space.is_in_ranges(t.params) and not is_own(t.params, own)]
    if lost:
        raise ValueError(
            f"{_of_another(journal, ['space'])} The space may become wider, but {len(lost)} of its "
            f"trials lie outside of it, such as {dict(lost[0].params)!r}."
        )


def _begin(
    journal: Journal, search: Any, task: Task, start: Start, problem: Problem, extra: Any
) -> None:
    """Prepare a journal for the trials of this search."""
    history, now = start.history, versions(task.estimator)
    then = journal.session.get("versions", now)
    differ = differences(now, then)
    if differ:
        made, have = (", ".join(f"{name} {v[name]}" for name in differ) for v in (then, now))
        warn(
            f"The trials in the journal {str(journal.path)!r} were made with {made}; this is "
            f"{have}. Scores of new trials may not be comparable with them."
        )
    assert isinstance(history.splits, Splits)
    header = {
        "version": now["skhyper"],
        "seed": history.seed,
        "fingerprint": history.fingerprint,
        "digests": problem.with_space(),
        "metric": optimized_metric(search),
        "splits": encoded(history.splits.description()),
    }
    numbers = range(len(history) - len(extra), len(history))
    first_job = min(start.resumed.folds, default=len(history))
    given = [history[number] for number in numbers]
    journal.begin(header, {"versions": now}, given, first_job, start.resumed.seconds)


def _warn_about_unlocated(earlier: History, space: Space, estimator: Any) -> None:
    own = estimator.get_params(deep=True)
    lost = [t for t in earlier if space.locate(t.params) is None and not is_own(t.params, own)]
    if lost:
        warn(
            f"{len(lost)} of {len(earlier)} earlier trials lie outside the search space and are "
            f"ignored by the sampler, such as {dict(lost[0].params)!r}; they are kept in history_ "
            "and cv_results_."
        )
