"""Training parts of data that the folds of a search share, without copies.

A *part* is the whole data set with weight 0 for the other samples, its *rest*. Products with the
data take all rows; the Gram matrix of a part is that of all samples less that of the rest.

Notation
--------
n, p, K : number of samples, features, outputs
a : sample weights, (n,), 0 in the rest
X : data, (n, p)
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skhyper._numeric._data import LARGEST_MEAN, Centered, as_weights
from skhyper._numeric._quadratic import dense_if_small

# Largest squared length of a column over all samples, relative to that in the centered part, up
# to which the rest may be subtracted: as much as the means (see `Centered`) may cost.
_LARGEST_SQUARES = LARGEST_MEAN**2
# Number of blocks in which sums over all samples are made, to bound the memory of weighted copies.
_N_BLOCKS = 8


class _Sums(NamedTuple):
    """Sums over samples: ``Xᵀ a``, (p,), and ``Xᵀ diag(a) X``, (p, p)."""

    first: np.ndarray
    gram: np.ndarray


@dataclass(frozen=True)
class Part(Centered):
    """A part of dense data with the Gram matrix from sums; products as in ``Centered``.

    Attributes
    ----------
    squares : ndarray of shape (p,)
        Squared length of each column of Xc.
    make_gram : callable
        Computes ``Xcᵀ Xc``, (p, p).
    """

    squares: np.ndarray
    make_gram: Callable[[], np.ndarray]

    def squared_norms(self) -> np.ndarray:
        return self.squares

    def gram(self, primal: bool | None = None) -> np.ndarray:
        assert primal is not False
        return self.make_gram()


class SharedData:
    """Data of all folds of a search.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, p)
        Checked, in float64.
    sample_weight : array-like of shape (n,) or None
    trains : sequence of ndarray of int
        Rows of the training part of each fold.
    """

    def __init__(self, X: Any, sample_weight: Any, trains: Sequence[np.ndarray]):
        self.X = dense_if_small(X)
        self._a = np.asarray(as_weights(sample_weight, X.shape[0]))
        self._trains = trains
        self._lock = threading.Lock()
        self._whole: _Sums | None = None
        self._rests: dict[int, _Sums] = {}  # until the Gram matrix of the fold is computed

    def weights(self, fold: int) -> np.ndarray | None:
        """Weights of a part, 0 in its rest; None if the part has rows twice."""
        train = np.asarray(self._trains[fold])
        a = np.zeros(len(self._a))
        a[train] = self._a[train]
        repeated = np.bincount(train, minlength=len(a)).max(initial=0) > 1
        return None if repeated else a

    def part(self, fold: int, a: np.ndarray, center: bool) -> Centered | None:
        """The training part of a fold, with the weights `a`; None if a copy is more accurate or
        faster.

        More accurate where the rest has much longer columns, or centering loses digits; faster
        if the rest is larger than the part, or the part has fewer samples than features.
        """
        if sparse.issparse(self.X):
            return Centered.from_data(self.X, a, center)
        n, n_train = len(a), len(self._trains[fold])
        if 2 * n_train < n or n_train < self.X.shape[1]:
            return None
        with self._lock:
            whole, rest = self._sums(), self._rest(fold)
        total = a.sum()
        mean = (whole.first - rest.first) / total if center else np.zeros(self.X.shape[1])
        diagonal = whole.gram.diagonal()
        squares = diagonal - rest.gram.diagonal() - total * mean**2
        if not (diagonal <= _LARGEST_SQUARES * squares).all():
            return None
        return Part(self.X, a, mean, None, squares, partial(self._gram, fold, mean, total))

    def _gram(self, fold: int, mean: np.ndarray, total: float) -> np.ndarray:
        with self._lock:
            G = self._sums().gram - self._rest(fold).gram
            self._rests.pop(fold, None)
        return G - total * np.outer(mean, mean)

    def _sums(self) -> _Sums:
        """Sums over all samples."""
        if self._whole is None:
            if self._rests_are_blocks():
                self._rests = {k: self._over(rows) for k, rows in enumerate(self._rest_rows())}
                sums = list(self._rests.values())
            else:
                sums = [self._over(r) for r in np.array_split(np.arange(len(self._a)), _N_BLOCKS)]
            self._whole = _Sums(sum(s.first for s in sums), sum(s.gram for s in sums))  # type: ignore[arg-type]
        return self._whole

    def _rest(self, fold: int) -> _Sums:
        if fold not in self._rests:
            self._rests[fold] = self._over(self._rest_rows_of(fold))
        return self._rests[fold]

    def _rests_are_blocks(self) -> bool:
        """Whether each sample is in the rest of one fold; few enough that all sums are kept."""
        if len(self._trains) * self.X.shape[1] > len(self._a):
            return False
        times = np.zeros(len(self._a), dtype=int)
        for rows in self._rest_rows():
            times[rows] += 1
        return bool((times == 1).all())

    def _rest_rows(self) -> Iterator[np.ndarray]:
        return (self._rest_rows_of(fold) for fold in range(len(self._trains)))

    def _rest_rows_of(self, fold: int) -> np.ndarray:
        outside = np.ones(len(self._a), dtype=bool)
        outside[self._trains[fold]] = False
        return np.flatnonzero(outside)

    def _over(self, rows: np.ndarray) -> _Sums:
        """Sums over some samples; `rows` ascend."""
        successive = len(rows) and rows[-1] - rows[0] == len(rows) - 1
        X = self.X[rows[0] : rows[-1] + 1] if successive else self.X[rows]
        a = self._a[rows]
        first = X.T @ a
        if not (a == 1).all():
            X = X * np.sqrt(a)[:, None]
        return _Sums(first, X.T @ X)
