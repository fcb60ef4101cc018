"""Copies have the layout of the original, on which the rounding of sums depends."""

import numpy as np
import pytest
from scipy import sparse

from skhyper.evaluation._copies import is_equal, may_alias, same_copy, size_of

A = np.random.default_rng(0).normal(size=(6, 4))


@pytest.mark.parametrize(
    "array",
    [A, A.T, A[:, :3], A[::2, ::-1], A[:, 1:3].T, A[0], np.array(["a", None], dtype=object)],
    ids=range(7),
)
def test_arrays(array):
    copy = same_copy(array)
    np.testing.assert_array_equal(copy, array)
    assert (copy.strides, copy.dtype, copy.flags.writeable) == (array.strides, array.dtype, True)
    assert is_equal(array, copy)
    assert not may_alias(copy, array)
    copy.flat[0] = 7.0
    assert not is_equal(array, copy)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil"])
def test_sparse_matrices(kind):
    matrix = sparse.random(5, 4, density=0.5, format=kind, random_state=0)
    copy = same_copy(matrix)
    assert type(copy) is type(matrix)
    np.testing.assert_array_equal(copy.toarray(), matrix.toarray())
    if kind in ("csr", "csc"):
        assert is_equal(matrix, copy)
        assert not may_alias(copy, matrix)
        assert size_of(copy) == sum(x.nbytes for x in (copy.data, copy.indices, copy.indptr))
        copy.data[0] += 1.0
        assert not is_equal(matrix, copy)


def test_types_of_indices_are_kept():
    matrix = sparse.csr_matrix(np.eye(3))
    matrix.indices, matrix.indptr = matrix.indices.astype("i8"), matrix.indptr.astype("i8")
    copy = same_copy(matrix)
    assert copy.indices.dtype == copy.indptr.dtype == np.int64


def test_lists():
    texts = ["a", "b"]
    copy = same_copy(texts)
    assert copy == texts
    assert copy is not texts
    assert is_equal(texts, copy)
    assert not is_equal(texts[:1], copy)
    assert may_alias(texts, texts)
    assert same_copy([{"a": 1}]) is None, "its elements can be changed"


def test_data_frames():
    pd = pytest.importorskip("pandas")
    one_block = [pd.DataFrame(A, columns=list("abcd")), pd.DataFrame(A.T), pd.DataFrame(A[:, :3])]
    series = pd.Series(A[:, 0], name="s")
    mixed = one_block[0].assign(e=list("uvwxyz"), f=range(6))
    for table in (*one_block, series, mixed, mixed[["a", "f"]]):
        copy = same_copy(table)
        assert copy.equals(table)
        assert is_equal(table, copy)
        if table is not mixed:
            assert copy.to_numpy(copy=False).strides == table.to_numpy(copy=False).strides
        if table.ndim == 2:
            copy.iloc[0, 0] = 7.0
        else:
            copy.iloc[0] = 7.0
        assert not is_equal(table, copy)
        assert size_of(table) > 0


def test_other_types_have_no_copy():
    assert same_copy(object()) is None
    assert same_copy(np.ma.masked_array(A)) is None
    assert same_copy(np.array([[], {}], dtype=object)) is None
