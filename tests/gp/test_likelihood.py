"""The density of the hyperparameters: its value, its gradient and its priors."""

import numpy as np
import pytest
from scipy.stats import lognorm, multivariate_normal, norm

from skhyper.gp import Priors
from skhyper.gp import _kernel as kernel
from skhyper.gp._likelihood import ValueDensity


@pytest.fixture
def problem(rng):
    X = rng.random((12, 4))
    y = np.sin(5.0 * X[:, 0]) + X[:, 1] * X[:, 2]
    groups = np.array([0, 1, 1, 2])
    return X, (y - y.mean()) / y.std(), groups, Priors()


@pytest.mark.parametrize("largest_tensor", [0, 10**6], ids=["expanded", "tensor"])
def test_gradient(problem, rng, check_gradient, monkeypatch, largest_tensor):
    monkeypatch.setattr(kernel.PairwiseSquares.__init__, "__defaults__", (largest_tensor,))
    objective = ValueDensity(*problem)
    for _ in range(3):
        theta = objective.center + rng.standard_normal(5)
        check_gradient(lambda t: objective(t)[0], objective(theta)[1], theta)


def test_value_is_likelihood_times_priors(problem, rng):
    X, y, groups, priors = problem
    objective = ValueDensity(*problem)
    theta = objective.center + 0.3 * rng.standard_normal(5)
    weights, (signal, noise) = np.exp(-2.0 * theta[:3]), np.exp(theta[3:])
    squared = ((X[:, None] - X) ** 2 * weights[groups]).sum(axis=2)
    K = signal * kernel.matern52(squared) + noise * np.eye(12)
    center, width = priors.moments(3)

    def log_joint(mean):
        likelihood = multivariate_normal(np.full(12, mean), K).logpdf(y)
        return likelihood - 0.5 * mean**2 - 0.5 * np.sum(((theta - center) / width) ** 2)

    mean = objective.mean(theta)
    np.testing.assert_allclose(objective(theta)[0], -log_joint(mean), rtol=1e-9)
    assert log_joint(mean) > max(log_joint(mean - 1e-3), log_joint(mean + 1e-3))


def test_length_scale_prior_is_that_of_hvarfner():
    n_groups, l = 7, np.array([0.05, 0.3, 1.0, 8.0])  # noqa: E741
    center, width = Priors().moments(n_groups)
    ours = norm.logpdf(np.log(l), center[0], width[0])
    theirs = lognorm.logpdf(l, s=np.sqrt(3.0), scale=np.exp(np.sqrt(2.0) + 0.5 * np.log(n_groups)))
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-10, atol=1e-12)
