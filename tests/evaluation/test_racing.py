"""Racing: how often the winner is stopped, how many folds are saved, and its statistics."""

import time
import tracemalloc

import numpy as np
import pytest
from scipy.stats import invgamma, t

from skhyper._trial import History, Trial, TrialState
from skhyper.evaluation import Racing
from skhyper.evaluation._racing import _FIRST_LEVEL, _level, _prior


def race(table, racing):
    """Numbers of folds run of each candidate of a table of scores (n_candidates, n_folds)."""
    trials, n_run = [], []
    for number, row in enumerate(table):
        n = 0
        state = TrialState.STOPPED
        while state is TrialState.STOPPED:
            n += 1
            state = TrialState.STOPPED if n < len(row) else TrialState.COMPLETE
            seen = np.where(np.arange(len(row)) < n, row, np.nan)
            trial = Trial(number, {"a": number}, state=state, scores=seen, loss=-row[:n].mean())
            if not racing.goes_on(trial, History(tuple(trials))):
                break
        trials.append(trial)
        n_run.append(n)
    return np.array(n_run)


def fold_table(rng, n_candidates=30, n_folds=10):
    """Scores with effects of candidates and folds, and residuals correlated between candidates."""
    quality = rng.exponential(0.03, size=n_candidates)
    fold = rng.normal(scale=0.03, size=n_folds)
    slopes = rng.normal(1, 0.3, size=n_candidates)
    shared = rng.normal(scale=0.01, size=(3, n_folds))
    loadings = rng.normal(size=(n_candidates, 3))
    noise = rng.gamma(2, 0.005, size=(n_candidates, 1)) * rng.standard_t(
        5, size=(n_candidates, n_folds)
    )
    return 0.9 - quality[:, None] + slopes[:, None] * fold + loadings @ shared + noise


def test_the_winner_is_stopped_at_most_at_the_stated_rate():
    n_tables = 50
    rng = np.random.default_rng(0)
    lost, used, gaps = 0, 0, []
    for _ in range(n_tables):
        table = fold_table(rng)
        n_run = race(table, Racing(error_rate=0.05))
        means = table.mean(axis=1)
        lost += n_run[means.argmax()] < table.shape[1]
        gaps.append(means.max() - means[n_run == table.shape[1]].max())
        used += n_run.sum() / table.size
    assert lost <= 0.05 * n_tables + 3 * np.sqrt(0.05 * n_tables)
    assert used / n_tables < 0.65
    assert np.mean(gaps) < 1e-3


@pytest.mark.slow
def test_the_rate_over_many_tables():
    rng = np.random.default_rng(1)
    lost = 0
    for _ in range(300):
        table = fold_table(rng)
        lost += race(table, Racing())[table.mean(axis=1).argmax()] < table.shape[1]
    assert lost <= 3 + 3 * np.sqrt(3)


def test_all_trials_alike_go_on():
    table = np.ones((6, 5))
    assert race(table, Racing()).tolist() == [5] * 6
    table[3:] += np.array([0, 1, 0, -1, 0]) * 1e-3  # equal means
    assert race(table, Racing()).tolist() == [5] * 6


def test_scores_of_diverged_fits():
    table = np.random.default_rng(0).normal(scale=0.01, size=(8, 5))
    table[[1, 5]] = [-1e300, -2e300, 0, -1e299, 1]
    n_run = race(table, Racing())
    assert n_run[table.mean(axis=1).argmax()] == 5
    assert race(np.clip(table, -1e3, 1e3) * 1e300, Racing()).max() == 5


def test_a_hopeless_candidate_runs_the_least_folds():
    table = np.random.default_rng(0).normal(scale=0.01, size=(8, 5))
    table[7] -= 5
    assert race(table, Racing(error_rate=0.05)).tolist()[-1] == 1
    assert race(table, Racing(error_rate=0.05, min_folds=3)).tolist()[-1] == 3
    assert race(table, Racing(error_rate=0.05, min_trials=8)).tolist() == [5] * 8


def test_a_trial_with_a_failed_fold_is_stopped():
    complete = [
        Trial(i, {}, state="complete", scores=np.random.default_rng(i).normal(size=4))
        for i in range(5)
    ]
    failed = Trial(5, {}, state="failed", scores=np.full(4, np.nan))
    assert not Racing().goes_on(failed, History(tuple(complete)))
    assert Racing().goes_on(failed, History(tuple(complete[:2])))
    low = Trial(5, {}, state="stopped", scores=np.array([-1e3, -1e3, np.nan, np.nan]))
    assert not Racing().goes_on(low, History((*complete, failed)))


@pytest.mark.parametrize("least", [1, 2])
def test_the_level_is_that_of_all_tests_of_a_trial(least):
    rng = np.random.default_rng(7)
    draws = rng.normal(size=(40_000, 6))
    draws -= draws.mean(axis=1, keepdims=True)
    level = _level(0.05, 6, least)
    stopped = np.zeros(len(draws), dtype=bool)
    for n in range(least, 6):
        z = draws[:, :n].mean(axis=1) / np.sqrt(1 / n - 1 / 6)
        stopped |= t.cdf(z, 1e7) <= level * (_FIRST_LEVEL if n == 1 else 1)
    assert stopped.mean() == pytest.approx(0.05, abs=0.004)


def test_many_folds_take_little_memory_and_time():
    tracemalloc.start()
    start = time.process_time()
    level = _level.__wrapped__(0.01, 1000, 1)
    assert time.process_time() - start < 5
    assert tracemalloc.get_traced_memory()[1] < 300e6
    tracemalloc.stop()
    assert 0 < level < _level(0.01, 10, 1) < 0.01


def test_prior_of_variances_is_recovered():
    rng = np.random.default_rng(0)
    scale, n_prior, n_free = 0.3, 8.0, 9
    true = invgamma.rvs(n_prior / 2, scale=n_prior * scale / 2, size=20_000, random_state=rng)
    found = _prior(true * rng.chisquare(n_free, size=len(true)) / n_free, n_free)
    np.testing.assert_allclose(found, (scale, n_prior), rtol=0.05)
    assert _prior(np.zeros(3), n_free) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"error_rate": 0}, "error_rate must be in"),
        ({"error_rate": 0.7}, "error_rate must be in"),
        ({"min_folds": 0}, "min_folds must be an int of at least 1"),
        ({"min_trials": 2.5}, "min_trials must be an int of at least 3"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Racing(**arguments)
