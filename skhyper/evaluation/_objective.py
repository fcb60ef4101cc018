"""The objective of a search: fit and score of one fold, and the trial made of its folds."""

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn import config_context
from sklearn.base import clone

from skhyper._readonly import with_protected
from skhyper._sklearn import (
    HAS_CALLBACKS,
    MultimetricScorer,
    check_method_params,
    fit_and_score,
    n_samples,
    safe_split,
)
from skhyper._trial import Trial, TrialState

_NOT_FINITE = "The score is not finite."
# Entries of fold results for what the parameter `keep` of a search asks for.
PREDICTIONS, MODEL = "predictions", "model"
# Entries of fold results that scikit-learn does not tabulate.
_NOT_TABULATED = ("score_error", "started", "seconds", "shared", PREDICTIONS)


@dataclass(frozen=True)
class Objective:
    """Data, folds and scoring, shared by all trials of a search.

    Attributes
    ----------
    estimator : estimator
        Unfitted; cloned for each fit.
    X, y : array-like
    splits : list of (train, test) index arrays
        The same folds for all candidates.
    scorer : callable
        As scikit-learn's searches create it.
    fit_params, score_params : dict
        Routed metadata.
    error_score : float or "raise"
    return_train_score : bool
    verbose : int
    quiet : bool
        Whether to omit the warning for each failed score; the search gives a single one.
    keep : Keep or None
        What is kept of each fold besides its scores.
    copy_of : callable
        Returns the clone of the estimator that a fold fits.
    """

    estimator: Any
    X: Any
    y: Any
    splits: Sequence[Any]
    scorer: Any
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    error_score: Any
    return_train_score: bool
    verbose: int
    quiet: bool = False
    keep: Any = None
    copy_of: Callable[[Any], Any] = clone

    def without_splits(self) -> tuple["Objective", Sequence[tuple[Any, Any]]]:
        """The objective without the folds' indices, and the indices, to be passed to ``run``."""
        return replace(self, splits=(None,) * len(self.splits)), self.splits

    def run(
        self,
        job: "FoldJob",
        train: Any = None,
        test: Any = None,
        estimator: Any = None,
        on_scoring: Callable[[Any], None] | None = None,
    ) -> dict[str, Any]:
        """Fit and score one fold; its split must be passed if the objective does not contain it.

        `estimator` is a clone of the objective's, made here by default; a caller that passes one
        calls ``with_kept``. `on_scoring` is called with the data before each scoring: the test data
        first, then the training data.

        The result is that of scikit-learn's own search: ``test_scores``, ``fit_time``,
        ``score_time``, ``n_test_samples``, ``fit_error`` and, with `return_train_score`,
        ``train_scores``; and ``score_error`` if scoring failed.
        """
        if train is None:
            train, test = self.splits[job.fold]
        own = self.copy_of(self.estimator) if estimator is None else estimator
        result = fit_and_score(
            own,
            self.X,
            self.y,
            train=train,
            test=test,
            parameters=job.params,
            fit_params=self.fit_params,
            score_params=self.score_params,
            scorer=self.scorer,
            on_scoring=on_scoring,
            **self.options(job),
        )
        return result if estimator is not None else self.with_kept(result, own, train, test)

    def fitted(self, params: Mapping[str, Any], fold: int) -> Any:
        """The estimator with hyperparameters set to `params`, fitted on one fold."""
        train, _ = self.splits[fold]
        estimator = clone(self.estimator).set_params(**clone(dict(params), safe=False))
        fit_params = check_method_params(self.X, params=self.fit_params, indices=train)
        X, y = safe_split(estimator, self.X, self.y, train)
        data = (X,) if y is None else (X, y)
        return with_protected(partial(estimator.fit, **fit_params), *data)

    def with_kept(
        self, result: dict[str, Any], fitted: Any, train: Any, test: Any
    ) -> dict[str, Any]:
        """The result of a fold, with what is kept of its fitted estimator."""
        if self.keep is None or result["fit_error"] is not None:
            return result
        X, _ = safe_split(fitted, self.X, self.y, test, train)
        return result | self.keep.of(fitted, X)

    def free(self) -> None:
        """Free memory kept between trials; this objective keeps none."""

    def failed(
        self, job: "FoldJob", error: Exception, seconds: float, train: Any = None, test: Any = None
    ) -> dict[str, Any]:
        """The result of a terminated fold, as if its fit had raised `error` after `seconds`.

        Raises `error` if ``error_score="raise"``.
        """
        if self.error_score == "raise":
            raise error
        if train is None:
            train, test = self.splits[job.fold]
        scores = self.error_score
        if isinstance(self.scorer, MultimetricScorer):
            scores = dict.fromkeys(self.scorer._scorers, self.error_score)
        trained = {"train_scores": scores} if self.return_train_score else {}
        return {
            "fit_error": f"{type(error).__name__}: {error}",
            "test_scores": scores,
            **trained,
            "n_test_samples": len(np.arange(n_samples(self.X))[test]),
            "fit_time": seconds,
            "score_time": 0.0,
        }

    def options(self, job: "FoldJob") -> dict[str, Any]:
        """Arguments of scikit-learn's ``_fit_and_score`` other than data and params."""
        return {
            "verbose": 0 if job.is_quiet else self.verbose,
            "return_train_score": self.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "return_parameters": False,
            "split_progress": (job.fold, len(self.splits)),
            "candidate_progress": (job.trial, job.n_candidates),
            "error_score": self.error_score,
            "quiet": self.quiet,
            "caller": job.caller,
            "callback_ctx": job.context if HAS_CALLBACKS else None,
        }


class Followers(NamedTuple):
    """Candidates that differ from that of a fold in one hyperparameter and share its fit.

    `values` are theirs of the hyperparameter `name`; the fit is made with the value `longest`.
    """

    name: str
    values: tuple[Any, ...]
    longest: Any


@dataclass(frozen=True)
class FoldJob:
    """One fold of one trial, as sent to a worker; `trial` counts from 0 without earlier trials.

    With `is_quiet`, scikit-learn prints no lines of it, whatever ``verbose`` is.
    """

    trial: int
    fold: int
    params: Mapping[str, Any]
    n_candidates: float
    caller: Any = None
    context: Any = None
    followers: Followers | None = None
    is_quiet: bool = False


def run_job(objective: Any, job: FoldJob, *split: Any) -> dict[str, Any]:
    """Result of a fold, with `started`, in seconds since the epoch, and its `seconds`.

    The latter are of a clock that is never set; scikit-learn's times are of one that may be.
    """
    started, start = time.time(), time.monotonic()
    result = objective.run(job, *split)
    result |= {"started": started, "seconds": time.monotonic() - start}
    return result


@dataclass(frozen=True)
class Task:
    """Runs jobs in a worker, under the configuration of the main process.

    `nested` are the backend and the number of jobs of joblib inside a fold.
    """

    objective: Any
    config: Mapping[str, Any]
    nested: tuple[Any, int | None]

    def run(self, job: FoldJob, *split: Any) -> dict[str, Any]:
        """Result of a fold; one that calls ``sys.exit`` has failed."""
        backend, n_jobs = self.nested
        start = time.monotonic()
        try:
            with config_context(**self.config), joblib.parallel_config(backend, n_jobs=n_jobs):
                return run_job(self.objective, job, *split)
        except SystemExit as error:
            reason = RuntimeError(f"the fit called sys.exit({error.code!r})")
            return self.objective.failed(job, reason, time.monotonic() - start, *split)


def finished_trial(
    trial: Trial,
    folds: Sequence[dict[str, Any]],
    pick: Callable[[Any], float],
    numbers: Sequence[int] = (),
) -> Trial:
    """The trial with the results of some of its folds; stopped, if there are more splits.

    `trial` is as submitted, with one score per split, or none; `pick` maps the scores of a fold to
    the one that is optimized. `numbers` are those of the folds, in ascending order; by default the
    first ones.
    """
    n_run = len(folds)
    run = list(numbers) or list(range(n_run))
    scores = np.full(max(n_run, len(trial.scores)), np.nan)
    scores[run] = [pick(out["test_scores"]) for out in folds]
    failures = [fold_error(out, pick) for out in folds]
    errors = [error for error in failures if error]
    good = [out for out, error in zip(folds, failures) if not error]
    gradients = [out.get("gradient") for out in good]
    known = all(gradient is not None for gradient in gradients)
    mean = scores[run].mean()
    # A numeric error_score is a score like others, unless all folds failed.
    failed = not good or not math.isfinite(mean)
    done = TrialState.COMPLETE if n_run == len(scores) else TrialState.STOPPED
    criterion = np.nan
    if errors or "criterion" in folds[0]:
        values = [
            -score if error else out.get("criterion", np.nan)
            for out, error, score in zip(folds, failures, scores[run])
        ]
        criterion = float(np.mean(values))
    return Trial(
        number=trial.number,
        params=trial.params,
        state=TrialState.FAILED if failed else done,
        scores=scores,
        # The only place where a score (greater is better) becomes a loss.
        loss=np.nan if failed else -float(mean),
        folds=tuple(folds),
        seconds=sum(out["fit_time"] + out["score_time"] for out in folds),
        message=errors[0] if errors else _NOT_FINITE * failed,
        gradient=mean_of(gradients, n_run) if known and not failed else None,
        criterion=criterion,
        started=min((out["started"] for out in folds if "started" in out), default=trial.started),
        fold_numbers=tuple(run),
        shared=trial.shared,
    )


def tabulated(out: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a fold without entries that ``cv_results_`` has no column for."""
    return {key: value for key, value in out.items() if key not in _NOT_TABULATED}


def with_missing_folds(
    results: Sequence[dict[str, Any]], trials: Iterable[Trial]
) -> list[dict[str, Any]]:
    """Results of all folds of all trials; nan for those that were not run."""
    left = iter(results)
    missing = {
        key: dict.fromkeys(value, np.nan) if isinstance(value, dict) else np.nan
        for key, value in results[0].items()
    }
    return [
        next(left) if fold in trial.fold_numbers else missing
        for trial in trials
        for fold in range(len(trial.scores))
    ]


def fold_error(out: Mapping[str, Any], pick: Callable[[Any], Any]) -> str | None:
    """Traceback of a fold whose fit, or score by the picked metric, failed; else None."""
    if out["fit_error"] is not None:
        return out["fit_error"]
    error = out.get("score_error")
    return pick(error) if isinstance(error, dict) else error


def error_message(traceback: str) -> str:
    """Type and message of the exception at the end of a traceback, without its frames."""
    _, frame, tail = traceback.rpartition("\n  File ")
    found = re.search(r"^(?=\S)", tail.partition("\n")[2], re.MULTILINE) if frame else None
    return tail.partition("\n")[2][found.start() :].strip() if found else traceback.strip()


def mean_of(values: Sequence[Any], n: int) -> Any:
    """Sum divided by n of numbers, arrays, or dicts of them; nan if their shapes differ."""
    if all(isinstance(value, Mapping) for value in values):
        return {name: mean_of([value[name] for value in values], n) for name in values[0]}
    if len({np.shape(value) for value in values}) > 1 or isinstance(values[0], Mapping):
        return np.nan
    mean = np.sum(values, axis=0) / n
    return float(mean) if np.ndim(mean) == 0 else mean
