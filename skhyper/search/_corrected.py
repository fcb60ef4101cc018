"""The score of the best candidate without the optimistic bias of its selection.

The best of many candidates is partly selected by chance, so its mean score is too high. The
corrections below need no further fits: they select by some splits and score by others.

Notation
--------
S : (T, K) scores of T candidates on K splits, greater is better
choose : function from indices of splits to the row of `S` that these select

References
----------
Tibshirani, Tibshirani (2009), "A bias correction for the minimum error rate in cross-validation",
Annals of Applied Statistics 3. Tsamardinos, Greasidou, Borboudakis (2018), "Bootstrapping the
out-of-sample predictions for efficient and accurate cross-validation", Machine Learning 107.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from skhyper._splits import standard_error
from skhyper.search._fold_scores import FoldScores, fold_scores, metric_of
from skhyper.search._pooled import PooledScores, out_of_bag, pooled_scores
from skhyper.search._rules import refit_rule
from skhyper.search._task import optimized_metric

_N_BOOTSTRAP = 500

Choose = Callable[[np.ndarray], int]


@dataclass(frozen=True, repr=False)
class CorrectedScore:
    """Score of the selected candidate, corrected for the selection.

    Attributes
    ----------
    estimate : float
        Score to be expected on new data.
    interval : tuple of float
        Confidence interval of it, of confidence `level`.
    level : float
    method : {"predictions", "bootstrap", "leave-one-out", "tibshirani"}
    best_score : float
        The mean score of the selected candidate, which is optimistic.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhyper import GridSearchCV
    >>> X, y = load_wine(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> search = GridSearchCV(tree, {"max_depth": [1, 2, 3, 4, 5]}).fit(X, y)
    >>> corrected = search.corrected_score()
    >>> bool(corrected.estimate < corrected.best_score)
    True
    """

    estimate: float
    interval: tuple[float, float]
    level: float
    method: str
    best_score: float

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"{self.estimate:.4g}, {100 * self.level:.3g} % interval {low:.4g} to {high:.4g} "
            f"(mean of the selected candidate: {self.best_score:.4g}; method: {self.method})"
        )


def metric_in(source: Any, metric: str | None = None) -> tuple[Mapping[str, Any], str]:
    """``cv_results_`` of a search, or itself, and the metric: the optimized one if not given."""
    if isinstance(source, Mapping):
        return source, metric_of(source, metric)
    results = getattr(source, "cv_results_", None)
    if results is None:
        raise TypeError(
            f"A fitted search or its cv_results_ is needed; got {type(source).__name__}."
        )
    optimized = optimized_metric(source)
    named = optimized if f"mean_test_{optimized}" in results else None
    return results, metric_of(results, metric or named)


def scores_of(source: Any, metric: str | None = None) -> tuple[Mapping[str, Any], FoldScores]:
    """``cv_results_`` and the fold scores of a search, or of ``cv_results_`` itself."""
    results, metric = metric_in(source, metric)
    splits = getattr(getattr(source, "history_", None), "splits", ())
    return results, fold_scores(results, metric, splits)


def corrected_score(
    source: Any, *, metric: str | None = None, method: str = "auto", level: float = 0.9
) -> CorrectedScore:
    """Score of the best candidate, corrected for its selection, without further fits.

    Parameters
    ----------
    source : fitted search or dict
        A search of skhyper or scikit-learn, or its ``cv_results_``, the splits of which are then
        taken for those of a k-fold.
    metric : str, default=None
        Name of the metric, if there are several; by default the optimized one.
    method : {"auto", "predictions", "bootstrap", "leave-one-out", "tibshirani"}, default="auto"
        "predictions": candidates are selected by a bootstrap sample of the rows, and scored by the
        rows that are not in it [1]_; for searches with ``keep="predictions"``. "bootstrap":
        candidates are selected by a bootstrap sample of the splits, and scored by
        the splits that are not in it [1]_. "leave-one-out": each split scores the candidate that
        the others select. "tibshirani": the mean over the splits of what the best candidate of a
        split gains over the selected one is subtracted [2]_; for five splits or fewer. "auto":
        "predictions" if they were kept and the metric can be computed from them, else "bootstrap".
    level : float, default=0.9
        Confidence of the interval.

    Returns
    -------
    score : CorrectedScore

    Raises
    ------
    ValueError
        If there are fewer than two splits, or if ``method="predictions"`` is not possible.

    Notes
    -----
    The interval of "predictions" consists of quantiles of the bootstrap. The half-width of the
    others is that of the t distribution with the standard error of Nadeau and Bengio (2003); their
    lower half is longer by the correction. With `refit` a rule such as
    "1se", the correction is that of the rule's selection.

    What the splits have in common is not corrected: with few samples and labels that can hardly
    be learned, about half of the optimism remains (``benchmarks/corrected_scores.py``). Nested
    cross-validation, or a separate test set, has no such limit. Trials that a race has stopped
    have no scores on some splits and are left out, although they were candidates, too.

    References
    ----------
    .. [1] Tsamardinos, Greasidou, Borboudakis (2018), "Bootstrapping the out-of-sample
       predictions for efficient and accurate cross-validation", Machine Learning 107;
       "bootstrap" is the same of fold scores.
    .. [2] Tibshirani, Tibshirani (2009), "A bias correction for the minimum error rate in
       cross-validation", Annals of Applied Statistics 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skhyper import GridSearchCV
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((100, 5)), rng.integers(2, size=100)  # nothing to learn
    >>> search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": range(1, 40)}).fit(X, y)
    >>> score = search.corrected_score()
    >>> round(score.best_score, 2), round(score.estimate, 2)
    (0.51, 0.38)
    """
    if method not in ("auto", "predictions", *_METHODS):
        names = sorted(["auto", "predictions", *_METHODS])
        raise ValueError(f"method must be one of {names}, got {method!r}.")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}.")
    results, table = scores_of(source, metric)
    if table.S.shape[1] < 2:
        raise ValueError("A correction needs at least two splits of the data; there is one.")
    choose = _chooser(source, results, table)
    K = table.S.shape[1]
    selected = choose(np.arange(K))
    best_score = float(table.S[selected].mean())
    if method in ("auto", "predictions"):
        pooled = _pooled(source, table, metric_in(source, metric)[1])
        if not isinstance(pooled, str):
            return score_from_predictions(pooled, best_score, level)
        if method == "predictions":
            raise ValueError(f'method="predictions" is not possible: {pooled}.')
        method = "bootstrap"
    groups = table.groups if min(map(len, table.groups)) > 1 else [list(range(K))]
    estimates = [_METHODS[method](table.S, np.array(group), choose) for group in groups]
    estimate = float(np.mean(estimates))
    error = float(standard_error(table.S[selected], table.ratio))
    half = float(stats.t.ppf((1 + level) / 2, K - 1)) * error
    # What splits have in common is not corrected: as much optimism may be left as was removed.
    low = estimate - half - max(0.0, best_score - estimate)
    return CorrectedScore(estimate, (low, estimate + half), level, method, best_score)


def score_from_predictions(
    pooled: PooledScores, best_score: float, level: float = 0.9
) -> CorrectedScore:
    """`best_score` without the optimism that bootstrap samples of the rows show."""
    found = out_of_bag(pooled)
    estimate = best_score - found.optimism
    ends = np.quantile(found.scores, [(1 - level) / 2, (1 + level) / 2]) - found.scores.mean()
    interval = (estimate + float(ends[0]), estimate + float(ends[1]))
    return CorrectedScore(estimate, interval, level, "predictions", best_score)


def _pooled(source: Any, table: FoldScores, metric: str) -> Any:
    """Scores from the kept predictions; a reason (str) if there are none."""
    if isinstance(source, Mapping) or refit_rule(source) is not None:
        return "it needs a search that selects the best score"
    return pooled_scores(source, table.S, table.rows, metric)


def _chooser(source: Any, results: Mapping[str, Any], table: FoldScores) -> Choose:
    """How splits select a row of the scores: by the mean, or by the rule of `refit`."""
    rule = None if isinstance(source, Mapping) else refit_rule(source)
    if rule is None:
        return lambda columns: int(np.argmax(table.S[:, columns].mean(axis=1)))
    select = rule.chooser(results, table)
    position = {row: i for i, row in enumerate(table.rows.tolist())}
    return lambda columns: position[select(columns)]


def _bootstrap(S: np.ndarray, group: np.ndarray, choose: Choose) -> float:
    """Mean score on the splits that are not in a sample which selects, over samples."""
    rng = np.random.default_rng(0)
    scores = []
    for sample in rng.integers(len(group), size=(_N_BOOTSTRAP, len(group))):
        out = np.setdiff1d(np.arange(len(group)), sample)
        if len(out):
            scores.append(S[choose(group[sample]), group[out]].mean())
    return float(np.mean(scores))


def _leave_one_out(S: np.ndarray, group: np.ndarray, choose: Choose) -> float:
    """Mean over the splits of the score of the candidate that the other splits select."""
    return float(np.mean([S[choose(group[group != k]), k] for k in group]))


def _tibshirani(S: np.ndarray, group: np.ndarray, choose: Choose) -> float:
    """Mean score minus the mean gain of the best candidate of each split."""
    selected = choose(group)
    gains = [S[choose(np.array([k])), k] - S[selected, k] for k in group]
    return float(S[selected, group].mean() - np.mean(gains))


_METHODS = {
    "bootstrap": _bootstrap,
    "leave-one-out": _leave_one_out,
    "tibshirani": _tibshirani,
}
