"""Derivatives of whole trainings, against finite differences of whole trainings."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skhyper.neural_network._network import Network
from skhyper.neural_network._optimizers import OPTIMIZERS, SCHEDULES
from skhyper.neural_network._training import Data, Settings, differentiable, directions, train

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5))
Y = np.eye(3)[(X[:, :3] + rng.normal(size=(60, 3))).argmax(axis=1)]
a = rng.random(60)
NETWORK = Network((5, 6, 4, 3), "tanh", "softmax")
RATES = {"gd": 0.5, "sgd": 0.2, "momentum": 0.05, "adagrad": 0.1, "adam": 0.02}
VALUES = {"decay": 0.05, "momentum": 0.8, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-8}
VALUES |= {"alpha": np.array([0.5, 1.0, 0.2])}


def settings(optimizer, schedule="constant", max_iter=15, **values):
    values = VALUES | {"learning_rate": RATES[optimizer]} | values
    size = 1000 if optimizer == "gd" else 16
    return Settings(optimizer, schedule, values, size, max_iter, patience=5)


def run(how, data=None, validation=None, d_values=None):
    w = NETWORK.initial(np.random.RandomState(1))
    data = Data(X, Y, a) if data is None else data
    return train(NETWORK, w, data, how, np.random.RandomState(2), validation, d_values)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.fast_cases(8)
def test_derivatives_of_training(optimizer, schedule):
    names = differentiable(optimizer, schedule)
    how = settings(optimizer, schedule)
    found = run(how, d_values=directions(names, VALUES["alpha"], 3))
    np.testing.assert_array_equal(found.w, run(how).w)
    rows = iter(found.dw)
    for name in names:
        value = how.values[name]
        for unit in np.eye(np.size(value)):
            step = 1e-3 * np.max(value) * (unit if np.ndim(value) else 1.0)
            ends = [
                run(settings(optimizer, schedule, **{name: value + s * step})).w
                for s in (-2, -1, 1, 2)
            ]
            difference = np.dot([1 / 12, -2 / 3, 2 / 3, -1 / 12], ends) / np.max(step)
            error = np.linalg.norm(next(rows) - difference)
            assert error <= 1e-5 * np.linalg.norm(difference), name
    assert next(rows, None) is None


def test_a_shared_penalty_is_the_sum_of_all():
    how = settings("adam")
    each = run(how, d_values=directions(["alpha"], np.ones(3), 3))
    shared = run(how, d_values=directions(["alpha"], 1.0, 3))
    np.testing.assert_allclose(shared.dw[0], each.dw.sum(axis=0), rtol=1e-10, atol=1e-13)


def test_sparse_data_and_validation():
    names = ["learning_rate", "alpha"]
    runs = []
    for container in (np.array, sparse.csr_array):
        data = Data(container(X[:40]), Y[:40], a[:40])
        validation = Data(container(X[40:]), Y[40:], a[40:])
        how = settings("adam", max_iter=60, learning_rate=0.05)
        runs.append(run(how, data, validation, directions(names, 1.0, 3)))
    dense, other = runs
    np.testing.assert_allclose(dense.w, other.w)
    np.testing.assert_allclose(dense.dw, other.dw, rtol=1e-7, atol=1e-10)
    assert dense.best_iter == np.argmin(dense.validation_curve) + 1 < 60
    assert len(dense.loss_curve) == dense.best_iter + 5
    # training for this number of epochs is cached, with its derivatives
    short = run(
        settings("adam", max_iter=dense.best_iter, learning_rate=0.05),
        Data(X[:40], Y[:40], a[:40]),
        d_values=directions(names, 1.0, 3),
    )
    np.testing.assert_array_equal(dense.w, short.w)
    np.testing.assert_array_equal(dense.dw, short.dw)


def test_memory_does_not_depend_on_the_number_of_epochs():
    def peak(max_iter):
        tracemalloc.start()
        how = settings("adam", max_iter=max_iter)
        run(how, d_values=directions(["learning_rate", "alpha"], np.ones(3), 3))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(2)
    few, many = peak(5), peak(200)
    assert many - few < 200 * 64  # the loss curve


def test_the_tolerance():
    data, validation = Data(X[:40], Y[:40], a[:40]), Data(X[40:], Y[40:], a[40:])
    how = settings("gd", max_iter=50, learning_rate=1e-3)
    assert len(run(how, data, validation).loss_curve) == 50
    bold = Settings(**{**vars(how), "tol": 1.0})
    stopped = run(bold, data, validation)
    assert len(stopped.loss_curve) == 6
    assert stopped.best_iter == 6


def test_divergence():
    with pytest.raises(FloatingPointError, match="epoch"):
        run(settings("sgd", learning_rate=1e300))


def test_a_batch_without_weight():
    data = Data(X, Y, np.where(np.arange(60) < 5, 1.0, 0.0))
    found = run(settings("momentum"), data, d_values=directions(["learning_rate"], 1.0, 3))
    assert np.isfinite(found.w).all()
    assert np.isfinite(found.dw).all()


def test_directions():
    found = directions(["alpha", "momentum"], np.ones(2), 2)
    np.testing.assert_array_equal(found["alpha"], [[1, 0], [0, 1], [0, 0]])
    np.testing.assert_array_equal(found["momentum"], [0, 0, 1])
    found = directions(["momentum", "alpha"], 0.1, 2)
    np.testing.assert_array_equal(found["alpha"], [[0, 0], [1, 1]])
    np.testing.assert_array_equal(found["momentum"], [1, 0])
