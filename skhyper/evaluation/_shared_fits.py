"""One fit for several candidates: they are scored with estimators derived from the same fit.

The *followers* of a fold are candidates that differ from its own in one hyperparameter, for which
one fit serves all of them (:func:`skhyper.reuse.shared_fit`). The fold is fitted as usual, with the
value from which the others can be derived. When the fitted estimator is scored, a listener derives
the estimators of the followers and scores them, too.
"""

import functools
import numbers
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import clone

from skhyper._readonly import private_copy
from skhyper._sklearn import MultimetricScorer
from skhyper.evaluation._objective import FoldJob, Objective
from skhyper.reuse import SharedFit, shared_fit
from skhyper.reuse._training_data import TrainingData, recorded_training_data

# Keys of a fold's result: those of its followers, and the number of fits that were made, which the
# pool removes; whether it was derived.
FOLLOWERS, N_FITS, SHARED = "followers", "n_fits", "shared"

_active = threading.local()  # the listener of the fold that this thread runs


@dataclass(frozen=True)
class SharedFits:
    """Objective that also scores the followers of a fold.

    Attributes
    ----------
    objective : Objective, or a wrapper of one
        Its scorer is one of :func:`with_listener`.
    """

    objective: Any

    @property
    def _plain(self) -> Objective:
        return getattr(self.objective, "objective", self.objective)

    @property
    def portable(self) -> bool:
        return getattr(self.objective, "portable", True)

    def without_splits(self) -> tuple["SharedFits", Sequence[Any]]:
        objective, splits = self.objective.without_splits()
        return SharedFits(objective), splits

    def failed(self, *args: Any) -> dict[str, Any]:
        """As :meth:`Objective.failed`."""
        return self.objective.failed(*args)

    def free(self) -> None:
        self.objective.free()

    def run(self, job: FoldJob, *split: Any) -> dict[str, Any]:
        """The result of a fold; ``result["followers"]`` are those of its followers.

        These are None where an estimator could not be derived or scored: such candidates must be
        fitted. The fold's own candidate is then fitted immediately.
        """
        if job.followers is None:
            return self.objective.run(job, *split)
        name, values, longest = job.followers
        own = job.params[name]
        is_own = own == longest
        # The pool prints the lines of all candidates of the group.
        alone = replace(job, followers=None, is_quiet=True)
        leads = alone if is_own else replace(alone, params={**job.params, name: longest})
        plain = self._plain
        again = plain.return_train_score
        listener = _Listener(name, (own, *values), longest, plain.keep, again)
        result: dict[str, Any] | None = None
        try:
            with _listening(listener):
                result = self.objective.run(leads, *split)
        except Exception:
            if is_own:
                raise
        others: list[Any] = [None] * len(values)
        if result is not None and result["fit_error"] is None:
            result, *others = listener.results(result)
        elif not is_own:
            result = None
        if result is not None:
            return {**result, FOLLOWERS: others}
        result = self.objective.run(alone, *split)
        return {**result, FOLLOWERS: others, N_FITS: 2}


class _Listener:
    """Scores estimators derived from one that is being scored; first on test data.

    Parameters
    ----------
    name : str
        The hyperparameter.
    values : sequence
    longest : object
        The value of the estimator that is being scored.
    keep : Keep or None
        What is kept of each estimator.
    again : bool
        Whether estimators are scored on training data, too.
    """

    def __init__(
        self, name: str, values: Sequence[Any], longest: Any, keep: Any, again: bool
    ) -> None:
        self._name = name
        self._keep = keep
        self._needs_estimators = again or keep is not None
        self._X_test: Any = None
        self._values = values
        self._longest = longest
        self._derived: list[Any] = [None] * len(values)  # None where that failed
        self._scores: list[list[Any]] = [[] for _ in values]  # on test and training data
        self._seconds = [(0.0, 0.0) for _ in values]  # of deriving and scoring
        self._n_calls = 0
        self.data: TrainingData | None = None  # of the fit, where the rule needs it

    def __call__(self, scorer: Any, fitted: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self._n_calls += 1
        if self._keep is not None and self._n_calls == 1:
            self._X_test = private_copy(args[0])  # scorers may change it
        for i, derived in self._estimators(fitted):
            start = time.time()
            try:
                self._scores[i].append(_checked(scorer(derived, *args, **kwargs)))
            except Exception:  # noqa: BLE001  (a plain fit will report it)
                self._derived[i] = None
                continue
            if self._n_calls == 1:
                self._seconds[i] = self._seconds[i][0], time.time() - start

    def rule_of(self, estimator: Any) -> SharedFit | None:
        """The rule of an estimator along the hyperparameter."""
        rule = shared_fit(estimator)  # it may be imported for the first time
        return None if rule is None else rule.along([self._name])

    def _estimators(self, fitted: Any) -> Iterator[tuple[int, Any]]:
        """Derived estimators, with the positions of their values; kept only if needed again."""
        others = [i for i, value in enumerate(self._values) if value != self._longest]
        rule = self.rule_of(fitted)
        if rule is None:
            return
        if self._n_calls == 1 and rule.fit_path is not None:
            self._follow_path(rule, fitted, others)
        for i in others:
            derived = self._derived[i]
            if self._n_calls == 1 and rule.fit_path is None:
                start = time.time()
                with suppress(Exception):  # a plain fit will report it
                    derived = rule.derive(fitted, self._values[i])
                self._seconds[i] = time.time() - start, 0.0
                self._derived[i] = derived if self._needs_estimators else None
            if derived is not None:
                yield i, derived

    def _follow_path(self, rule: SharedFit, fitted: Any, others: list[int]) -> None:
        """Derive estimators with the training data; all of them count the same time."""
        if self.data is None:
            return
        assert rule.fit_path is not None
        start = time.time()
        with suppress(Exception):  # plain fits will report it
            values = [self._values[i] for i in others]
            for value, derived in rule.fit_path(fitted, values, self.data):
                for i in others:
                    if self._values[i] == value:
                        self._derived[i] = derived
        self.data = None
        spent = time.time() - start
        for i in others:
            self._seconds[i] = spent / len(others), 0.0

    def results(self, leading: dict[str, Any]) -> list[Any]:
        """Results of all values; `leading` is that of the fit.

        The time of the fit counts for the value that was fitted, or else for the first one.
        """
        n_scores = 1 + ("train_scores" in leading)
        spent = sum(map(sum, self._seconds))
        leading["score_time"] = max(0.0, leading["score_time"] - spent)
        is_among = self._longest in self._values
        found: list[Any] = []
        for i, scores in enumerate(self._scores):
            if self._values[i] == self._longest:
                found.append(leading if i == 0 else dict(leading))
                continue
            if len(scores) < n_scores:
                found.append(None)
                continue
            deriving, scoring = self._seconds[i]
            fit_time = deriving if is_among or i else leading["fit_time"]
            result = {**leading, "test_scores": scores[0]}
            if n_scores > 1:
                result["train_scores"] = scores[1]
            if self._keep is not None:
                result |= self._keep.of(self._derived[i], self._X_test)
            found.append({**result, "fit_time": fit_time, "score_time": scoring})
            if is_among or i:
                found[-1][SHARED] = True
        return found


def _checked(scores: Any) -> Any:
    """Scores as plain numbers, as scikit-learn stores them; raises where one failed."""
    if isinstance(scores, dict):
        return {name: _number(score) for name, score in scores.items()}
    return _number(scores)


def _number(score: Any) -> Any:
    if hasattr(score, "item"):
        with suppress(ValueError):
            score = score.item()
    if not isinstance(score, numbers.Number):
        raise TypeError(f"a score must be a number, got {score!r}")
    return score


@contextmanager
def _listening(listener: Callable) -> Iterator[None]:
    """Context in which scorers of this thread call a listener."""
    outer = getattr(_active, "listener", None)
    _active.listener = listener
    try:
        yield
    finally:
        _active.listener = outer


def with_listener(objective: Objective) -> Objective:
    """The objective with fits and a scorer that call the listener of its thread, if any."""
    scorer = objective.scorer
    kind = _ListenedScorers if isinstance(scorer, MultimetricScorer) else _ListenedScorer
    return replace(objective, scorer=kind(scorer), copy_of=_listened_clone)


def _listened_clone(estimator: Any) -> Any:
    """A clone whose fit gives its training data to the listener of its thread, if needed."""
    new = clone(estimator)
    listener = getattr(_active, "listener", None)
    if listener is None:
        return new

    @functools.wraps(new.fit)
    def fit(*args: Any, **params: Any) -> Any:
        vars(new).pop("fit", None)
        rule = listener.rule_of(new)  # its hyperparameters are set by now
        if rule is None or rule.fit_path is None:
            return new.fit(*args, **params)
        with recorded_training_data(new, rule) as found:
            new.fit(*args, **params)
        listener.data = found[-1] if found else None
        return new

    vars(new)["fit"] = fit
    return new


class _ListenedScorer:
    """A scorer that, after its score, calls the listener; `listened` is the scorer itself."""

    def __init__(self, scorer: Any):
        self.listened = scorer

    def __repr__(self) -> str:
        return repr(self.listened)

    def __call__(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        scores = self.listened(estimator, *args, **kwargs)
        listener = getattr(_active, "listener", None)
        if listener is not None:
            listener(self.listened, estimator, args, kwargs)
        return scores


class _ListenedScorers(MultimetricScorer):
    """The same for several metrics; scikit-learn requires this base class."""

    def __init__(self, scorer: Any):
        super().__init__(scorers=scorer._scorers, raise_exc=scorer._raise_exc)
        self._one = _ListenedScorer(scorer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._one(*args, **kwargs)
