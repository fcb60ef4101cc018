"""The surrogate of the losses, in terms of params."""

import numpy as np
import pytest

from skhyper._trial import History, Trial
from skhyper.exceptions import InvalidSpaceError
from skhyper.gp import fit_gp
from skhyper.samplers import GPSampler, Surrogate
from skhyper.space import Space, When

SPACE = Space(
    {
        "kernel": ["linear", "rbf"],
        "C": (1e-2, 1e2, "log-uniform"),
        "gamma": When((1e-3, 1e1, "log-uniform"), kernel="rbf"),
    }
)


def loss(params):
    away = np.log10(params["C"]) - 1.0
    return away**2 + (np.log10(params["gamma"]) ** 2 if params["kernel"] == "rbf" else 0.5)


def history_of(space, n=14):
    candidates = space.from_unit(space.sample(n, np.random.default_rng(3)))
    trials = [Trial(i, p, "complete", loss=loss(p)) for i, p in enumerate(candidates)]
    return History((*trials, Trial(n, candidates[0]), Trial(n + 1, {"tol": 1})))


def test_predictions_are_those_of_a_gp_by_hand():
    """A column for each kernel, gamma in the middle of its range where it is inactive."""
    history = history_of(SPACE)
    surrogate = GPSampler().model(SPACE, history)
    assert isinstance(surrogate, Surrogate)

    def features(params):
        is_rbf = params["kernel"] == "rbf"
        gamma = (np.log10(params["gamma"]) + 3) / 4 if is_rbf else 0.5
        return [
            np.sqrt(0.5) * (not is_rbf),
            np.sqrt(0.5) * is_rbf,
            (np.log10(params["C"]) + 2) / 4,
            gamma,
        ]

    done = history[:14]
    X, y = np.array([features(trial.params) for trial in done]), np.array([t.loss for t in done])
    middle, low = np.median(y), y.min()
    y = np.minimum(y, middle + 5 * (middle - low))
    n = 14 - 14 % (14 // 5)
    order = [SPACE.names.index(name) for name in ("kernel", "kernel", "C", "gamma")]
    h = fit_gp(X[:n], y[:n], groups=order).hyperparameters
    asked = [
        {"kernel": "rbf", "C": 3.0, "gamma": 0.2},
        {"kernel": "linear", "C": 0.5},
        dict(done[2].params),
    ]
    scales, s2 = h.length_scales[order], h.signal_variance

    def covariance(A, B):
        r = np.sqrt((((A[:, None] - B) / scales) ** 2).sum(axis=2))
        return s2 * (1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-np.sqrt(5) * r)

    K = covariance(X, X) + h.noise_variance * np.eye(14)
    k = covariance(np.array([features(params) for params in asked]), X)
    mean, std = surrogate.predict(asked, return_std=True)
    np.testing.assert_allclose(mean, h.mean + k @ np.linalg.solve(K, y - h.mean), rtol=1e-6)
    variance = s2 - np.einsum("ij,ji->i", k, np.linalg.solve(K, k.T))
    np.testing.assert_allclose(std, np.sqrt(variance), rtol=1e-5)
    np.testing.assert_array_equal(surrogate.predict(asked), mean)
    np.testing.assert_allclose(surrogate.predict(asked[0]), mean[:1])


@pytest.mark.parametrize("params", [{"kernel": "linear"}, {"kernel": "poly", "C": 1.0}])
def test_what_is_not_in_the_space_has_no_prediction(params):
    surrogate = GPSampler().model(SPACE, history_of(SPACE))
    with pytest.raises(InvalidSpaceError, match="does not lie in"):
        surrogate.predict(params)


def test_it_learns_a_function():
    surrogate = GPSampler().model(SPACE, history_of(SPACE, 60))
    asked = SPACE.from_unit(SPACE.sample(50, np.random.default_rng(9)))
    error = surrogate.predict(asked) - [loss(params) for params in asked]
    assert np.median(np.abs(error)) < 0.1
