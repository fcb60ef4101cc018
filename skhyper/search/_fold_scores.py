"""Statistics of the scores of candidates on the same splits.

Notation
--------
S : (T, K) scores of T candidates on K splits, greater is better; no nan
ratio : number of test samples over that of training samples of a split

References
----------
Nadeau, Bengio (2003), "Inference for the generalization error", Machine Learning 52.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from skhyper._splits import size_ratio, standard_error
from skhyper._trial import History, Trial


class FoldScores(NamedTuple):
    """Scores of the candidates that have one on every split.

    `rows` are their positions in ``cv_results_``; `groups` are lists of splits with disjoint test
    sets, such as the folds of each repetition.
    """

    S: np.ndarray
    rows: np.ndarray
    ratio: float
    groups: list[list[int]]


def metrics_in(results: Mapping[str, Any]) -> list[str]:
    """Names of the metrics in ``cv_results_``."""
    return [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]


def optimized_of(search: Any, results: Mapping[str, Any]) -> str:
    """Name in ``cv_results_`` of the metric that is optimized: that of `refit`, or the first."""
    names, refit = metrics_in(results), getattr(search, "refit", None)
    return refit if isinstance(refit, str) and refit in names else next(iter(names), "score")


def history_from_table(results: Mapping[str, Any], metric: str) -> History:
    """The rows of ``cv_results_`` as trials, without the results and times of folds."""
    keys = [key for key in results if re.fullmatch(rf"split\d+_test_{re.escape(metric)}", key)]
    scores = np.column_stack([results[key] for key in keys])
    seconds = len(keys) * (results["mean_fit_time"] + results["mean_score_time"])
    trials = []
    for i, (params, row) in enumerate(zip(results["params"], scores, strict=True)):
        mean = float(row.mean())
        state, loss = ("complete", -mean) if np.isfinite(mean) else ("failed", np.nan)
        trials.append(Trial(i, params, state, row, loss, seconds=float(seconds[i])))
    return History(tuple(trials))


def metric_of(results: Mapping[str, Any], metric: str | None = None) -> str:
    """Name of a metric in ``cv_results_``: the one that is given, or the only one."""
    names = metrics_in(results)
    if metric is None and len(names) == 1:
        return names[0]
    if metric not in names:
        raise ValueError(f"metric must be one of {names}; got {metric!r}.")
    return metric


def fold_scores(
    results: Mapping[str, Any], metric: str | None = None, splits: Sequence[Any] = ()
) -> FoldScores:
    """Scores from ``cv_results_``; without `splits` these are taken for a partition."""
    metric, table = metric_of(results, metric), []
    while (name := f"split{len(table)}_test_{metric}") in results:
        table.append(np.asarray(results[name], dtype=float))
    S = np.column_stack(table)
    rows = np.flatnonzero(np.isfinite(S).all(axis=1))
    if not len(rows):
        raise ValueError("No candidate has a score on every split.")
    K = S.shape[1]
    if len(splits) != K:
        return FoldScores(S[rows], rows, 1 / max(1, K - 1), [list(range(K))])
    return FoldScores(S[rows], rows, size_ratio(splits), _disjoint([test for _, test in splits]))


def _disjoint(tests: Sequence[Any]) -> list[list[int]]:
    """Consecutive splits in groups whose test sets have no sample in common."""
    groups: list[list[int]] = []
    seen: set[int] = set()
    for k, test in enumerate(tests):
        test = np.asarray(test)
        own = set((np.flatnonzero(test) if test.dtype == bool else test).tolist())
        if not groups or seen & own:
            groups.append([])
            seen = set()
        groups[-1].append(k)
        seen |= own
    return groups


class Difference(NamedTuple):
    """Best candidate minus each candidate: means (T,), standard errors (T,), p-values (T,)."""

    mean: np.ndarray
    error: np.ndarray
    p_value: np.ndarray


def differences(S: np.ndarray, ratio: float) -> Difference:
    """The corrected resampled t-test of the best candidate against each candidate, paired.

    One-sided: a p-value is small if the candidate is worse than the best.
    """
    D = S[np.argmax(S.mean(axis=1))] - S
    mean, error = D.mean(axis=1), standard_error(D, ratio)
    mean[np.abs(mean) <= 1e-14 * np.abs(S).max()] = 0.0  # rounding of equal means
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean / error
    p_value = stats.t.sf(t, S.shape[1] - 1)
    # All differences are equal: the candidate is worse on each split, or the same.
    p_value = np.where(error > 0, p_value, np.where(mean > 0, 0.0, 0.5))
    return Difference(mean, error, np.where(np.isnan(error), np.nan, p_value))


def near_best(S: np.ndarray, ratio: float) -> np.ndarray:
    """Candidates within one standard error of the best one's mean, (T,) bool."""
    means = S.mean(axis=1)
    error = np.nan_to_num(standard_error(S[np.argmax(means)], ratio))
    near: np.ndarray = means >= means.max() - error
    return near
