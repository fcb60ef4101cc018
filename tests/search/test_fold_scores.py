"""Statistics of fold scores, compared with formulas and with scipy's tests."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import KFold, RepeatedKFold, ShuffleSplit

from skhyper._splits import standard_error
from skhyper.search._fold_scores import (
    differences,
    fold_scores,
    history_from_table,
    metric_of,
    metrics_in,
    near_best,
    optimized_of,
)

rng = np.random.default_rng(0)
S = 0.8 + 0.05 * rng.standard_normal((6, 5))


def results(table, metric="score"):
    return {f"mean_test_{metric}": table.mean(axis=1)} | {
        f"split{k}_test_{metric}": column for k, column in enumerate(table.T)
    }


def test_fold_scores_omit_candidates_with_a_missing_fold():
    table = S.copy()
    table[2, 1] = np.nan
    found = fold_scores(results(table))
    np.testing.assert_array_equal(found.rows, [0, 1, 3, 4, 5])
    np.testing.assert_array_equal(found.S, table[found.rows])
    assert found.ratio == pytest.approx(1 / 4)
    assert found.groups == [[0, 1, 2, 3, 4]]
    with pytest.raises(ValueError, match="No candidate has a score on every split"):
        fold_scores(results(np.full((2, 3), np.nan)))


def test_groups_of_splits_and_ratio():
    X = np.zeros((20, 1))
    table = np.zeros((2, 6))
    repeated = list(RepeatedKFold(n_splits=3, n_repeats=2, random_state=0).split(X))
    found = fold_scores(results(table), None, repeated)
    assert found.groups == [[0, 1, 2], [3, 4, 5]]
    assert found.ratio == pytest.approx(0.5, rel=0.02)
    shuffled = list(ShuffleSplit(6, test_size=0.4, random_state=0).split(X))
    assert len(fold_scores(results(table), None, shuffled).groups) > 3
    masks = [(np.isin(range(20), a), np.isin(range(20), b)) for a, b in KFold(6).split(X)]
    assert fold_scores(results(table), None, masks).groups == [[0, 1, 2, 3, 4, 5]]


def test_metric_of():
    both = results(S, "a") | results(S, "b")
    assert metric_of(results(S)) == "score"
    assert metric_of(both, "b") == "b"
    for wrong in (None, "c"):
        with pytest.raises(ValueError, match=r"metric must be one of \['a', 'b'\]"):
            metric_of(both, wrong)


def test_trials_of_a_table():
    results = {
        "params": [{"a": 1}, {"a": 2}],
        "mean_fit_time": np.array([1.0, 2.0]),
        "mean_score_time": np.array([0.5, 0.5]),
        "mean_test_b": np.array([0.2, 0.2]),
        "mean_test_a.b": np.array([0.5, np.nan]),
    }
    for k, scores in enumerate([[0.25, 1.0], [0.75, np.nan]]):
        results |= {f"split{k}_test_a.b": np.array(scores), f"split{k}_test_b": np.full(2, 0.2)}
    assert metrics_in(results) == ["b", "a.b"]
    search = SimpleNamespace(refit="a.b")
    assert optimized_of(search, results) == "a.b"
    assert optimized_of(SimpleNamespace(refit=True), results) == "b"
    first, second = history_from_table(results, "a.b")
    assert (first.params, first.state, first.loss, first.seconds) == ({"a": 1}, "complete", -0.5, 3)
    np.testing.assert_array_equal(first.scores, [0.25, 0.75])
    assert second.state == "failed" and np.isnan(second.loss) and second.seconds == 5


def test_differences_are_those_of_the_paired_t_test():
    found = differences(S, 0.0)
    best = np.argmax(S.mean(axis=1))
    others = np.delete(np.arange(6), best)
    expected = [
        stats.ttest_rel(S[best], S[other], alternative="greater").pvalue for other in others
    ]
    np.testing.assert_allclose(found.p_value[others], expected)
    assert found.p_value[best] == 0.5
    assert (differences(S, 0.25).p_value[others] >= found.p_value[others]).all()
    shifted = differences(np.array([S[0], S[0] - 0.25]), 0.25)
    np.testing.assert_allclose(shifted.mean, [0, 0.25])
    assert shifted.p_value[0] == 0.5
    # Equal means in another order of the splits differ by rounding.
    values = np.array([0.1, 0.7, 0.3, 0.9, 0.35])
    equal = differences(np.array([values, values[::-1]]), 0.25)
    np.testing.assert_array_equal(equal.mean, 0.0)


def test_the_corrected_test_has_its_level():
    # Splits as correlated as Nadeau and Bengio assume: correlation n_test / (n_test + n_train).
    generator, K, rho = np.random.default_rng(0), 10, 0.1
    n = 4000
    common = np.sqrt(rho) * generator.standard_normal((n, 1))
    D = common + np.sqrt(1 - rho) * generator.standard_normal((n, K))
    t = D.mean(axis=1) / standard_error(D, rho / (1 - rho))
    assert np.mean(t > stats.t.ppf(0.95, K - 1)) == pytest.approx(0.05, abs=0.012)


def test_near_best():
    table = np.array([[0.9, 0.8], [0.85, 0.75], [0.3, 0.2]])
    np.testing.assert_array_equal(near_best(table, 1.0), [True, True, False])
    np.testing.assert_array_equal(near_best(table[:, :1], 1.0), [True, False, False])
