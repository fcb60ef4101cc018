"""Rules that select the candidate to refit: the simplest or the fastest within noise."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper.search._fold_scores import FoldScores, fold_scores, near_best
from skhyper.search._simplicity import complexities


@dataclass(frozen=True)
class RefitRule(ABC):
    """A value of `refit`: selects among the candidates within one standard error of the best.

    Attributes
    ----------
    metric : str or None
        Name of the metric in ``cv_results_``; None if there is only one.
    """

    metric: str | None = None

    @abstractmethod
    def costs(self, results: Mapping[str, Any]) -> np.ndarray:
        """What is minimized, for each row of ``cv_results_``, (n,)."""

    def __call__(self, results: Mapping[str, Any]) -> int:
        return self.select(results)

    def select(self, results: Mapping[str, Any], splits: Sequence[Any] = ()) -> int:
        """Row of the candidate; without `splits` these are taken for a partition."""
        table = fold_scores(results, self.metric, splits)
        return self.chooser(results, table)(np.arange(table.S.shape[1]))

    def chooser(self, results: Mapping[str, Any], table: FoldScores) -> Callable[[np.ndarray], int]:
        """Function from some of the splits to the row that their scores select."""
        costs = self.costs(results)[table.rows]

        def choose(columns: np.ndarray) -> int:
            S = table.S[:, columns]
            near = near_best(S, table.ratio)
            cheapest = near & (costs == costs[near].min())
            best = np.argmax(np.where(cheapest, S.mean(axis=1), -np.inf))
            return int(table.rows[best])

        return choose


@dataclass(frozen=True)
class OneStandardError(RefitRule):
    """The simplest candidate within one standard error of the best, see `one_standard_error`."""

    simpler: Callable[[dict[str, Any]], Any] | None = None

    def costs(self, results: Mapping[str, Any]) -> np.ndarray:
        return complexities(results["params"], self.simpler)


@dataclass(frozen=True)
class Fastest(RefitRule):
    """The candidate within one standard error of the best whose folds took the least time."""

    def costs(self, results: Mapping[str, Any]) -> np.ndarray:
        return np.asarray(results["mean_fit_time"] + results["mean_score_time"], dtype=float)


def one_standard_error(
    simpler: Callable[[dict[str, Any]], Any] | None = None, metric: str | None = None
) -> OneStandardError:
    """Value of `refit`: the simplest candidate within one standard error of the best.

    ``refit="1se"`` of skhyper's searches is the same with the default arguments. The returned
    function also works as `refit` of scikit-learn's searches.

    Parameters
    ----------
    simpler : callable, default=None
        ``simpler(params)`` is a key, a number or a tuple, that is smaller for simpler models.
        By default the directions of common hyperparameters are used (a smaller C, a larger
        alpha, fewer trees, a smaller depth, ...), those of several with the same weight.
    metric : str, default=None
        Name of the metric; needed only if there are several.

    Returns
    -------
    rule : callable
        ``rule(cv_results_)`` is the row of the candidate.

    Notes
    -----
    The standard error of the best mean is corrected for the overlap of training sets: the variance
    of the K fold scores times 1/K + n_test/n_train [1]_.

    References
    ----------
    .. [1] Nadeau, Bengio (2003), "Inference for the generalization error", Machine Learning 52.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhyper import GridSearchCV
    >>> from skhyper.inspection import one_standard_error
    >>> X, y = load_wine(return_X_y=True)
    >>> tree, grid = DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3, 4, 5, 6]}
    >>> GridSearchCV(tree, grid).fit(X, y).best_params_
    {'max_depth': 4}
    >>> GridSearchCV(tree, grid, refit="1se").fit(X, y).best_params_
    {'max_depth': 3}
    >>> rule = one_standard_error(simpler=lambda params: params["max_depth"])
    >>> GridSearchCV(tree, grid, refit=rule).fit(X, y).best_params_
    {'max_depth': 3}
    """
    return OneStandardError(metric, simpler)


def fastest(metric: str | None = None) -> Fastest:
    """Value of `refit`: the fastest candidate within one standard error of the best.

    Its folds took the least time to fit and score. ``refit="fastest"`` of skhyper's searches is
    the same without `metric`. The standard error is that of :func:`one_standard_error`.

    Parameters
    ----------
    metric : str, default=None
        Name of the metric; needed only if there are several.

    Returns
    -------
    rule : callable
        ``rule(cv_results_)`` is the row of the candidate.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhyper import GridSearchCV
    >>> from skhyper.inspection import fastest
    >>> X, y = load_wine(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> search = GridSearchCV(tree, {"max_depth": [1, 2, 3]}, refit=fastest())
    >>> search.fit(X, y).best_params_["max_depth"] in (2, 3)
    True
    """
    return Fastest(metric)


_RULES = {"1se": OneStandardError(), "fastest": Fastest()}


def refit_rule(search: Any) -> RefitRule | None:
    """The rule that `refit` of a search is or names; None for a metric, True or another callable.

    Several metrics may include one of the name of a rule, which is then that metric.
    """
    if isinstance(search.refit, RefitRule):
        return search.refit
    if isinstance(search.scoring, Mapping) and search.refit in search.scoring:
        return None
    return _RULES.get(search.refit) if isinstance(search.refit, str) else None
