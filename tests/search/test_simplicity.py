"""Which candidates are simpler."""

import numpy as np
import pytest

from skhyper.search._simplicity import complexities


@pytest.mark.parametrize(
    ("name", "simple", "complex_"),
    [
        ("svc__C", 0.1, 10),
        ("alpha", 10, 0.1),
        ("max_depth", 3, None),
        ("alphas", np.array([2.0, 5.0]), np.array([1.0, 1.0])),
        ("hidden_layer_sizes", (32,), (32, 32)),
        ("n_neighbors", 9, 1),
        ("transformer__length_scales", {"a": 3.0}, {"a": 1.0}),
    ],
)
def test_directions(name, simple, complex_):
    found = complexities([{name: complex_}, {name: simple}])
    np.testing.assert_array_equal(found, [1, 0])


def test_several_are_averaged_and_missing_ones_are_simplest():
    params = [
        {"C": 1, "gamma": 1.0, "kernel": "rbf"},
        {"C": 1, "kernel": "linear"},
        {"C": 10, "gamma": 0.1, "kernel": "rbf"},
    ]
    np.testing.assert_allclose(complexities(params), [0.5, 0.0, 0.75])


def test_values_without_a_size_are_ignored():
    params = [{"C": 1, "gamma": "scale"}, {"C": 2, "gamma": 0.1}]
    np.testing.assert_array_equal(complexities(params), [0, 1])


def test_a_key_function():
    params = [{"kernel": "rbf"}, {"kernel": "linear"}, {"kernel": "rbf"}]
    found = complexities(params, lambda p: (p["kernel"] != "linear", 0))
    np.testing.assert_array_equal(found, [1, 0, 1])


def test_unknown_hyperparameters():
    with pytest.raises(ValueError, match=r"differ in \['kernel', 'C'\].*simpler=key"):
        complexities([{"kernel": "rbf", "C": 1}, {"kernel": "linear", "C": 1}])
