"""Paths of searches by gradients: their descents, and the surface against the criterion."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, Ridge

from skhyper import GradientSearchCV
from skhyper.linear_model import BandedRidge
from skhyper.plotting import GradientPathDisplay
from skhyper.plotting._gradient_path import gradient_path

RANGE = (1e-4, 1e2, "log-uniform")


@pytest.fixture(scope="module")
def ridge():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:100], y[:100]
    return GradientSearchCV(Ridge(), {"alpha": RANGE}, random_state=0, cv=3).fit(X, y)


@pytest.fixture(scope="module")
def net():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:60], y[:60]
    space = {"alpha": RANGE, "l1_ratio": (0.05, 0.95)}
    search = GradientSearchCV(ElasticNet(), space, n_iter=10, random_state=0, cv=3)
    return search.fit(X, y)


def test_each_trial_is_in_the_design_or_in_a_descent(ridge, net):
    for search in (ridge, net):
        data = GradientPathDisplay.from_search(search).data
        in_descents = np.concatenate(data.descents).tolist()
        assert sorted({*in_descents, *data.design.tolist()}) == list(range(search.n_trials_))
        for own in data.descents:
            assert np.all(np.diff(own[1:]) > 0)
        assert data.criterion[data.best] == np.nanmin(data.criterion)


def test_slopes_and_surface_agree_with_the_criterion(ridge):
    data = GradientPathDisplay.from_search(ridge).data
    (grid,) = data.grid
    alphas = np.array([trial.params["alpha"] for trial in ridge.history_])
    gradients = np.array([trial.gradient["alpha"] for trial in ridge.history_])
    np.testing.assert_allclose(data.slopes[:, 0], gradients * alphas * np.log(1e6), rtol=1e-9)
    at = np.interp(np.log(alphas), np.log(grid), data.surface)
    np.testing.assert_allclose(at, data.criterion, atol=0.02 * np.ptp(data.criterion))


@pytest.mark.slow
def test_two_hyperparameters(net):
    data = GradientPathDisplay.from_search(net).data
    assert [axis.name for axis in data.axes] == ["alpha", "l1_ratio"]
    assert data.surface.shape == (40, 40)
    names = ["l1_ratio"]
    assert [axis.name for axis in gradient_path(net, names).axes] == names


@pytest.mark.slow
def test_vectors_show_the_two_components_that_move_most():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = X[:, 0] + 0.1 * rng.normal(size=60)
    ridge = BandedRidge(alphas=np.ones(4), bands=np.arange(4))
    search = GradientSearchCV(ridge, {"alphas": RANGE}, n_iter=12, random_state=0, cv=3).fit(X, y)
    display = GradientPathDisplay.from_search(search)
    assert display.data.n_axes == 4
    moved = np.ptp(np.log([trial.params["alphas"] for trial in search.history_]), axis=0)
    names = [f"alphas[{i}]" for i in sorted(np.argsort(-moved)[:2])]
    assert [axis.name for axis in display.data.axes] == names
    title = display.ax_.get_legend().get_title().get_text()
    assert title == "2 further hyperparameters as in the best trial"
    found = np.concatenate(display.data.descents)
    assert sorted(set(found.tolist())) == list(range(search.n_trials_))


def test_other_searches_are_refused(plain, net):
    with pytest.raises(ValueError, match="only GradientSearchCV computes them"):
        gradient_path(plain)
    with pytest.raises(ValueError, match="One or two names are needed, got 3"):
        gradient_path(net, ["alpha", "l1_ratio", "alpha"])
