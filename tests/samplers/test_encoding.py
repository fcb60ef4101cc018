"""Points as features of a Gaussian process."""

import numpy as np

from skhyper.samplers._encoding import Encoding
from skhyper.space import Categorical, Integer, Real, Space, When

MIXED = Space(
    {
        "a": (1e-3, 1e3, "log-uniform"),
        "k": ["x", "y", "z"],
        "n": (1, 10),
        "size": Categorical([1, 2, 4], ordered=True),
        "g": When((0.0, 1.0), k="y"),
    }
)


def test_encoding_of_numbers_choices_and_inactive_dimensions():
    encoding = Encoding.from_space(MIXED)
    np.testing.assert_array_equal(encoding.groups, [0, 1, 1, 1, 2, 3, 4])
    settings = [
        {"a": 1.0, "k": "x", "n": 1, "size": 4},
        {"a": 1.0, "k": "y", "n": 10, "size": 1, "g": 1.0},
    ]
    F = encoding.encode(MIXED.to_unit(settings))
    h = np.sqrt(0.5)
    expected = [[0.5, h, 0, 0, 0.05, 5 / 6, 0.5], [0.5, 0, h, 0, 0.95, 1 / 6, 1.0]]
    np.testing.assert_allclose(F, expected)
    # Two choices have the distance of the ends of a range.
    np.testing.assert_allclose(np.linalg.norm(F[0, 1:4] - F[1, 1:4]), 1.0)


def test_an_inactive_choice_is_as_far_from_each():
    space = Space({"on": [True, False], "k": When(["x", "y", "z"], on=True)})
    settings = [{"on": False}, *({"on": True, "k": k} for k in "xyz")]
    F = Encoding.from_space(space).encode(space.to_unit(settings))[:, 2:]
    distances = np.linalg.norm(F[1:] - F[0], axis=1)
    np.testing.assert_allclose(distances, distances[0])
    np.testing.assert_allclose(F[0], F[1:].mean(axis=0))


def test_decoding_undoes_encoding():
    encoding = Encoding.from_space(MIXED)
    points = MIXED.sample(50, np.random.default_rng(0))
    np.testing.assert_array_equal(MIXED.canonical(encoding.decode(encoding.encode(points))), points)


def test_only_active_numbers_are_climbed():
    encoding = Encoding.from_space(MIXED)
    points = MIXED.sample(50, np.random.default_rng(0))
    free = encoding.free(points)
    assert free[:, 0].all()
    assert not free[:, 1:6].any()
    np.testing.assert_array_equal(free[:, 6], ~np.isnan(points[:, 4]))
    fine = Encoding.from_space(Space({"n": (1, 19), "m": (1, 20)}))
    np.testing.assert_array_equal(fine.free(np.full((1, 2), 0.5)), [[False, True]])


def test_numbers_in_a_list_are_one_feature_by_value():
    space = Space(
        {
            "C": [10, 0.1, 1],
            "n": When([1, 2, 4, 3], C=[0.1, 1]),
            "seed": Categorical([1, 2, 3], ordered=False),
        }
    )
    encoding = Encoding.from_space(space)
    np.testing.assert_array_equal(encoding.groups, [0, 1, 2, 2, 2])
    settings = [
        {"C": 10, "seed": 1},
        {"C": 0.1, "n": 4, "seed": 2},
        {"C": 1, "n": 1, "seed": 3},
    ]
    F = encoding.encode(space.to_unit(settings))
    np.testing.assert_allclose(F[:, :2], [[1, 0.5], [0, 1], [0.5, 0]])
    points = space.sample(50, np.random.default_rng(0))
    np.testing.assert_array_equal(space.canonical(encoding.decode(encoding.encode(points))), points)
    assert not encoding.free(points).any()


def test_ranges_with_many_steps_are_climbed():
    fine = Encoding.from_space(Space({"n": Integer(0, 190, step=10), "x": Real(0, 1.0, step=0.1)}))
    np.testing.assert_array_equal(fine.free(np.full((1, 2), 0.5)), [[True, False]])


def test_other_choices_among_numbers_are_categories():
    space = Space({"on": [True, False], "depth": When([None, 2, 4, 6, "auto"], on=True)})
    encoding = Encoding.from_space(space)
    np.testing.assert_array_equal(encoding.groups, [0, 0, 1, 1, 1, 1])
    settings = [{"on": True, "depth": depth} for depth in (2, 6, None, "auto")]
    F = encoding.encode(space.to_unit([*settings, {"on": False}]))[:, 2:]
    h = np.sqrt(0.5)
    expected = [[0, h, 0, 0], [1, h, 0, 0], [0.5, 0, h, 0], [0.5, 0, 0, h], [0.5, *[h / 3] * 3]]
    np.testing.assert_allclose(F, expected)
    points = space.sample(50, np.random.default_rng(0))
    np.testing.assert_array_equal(space.canonical(encoding.decode(encoding.encode(points))), points)
