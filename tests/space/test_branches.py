"""Where a space branches."""

import numpy as np
import pytest

from skhyper.space import Categorical, Space, When, branches

MODELS = {
    "scale": [True, False],
    "model": ["bayes", "knn", "tree"],
    "n_neighbors": When((1, 50), model="knn"),
    "max_depth": When((1, 15), model="tree"),
    "n_components": When((1, 5), scale=True),
}


@pytest.mark.parametrize(
    ("spaces", "column", "values"),
    [
        (MODELS, 1, [1, 2]),
        # Of the kernels only one has something that no other one has.
        (
            {
                "kernel": ["linear", "rbf", "poly"],
                "gamma": When((0.1, 1.0), kernel=["rbf", "poly"]),
                "degree": When((2, 5), kernel="poly"),
            },
            0,
            [2],
        ),
        # Sub-spaces: what they share is neither's own, nor is what has one value.
        ([{"a": (0.0, 1.0), "b": [1]}, {"a": (0.0, 1.0)}, {"c": (0.0, 1.0)}], 0, [2]),
        ([{"a": (0.0, 1.0)}, {"a": (0.0, 2.0)}], 0, [0, 1]),
        # A choice that is not always active, a number, or an ordered choice do not count.
        (
            {
                "a": [1, 2],
                "b": When(["x", "y"], a=1),
                "c": When((0.0, 1.0), b="x"),
                "d": When((0.0, 1.0), b="y"),
            },
            0,
            [0],
        ),
        ({"n": (1, 3), "w": When((1, 9), n=lambda n: n > 1)}, 0, []),
        ({"n": Categorical([1, 2], ordered=True), "w": When((1, 9), n=2)}, 0, []),
        ({"a": (0.0, 1.0), "k": ["x", "y"]}, 1, []),
        # A further condition, on something else, may hold.
        ({"k": ["x", "y"], "n": (1, 3), "a": When((0.0, 1.0), k="x", n=2)}, 0, [0]),
        # All conditions on the choice must hold.
        (
            {
                "k": ["x", "y", "z"],
                "a": When(When((0.0, 1.0), k=["x", "y"]), k=["y", "z"]),
                "b": When((0.0, 1.0), k="x"),
            },
            0,
            [0, 1],
        ),
    ],
)
def test_branches_are_values_with_hyperparameters_of_their_own(spaces, column, values):
    found_column, found = branches(Space(spaces))
    assert found_column == column
    np.testing.assert_array_equal(found, values)
