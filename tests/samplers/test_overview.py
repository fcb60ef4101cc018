"""The coarse design, and restarts where a GP of all trials expects an improvement."""

import numpy as np
import pytest

from skhyper.samplers._overview import (
    coarse_design,
    compressed,
    first_step,
    next_in_design,
    regular_grid,
    restart_point,
)


@pytest.mark.parametrize(("d", "n"), [(0, 1), (1, 5), (2, 11)])
def test_a_design_covers_the_cube(d, n):
    design = coarse_design(d, 100)
    assert design.shape == (n, d)
    assert np.allclose(design[0], 0.5)
    for column in design.T:  # a Latin square
        assert np.allclose(np.sort(column), (np.arange(n) + 0.5) / n)
    if d == 2:
        distances = np.linalg.norm(design[:, None] - design, axis=2)
        assert distances[~np.eye(n, dtype=bool)].min() > 0.25
        # No point of the square is far from all of them.
        assert np.linalg.norm(regular_grid(2)[:, None] - design, axis=2).min(axis=1).max() < 0.33


@pytest.mark.parametrize("most", [0, 1, 2, 3, 4, 5])
def test_a_design_of_fewer_points_is_odd(most):
    design = coarse_design(1, most).ravel()
    assert len(design) == max(1, most - 1 + most % 2)
    assert design[0] == 0.5
    assert np.allclose(np.sort(design), (np.arange(len(design)) + 0.5) / len(design))


def test_the_next_point_of_a_design_is_the_nearest_one_and_downhill():
    design = coarse_design(1, 5)
    U, f, G = np.array([[0.5]]), np.array([1.0]), np.array([[-2.0]])
    assert next_in_design(design, U, f, G) == pytest.approx(0.7)
    assert next_in_design(design, U, f, -G) == pytest.approx(0.3)
    assert next_in_design(design, U, np.array([np.nan]), G) == pytest.approx(0.1)
    assert next_in_design(design, U[:0], f[:0], G[:0]) == pytest.approx(0.5)
    assert next_in_design(design, design, np.arange(5.0), np.ones((5, 1))) is None


def test_the_compression_of_positive_values_is_their_logarithm():
    f = np.array([3.0, 2.0, 5e7, np.nan])
    G = np.array([[1.0], [4.0], [1e9], [7.0]])
    h, slopes = compressed(f, G)
    assert h[:3] == pytest.approx(np.log(f[:3] / 2))
    assert slopes[:3, 0] == pytest.approx(G[:3, 0] / f[:3])
    assert h[3] == h[2]  # a failure is as bad as the worst
    assert np.isnan(slopes[3, 0])


@pytest.mark.parametrize("least", [-0.7, 0.0])
def test_the_compression_of_other_values_is_monotone_and_has_their_slope(least):
    x = np.linspace(-1, 1, 9)
    h, slopes = compressed(least + x**2, 2 * x[:, None])
    near, _ = compressed(np.append(least + x**2, least + (x[2] + 1e-6) ** 2), np.zeros((10, 1)))
    assert (np.diff(h[4:]) > 0).all()
    # One more value moves the median, and with it the scale, hardly at all.
    assert slopes[2, 0] == pytest.approx((near[-1] - near[2]) / 1e-6, rel=1e-2)


def test_a_restart_is_where_slopes_show_a_valley():
    """Two trials fall towards each other: between them is more than next to the best one."""
    U = np.array([[0.1], [0.3], [0.5], [0.7], [0.9]])
    f = np.array([2.0, 2.0, 2.0, 1.9, 2.0])
    G = np.array([[0.0], [-20.0], [20.0], [0.0], [0.0]])
    point = restart_point(U, f, G, regular_grid(1), 0.5, False)
    assert 0.3 < point[0] < 0.5
    with_failures = np.where(np.arange(5) == 0, np.nan, f)
    assert 0.3 < restart_point(U, with_failures, G, regular_grid(1), 0.5, False)[0] < 0.5


def test_a_restart_keeps_its_distance_and_takes_points_that_are_allowed():
    U, rng = coarse_design(2, 11), np.random.default_rng(0)
    f, G = 1 + ((U - 0.3) ** 2).sum(axis=1), 2 * (U - 0.3)
    grid = regular_grid(2)
    farthest = np.linalg.norm(grid[:, None] - U, axis=2).min(axis=1).max()
    for share in (1.0, 0.5, 0.25):
        point = restart_point(U, f, G, grid, share, False)
        assert np.linalg.norm(U - point, axis=1).min() >= share * farthest - 1e-12
    some = rng.random((20, 2))
    assert restart_point(U, f, G, some, 0.5, False) in some
    nothing = np.full(11, np.nan)
    assert restart_point(U, nothing, np.full_like(G, np.nan), grid, 0.1, False) in grid


def test_in_one_valley_restarts_keep_between_the_walls():
    U = np.array([[0.1], [0.3], [0.5], [0.7], [0.9]])
    f, G = 1 + 9 * (U[:, 0] - 0.5) ** 2, 18 * (U - 0.5)
    assert 0.3 < restart_point(U, f, G, regular_grid(1), 0.5, True)[0] < 0.7
    # Where the criterion may be negative, a tenth of its range counts.
    assert 0.3 < restart_point(U, f - 1.0, G, regular_grid(1), 0.5, True)[0] < 0.7


def test_the_first_step_goes_to_the_minimum_that_the_trials_show():
    U = coarse_design(1, 5)
    f, G = 1 + (U[:, 0] - 0.56) ** 2, 2 * (U - 0.56)
    assert first_step(U, f, G, 0, 0.006, 0.15) == pytest.approx(0.06, abs=0.01)
    # Beyond the longest step, that.
    f, G = 1 + U[:, 0], np.ones((5, 1))
    assert first_step(U, f, G, 0, 0.006, 0.15) == pytest.approx(0.15)
