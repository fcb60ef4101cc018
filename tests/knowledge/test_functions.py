"""Losses on several data sets as functions of the hyperparameters."""

import numpy as np
import pytest

from skhyper.knowledge._functions import Task, fit_functions
from skhyper.space import Space

SPACE = Space({"x": (0.0, 1.0), "y": (0.0, 1.0)})


def bowls(n_tasks, n_points=60, seed=0):
    """Quadratic losses whose minimum differs a little between data sets; slow at the upper end."""
    rng = np.random.default_rng(seed)
    centers = [0.3, 0.6] + 0.05 * rng.standard_normal((n_tasks, 2))
    tasks = []
    for center in centers:
        points = rng.random((n_points, 2))
        losses = 7.0 + 3.0 * ((points - center) ** 2).sum(axis=1)
        tasks.append(Task(points, losses, np.exp(2 * points[:, 0])))
    return tasks, centers


def test_they_predict_losses_of_the_data_sets_at_other_points():
    tasks, centers = bowls(12)
    functions = fit_functions(SPACE, tasks, rank=4)
    grid = np.random.default_rng(1).random((200, 2))
    losses, log_seconds = functions.predict(SPACE, grid)
    assert losses.shape == (200, 12)
    for task, center, found in zip(tasks, centers, losses.T):
        true = 7.0 + 3.0 * ((grid - center) ** 2).sum(axis=1)
        relative = (true - task.losses.min()) / (np.median(task.losses) - task.losses.min())
        good = relative < 1.8  # larger ones are clipped
        assert np.corrcoef(found[good], relative[good])[0, 1] > 0.9
    slope = np.polyfit(grid[:, 0], log_seconds, 1)[0]
    assert slope == pytest.approx(2.0, rel=0.2)


def test_the_rank_and_the_number_of_inducing_points_bound_their_size():
    tasks, _ = bowls(12)
    functions = fit_functions(SPACE, tasks, rank=3, n_inducing=40)
    assert functions.points.shape == (40, 2)
    assert functions.factors.shape == (40, 3)
    assert functions.weights.shape == (3, 12)
    assert functions.factors.dtype == np.float32


def test_relative_losses():
    losses = np.array([5.0, 1.0, 3.0, np.nan, 100.0, 2.0])
    task = Task(np.zeros((6, 1)), losses, np.ones(6))
    np.testing.assert_allclose(task.relative_losses, [2.0, 0.0, 1.0, 2.0, 2.0, 0.5])
    same = Task(np.zeros((3, 1)), np.array([1.0, 1.0, np.nan]), np.ones(3))
    np.testing.assert_allclose(same.relative_losses, [0.0, 0.0, 2.0])
    failed = Task(np.zeros((2, 1)), np.full(2, np.nan), np.ones(2))
    np.testing.assert_allclose(failed.relative_losses, [1.0, 1.0])
