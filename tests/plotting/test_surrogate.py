"""Averages of the surrogate against scikit-learn's Gaussian process, and what is averaged over."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from skhyper import History, Trial
from skhyper.inspection._results import Results, results_of
from skhyper.plotting._axes import axes_of
from skhyper.plotting._surrogate import Average, ranked
from skhyper.samplers import GPSampler
from skhyper.space import Space


def by_scikit_learn(results, column, u, sample):
    """Mean and standard deviation of the average, from the full posterior covariance."""
    model = GPSampler(n_initial_points=1).model(results.space, results.history)
    gp = model.gp
    kernel = ConstantKernel(gp.signal_variance) * Matern(gp.column_length_scales, nu=2.5)
    theirs = GaussianProcessRegressor(kernel, alpha=gp.noise_variance, optimizer=None)
    theirs.fit(gp.X, gp.y - gp.mean)
    points = sample.copy()
    points[:, column] = u
    points = results.space.canonical(points)
    points = points[~np.isnan(points[:, column])]
    mean, cov = theirs.predict(model.encoding.encode(points), return_cov=True)
    return results.sign * (gp.mean + mean.mean()), np.sqrt(cov.mean())


@pytest.mark.parametrize("name", ["plain", "conditional", "failures"])
def test_average_and_its_uncertainty(name, request):
    results = results_of(request.getfixturevalue(name))
    average = Average(results)
    for column, axis in enumerate(axes_of(results)):
        position = axis.grid(3)[1]
        mean, std = average([axis], [np.array([position])])
        u = results.space.dimensions[column].to_unit(axis.value_at(position))
        sample = average._sample([axis])
        expected = by_scikit_learn(results, column, u, sample)
        assert (mean[0], std[0]) == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_one_dimension_is_the_model_itself(one):
    results = results_of(one)
    (axis,) = axes_of(results)
    mean, std = Average(results)([axis], [axis.grid(5)])
    model = GPSampler(n_initial_points=1).model(one.space, one.history)
    settings = [{"x": x} for x in axis.grid(5)]
    np.testing.assert_allclose((mean, std), model.predict(settings, return_std=True), rtol=1e-6)


def test_around_a_point_the_others_are_fixed(plain):
    results = results_of(plain)
    alpha, depth = axes_of(results)
    around = results.space.to_unit([{"ccp_alpha": 1e-3, "max_depth": 2}])[0]
    mean, _ = Average(results).at([alpha], [np.array([1e-2])], around)
    model = GPSampler(n_initial_points=1).model(results.space, results.history)
    assert mean[0] == pytest.approx(-model.predict({"ccp_alpha": 1e-2, "max_depth": 2})[0])
    both, _ = Average(results)([alpha, depth], [np.array([1e-2]), np.array([2.0])])
    assert both[0, 0] == pytest.approx(mean[0])


def test_only_points_where_it_is_active_count(conditional):
    results = results_of(conditional)
    model, _, gamma = axes_of(results)
    mean, _ = Average(results)([model, gamma], [model.grid(2), np.array([0.1])])
    assert np.isfinite(mean).tolist() == [[True], [False]]


def test_the_constraint_holds():
    space = Space({"x": (0.0, 1.0), "y": (0.0, 1.0)}, constraint=lambda p: p["x"] < p["y"])
    points = np.random.default_rng(0).random((20, 2))
    points.sort(axis=1)
    trials = [
        Trial(i, params, "complete", np.zeros(1), params["y"])
        for i, params in enumerate(space.from_unit(points))
    ]
    results = Results(History(tuple(trials)), space, sign=1)
    x, y = axes_of(results)
    mean, _ = Average(results)([x], [np.array([0.1, 0.9])])
    # Uniform y above x has the mean (1 + x) / 2.
    np.testing.assert_allclose(mean, [0.55, 0.95], atol=0.06)
    mean, _ = Average(results)([x, y], [np.array([0.9]), np.array([0.1])])
    assert np.isnan(mean[0, 0])


@pytest.mark.slow
def test_axes_are_ranked_by_what_they_change(forty):
    results = results_of(forty)
    assert set(ranked(results, axes_of(results))[:2]) == {3, 7}


def test_too_few_trials():
    trials = (Trial(0, {"x": 0.1, "y": 0.2}, "complete", np.zeros(2), 0.0),)
    results = results_of(History(trials))
    assert ranked(results, axes_of(results)) == [0, 1]
    with pytest.raises(ValueError, match="at least two complete trials"):
        Average(results)
