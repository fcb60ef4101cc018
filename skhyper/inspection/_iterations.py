"""Training and validation score over the iterations of an estimator: rounds, trees or epochs."""

import copy
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from skhyper._sklearn import safe_split
from skhyper._text import Table, as_text
from skhyper.neural_network._mlp import BaseMLP
from skhyper.reuse import SharedFit, shared_fit
from skhyper.search._corrected import metric_in

# Maximum number of rows that are printed.
_N_ROWS = 12


@dataclass(frozen=True, eq=False, repr=False)
class IterationCurve:
    """Scores over the number of iterations: the result of :func:`iteration_curve`.

    Attributes
    ----------
    name : str
        The hyperparameter that is the number of iterations, such as ``n_estimators``.
    iterations : ndarray of shape (n,)
    test, train : ndarrays of shape (n_splits, n)
        Scores on the validation and on the training rows of each fold; nan after early stopping.
    metric : str
    fitted_again : bool
        Whether models were fitted once more, as the kept ones do not contain their earlier states.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper.inspection import IterationCurve
    >>> test, train = np.array([[0.5, 0.8, 0.7]]), np.array([[0.5, 0.9, 1.0]])
    >>> rounds = np.array([1, 10, 100])
    >>> curve = IterationCurve("n_estimators", rounds, test, train, "accuracy", False)
    >>> curve.best
    10
    >>> curve
    Scores over n_estimators, best 10
      n_estimators  training  validation  +-
      ------------  --------  ----------  --
                 1       0.5         0.5   0
                10       0.9         0.8   0
               100         1         0.7   0
    """

    name: str
    iterations: np.ndarray
    test: np.ndarray
    train: np.ndarray
    metric: str
    fitted_again: bool

    @property
    def best(self) -> int:
        """Number of iterations with the highest mean validation score, the lowest of ties."""
        return int(self.iterations[np.nanargmax(self.test.mean(axis=0))])

    def to_frame(self) -> Any:
        """A pandas ``DataFrame`` with the iterations as index."""
        import pandas

        columns = {
            f"{which}_{statistic}": getattr(table, statistic)(axis=0)
            for which, table in (("test", self.test), ("train", self.train))
            for statistic in ("mean", "std")
        }
        return pandas.DataFrame(columns, index=pandas.Index(self.iterations, name=self.name))

    def __repr__(self) -> str:
        shown = np.unique(np.linspace(0, len(self.iterations) - 1, _N_ROWS).astype(int))
        means = self.train.mean(axis=0), self.test.mean(axis=0), self.test.std(axis=0)
        rows = [(str(self.iterations[i]), *(f"{value[i]:.4g}" for value in means)) for i in shown]
        columns = (self.name, "training", "validation", "+-")
        title = f"Scores over {self.name}, best {self.best}"
        return as_text(Table(title, columns, rows, "to_frame()", frozenset(columns)))


def iteration_curve(
    search: Any, X: Any, y: Any, *, n_points: int = 20, metric: str | None = None
) -> IterationCurve:
    """Training and validation score over rounds of boosting, trees of a forest, or epochs.

    Where the validation score falls while the training score still rises, the model overfits;
    where both rise at the end, more iterations help.

    Parameters
    ----------
    search : fitted search
        A search of this package with ``keep="models"``.
    X, y : array-like
        The data that it was fitted to.
    n_points : int, default=20
        Maximum number of iterations at which scores are computed; dense at the start.
    metric : str, default=None
        Name of the metric, if there are several; by default the optimized one.

    Returns
    -------
    curve : IterationCurve

    Raises
    ------
    ValueError
        If there are no fold models, or the best estimator has no iterations that are known.

    Notes
    -----
    Ensembles that :func:`skhyper.reuse.shared_fit` knows (forests, boosting, bagging; of XGBoost,
    LightGBM and CatBoost, too) contain their earlier states: nothing is fitted. Networks of
    ``skhyper.neural_network`` are trained once more for each fold, and estimators with
    ``partial_fit`` and `max_iter`, such as ``SGDClassifier``, are trained by one call an epoch;
    both without sample weights. An estimator may be the last step of a pipeline.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.ensemble import GradientBoostingClassifier
    >>> from skhyper import GridSearchCV
    >>> from skhyper.inspection import iteration_curve
    >>> X, y = load_wine(return_X_y=True)
    >>> model = GradientBoostingClassifier(n_estimators=30, max_depth=1, random_state=0)
    >>> search = GridSearchCV(model, {"learning_rate": [0.1, 1.0]}, keep="models").fit(X, y)
    >>> curve = iteration_curve(search, X, y, n_points=4)
    >>> curve.iterations
    array([ 1,  3, 10, 30])
    >>> curve.train.shape
    (5, 4)
    """
    models = getattr(search, "fold_models_", None)
    if models is None or any(model is None for model in models):
        raise ValueError(
            'The curve needs the models of all folds: fit the search with keep="models".'
        )
    _, metric = metric_in(search, metric)
    scorer = search.scorer_[metric] if isinstance(search.scorer_, dict) else search.scorer_
    stages_of, name, n, fitted_again = _stages_of(models)
    iterations = np.arange(1, n + 1)
    if n > n_points:
        iterations = np.unique(np.round(np.geomspace(1, n, n_points)).astype(int))
    test = np.full((len(models), len(iterations)), np.nan)
    train = test.copy()
    for k, (model, rows) in enumerate(zip(models, search.history_.splits, strict=True)):
        parts = [safe_split(model, X, y, part, rows[0]) for part in rows]
        X_train, y_train = parts[0]
        for at, stage in stages_of(model, X_train, y_train, iterations.tolist()):
            column = np.searchsorted(iterations, at)
            train[k, column], test[k, column] = (scorer(stage, *part) for part in parts)
    named = search.scoring if isinstance(search.scoring, str) else metric
    return IterationCurve(name, iterations, test, train, named, fitted_again)


Staged = Callable[[Any, Any, Any, list[int]], Iterable[tuple[int, Any]]]


def _stages_of(models: list[Any]) -> tuple[Staged, str, int, bool]:
    """Function for the states of a model, hyperparameter, number of states, whether it refits."""
    model = models[0]
    rule = shared_fit(model)
    if rule is not None and rule.name.rpartition("__")[2] in _COUNTS:
        n = min(one.get_params()[rule.name] for one in models)
        return _derived(rule), rule.name, n, False
    last = _last(model)
    name = f"{model.steps[-1][0]}__max_iter" if isinstance(model, Pipeline) else "max_iter"
    is_iterative = hasattr(last, "partial_fit") and hasattr(last, "max_iter")
    if not isinstance(last, BaseMLP) and not is_iterative:
        raise ValueError(f"{type(last).__name__} has no known number of iterations.")
    reached = [getattr(_last(one), "n_iter_", last.max_iter) for one in models]
    n = max(int(np.max(one)) for one in reached)
    of_last = _trained if isinstance(last, BaseMLP) else _continued
    return _last_step(of_last), name, n, True


# Hyperparameters that are numbers of iterations, among those along which fits are shared.
_COUNTS = ("n_estimators", "max_iter", "iterations", "num_boost_round")


def _last(model: Any) -> Any:
    return model.steps[-1][1] if isinstance(model, Pipeline) else model


def _derived(rule: SharedFit) -> Staged:
    """States that a fitted ensemble contains."""

    def staged(model: Any, X: Any, y: Any, iterations: list[int]) -> Iterable[tuple[int, Any]]:
        for n in iterations:
            stage = rule.derive(model, n)
            if stage is None:
                raise ValueError(f"{type(model).__name__} does not contain its first {rule.name}.")
            yield n, stage

    return staged


def _last_step(of_last: Staged) -> Staged:
    """States of a pipeline, of which the last step has iterations."""

    def staged(model: Any, X: Any, y: Any, iterations: list[int]) -> Iterable[tuple[int, Any]]:
        if not isinstance(model, Pipeline):
            yield from of_last(model, X, y, iterations)
            return
        name, last = model.steps[-1]
        data = model[:-1].transform(X) if len(model.steps) > 1 else X
        for n, stage in of_last(last, data, y, iterations):
            view = copy.copy(model)
            view.steps = [*model.steps[:-1], (name, stage)]
            yield n, view

    return staged


def _trained(model: Any, X: Any, y: Any, iterations: list[int]) -> Iterable[tuple[int, Any]]:
    """A network of skhyper after epochs of one more training."""
    from skhyper.neural_network._epochs import networks_by_epoch

    return networks_by_epoch(model, X, y, iterations).items()


def _continued(model: Any, X: Any, y: Any, iterations: list[int]) -> Iterable[tuple[int, Any]]:
    """An estimator after calls of ``partial_fit``, each of which is an epoch."""
    stage = clone(model)
    known = {"classes": model.classes_} if hasattr(model, "classes_") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for n in range(1, iterations[-1] + 1):
            stage.partial_fit(X, y, **known)
            if n in iterations:
                yield n, stage
