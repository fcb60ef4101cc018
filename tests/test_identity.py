"""What is the same thing: by value, by code, in every process."""

import functools
import os
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skhyper import SearchCV
from skhyper._identity import digest, splitter_digest
from skhyper.exceptions import HistoryMismatchWarning

rng = np.random.default_rng(0)
A = rng.normal(size=(7, 3))


def by_columns(frame):
    """The same frame, built column by column: its memory is laid out in other blocks."""
    built = pd.DataFrame(index=frame.index)
    for name in frame:
        built[name] = frame[name].to_numpy()
    return built


FRAME = pd.DataFrame(A, columns=list("abc"))
MIXED = pd.DataFrame({"n": [1, 2], "s": ["x", None], "c": pd.Categorical(["u", "v"])})


@pytest.mark.parametrize(
    "first, second",
    [
        (A, np.asfortranarray(A)),
        (A[::2], A[::2].copy()),
        (A, A.astype(">f8")),
        (FRAME, FRAME.copy()),
        (FRAME, by_columns(FRAME)),
        (MIXED, MIXED.copy(deep=True)),
        (FRAME[["a", "c"]], FRAME[["a", "c"]].copy()),
        (FRAME["a"], by_columns(FRAME)["a"]),
        (
            pl.DataFrame({"a": [1, 2], "s": ["x", "y"]}),
            pl.DataFrame({"a": [1, 2], "s": ["x", "y"]}),
        ),
        (sparse.csr_matrix(A), sparse.csc_array(A)),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        ({3, "x", (1, 2)}, {(1, 2), 3, "x"}),
        (np.float64(0.5), 0.5),
        (LogisticRegression(C=2), LogisticRegression().set_params(C=2)),
        (make_scorer(accuracy_score), make_scorer(accuracy_score)),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), np.ma.masked_array([1.0, 2.0], [0, 1])),
    ],
)
def test_equal_values_are_the_same(first, second):
    assert digest(first) == digest(second)


@pytest.mark.parametrize(
    "first, second",
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        ([1, 2], [2, 1]),
        ([1, 2], (1, 2)),
        (A, A.T),
        (A, A.astype(np.float32)),
        (A.ravel(), A),
        (A, A + 1e-15),
        (FRAME, FRAME.rename(columns={"a": "z"})),
        (FRAME, FRAME.set_axis(range(1, 8))),
        (MIXED, MIXED.astype({"c": str})),
        (sparse.csr_matrix(A), sparse.csr_matrix(2 * A)),
        (np.array(["a", None], dtype=object), np.array(["a", 0], dtype=object)),
        (LogisticRegression(), LogisticRegression(C=2)),
        (make_pipeline(StandardScaler()), make_pipeline(StandardScaler(with_mean=False))),
        (
            FrozenEstimator(LogisticRegression().fit(A, [0, 1] * 3 + [0])),
            FrozenEstimator(LogisticRegression().fit(A, [1, 0] * 3 + [0])),
        ),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), np.ma.masked_array([1.0, 2.0], [1, 0])),
        (functools.partial(max, 1), functools.partial(max, 2)),
    ],
)
def test_other_values_are_not(first, second):
    assert digest(first) != digest(second)


def test_a_splitter_whose_generator_has_moved_is_the_same():
    moving = ShuffleSplit(3, random_state=np.random.RandomState(0))
    before = splitter_digest(moving)
    list(moving.split(A))
    assert splitter_digest(moving) == before
    assert splitter_digest(KFold(3)) != splitter_digest(KFold(4))


def test_circles_end():
    circle = [1]
    circle.append(circle)
    other = [1]
    other.append(other)
    assert digest(circle) == digest(other)
    assert digest(circle) != digest([1, [1]])


def test_fitted_state_of_what_will_be_cloned_is_the_callers_to_drop():
    fitted = VotingClassifier([("a", LogisticRegression())]).fit(A, [0, 1] * 3 + [0])
    assert digest(fitted) != digest(VotingClassifier([("a", LogisticRegression())]))


def defined(source, *names):
    namespace = {"__name__": "__main__"}
    exec(textwrap.dedent(source), namespace)
    return [namespace[name] for name in names]


def test_functions_of_the_script_are_their_code():
    (first,) = defined("def score(e, X, y):\n    return 1.0", "score")
    (again,) = defined("\n\n# moved\ndef score(e, X, y):  # commented\n    return 1.0", "score")
    (other,) = defined("def score(e, X, y):\n    return 100.0", "score")
    assert digest(first) == digest(again) != digest(other)
    cached = [functools.lru_cache(f) for f in (first, again, other)]
    assert digest(cached[0]) == digest(cached[1]) != digest(cached[2])
    (default,) = defined("def score(e, X, y=2):\n    return 1.0", "score")
    assert digest(default) != digest(first)


def test_closures_helpers_and_sets_count():
    source = """
    def helper(x):
        return x {sign} 1
    def make(c):
        def score(e, X, y):
            return helper(c) if y in {{1, 2, "a", "b"}} else 0
        return score
    one, two = make(1), make(2)
    """
    one, two = defined(source.format(sign="+"), "one", "two")
    (again,) = defined(source.format(sign="+"), "one")
    (minus,) = defined(source.format(sign="-"), "one")
    assert digest(one) == digest(again)
    assert digest(one) != digest(two)
    assert digest(one) != digest(minus)


def test_classes_of_the_script_are_their_code_and_constants_not_their_counters():
    source = """
    from sklearn.model_selection import KFold
    class Split(KFold):
        shift = {shift}
        n_calls = 0
        @property
        def half(self): return {half}
        def split(self, X, y=None, groups=None):
            return super().split(X)
    """
    (first,) = defined(source.format(shift=0.5, half=2), "Split")
    (again,) = defined(source.format(shift=0.5, half=2), "Split")
    first.n_calls += 1
    assert digest(first(3)) == digest(again(3))
    assert splitter_digest(first(3)) == splitter_digest(again(3))
    for change in ({"shift": 0.6, "half": 2}, {"shift": 0.5, "half": 3}):
        assert digest(defined(source.format(**change), "Split")[0]) != digest(first)


def test_a_step_with_a_rewritten_function_is_another_step():
    (one,) = defined("def f(X):\n    return X", "f")
    (two,) = defined("def f(X):\n    return X * X", "f")
    steps = [make_pipeline(FunctionTransformer(f), LogisticRegression()) for f in (one, one, two)]
    a, b, c = map(digest, steps)
    assert a == b != c


def test_what_cannot_be_taken_apart_is_the_same_as_itself():
    with open(os.devnull) as file, open(os.devnull) as other:
        assert digest(file) == digest(file)
        assert digest([file]) == digest([file])
        assert len(digest(other)) == 32


def warm_started(first, second, **options):
    """Number of trials after two fits, the second with other options."""
    options = {"estimator": LogisticRegression(), "X": FRAME, **options}
    fits = [{**options, **first}, {**options, **second}]
    X = [fit.pop("X") for fit in fits]
    search = SearchCV(sampler=[{"C": 1.0}], warm_start=True, **{"cv": KFold(2), **fits[0]})
    search.fit(X[0], [0, 1] * 3 + [0])
    search.set_params(sampler=[{"C": 2.0}], **fits[1]).fit(X[1], [0, 1] * 3 + [0])
    return search.n_trials_


def test_a_search_goes_on_with_equal_data():
    assert warm_started({}, {"X": by_columns(FRAME)}) == 2
    assert warm_started({"X": A}, {"X": np.asfortranarray(A)}) == 2


METRIC = "def score(e, X, y):\n    return {factor} * e.score(X, y)"
SPLITTER = """
from sklearn.model_selection import KFold
class Split(KFold):
    def split(self, X, y=None, groups=None):
        return list(super().split(X))[::{factor}]
"""


@pytest.mark.parametrize("rewritten", [False, True])
@pytest.mark.parametrize("what", ["scoring", "cv"])
def test_what_was_rewritten_under_its_name_is_another(what, rewritten):
    def option(factor):
        if what == "scoring":
            return {"scoring": defined(METRIC.format(factor=factor), "score")[0]}
        return {"cv": defined(SPLITTER.format(factor=factor), "Split")[0](2)}

    first, second = option(1), option(-1 if rewritten else 1)
    if rewritten:
        with pytest.warns(HistoryMismatchWarning, match="Earlier trials are not used"):
            assert warm_started(first, second) == 1
    else:
        assert warm_started(first, second) == 2


SCRIPT = """
import numpy as np, pandas as pd
from sklearn.preprocessing import FunctionTransformer
from skhyper._identity import digest
class Thing:
    def __init__(self): self.a = {"x", "y", "z"}
    def __call__(self, e, X, y): return len(self.a & {"p", "q", "r"})
f = lambda X, keep={"a", "b", "c"}: [x for x in X if x in {"s", "t", "u"}]
print(digest([Thing(), Thing, f, FunctionTransformer(f), pd.DataFrame({"a": ["x", "y"]})]))
"""


def test_the_same_in_another_process():
    def printed(seed):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", SCRIPT]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    assert printed("1") == printed("2")
