"""The coarse design, and restarts where a GP of all trials expects an improvement."""

import numpy as np
import pytest

from skhyper.samplers._overview import (
    coarse_design,
    compressed,
    cuts_off,
    first_step,
    is_unpromising,
    regular_grid,
    restart_point,
)


@pytest.mark.parametrize(("d", "n"), [(0, 1), (1, 5), (2, 11)])
def test_a_design_covers_the_cube(d, n):
    design = coarse_design(d, 100)
    assert design.shape == (n, d)
    assert np.any(np.all(np.isclose(design, 0.5), axis=1))
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
    assert 0.5 in design
    assert np.allclose(np.sort(design), (np.arange(len(design)) + 0.5) / len(design))


def test_a_design_goes_from_simple_models_to_flexible_ones():
    assert coarse_design(1, 5).ravel() == pytest.approx([0.9, 0.7, 0.5, 0.3, 0.1])
    assert coarse_design(1, 5, np.array([True])).ravel() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    flexibility = coarse_design(2, 11, np.array([True, False])) @ [1, -1]
    assert np.all(np.diff(flexibility) >= -1e-12)


def test_the_end_of_a_range_is_left_out_where_a_deep_valley_is_left_behind():
    design, end = coarse_design(1, 5), np.array([0.1])
    U = design[:4]
    f = np.array([0.5636, 0.103, 0.0588, 0.0724])  # a lasso's, 500 samples and 1000 features
    G = f[:, None] * np.array([[8.3], [7.4], [-0.13], [-1.46]])
    assert is_unpromising(U, f, G, end)
    # Unless there are few trials, one of them failed, or that end is not beyond them.
    assert not is_unpromising(U[1:], f[1:], G[1:], end)
    assert not is_unpromising(U, np.where(f == f[0], np.nan, f), G, end)
    assert not is_unpromising(np.append(U[:3], [[0.05]], axis=0), f, G, end)
    assert not is_unpromising(np.tile(U, 2), f, np.tile(G, 2), np.array([0.1, 0.1]))


@pytest.mark.parametrize("case", ["hump", "level", "rough"])
def test_the_end_of_a_range_is_looked_at_where_a_drop_may_follow(case):
    """No valley yet (of a lasso with columns in small units), a plateau, or large curvature."""
    U, end = coarse_design(1, 5)[:4], np.array([0.1])
    f, G = {
        "hump": ([1228, 1228, 1250, 1420], [0, 0, -300, -900]),
        "level": ([100, 10, 1.0, 1.3], [100, 80, 1, -0.01]),
        "rough": ([100, 10, 1.0, 1.3], [100, 80, 20, -1]),
    }[case]
    assert not is_unpromising(U, np.array(f, float), np.array(G, float)[:, None], end)


def test_a_trial_in_between_shows_a_valley():
    u, f = np.array([0.2, 0.5, 0.8]), np.array([1.0, 3.0, 2.0])
    assert cuts_off(u, f, np.zeros(3), 0.8, 0.2)  # higher than what is beyond
    f = np.array([1.0, 1.5, 2.0])
    assert cuts_off(u, f, np.array([0.0, -1.0, 1.0]), 0.8, 0.2)  # descends towards it
    assert not cuts_off(u, f, np.array([0.0, 1.0, 1.0]), 0.8, 0.2)
    assert not cuts_off(u[[0, 2]], f[[0, 2]], np.zeros(2), 0.8, 0.2)


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


def test_restarts_of_a_quasiconvex_criterion_stay_inside_the_bracket():
    U = np.array([[0.1], [0.3], [0.5], [0.7], [0.9]])
    f, G = 1 + 9 * (U[:, 0] - 0.5) ** 2, 18 * (U - 0.5)
    assert 0.3 < restart_point(U, f, G, regular_grid(1), 0.5, True)[0] < 0.7
    # Where the criterion may be negative, a tenth of its range counts.
    assert 0.3 < restart_point(U, f - 1.0, G, regular_grid(1), 0.5, True)[0] < 0.7


def test_the_first_step_goes_to_the_minimum_that_the_trials_show():
    U = coarse_design(1, 5)
    f, G = 1 + (U[:, 0] - 0.56) ** 2, 2 * (U - 0.56)
    assert first_step(U, f, G, 2, 0.006, 0.15) == pytest.approx(0.06, abs=0.01)
    # Beyond the longest step, that.
    f, G = 1 + U[:, 0], np.ones((5, 1))
    assert first_step(U, f, G, 0, 0.006, 0.15) == pytest.approx(0.15)
