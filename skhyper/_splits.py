"""The folds of a search: pairs of index arrays, in compact form.

A pickle of folds contains no index arrays. Folds of a splitter of scikit-learn are recomputed from
the splitter, the state of its random generator and the data; all others are stored as sets of rows.
"""

import copy
import hashlib
import itertools
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

# Number of indices up to which stored folds are all unpacked on first use.
_MAX_UNPACKED = 50_000_000
# How a set of rows is stored, one letter for each set.
_RUNS = "r"  # starts and stops of runs of consecutive rows
_BITS = "b"  # one bit for each sample
_MASK = "m"  # the same, of a Boolean mask
_REST = "c"  # the complement of the test set
_RAW = "a"  # an array: rows that are not sorted, or repeated


class Splits(Sequence):
    """Pairs of training and test indices.

    Parameters
    ----------
    pairs : iterable of (train, test) index arrays
    n_samples : int
    splitter : splitter of scikit-learn, default=None
        Splitter that draws the same folds from the same data; None if unknown.
    rng : tuple, default=None
        State of the splitter's ``RandomState`` before the folds were drawn; None if it used none.

    Attributes
    ----------
    sizes : tuple of (int, int)
        Numbers of training and test samples of each fold.

    Examples
    --------
    >>> import pickle
    >>> from skhyper._splits import Splits
    >>> splits = Splits([([2, 3], [0, 1]), ([0, 1], [2, 3])], n_samples=4)
    >>> pickle.loads(pickle.dumps(splits))[1]
    (array([0, 1]), array([2, 3]))
    """

    def __init__(
        self,
        pairs: Iterable[tuple[Any, Any]],
        n_samples: int,
        splitter: Any = None,
        rng: tuple | None = None,
    ):
        self._pairs: list[tuple[Any, Any]] | None = list(pairs)
        self.sizes = tuple(
            (_size(train, n_samples), _size(test, n_samples)) for train, test in self._pairs
        )
        self.n_samples = n_samples
        self.splitter = splitter
        self.rng = rng
        self._digest = ""
        self._stored: dict[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        if self._pairs is not None:
            return self._pairs[index]
        if self._stored is None:
            self._pairs = self._drawn_alone()
            return self._pairs[index]
        if sum(map(sum, self.sizes)) > _MAX_UNPACKED:
            return _unpacked(self._stored, range(len(self))[index], self.n_samples)
        self._pairs = [_unpacked(self._stored, i, self.n_samples) for i in range(len(self))]
        return self._pairs[index]

    @property
    def digest(self) -> str:
        """Digest of all indices in their order, 32 hexadecimal digits."""
        if not self._digest:
            hashed = hashlib.blake2b(digest_size=16)
            for pair in self:
                for rows in pair:
                    array = _as_array(rows, self.n_samples)
                    hashed.update(b"%d\0" % array.size)
                    hashed.update(np.ascontiguousarray(array, dtype="<i8").data)
            self._digest = hashed.hexdigest()
        return self._digest

    @property
    def has_indices(self) -> bool:
        """Whether the indices are known without the data."""
        return self._pairs is not None or self._stored is not None

    def drawn(self, splitter: Any, X: Any, y: Any, params: Mapping[str, Any]) -> "Splits | None":
        """These folds with their indices, recomputed by an equal `splitter`.

        None if it draws others.
        """
        again = with_rng(splitter, self.rng)
        splits = Splits(again.split(X, y, **params), self.n_samples, splitter, self.rng)
        return splits if splits.digest == self.digest else None

    def _drawn_alone(self) -> list[tuple[Any, Any]]:
        """The indices, if they depend on nothing but the number of samples."""
        rows = np.zeros((self.n_samples, 1))
        why = "their splitter is not known"
        if self.splitter is not None:
            try:
                splits = self.drawn(self.splitter, rows, None, {})
            except (TypeError, ValueError) as error:
                why = f"{self.splitter!r} needs the data: {error}"
            else:
                if splits is not None:
                    return list(splits)
                why = f"{self.splitter!r} needs the data"
        raise ValueError(
            f"The indices of these folds were not stored and cannot be recomputed: {why}. Call "
            "split of the splitter with the data of the search."
        )

    def __repr__(self) -> str:
        return f"<Splits: {len(self)} folds of {self.n_samples} samples>"

    def __deepcopy__(self, memo: dict) -> "Splits":
        return self  # immutable, and the indices are many

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_pairs": None, **self.stored(), "sizes": _runs_of(self.sizes)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, sizes=_from_runs(state["sizes"]))

    def stored(self) -> dict[str, Any]:
        """Stored form of the indices: a digest, and the sets of rows unless they are recomputed."""
        if self.splitter is None and self._stored is None and self._pairs is not None:
            self._stored = _packed(self._pairs, self.n_samples)
        return {"_digest": self.digest, "_stored": self._stored}

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "Splits":
        """Folds from :meth:`description`."""
        splits = cls((), stored["n_samples"])
        splits._pairs = None
        splits.sizes = _from_runs(stored["sizes"])
        splits._digest, splits.rng = stored["digest"], stored["rng"]
        splits._stored = stored["sets"]
        return splits

    def description(self) -> dict[str, Any]:
        """The folds as plain values, without the splitter."""
        stored = self.stored()
        return {
            "digest": stored["_digest"],
            "n_samples": self.n_samples,
            "sizes": _runs_of(self.sizes),
            "rng": self.rng,
            "sets": stored["_stored"],
        }


def size_ratio(splits: Sequence[tuple[Any, Any]]) -> float:
    """Mean over the folds of the number of test samples over that of training samples."""
    sizes = splits.sizes if isinstance(splits, Splits) else Splits(splits, n_samples=0).sizes
    return float(np.mean([n_test / max(1, n_train) for n_train, n_test in sizes]))


def standard_error(scores: np.ndarray, ratio: float) -> np.ndarray:
    """Standard error of the mean of scores (..., K) of splits that share training samples.

    The variance of the scores is not divided by K, as that of independent ones, but multiplied by
    1/K + ratio, with :func:`size_ratio` (Nadeau and Bengio 2003, eq. 9). nan with one split.
    """
    K = scores.shape[-1]
    if K < 2:
        return np.full(scores.shape[:-1], np.nan)
    error: np.ndarray = np.sqrt((1 / K + ratio) * scores.var(axis=-1, ddof=1))
    return error


def _runs_of(sizes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Runs of equal sizes: the number of folds, and of their training and test samples."""
    runs = itertools.groupby(sizes)
    return [[sum(1 for _ in equal), n_train, n_test] for (n_train, n_test), equal in runs]


def _from_runs(runs: Iterable[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((n_train, n_test) for n, n_train, n_test in runs for _ in range(n))


def with_rng(splitter: Any, rng: tuple | None) -> Any:
    """A copy of a splitter whose random generator has the state `rng`."""
    if rng is None:
        return splitter
    state = np.random.RandomState()
    state.set_state(rng)
    splitter = copy.copy(splitter)
    splitter.random_state = state
    return splitter


def _as_array(rows: Any, n: int) -> np.ndarray:
    return np.arange(n)[rows] if isinstance(rows, slice) else np.asarray(rows)


def _size(rows: Any, n: int) -> int:
    array = _as_array(rows, n)
    return int(array.sum()) if array.dtype == bool else array.size


def _packed(pairs: Sequence[tuple[Any, Any]], n: int) -> dict[str, Any]:
    """Sets of rows, a test and a training set for each fold: a letter for each, and their bytes.

    The bytes, compressed together, follow the number of bytes of each set.
    """
    codes, lengths, chunks = "", [], []
    for train, test in pairs:
        for rows in (test, train):
            is_rest = rows is train and _is_complement(train, test, n)
            code, chunk = (_REST, b"") if is_rest else _packed_set(rows, n)
            codes += code
            lengths.append(len(chunk))
            chunks.append(chunk)
    head = np.array(lengths, dtype="<i8").tobytes()
    return {"codes": codes, "data": zlib.compress(b"".join([head, *chunks]), 9)}


def _is_complement(train: Any, test: Any, n: int) -> bool:
    train, test = _as_array(train, n), _as_array(test, n)
    if train.dtype == bool or test.dtype == bool or len(train) + len(test) != n:
        return False
    return bool(_is_sorted(train, n) and np.array_equal(train, _complement(test, n)))


def _complement(rows: np.ndarray, n: int) -> np.ndarray:
    is_left = np.ones(n, dtype=bool)
    is_left[rows] = False
    return np.flatnonzero(is_left)


def _is_sorted(rows: np.ndarray, n: int) -> bool:
    if not len(rows):
        return True
    return bool(rows[0] >= 0 and rows[-1] < n and np.all(rows[1:] > rows[:-1]))


def _packed_set(rows: Any, n: int) -> tuple[str, bytes]:
    array = _as_array(rows, n)
    if array.dtype == bool:
        return _MASK, np.packbits(array).tobytes()
    array = array.astype(np.int64)
    if not _is_sorted(array, n):
        small = np.min_scalar_type(int(array.max())) if array.min() >= 0 else np.dtype(np.int64)
        small = small.newbyteorder("<")
        return _RAW, small.str.encode() + array.astype(small).tobytes()
    ends = np.flatnonzero(np.diff(array) != 1)
    starts = array[np.r_[0, ends + 1]] if len(array) else array
    stops = array[np.r_[ends, len(array) - 1]] + 1 if len(array) else array
    if 16 * len(starts) < n / 8 or not len(array):
        return _RUNS, np.stack([starts, stops]).astype("<i8").tobytes()
    is_in = np.zeros(n, dtype=bool)
    is_in[array] = True
    return _BITS, np.packbits(is_in).tobytes()


def _unpacked(stored: dict[str, Any], fold: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    codes, data = stored["codes"], zlib.decompress(stored["data"])
    lengths = np.frombuffer(data[: 8 * len(codes)], dtype="<i8")
    ends = 8 * len(codes) + np.cumsum(lengths)
    test, train = (
        _unpacked_set(codes[i], data[ends[i] - lengths[i] : ends[i]], n)
        for i in (2 * fold, 2 * fold + 1)
    )
    assert test is not None
    return _complement(test, n) if train is None else train, test


def _unpacked_set(code: str, chunk: bytes, n: int) -> np.ndarray | None:
    if code == _REST:
        return None
    if code == _RAW:
        return np.frombuffer(chunk[3:], dtype=chunk[:3].decode()).astype(np.int64)
    if code == _RUNS:
        starts, stops = np.frombuffer(chunk, dtype="<i8").reshape(2, -1)
        return np.concatenate([np.arange(a, b) for a, b in zip(starts, stops)] or [starts])
    bits = np.unpackbits(np.frombuffer(chunk, dtype=np.uint8), count=n).astype(bool)
    return bits if code == _MASK else np.flatnonzero(bits)
