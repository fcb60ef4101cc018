"""Ranges with a step, and spellings of the logarithmic scale."""

import math
import pickle

import numpy as np
import pytest
from scipy import stats

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import Integer, Real


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        (Integer(100, 1000, step=300), [100, 400, 700, 1000]),
        (Integer(-3, 4, step=2), [-3, -1, 1, 3]),
        (Integer(1, 3, step=1), [1, 2, 3]),
        (Real(0.0, 0.5, step=0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (Real(-1, 1, step=0.75), [-1.0, -0.25, 0.5]),
    ],
    ids=repr,
)
def test_steps(dimension, values):
    assert [dimension.from_unit(u) for u in dimension.grid(100)] == values
    assert dimension.n_values == len(values)
    assert (dimension.low, dimension.high) == (values[0], values[-1])
    drawn = dimension.rvs(4000, random_state=0)
    counts = [drawn.count(value) for value in values]
    assert sum(counts) == 4000 and stats.chisquare(counts).pvalue > 0.01
    # As a range with as many values, whatever they are.
    same = Integer(0, len(values) - 1)
    np.testing.assert_allclose(
        [dimension.to_unit(v) for v in values], [same.to_unit(i) for i in range(len(values))]
    )
    assert dimension.to_unit(values[0] - dimension.step) < 0
    assert dimension.to_unit(values[-1] + dimension.step) > 1
    assert math.isnan(dimension.derivative(0.3))
    ends = [dimension.from_unit(u) for u in dimension.grid(2)]
    assert ends == [values[0], values[-1]]
    for between in (values[0] + dimension.step / 3, np.inf):
        with pytest.raises(InvalidSpaceError, match="is not a value of"):
            dimension.to_unit(between)
    assert repr(eval(repr(dimension))) == repr(dimension)
    assert pickle.loads(pickle.dumps(dimension)).grid(3).tolist() == dimension.grid(3).tolist()


@pytest.mark.parametrize("step", [0, -1, True, "1", math.nan, 100, np.inf])
@pytest.mark.parametrize("cls", [Real, Integer])
def test_wrong_steps(cls, step):
    with pytest.raises(InvalidSpaceError, match=r"step must be an? .* above 0 and at most"):
        cls(1, 10, step=step)
    with pytest.raises(InvalidSpaceError, match="step must be an integer above 0"):
        Integer(1, 10, step=0.5)
    with pytest.raises(InvalidSpaceError, match="a range with a step is uniform"):
        cls(1, 10, "log", step=1)


@pytest.mark.parametrize("cls", [Real, Integer])
def test_spellings_of_the_logarithmic_scale(cls):
    expected = repr(cls(1, 100, "log-uniform"))
    for other in (cls(1, 100, "log"), cls(1, 100, "loguniform"), cls(1, 100, log=True)):
        assert repr(other) == expected
    assert repr(cls(1, 100, log=False)) == repr(cls(1, 100))
    with pytest.raises(InvalidSpaceError, match=r"got True\. Did you mean log=True\?"):
        cls(1, 100, True)
    with pytest.raises(InvalidSpaceError, match="log must be True or False, got 'yes'"):
        cls(1, 100, log="yes")
