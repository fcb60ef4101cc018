"""Meta-estimators that fit one model for each target, class or pair of classes.

Each model has an inner problem of its own, on the data that scikit-learn's own ``fit`` of the
meta-estimator hands to it. All have the same hyperparameters, so that derivatives add up.

Notation
--------
m, K, M : number of samples to predict, of outputs, of models
f : output of each model, (m, M)
"""

import copy
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
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

from skhyper.hypergradient._losses import class_pairs
from skhyper.hypergradient._problem import (
    Gradient,
    InnerProblem,
    NotDifferentiableError,
    check_not_overridden,
    inner_problem,
)
from skhyper.hypergradient._stage import split_params, stripped

__all__ = ["MultiOutputProblem", "OneVsOneProblem", "OneVsRestProblem", "SeparateProblem"]


class _Recorder(BaseEstimator):
    """Keeps what a meta-estimator fits one of its models on."""

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> "_Recorder":
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


class SeparateProblem(InnerProblem):
    """A meta-estimator by ``estimator__name``; a subclass says how outputs are put together."""

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        inner = inner_problem(estimator.estimator)
        self.names = tuple(f"estimator__{name}" for name in inner.names)
        self.methods, self.why_not, self.noise = inner.methods, inner.why_not, inner.noise
        self._passes_inputs = inner.passes_inputs
        self._problems: list[InnerProblem] = []

    def _combined(self, f: np.ndarray, method: str) -> tuple[np.ndarray, Callable]:
        """Output from f, and from ∂L/∂output to ∂L/∂f, (m, M)."""
        return f, lambda d: d

    @property
    def passes_inputs(self) -> bool:
        return self._passes_inputs

    @property
    def worth_keeping(self) -> bool:
        return any(problem.worth_keeping for problem in self._problems)

    def load(self, X: Any, y: Any, **fit_params: Any) -> None:
        recording = clone(self.estimator)
        recording.set_params(estimator=_Recorder(recording.estimator), n_jobs=None)
        self._template = recording.fit(X, y, **fit_params)
        self._problems = []
        for model in self._template.estimators_:
            if not isinstance(model, _Recorder):
                raise NotDifferentiableError(
                    f"{type(self.estimator).__name__} got a training fold in which an output has "
                    "one value only."
                )
            problem = inner_problem(self.estimator.estimator)
            problem.load(*model.data_, **model.fit_params_)
            del model.data_
            self._problems.append(problem)

    def fit(self, params: Mapping[str, Any]) -> Any:
        own, nested = split_params(self.estimator, params, ["estimator"])
        fitted = copy.copy(self._template)
        fitted.estimator = clone(self.estimator.estimator).set_params(
            **clone(nested["estimator"], safe=False)
        )
        fitted.n_jobs = self.estimator.n_jobs
        for name, value in own.items():
            setattr(fitted, name, value)
        models = [problem.fit(nested["estimator"]) for problem in self._problems]
        fitted.estimators_ = tuple(models) if isinstance(fitted.estimators_, tuple) else models
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(models[0], name) and not hasattr(fitted, name):
                setattr(fitted, name, getattr(models[0], name))
        return fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        asked = "predict" if is_regressor(self.estimator.estimator) else method
        outputs = [np.asarray(problem.predict(X, asked)) for problem in self._problems]
        self._shapes = [output.shape for output in outputs]
        # A decision value, a prediction, or the probability of the second of two classes.
        f = np.column_stack([output.reshape(len(output), -1)[:, -1] for output in outputs])
        output, self._to_models = self._combined(f, method)
        return output

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        d_f = self._to_models(d_output)
        wanted = None if self.wanted is None else stripped(self.wanted, "estimator")
        parts = []
        for problem, shape, d in zip(self._problems, self._shapes, d_f.T, strict=True):
            problem.wanted = wanted
            problem.inputs_wanted = self.inputs_wanted and self.passes_inputs
            D = np.zeros(shape)
            D.reshape(len(D), -1)[:, -1] = d
            parts.append(problem.pull_back(D))
        dw, direct, dX = zip(*parts, strict=True)
        return list(dw), self._prefixed(direct), _summed(dX)

    def solve(self, dw: Any) -> Any:
        return [problem.solve(part) for problem, part in zip(self._problems, dw, strict=True)]

    def cross(self, u: Any) -> Gradient:
        return self._prefixed(
            [problem.cross(part) for problem, part in zip(self._problems, u, strict=True)]
        )

    def _prefixed(self, gradients: Sequence[Gradient]) -> Gradient:
        return {f"estimator__{name}": slope for name, slope in _added(gradients).items()}

    def cross_inputs(self, u: Any) -> np.ndarray | None:
        return _summed([p.cross_inputs(part) for p, part in zip(self._problems, u, strict=True)])


@inner_problem.register(MultiOutputRegressor)
class MultiOutputProblem(SeparateProblem):
    """MultiOutputRegressor: a column of the predictions from each model."""

    def __init__(self, estimator: MultiOutputRegressor):
        super().__init__(estimator)
        check_not_overridden(estimator, MultiOutputRegressor, "fit", "predict")
        self.methods = ("predict",)


class _ClassesProblem(SeparateProblem):
    """Several classes from binary models, classifiers or regressors of 0 and 1."""

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        if is_regressor(estimator.estimator):
            self.methods = ("decision_function",)

    def _combined(self, f: np.ndarray, method: str) -> tuple[np.ndarray, Callable]:
        if f.shape[1] > 1:
            return self._of_several(f, method)
        if method == "predict_proba":
            return np.hstack([1 - f, f]), lambda d: d[:, 1:] - d[:, :1]
        return f[:, 0], lambda d: d[:, None]

    @abstractmethod
    def _of_several(self, f: np.ndarray, method: str) -> tuple[np.ndarray, Callable]: ...


@inner_problem.register(OneVsRestClassifier)
class OneVsRestProblem(_ClassesProblem):
    """OneVsRestClassifier of classes; probabilities are scaled to add up to 1."""

    def __init__(self, estimator: OneVsRestClassifier):
        super().__init__(estimator)
        check_not_overridden(estimator, OneVsRestClassifier, "fit", "predict_proba")

    def load(self, X: Any, y: Any, **fit_params: Any) -> None:
        super().load(X, y, **fit_params)
        if self._template.multilabel_:
            raise NotDifferentiableError(
                "OneVsRestClassifier has no hypergradient with several labels for a sample: its "
                "score counts samples whose labels are all right, and has no smooth surrogate here."
            )

    def _of_several(self, f: np.ndarray, method: str) -> tuple[np.ndarray, Callable]:
        if method != "predict_proba":
            return f, lambda d: d
        total = f.sum(axis=1, keepdims=True)
        total = np.where(total == 0, 1.0, total)
        P = f / total
        return P, lambda d: (d - (d * P).sum(axis=1, keepdims=True)) / total


@inner_problem.register(OneVsOneClassifier)
class OneVsOneProblem(_ClassesProblem):
    """OneVsOneClassifier: decision values of pairs, added up for each class.

    Its own add votes to these, which have no slope.
    """

    def __init__(self, estimator: OneVsOneClassifier):
        super().__init__(estimator)
        check_not_overridden(estimator, OneVsOneClassifier, "fit", "decision_function")
        self.methods = ("decision_function",)

    @property
    def passes_inputs(self) -> bool:
        return False  # each model has rows of its own

    def _of_several(self, f: np.ndarray, method: str) -> tuple[np.ndarray, Callable]:
        eye = np.eye(len(self._template.classes_))
        # The model of two classes is positive for the second.
        sums = np.array([eye[j] - eye[i] for i, j in class_pairs(len(eye))])
        return f @ sums, lambda d: d @ sums.T


@inner_problem.register(ClassifierChain)
@inner_problem.register(MultiOutputClassifier)
@inner_problem.register(OutputCodeClassifier)
@inner_problem.register(RegressorChain)
def _refused(estimator: Any) -> InnerProblem:
    name = type(estimator).__name__
    if isinstance(estimator, ClassifierChain | RegressorChain):
        reason = "each of its models predicts from what the ones before it predicted"
    elif isinstance(estimator, OutputCodeClassifier):
        reason = "the nearest code word has no slope"
    else:
        reason = "its score counts samples whose outputs are all right, without a smooth surrogate"
    raise NotDifferentiableError(f"{name} has no hypergradient: {reason}.")


def _added(parts: Sequence[Any]) -> Any:
    """Sum of numbers, of arrays, or of dicts of them, of which some may lack entries."""
    if not isinstance(parts[0], Mapping):
        return sum(parts[1:], start=parts[0])
    names = {name: None for part in parts for name in part}
    return {name: _added([part[name] for part in parts if name in part]) for name in names}


def _summed(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Sum; None where any of them is."""
    return None if any(part is None for part in parts) else sum(parts[1:], start=parts[0])
