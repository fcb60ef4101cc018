"""Lists of choices: which are repeated, and where numbers among them lie."""

import numpy as np
import pytest
from sklearn.svm import SVC

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Categorical, Space, check_dimension
from skhyper.space._choices import by_value, looks_like_steps, merged


@pytest.mark.parametrize(
    ("choices", "kept", "weights"),
    [
        ([1, 2, 3], [1, 2, 3], None),
        (["a", "b", "a"], ["a", "b"], [2, 1]),
        ([1, 1.0, True], [1, 1.0, True], None),
        ([1, np.int64(1), 2.0, np.float64(2)], [1, 2.0], [2, 2]),
        ([np.nan, None, np.nan, None], [np.nan, None], [2, 2]),
        ([(1, 2), [1, 2], (1, 2)], [(1, 2), [1, 2]], [2, 1]),
    ],
    ids=str,
)
def test_repeated_choices_are_one(choices, kept, weights):
    found, found_weights = merged(choices)
    assert str(found) == str(kept)
    assert found_weights == weights


def test_repeated_objects_are_one_and_keep_their_probability():
    first = SVC()
    dimension = Categorical([first, SVC(C=2), SVC()], weights=[0.2, 0.5, 0.3])
    assert dimension.choices[0] is first
    assert dimension.n_values == 2
    np.testing.assert_allclose(dimension.weights, [0.5, 0.5])
    with pytest.raises(InvalidSpaceError, match="3 choices need 3 positive weights"):
        Categorical(["a", "b", "a"], weights=[1, 2])


def test_a_space_of_repeated_choices_has_each_setting_once():
    space = Space({"a": [1, 2, 1], "b": np.array([3, 3])})
    assert space.n_candidates == 2
    assert [s["a"] for s in space.from_unit(list(space.grid(5)))] == [1, 2]


@pytest.mark.parametrize(
    ("choices", "places"),
    [
        ([10, 20, 30], [0, 0.5, 1]),
        ([1, 100, 10], [0, 1, 0.5]),
        (np.logspace(-3, 3, 7), np.arange(7) / 6),
        ([0, 0.01, 0.1, 1], [0, 1 / 3, 2 / 3, 1]),
        ([0.0, 0.25, 0.5, 1.0], [0, 0.25, 0.5, 1]),
        ([-1, 0, 2], [0, 1 / 3, 1]),
        ([-1.7e308, 0.0, 1.7e308], [0, 0.5, 1]),
        ([1, 2, 5, 10, 100], np.log10([1, 2, 5, 10, 100]) / 2),
        (range(100, 1001, 300), [0, 1 / 3, 2 / 3, 1]),
        ([None, 3, 5, 7], [np.nan, 0, 0.5, 1]),
        (["scale", 0.01, 1.0, 0.1, True], [np.nan, 0, 1, 0.5, np.nan]),
        ([1, 2, 3, np.inf, 10**400], [0, 0.5, 1, np.nan, np.nan]),
    ],
    ids=str,
)
def test_numbers_lie_where_their_values_do(choices, places):
    np.testing.assert_allclose(by_value(list(choices)), places, atol=1e-12)
    np.testing.assert_allclose(check_dimension(choices).places, places, atol=1e-12)


@pytest.mark.parametrize(
    "choices",
    [[1, 2], [1, 10, "auto"], [None, 1, 2], [True, False, 3], [1, 2, np.inf], [1, 2, 10**400]],
    ids=str,
)
def test_other_choices_have_no_places(choices):
    assert by_value(choices) is None


def test_numbers_that_are_names():
    assert Categorical([1, 2, 3], ordered=False).places is None
    # Ordered choices keep the order of their list.
    assert Categorical([3, 1, 2], ordered=True).places is None
    assert Categorical([1, 2, 3]).kind == "categorical"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ((100, 1000, 100), True),
        ((1, 10, 9), True),
        ((1, 10, 20), False),
        ((10, 1, 2), False),
        ((1, 10, -1), False),
        ((1, 10), False),
        ((1, 10, "log"), False),
        ((False, True, True), False),
    ],
)
def test_steps(spec, expected):
    assert looks_like_steps(spec) is expected


def test_a_list_that_contains_itself():
    one, two, three = [1], [2], {"a": 1}
    one.append(one)
    two.append({"a": (1, two)})
    three["b"] = three
    for choices in (one, two, [three]):
        for make in (Categorical, check_dimension, lambda c: Space({"a": c})):
            with pytest.raises(InvalidSpaceError, match="must not contain itself"):
                make(choices)
    shared = [1]
    assert Categorical([shared, [shared], (shared, shared)]).n_values == 3
