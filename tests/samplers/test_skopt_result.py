"""Results as scikit-optimize has them: its own plots draw them."""

import pickle

import numpy as np
import pytest
from scipy.stats import loguniform, norm
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import BayesSearchCV, Optimizer, minimize
from skhyper.samplers import skopt_result
from skhyper.space import Space, When

plots = pytest.importorskip("skopt.plots")
pytest.importorskip("matplotlib").use("Agg")

X, y = load_iris(return_X_y=True)
SPACE = {
    "C": (1e-2, 1e3, "log-uniform"),
    "kernel": ["linear", "rbf", "poly"],
    "gamma": When((1e-4, 1e1, "log-uniform"), kernel=["rbf", "poly"]),
    "degree": When((2, 4), kernel="poly"),
    "class_weight": When([None, "balanced"], kernel="linear"),
}


def searched(**options):
    options = {"n_iter": 9, "cv": 2, "random_state": 0, **options}
    return BayesSearchCV(SVC(), options.pop("spaces", SPACE), **options).fit(X, y)


def draw(result):
    import matplotlib.pyplot as plt

    plots.plot_evaluations(result)
    # scikit-optimize numbers the categories itself, a value that is none of them raises.
    drawn = plots.plot_objective(result, n_points=5, n_samples=10).figure.axes
    means = [line.get_ydata() for ax in drawn for line in ax.lines if len(line.get_xdata()) > 2]
    assert means and np.all(np.isfinite(np.concatenate(means)))
    plots.plot_objective(result, n_points=5, sample_source="result")
    plots.plot_convergence(result)
    plots.plot_regret(result)
    plt.close("all")


def test_plots_of_a_search():
    (result,) = searched().optimizer_results_
    assert [dim.name for dim in result.space] == sorted(SPACE)
    complete = [row for row in result.x_iters if not any(v != v for v in row)]
    assert complete and all(row in result.space for row in complete)
    draw(result)


@pytest.mark.slow
@pytest.mark.parametrize("surrogate", ["GP", "RF"])
def test_plots_of_a_search_by_scikit_optimize(surrogate):
    kwargs = {"base_estimator": surrogate, "n_initial_points": 5, "acq_func": "EI"}
    spaces = {"C": SPACE["C"], "kernel": ["linear", "rbf"]}
    (result,) = searched(spaces=spaces, n_iter=6, optimizer_kwargs=kwargs).optimizer_results_
    assert len(result.models) == 1
    draw(result)


@pytest.mark.slow
def test_plots_of_several_subspaces_and_distributions():
    spaces = [
        {"kernel": ["linear"], "C": loguniform(1e-2, 1e2)},
        {"kernel": ["rbf", "poly"], "C": (1.0, 1e4, "log-uniform"), "coef0": norm(0, 1)},
    ]
    (result,) = searched(spaces=spaces).optimizer_results_
    C, coef0, kernel = result.space
    assert (C.low, C.high, C.prior) == (pytest.approx(1e-2), 1e4, "log-uniform")
    assert coef0.prior == "uniform" and coef0.low < -3 < 3 < coef0.high
    assert set(kernel.categories) == {"linear", "rbf", "poly"}
    draw(result)


@pytest.mark.slow
def test_plots_of_a_function():
    result = minimize(lambda x: (x[0] - 1) ** 2 + x[1], [(-2.0, 2.0), (1, 9)], 8, random_state=0)
    draw(result)
    optimizer = Optimizer([(-2.0, 2.0), ["a", "b"]], random_state=0)
    for _ in range(6):
        point = optimizer.ask()
        optimizer.tell(point, point[0] ** 2)
    draw(optimizer.get_result())


def test_the_model_is_the_surrogate():
    search = searched(spaces={"C": SPACE["C"], "gamma": (1e-4, 1e1, "log-uniform")})
    (result,) = search.optimizer_results_
    mean, std = result.models[-1].predict(result.space.transform(result.x_iters), return_std=True)
    model = search.sampler_.model(search.space_, search.history_)
    inside = [trial.params for trial in search.history_ if search.space_.contains(trial.params)]
    points = search.space_.to_unit(inside)
    expected = model.predict_points(points)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-9)
    np.testing.assert_allclose(std, expected[1], rtol=1e-6)
    # It follows the losses that it was fitted to.
    assert np.corrcoef(mean, result.func_vals)[0, 1] > 0.9
    assert result.random_state == search.history_.seed
    assert result.specs["args"]["sampler"] is search.sampler_


def test_a_result_can_be_pickled():
    (result,) = searched(n_iter=5).optimizer_results_
    loaded = pickle.loads(pickle.dumps(result))
    assert loaded.x_iters[0][0] == result.x_iters[0][0]
    assert [dim.name for dim in loaded.space] == sorted(SPACE)
    assert len(loaded.models) == 1
    with pytest.raises(AttributeError, match="nope"):
        result.nope  # noqa: B018


def test_trials_outside_the_space_are_left_out():
    tried = BayesSearchCV(SVC(), {"C": (0.1, 1e4)}, n_iter=4, cv=2, random_state=0).fit(X, y)
    space = Space({"C": (0.1, 100.0)})
    result = skopt_result(tried.history_, space, tried.sampler_)
    inside = [t for t in tried.history_ if space.contains(t.params)]
    assert 0 < len(inside) < 4
    assert result.x_iters == [[t.params["C"]] for t in inside]
    np.testing.assert_array_equal(result.func_vals, [t.loss for t in inside])
