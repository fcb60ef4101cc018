"""Search spaces as rows of text."""

from scipy.stats import loguniform

from skhyper.space import Integer, Real, Space, When
from skhyper.space._text import COLUMNS, rows, space_text


def test_all_kinds_of_dimensions():
    space = Space(
        {
            "a": (0.1, 10.0, "log-uniform"),
            "b": Integer(100, 1000, step=50),
            "c": Real(0.5, 1.0, step=0.25),
            "d": [len, None, "x"],
            "e": loguniform(1e-3, 1),
        }
    )
    expected = {
        "a": ("0.1 to 10", "log"),
        "b": ("100 to 1000, step 50", "linear"),
        "c": ("0.5 to 1, step 0.25", "linear"),
        "d": ("len, None, 'x'", "choices"),
        "e": ("loguniform(0.001, 1)", "distribution"),
    }
    found = {name: (values, scale) for _, name, values, scale, _ in rows(space)}
    assert found == expected
    assert {len(row) for row in rows(space)} == {len(COLUMNS)}


def test_conditions_and_subspaces():
    def large(value):
        return value > 3

    space = Space(
        [
            {"k": ["a", "b", "c"], "g": When((0.0, 1.0), k=["a", "b"])},
            {"k": ["d"], "n": (1, 9), "m": When(When((0, 1), n=large), k="d")},
        ]
    )
    assert [(row[0], row[1], row[-1]) for row in rows(space)] == [
        ("0", "k", ""),
        ("0", "g", "k='a' or 'b'"),
        ("1", "k", ""),
        ("1", "n", ""),
        ("1", "m", "k='d' and large(n)"),
    ]


def test_vectors():
    space = Space({"alpha": (0.1, 1.0)}).with_vectors({"alpha": [1.0, 2.0, 3.0]})
    assert [row[2] for row in rows(space)] == ["0.1 to 1 (3 components)"]


def test_a_space_is_printed_as_a_table():
    def small(params):
        return True

    space = Space({"C": (0.1, 10.0, "log-uniform"), "k": ["a", "b"]}, small)
    assert str(space).splitlines()[:5] == [
        "Space of 2 hyperparameters",
        "  name  values     scale",
        "  ----  ---------  -------",
        "  C     0.1 to 10  log",
        "  k     'a', 'b'   choices",
    ]
    assert "constraint: <function" in str(space)
    assert repr(space).startswith("Space({'C': Real(0.1, 10.0, 'log-uniform')")
    assert space_text(Space([{"a": [1]}, {"a": [2]}])).startswith("Space of 2 sub-spaces")
    many = Space({f"h{i}": (0.0, 1.0) for i in range(99)})
    assert len(str(many).splitlines()) < 25
