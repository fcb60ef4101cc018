"""Data that cannot be written to through what an estimator gets."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import model_selection as sk
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

import skhyper
from skhyper._readonly import (
    is_equal,
    private_copy,
    protected,
    with_copies,
    with_protected,
    works_in_place,
)

DENSE = np.arange(12.0).reshape(4, 3)
KINDS = {
    "array": DENSE,
    "fortran": np.asfortranarray(DENSE),
    "csr": sparse.csr_matrix(DENSE),
    "csc": sparse.csc_array(DENSE),
    "coo": sparse.coo_matrix(DENSE),
    "frame": pd.DataFrame(DENSE, columns=["copy", "nbytes", "c"]),
    "series": pd.Series(DENSE[0], index=[3, 1, 2]),
    "list": DENSE.tolist(),
}


def values(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


@pytest.mark.parametrize("kind", KINDS)
def test_data_stay_as_they_are(kind):
    X = KINDS[kind]
    before = values(X).copy()

    def write(Z):
        if sparse.issparse(Z):
            Z.data *= 2
        elif hasattr(Z, "iloc"):
            Z.iloc[0] = 7.0
        else:
            Z[0] = [7.0] * 3
        return Z

    for written in (with_protected(write, X), with_copies(write, X), write(private_copy(X))):
        assert type(written) is type(X)
        assert not np.array_equal(values(written), before)
        np.testing.assert_array_equal(values(X), before)
    np.testing.assert_array_equal(values(protected(X)), before)
    assert protected(protected(X)) is not X


@pytest.mark.parametrize("kind", KINDS)
def test_equal_copies(kind):
    X = KINDS[kind]
    copied = private_copy(X)
    assert is_equal(copied, X)
    if kind in ("csr", "csc", "coo"):
        copied.data = copied.data[::-1].copy()  # the same sum
    elif hasattr(X, "iloc"):
        copied.iloc[0] = X.iloc[1]
    else:
        copied[0], copied[1] = list(X[1]), list(X[0])
    assert not is_equal(copied, X)


def test_equal_copies_of_other_types():
    with_nan = np.array([1.0, np.nan])
    assert is_equal(with_nan.copy(), with_nan)
    assert not is_equal(np.array([np.nan, np.nan]), with_nan)
    texts = np.array(["a", None], dtype=object)
    assert is_equal(texts.copy(), texts)
    assert not is_equal(np.array(["b", None], dtype=object), texts)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [float, np.float32, object, "Float64"])
def test_copies_of_frames_have_the_memory_order_of_the_original(order, dtype):
    """Sums of another order are rounded differently."""
    values = np.array(DENSE, dtype="float64" if dtype == "Float64" else dtype, order=order)
    frame = pd.DataFrame(values, index=[3, 1, 2, 0], copy=False)
    frame = frame.astype("Float64") if dtype == "Float64" else frame
    frame.attrs["source"] = "here"
    copied = private_copy(frame)
    pd.testing.assert_frame_equal(copied, frame)
    assert copied.attrs == {"source": "here"}
    assert np.asarray(copied).strides == np.asarray(frame).strides
    assert not np.shares_memory(np.asarray(copied), np.asarray(frame))


@pytest.mark.parametrize("value", ["text", pd.Timestamp(2020, 1, 1), pd.Period("2020"), 1.5])
def test_copies_of_frames_of_objects_have_their_types(value):
    frame = pd.DataFrame({"a": [value, value], "b": [value, None]}, dtype=object)
    pd.testing.assert_frame_equal(private_copy(frame), frame)


def test_a_search_in_a_frame_refits_to_the_last_bit():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 7)), copy=False)
    grid = {"n_components": [1, 2]}
    ours, theirs = (module.GridSearchCV(PCA(), grid, cv=2).fit(X) for module in (skhyper, sk))
    np.testing.assert_array_equal(
        ours.best_estimator_.components_, theirs.best_estimator_.components_
    )
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(ours.cv_results_[key], theirs.cv_results_[key])


def test_arrays_are_not_copied():
    assert np.shares_memory(protected(DENSE), DENSE)
    assert DENSE.flags.writeable
    assert protected(protected(DENSE)).base is protected(DENSE).base
    X = KINDS["csr"]
    assert np.shares_memory(protected(X).data, X.data)
    assert X.data.flags.writeable


def test_estimators_that_sort_in_place_get_an_unsorted_copy():
    X = sparse.csr_matrix((np.arange(3.0), np.array([2, 0, 1]), np.array([0, 3])))
    copied = protected(X)
    np.testing.assert_array_equal(copied.indices, X.indices)  # sums round as they would
    copied.sort_indices()
    assert not X.has_sorted_indices
    np.testing.assert_array_equal(copied.toarray(), X.toarray())


def test_errors_are_the_functions_own():
    def fails(X):
        raise ValueError("not this time")

    with pytest.raises(ValueError, match="not this time"):
        with_protected(fails, DENSE)
    assert with_protected(lambda X, y: y, DENSE, None) is None


def test_who_works_in_place():
    assert works_in_place(make_pipeline(StandardScaler(copy=False), Ridge()))
    assert works_in_place(Ridge(copy_X=False))
    assert not works_in_place(make_pipeline(SimpleImputer(), MaxAbsScaler(), Ridge()))
