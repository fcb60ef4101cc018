"""Bands: every spelling, values and gradients by band, what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_selector

from skhyper._bands import Bands, per_band_template
from skhyper._sklearn import sklearn_version

FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "c": [5.0, 6.0]})


def labels(bands, X=FRAME, names=("a", "b", "c")):
    return Bands.from_spec(bands, X, 3, np.array(names)).labels.tolist()


def test_spellings():
    assert labels(None) == [0, 1, 2]
    assert labels([7, 3, 7]) == [1, 0, 1]
    assert labels(["y", "x", "x"]) == [1, 0, 0]
    assert labels({"one": ["a", "c"], "two": "b"}) == [0, 1, 0]
    assert labels({"one": [0, -1], "two": slice(1, 2)}) == [0, 1, 0]
    assert labels({"one": [True, False, True], "two": 1}) == [0, 1, 0]
    floats = make_column_selector(dtype_include=float)
    assert labels({"rest": ["b"], "floats": floats}) == [1, 0, 1]
    assert labels({"rest": ["b"], "floats": lambda X: [0, 2]}) == [1, 0, 1]
    assert labels({"one": [0, 2], "two": [1]}, FRAME.to_numpy()) == [0, 1, 0]
    assert Bands.from_spec(None, FRAME, 3, np.array(["a", "b", "c"])).names == ["a", "b", "c"]
    assert Bands.from_spec(None, FRAME.to_numpy(), 3).names == [0, 1, 2]


@pytest.mark.skipif(sklearn_version < (1, 9), reason="it does not find columns in polars 2")
def test_names_in_polars():
    assert labels({"one": ["a", "c"], "two": "b"}, pl.from_pandas(FRAME)) == [0, 1, 0]


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ([0, 1], r"shape \(3,\); got an array of shape \(2,\)"),
        ({"one": [0, 1], "two": [1, 2]}, "'b' is in two bands, 'one' and 'two'"),
        ({"one": [1]}, r"The features \['a', 'c'\] are in no band"),
    ],
)
def test_bands_that_are_refused(bands, message):
    with pytest.raises(ValueError, match=message):
        labels(bands)


def test_values_and_gradients():
    bands = Bands.from_spec({"one": [0, 2], "two": [1]}, FRAME, 3)
    np.testing.assert_array_equal(bands.values("alphas", 2.0), [2, 2])
    np.testing.assert_array_equal(bands.values("alphas", [1, 3]), [1, 3])
    np.testing.assert_array_equal(bands.values("alphas", {"two": 3, "one": 1}), [1, 3])
    slopes = np.array([1.0, 10.0, 100.0])
    assert bands.gradient(slopes, 2.0) == 111.0
    np.testing.assert_array_equal(bands.gradient(slopes, np.ones(2)), [101, 10])
    assert bands.gradient(slopes, {"two": 3, "one": 1}) == {"two": 10.0, "one": 101.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"one": 1.0}, r"one value for each band, \['one', 'two'\]; got .* keys \['one'\]"),
        ([1.0, 2.0, 3.0], r"each of the 2 bands, .*; got the shape \(3,\)"),
        (-1.0, r"must be finite and >= 0; got -1.0"),
        ([1.0, np.inf], "must be finite"),
    ],
)
def test_values_that_are_refused(given, message):
    bands = Bands.from_spec({"one": [0, 2], "two": [1]}, FRAME, 3)
    with pytest.raises(ValueError, match=message):
        bands.values("alphas", given)


def test_zero_where_it_must_be_more():
    with pytest.raises(ValueError, match="length_scales must be finite and > 0; got 0"):
        Bands.from_spec(None, FRAME, 3).values("length_scales", 0, above=True)


def test_templates():
    own = {"alphas": 1.0, "bands": {"a": [0], "b": [1]}, "alpha": 1.0}
    assert per_band_template("alphas", own) == {"a": 1.0, "b": 1.0}
    assert per_band_template("alpha", own) is None
    assert per_band_template("alphas", {**own, "bands": None}) is None
    assert per_band_template("alphas", {**own, "alphas": {"a": 1.0, "b": 2.0}}) is None
    own = {"m__length_scales": None, "m__bands": [3, 3, 5]}
    np.testing.assert_array_equal(per_band_template("m__length_scales", own), [1, 1])
