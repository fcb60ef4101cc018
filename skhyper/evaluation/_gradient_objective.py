"""Score and hypergradient of one fold, with caches that the candidates of the fold share.

scikit-learn's ``_fit_and_score`` is called with a stand-in for the estimator, whose ``fit``
delegates to the fold's inner problem: it caches the data, the fitted steps of a pipeline and matrix
factorizations of earlier candidates. The user's estimator is scored.
"""

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from traceback import format_exc
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, clone

from skhyper._numeric._data import checked_matrix, checked_target
from skhyper._numeric._parts import SharedData
from skhyper._readonly import private_copy, protected, with_protected
from skhyper._sklearn import (
    MultimetricScorer,
    check_method_params,
    fit_and_score,
    n_samples,
    safe_split,
    scorer_parts,
)
from skhyper.evaluation._candidates import params_key
from skhyper.evaluation._leave_one_out import LeaveOneOut
from skhyper.evaluation._memory import Kept, size_in_memory
from skhyper.evaluation._objective import FoldJob, Objective
from skhyper.hypergradient import (
    Criterion,
    Fit,
    Fold,
    InnerProblem,
    NotDifferentiableError,
    PlainProblem,
    TrainingPart,
    as_target,
    finite_output,
    hypergradient,
    inner_problem,
)
from skhyper.space import as_vector

# Maximum number of loaded problems per fold, one for each combination of the hyperparameters
# without derivatives.
_MAX_FOLDS = 4
# Maximum size of the data of a search, in bytes, with which its folds keep everything.
_SMALL_DATA = 4 * 2**20
# Held while data for all folds are created; a module attribute, since objectives are pickled.
_SHARING = threading.Lock()
# Dummy data for `_fit_and_score`, which splits them: the fold's data are split only once. They are
# a kernel matrix, since scikit-learn checks a table when it splits it.
_KERNEL, _TRAIN, _TEST = np.array([[0, 0], [1, 0]]), np.array([0]), np.array([1])


@dataclass(frozen=True)
class GradientObjective:
    """Objective that fits, scores and differentiates.

    Attributes
    ----------
    objective : Objective
        The data, folds and scoring.
    criterion : Criterion
        The differentiated criterion.
    names : frozenset of str
        Hyperparameters to differentiate with respect to, if params contain them and the estimator
        supports it.
    """

    objective: Objective
    criterion: Criterion
    names: frozenset[str]
    _folds: dict[int, "_Fold"] = field(default_factory=dict, repr=False)
    _left_out: LeaveOneOut | None = field(default=None, repr=False)
    _shared: list[Any] = field(default_factory=list, repr=False)
    _kept: Kept = field(default_factory=Kept, repr=False)

    # In a worker process the caches of the folds are created again.
    portable = False

    @classmethod
    def of(
        cls, objective: Objective, criterion: Criterion, names: frozenset[str]
    ) -> "GradientObjective":
        """The objective, with leave-one-out in closed form if available."""
        closed = LeaveOneOut.fits(objective, criterion, names)
        left_out = LeaveOneOut(objective, criterion, names) if closed else None
        return cls(objective, criterion, names, _left_out=left_out)

    def __reduce__(self) -> tuple:
        return GradientObjective.of, (self.objective, self.criterion, self.names)

    def without_splits(self) -> tuple["GradientObjective", list[tuple]]:
        """The objective with its splits, on which its caches depend, and no others to send."""
        return self, [()] * len(self.objective.splits)

    def failed(self, job: FoldJob, error: Exception, seconds: float) -> dict[str, Any]:
        """As :meth:`Objective.failed`."""
        missing = {"criterion": np.nan, "gradient": None, "gradient_error": None}
        return self.objective.failed(job, error, seconds) | missing | {"gradient_time": 0.0}

    def run(self, job: FoldJob) -> dict[str, Any]:
        """Fit, score and differentiate one fold.

        Returns
        -------
        result : dict
            As from :meth:`Objective.run`, with ``criterion`` and ``gradient`` (from names to
            derivatives) of the fold. If they fail, they are nan and None, and ``gradient_error`` is
            a traceback.
        """
        if self._left_out is not None and (result := self._left_out.run(job)) is not None:
            return result
        if job.fold not in self._folds:
            self._folds.setdefault(job.fold, _Fold(self, job.fold))
        fold = self._folds[job.fold]
        with fold.lock:
            result = fold.fit_and_score(job)
            start = time.time()
            result |= {"criterion": np.nan, "gradient": None, "gradient_error": None}
            if result["fit_error"] is None:
                result |= fold.differentiate(job.params)
            result["gradient_time"] = time.time() - start
            if self.objective.keep is not None and result["fit_error"] is None:
                result |= self.objective.keep.of(fold.fitted.estimator, fold.X_test)
            fold.release()
        return result

    def free(self) -> None:
        """Free what the folds keep."""
        self._folds.clear()
        self._shared.clear()

    def shared_data(self) -> tuple[SharedData, np.ndarray] | None:
        """Data and target of all folds, checked once; None if they are not a numerical table."""
        with _SHARING:
            if not self._shared:
                self._shared.append(_shared_data(self.objective))
            return self._shared[0]


def _shared_data(o: Objective) -> tuple[SharedData, np.ndarray] | None:
    try:
        X, y = checked_matrix(o.X), checked_target(o.y)
        trains = [np.arange(X.shape[0])[train] for train, _ in o.splits]
        return SharedData(X, o.fit_params.get("sample_weight"), trains), y
    except (TypeError, ValueError):  # an error of the data is raised where they are fitted
        return None


class _Fold:
    """One fold's data and inner problems."""

    def __init__(self, whole: GradientObjective, number: int):
        self.lock = threading.Lock()
        self._whole = whole
        self._n_fits, self._is_kept = 0, True
        self._is_large = size_in_memory([whole.objective.X]) > _SMALL_DATA
        self._train: tuple[Any, Any] | None = None
        self._last_X: Callable[[], Any] = _nothing
        self._y_train: Any = None
        self._number = number
        self._folds: OrderedDict[str, tuple[InnerProblem, Fold]] = OrderedDict()
        self._loaded = False
        self._last_loss: Any = None  # with its classes
        # Problem, fold and fit of the last candidate.
        self.problem: InnerProblem
        self.fold: Fold
        self.fitted: Fit

    def load(self) -> None:
        """Copy the test data and metadata, once; protected from estimators that work in place."""
        if self._loaded:
            return
        o = self._whole.objective
        train, test = o.splits[self._number]
        self.X_test, self.y_test = map(protected, safe_split(o.estimator, o.X, o.y, test, train))
        fit_params = check_method_params(o.X, params=o.fit_params, indices=train)
        self.fit_params = {name: protected(value) for name, value in fit_params.items()}
        self.score_params = check_method_params(o.X, params=o.score_params, indices=test)
        self.train_score_params = check_method_params(o.X, params=o.score_params, indices=train)
        self._loaded = True

    def training_data(self) -> tuple[Any, Any]:
        """The training data; copied again if they were released and no problem has kept them."""
        if self._train is None:
            X = self._last_X()
            if X is None:
                X, self._y_train = self._rows_of(self._whole.objective.splits[self._number][0])
            self._train = X, self._y_train
        return self._train

    def _rows_of(self, rows: Any) -> tuple[Any, Any]:
        o = self._whole.objective
        X, y = map(protected, safe_split(o.estimator, o.X, o.y, rows))
        return X, y

    def _part(self) -> TrainingPart:
        o, whole = self._whole.objective, self._whole
        train = np.arange(n_samples(o.X))[o.splits[self._number][0]]

        def copied(n: int | None = None) -> tuple[Any, Any]:
            X, y = self.training_data() if n is None else self._rows_of(train[:n])
            return X, as_target(o.estimator, y)

        def scratch() -> tuple[Any, Any]:
            X, y = safe_split(o.estimator, o.X, o.y, train)
            return X, as_target(o.estimator, y)

        # Protected sparse data may have to be copied again for a fit, while dense ones have not.
        is_sparse = sparse.issparse(o.X)
        return TrainingPart(
            self.fit_params,
            copied,
            self._number,
            whole.shared_data,
            scratch if is_sparse else None,
        )

    def release(self) -> None:
        """Free what the next candidate does not need, and everything beyond the memory limit.

        See docs/user_guide/memory.md for the rule.
        """
        if self._train is not None:
            self._last_X = _weak(self._train[0])
            self._train = None
        folds = [fold for _, fold in self._folds.values()]
        self._n_fits += 1
        vars(self).pop("fitted", None)
        if self._is_large:
            for fold in folds:
                fold.trim()
            if self._n_fits & (self._n_fits - 1) == 0:  # a power of two: caches grow
                self._is_kept = self._whole._kept.admits(self._number, self._size())
            if sparse.issparse(vars(self).get("X_test")) and any(self._whole._shared):
                del self.X_test  # rows of sparse data are copied fast
                self._loaded = False
        if folds and not (self._is_kept and any(fold.caches for fold in folds)):
            self._folds.clear()
            self._loaded, self._last_X = False, _nothing
            self._last_loss = None
            for name in ("X_test", "y_test", "fold"):
                vars(self).pop(name, None)

    def _size(self) -> int:
        """Bytes of the arrays that the fold keeps."""
        o = self._whole.objective
        return size_in_memory(
            [self._folds, vars(self).get("X_test")], (o.X, o.y, self._whole._shared)
        )

    def fit(self, params: Mapping[str, Any]) -> None:
        """Fit the estimator with hyperparameters set to `params`.

        If the inner problem fails on the data, the estimator itself is fitted, without derivatives.
        """
        self.load()
        free = {name: value for name, value in params.items() if name in self._whole.names}
        fixed = {name: value for name, value in params.items() if name not in free}
        self._why_plain = ""
        try:
            self.problem, self.fold = self._loaded_fold(fixed, free)
            self.fitted = self.fold.fit(free)
        except Exception:  # noqa: BLE001  (the estimator's own error is reported)
            self._why_plain = format_exc()
        if self._why_plain:
            self.problem = PlainProblem(self._estimator(fixed, free))
            self.fold = self.problem.load(*self.training_data(), **self.fit_params)
            self.fitted = self.fold.fit({})

    def _estimator(self, fixed: Mapping[str, Any], free: Mapping[str, Any]) -> Any:
        """The estimator with all params set together, as they may only be valid together."""
        params = clone({**fixed, **free}, safe=False)
        return clone(self._whole.objective.estimator).set_params(**params)

    def _loaded_fold(
        self, fixed: Mapping[str, Any], free: Mapping[str, Any]
    ) -> tuple[InnerProblem, Fold]:
        """The loaded problem of a combination of params without derivatives, from a cache."""
        key = params_key(fixed)
        if key not in self._folds:
            problem = _problem_of(self._estimator(fixed, free))
            self._folds[key] = problem, problem.load_part(self._part())
            while len(self._folds) > _MAX_FOLDS:
                self._folds.popitem(last=False)
        self._folds.move_to_end(key)
        return self._folds[key]

    def fit_and_score(self, job: FoldJob) -> dict[str, Any]:
        """Fit and score the stand-in by scikit-learn, with dummy data."""
        o = self._whole.objective
        result = fit_and_score(
            _FoldEstimator(self),
            _KERNEL,
            None,
            train=_TRAIN,
            test=_TEST,
            parameters=job.params,
            fit_params={},
            score_params={},
            scorer=_scorer_on(self, o.scorer),
            **o.options(job),
        )
        self.load()
        result["n_test_samples"] = n_samples(self.X_test)
        return result

    def score(self, scorer: Any, on_test: bool) -> Any:
        """Scores of the fitted estimator; of its last step if that is equivalent."""
        if not on_test:
            X, y = self.training_data()
            return scorer(self.fitted.estimator, private_copy(X), y, **self.train_score_params)
        model, X = self._scored(scorer)
        exact = self._whole.criterion.exact and not isinstance(scorer, MultimetricScorer)
        if exact and _is_leaf(model) and _is_finite(X):
            # Most of a smooth metric's time are checks; it is finite only for finite predictions.
            parts = scorer_parts(scorer)
            with config_context(
                assume_finite=True, skip_parameter_validation=parts is None or not parts[2]
            ):
                score = self._score(scorer, model, X)
            if np.isfinite(score):
                return score
        return self._score(scorer, model, X)

    def _loss(self) -> Any:
        classes: Any = getattr(self.fitted.estimator, "classes_", None)
        if self._last_loss is None or not np.array_equal(self._last_loss[0], classes):
            weight = self.score_params.get("sample_weight")
            self._last_loss = classes, self._whole.criterion.on(self.y_test, weight, classes)
        return self._last_loss[1]

    def _scored(self, scorer: Any) -> tuple[Any, Any]:
        """What a scorer is called with: the estimator and test data, or those of the last step."""
        if not self.score_params and _is_plain(scorer):
            return self.fitted.last_step(self.X_test)
        return self.fitted.estimator, self.X_test

    def _score(self, scorer: Any, model: Any, X: Any) -> Any:
        if model is not self.fitted.estimator:
            return scorer(model, X, self.y_test)
        y = () if self.y_test is None else (self.y_test,)

        def score(X: Any) -> Any:
            return scorer(model, X, *y, **self.score_params)

        return with_protected(score, self.X_test)

    def differentiate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The criterion and its hypergradient at the fitted params."""
        names = [n for n in params if n in self._whole.names and n in self.problem.names]
        if self._why_plain:
            return {"gradient_error": self._why_plain}
        try:
            return self._criterion_and_gradient(names)
        except Exception:
            if self._whole.objective.error_score == "raise":
                raise
            return {"gradient_error": format_exc()}

    def _criterion_and_gradient(self, names: list[str]) -> dict[str, Any]:
        """Criterion and gradient; single derivatives that fail are nan, with the reason."""
        method, loss = self._whole.criterion.method, self._loss()
        if not names:
            output = finite_output(self.fitted, self.X_test, method)
            return {"criterion": loss(output.value)[0], "gradient": {}}
        try:
            value, gradient = hypergradient(self.fitted, self.X_test, method, loss, names)
        except NotDifferentiableError as error:
            others = [name for name in names if not name.endswith(error.names)]
            if len(others) in (0, len(names)):
                raise
            result = self._criterion_and_gradient(others)
            missing = dict.fromkeys(set(names) - set(others), np.nan)
            return {
                **result,
                "gradient": {**result["gradient"], **missing},
                "gradient_error": format_exc(),
            }
        infinite = [name for name in names if not np.all(np.isfinite(as_vector(gradient[name])))]
        listed = ", ".join(infinite)
        why = f"The derivative with respect to {listed} is not finite." if infinite else None
        return {"criterion": value, "gradient": gradient, "gradient_error": why}


def _nothing() -> None: ...


def _weak(X: Any) -> Callable[[], Any]:
    """A weak reference to X; a strong one if its class does not support that."""
    try:
        return weakref.ref(X)
    except TypeError:
        return lambda: X


def _problem_of(estimator: Any) -> InnerProblem:
    """The inner problem; one without derivatives if the estimator is not differentiable."""
    try:
        return inner_problem(estimator)
    except NotDifferentiableError:
        return PlainProblem(estimator)


class _FoldEstimator(BaseEstimator):
    """Estimator that scikit-learn fits in place of the real one; a fold's problem does the work."""

    def __init__(self, fold: _Fold):
        self.fold = fold

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True  # the data are _KERNEL
        return tags

    def set_params(self, **params: Any) -> "_FoldEstimator":
        self._params = params
        return self

    def fit(self, rows: np.ndarray, y: Any = None) -> "_FoldEstimator":
        self.fold.fit(self._params)
        return self


class _MultimetricOn(MultimetricScorer):
    """Several scorers on a fold; of the class for which scikit-learn reports errors."""

    def __init__(self, fold: _Fold, scorers: MultimetricScorer):
        super().__init__(scorers=scorers._scorers, raise_exc=scorers._raise_exc)
        self._fold, self._of = fold, scorers

    def __call__(self, stand_in: _FoldEstimator, rows: np.ndarray) -> Any:
        return self._fold.score(self._of, _is_test(rows))


def _scorer_on(fold: _Fold, scorer: Any) -> Any:
    """A scorer of the stand-in that applies `scorer` to the fitted estimator."""
    if isinstance(scorer, MultimetricScorer):
        return _MultimetricOn(fold, scorer)
    return lambda stand_in, rows: fold.score(scorer, _is_test(rows))


def _is_test(rows: np.ndarray) -> bool:
    return bool(rows[0, 0] == _TEST[0])


def _is_leaf(model: Any) -> bool:
    """Whether a fitted estimator has no other ones, which check what earlier ones return."""
    own = vars(model)
    return "steps" not in own and not any(hasattr(value, "fit") for value in own.values())


def _is_finite(X: Any) -> bool:
    """Whether data are numbers in memory without nan and infinity."""
    try:
        return bool(np.isfinite(X.data if sparse.issparse(X) else np.asarray(X)).all())
    except (TypeError, RuntimeError):  # not numbers, or on another device
        return False


def _is_plain(scorer: Any) -> bool:
    """Whether a scorer uses predictions only, and not the estimator itself."""
    if isinstance(scorer, MultimetricScorer):
        return all(_is_plain(inner) for inner in scorer._scorers.values())
    parts = scorer_parts(scorer)
    return parts is None or parts[0] is not scorer
