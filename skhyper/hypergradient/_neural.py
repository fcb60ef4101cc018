"""Neural networks, with respect to the hyperparameters of their training.

Notation
--------
m, K, P : number of samples to predict, of outputs, of weights
Z : output of the last layer before its activation, (m, K)
T : derivatives of the weights with respect to the hyperparameters, (k, P)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skhyper._numeric._data import as_matrix
from skhyper.hypergradient import _problem as hg
from skhyper.hypergradient._losses import probability_pull_back
from skhyper.hypergradient._rules import forward_vjp
from skhyper.neural_network import (
    MLPClassifier,
    MLPRegressor,
    differentiable,
    fit_with_slopes,
    pull_back,
)


@hg.inner_problem.register(MLPClassifier | MLPRegressor)
class NeuralProblem(hg.InnerProblem):
    """MLPClassifier and MLPRegressor, for their learning rate, penalties and momentum.

    With early stopping, the epoch whose weights are kept is treated as fixed. For an estimator
    without a seed, all fits of a fold share one.
    """

    inherits = ("fit", "predict")
    traits = hg.Traits(
        why_not="Widths, batches and epochs of a network are integers.", is_forward=True
    )

    def __init__(self, estimator: Any):
        super().__init__(estimator)
        self.names = differentiable(estimator.optimizer, estimator.schedule)

    def load(self, X: Any, y: Any, sample_weight: Any = None) -> hg.Fold:  # type: ignore[override]
        seed = self.estimator.random_state
        if seed is None:
            seed = int(check_random_state(None).randint(2**31 - 1))
        return _NeuralFold(self, X, y, sample_weight, seed)


@dataclass(frozen=True)
class _NeuralFold(hg.Fold):
    problem: NeuralProblem
    X: Any
    y: Any
    sample_weight: Any
    seed: Any

    def fit(self, params: Mapping[str, Any]) -> hg.Fit:
        return _NeuralFit(self, dict(params))

    def train(
        self, params: Mapping[str, Any], names: list[str]
    ) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
        """The fitted estimator, and the map from ``∂L/∂w`` to ``∂L/∂w dW/dθ`` for `names`."""
        fitted = hg.unfitted(self.problem.estimator, params)
        own = fitted.random_state
        fitted.random_state = clone(self.seed, safe=False)
        slopes = fit_with_slopes(fitted, self.X, self.y, names, self.sample_weight)
        fitted.random_state = own
        return fitted, slopes


class _NeuralFit(hg.Fit):
    """A fit trained with derivatives for the hyperparameters in `params`."""

    def __init__(self, fold: _NeuralFold, params: Mapping[str, Any]):
        self._fold, self._params = fold, params
        self._carried = [name for name in fold.problem.names if name in params]
        self.estimator, slopes = fold.train(params, self._carried)
        # Dropped after one use: it may contain the training steps, which take memory.
        self._slopes: Callable[[np.ndarray], np.ndarray] | None = slopes

    def predict(self, X: Any, method: str) -> hg.Output:
        X_test = as_matrix(X)
        to_outputs = self._link(X_test, method)

        def direct(d_value: np.ndarray, want: hg.Want) -> tuple[Any, hg.Cotangents]:
            return pull_back(self.estimator, X_test, to_outputs(d_value)), hg.Cotangents({})

        return hg.Output(getattr(self.estimator, method)(X), forward_vjp(direct, self._along))

    def _along(self, dw: np.ndarray, want: hg.Want) -> hg.Gradient:
        """``dwᵀ dW/dθ``; trains again after the first use or for other names."""
        wanted = [name for name in self._fold.problem.names if name in want.names]
        if self._slopes is None or not set(wanted) <= set(self._carried):
            self._carried = wanted
            _, self._slopes = self._fold.train(self._params, wanted)
        slopes = iter(self._slopes(dw))
        self._slopes = None
        gradient: hg.Gradient = {}
        for name in self._carried:
            value = getattr(self.estimator, name)
            gradient[name] = float(next(slopes)) if np.ndim(value) == 0 else _array(value, slopes)
        return {name: gradient[name] for name in wanted}

    def _link(self, X_test: Any, method: str) -> Callable[[np.ndarray], np.ndarray]:
        """Pull-back of ∂L/∂output to ∂L/∂Z, (m, K)."""
        K = self.estimator.n_outputs_
        if method != "predict_proba":
            return lambda d: d.reshape(-1, K)
        Z = self.estimator.decision_function(X_test).reshape(-1, K)
        return partial(probability_pull_back, Z)


def _array(value: Any, slopes: Any) -> np.ndarray:
    return np.array([next(slopes) for _ in range(np.size(value))])
