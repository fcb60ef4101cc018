"""Each dimension: values to the unit interval and back, its prior against scipy's."""

import copy
import math
import pickle

import numpy as np
import pytest
from contracts.naming import short
from scipy import stats
from sklearn.model_selection import ParameterSampler
from sklearn.svm import SVC

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Categorical, Distribution, Integer, Real

SVC_1, SVC_2 = SVC(C=1), SVC(C=2)
LISTS = [[1, 2], [3, 4], [1, 2, 3]]
ARRAYS = [np.array([1.0, 2.0]), np.array([[1.0], [2.0]]), np.array([])]
OBJECTS = [None, True, 1.5, "auto", (50, 50), {"a": [1]}, SVC_1, SVC_2, len, lambda x: x]

CONTINUA = [
    Real(-3.0, 5.0),
    Real(0, 1),
    Real(1e-6, 1e6, "log-uniform"),
    Real(2.0, 3.0, "log-uniform"),
    Distribution(stats.uniform(2, 3)),
    Distribution(stats.loguniform(1e-3, 1e2)),
    Distribution(stats.norm(1, 2)),
    Distribution(stats.expon(scale=3)),
    Distribution(stats.rv_histogram(np.histogram([1, 2, 2, 5], bins=4))),
]
COUNTABLE = [
    Integer(1, 2),
    Integer(-5, 7),
    Integer(0, 1000),
    Integer(1, 100, "log-uniform"),
    Integer(3, 4, "log-uniform"),
    Integer(1, 10**6, "log-uniform"),
    Integer(0, 2**31 - 1),
    Categorical(["a", "b", "c"]),
    Categorical(["only"]),
    Categorical(["small", "medium", "large"], ordered=True),
    Categorical(["a", "b", "c"], weights=[1, 10, 100]),
    Categorical([1, 2, 4], ordered=True, weights=[0.5, 0.25, 0.25]),
    Categorical(OBJECTS),
    Categorical(LISTS),
    Categorical(ARRAYS),
    Distribution(stats.randint(-2, 9)),
    Distribution(stats.binom(10, 0.3)),
    Distribution(stats.poisson(4)),
    Distribution(stats.geom(0.2)),
    Distribution(stats.rv_discrete(values=([1, 2, 7], [0.2, 0.5, 0.3]))),
    Distribution(stats.rv_discrete(values=([1, 2, 7], [0.2, 0.5, 0.3]))()),
]
U = np.r_[0.0, np.linspace(0.001, 0.999, 77), 1.0]


def same(a, b):
    return a is b or np.array_equal(a, b)


@pytest.mark.parametrize("dimension", CONTINUA, ids=short)
def test_continuum_round_trip(dimension):
    u = U[1:-1]
    values = [dimension.from_unit(ui) for ui in u]
    assert all(type(value) is float for value in values)
    np.testing.assert_allclose([dimension.to_unit(v) for v in values], u, rtol=0, atol=1e-9)
    assert np.all(np.diff(values) > 0)


@pytest.mark.parametrize("dimension", COUNTABLE, ids=short)
def test_countable_round_trip(dimension):
    for u in U:
        value = dimension.from_unit(u)
        centre = dimension.to_unit(value)
        assert 0 <= centre <= 1
        assert same(dimension.from_unit(centre), value)
        # One value, one coordinate, however it was reached.
        np.testing.assert_allclose(dimension.snap(np.array([u])), centre, rtol=1e-12)


@pytest.mark.parametrize("dimension", CONTINUA + COUNTABLE, ids=short)
def test_snap_changes_no_value_and_nothing_twice(dimension):
    snapped = dimension.snap(U)
    assert np.all((snapped >= 0) & (snapped <= 1))
    np.testing.assert_array_equal(dimension.snap(snapped), snapped)
    for u, s in zip(U, snapped):
        assert same(dimension.from_unit(u), dimension.from_unit(s))


@pytest.mark.parametrize("dimension", [d for d in COUNTABLE if d.n_values < 100], ids=short)
def test_every_value_of_a_small_dimension_is_met(dimension):
    grid = dimension.grid(100)
    values = [dimension.from_unit(u) for u in grid]
    np.testing.assert_array_equal(dimension.snap(grid), grid)
    if isinstance(dimension, Categorical):
        assert all(a is b for a, b in zip(values, dimension.choices, strict=True))
    elif isinstance(dimension, Integer):
        assert values == list(range(dimension.low, dimension.high + 1))
    else:
        low, high = dimension.distribution.support()
        expected = [x for x in range(int(low), int(high) + 1) if dimension.distribution.pmf(x) > 0]
        assert values == expected


def test_ends_are_reached_exactly():
    for dimension in (Real(0.1, 0.7), Real(1e-5, 1e5, "log-uniform"), Real(0.3, 9, "log-uniform")):
        assert (dimension.from_unit(0.0), dimension.from_unit(1.0)) == (
            dimension.low,
            dimension.high,
        )
    assert (Integer(3, 9).from_unit(0.0), Integer(3, 9).from_unit(1.0)) == (3, 9)
    log = Integer(3, 9, "log-uniform")
    assert (log.from_unit(0.0), log.from_unit(1.0)) == (3, 9)


def test_out_of_range_coordinates_are_those_of_the_nearest_end():
    for dimension in (Real(1.0, 2.0), Integer(1, 5), Integer(1, 5, "log-uniform")):
        assert dimension.from_unit(-3.0) == dimension.low
        assert dimension.from_unit(4.0) == dimension.high


@pytest.mark.parametrize(
    "dimension",
    [Real(1, 10), Real(1, 10, "log-uniform"), Integer(1, 10), Integer(1, 10, "log-uniform")],
    ids=short,
)
def test_numbers_out_of_range_lie_out_of_the_unit_interval(dimension):
    assert dimension.to_unit(11) > 1
    assert dimension.to_unit(1) >= 0
    assert dimension.to_unit(10) <= 1
    below = 0.9 if dimension.kind == "real" else 0
    if below > 0 or dimension.prior == "uniform":
        assert dimension.to_unit(below) < 0


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        (Real(0, 1), "a"),
        (Real(0, 1), None),
        (Real(0, 1), True),
        (Real(0, 1), np.True_),
        (Real(0, 1), float("nan")),
        (Real(1, 2, "log-uniform"), 0.0),
        (Real(1, 2, "log-uniform"), -1.0),
        (Integer(1, 9), 1.5),
        (Integer(1, 9), "1"),
        (Integer(1, 9), float("nan")),
        (Integer(1, 9), float("inf")),
        (Integer(0, 1), False),
        (Integer(1, 9, "log-uniform"), 0),
        (Distribution(stats.uniform(0, 1)), 1.5),
        (Distribution(stats.uniform(0, 1)), float("nan")),
        (Distribution(stats.uniform(0, 1)), "a"),
        (Distribution(stats.randint(0, 3)), 3),
        (Distribution(stats.randint(0, 3)), -1),
        (Distribution(stats.randint(0, 3)), 0.5),
        (Distribution(stats.randint(0, 3)), float("nan")),
    ],
    ids=short,
)
def test_no_coordinate(dimension, value):
    with pytest.raises(InvalidSpaceError, match="is not a value of"):
        dimension.to_unit(value)


@pytest.mark.parametrize("dimension", CONTINUA, ids=short)
def test_samples_follow_the_prior(dimension):
    if isinstance(dimension, Distribution):
        expected = dimension.distribution
    elif dimension.prior == "uniform":
        expected = stats.uniform(dimension.low, dimension.high - dimension.low)
    else:
        expected = stats.loguniform(dimension.low, dimension.high)
    draws = np.random.default_rng(3).random(2000)
    values = [dimension.from_unit(u) for u in dimension.snap(draws)]
    assert stats.kstest(values, expected.cdf).pvalue > 0.01


def log_integer_pmf(dimension):
    """Each integer owns half a unit to either side, on the scale of logarithms."""
    k = np.arange(dimension.low, dimension.high + 1)
    return np.log((k + 0.5) / (k - 0.5)) / np.log((k[-1] + 0.5) / (k[0] - 0.5))


@pytest.mark.parametrize(
    ("dimension", "pmf"),
    [
        (Integer(-3, 4), np.full(8, 1 / 8)),
        (Integer(1, 12, "log-uniform"), log_integer_pmf(Integer(1, 12, "log-uniform"))),
        (Integer(7, 9, "log-uniform"), log_integer_pmf(Integer(7, 9, "log-uniform"))),
        (Categorical(list("abcd")), np.full(4, 0.25)),
        (Categorical(list("abcd"), weights=[1, 2, 3, 4]), np.array([0.1, 0.2, 0.3, 0.4])),
        (
            Categorical(list("abc"), ordered=True, weights=(0.7, 0.1, 0.2)),
            np.array([0.7, 0.1, 0.2]),
        ),
        (Distribution(stats.randint(2, 7)), np.full(5, 0.2)),
        (Distribution(stats.binom(4, 0.4)), stats.binom(4, 0.4).pmf(range(5))),
    ],
    ids=short,
)
def test_frequencies_follow_the_prior(dimension, pmf):
    draws = np.random.default_rng(5).random(4000)
    np.testing.assert_allclose(pmf.sum(), 1.0)
    counts = np.bincount(dimension.index(draws), minlength=len(pmf))
    assert stats.chisquare(counts, pmf * len(draws)).pvalue > 0.01
    # The coordinates that samplers see, too.
    np.testing.assert_array_equal(
        np.bincount(dimension.index(dimension.snap(draws)), minlength=len(pmf)), counts
    )


def test_rvs_serves_scikit_learns_parameter_sampler():
    space = {"C": Real(1, 2), "n": Integer(1, 3), "k": Categorical(["a", "b"])}
    settings = list(ParameterSampler(space, 5, random_state=0))
    assert settings == list(ParameterSampler(space, 5, random_state=0))
    assert all(1 <= s["C"] <= 2 and s["n"] in (1, 2, 3) and s["k"] in "ab" for s in settings)
    assert len({s["C"] for s in settings}) == 5
    draws = Real(0, 1).rvs(500, random_state=0)
    assert stats.kstest(draws, "uniform").pvalue > 0.01


def test_grid_of_a_continuum_is_evenly_spaced_on_its_scale():
    reals = Real(1e-2, 1e2, "log-uniform")
    values = [reals.from_unit(u) for u in reals.grid(5)]
    np.testing.assert_allclose(values, np.logspace(-2, 2, 5), rtol=1e-12)
    uniform = Real(-1, 3)
    np.testing.assert_allclose([uniform.from_unit(u) for u in uniform.grid(5)], [-1, 0, 1, 2, 3])
    assert uniform.from_unit(uniform.grid(1)[0]) == 1.0  # one value: the middle


def test_grid_of_many_integers_has_both_ends():
    for prior in ("uniform", "log-uniform"):
        dimension = Integer(1, 1000, prior)
        values = [dimension.from_unit(u) for u in dimension.grid(4)]
        assert len(values) == 4
        assert (values[0], values[-1]) == (1, 1000)
    assert values[1] < 50  # log-uniform


def test_native_python_values():
    assert type(Integer(np.int64(1), np.int64(9)).from_unit(0.5)) is int
    assert type(Real(np.float32(1), np.float64(9)).from_unit(np.float64(0.5))) is float
    assert type(Distribution(stats.randint(1, 9)).from_unit(0.5)) is int
    assert type(Distribution(stats.norm()).from_unit(0.5)) is float


def test_kinds_and_sizes():
    assert (Real(0, 1).kind, Real(0, 1).n_values) == ("real", math.inf)
    assert (Integer(2, 5).kind, Integer(2, 5).n_values) == ("integer", 4)
    assert (Categorical(["a"]).kind, Categorical([1, 2]).n_values) == ("categorical", 2)
    assert Categorical([1, 2], ordered=True).kind == "ordinal"
    assert Categorical.kind == "categorical"  # the instance above changed itself only
    uniform, discrete = Distribution(stats.uniform()), Distribution(stats.randint(0, 3))
    assert (uniform.kind, uniform.n_values) == ("real", math.inf)
    assert (discrete.kind, discrete.n_values) == ("integer", 3)
    assert Distribution(stats.poisson(3)).n_values == math.inf


@pytest.mark.parametrize("name", ["Real", "Integer"])
@pytest.mark.parametrize(
    ("low", "high", "prior", "message"),
    [
        (5, 1, "uniform", "inverted; write low before high"),
        (5, 5, "uniform", r"empty; write \[5\] for a single value"),
        (0, 5, "log-uniform", "log-uniform range needs low > 0"),
        (-5, 5, "log-uniform", "log-uniform range needs low > 0"),
        (1, 5, "lognormal", "prior must be one of .*got 'lognormal'"),
        (1, 5, None, "prior must be one of .*got None"),
        ("1", 5, "uniform", "both ends must be .*got '1'"),
        (1, None, "uniform", "both ends must be .*got None"),
        (False, True, "uniform", "both ends must be .*got False"),
    ],
)
def test_wrong_ranges(name, low, high, prior, message):
    with pytest.raises(InvalidSpaceError, match=message) as caught:
        {"Real": Real, "Integer": Integer}[name](low, high, prior)
    assert str(caught.value).startswith(f"{name}(low={low!r}, high={high!r}")


@pytest.mark.parametrize("end", [np.nan, np.inf, -np.inf])
def test_infinite_ranges(end):
    with pytest.raises(InvalidSpaceError, match="both ends must be finite"):
        Real(0.0, end)
    with pytest.raises(InvalidSpaceError, match="both ends must be finite"):
        Real(end, 0.0)
    with pytest.raises(InvalidSpaceError, match="both ends must be integers"):
        Integer(0, end)


def test_integers_need_whole_ends():
    with pytest.raises(InvalidSpaceError, match=r"both ends must be integers, got 2\.5"):
        Integer(1, 2.5)


def test_repr_can_be_evaluated():
    for dimension in (
        Real(0.5, 2, "log-uniform"),
        Integer(1, 9),
        Categorical(["a", None]),
        Categorical([1, 2], ordered=True),
        Categorical([1, 2], weights=[0.5, 0.5]),
    ):
        assert repr(eval(repr(dimension))) == repr(dimension)
    assert repr(Distribution(stats.randint(1, high=4))) == "Distribution(randint(1, high=4))"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))])
@pytest.mark.parametrize(
    "dimension",
    [d for d in CONTINUA + COUNTABLE if "lambda" not in repr(d)],
    ids=short,
)
def test_copies_answer_the_same(dimension, copied):
    again = copied(dimension)
    np.testing.assert_array_equal(again.snap(U), dimension.snap(U))
    assert all(same(again.from_unit(u), dimension.from_unit(u)) for u in U)


@pytest.mark.parametrize("dimension", CONTINUA, ids=short)
@pytest.mark.parametrize("u", [0.11, 0.37, 0.74])
def test_derivative_equals_differences(dimension, u):
    step = 1e-5
    ahead, behind = dimension.from_unit(u + step), dimension.from_unit(u - step)
    numeric = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(dimension.derivative(u), numeric, rtol=1e-5)


@pytest.mark.parametrize(
    "dimension", [*COUNTABLE, Categorical(["a", "b"]), Distribution(stats.randint(1, 9))], ids=short
)
def test_what_is_not_a_real_number_has_no_derivative(dimension):
    assert math.isnan(dimension.derivative(0.3))


class NoDensity:
    """A distribution as a user may write it: no more than a search needs."""

    def cdf(self, x):
        return stats.norm.cdf(x)

    def ppf(self, u):
        return stats.norm.ppf(u)


def test_derivative_at_the_ends():
    log = Real(1e-2, 1e2, "log-uniform")
    np.testing.assert_allclose(log.derivative(1.25), 1e3 * 4 * math.log(10))
    assert math.isfinite(Distribution(stats.norm()).derivative(0.0))
    assert math.isnan(Distribution(NoDensity()).derivative(0.5))


def test_numbers_too_large_for_a_float_have_no_coordinate():
    for dimension in (Real(0, 1), Integer(0, 5), Distribution(stats.uniform())):
        with pytest.raises(InvalidSpaceError, match="is not a value of"):
            dimension.to_unit(10**400)
