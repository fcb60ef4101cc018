"""Kernels: against scikit-learn's, and their pull-backs against differences."""

import numpy as np
import pytest
from contracts.naming import short
from scipy import sparse
from sklearn.base import clone
from sklearn.gaussian_process import kernels as gp
from sklearn.metrics.pairwise import pairwise_kernels

from skhyper.hypergradient import NotDifferentiableError
from skhyper.hypergradient._kernels import Pair, gram, kernel_names, passes_inputs

rng = np.random.default_rng(0)
X, Y = rng.random((9, 4)), rng.random((7, 4))
WIDE_X, WIDE_Y = rng.random((9, 40)), rng.random((7, 40))
SETTINGS = {"gamma": 0.7, "coef0": 0.4, "degree": 3}
STRINGS = ["linear", "poly", "rbf", "sigmoid", "cosine", "laplacian", "chi2", "additive_chi2"]
SMOOTH = STRINGS[:5]
SCALES = np.array([0.5, 0.8, 1.1, 1.4])
COMPOSED = [
    gp.RBF(0.6),
    gp.RBF(SCALES),
    gp.Matern(SCALES, nu=0.5),
    gp.Matern(SCALES, nu=1.5),
    gp.Matern(0.8, nu=2.5),
    gp.Matern(SCALES, nu=np.inf),
    gp.RationalQuadratic(0.8, 0.6),
    gp.ExpSineSquared(1.1, 2.0),
    gp.DotProduct(0.7) ** 2,
    gp.DotProduct(0.7) ** 0.5,
    gp.ConstantKernel(0.4) * gp.ConstantKernel(0.3),
    1.3 * gp.RBF(np.array([0.7])) + gp.WhiteKernel(0.3),
    (gp.WhiteKernel(0.3) + gp.RBF(SCALES)) * gp.DotProduct(0.2) + 0.1,
    gp.PairwiseKernel(gamma=0.6, metric="rbf"),
    gp.PairwiseKernel(gamma=0.6, metric="poly", pairwise_kernels_kwargs={"degree": 2}),
]


def difference(function, array, direction, step=1e-6):
    return (function(array + step * direction) - function(array - step * direction)) / (2 * step)


@pytest.mark.parametrize("kernel", STRINGS)
@pytest.mark.parametrize("data", [(X, Y), (WIDE_X, WIDE_Y)], ids=["narrow", "wide"])
def test_values_of_strings(kernel, data):
    expected = pairwise_kernels(*data, metric=kernel, filter_params=True, **SETTINGS)
    np.testing.assert_allclose(gram(kernel, Pair(*data), **SETTINGS).K, expected, rtol=1e-12)
    expected = pairwise_kernels(data[0], metric=kernel, filter_params=True, **SETTINGS)
    found = gram(kernel, Pair(data[0]), **SETTINGS).K
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kernel", STRINGS)
def test_read_only_data(kernel):  # such as the folds of a search
    A, B = X.copy(), Y.copy()
    A.flags.writeable = B.flags.writeable = False
    expected = gram(kernel, Pair(X, Y), **SETTINGS).K
    np.testing.assert_array_equal(gram(kernel, Pair(A, B), **SETTINGS).K, expected)


@pytest.mark.parametrize("kernel", STRINGS[:6])
def test_sparse_data(kernel):
    A, B = sparse.csr_matrix(X * (X > 0.5)), sparse.csr_matrix(Y * (Y > 0.5))
    found = gram(kernel, Pair(A, B), **SETTINGS)
    dense = gram(kernel, Pair(A.toarray(), B.toarray()), **SETTINGS)
    np.testing.assert_allclose(found.K, dense.K, rtol=1e-12, atol=1e-13)
    dK = rng.normal(size=(9, 7))
    gradient, dX, dY = found.back(dK, "XY")
    assert dX is None
    assert dY is None
    for name, value in dense.back(dK, "")[0].items():
        assert gradient[name] == pytest.approx(value)


@pytest.mark.parametrize("kernel", COMPOSED, ids=str)
def test_values_of_gaussian_processes(kernel):
    np.testing.assert_allclose(gram(kernel, Pair(X, Y)).K, kernel(X, Y), rtol=1e-12)
    np.testing.assert_allclose(gram(kernel, Pair(X, noise=True)).K, kernel(X), rtol=1e-12)
    # As KernelRidge calls it.
    np.testing.assert_allclose(gram(kernel, Pair(X)).K, kernel(X, X), rtol=1e-12)


def test_many_length_scales():
    kernel = gp.Matern(np.geomspace(1, 9, 40), nu=0.5)
    A = np.vstack([WIDE_X + 100, WIDE_X[:2] + 100])  # two points twice, all far from 0
    expected = kernel(A)
    np.testing.assert_allclose(gram(kernel, Pair(A, noise=True)).K, expected, rtol=1e-11)
    # Without a shift of the origin the products of 100s cancel: doubles stay doubles.
    assert gram(kernel, Pair(A, A.copy())).K[0, 9] == 1
    gradient, _, _ = gram(kernel, Pair(A)).back(np.ones((11, 11)), "XY")
    theirs = kernel(A, eval_gradient=True)[1].sum(axis=(0, 1)) / kernel.length_scale
    np.testing.assert_allclose(gradient["length_scale"], theirs, rtol=1e-10)


@pytest.mark.parametrize("kernel", COMPOSED, ids=str)
@pytest.mark.parametrize("noise", [True, False])
def test_pull_back_to_hyperparameters(kernel, noise):
    def pair():
        return Pair(X, noise=True) if noise else Pair(X, Y)

    dK = rng.normal(size=pair().shape)
    gradient, _, _ = gram(kernel, pair()).back(dK, "")
    assert set(gradient) == set(kernel_names(kernel))
    for name, value in gradient.items():
        own = np.asarray(kernel.get_params()[name], dtype=float)
        assert np.shape(value) == own.shape
        direction = rng.normal(size=own.shape)

        def loss(array, name=name):
            value = array if array.ndim else float(array)
            changed = clone(kernel).set_params(**{name: value})
            return np.vdot(dK, gram(changed, pair()).K)

        expected = difference(loss, own, direction)
        assert np.vdot(value, direction) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", ["gamma", "coef0"])
@pytest.mark.parametrize("degree", [1, 2, 3, 2.5, 0.5, 0])
@pytest.mark.parametrize("kernel", STRINGS)
def test_pull_back_of_strings(kernel, name, degree):
    if name not in kernel_names(kernel) or (degree != 3 and kernel != "poly"):
        return
    dK, settings = rng.normal(size=(9, 7)), {**SETTINGS, "degree": degree}

    def loss(value):
        return np.vdot(dK, gram(kernel, Pair(X, Y), **{**settings, name: value}).K)

    gradient, _, _ = gram(kernel, Pair(X, Y), **settings).back(dK, "")
    expected = difference(loss, settings[name], 1.0)
    assert gradient[name] == pytest.approx(expected, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("kernel", STRINGS + COMPOSED, ids=str)
def test_pull_back_to_points(kernel):
    settings = SETTINGS if isinstance(kernel, str) else {}
    dK = rng.normal(size=(9, 7))
    _, dX, dY = gram(kernel, Pair(X, Y), **settings).back(dK, "XY")
    direction = rng.normal(size=X.shape)
    expected = difference(
        lambda A: np.vdot(dK, gram(kernel, Pair(A, Y), **settings).K), X, direction
    )
    assert np.sum(dX * direction) == pytest.approx(expected, rel=1e-6, abs=1e-8)
    direction = rng.normal(size=Y.shape)
    expected = difference(
        lambda A: np.vdot(dK, gram(kernel, Pair(X, A), **settings).K), Y, direction
    )
    assert np.sum(dY * direction) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("kernel", ["laplacian", "chi2", "additive_chi2"])
def test_points_that_meet_and_points_at_zero(kernel):
    A = np.vstack([X, np.zeros(4)])
    _, dX, dY = gram(kernel, Pair(A), **SETTINGS).back(np.ones((10, 10)), "XY")
    np.testing.assert_allclose(dX, dY)  # a symmetric matrix
    assert np.isfinite(dX).all()


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        *[(kernel, True) for kernel in STRINGS],
        *[(kernel, True) for kernel in COMPOSED],
        ("precomputed", False),
        (np.dot, False),
        (gp.RBF() + gp.PairwiseKernel(metric="precomputed"), False),
        (gp.ConstantKernel() * gp.PairwiseKernel(metric="laplacian"), True),
        (gp.Matern(nu=0.7) ** 2, False),
    ],
    ids=short,
)
def test_what_is_said_of_the_points_before_there_are_any(kernel, expected):
    assert passes_inputs(kernel) == expected
    if expected:
        settings = SETTINGS if isinstance(kernel, str) else {}
        _, dX, dY = gram(kernel, Pair(X, Y), **settings).back(np.ones((9, 7)), "XY")
        assert dX is not None
        assert dY is not None


def test_a_part_of_a_pair():
    pair = Pair(X, Y)
    gram("rbf", pair, **SETTINGS)
    rows, columns = np.array([5, 0, 2]), np.array([6, 1])
    part = gram("rbf", pair.take(rows, columns), **SETTINGS).K
    np.testing.assert_array_equal(part, gram("rbf", pair, **SETTINGS).K[np.ix_(rows, columns)])
    np.testing.assert_allclose(gram("poly", pair.take(rows, columns), **SETTINGS).K.shape, (3, 2))


@pytest.mark.parametrize("kernel", ["poly", gp.DotProduct(1e-200) ** 0.5], ids=str)
def test_roots_of_products_that_are_zero(kernel):
    A, B = np.vstack([X, np.zeros(4)]), np.vstack([Y, np.zeros(4)])
    settings = {"gamma": 0.7, "coef0": 0.0, "degree": 0.5} if kernel == "poly" else {}
    gradient, dX, dY = gram(kernel, Pair(A, B), **settings).back(np.ones((10, 8)), "XY")
    expected, dX_rest, dY_rest = gram(kernel, Pair(X, Y), **settings).back(np.ones((9, 7)), "XY")
    assert gradient.keys() == expected.keys()
    if kernel == "poly":
        assert gradient["gamma"] == pytest.approx(expected["gamma"])
    np.testing.assert_allclose(dX, np.vstack([dX_rest, np.zeros(4)]))
    np.testing.assert_allclose(dY, np.vstack([dY_rest, np.zeros(4)]))


def test_a_cosine_of_nothing():
    A = np.vstack([X[:2], np.zeros(4)])
    found = gram("cosine", Pair(A))
    np.testing.assert_array_equal(found.K[2], 0)
    assert np.isfinite(found.back(np.ones((3, 3)), "XY")[1]).all()


def test_what_is_refused():
    class Own(gp.RBF):
        pass

    with pytest.raises(NotDifferentiableError, match="kernel Own is not supported"):
        kernel_names(gp.ConstantKernel() * Own())
    with pytest.raises(NotDifferentiableError, match=r"got nu=0\.7"):
        kernel_names(gp.Matern(nu=0.7) ** 2)
    with pytest.raises(NotDifferentiableError, match="the name of a kernel"):
        kernel_names(gp.PairwiseKernel(metric=np.dot))
    with pytest.raises(NotDifferentiableError, match="kernel function is not supported"):
        kernel_names(lambda a, b: 0.0)
    assert kernel_names(gp.RBF(length_scale_bounds="fixed")) == ()
