"""The experiment with parts of the samples: its process, its tables, and its searches."""

import importlib
import os
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.datasets import make_regression
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score

from skhyper.gp import fit_gp

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not in what is installed", allow_module_level=True)

with mock.patch.dict(os.environ), mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
    fidelity = importlib.import_module("fidelity")
    process = importlib.import_module("_fidelity_process")
    tables = importlib.import_module("_fidelity_tables")

PARTS = np.array(tables.PARTS)


@pytest.fixture
def table():
    """Losses of 40 candidates; on parts they are higher and noisier."""
    rng = np.random.default_rng(0)
    F = rng.random((40, 2))
    losses = ((F - 0.4) ** 2).sum(axis=1)
    parts = losses[:, None] + 0.1 / PARTS**0.5 + 0.02 * rng.normal(size=(40, 3)) * (PARTS < 1)
    scores = np.repeat(-parts[:, :, None], 3, axis=2)
    seconds = np.tile(PARTS, (40, 1))
    return {
        "points": F,
        "features": F,
        "groups": np.arange(2),
        "scores": scores,
        "seconds": seconds,
    }


def test_the_gradient_of_the_density_is_that_of_differences():
    rng = np.random.default_rng(0)
    X, level = rng.random((12, 3)), rng.integers(3, size=12)
    X[:, 2] = process.inputs(PARTS)[level]
    density = process.PartDensity(X, rng.normal(size=12), level, np.arange(3), PARTS)
    theta = density.center + 0.3 * rng.normal(size=len(density.center))
    error = check_grad(lambda t: density(t)[0], lambda t: density(t)[1], theta)
    assert error < 1e-4 * np.linalg.norm(density(theta)[1])


def test_all_samples_alone_are_the_process_of_searches(table):
    F, losses = table["features"], -table["scores"][:, -1].mean(axis=1)
    rows, level = np.arange(12), np.zeros(12, dtype=int)
    found = process.PartProcess(F, np.arange(2), PARTS[-1:]).fit(rows, level, losses[:12])
    expected = fit_gp(F[:12], losses[:12]).predict(F)
    np.testing.assert_allclose(found.predict(), expected, rtol=0.05, atol=0.01)


def test_correlation_is_that_of_the_joint_posterior(table):
    own = process.PartProcess(table["features"], np.arange(2), PARTS)
    rows, level = np.r_[0:10, 0:3], np.r_[np.zeros(10, int), np.full(3, 2)]
    losses = -table["scores"].mean(axis=2)[rows, level]
    own.fit(rows, level, losses)
    A, B = own.rows(np.arange(40), np.zeros(40, int)), own.rows(np.arange(40), np.full(40, 2))
    both, gp = np.concatenate([A, B]), own.gp
    k = gp.signal_variance * gp.correlation(both, gp.X)
    K = gp.signal_variance * gp.correlation(gp.X, gp.X) + np.diag(own.noise[level])
    posterior = gp.signal_variance * gp.correlation(both, both) - k @ np.linalg.solve(K, k.T)
    posterior[np.arange(40), np.arange(40)] += own.noise[0]
    variances = np.diag(posterior)
    expected = np.diag(posterior[:40, 40:]) / np.sqrt(variances[:40] * variances[40:])
    np.testing.assert_allclose(own.correlation_with_full(0), expected, rtol=1e-4, atol=1e-6)


def test_searches_end_at_the_target_and_count_all_evaluations(table):
    (row,) = fidelity.run(table, fidelity.STRATEGIES, [0])
    for name, found in row["searches"].items():
        assert found["seconds"] is None or found["seconds"] <= 2 * row["random_seconds"]
        if name in fidelity.STRATEGIES:
            levels = list(fidelity.STRATEGIES[name][0])
            assert found["seconds"] == pytest.approx(found["evaluations"] @ PARTS[levels])


def test_a_table_is_recorded_and_continued(tmp_path, monkeypatch):
    data = make_regression(200, 4, noise=5.0, random_state=0)
    task = (lambda: data, Ridge(), {"alpha": (1e-3, 1e3, "log-uniform")}, "r2")
    monkeypatch.setitem(tables.TASKS, "ridge", task)
    path = tmp_path / "tables.npz"
    first = tables.record("ridge", path, n_sobol=8, n_local=0)
    whole = tables.record("ridge", path, n_sobol=8, n_local=2)
    np.testing.assert_array_equal(whole["scores"][:8], first["scores"])
    assert whole["scores"].shape == (10, 3, 3) and len(whole["features"]) == 10
    expected = cross_val_score(
        Ridge(alpha=10 ** (6 * whole["points"][9, 0] - 3)),
        *data,
        cv=KFold(3, shuffle=True, random_state=0),
    )
    np.testing.assert_allclose(whole["scores"][9, 2], expected)
    assert (whole["seconds"] > 0).all() and tables.load(path).keys() == {"ridge"}


def test_the_recorded_tables_are_complete():
    for table in tables.load().values():
        n = tables.N_SOBOL + tables.N_LOCAL
        assert table["scores"].shape == (n, 3, 3) and len(table["features"]) == n


def test_ranks_of_the_best_candidates_on_parts(table):
    order = np.argsort(-table["scores"][:, 2, 0])
    table["scores"][order[:40], 0] = -np.arange(40.0)[::-1, None]
    found = fidelity.describe(table)
    assert found["correlation"][0] == pytest.approx(-1.0) and found["correlation"][2] == 1.0
    assert found["candidates"] == 40 and found["cost"] == pytest.approx(PARTS)
