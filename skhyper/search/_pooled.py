"""Bootstrap bias-corrected cross-validation: the optimism of a selection, from predictions.

Rows drawn with replacement select a candidate by its out-of-fold predictions, and the rows that
were not drawn score it. No fit is needed.

Notation
--------
N, T : numbers of rows that are tested, and of candidates
values : (T, N) values that a metric averages over rows, such as squared errors
w : (N,) weights of the rows
C : (B, N) multiplicity of each row in each bootstrap sample

References
----------
Tsamardinos, Greasidou, Borboudakis (2018), "Bootstrapping the out-of-sample predictions for
efficient and accurate cross-validation", Machine Learning 107.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn import metrics
from sklearn.base import is_classifier

from skhyper._sklearn import response_methods, scorer_parts
from skhyper.search._kept import OutOfFoldPredictions

# Maximum number of bootstrap samples, and number for metrics that are computed for each sample.
_N_SAMPLES, _N_SLOW = 500, 100
# Number of best candidates from which samples select with such metrics.
_N_CANDIDATES = 10
# Maximum product of samples, rows and candidates: in total (time), and per block (memory).
_MAX_WORK, _BLOCK = 2e9, 1e7


class PooledScores(ABC):
    """Scores of T candidates on any weighted rows."""

    n_rows: int
    n_samples: int

    @abstractmethod
    def on(self, C: np.ndarray) -> np.ndarray:
        """Scores (B, T) on rows with multiplicities C (B, N); greater is better."""

    def of(self, selected: np.ndarray, C: np.ndarray) -> np.ndarray:
        """Scores (B,) of one candidate for each of the rows of C."""
        return self.on(C)[np.arange(len(C)), selected]


class _Averaged(PooledScores):
    """A metric that is a function of weighted means of one value for each row."""

    def __init__(self, values: np.ndarray, w: np.ndarray, finish: Callable):
        self._values, self._w, self._finish = values, w, finish
        self.n_rows = values.shape[1]
        self.n_samples = int(np.clip(_MAX_WORK / values.size, _N_SLOW, _N_SAMPLES))

    def on(self, C: np.ndarray) -> np.ndarray:
        weights = C * self._w
        total = weights.sum(axis=1, keepdims=True)
        # Divided last: equal sums of whole numbers stay equal, and the first candidate is selected.
        with np.errstate(invalid="ignore"):  # nan where all rows of a sample have weight 0
            scores: np.ndarray = self._finish(weights @ self._values.T / total, weights / total)
        return scores


class _Any(PooledScores):
    """Any metric of the target and the predictions, computed for each sample and candidate."""

    def __init__(self, score: Callable, y: np.ndarray, predictions: list[np.ndarray]):
        self._score, self._y, self._predictions = score, y, predictions
        self.n_rows, self.n_samples = len(y), _N_SLOW

    def on(self, C: np.ndarray) -> np.ndarray:
        n = len(self._predictions)
        return np.column_stack([self.of(np.full(len(C), t), C) for t in range(n)])

    def of(self, selected: np.ndarray, C: np.ndarray) -> np.ndarray:
        return np.array([self._one(*pair) for pair in zip(selected, C.astype(int), strict=True)])

    def _one(self, candidate: int, counts: np.ndarray) -> float:
        rows = np.repeat(np.arange(self.n_rows), counts)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return float(self._score(self._y[rows], self._predictions[candidate][rows]))
            except ValueError:  # of samples that lack a class
                return np.nan


class OutOfBag(NamedTuple):
    """Scores (B,) of selected candidates on the rows that did not select them.

    `optimism` is the score of the best candidate on all rows, minus their mean.
    """

    scores: np.ndarray
    optimism: float


def out_of_bag(scores: PooledScores) -> OutOfBag:
    """Scores of the candidates that bootstrap samples of the rows select, on the other rows."""
    rng, n = np.random.default_rng(0), scores.n_rows
    found: list[float] = []
    block = max(1, int(_BLOCK / n))
    while len(found) < scores.n_samples:
        size = min(block, scores.n_samples - len(found))
        C = rng.multinomial(n, np.full(n, 1 / n), size=size)
        C = C[(C == 0).any(axis=1)]
        selected = np.argmax(np.nan_to_num(scores.on(C.astype(float)), nan=-np.inf), axis=1)
        found += scores.of(selected, (C == 0).astype(float)).tolist()
    best = scores.on(np.ones((1, n))).max()
    values = np.array(found)
    values = values[np.isfinite(values)]
    return OutOfBag(values, float(best - values.mean()))


def pooled_scores(search: Any, S: np.ndarray, rows: np.ndarray, metric: str) -> Any:
    """Scores from the predictions of candidates `rows`; a reason (str) if impossible.

    `S` (T, K) are their fold scores, with which scores from predictions must agree.
    """
    oof = vars(search).get("oof_predictions_")
    if oof is None:
        return "predictions were not kept"
    scorer = search.scorer_
    scorer = scorer[metric] if isinstance(scorer, dict) else scorer
    if set(oof._score_params) - {"sample_weight"} or oof._y is None or np.ndim(oof._y) > 1:
        return "it has metadata or several outputs"
    try:
        score, averaged, name = _metric(scorer, is_classifier(search.estimator), oof)
        found = [_predictions(oof.of(int(row)), name) for row in rows]
        if averaged is None and oof._score_params:
            return "the metric is not one of those that are averaged with weights"
        if not _agrees(score, oof, found, S):
            return "the metric cannot be computed from predictions"
    except Exception as error:  # noqa: BLE001  (metrics and scorers may be of the user)
        return f"the metric cannot be computed from predictions ({error})"
    return _pooled(score, averaged, oof, found, S)


def _metric(scorer: Any, is_classes: bool, oof: OutOfFoldPredictions) -> tuple[Any, Any, str]:
    """``score(y, predictions, w)``, the metric it averages or None, and its method."""
    parts = scorer_parts(scorer)
    if parts is None:  # the estimator's own score method
        parts = (metrics.accuracy_score if is_classes else metrics.r2_score, 1, {})
    function, sign, options = parts
    averaged = None if options else _AVERAGED.get(function)
    if function is metrics.log_loss and oof.classes is not None:
        if not options:
            averaged = partial(_log_losses, oof.classes), lambda mean, W, y: -mean
        options = {"labels": oof.classes, **options}  # a sample may lack some
    names = response_methods(scorer)[0] if response_methods(scorer) else ("predict",)
    name = next(n for n in names if n in oof.methods)

    def score(y: np.ndarray, predicted: np.ndarray, w: np.ndarray | None = None) -> float:
        weights = {} if w is None else {"sample_weight": w}
        return float(sign * function(y, predicted, **options, **weights))

    return score, averaged, name


def _predictions(oof: OutOfFoldPredictions, name: str) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Test rows and predictions of the folds; of two classes, those of the second one."""
    found = {}
    for fold, (rows, kept) in oof.folds.items():
        values = kept[name]
        is_binary = name == "predict_proba" and values.shape[1] == 2
        found[fold] = rows, values[:, 1] if is_binary else values
    return found


def _weight(oof: OutOfFoldPredictions, rows: np.ndarray) -> np.ndarray | None:
    weight = oof._score_params.get("sample_weight")
    return None if weight is None else np.asarray(weight)[rows]


def _agrees(score: Any, oof: OutOfFoldPredictions, found: list[dict], S: np.ndarray) -> bool:
    """Whether the fold scores of some candidates follow from their predictions."""
    y = np.asarray(oof._y)
    for folds, expected in zip(found[:3], S[:3], strict=True):
        own = [score(y[rows], p, _weight(oof, rows)) for rows, p in folds.values()]
        if not np.allclose(own, expected, rtol=1e-6, atol=1e-9):
            return False
    return True


def _pooled(score: Any, averaged: Any, oof: Any, found: list[dict], S: np.ndarray) -> PooledScores:
    y, n = np.asarray(oof._y), oof._n_rows
    tested = np.flatnonzero(oof.n_tested > 0)
    weight = _weight(oof, np.arange(n))
    if averaged is not None:
        loss, finish = averaged
        values = np.zeros((len(found), n))
        for t, folds in enumerate(found):
            for rows, p in folds.values():
                np.add.at(values[t], rows, loss(y[rows], p))
        values = values[:, tested] / oof.n_tested[tested]
        w = np.ones(n) if weight is None else np.asarray(weight, dtype=float)
        own = y[tested]
        return _Averaged(values, w[tested], lambda mean, W: finish(mean, W, own))
    leading = np.argsort(-S.mean(axis=1), kind="stable")[:_N_CANDIDATES]
    means = []
    for t in leading:
        total = None
        for rows, p in found[t].values():
            total = np.zeros((n, *p.shape[1:]), p.dtype) if total is None else total
            total[rows] = p  # of several tests of a row, the last one
        means.append(total[tested])
    return _Any(score, y[tested], means)


def averaged_accuracy(right: np.ndarray) -> PooledScores:
    """Accuracies, from which predictions (T, N) are right."""
    return _Averaged(right.astype(float), np.ones(right.shape[1]), lambda mean, W: mean)


def _r2(mean: np.ndarray, W: np.ndarray, y: np.ndarray) -> np.ndarray:
    y = y - y.mean()
    square = W @ y**2
    variance = square - (W @ y) ** 2
    defined = variance > 1e-12 * square  # False with one row
    return 1 - mean / np.where(defined, variance, np.nan)[:, None]


def _squared(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return (y - p) ** 2


def _log_losses(classes: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Losses (n,) of probabilities (n, n_classes), or (n,) of the second of two classes."""
    P = np.column_stack([1 - p, p]) if p.ndim == 1 else p
    tiny = np.finfo(P.dtype).eps
    of_true = P[np.arange(len(y)), np.searchsorted(classes, y)]
    return np.asarray(-np.log(np.clip(of_true, tiny, 1 - tiny)))


# Values that metrics average over rows, and the scores that follow from their means.
_AVERAGED: dict[Any, tuple[Callable, Callable]] = {
    metrics.accuracy_score: (lambda y, p: np.equal(y, p), lambda mean, W, y: mean),
    metrics.mean_squared_error: (_squared, lambda mean, W, y: -mean),
    metrics.mean_absolute_error: (lambda y, p: np.abs(y - p), lambda mean, W, y: -mean),
    metrics.root_mean_squared_error: (_squared, lambda mean, W, y: -np.sqrt(mean)),
    metrics.r2_score: (_squared, _r2),
}
