"""Training and validation score over a hyperparameter, from trials already made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._text import Table, as_text, value_text
from skhyper.search._corrected import metric_in
from skhyper.space._choices import equal
from skhyper.space._ranges import is_number

# Minimum number of values for a curve of trials that differ only in the hyperparameter.
_MIN_VALUES = 3
# Numbers with more distinct values than this are put into at most this many groups.
_N_GROUPS = 10


@dataclass(frozen=True, eq=False, repr=False)
class ValidationCurve:
    """Scores over the values of a hyperparameter: the result of :func:`validation_curve`.

    Attributes
    ----------
    name : str
    values : ndarray of shape (n,)
        In increasing order if they are numbers.
    test, test_std : ndarray of shape (n,)
        Mean score on the validation folds, and its standard deviation over the folds.
    train, train_std : ndarray of shape (n,)
        The same on the training folds; nan unless the search has ``return_train_score=True``.
    rows : ndarray of shape (n,)
        The trial of each value, as a row of ``cv_results_``.
    kind : {"slice", "profile"}
        "slice": all other hyperparameters have their best values. "profile": for each value, or
        group of neighboring values, they are those of its best trial.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhyper import GridSearchCV
    >>> from skhyper.inspection import validation_curve
    >>> X, y = load_wine(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> search = GridSearchCV(tree, {"max_depth": [1, 2, 3, 4, 5]}).fit(X, y)
    >>> curve = validation_curve(search, "max_depth")
    >>> curve.values, curve.kind
    (array([1, 2, 3, 4, 5]), 'slice')
    """

    name: str
    values: np.ndarray
    test: np.ndarray
    test_std: np.ndarray
    train: np.ndarray
    train_std: np.ndarray
    rows: np.ndarray
    kind: str

    def to_frame(self) -> Any:
        """A pandas ``DataFrame`` with the values as index."""
        import pandas

        columns = ("test", "test_std", "train", "train_std", "rows")
        index = pandas.Index(self.values, name=self.name)
        return pandas.DataFrame({c: getattr(self, c) for c in columns}, index=index)

    def __repr__(self) -> str:
        means = zip(self.values, self.train, self.test, self.test_std)
        rows = [(value_text(v), *("" if x != x else f"{x:.4g}" for x in row)) for v, *row in means]
        columns = (self.name, "training", "validation", "+-")
        title = f"Scores over {self.name} ({self.kind} of the trials)"
        return as_text(Table(title, columns, rows, "to_frame()", frozenset(columns[1:])))


def validation_curve(source: Any, name: str, *, metric: str | None = None) -> ValidationCurve:
    """Training and validation score over a hyperparameter, from trials already made.

    If training scores are much better than validation scores, the model overfits; if both are
    bad, it underfits.

    Parameters
    ----------
    source : fitted search or dict
        A search of skhyper or scikit-learn, or its ``cv_results_``.
    name : str
        The hyperparameter.
    metric : str, default=None
        Name of the metric, if there are several; by default the optimized one.

    Returns
    -------
    curve : ValidationCurve
        A slice through the best trial, if at least three trials differ from it in nothing else, as
        in a grid; otherwise the best trial for each value, or for each of at most ten groups of
        neighboring numbers.

    Raises
    ------
    ValueError
        If no trial with a score has the hyperparameter.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhyper import GridSearchCV
    >>> from skhyper.inspection import validation_curve
    >>> X, y = load_wine(return_X_y=True)
    >>> tree, grid = DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}
    >>> search = GridSearchCV(tree, grid, return_train_score=True).fit(X, y)
    >>> validation_curve(search, "max_depth")
    Scores over max_depth (slice of the trials)
      max_depth  training  validation       +-
      ---------  --------  ----------  -------
      1            0.6854      0.6463  0.07516
      2            0.9228      0.8206  0.07884
      3            0.9748      0.8932  0.06568
    """
    results, metric = metric_in(source, metric)
    return curve_of(results, name, metric)


def curve_of(
    results: Mapping[str, Any], name: str, metric: str, best: int | None = None
) -> ValidationCurve:
    """The curve from the columns of ``cv_results_``, through the row `best` if it is given."""
    test = np.asarray(results[f"mean_test_{metric}"], dtype=float)
    params = results["params"]
    known = [row for row, p in enumerate(params) if name in p and np.isfinite(test[row])]
    if not known:
        names = list(dict.fromkeys(n for p in params for n in p))
        raise ValueError(f"No trial with a score has the hyperparameter {name!r}, only {names}.")
    if best is None or best not in known:
        best = max(known, key=lambda row: test[row])
    on_slice = [row for row in known if _differ_only_in(name, params[row], params[best])]
    groups, kind = _groups([(params[row][name], row) for row in on_slice], n_groups=None), "slice"
    if len(groups) < _MIN_VALUES:
        groups, kind = _groups([(params[row][name], row) for row in known]), "profile"
    rows = np.array([max(group, key=lambda row: test[row]) for group in groups])
    values = np.empty(len(rows), dtype=object)
    values[:] = [params[row][name] for row in rows]

    def column(which: str) -> np.ndarray:
        every = results.get(f"{which}_{metric}", np.full(len(test), np.nan))
        return np.asarray(every, dtype=float)[rows]

    return ValidationCurve(
        name,
        np.array(values.tolist()) if all(map(is_number, values)) else values,
        test[rows],
        column("std_test"),
        column("mean_train"),
        column("std_train"),
        rows,
        kind,
    )


def _differ_only_in(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    same = one.keys() == other.keys()
    return same and all(equal(value, other[key]) for key, value in one.items() if key != name)


def _groups(pairs: list[tuple[Any, int]], n_groups: int | None = _N_GROUPS) -> list[list[int]]:
    """Rows with the same value, in order; neighboring numbers together if there are many."""
    are_numbers = all(is_number(value) for value, _ in pairs)
    values: list[Any] = []
    groups: list[list[int]] = []
    for value, row in sorted(pairs) if are_numbers else pairs:
        same = next((i for i, known in enumerate(values) if equal(known, value)), None)
        if same is None:
            values.append(value)
            groups.append([row])
        else:
            groups[same].append(row)
    if n_groups is None or not are_numbers or len(groups) <= n_groups:
        return groups
    merged: list[list[int]] = [[]]
    for group in groups:
        if len(merged[-1]) >= len(pairs) / n_groups:
            merged.append([])
        merged[-1] += group
    return merged
