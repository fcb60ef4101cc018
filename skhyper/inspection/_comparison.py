"""Which candidates cannot be distinguished from the best one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._text import Table, as_text, value_text
from skhyper.search._corrected import scores_of
from skhyper.search._fold_scores import differences

_N_SHOWN = 12


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Candidates compared with the best one: the result of :func:`compare`.

    Attributes
    ----------
    rows : ndarray of shape (n,)
        Row of each candidate in ``cv_results_``, the best first.
    params : tuple of dict
    mean : ndarray of shape (n,)
        Mean score.
    difference, standard_error : ndarray of shape (n,)
        Mean of the best one's scores minus those of the candidate on the same splits, and its
        corrected standard error.
    p_value : ndarray of shape (n,)
        One-sided: probability of such a difference if the candidate were as good as the best.
    tied : ndarray of shape (n,)
        Whether the candidate cannot be distinguished from the best at `level`.
    level : float

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhyper import GridSearchCV
    >>> from skhyper.inspection import compare
    >>> X, y = load_wine(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> search = GridSearchCV(tree, {"max_depth": [1, 2, 3, 4, 5]}).fit(X, y)
    >>> found = compare(search)
    >>> len(found), bool(found.tied[0])
    (5, True)
    """

    rows: np.ndarray
    params: tuple[Mapping[str, Any], ...]
    mean: np.ndarray
    difference: np.ndarray
    standard_error: np.ndarray
    p_value: np.ndarray
    tied: np.ndarray
    level: float

    def __len__(self) -> int:
        return len(self.rows)

    def to_frame(self) -> Any:
        """A pandas ``DataFrame`` with the rows of ``cv_results_`` as index, the best first."""
        import pandas

        names = dict.fromkeys(name for p in self.params for name in p)
        columns = {f"param_{n}": [p.get(n) for p in self.params] for n in names}
        numbers = ("mean", "difference", "standard_error", "p_value", "tied")
        columns |= {name: getattr(self, name) for name in numbers}
        return pandas.DataFrame(columns, index=pandas.Index(self.rows, name="row"))

    def __repr__(self) -> str:
        n_tied = int(self.tied.sum())
        title = (
            f"{n_tied} of {len(self)} candidates cannot be distinguished from the best "
            f"(level {self.level:g}, corrected for shared training samples)"
        )
        columns = ("row", "score", "difference", "+-", "p", "tied", "params")
        rows = [
            (
                str(row),
                f"{self.mean[i]:.4g}",
                f"{self.difference[i]:.2g}",
                f"{self.standard_error[i]:.2g}",
                f"{self.p_value[i]:.3f}",
                "yes" if self.tied[i] else "no",
                ", ".join(f"{name}={value_text(v)}" for name, v in self.params[i].items()),
            )
            for i, row in enumerate(self.rows)
        ]
        table = Table(title, columns, rows, "to_frame()", frozenset(columns[:5]))
        return as_text(table, max_rows=_N_SHOWN)


def compare(source: Any, *, metric: str | None = None, level: float = 0.9) -> Comparison:
    """Which candidates cannot be distinguished from the best one.

    Each is compared with the best on the same splits by the corrected resampled t-test of Nadeau
    and Bengio (2003): the usual paired t-test ignores that training sets overlap, and finds
    differences that are none.

    Parameters
    ----------
    source : fitted search or dict
        A search of skhyper or scikit-learn, or its ``cv_results_``, the splits of which are then
        taken for those of a k-fold.
    metric : str, default=None
        Name of the metric, if there are several; by default the optimized one.
    level : float, default=0.9
        Confidence at which a candidate is worse than the best.

    Returns
    -------
    comparison : Comparison
        Of the candidates with a score on every split; printed as a table.

    Notes
    -----
    The best is the best of the same scores, so that differences are somewhat too large, and the
    tests are not corrected for their number. With few splits the test finds only large
    differences.

    References
    ----------
    Nadeau, Bengio (2003), "Inference for the generalization error", Machine Learning 52.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhyper import GridSearchCV
    >>> from skhyper.inspection import compare
    >>> X, y = load_wine(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> search = GridSearchCV(tree, {"max_depth": [1, 2, 3, 4, 5]}).fit(X, y)
    >>> found = compare(search)
    >>> [params["max_depth"] for params, tied in zip(found.params, found.tied) if tied]
    [4, 3, 5]
    """
    if not 0.5 < level < 1:
        raise ValueError(f"level must be between 0.5 and 1, got {level!r}.")
    results, table = scores_of(source, metric)
    if table.S.shape[1] < 2:
        raise ValueError("Candidates can only be compared on at least two splits; there is one.")
    found = differences(table.S, table.ratio)
    means = table.S.mean(axis=1)
    order = np.argsort(-means, kind="stable")
    rows = table.rows[order]
    return Comparison(
        rows,
        tuple(dict(results["params"][row]) for row in rows),
        means[order],
        found.mean[order],
        found.error[order],
        found.p_value[order],
        found.p_value[order] > 1 - level,
        level,
    )
