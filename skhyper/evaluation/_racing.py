"""Racing: a trial is stopped once its first folds show that it will not be the best.

The folds are run in random order. For the eventual winner, the differences between its scores and
those of the best trial so far are then exchangeable over the folds, and have a mean of at least 0.
A trial is stopped if the mean of its first differences is too low for that.
"""

import numbers
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, ndtr, stdtr, zeta

from skhyper._trial import History, Trial, TrialState

__all__ = ["Racing"]

# Simulated trials, for the level of one test: their number, and that of their folds in all, which
# take 8 bytes each; with 1,000 folds, as of leave-one-out, there are fewer of them.
_N_DRAWS, _N_DRAWN_FOLDS, _LEAST_DRAWS = 100_000, 4_000_000, 2_000
# Level of a test after one fold, relative to later ones. The variance is then known from other
# trials alone, and candidates ranked by this fold differ in it by selection. With 1, the winner was
# stopped in 1.3 % of simulated races instead of 1 %.
_FIRST_LEVEL = 0.3
# The prior of the spread of log variances: its variance, and its weight in numbers of trials.
_SPREAD, _WEIGHT = 1.0, 3.0


@dataclass(frozen=True)
class Racing:
    """Racer that stops a trial which is unlikely to become the best one.

    Parameters
    ----------
    error_rate : float, default=0.01
        Maximum probability that the eventual winner, the trial with the best mean score over all
        folds, is stopped.
    min_folds : int, default=1
        Number of folds that each trial runs.
    min_trials : int, default=3
        Number of complete trials before the first one is stopped.

    Notes
    -----
    The test statistic of a trial after m of K folds is the mean of its differences from the best
    complete trial, divided by ``sqrt(s2 * (1 / m - 1 / K))``: the standard error of the mean of a
    finite population of K folds, which need not be independent. The variance s2 is moderated by
    those of the complete trials as in [1]_. All tests of one trial together have the level
    `error_rate`; the number of candidates does not matter, as only one of them is the winner.

    References
    ----------
    .. [1] Smyth, G. K. (2004). Linear models and empirical Bayes methods for assessing differential
       expression in microarray experiments. Statistical Applications in Genetics and Molecular
       Biology 3(1), equations for s0 and d0 in section 6.2.

    Examples
    --------
    >>> from skhyper import Racing
    >>> Racing(error_rate=0.05)
    Racing(error_rate=0.05, min_folds=1, min_trials=3)
    """

    error_rate: float = 0.01
    min_folds: int = 1
    min_trials: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.error_rate < 0.5:
            raise ValueError(f"error_rate must be in (0, 0.5), got {self.error_rate!r}.")
        for name, least in (("min_folds", 1), ("min_trials", 3)):
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or value < least:
                raise ValueError(f"{name} must be an int of at least {least}, got {value!r}.")

    def goes_on(self, trial: Trial, history: History) -> bool:
        """Whether the trial may still become the best one.

        Parameters
        ----------
        trial : Trial
            The trial as if it ended here.
        history : History
            All trials so far.

        Returns
        -------
        goes_on : bool
        """
        run = ~np.isnan(trial.scores)
        n_run, n_folds = int(run.sum()), len(run)
        complete = [t.scores for t in history if t.state is TrialState.COMPLETE]
        if len(complete) < self.min_trials:
            return True
        if trial.state is TrialState.FAILED:  # the mean of all folds will be nan
            return False
        if not self.min_folds <= n_run < n_folds:
            return True
        probability = _tail(trial.scores[run], run, np.array(complete))
        share = _FIRST_LEVEL if n_run == 1 else 1.0
        return probability > share * _level(self.error_rate, n_folds, self.min_folds)


def with_fold_effects(trial: Trial, history: History) -> Trial:
    """A stopped trial whose loss is an estimate of that over all folds.

    The effect of a fold is the mean, over the complete trials of the history, of its difference
    from the mean of the trial; those of the folds that were run are subtracted.
    """
    if trial.state is not TrialState.STOPPED:
        return trial
    complete = np.array([t.scores for t in history if t.state is TrialState.COMPLETE])
    if len(complete) == 0:
        return trial
    run = list(trial.fold_numbers)
    effect = np.mean(complete[:, run]) - np.mean(complete)
    if not np.isfinite(effect):
        return trial
    return replace(trial, loss=-float(np.mean(trial.scores[run]) - effect))


def _tail(scores: np.ndarray, run: np.ndarray, complete: np.ndarray) -> float:
    """Probability of a mean difference as low as observed, if the trial is as good as the best.

    Parameters
    ----------
    scores : ndarray of shape (n_run,)
    run : ndarray of shape (n_folds,)
        Mask of the folds that were run.
    complete : ndarray of shape (n_trials, n_folds)
        Scores of complete trials.
    """
    n_run, n_folds = len(scores), len(run)
    best, prior, n_prior = _reference(complete.tobytes(), n_folds)
    differences = scores - best[run]
    n_free = n_prior + n_run - 1
    mean = differences.mean()
    with np.errstate(over="ignore", invalid="ignore"):  # scores of diverged fits
        squares = np.sum((differences - mean) ** 2)
    variance = (n_prior * prior + squares) / n_free if n_free > 0 else 0.0
    if variance == 0 or not np.isfinite(variance):  # all trials so far are alike, or overflow
        return 1.0
    return float(stdtr(n_free, mean / np.sqrt(variance * (1 / n_run - 1 / n_folds))))


@lru_cache(maxsize=8)
def _reference(complete: bytes, n_folds: int) -> tuple[np.ndarray, float, float]:
    """Scores of the best trial, and the prior of variances; from the complete trials' scores."""
    table = np.frombuffer(complete).reshape(-1, n_folds)
    best = table[table.mean(axis=1).argmax()]
    with np.errstate(over="ignore", invalid="ignore"):
        variances = np.var(table - best, axis=1, ddof=1)
    return best, *_prior(variances, n_folds - 1)


def _prior(variances: np.ndarray, n_free: int) -> tuple[float, float]:
    """Scale and degrees of freedom of the scaled inverse chi-squared prior of the variances.

    Parameters
    ----------
    variances : ndarray of shape (n_trials,)
        Each with `n_free` degrees of freedom.
    """
    variances = variances[(variances > 0) & np.isfinite(variances)]
    if len(variances) == 0:
        return 0.0, 0.0
    logs = np.log(variances) - digamma(n_free / 2) + np.log(n_free / 2)
    # Variance of a log variance, given the true one: the trigamma function, zeta(2, x).
    noise = zeta(2, n_free / 2)
    squares = np.sum((logs - logs.mean()) ** 2) + _WEIGHT * (_SPREAD + noise)
    spread = squares / (len(logs) - 1 + _WEIGHT) - noise
    half = brentq(lambda x: zeta(2, x) - max(spread, 1e-3), 1e-3, 1e4)
    return float(np.exp(logs.mean() + digamma(half) - np.log(half))), 2 * half


@cache
def _level(error_rate: float, n_folds: int, min_folds: int) -> float:
    """Level of each test of a trial but that of one fold, if all of them have `error_rate`.

    From simulated folds with a known variance: the means of the first folds are correlated.
    """
    n_draws = max(_LEAST_DRAWS, min(_N_DRAWS, _N_DRAWN_FOLDS // n_folds))
    draws = np.random.default_rng(0).standard_normal((n_draws, n_folds))
    draws -= draws.mean(axis=1, keepdims=True)
    n_run = np.arange(min_folds, n_folds)
    means = np.cumsum(draws, axis=1)[:, min_folds - 1 : -1] / n_run
    probabilities = ndtr(means / np.sqrt(1 / n_run - 1 / n_folds))
    probabilities /= np.where(n_run == 1, _FIRST_LEVEL, 1.0)
    return float(np.quantile(probabilities.min(axis=1), error_rate))
