"""Meta-estimators that fit one model for each target, class or pair of classes.

Each model has its own inner problem, on the data that scikit-learn's own ``fit`` of the
meta-estimator passes to it. All share their hyperparameters, so that derivatives are summed.

Notation
--------
m, K, M : number of samples to predict, of outputs, of models
f : output of each model, (m, M)
"""

import copy
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.utils import get_tags

from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._losses import class_pairs
from skhyper.hypergradient._stage import split_params


class Recorder(BaseEstimator):
    """Records the data on which a meta-estimator fits one of its models."""

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> "Recorder":
        if sample_weight is not None:
            fit_params["sample_weight"] = sample_weight
        self.data_, self.fit_params_ = (X, y), fit_params
        return self

    def predict(self, X: Any) -> Any:
        raise AssertionError("only stands for a model")

    def get_metadata_routing(self) -> Any:
        return self.estimator.get_metadata_routing()

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)


class SeparateProblem(hg.InnerProblem):
    """A meta-estimator, for ``estimator__name``; subclasses define how outputs are combined."""

    # Whether all models are fitted on the same rows.
    shares_rows = True

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        inner = hg.inner_problem(estimator.estimator)
        self.names = tuple(hg.prefixed("estimator", dict.fromkeys(inner.names)))
        self.methods = inner.methods
        self.traits = hg.Traits(
            why_not=inner.traits.why_not,
            solver_noise=inner.traits.solver_noise,
            passes_data=inner.traits.passes_data and self.shares_rows,
        )

    def load(self, X: Any, y: Any, **fit_params: Any) -> hg.Fold:
        recording = clone(self.estimator)
        recording.set_params(estimator=Recorder(recording.estimator), n_jobs=None)
        template = recording.fit(X, y, **fit_params)
        folds = []
        for model in template.estimators_:
            if not isinstance(model, Recorder):
                raise hg.NotDifferentiableError(
                    f"{type(self.estimator).__name__} got a training fold in which an output has "
                    "one value only; it needs at least two."
                )
            problem = hg.inner_problem(self.estimator.estimator)
            folds.append(problem.load(*model.data_, **model.fit_params_))
            del model.data_
        self.check(template)
        return _SeparateFold(self, template, tuple(folds))

    def check(self, template: Any) -> None:
        """Check how the meta-estimator has split the training data."""

    def combined(self, f: np.ndarray, method: str, fitted: Any) -> tuple[np.ndarray, Callable]:
        """Output from f, and the pull-back of ∂L/∂output to ∂L/∂f, (m, M)."""
        return f, lambda d: d


@dataclass(frozen=True)
class _SeparateFold(hg.Fold):
    problem: SeparateProblem
    template: Any
    folds: tuple[hg.Fold, ...]

    @property
    def caches(self) -> bool:  # type: ignore[override]
        return any(fold.caches for fold in self.folds)

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        estimator = self.problem.estimator
        own, nested = split_params(estimator, params, ["estimator"])
        fitted = copy.copy(self.template)
        fitted.estimator = hg.unfitted(estimator.estimator, nested["estimator"])
        fitted.n_jobs = estimator.n_jobs
        for name, value in own.items():
            setattr(fitted, name, value)
        fits = [fold.fit(nested["estimator"]) for fold in self.folds]
        models = [fit.estimator for fit in fits]
        fitted.estimators_ = tuple(models) if isinstance(fitted.estimators_, tuple) else models
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(models[0], name) and not hasattr(fitted, name):
                setattr(fitted, name, getattr(models[0], name))
        return _SeparateFit(fitted, self.problem, fits)


@dataclass(frozen=True)
class _SeparateFit(hg.Fit):
    estimator: Any
    problem: SeparateProblem
    fits: Sequence[hg.Fit]

    def predict(self, X: Any, method: str) -> hg.Output:
        asked = "predict" if is_regressor(self.estimator.estimator) else method
        outputs = [fit.predict(X, asked) for fit in self.fits]
        # A decision value, a prediction, or the probability of the positive class.
        last = [
            np.asarray(output.value).reshape(len(output.value), -1)[:, -1] for output in outputs
        ]
        value, to_models = self.problem.combined(np.column_stack(last), method, self.estimator)

        def vjp(d_value: np.ndarray, want: hg.Want) -> hg.Cotangents:
            below = hg.Want(
                hg.stripped(want.names, "estimator"), want.data and self.problem.traits.passes_data
            )
            parts = []
            for output, d in zip(outputs, to_models(d_value).T, strict=True):
                D = np.zeros(np.shape(output.value))
                D.reshape(len(D), -1)[:, -1] = d
                parts.append(output.vjp(D, below))
            params, *dX = zip(*parts, strict=True)
            return hg.Cotangents(hg.prefixed("estimator", _added(params)), *map(_summed, dX))

        return hg.Output(value, vjp)


@hg.inner_problem.register(MultiOutputRegressor)
class MultiOutputProblem(SeparateProblem):
    """MultiOutputRegressor: one model for each column of the predictions."""

    inherits = ("fit", "predict")

    def __init__(self, estimator: MultiOutputRegressor):
        super().__init__(estimator)
        self.methods = ("predict",)


class _ClassesProblem(SeparateProblem):
    """Multiclass classification by binary models: classifiers, or regressors of 0 and 1."""

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        if is_regressor(estimator.estimator):
            self.methods = ("decision_function",)

    def combined(self, f: np.ndarray, method: str, fitted: Any) -> tuple[np.ndarray, Callable]:
        if f.shape[1] > 1:
            return self._of_several(f, method, fitted)
        if method == "predict_proba":
            return np.hstack([1 - f, f]), lambda d: d[:, 1:] - d[:, :1]
        return f[:, 0], lambda d: d[:, None]

    @abstractmethod
    def _of_several(
        self, f: np.ndarray, method: str, fitted: Any
    ) -> tuple[np.ndarray, Callable]: ...


@hg.inner_problem.register(OneVsRestClassifier)
class OneVsRestProblem(_ClassesProblem):
    """OneVsRestClassifier for multiclass targets; probabilities are normalized to sum to 1."""

    inherits = ("fit", "predict_proba")

    def check(self, template: Any) -> None:
        if template.multilabel_:
            raise hg.NotDifferentiableError(
                "OneVsRestClassifier has no hypergradient for multilabel targets: its score counts "
                "samples with all labels correct, which has no surrogate loss here."
            )

    def _of_several(self, f: np.ndarray, method: str, fitted: Any) -> tuple[np.ndarray, Callable]:
        if method != "predict_proba":
            return f, lambda d: d
        total = f.sum(axis=1, keepdims=True)
        total = np.where(total == 0, 1.0, total)
        P = f / total
        return P, lambda d: (d - (d * P).sum(axis=1, keepdims=True)) / total


@hg.inner_problem.register(OneVsOneClassifier)
class OneVsOneProblem(_ClassesProblem):
    """OneVsOneClassifier: decision values of pairs, summed for each class.

    scikit-learn's own decision function adds votes, whose derivative is 0.
    """

    shares_rows = False
    inherits = ("fit", "decision_function")

    def __init__(self, estimator: OneVsOneClassifier):
        super().__init__(estimator)
        self.methods = ("decision_function",)

    def _of_several(self, f: np.ndarray, method: str, fitted: Any) -> tuple[np.ndarray, Callable]:
        eye = np.eye(len(fitted.classes_))
        # The model of a pair is positive for its second class.
        sums = np.array([eye[j] - eye[i] for i, j in class_pairs(len(eye))])
        return f @ sums, lambda d: d @ sums.T


@hg.inner_problem.register(ClassifierChain)
@hg.inner_problem.register(MultiOutputClassifier)
@hg.inner_problem.register(OutputCodeClassifier)
@hg.inner_problem.register(RegressorChain)
def _refused(estimator: Any) -> hg.InnerProblem:
    name = type(estimator).__name__
    if isinstance(estimator, ClassifierChain | RegressorChain):
        reason = "each of its models uses the predictions of earlier ones"
    elif isinstance(estimator, OutputCodeClassifier):
        reason = "the choice of the nearest code word is not differentiable"
    else:
        reason = "its score counts samples with all outputs correct, without a surrogate loss"
    raise hg.NotDifferentiableError(f"{name} has no hypergradient: {reason}.")


def _added(parts: Sequence[Any]) -> Any:
    """Sum of numbers, of arrays, or of dicts of them, some of which may lack entries."""
    if not isinstance(parts[0], Mapping):
        return sum(parts[1:], start=parts[0])
    names = {name: None for part in parts for name in part}
    return {name: _added([part[name] for part in parts if name in part]) for name in names}


def _summed(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Sum; None where any term is."""
    given = [part for part in parts if part is not None]
    return _added(given) if len(given) == len(parts) else None
