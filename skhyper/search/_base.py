"""What all searches share: ``fit`` from validated input to the refitted best estimator."""

import copy
import math
import time
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import joblib
import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.validation import indexable

from skhyper._identity import digest, splitter_digest
from skhyper._readonly import with_protected
from skhyper._sklearn import (
    CallbackSearchCV,
    MultimetricScorer,
    check_method_params,
    fit_context,
    insert_error_scores,
    teardown_callbacks,
    warn_or_raise_about_fit_failures,
)
from skhyper._trial import History
from skhyper.evaluation import (
    Budget,
    Evaluator,
    FailureWatch,
    FoldCallbacks,
    Journal,
    Objective,
    Observer,
    Racer,
    TrialCallbacks,
    finished_trial,
    interruption_name,
    make_pool,
    opened_journal,
    setting_key,
    sigterm_interrupts,
    tabulated,
    with_missing_folds,
)
from skhyper.exceptions import HistoryMismatchWarning, SkhyperWarning
from skhyper.search._folds import drawn_folds
from skhyper.search._interrupts import OF_THE_LAST_FIT, Interruptible
from skhyper.search._progress import TrialLines, opening_line
from skhyper.search._scoring import (
    check_fit_metadata,
    check_scoring_signature,
    warn_or_raise_about_scores,
)
from skhyper.search._tools import mlflow_run, register_for_onnx, replaced_fit
from skhyper.search._validate import is_own, warn_about_gradients
from skhyper.space import Space

__all__ = ["BaseSearch", "Plan"]


@dataclass(frozen=True)
class Plan:
    """What a search is about to do.

    Attributes
    ----------
    candidates : Candidates
        Where settings come from.
    space : Space or None
        Where they lie.
    seed : int
        For everything that is drawn.
    racer : Racer or None
        Ends trials after some of their folds.
    """

    candidates: Any
    space: Space | None
    seed: int = 0
    racer: Racer | None = None


def _merged(history: History, other: History) -> History:
    """`history` and what only `other` has tried."""
    known = {setting_key(trial.params) for trial in history}
    new = [trial for trial in other if setting_key(trial.params) not in known]
    trials = [replace(t, number=i) for i, t in enumerate([*history, *new])]
    return replace(history, trials=tuple(trials))


class BaseSearch(Interruptible, CallbackSearchCV):
    """A search with cross-validation: ``BaseSearchCV`` with an evaluation loop of its own.

    Subclasses say where settings come from, by ``_plan``, and store in ``__init__`` what they
    do not share.
    """

    # What a search without these parameters does.
    warm_start: bool = False
    history: History | None = None
    journal: Any = None
    max_time: float | None = None
    n_points: int | None = None
    random_state: Any = None
    # Whether a search is more than scikit-learn's: it tells of trials, and ends if all fail.
    _is_sequential: bool = False

    @abstractmethod
    def _plan(self) -> "Plan":
        """What to search; raises where what the user wrote is wrong."""

    def _objective(self, objective: Objective) -> Any:
        """What runs folds, from what every search has."""
        return objective

    def _after_trials(self) -> None:
        """What is left to do when no trial will follow, after an interruption, too."""

    def _losses_to_choose_by(self) -> np.ndarray | None:
        """What the best setting has the least of, (n_trials,); None if it is minus the score."""
        return None

    def _look_back(self, objective: Any) -> None:
        """Warn of what came of the search."""

    def _fit_arguments(self, params: dict[str, Any]) -> tuple[dict[str, Any], list[Callable]]:
        """What of ``fit(**params)`` is metadata, and what is to be called after each trial."""
        return params, []

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, and refit the best setting on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
            Training data; a kernel or distance matrix where the estimator takes one.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target; None for unsupervised learning.
        **params : dict
            Metadata for the estimator's ``fit``, the scorer and the splitter. Array-likes
            of length n_samples are cut with the folds.

        Returns
        -------
        self : object

        Raises
        ------
        InvalidSpaceError
            If the search space is wrong; no model has been trained then.
        ValueError
            If every fit failed.
        """
        register_for_onnx(type(self))
        fit = replaced_fit(self)
        if fit is not None:
            return fit(self, X, y, **params)
        before = self.__dict__.get("history_")
        with sigterm_interrupts():
            try:
                with mlflow_run(self):
                    return self._fit(X, y, params)
            except BaseException as error:
                if not isinstance(error, Exception):
                    self._store_interrupted(before, error)
                raise
            finally:
                teardown_callbacks(self)

    def _fit(self, X: Any, y: Any, params: dict[str, Any]) -> Any:
        check_scoring_signature(self.scoring, y, as_sklearn=not self._is_sequential)
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        params, hooks = self._fit_arguments(params)
        params = check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        weight = params.get("sample_weight")
        seen = {
            "X": X,
            "y": y,
            "metadata": None if weight is None else {"sample_weight": weight},
        }
        # Before the folds are drawn: both may share one RandomState, as in scikit-learn.
        estimator = clone(self.estimator)
        plan = self._plan()
        self.space_ = plan.space
        check_fit_metadata(estimator, routed.estimator.fit, plan.space.names if plan.space else ())
        base = self._start(estimator, X, y, routed, plan)

        root = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        root.call_on_fit_task_begin(estimator=self, **seen)
        objective = Objective(
            estimator=estimator,
            X=X,
            y=y,
            splits=base.splits,
            scorer=scorers,
            fit_params=routed.estimator.fit,
            score_params=routed.scorer.score,
            error_score=self.error_score,
            return_train_score=self.return_train_score,
            verbose=self.verbose,
            quiet=self._is_sequential,
        )
        objective = self._objective(objective)
        with opened_journal(self.journal, base) as journal:
            gave_up = self._search(objective, plan, base, root, journal, hooks)
        self._conclude(scorers, refit_metric, gave_up)
        self._look_back(objective)
        if self.refit:
            self._refit(estimator, X, y, routed.estimator.fit, root, seen)
        root.call_on_fit_task_end(estimator=self, **seen)
        return self

    def _start(self, estimator: Any, X: Any, y: Any, routed: Any, plan: Plan) -> History:
        """Folds, seed and, where they are valid here, earlier trials."""
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        self._checked_cv_orig = cv
        metadata = (routed.estimator.fit, routed.splitter.split, routed.scorer.score)
        print_ = digest(
            [
                X,
                y,
                estimator,
                splitter_digest(cv),
                self.scoring,
                self.return_train_score,
                *map(dict, metadata),
            ]
        )
        earlier, n_made = self._earlier(print_, plan.seed), 0
        if self.journal is not None:
            earlier, n_made = self._journaled(print_, earlier)
        if earlier is not None:
            self._tell_unlocated(earlier, plan.space)
            plan.candidates.start_from(earlier, n_made)
            self.n_splits_ = len(earlier.splits)
            # `refit` may name another metric by now.
            again = [finished_trial(t, t.folds, self._pick_score) for t in earlier]
            return replace(earlier, trials=tuple(again))
        splits = drawn_folds(self.cv, cv, X, y, routed.splitter.split)
        self.n_splits_ = len(splits)
        return History((), plan.seed, print_, tuple(splits))

    def _journaled(self, print_: str, earlier: History | None) -> tuple[History | None, int]:
        """Trials in the journal, and how many of them count as trials of this search.

        Those of a search that was killed count; those that this very object made in its last
        fit (`warm_start`) do not.
        """
        known = Journal(self.journal).read()
        if known is None:
            return earlier, 0
        history, n_made = known
        if history.fingerprint != print_:
            raise ValueError(
                f"The journal {str(self.journal)!r} is of a search on other data, folds or "
                "scoring, or with another estimator. Name another file, or delete it to start "
                "anew."
            )
        if self.warm_start and hasattr(self, "history_"):
            n_made = max(0, len(history) - len(self.history_))
        return history if earlier is None else _merged(history, earlier), n_made

    def _tell_unlocated(self, earlier: History, space: Space | None) -> None:
        own = self.estimator.get_params(deep=True)
        lost = [
            trial
            for trial in (earlier if space is not None else ())
            if space.locate(trial.params) is None and not is_own(trial.params, own)
        ]
        if lost:
            warnings.warn(
                f"{len(lost)} of {len(earlier)} earlier trials have no place in the search space "
                f"and tell the sampler nothing, such as {dict(lost[0].params)!r}; they are kept "
                "in history_ and cv_results_.",
                SkhyperWarning,
                stacklevel=6,
            )

    def _earlier(self, print_: str, seed: int) -> History | None:
        """Trials of `history` and, with `warm_start`, of the last fit; None without any."""
        given = [h for h in (self.history,) if h is not None]
        if self.warm_start and hasattr(self, "history_"):
            given.append(self.history_)
        valid = [h for h in given if h.fingerprint == print_]
        if len(valid) < len(given):
            warnings.warn(
                "Earlier trials are not used: they were made on other data, folds or scoring, "
                "or with another estimator.",
                HistoryMismatchWarning,
                stacklevel=6,
            )
        if not valid:
            return None
        # The last fit, if there was one, may already hold what `history` gives.
        return replace(_merged(valid[-1], valid[0]), seed=seed)

    def _search(
        self,
        objective: Objective,
        plan: Plan,
        base: History,
        root: Any,
        journal: list[Observer],
        hooks: list[Callable],
    ) -> bool:
        """Run the trials; True if the search ended because all of them failed alike."""
        candidates, n_splits = plan.candidates, len(base.splits)
        n = candidates.n_candidates
        if self.verbose > 0:
            print(opening_line(n_splits, n, self.max_time))  # noqa: T201
        all_at_once = candidates.known_ahead and plan.racer is None
        pool = make_pool(objective, self.n_jobs, self.pre_dispatch, all_at_once)
        context = root.subcontext(
            task_name="search",
            max_subtasks=None if math.isinf(n) else n * n_splits,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        observers = [*journal]
        caller = self._caller(pool.n_workers)
        if caller is not None:
            observers.append(FoldCallbacks(self, caller, context, n_splits))
        if self.verbose == 1 and self._is_sequential:  # from 2 on there are scikit-learn's lines
            observers.append(TrialLines(len(base) + n))
        observers.append(TrialCallbacks(self, hooks))
        watch = FailureWatch(self._pick_score, base)
        if self._is_sequential and not candidates.known_ahead:
            observers.append(watch)
        n_parallel = self.n_points or math.ceil(joblib.effective_n_jobs(self.n_jobs) / n_splits)
        budget = Budget(self.max_time, n_parallel, ordered=self.random_state is not None)
        evaluator = Evaluator(
            candidates, pool, base, budget, plan.racer, observers, self._pick_score
        )
        try:
            evaluator.run()
        except BaseException as error:
            self._keep(evaluator.history, f"interrupted by {interruption_name(error)}")
            raise
        self._keep(evaluator.history, evaluator.stop_reason)
        context.call_on_fit_task_end(estimator=self)
        return watch.gave_up

    def _caller(self, n_workers: int) -> Any:
        """The `caller` passed to scikit-learn's callbacks; None without callbacks.

        It goes with each job: to workers without the trials and results.
        """
        listeners = [*getattr(self, "_skl_callbacks", [])]
        listeners += getattr(self.estimator, "_skl_callbacks", [])
        if not listeners:
            return None
        if n_workers == 1:
            return self
        light = copy.copy(self)
        for name in ("history_", "history", "space_", "cv_results_"):
            light.__dict__.pop(name, None)
        return light

    def _pick_score(self, scores: Any) -> float:
        """The score that is optimised: of the metric named by `refit`, else the first."""
        if not isinstance(scores, dict):
            return scores
        if callable(self.scoring):
            self._check_refit_for_multimetric(scores)
        return scores[self.refit if isinstance(self.refit, str) else next(iter(scores))]

    def _keep(self, history: History, stop_reason: str) -> None:
        """Store what was tried; after an interruption it is all there is."""
        done = [trial for trial in history if trial.state != "running"]
        trials = tuple(replace(trial, number=number) for number, trial in enumerate(done))
        self.history_ = replace(history, trials=trials)
        self.n_trials_ = len(trials)
        self.stop_reason_ = stop_reason
        self._after_trials()
        for name in OF_THE_LAST_FIT:
            self.__dict__.pop(name, None)
        if stop_reason.startswith("interrupted") and trials:
            self._store_what_there_is()

    def _results(self) -> dict[str, Any]:
        out = [tabulated(fold) for trial in self.history_ for fold in trial.folds]
        if callable(self.scoring) and any(isinstance(o["test_scores"], dict) for o in out):
            insert_error_scores(out, self.error_score)
        settings = [dict(trial.params) for trial in self.history_]
        with warnings.catch_warnings():
            if len(out) < len(settings) * self.n_splits_:  # the mean of a stopped trial is nan
                warnings.filterwarnings("ignore", "One or more of the", UserWarning)
                out = with_missing_folds(out, self.history_)
            results = self._format_results(settings, self.n_splits_, out)
        losses = self._losses_to_choose_by()
        return results if losses is None else results | {"penalized_loss": losses}

    def _conclude(self, scorers: Any, refit_metric: str, gave_up: bool) -> None:
        """From trials to ``cv_results_`` and the best setting."""
        out = [fold for trial in self.history_ for fold in trial.folds]
        if not out:
            raise ValueError(
                "No fits were performed. Was the CV iterator empty? Were there no candidates? "
                f"The search ended because {self.stop_reason_}."
            )
        warn_or_raise_about_fit_failures(out, self.error_score)
        if self._is_sequential:
            warn_or_raise_about_scores(self.history_, self.error_score, gave_up)
        warn_about_gradients(self.history_)
        self.cv_results_ = self._results()
        dicts = [o["test_scores"] for o in out if isinstance(o["test_scores"], dict)]
        self.multimetric_ = bool(dicts)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(dicts[0])
            refit_metric = self.refit
        self.scorer_ = scorers._scorers if isinstance(scorers, MultimetricScorer) else scorers
        if not self.refit and self.multimetric_:
            return
        losses = self._losses_to_choose_by()
        if losses is None or callable(self.refit) or np.all(np.isnan(losses)):
            self.best_index_ = self._select_best_index(self.refit, refit_metric, self.cv_results_)
        else:
            self.best_index_ = int(np.nanargmin(losses))
        if not callable(self.refit):
            self.best_score_ = self.cv_results_[f"mean_test_{refit_metric}"][self.best_index_]
        self.best_params_ = self.cv_results_["params"][self.best_index_]

    def _refit(
        self, estimator: Any, X: Any, y: Any, fit_params: Mapping, root: Any, seen: dict
    ) -> None:
        # The values are cloned too: they may be estimators, such as steps of a pipeline.
        best = clone(estimator).set_params(**clone(self.best_params_, safe=False))
        self.best_estimator_ = best
        context = root.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(best):
            context.call_on_fit_task_begin(estimator=self, **seen)
            start = time.time()
            # Steps that work in place must not change the user's data.
            data = (X,) if y is None else (X, y)
            with_protected(partial(best.fit, **fit_params), *data)
            self.refit_time_ = time.time() - start
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        context.call_on_fit_task_end(estimator=self, **seen)
