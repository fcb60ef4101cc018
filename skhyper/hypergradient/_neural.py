"""Neural networks, by the hyperparameters of their training.

Notation
--------
m, K, P : number of samples to predict, of outputs, of weights
Z : what the last layer puts out, (m, K)
T : derivatives of the weights by the hyperparameters, (k, P)
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skhyper._numeric._data import as_matrix
from skhyper.hypergradient._forward import ForwardProblem
from skhyper.hypergradient._losses import sigmoid_pull_back, softmax_pull_back
from skhyper.hypergradient._problem import Gradient, check_not_overridden, inner_problem
from skhyper.neural_network import (
    MLPClassifier,
    MLPRegressor,
    differentiable,
    fit_with_slopes,
    pull_back,
)

__all__ = ["NeuralProblem"]


@inner_problem.register(MLPClassifier)
@inner_problem.register(MLPRegressor)
class NeuralProblem(ForwardProblem):
    """MLPClassifier and MLPRegressor by their learning rate, penalties, momentum.

    With early stopping, the epoch that is kept is taken for fixed. Where the estimator has no
    seed, all settings of a fold have the same.
    """

    why_not = "Widths, batches and epochs of a network are whole numbers."

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        base = MLPClassifier if isinstance(estimator, MLPClassifier) else MLPRegressor
        check_not_overridden(estimator, base, "fit", "predict")
        self.names = differentiable(estimator.optimizer, estimator.schedule)
        self._slopes: Callable[[np.ndarray], np.ndarray] | None = None

    def take(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self._data = X, y
        self._sample_weight = sample_weight
        self._seed = self.estimator.random_state
        if self._seed is None:
            self._seed = int(check_random_state(None).randint(2**31 - 1))

    def fit(self, params: Mapping[str, Any]) -> Any:
        self._params = dict(params)
        self._train([name for name in self.names if name in params])
        return self._fitted

    def predict(self, X: Any, method: str) -> np.ndarray:
        self._X_test = as_matrix(X)
        self._to_outputs = self._link(method)
        return getattr(self._fitted, method)(X)

    def pull_back(self, d_output: np.ndarray) -> tuple[Any, Gradient, np.ndarray | None]:
        return pull_back(self._fitted, self._X_test, self._to_outputs(d_output)), {}, None

    def along(self, dw: np.ndarray) -> Gradient:
        wanted = [n for n in self.names if self.wanted is None or n in self.wanted]
        if self._slopes is None or not set(wanted) <= set(self._carried):
            self._train(wanted)
        assert self._slopes is not None
        slopes = iter(self._slopes(dw))
        self._slopes = None  # the steps of training that it may keep take memory
        gradient: Gradient = {}
        for name in self._carried:
            value = getattr(self._fitted, name)
            gradient[name] = float(next(slopes)) if np.ndim(value) == 0 else _array(value, slopes)
        return {name: gradient[name] for name in wanted}

    def _train(self, names: list[str]) -> None:
        """Fit, with derivatives by some hyperparameters."""
        self._fitted = clone(self.estimator).set_params(**clone(self._params, safe=False))
        own = self._fitted.random_state
        self._fitted.random_state = clone(self._seed, safe=False)
        self._slopes = fit_with_slopes(self._fitted, *self._data, names, self._sample_weight)
        self._fitted.random_state = own
        self._carried = names

    def _link(self, method: str) -> Callable[[np.ndarray], np.ndarray]:
        """From ∂L/∂output to ∂L/∂Z, (m, K)."""
        K = self._fitted.n_outputs_
        if method != "predict_proba":
            return lambda d: d.reshape(-1, K)
        Z = self._fitted.decision_function(self._X_test)
        if K == 1:
            return lambda d: sigmoid_pull_back(Z, d)[:, None]
        return lambda d: softmax_pull_back(Z, d)


def _array(value: Any, slopes: Any) -> np.ndarray:
    return np.array([next(slopes) for _ in range(np.size(value))])
