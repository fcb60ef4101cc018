"""Values as JSON, and back: exactly, or by their place."""

import json
import math

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper.evaluation._values import (
    KnownValues,
    StoredChoice,
    decoded,
    decoded_params,
    encoded,
    encoded_params,
)


def through(value):
    """A value that was written as a line of JSON and read again."""
    return decoded(json.loads(json.dumps(encoded(value), allow_nan=False)))


def same(a, b):
    """Whether two values are equal with their types, bit by bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and bool(a == b or a != a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(k, m) and same(a[k], b[m]) for k, m in zip(a, b))
    if isinstance(a, float):
        return a.hex() == b.hex() or (a != a and b != b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return a == b


def random_value(rng, depth=3):
    """A nested value of lists, tuples, dicts and plain values, floats of any bits among them."""
    kind = rng.integers(9 if depth else 6)
    if kind >= 6:
        items = [random_value(rng, depth - 1) for _ in range(rng.integers(4))]
        keys = ["$a", "b", 3, (1, "x"), "$float"]
        return [items, tuple(items), dict(zip(rng.permuted(np.array(keys, object)), items))][
            kind - 6
        ]
    return [
        None,
        bool(rng.integers(2)),
        int(rng.integers(-(2**62), 2**62)) ** int(rng.integers(1, 5)),
        float(np.frombuffer(rng.bytes(8))[0]),
        "".join(chr(c) for c in rng.integers(0, 0x11000, 5)),
        rng.bytes(3),
    ][kind]


def test_values_of_python():
    rng = np.random.default_rng(0)
    for _ in range(500):
        value = random_value(rng)
        assert same(through(value), value), value


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        -math.inf,
        -0.0,
        5e-324,
        0.1 + 0.2,
        2**200,
        1 - 2j,
        complex(math.nan, math.inf),
        "\ud800 lone surrogate",
        {"$float": "not a number"},
        {"$unknown": 1, "b": 2},
        {1: "a", (2, 3): None},
        np.float64(0.1),
        np.float32(0.1),
        np.float16(0.1),
        np.longdouble(1) / 3,
        np.float64("nan"),
        np.int8(-3),
        np.uint64(2**64 - 1),
        np.bool_(True),
        np.str_("a"),
        np.complex64(1 + 2j),
        np.datetime64("2026-01-01"),
        np.array([[0.1, np.nan], [-np.inf, 1e-310]]),
        np.array([], dtype=np.int16),
        np.array(3.0),
        np.array(["a", "bcd"]),
        np.arange(6.0).reshape(2, 3).T,
        np.arange(3, dtype=">i4"),
    ],
    ids=repr,
)
def test_values_of_numpy_and_limits(value):
    again = through(value)
    if isinstance(value, np.ndarray):
        assert again.dtype == value.dtype.newbyteorder("<")
        np.testing.assert_array_equal(again, value)
        assert again.flags.writeable
    else:
        assert same(again, value)


@pytest.mark.parametrize(
    "value",
    [
        SVC(),
        len,
        {1, 2},
        np.array([None]),
        [object()],
        {"a": SVC()},
        2**20_000,
        type("S", (str,), {})(),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_cannot_be_written(value):
    with pytest.raises(TypeError, match="cannot be written to a journal"):
        encoded(value)


@pytest.mark.parametrize(
    "data", [{"$pickle": "gA=="}, {"$array": [1]}, {"$tuple": 3}, {"$bytes": "a"}]
)
def test_what_cannot_be_read(data):
    with pytest.raises(ValueError, match="type '\\$"):
        decoded(data)


def test_nothing_is_executed(tmp_path):
    """Arrays of objects would be unpickled by numpy."""
    with pytest.raises(ValueError, match="array"):
        decoded({"$array": ["|O", [1], "AAAAAAAAAAA="]})


CHOICES = [SVC(C=1), SVC(C=2), abs, StandardScaler, np.array([1.0, 2.0]), "text", (1, 2)]


def test_choices_are_named_by_their_place():
    known = KnownValues(("m", choice) for choice in CHOICES)
    for i, choice in enumerate(CHOICES):
        data = json.loads(json.dumps(encoded_params({"m": choice}, known)))
        assert ("$choice" in data["m"]) == (i < 5)
        found = decoded_params(data, known)["m"]
        assert found is choice if i < 5 else found == choice


def test_a_choice_that_moved_is_found_by_its_digest():
    data = encoded_params({"m": SVC(C=2)}, KnownValues([("m", SVC(C=1)), ("m", SVC(C=2))]))
    wider = KnownValues([("m", SVC(C=3)), ("m", SVC(C=0.5)), ("m", SVC(C=2))])
    assert decoded_params(data, wider)["m"].C == 2


def test_a_choice_that_is_gone_is_a_placeholder():
    known = KnownValues([("m", SVC(C=2))])
    data = encoded_params({"m": known.find("m", StoredChoice(0, "", "")), "n": SVC(C=7)}, known)
    for other in (KnownValues(), KnownValues([("m", SVC(C=2)), ("n", SVC())])):
        found = decoded_params(data, other)
        assert isinstance(found["n"], StoredChoice)
        assert repr(found["n"]) == "<SVC(C=7)>"


def test_long_texts_of_choices_are_cut():
    class Long:
        def __repr__(self):
            return 100 * "long\n"

    class Wrong:
        def __repr__(self):
            raise ZeroDivisionError

    for obj, expected in ((Long(), 80), (Wrong(), 5)):
        (_, _, text) = encoded_params({"m": obj}, KnownValues())["m"]["$choice"]
        assert len(text) == expected
        assert "\n" not in text
