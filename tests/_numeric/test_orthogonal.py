"""Ridge regression by orthogonal factors: against rational arithmetic and the normal equations."""

from fractions import Fraction

import numpy as np
import pytest

from skhyper._numeric import Orthogonal

rng = np.random.default_rng(0)


def exact(Z, y, alpha):
    """``(Zᵀ Z + α)⁻¹ Zᵀ y`` in rational numbers, by Gauss-Jordan elimination."""
    rows = [[Fraction(float(v)) for v in row] for row in Z]
    y = [Fraction(float(v)) for v in y]
    p = len(rows[0])
    H = [
        [sum(r[i] * r[j] for r in rows) + (Fraction(alpha) if i == j else 0) for j in range(p)]
        + [sum(r[i] * t for r, t in zip(rows, y))]
        for i in range(p)
    ]
    for i in range(p):
        H[i] = [v / H[i][i] for v in H[i]]
        for k in range(p):
            if k != i:
                H[k] = [a - H[k][i] * b for a, b in zip(H[k], H[i])]
    return np.array([float(row[-1]) for row in H])


@pytest.mark.parametrize(
    "Z",
    [
        rng.uniform(0, 100, (12, 1)) ** np.arange(1, 6),
        rng.normal(size=(12, 4)) * [1e8, 1.0, 1e-8, 1.0],
        rng.normal(size=(4, 6)) * 1e4,
    ],
    ids=["powers", "scales", "wide"],
)
@pytest.mark.parametrize("alpha", [1e-6, 1.0, 1e6])
def test_all_digits(Z, alpha):
    y = rng.normal(size=len(Z))
    W = Orthogonal(Z).fit(y[:, None], alpha)[:, 0]
    expected = exact(Z, y, alpha)
    np.testing.assert_allclose(Z @ W, Z @ expected, rtol=0, atol=1e-10 * np.linalg.norm(y))


@pytest.mark.parametrize("shape", [(30, 5), (5, 30), (6, 6)])
@pytest.mark.parametrize("alpha", [0.1, 10.0])
def test_systems(shape, alpha):
    Z, V, W = rng.normal(size=shape), *rng.normal(size=(2, shape[1], 2))
    system, H = Orthogonal(Z), Z.T @ Z + alpha * np.eye(shape[1])
    np.testing.assert_allclose(system.solve(V, alpha), np.linalg.solve(H, V))
    W = Z.T @ Z @ W
    np.testing.assert_allclose(
        system.product(V, W, alpha), (W * np.linalg.solve(H, V)).sum(axis=0), rtol=1e-9
    )


def test_the_shortest_solution():
    Z = np.repeat(rng.normal(size=(30, 2)), 2, axis=1) * [1.0, 1.0, 1e6, 1e6]
    Y = rng.normal(size=(30, 2))
    system = Orthogonal(Z)
    single = np.linalg.lstsq(Z[:, ::2], Y, rcond=None)[0]
    W = system.fit(Y, 0.0)
    np.testing.assert_allclose(W[::2] + W[1::2], single, rtol=1e-9)
    np.testing.assert_allclose(W[::2], W[1::2], rtol=1e-3)
    expected = single.repeat(2, axis=0) / 2
    # Those of no penalty are the limit of those of small ones.
    V = rng.normal(size=(4, 2))
    np.testing.assert_allclose(
        system.product(V, expected, 0.0), system.product(V, expected, 1e-12), rtol=1e-6
    )


def test_nothing_but_zeros():
    system = Orthogonal(np.zeros((5, 3)))
    np.testing.assert_array_equal(system.fit(np.ones((5, 1)), 0.0), np.zeros((3, 1)))
    np.testing.assert_array_equal(system.solve(np.ones((3, 1)), 2.0), np.full((3, 1), 0.5))
