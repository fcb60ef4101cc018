"""Choices: identity, weights and wrong lists."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Categorical

SVC_1, SVC_2 = SVC(C=1), SVC(C=2)
OBJECTS = [None, True, 1.5, "auto", (50, 50), {"a": [1]}, SVC_1, SVC_2, len, lambda x: x]


def test_choices_are_handed_out_themselves():
    dimension = Categorical(OBJECTS)
    for i, choice in enumerate(OBJECTS):
        assert dimension.from_unit((i + 0.5) / len(OBJECTS)) is choice
        assert dimension.position(choice) == i


def test_position_tells_equal_choices_of_different_types_apart():
    numbers = Categorical([0, False, 1, True, 1.0])
    assert [numbers.position(v) for v in (0, False, 1, True, 1.0)] == [0, 1, 2, 3, 4]
    assert Categorical([1, 2]).position(2.0) == 1
    assert Categorical([1, 2]).position(np.int64(2)) == 1
    assert Categorical([0, 1]).position(True) is None
    assert Categorical([True, False]).position(0) is None
    assert Categorical(np.array([True, False])).position(False) == 1
    assert Categorical(["1"]).position(1) is None


def test_position_of_equal_but_other_objects():
    dimension = Categorical([(50,), {"a": [1]}, [1, 2], np.array([1, 2]), np.nan])
    values = [(50,), {"a": [1]}, [1, 2], np.array([1, 2]), float("nan")]
    assert [dimension.position(value) for value in values] == [0, 1, 2, 3, 4]
    for missing in [(51,), {}, [1, 2, 3], np.array([1, 3]), np.array([[1, 2]]), None, 1.0]:
        assert not dimension.contains(missing)


def test_position_of_copies_of_objects_without_a_comparison():
    """Copies as ``sklearn.clone`` and pickling make them."""
    dimension = Categorical([SVC(C=1), SVC(C=2), RandomForestClassifier(), [("clf", SVC())]])
    for i, choice in enumerate(dimension.choices):
        assert dimension.position(clone(choice, safe=False)) == i
        assert dimension.position(pickle.loads(pickle.dumps(choice))) == i
    assert dimension.position(SVC(C=3)) is None
    assert dimension.position(RandomForestClassifier(max_depth=2)) is None


def test_a_choice_whose_comparison_raises_is_only_itself():
    class Proud:
        def __eq__(self, other):
            raise RuntimeError("not with me")

        __hash__ = None

    first, second = Proud(), Proud()
    dimension = Categorical([first, second])
    assert (dimension.position(first), dimension.position(second)) == (0, 1)
    assert not dimension.contains("else")


def test_unknown_choice():
    with pytest.raises(InvalidSpaceError, match=r"'z' is not one of the choices \['a', 'b'\]"):
        Categorical(["a", "b"]).to_unit("z")


@pytest.mark.parametrize(
    "choices", ["ab", b"ab", 3, None, {"a": 1}, {1, 2}, iter([1]), np.array(3)]
)
def test_choices_must_be_a_list(choices):
    with pytest.raises(InvalidSpaceError, match="Choices must be a list, got"):
        Categorical(choices)


def test_choices_must_not_be_empty():
    with pytest.raises(InvalidSpaceError, match="must not be empty"):
        Categorical([])


@pytest.mark.parametrize(
    "weights", [[1], [1, 2, 3], [1, 0], [1, -1], [1, np.nan], [1, np.inf], [[1, 2]]]
)
def test_wrong_weights(weights):
    with pytest.raises(InvalidSpaceError, match="2 choices need 2 positive weights"):
        Categorical(["a", "b"], weights=weights)
