"""Code of a report, run and compared with the search it came from."""

import numpy as np
import pytest
from contracts.naming import short
from reporting.searches import SEARCHES, search
from scipy.stats import randint
from sklearn.datasets import load_diabetes, load_iris
from sklearn.feature_selection import f_classif
from sklearn.gaussian_process.kernels import RBF
from sklearn.model_selection import KFold
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from skhyper import SearchCV, When
from skhyper.reporting._code import Code, code_of
from skhyper.samplers import GPSampler
from skhyper.space import Categorical, Integer, Real


@pytest.mark.parametrize("name", [name for name in SEARCHES if name != "failures"])
def test_the_code_repeats_the_search(name):
    fitted = search(name)
    X, y = (load_diabetes if name == "gradient" else load_iris)(return_X_y=True)
    names = {"X": X, "y": y}
    exec(code_of(fitted, fitted.best_params_), names)
    again = names["search"]
    assert type(again) is type(fitted)
    assert again.best_params_ == fitted.best_params_
    assert again.cv_results_["params"] == fitted.cv_results_["params"]
    np.testing.assert_array_equal(names["model"].predict(X), fitted.predict(X))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "a'b",
        b"c",
        np.float64(0.5),
        (1,),
        (1, "a"),
        [],
        (),
        {"a": [1, {2: 3}]},
        {1, 2},
        KFold(3, shuffle=True, random_state=0),
        FunctionTransformer(np.log1p),
        SVC(C=3),
        RBF(2.0),
        Real(0.1, 1.0, "log-uniform"),
        Integer(1, 5),
        GPSampler(),
        f_classif,
        SVC,
        int,
    ],
    ids=short,
)
def test_values_are_the_same_again(value):
    code = Code()
    text = code.of(value)
    names = {}
    exec("\n".join(code.header()), names)
    again = eval(text, names)
    assert type(again) is type(value) or isinstance(value, np.generic)
    assert repr(again) == repr(value) or again == value
    assert not code.missing


def test_values_without_equality():
    code = Code()
    gamma = When([1.0, np.inf], {"kernel": ["rbf", "poly"]})
    space = {"a": randint(1, high=5), "b": np.array([1.5, 2]), "c": gamma}
    space["d"] = Categorical(["a", "b"], weights=[1, 3])
    text = code.of(space)
    names = {}
    exec("\n".join(code.header()), names)
    again = eval(text, names)
    assert (again["a"].args, again["a"].kwds) == ((1,), {"high": 5})
    np.testing.assert_array_equal(again["b"], [1.5, 2])
    assert repr(again["c"]) == repr(gamma)
    assert repr(again["d"]) == repr(space["d"])


def test_searches_that_have_to_be_enabled():
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    text = code_of(HalvingGridSearchCV(SVC(), {"C": [1, 2]}))
    assert text.startswith("from sklearn.experimental import enable_halving_search_cv\n")
    names = {"X": None}
    exec(text.partition("search.fit")[0], names)
    assert names["search"].param_grid == {"C": [1, 2]}


def test_what_has_no_code_is_to_be_replaced():
    manual = SearchCV(SVC(), {"C": (0.1, 1.0)}, constraint=lambda params: True, history=None)
    text = code_of(manual)
    assert "value_1 = ...  # replace: <function" in text
    assert "constraint=value_1" in text
    compile(text, "code", "exec")


def test_large_arrays_are_to_be_replaced():
    code = Code()
    assert code.of(np.zeros(1000)) == "value_1"
    assert len(code.header()) == 1
    assert "\n" not in code.header()[0]
