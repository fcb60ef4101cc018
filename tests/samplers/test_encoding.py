"""Points as features of a Gaussian process."""

import numpy as np

from skhyper.samplers._encoding import Encoding
from skhyper.space import Categorical, Space, When

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
    encoding = Encoding.of(MIXED)
    np.testing.assert_array_equal(encoding.groups, [0, 1, 1, 1, 2, 3, 4])
    settings = [
        {"a": 1.0, "k": "x", "n": 1, "size": 4},
        {"a": 1.0, "k": "y", "n": 10, "size": 1, "g": 1.0},
    ]
    F = encoding.encode(MIXED.to_unit(settings))
    h = np.sqrt(0.5)
    expected = [[0.5, h, 0, 0, 0.05, 5 / 6, 0.5], [0.5, 0, h, 0, 0.95, 1 / 6, 1.0]]
    np.testing.assert_allclose(F, expected)
    # Two choices are as far apart as the ends of a range.
    np.testing.assert_allclose(np.linalg.norm(F[0, 1:4] - F[1, 1:4]), 1.0)


def test_an_inactive_choice_is_as_far_from_each():
    space = Space({"on": [True, False], "k": When(["x", "y", "z"], on=True)})
    settings = [{"on": False}, *({"on": True, "k": k} for k in "xyz")]
    F = Encoding.of(space).encode(space.to_unit(settings))[:, 2:]
    distances = np.linalg.norm(F[1:] - F[0], axis=1)
    np.testing.assert_allclose(distances, distances[0])
    np.testing.assert_allclose(F[0], F[1:].mean(axis=0))


def test_decoding_undoes_encoding():
    encoding = Encoding.of(MIXED)
    points = MIXED.sample(50, np.random.default_rng(0))
    np.testing.assert_array_equal(MIXED.activate(encoding.decode(encoding.encode(points))), points)


def test_only_active_numbers_are_climbed():
    encoding = Encoding.of(MIXED)
    points = MIXED.sample(50, np.random.default_rng(0))
    free = encoding.free(points)
    assert free[:, 0].all()
    assert not free[:, 1:6].any()
    np.testing.assert_array_equal(free[:, 6], ~np.isnan(points[:, 4]))
    fine = Encoding.of(Space({"n": (1, 19), "m": (1, 20)}))
    np.testing.assert_array_equal(fine.free(np.full((1, 2), 0.5)), [[False, True]])
