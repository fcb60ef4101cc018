"""The only module that imports private names of scikit-learn; it hides differences of versions.

In addition ``skhyper.search`` calls these private methods of ``BaseSearchCV``, which exist in 1.6
to 1.9: ``_get_scorers``, ``_get_routed_params_for_fit``, ``_check_refit_for_multimetric``,
``_select_best_index`` and ``_format_results``.
"""

import copy
import inspect
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import numpy as np
import sklearn
from sklearn.base import _fit_context
from sklearn.metrics._scorer import _BaseScorer, _Scorer
from sklearn.metrics._scorer import _MultimetricScorer as MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _fit_and_score,
)
from sklearn.model_selection._validation import (
    _insert_error_scores as insert_error_scores,
)
from sklearn.model_selection._validation import (
    _warn_or_raise_about_fit_failures as warn_or_raise_about_fit_failures,
)
from sklearn.utils._indexing import _get_column_indices as column_indices
from sklearn.utils._indexing import _safe_indexing as take_rows
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    InvalidParameterError,
    MissingValues,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight
from sklearn.utils.validation import _num_samples as n_samples

try:
    from sklearn.callback import AutoPropagatedCallback, CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9
    AutoPropagatedCallback, CallbackSupportMixin = (), None

__all__ = [
    "HAS_CALLBACKS",
    "CallbackSearchCV",
    "HasMethods",
    "Hidden",
    "Interval",
    "InvalidParameterError",
    "MissingValues",
    "MultimetricScorer",
    "Options",
    "StrOptions",
    "check_method_params",
    "check_sample_weight",
    "column_indices",
    "first_iterations",
    "fit_and_score",
    "fit_context",
    "has_callbacks_for_steps",
    "input_indices",
    "insert_error_scores",
    "n_samples",
    "n_training_samples",
    "only_predicts",
    "pruned_tree",
    "safe_split",
    "sample_weights",
    "scorer_parts",
    "set_remainder",
    "sklearn_version",
    "take_rows",
    "teardown_callbacks",
    "validate_params",
    "value_error",
    "warn_or_raise_about_fit_failures",
]

Method = TypeVar("Method", bound=Callable)

HAS_CALLBACKS = CallbackSupportMixin is not None
sklearn_version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]:
    """scikit-learn's decorator of ``fit``, typed so that the signature is kept."""
    decorate: Callable[[Method], Method] = _fit_context(
        prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return decorate


def value_error(estimator: Any, name: str, value: Any, constraints: Any) -> str:
    """scikit-learn's error message for a hyperparameter value; empty if the value is valid."""
    if constraints == "no_validation":
        return ""
    try:
        owner = type(estimator).__name__
        validate_parameter_constraints({name: constraints}, {name: value}, caller_name=owner)
    except InvalidParameterError as error:
        return str(error)
    return ""


def scorer_parts(scorer: Any) -> tuple[Callable, int, dict[str, Any]] | None:
    """Metric, sign and keywords of a scorer; None if it calls the estimator's ``score``.

    Any other callable is returned unchanged, with sign 1.
    """
    if isinstance(scorer, _BaseScorer):
        return scorer._score_func, scorer._sign, dict(scorer._kwargs)
    if type(scorer).__name__ == "_PassthroughScorer":
        return None
    return scorer, 1, {}


def response_methods(scorers: Any) -> list[tuple[str, ...]]:
    """Methods whose output scorers use; each is the first that the estimator has of a tuple.

    Those of other callables are unknown and left out.
    """
    each = scorers._scorers.values() if isinstance(scorers, MultimetricScorer) else [scorers]
    found = [getattr(scorer, "_response_method", None) for scorer in each]
    return [(one,) if isinstance(one, str) else tuple(one) for one in found if one is not None]


def input_indices(column_transformer: Any) -> dict[str, list[int]]:
    """Column indices for each transformer of a fitted ColumnTransformer."""
    return column_transformer._transformer_to_input_indices


def set_remainder(column_transformer: Any, transformer: Any) -> None:
    """Replace the remainder that a fitted ColumnTransformer stores; None keeps it."""
    name, old, columns = column_transformer._remainder
    column_transformer._remainder = (name, old if transformer is None else transformer, columns)


def first_iterations(fitted: Any, n: int) -> Any:
    """A copy of a fitted HistGradientBoosting that has only its first n iterations."""
    view = copy.copy(fitted)
    view.max_iter = n
    view._predictors = fitted._predictors[:n]
    # Early stopping with a scorer leaves this method of `fitted` as an attribute.
    vars(view).pop("_raw_predict", None)
    # With early stopping, the first score is that before the first iteration.
    view.train_score_ = fitted.train_score_[: n + 1]
    view.validation_score_ = fitted.validation_score_[: n + 1]
    return view


def n_training_samples(fitted: Any) -> int:
    """Number of samples that the first tree of a HistGradientBoosting was fitted to."""
    return int(fitted._predictors[0][0].nodes["count"][0])


def pruned_tree(fitted: Any, ccp_alpha: float) -> Any:
    """A copy of an unpruned fitted decision tree that is pruned with `ccp_alpha`."""
    view = copy.copy(fitted)
    view.ccp_alpha = ccp_alpha
    view._prune_tree()
    return view


def check_sample_weight(sample_weight: Any, X: Any) -> Any:
    """Sample weights (n,) as float64, all 1 for None; ValueError if invalid."""
    return _check_sample_weight(sample_weight, X, dtype=float, ensure_non_negative=True)


def validate_params(estimator: Any) -> None:
    """Raise scikit-learn's error for invalid hyperparameter values."""
    validate: Callable[[], None] | None = getattr(estimator, "_validate_params", None)
    if validate is not None:
        validate()


def sample_weights(sample_weight: Any, X: Any) -> np.ndarray:
    """:func:`check_sample_weight`, where at least one weight must be positive."""
    weights = check_sample_weight(sample_weight, X)
    if not weights.any():
        raise ValueError("sample_weight is zero for all samples; at least one must be positive.")
    return weights


def has_callbacks_for_steps(search: Any) -> bool:
    """Whether callbacks of a search, or of its estimator, observe the fits of steps."""
    passed_on = getattr(search, "_skl_callbacks", [])
    own = getattr(search.estimator, "_skl_callbacks", [])
    return bool(own) or any(isinstance(one, AutoPropagatedCallback) for one in passed_on)


def only_predicts(scorer: Any) -> bool:
    """Whether a scorer, or each of several, passes data to methods of the estimator only."""
    scorer = getattr(scorer, "listened", scorer)  # of an objective whose fits are shared
    scorers = scorer._scorers.values() if isinstance(scorer, MultimetricScorer) else [scorer]
    return all(
        type(one) is _Scorer or type(one).__name__ == "_PassthroughScorer" for one in scorers
    )


def fit_and_score(
    *args: Any,
    scorer: Any,
    caller: Any,
    callback_ctx: Any,
    quiet: bool = False,
    on_scoring: Callable[[Any], None] | None = None,
    **kwargs: Any,
) -> dict:
    """scikit-learn's fit and score of one fold, with callbacks from 1.9 on.

    If scoring fails, ``result["score_error"]`` is the traceback; with several metrics a dict of
    tracebacks, None for metrics that did not fail. With `quiet` no warning is issued. `on_scoring`
    is called with the data before each scoring: the test data first, then the training data.
    """
    if HAS_CALLBACKS:
        kwargs.update(caller=caller, callback_ctx=callback_ctx)
    kind = _RecordingScorers if isinstance(scorer, MultimetricScorer) else _RecordingScorer
    recording = kind(scorer, kwargs["error_score"], quiet, on_scoring)
    result = _fit_and_score(*args, scorer=recording, **kwargs)
    if recording.error:
        result["score_error"] = recording.error
    return result


class _RecordingScorer:
    """A scorer that records the traceback if its first call, on test data, fails."""

    def __init__(self, scorer: Any, error_score: Any, quiet: bool, on_scoring: Any):
        self._scorer, self._error_score = scorer, error_score
        self._on_scoring = on_scoring
        self._quiet = quiet and error_score != "raise"
        self._called = False
        self.error: Any = None

    def __repr__(self) -> str:
        return repr(self._scorer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        first, self._called = not self._called, True
        if self._on_scoring is not None:
            self._on_scoring(args[1])
        try:
            return self._scorer(*args, **kwargs)
        except Exception:
            if first:
                self.error = traceback.format_exc()
            if self._quiet:
                return self._error_score
            raise


class _RecordingScorers(MultimetricScorer):
    """The same for several metrics; scikit-learn requires this base class."""

    def __init__(self, scorer: Any, error_score: Any, quiet: bool, on_scoring: Any):
        super().__init__(scorers=scorer._scorers, raise_exc=scorer._raise_exc)
        self._one = _RecordingScorer(scorer, error_score, quiet, on_scoring)
        self.error: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        first = not self._one._called
        scores = self._one(*args, **kwargs)
        errors = {name: s if isinstance(s, str) else None for name, s in scores.items()}
        if first and any(errors.values()):
            self.error = errors
        if self._one._quiet:
            failed = {name: self._one._error_score for name in errors if errors[name]}
            return {**scores, **failed}
        return scores


class _TaskContext:
    """A substitute for scikit-learn 1.9's ``CallbackContext`` for older versions.

    It does not propagate to the inner estimator, and runs in the main process.
    """

    def __init__(self, callbacks: list, task_name: str, task_id: int, max_subtasks: int | None):
        self._callbacks = callbacks
        self.task_name, self.task_id, self.max_subtasks = task_name, task_id, max_subtasks
        self.parent: _TaskContext | None = None
        self._n_subtasks = 0

    def subcontext(
        self,
        task_name: str = "",
        task_id: int | None = None,
        max_subtasks: int | None = 0,
        sequential_subtasks: bool = True,
    ) -> "_TaskContext":
        number = self._n_subtasks if task_id is None else task_id
        child = _TaskContext(self._callbacks, task_name, number, max_subtasks)
        child.parent = self
        self._n_subtasks += 1
        return child

    def call_on_fit_task_begin(self, *, estimator: Any, **kwargs: Any) -> "_TaskContext":
        self._call("on_fit_task_begin", estimator, kwargs)
        return self

    def call_on_fit_task_end(self, *, estimator: Any, **kwargs: Any) -> bool:
        return self._call("on_fit_task_end", estimator, kwargs)

    def _call(self, hook: str, estimator: Any, kwargs: dict) -> bool:
        answers = []
        for callback in self._callbacks:
            method = getattr(callback, hook)
            wanted = inspect.signature(method).parameters.values()
            names = [p.name for p in wanted if p.kind == p.KEYWORD_ONLY]
            answers.append(method(estimator, self, **{n: kwargs.get(n) for n in names}))
        return any(answers)

    def propagate_callback_context(self, sub_estimator: Any) -> Any:
        return nullcontext()


class _CallbackSearchBefore19(BaseSearchCV):  # pragma: no cover (run on scikit-learn < 1.9)
    """``set_callbacks`` and the hooks of scikit-learn 1.9 for older versions."""

    def set_callbacks(self, *callbacks: Any) -> Any:
        hooks = ("setup", "on_fit_task_begin", "on_fit_task_end", "teardown")
        for callback in callbacks:
            if isinstance(callback, type) or not all(hasattr(callback, h) for h in hooks):
                raise TypeError("callbacks must be instances following the FitCallback protocol.")
        self._skl_callbacks = list(callbacks)
        return self

    def _init_callback_context(
        self, task_name: str = "fit", task_id: int = 0, max_subtasks: int | None = 0
    ) -> _TaskContext:
        callbacks = getattr(self, "_skl_callbacks", [])
        context = _TaskContext(callbacks, task_name, task_id, max_subtasks)
        self._skl_callbacks_to_teardown = []
        self._callback_fit_ctx = context
        for callback in callbacks:
            self._skl_callbacks_to_teardown.append(callback)
            callback.setup(estimator=self, context=context)
        return context

    def _teardown_callbacks(self) -> None:
        if not hasattr(self, "_callback_fit_ctx"):
            return
        for callback in self._skl_callbacks_to_teardown:
            callback.teardown(estimator=self, context=self._callback_fit_ctx)
        del self._skl_callbacks_to_teardown, self._callback_fit_ctx


CallbackSearchCV = BaseSearchCV if HAS_CALLBACKS else _CallbackSearchBefore19


def teardown_callbacks(search: Any) -> None:
    """End the callbacks of a fit; from 1.9 on scikit-learn's fit context does so."""
    teardown: Callable[[], None] | None = getattr(search, "_teardown_callbacks", None)
    if teardown is not None:
        teardown()
