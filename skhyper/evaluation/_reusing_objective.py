"""An objective whose candidates share fitted first steps of a pipeline and their outputs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.pipeline import Pipeline

from skhyper._sklearn import only_predicts
from skhyper.evaluation import _prefixes
from skhyper.evaluation._objective import FoldJob, Objective
from skhyper.evaluation._prefixes import Session, intercept
from skhyper.evaluation._recurrence import Recurrence
from skhyper.evaluation._reuse import COUNTS
from skhyper.evaluation._steps import Step, steps_of
from skhyper.evaluation._store import Store


@dataclass(frozen=True)
class ReusingObjective:
    """Objective that keeps fitted steps and their outputs for other candidates.

    Attributes
    ----------
    objective : Objective
        The data, folds and scoring; its estimator is a pipeline.
    recurrence : Recurrence
        Which hyperparameters have recurring values.
    limit : int or None
        Bytes that all workers may keep; None for a share of the available memory.
    n_workers : int
    directory : str, os.PathLike or None
        Where to keep what exceeds the limit.
    """

    objective: Objective
    recurrence: Recurrence
    limit: int | None
    n_workers: int
    directory: Any
    _store: Store = field(repr=False)
    # Steps of the last trial, by its number: all its folds have the same.
    _steps: dict[int, Mapping[str, Step]] = field(default_factory=dict, repr=False)

    # A worker should be given folds that it has run before.
    keeps_folds = True

    @classmethod
    def of(
        cls,
        objective: Objective,
        recurrence: Recurrence,
        limit: int | None,
        n_workers: int,
        directory: Any = None,
        n_stores: int = 1,
    ) -> "ReusingObjective":
        """The objective with a new store, one of `n_stores` that share the limit."""
        store = Store(limit, n_stores, directory)
        return cls(objective, recurrence, limit, n_workers, directory, store)

    def __reduce__(self) -> tuple:
        """In a worker process a new store is created, with its share of the limit."""
        limits = self.limit, self.n_workers, self.directory, self.n_workers
        return ReusingObjective.of, (self.objective, self.recurrence, *limits)

    def without_splits(self) -> tuple["ReusingObjective", Sequence[Any]]:
        """As :meth:`Objective.without_splits`."""
        objective, splits = self.objective.without_splits()
        return replace(self, objective=objective), splits

    def failed(self, job: FoldJob, error: Exception, seconds: float, *split: Any) -> dict[str, Any]:
        """As :meth:`Objective.failed`."""
        return self.objective.failed(job, error, seconds, *split)

    def free(self) -> None:
        """Free what is kept between trials."""
        self._store.clear()
        self._steps.clear()

    def run(self, job: FoldJob, train: Any = None, test: Any = None) -> dict[str, Any]:
        """As :meth:`Objective.run`, with counts of shared fits as ``result["reuse"]``.

        Times include those that shared fits and outputs took when they were computed. A fold that
        runs out of memory is run again, with nothing kept.
        """
        try:
            result = self._run(job, train, test)
        except MemoryError:
            if not self._store.clear():
                raise
            return self.objective.run(job, train, test)
        if "MemoryError" in (result["fit_error"] or "") and self._store.clear():
            return self.objective.run(job, train, test)
        return result

    def _run(self, job: FoldJob, train: Any, test: Any) -> dict[str, Any]:
        session = Session(self._store, job.fold)
        estimator = self.objective.copy_of(self.objective.estimator)
        fit_whole = estimator.fit  # that of the class, or one that records

        def fit(X: Any, y: Any = None, **params: Any) -> Any:
            del vars(estimator)["fit"]
            intercept(session, estimator, self._steps_of(job, estimator, session))
            session.know_root(X, "train")
            session.know_root(y, "target")
            for name, value in params.items():
                session.know_root(value, f"metadata {name}")
            return fit_whole(X, y, **params)

        saved: list[float] = []  # seconds before each scoring: on test data, on training data

        def on_scoring(X: Any) -> None:
            saved.append(session.seconds)
            if not only_predicts(self.objective.scorer):
                session.forget()  # a user-defined function may change the data
            elif len(saved) == 1:
                session.know_root(X, "test")

        vars(estimator)["fit"] = fit
        try:
            result = self.objective.run(job, train, test, estimator, on_scoring)
        finally:
            session.close()
        if result["fit_error"] is not None:
            result["fit_error"] = _without_own_frames(result["fit_error"])
        # As if nothing had been shared, since times of candidates are compared.
        before, after, *_ = *saved, session.seconds, session.seconds
        result["fit_time"] += before
        result["score_time"] += after - before
        result[COUNTS] = session.report
        if self.objective.keep is not None and train is None:
            train, test = self.objective.splits[job.fold]
        return self.objective.with_kept(result, estimator, train, test)

    def _steps_of(self, job: FoldJob, estimator: Pipeline, session: Session) -> Mapping[str, Step]:
        found = self._steps.get(job.trial)
        if found is None:
            found = steps_of(estimator, self.recurrence)
            for step in found.values():
                session.why_not.update(step.reasons())
            if not any(step.has_keys for step in found.values()):
                found = {}
            self._steps.clear()
            self._steps[job.trial] = found
        return found


def _without_own_frames(traceback: str) -> str:
    """The text of a traceback without the frames of the interception."""
    files = "|".join(map(re.escape, (__file__, _prefixes.__file__)))
    return re.sub(rf'  File "(?:{files})".*\n(?:    .*\n)*', "", traceback)
