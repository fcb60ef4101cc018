"""Refit of any tried candidate after a search, without searching again."""

import copy
import inspect
import numbers
from functools import update_wrapper
from typing import Any, Self

from sklearn.exceptions import NotFittedError

from skhyper._sklearn import CallbackSearchCV, fit_context, teardown_callbacks
from skhyper.search._interrupts import Interruptible
from skhyper.search._kept import follow_best
from skhyper.search._results import best_candidate, fit_candidate, scoring_attributes
from skhyper.search._rules import refit_rule
from skhyper.search._task import make_task


class _WithModel:
    """A method or property of scikit-learn's search, also available after ``refit_best``.

    scikit-learn raises an error if `refit` is False, even if there is a ``best_estimator_``.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._inherited: Any = inspect.getattr_static(CallbackSearchCV, name)
        update_wrapper(self, self._inherited)

    def __get__(self, search: Any, owner: type | None = None) -> Any:
        if search is not None and not search.refit and "best_estimator_" in vars(search):
            search = copy.copy(search)
            metrics = getattr(search, "scorer_", None)
            search.refit = next(iter(metrics)) if isinstance(metrics, dict) else True
        return self._inherited.__get__(search, owner)


class Refittable(Interruptible):
    """Mixin of searches that fit any tried candidate without searching."""

    classes_ = _WithModel()
    decision_function = _WithModel()
    inverse_transform = _WithModel()
    predict = _WithModel()
    predict_log_proba = _WithModel()
    predict_proba = _WithModel()
    score = _WithModel()
    score_samples = _WithModel()
    transform = _WithModel()

    def _check_refit_for_multimetric(self, scores: Any) -> None:
        rule = refit_rule(self)
        if rule is not None and rule.metric not in scores:
            raise ValueError(
                f"refit={self.refit!r} needs one of the metrics {list(scores)}: use "
                "one_standard_error(metric=...) or fastest(metric=...) of skhyper.inspection."
            )
        super()._check_refit_for_multimetric(scores)

    @fit_context(prefer_skip_nested_validation=False)
    def refit_best(self, X: Any, y: Any = None, index: int | None = None, **params: Any) -> Self:
        """Fit the best candidate, or any other one, to data, without searching.

        Use it after an interruption, with ``refit=False``, with other data, or for another
        candidate than the best. ``best_estimator_``, ``refit_time_`` and ``feature_names_in_`` are
        set as by ``fit``. If the fit fails or is interrupted, the search stays as it was.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target; None for unsupervised learning.
        index : int, default=None
            Row of ``cv_results_``. None selects the best candidate as ``fit`` does: by `refit`;
            if that is False and there are several metrics, by the first one.
        **params : dict
            Metadata, as for ``fit``.

        Returns
        -------
        self : object
            ``best_index_``, ``best_params_`` and ``best_score_`` are those of the candidate that
            was fitted.

        Raises
        ------
        NotFittedError
            If no candidate was tried.
        ValueError
            If `index` is not a row of ``cv_results_``.

        Notes
        -----
        The best candidate of the search is still ``history_.best``, and ``refit_best(X, y)``
        returns to it. To select by another metric of the search, set `refit` to its name before.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.svm import SVC
        >>> from skhyper import GridSearchCV
        >>> X, y = load_iris(return_X_y=True)
        >>> search = GridSearchCV(SVC(), {"C": [0.01, 1, 100]}, refit=False).fit(X, y)
        >>> search.refit_best(X, y).best_estimator_
        SVC(C=100)
        >>> search.refit_best(X, y, index=1).best_estimator_
        SVC(C=1)
        """
        if "cv_results_" not in vars(self):
            raise NotFittedError(
                self._what_is_missing()
                or f"This {type(self).__name__} has tried no candidate yet: call fit first."
            )
        index = _checked(index, len(self.cv_results_["params"]))
        if index is None and self.history_.best is None and not callable(self.refit):
            raise ValueError(
                f"None of {self.n_trials_} trials has a score, so there is no best candidate. Pass "
                "the index of a candidate."
            )
        try:
            task = make_task(self, X, y, params)
            found = scoring_attributes(self, task) | best_candidate(self, task, index)
            with task.callback_context(self, n_steps=1) as context:
                before = getattr(self, "best_index_", None)
                fit_candidate(self, task, context, found)
                follow_best(self, before)
        finally:
            teardown_callbacks(self)
        return self


def _checked(index: Any, n_candidates: int) -> int | None:
    if index is None:
        return None
    whole = isinstance(index, numbers.Integral) and not isinstance(index, bool)
    if not whole or not 0 <= index < n_candidates:
        raise ValueError(
            f"index must be a row of cv_results_, an integer from 0 to {n_candidates - 1}, or None "
            f"for the best candidate; got {index!r}."
        )
    return int(index)
