"""scikit-optimize's Optimizer as a sampler: GP, random-forest and extra-trees surrogates."""

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from skhyper._trial import History
from skhyper.samplers._arguments import check_number
from skhyper.samplers._base import Sampler, Surrogate, located_trials
from skhyper.space import Dimension, Space

# How to do without scikit-optimize, for messages.
_WITHOUT = "Without optimizer_kwargs, BayesSearchCV uses a Gaussian process of its own."


class SkoptSampler(Sampler):
    """Sampler that wraps ``skopt.Optimizer``.

    Parameters
    ----------
    **kwargs : object
        Keywords of ``skopt.Optimizer``: ``base_estimator`` ("GP", "RF", "ET"),
        ``n_initial_points``, ``acq_func``, ``acq_optimizer``, ...

    Notes
    -----
    Each proposal creates an optimizer from the whole history, and so depends on the history only.
    ``acq_func="gp_hedge"`` therefore starts without its gains each time. Numbers are passed as
    reals in [0, 1], choices as categories; inactive dimensions are 0.5. Failed trials have the
    worst loss seen, pending ones the mean.

    Examples
    --------
    >>> from skhyper.samplers import SkoptSampler
    >>> SkoptSampler(base_estimator="RF", acq_func="EI")
    SkoptSampler(base_estimator='RF', acq_func='EI')
    """

    starts_from_default = True

    def __init__(self, **kwargs: Any):
        self.kwargs = kwargs

    def __repr__(self) -> str:
        return f"SkoptSampler({', '.join(f'{k}={v!r}' for k, v in self.kwargs.items())})"

    def check(self, space: Space) -> None:
        """Raise if scikit-optimize is missing, or its ``Optimizer`` rejects the keywords."""
        try:
            from skopt import Optimizer
        except ImportError as error:
            raise ImportError(
                f"{self!r} needs scikit-optimize to be installed. {_WITHOUT}"
            ) from error
        allowed = set(inspect.signature(Optimizer).parameters) - {"dimensions"}
        if unknown := [name for name in self.kwargs if name not in allowed]:
            raise TypeError(
                f"{unknown[0]!r} is not a keyword of skopt.Optimizer; use one of {sorted(allowed)}."
            )
        for name in ("n_initial_points", "n_random_starts"):
            check_number(name, self.kwargs.get(name, 1), whole=True, low=0)
        try:
            Optimizer(_dimensions(space), **{**self.kwargs, "random_state": 0})
        except Exception as error:
            raise ValueError(
                f"skopt.Optimizer refuses {self.kwargs!r}: {error} {_WITHOUT}"
            ) from error

    def ask(self, space: Space, history: History, rng: np.random.Generator) -> np.ndarray:
        (values,) = self._optimizer(space, history, rng).ask(n_points=1)
        return space.canonical([_from_skopt(space, values)])[0]

    def model(self, space: Space, history: History) -> "_SkoptSurrogate | None":
        rng = np.random.default_rng(history.seed)
        optimizer = self._optimizer(space, history, rng)
        return _SkoptSurrogate(space, optimizer) if optimizer.models else None

    def _optimizer(self, space: Space, history: History, rng: np.random.Generator) -> Any:
        """scikit-optimize's optimizer, given the history."""
        from skopt import Optimizer

        points, losses, pending = located_trials(space, history)
        n_initial = self.kwargs.get("n_initial_points", 10)
        kwargs = {"n_initial_points": n_initial, **self.kwargs}
        # All points of an initial design need the same seed; random points need different ones, as
        # each optimizer makes only one proposal.
        designed = kwargs.get("initial_point_generator", "random") != "random"
        one_design = designed and len(points) < n_initial
        kwargs["random_state"] = history.seed if one_design else int(rng.integers(2**31))
        if hasattr(kwargs.get("base_estimator"), "get_params"):
            kwargs["base_estimator"] = _seeded(kwargs["base_estimator"], rng)
        optimizer = Optimizer(_dimensions(space), **kwargs)
        if len(points):
            optimizer.tell(_to_skopt(space, points), _finite_losses(losses, pending))
        return optimizer


@dataclass(frozen=True)
class _SkoptSurrogate(Surrogate):
    """The last model of an optimizer of scikit-optimize."""

    space: Space
    optimizer: Any

    def predict_points(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = _to_skopt(self.space, self.space.canonical(points))
        X = self.optimizer.space.transform(values)
        mean, std = self.optimizer.models[-1].predict(X, return_std=True)
        return mean, std


def _seeded(estimator: Any, rng: np.random.Generator) -> Any:
    """A copy seeded by `rng`; skopt seeds only the estimators that it creates."""
    copied = clone(estimator)
    if copied.get_params().get("random_state", 0) is None:
        copied.set_params(random_state=int(rng.integers(2**31)))
    return copied


def _dimensions(space: Space) -> list:
    from skopt.space import Categorical, Real

    return [
        Categorical([str(i) for i in range(int(dimension.n_values))], prior=_weights(dimension))
        if dimension.kind == "categorical"
        else Real(0.0, 1.0)
        for dimension in space.dimensions
    ]


def _weights(dimension: Dimension) -> list[float] | None:
    weights = getattr(dimension, "weights", None)
    return None if weights is None else (np.asarray(weights) / np.sum(weights)).tolist()


def _to_skopt(space: Space, points: np.ndarray) -> list[list]:
    points = np.clip(np.where(np.isnan(points), 0.5, points), 0.0, 1.0)
    return [
        [
            str(int(dimension.index(u))) if dimension.kind == "categorical" else float(u)
            for dimension, u in zip(space.dimensions, point, strict=True)
        ]
        for point in points
    ]


def _from_skopt(space: Space, values: list) -> list[float]:
    return [
        float(dimension.grid(0)[int(value)]) if dimension.kind == "categorical" else float(value)
        for dimension, value in zip(space.dimensions, values, strict=True)
    ]


def _finite_losses(losses: np.ndarray, pending: np.ndarray) -> list[float]:
    known = losses[np.isfinite(losses)]
    if len(known) == 0:
        return [0.0] * len(losses)
    replacement = np.where(pending, known.mean(), known.max())
    return [float(v) for v in np.where(np.isfinite(losses), losses, replacement)]
