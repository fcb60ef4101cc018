"""Partial dependence: what is drawn by default, and refusals; its numbers: test_surrogate.py."""

import numpy as np
import pytest

from skhyper import minimize
from skhyper.plotting import PartialDependenceDisplay
from skhyper.plotting._partial_dependence import partial_dependence


def test_an_additive_function_is_recovered():
    def value(params):
        return np.sin(6 * params["x"]) + params["y"] ** 2

    space = {"x": (0.0, 1.0), "y": (0.0, 1.0)}
    result = minimize(value, space, 40, sampler="sobol", random_state=0)
    x, y, both = partial_dependence(result, ["x", "y", ("x", "y")])
    np.testing.assert_allclose(x.mean, np.sin(6 * x.grid[0]) + 1 / 3, atol=0.05)
    mean_of_sine = (1 - np.cos(6)) / 6
    np.testing.assert_allclose(y.mean, y.grid[0] ** 2 + mean_of_sine, atol=0.05)
    expected = np.sin(6 * both.grid[0])[:, None] + both.grid[1] ** 2
    np.testing.assert_allclose(both.mean, expected, atol=0.1)
    assert both.mean.shape == both.std.shape == (20, 20)


@pytest.mark.parametrize("name", ["plain", "conditional", "failures", "theirs", "one"])
def test_every_search_is_drawn(name, request):
    search = request.getfixturevalue(name)
    display = PartialDependenceDisplay.from_search(search, max_panels=3, grid_resolution=5)
    n = len(display.data)
    assert n == len(display.axes_) == (1 if name == "one" else 3)
    assert [len(data.axes) for data in display.data] == [1] * (n - 1) + [1 if n == 1 else 2]


@pytest.mark.slow
def test_the_most_important_come_first(forty):
    data = partial_dependence(forty, max_panels=4, grid_resolution=4)
    names = [tuple(axis.name for axis in each.axes) for each in data]
    assert {names[0][0], names[1][0]} == {"x3", "x7"}
    assert names[-1] == (names[0][0], names[1][0])
    assert len(names) == 4


def test_others_at_the_best_trial(plain):
    (data,) = partial_dependence(plain, ["ccp_alpha"], others="best", grid_resolution=7)
    params = [{"ccp_alpha": x, "max_depth": plain.best_params_["max_depth"]} for x in data.grid[0]]
    model = plain.sampler_.model(plain.space_, plain.history_)
    np.testing.assert_allclose(data.mean, -model.predict(params), atol=1e-3)


def test_given_axes_and_notes(conditional):
    plt = pytest.importorskip("matplotlib.pyplot")
    _, axes = plt.subplots(1, 2)
    display = PartialDependenceDisplay.from_search(
        conditional, ["gamma", ("model", "C")], ax=axes, grid_resolution=4
    )
    assert display.axes_.tolist() == axes.tolist()
    n = sum("model__gamma" not in trial.params for trial in conditional.history_)
    assert f"inactive in {n} of 10 trials" in axes[0].get_title()
    _, place = plt.subplots()
    assert len(display.plot(ax=place).axes_) == 2


def test_refusals(plain):
    with pytest.raises(ValueError, match="'depth' is not a hyperparameter"):
        partial_dependence(plain, ["depth"])
    with pytest.raises(ValueError, match="others must be one of"):
        partial_dependence(plain, others="none")
    with pytest.raises(ValueError, match="names or pairs of names, got 3 names"):
        partial_dependence(plain, [("max_depth", "ccp_alpha", "max_depth")])
