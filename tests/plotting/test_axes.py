"""Axes of hyperparameters: scales, positions, and what is not on them."""

import numpy as np
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from skhyper import History, Trial, When
from skhyper.inspection._results import Results, results_of
from skhyper.plotting._axes import axes_of, position_in, short_names, text_of, text_of_params
from skhyper.space import Space


def axes(space, *settings):
    trials = [Trial(i, params, "complete", np.zeros(2), 0.0) for i, params in enumerate(settings)]
    results = Results(History(tuple(trials)), Space(space))
    return {axis.name: axis for axis in axes_of(results)}


def test_ranges_and_choices():
    space = {
        "a": (1e-2, 1e2, "log-uniform"),
        "n": (1, 9),
        "kernel": ["rbf", "linear"],
        "size": [16, 32, 64, 128],
        "mixed": [None, 1.0, 2.0],
    }
    params = {"a": 1.0, "n": 5, "kernel": "linear", "size": 32, "mixed": None}
    found = axes(space, params)
    assert {name: axis.scale for name, axis in found.items()} == {
        "a": "log",
        "n": "linear",
        "kernel": "choices",
        "size": "log",
        "mixed": "choices",
    }
    values = {name: axis.values[0] for name, axis in found.items()}
    assert values == {"a": 1.0, "n": 5.0, "kernel": 1.0, "size": 32.0, "mixed": 0.0}
    shares = {name: float(axis.to_unit(axis.values)[0]) for name, axis in found.items()}
    assert shares == pytest.approx(
        {"a": 0.5, "n": 0.5, "kernel": 0.75, "size": 1 / 3, "mixed": 1 / 6}
    )
    assert found["n"].whole
    assert found["n"].grid(20).tolist() == list(range(1, 10))
    assert found["size"].grid(3).tolist() == [16, 32, 64, 128]
    assert found["kernel"].value_at(1.0) == "linear"
    np.testing.assert_allclose(found["a"].grid(3), [1e-2, 1, 1e2])


@pytest.mark.parametrize(
    ("distribution", "scale", "low", "high"),
    [
        (loguniform(1e-3, 1e3), "log", 1e-3, 1e3),
        (uniform(0, 1), "linear", 0, 1),
        (randint(1, 5), "linear", 1, 4),
        (norm(), "linear", norm.ppf(0.005), norm.ppf(0.995)),
    ],
)
def test_distributions(distribution, scale, low, high):
    axis = axes({"a": distribution}, {"a": 1})["a"]
    assert axis.scale == scale
    assert (axis.low, axis.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)


def test_inactive_and_foreign_values_have_no_position():
    space = {
        "kernel": ["rbf", "linear"],
        "gamma": When((1e-3, 1.0, "log-uniform"), kernel="rbf"),
    }
    settings = [{"kernel": "rbf", "gamma": 0.1}, {"kernel": "linear"}]
    settings += [{"kernel": "rbf", "gamma": g} for g in ("scale", 0.0, 10.0)]
    gamma = axes(space, *settings)["gamma"]
    np.testing.assert_allclose(gamma.values, [0.1, np.nan, np.nan, np.nan, 10.0])
    assert gamma.others == ("", "inactive", "scale", "0", "")
    assert gamma.high == 10.0


def test_names_in_several_sub_spaces_share_an_axis():
    space = [{"C": [1, 10], "kernel": ["linear"]}, {"C": [1, 10, 100], "gamma": (0.1, 1.0)}]
    found = axes(space, {"C": 10, "kernel": "linear"}, {"C": 100, "gamma": 0.5})
    assert list(found) == ["C", "kernel", "gamma"]
    assert found["C"].ticks.tolist() == [1, 10, 100]
    assert found["C"].values.tolist() == [10, 100]
    assert found["kernel"].others == ("", "inactive")


def test_components_of_vectors_have_axes_of_their_own():
    space = Space({"alphas": (1e-2, 1e2, "log-uniform")}).with_vectors({"alphas": np.ones(3)})
    trials = (Trial(0, {"alphas": np.array([0.1, 1.0, 10.0])}, "complete", np.zeros(2), 0.0),)
    found = axes_of(Results(History(trials), space))
    assert [axis.name for axis in found] == ["alphas[0]", "alphas[1]", "alphas[2]"]
    assert [axis.values[0] for axis in found] == [0.1, 1.0, 10.0]


def test_estimators_are_shown_by_their_class(conditional):
    model, C, gamma = axes_of(results_of(conditional))
    assert model.choice_labels == ["SVC", "LogisticRegression"]
    assert (C.label, gamma.label) == ("C", "gamma")
    uses_svc = [isinstance(p["model"], SVC) for p in results_of(conditional).params]
    assert [text == "inactive" for text in gamma.others] == np.logical_not(uses_svc).tolist()
    twins = axes({"m": [SVC(), SVC(C=2), LogisticRegression()]}, {"m": SVC()})["m"]
    assert twins.choice_labels == ["SVC()", "SVC(C=2)", "LogisticRegression"]


def test_coordinates_of_values():
    space = Space({"a": (0.0, 2.0), "b": ["x", "y"]})
    assert position_in(space, 0, 1.0) == 0.5
    assert np.isnan(position_in(space, 0, 3.0))
    assert np.isnan(position_in(space, 1, "z"))


def test_without_hyperparameters():
    with pytest.raises(ValueError, match="have no hyperparameters"):
        axes({}, {}, {})


def test_texts_are_short_and_safe():
    assert short_names(["a__x$y$"]) == {"a__x$y$": r"x\$y\$"}
    assert text_of("a$b$") == r"a\$b\$"
    assert text_of(np.float64(0.123456)) == "0.123"
    assert text_of(len) == "len"
    assert len(text_of("x" * 99)) == 24
    text = text_of_params({"svc__C": 1.0, "svc__gamma": 0.1}, {"svc__C": "C"}, longest=12)
    assert text == "C=1, svc__g…"
