"""Features selected from the scores of one fit are those of plain fits."""

import functools

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import (
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    chi2,
    f_regression,
    mutual_info_classif,
)
from sklearn.linear_model import LinearRegression

from skhyper.reuse import check_shared_fit, shared_fit

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 8))
y = (X[:, 0] + X[:, 3] + 0.5 * rng.normal(size=60) > 0).astype(int)
FOREST = ExtraTreesClassifier(5, random_state=0)
MUTUAL = functools.partial(mutual_info_classif, random_state=0)


@pytest.mark.parametrize(
    ("selection", "values"),
    [
        (SelectKBest(), [1, 3, "all", 8]),
        (SelectKBest(MUTUAL), [2, 5]),
        (SelectKBest(f_regression), [2, 5]),
        (SelectPercentile(), [10, 50.5, 100]),
        (SelectFpr(), [0.01, 0.2, 1]),
        (SelectFdr(), [0.2, 0.9]),
        (SelectFwe(), [0.2, 0.9]),
        (GenericUnivariateSelect(), [10, 50]),
        (GenericUnivariateSelect(mode="k_best"), [2, "all", 5]),
        (GenericUnivariateSelect(mode="fwe"), [0.2, 0.9]),
        (SelectFromModel(FOREST), ["median", "0.5*mean", 0.1, None]),
        (SelectFromModel(FOREST, max_features=3), ["median", 0.05]),
    ],
)
def test_selections_are_those_of_plain_fits(selection, values):
    check_shared_fit(selection, X, y, values)
    check_shared_fit(selection, X, y, values[::-1])
    for method in ("get_support", "transform"):
        rule = shared_fit(selection)
        whole = clone(selection).set_params(**{rule.name: values[-1]}).fit(X, y)
        derived = rule.derive(whole, values[0])
        plain = clone(selection).set_params(**{rule.name: values[0]})
        args = (X,) if method == "transform" else ()
        found, expected = (getattr(m, method)(*args) for m in (derived, plain.fit(X, y)))
        np.testing.assert_array_equal(found, expected)


def test_sparse_data_and_sample_weights():
    rows = sparse.csr_matrix(np.where(X > 0, X, 0))
    check_shared_fit(SelectKBest(chi2), rows, y, [1, 4])
    weights = {"sample_weight": rng.random(60)}
    check_shared_fit(SelectFromModel(FOREST), X, y, ["mean", 0.2], fit_params=weights)
    check_shared_fit(SelectFromModel(LinearRegression()), X, np.c_[X[:, :2]], ["mean", 0.2])


def test_values_that_fits_reject_or_warn_of_are_not_derived():
    rule = shared_fit(SelectKBest())
    assert not rule.accepts(-1)
    assert not rule.accepts("some")
    assert not rule.accepts(2.0)
    assert rule.derive(SelectKBest(k=2).fit(X, y), 9) is None
    assert not shared_fit(SelectPercentile()).accepts(101)
    assert not shared_fit(GenericUnivariateSelect(mode="fpr")).accepts(2)
    generic = GenericUnivariateSelect(mode="k_best", param=2)
    assert shared_fit(generic).derive(generic.fit(X, y), 9) is None
    assert not shared_fit(SelectFromModel(FOREST)).accepts(np.nan)
    prefit = SelectFromModel(FOREST.fit(X, y), prefit=True)
    assert "prefit" in shared_fit(prefit).why_not
