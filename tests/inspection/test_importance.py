"""Importance of hyperparameters, on functions whose decomposition is known."""

import sys

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.svm import SVC

from skhyper import History, SearchCV
from skhyper._trial import Trial
from skhyper.inspection import importance
from skhyper.space import Space, When


def trials(space, loss, n, seed=0):
    points = space.sample(n, np.random.default_rng(seed))
    params = space.from_unit(points)
    made = (Trial(i, p, "complete", loss=float(loss(p))) for i, p in enumerate(params))
    return History(tuple(made))


additive = Space({"a": (0.0, 1.0), "b": (1e-2, 1e2, "log-uniform"), "kind": ["x", "y", "z"]})


def additive_loss(p):
    """Variances 4/12, 1/12 (of log b on [-2, 2], times 1/16 of it) and 2/9 of the choices."""
    return 2 * p["a"] + np.log10(p["b"]) / 4 + (p["kind"] == "z")


@pytest.mark.parametrize(("surrogate", "n", "tolerance"), [("gp", 60, 0.03), ("forest", 400, 0.08)])
def test_shares_of_an_additive_function(surrogate, n, tolerance):
    found = importance(trials(additive, additive_loss, n), space=additive, surrogate=surrogate)
    variances = np.array([4 / 12, 2 / 9, 1 / 12])
    assert found.names == ("a", "kind", "b")
    np.testing.assert_allclose(found.main, variances / variances.sum(), atol=tolerance)
    assert all(share < tolerance for _, _, share in found.pairs())
    assert found.main_std.max() < 0.15
    assert found.r2 > 0.8


def test_an_interaction_is_told_from_main_effects():
    space = Space({"a": (-1.0, 1.0), "b": (-1.0, 1.0), "c": (-1.0, 1.0)})
    history = trials(space, lambda p: p["a"] * p["b"], 60)
    found = importance(history, space=space)
    first, second, share = found.pairs()[0]
    assert {first, second} == {"a", "b"}
    assert share > 0.95
    assert found.main.max() < 0.05


def test_local_importance_is_of_the_neighborhood_of_the_best():
    # Around its minimum at a = 0, only b matters; over the space a does.
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)})
    history = trials(space, lambda p: p["a"] * (3 - p["b"]) + 0.2 * p["b"], 80)
    found = importance(history, space=space)
    assert found.names[0] == "a"
    assert found.local.sum() == pytest.approx(1.0)
    assert found.main[0] > 0.9


def test_a_conditional_hyperparameter_counts_where_it_is_active():
    space = Space(
        {"kernel": ["linear", "rbf"], "gamma": When((0.0, 1.0), kernel="rbf"), "idle": (0.0, 1.0)}
    )
    # f = gamma under rbf, 1/2 otherwise: no main effect of the kernel; half of the variance is
    # that of gamma alone, half the interaction.
    history = trials(space, lambda p: p.get("gamma", 0.5), 400)
    found = importance(history, space=space)
    assert found.surrogate == "forest"
    shares = dict(zip(found.names, found.main))
    assert shares["gamma"] == pytest.approx(0.5, abs=0.1)
    assert shares["kernel"] < 0.03
    assert shares["idle"] < 0.03
    assert found.pairs()[0][2] == pytest.approx(0.5, abs=0.12)
    active = dict(zip(found.names, found.active))
    assert active["gamma"] == pytest.approx(0.5, abs=0.1)
    assert active["kernel"] == 1
    with pytest.raises(ValueError, match="does not support conditional"):
        importance(history, space=space, surrogate="gp")


def test_sub_spaces_and_vectors():
    space = Space([{"kernel": ["linear"], "C": (0.0, 1.0)}, {"kernel": ["rbf"], "C": (0.0, 1.0)}])
    found = importance(trials(space, lambda p: p["C"], 100), space=space)
    assert set(found.names) == {"(sub-space)", "kernel", "C"}
    assert found.names[0] == "C"
    vector = Space({"w": (0.0, 1.0), "v": (0.0, 1.0)}).with_vectors({"w": np.ones(3)})
    found = importance(trials(vector, lambda p: p["w"].sum(), 60), space=vector)
    np.testing.assert_allclose(found.main, [1.0, 0.0], atol=0.05)


def test_any_search(monkeypatch):
    X, y = load_iris(return_X_y=True)
    grid = {"C": [0.001, 0.1, 10.0], "kernel": ["linear", "rbf"]}
    theirs = model_selection.GridSearchCV(SVC(), grid, cv=3).fit(X, y)
    found = importance(theirs)
    assert found.names[0] == "C"
    assert found.n_trials == 6
    np.testing.assert_array_equal(importance(theirs.cv_results_).main, found.main)
    text = repr(found)
    assert text.startswith("Importance: share of the variance of the loss (6 trials; gp, R2")
    assert "hyperparameter" in text
    assert list(found.to_frame().columns) == ["main", "main_std", "local", "active"]
    assert importance(theirs, metric="mean_fit_time").n_trials == 6
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas"):
        found.to_frame()


def test_failed_trials_and_too_few_trials():
    space = Space({"a": (0.0, 1.0)})
    history = trials(space, lambda p: p["a"], 8)
    failed = Trial(8, {"a": 0.5}, "failed")
    found = importance(History((*history.trials, failed)), space=space)
    assert (found.n_trials, found.n_omitted) == (8, 1)
    assert "1 omitted" in repr(found)
    with pytest.raises(ValueError, match=r"at least 5 complete trials .* got 4"):
        importance(History((*history.trials[:4], failed)), space=space)
    with pytest.raises(ValueError, match="'tree'"):
        importance(history, space=space, surrogate="tree")


@pytest.mark.parametrize("surrogate", ["gp", "forest"])
@pytest.mark.parametrize("level", [0.0, 0.1, 1e6])
def test_a_loss_that_does_not_vary(surrogate, level):
    history = trials(additive, lambda p: level, 10)
    found = importance(history, space=additive, surrogate=surrogate)
    assert np.isnan(found.main).all()
    assert np.isnan(found.local).all()
    assert "nan" in repr(found)


@pytest.mark.parametrize("surrogate", ["gp", "forest"])
def test_one_trial_that_differs(surrogate):
    # Some bootstrap samples have equal losses only.
    history = trials(additive, lambda p: 1.0, 6)
    last = Trial(6, history[0].params | {"a": 0.99}, "complete", loss=0.5)
    found = importance(History((*history.trials, last)), space=additive, surrogate=surrogate)
    assert np.isfinite(found.main_std).all() or np.isnan(found.main).all()


def test_it_repeats():
    X, y = load_iris(return_X_y=True)
    search = SearchCV(SVC(), {"C": (0.01, 100.0, "log-uniform")}, n_iter=8, random_state=0)
    search.fit(X, y)
    one, two = importance(search), importance(search.history_, space=search.space_)
    np.testing.assert_array_equal(one.main_std, two.main_std)
