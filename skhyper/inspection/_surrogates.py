"""Surrogates of the loss whose variance can be decomposed exactly: a forest and a GP.

Both are scikit-learn's, fitted to points of the unit cube. Coordinates of inactive
hyperparameters, which have no effect, are drawn at random, anew for each tree.

Notation
--------
points : (n, d), in the unit cube, nan where inactive
y : (n,) losses
n_cells : number of cells of each of the d axes; the number of choices if these are categories
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.stats import qmc
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.tree import DecisionTreeRegressor

from skhyper.inspection._anova import SumOfProducts, cells_covered, leaves

# Groups of trees, or refits of a GP, each on a bootstrap sample: their spread is the uncertainty.
_N_REFITS = 16
_TREES_PER_REFIT = 8
# Leaves of at least 3 trials halve the time of those of 1 and are as accurate.
_MIN_LEAF = 3
# Quasi-random points, in powers of 2, for the variance of a forest.
_LOG2_POINTS = 12
# Trials from which a GP's kernel is estimated, and those that it is conditioned on.
_MAX_FITTED, _MAX_CONDITIONED = 150, 500


@dataclass(frozen=True, eq=False)
class Forest:
    """Regression trees on bootstrap samples.

    Attributes
    ----------
    trees : list of list of DecisionTreeRegressor
        Groups of trees; those of a group share a bootstrap sample.
    n_cells : sequence of int
    r2 : float
        Share of the losses' variance that trees predict for trials out of their sample.
    """

    trees: Sequence[Sequence[DecisionTreeRegressor]]
    n_cells: Sequence[int]
    r2: float

    @classmethod
    def fit(
        cls, points: np.ndarray, y: np.ndarray, n_cells: Sequence[int], rng: np.random.Generator
    ) -> "Forest":
        n, inactive = len(y), np.isnan(points)
        groups = []
        left_out = np.full((_N_REFITS, n), np.nan)
        for predictions in left_out:
            sample, group = rng.integers(n, size=n), []
            for _ in range(_TREES_PER_REFIT):
                # Rows of the sample once more: trees of a group differ, too.
                rows = sample[rng.integers(n, size=n)] if n > 8 * _MIN_LEAF else sample
                X = np.where(inactive, rng.random(points.shape), points)[rows]
                tree = DecisionTreeRegressor(
                    min_samples_leaf=_MIN_LEAF, random_state=int(rng.integers(2**31))
                )
                group.append(tree.fit(X, y[rows]))
            groups.append(group)
            unseen = np.setdiff1d(np.arange(n), sample)
            X = np.where(inactive, rng.random(points.shape), points)[unseen]
            predictions[unseen] = np.mean([t.predict(X) for t in group], axis=0) if len(X) else 0
        return cls(groups, n_cells, _r2(y, left_out))

    def parts(self) -> list[SumOfProducts]:
        """The mean of all trees, and of those of each group."""
        groups = [*self.trees]
        return [self._mean([t for g in groups for t in g]), *(self._mean(g) for g in groups)]

    def _mean(self, trees: Sequence[DecisionTreeRegressor]) -> SumOfProducts:
        boxes = [leaves(tree, len(self.n_cells)) for tree in trees]
        low, high, values = (np.concatenate(part) for part in zip(*boxes, strict=True))
        factors = [
            cells_covered(low[:, j], high[:, j], n_cells) for j, n_cells in enumerate(self.n_cells)
        ]
        return SumOfProducts(values / len(trees), factors)

    def variances(self) -> np.ndarray:
        """Variance over the cube of each of the :meth:`parts`."""
        U = qmc.Sobol(len(self.n_cells), seed=0).random_base2(_LOG2_POINTS)
        groups = np.array([np.mean([t.predict(U) for t in g], axis=0) for g in self.trees])
        return np.array([groups.mean(axis=0).var(), *groups.var(axis=1)])

    def predict(self, points: np.ndarray) -> np.ndarray:
        """Loss at points without nan, (n,)."""
        mean: np.ndarray = np.mean([t.predict(points) for g in self.trees for t in g], axis=0)
        return mean


@dataclass(frozen=True, eq=False)
class ProductGP:
    """A Gaussian process with a product kernel: squared exponential, one length-scale per column.

    Attributes
    ----------
    models : list of GaussianProcessRegressor
        That of all trials, and those of bootstrap samples, with the same kernel.
    n_cells : sequence of int
    choices : list of (ndarray of shape (n_cells, p) or None)
        Features of each choice of a column; None for columns that are their own feature.
    r2 : float
        Share of the losses' variance that is predicted for each trial from the others.
    """

    models: Sequence[GaussianProcessRegressor]
    n_cells: Sequence[int]
    choices: Sequence[np.ndarray | None]
    r2: float = np.nan

    @classmethod
    def fit(
        cls,
        points: np.ndarray,
        y: np.ndarray,
        n_cells: Sequence[int],
        choices: Sequence[np.ndarray | None],
        rng: np.random.Generator,
    ) -> "ProductGP":
        shell = cls((), n_cells, choices)
        if len(y) > _MAX_CONDITIONED:
            kept = rng.choice(len(y), _MAX_CONDITIONED, replace=False)
            points, y = points[kept], y[kept]
        X = shell._encoded(points)
        kernel = ConstantKernel(1.0, (1e-2, 1e3)) * RBF(np.full(X.shape[1], 0.5), (0.05, 50.0))
        kernel = kernel + WhiteKernel(0.01, (1e-6, 1.0))
        rows = rng.permutation(len(y))[:_MAX_FITTED]
        with warnings.catch_warnings():
            # Length-scales of columns without effect end at their upper bound.
            warnings.simplefilter("ignore", ConvergenceWarning)
            gp = GaussianProcessRegressor(kernel, normalize_y=True).fit(X[rows], y[rows])
        models = [_conditioned(gp.kernel_, X, y)]
        for _ in range(_N_REFITS):
            rows = rng.integers(len(y), size=len(y))
            models.append(_conditioned(gp.kernel_, X[rows], y[rows]))
        return cls(models, n_cells, choices, _r2(y, _left_out(models[0])[None]))

    def _encoded(self, points: np.ndarray) -> np.ndarray:
        """Features (n, p) of points (n, d)."""
        return np.hstack([self._features(j, points[:, j]) for j in range(len(self.n_cells))])

    def _features(self, column: int, u: np.ndarray) -> np.ndarray:
        """Features (n, p) of the coordinates of a column."""
        features = self.choices[column]
        if features is None:
            return u[:, None]
        n = len(features)
        chosen: np.ndarray = features[np.clip(np.floor(u * n), 0, n - 1).astype(int)]
        return chosen

    def parts(self) -> list[SumOfProducts]:
        """The mean of the GP of all trials, and of those of bootstrap samples."""
        return [self._mean(model) for model in self.models]

    def _mean(self, model: Any) -> SumOfProducts:
        """The predicted loss, up to a constant."""
        signal = model.kernel_.k1
        scales, start, factors = np.atleast_1d(signal.k2.length_scale), 0, []
        for column, n in enumerate(self.n_cells):
            at = self._features(column, (np.arange(n) + 0.5) / n)
            own = slice(start, start := start + at.shape[1])
            gaps = (model.X_train_[:, None, own] - at[None]) / scales[own]
            factors.append(np.exp(-0.5 * np.sum(gaps**2, axis=2)))
        values = model.alpha_.ravel() * signal.k1.constant_value * model._y_train_std
        return SumOfProducts(values, factors)

    def variances(self) -> np.ndarray:
        """Variance over the cube of each of the :meth:`parts`."""
        return np.array([_variance(part) for part in self.parts()])

    def predict(self, points: np.ndarray) -> np.ndarray:
        """Loss at points without nan, (n,)."""
        mean: np.ndarray = self.models[0].predict(self._encoded(points))
        return mean


def _variance(part: SumOfProducts) -> float:
    """Variance of a sum of few products: the integral of its square needs N² d operations."""
    products = np.ones((len(part.values), len(part.values)))
    for factor in part.factors:
        products *= factor @ factor.T / factor.shape[1]
    return float(max(0.0, part.values @ products @ part.values - part.mean**2))


def _conditioned(kernel: Any, X: np.ndarray, y: np.ndarray) -> GaussianProcessRegressor:
    """A GP with a fixed kernel, conditioned on data."""
    return GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True).fit(X, y)


def _left_out(model: Any) -> np.ndarray:
    """Prediction of each observation of a GP from the others, (n,)."""
    L, alpha = model.L_, model.alpha_.ravel()
    precision = np.sum(solve_triangular(L, np.eye(len(L)), lower=True) ** 2, axis=0)
    residuals = alpha / precision * model._y_train_std
    y = model.y_train_.ravel() * model._y_train_std + model._y_train_mean
    predicted: np.ndarray = y - residuals
    return predicted


def _r2(y: np.ndarray, predictions: np.ndarray) -> float:
    """Share of the variance of y (n,) that is explained by the mean of predictions (m, n).

    nan among the predictions is ignored.
    """
    known = ~np.all(np.isnan(predictions), axis=0)
    y, mean = y[known], np.nanmean(predictions[:, known], axis=0)
    return float(1 - np.mean((y - mean) ** 2) / y.var()) if y.size and y.var() > 0 else np.nan
