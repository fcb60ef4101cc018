"""The interface of samplers and of their surrogates, and the trials of a history as arrays."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from skhyper._trial import History, Stop, Trial
from skhyper.space import Space

# The last history of each space: it usually grows, and its trials are immutable.
_LOCATED: "WeakKeyDictionary[Space, _Located]" = WeakKeyDictionary()


class Surrogate(ABC):
    """A model of the loss, fitted to the trials of a history.

    Attributes
    ----------
    space : Space

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import BayesSearchCV
    >>> space = {"C": (1e-2, 1e2, "log-uniform")}
    >>> search = BayesSearchCV(SVC(), space, n_iter=6, random_state=0)
    >>> search = search.fit(*load_iris(return_X_y=True))
    >>> surrogate = search.sampler_.model(search.space_, search.history_)
    >>> mean, std = surrogate.predict([{"C": 0.1}, {"C": 10.0}], return_std=True)
    >>> mean.shape, std.shape
    ((2,), (2,))
    """

    space: Space

    @abstractmethod
    def predict_points(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the loss, each (n,), at points (n, d) of the space.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            In the unit cube, nan where inactive.
        """

    def predict(
        self, params: Mapping[str, Any] | Sequence[Mapping[str, Any]], return_std: bool = False
    ) -> Any:
        """Mean of the loss and, optionally, its standard deviation.

        Parameters
        ----------
        params : dict or sequence of dict
            Candidates of the space; a single dict counts as a sequence of one.
        return_std : bool, default=False

        Returns
        -------
        mean : ndarray of shape (n,)
            In units of the loss: minus the score, for a search.
        std : ndarray of shape (n,)
            Only with `return_std`. It does not include the noise of a single score.

        Raises
        ------
        InvalidSpaceError
            If a candidate is not in the space.
        """
        candidates = [params] if isinstance(params, Mapping) else list(params)
        mean, std = self.predict_points(self.space.to_unit(candidates))
        return (mean, std) if return_std else mean


class Sampler(ABC):
    """A search strategy: a pure function from the history to the next point.

    There is no ``tell``: the history contains all results, including pending trials. A sampler may
    cache for speed if that changes no proposal. The search replaces proposals that were tried.

    Attributes
    ----------
    starts_from_default : bool
        Whether a search tries the estimator's own params first by default: for samplers that
        learn from the losses, or whose points have no order.
    uses_losses : bool
        Whether proposals depend on the losses of earlier trials. If not, a search with a racer
        requests all points before it continues any trial after its first fold.

    Examples
    --------
    >>> from skhyper import minimize
    >>> from skhyper.samplers import Sampler
    >>> class RandomPoints(Sampler):
    ...     def ask(self, space, history, rng):
    ...         return space.sample(1, rng)[0]
    >>> minimize(lambda params: params["x"], {"x": (0, 9)}, 5, sampler=RandomPoints()).nfev
    5
    """

    starts_from_default: ClassVar[bool] = False
    uses_losses: ClassVar[bool] = True

    @abstractmethod
    def ask(self, space: Space, history: History, rng: np.random.Generator) -> np.ndarray | Stop:
        """The point to try next, or why there is none.

        Parameters
        ----------
        space : Space
        history : History
            All trials so far; ``history.seed`` is the same for all calls of one search.
        rng : numpy.random.Generator
            Created for each call, from the seed and the number of the next trial.

        Returns
        -------
        point : ndarray of shape (d,), or Stop
            A point of the unit cube; ``Stop(reason)`` ends the search.
        """

    def ask_batch(
        self, space: Space, history: History, rng: np.random.Generator, n: int
    ) -> Sequence[np.ndarray] | Stop:
        """The next points, at least one and at most `n`, or why there is none.

        A search with many parallel trials asks for several at once, if that is cheaper than as many
        calls of :meth:`ask`. By default it is a single point.
        """
        answer = self.ask(space, history, rng)
        return answer if isinstance(answer, Stop) else [answer]

    def design(self, space: Space) -> Iterable[np.ndarray] | None:
        """All points that the sampler will propose, in order; None if they depend on the history.

        A search then evaluates this list without calling :meth:`ask`.
        """
        return None

    def model(self, space: Space, history: History) -> Surrogate | None:
        """The surrogate of the loss; None if there is none, or none yet.

        Parameters
        ----------
        space : Space
        history : History

        Returns
        -------
        surrogate : Surrogate or None
            ``predict(params, return_std=True)`` returns the mean and the standard deviation.
        """
        return None

    def check(self, space: Space) -> None:  # noqa: B027  (most samplers accept every space)
        """Raise if the sampler's arguments do not fit `space`; called before the first trial.

        Raises
        ------
        TypeError, ValueError, ImportError
        """

    def __repr__(self) -> str:
        """The constructor's arguments that differ from their defaults."""
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if hasattr(self, name) and repr(getattr(self, name)) != repr(parameter.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def located_trials(space: Space, history: History) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, losses and pending marks of the trials that have a point in `space`.

    Returns
    -------
    points : ndarray of shape (n, d)
        nan where inactive.
    losses : ndarray of shape (n,)
        nan where failed or pending.
    pending : ndarray of shape (n,), bool

    Examples
    --------
    >>> from skhyper import History, Trial
    >>> from skhyper.samplers import located_trials
    >>> from skhyper.space import Space
    >>> history = History((Trial(0, {"x": 2.0}, "complete", loss=0.1), Trial(1, {"y": 1.0})))
    >>> located_trials(Space({"x": (0.0, 4.0)}), history)
    (array([[0.5]]), array([0.1]), array([False]))
    """
    located = _located(space, history)
    inside = located.inside
    return located.points[inside], located.losses[inside], located.pending[inside]


def order_of_ends(space: Space, history: History) -> np.ndarray:
    """Indices into :func:`located_trials` of those that are not pending, in the order they ended.

    This is the order of their numbers, unless an earlier trial is pending. Otherwise it follows
    from their times, so that a new result is one of the last.
    """
    located = _located(space, history)
    pending = located.pending[located.inside]
    done = np.flatnonzero(~pending)
    if len(done) == 0 or not pending[: done[-1]].any():
        return done
    return done[np.argsort(located.ends[located.inside][done], kind="stable")]


def _located(space: Space, history: History) -> "_Located":
    before = _LOCATED.get(space, _Located.empty(space))
    located = _LOCATED[space] = before.updated(space, history.trials)
    return located


@dataclass(frozen=True)
class _Located:
    """Trials, and their points, losses, states and times as arrays; `inside` the space or not."""

    trials: tuple[Trial, ...]
    inside: np.ndarray
    points: np.ndarray
    losses: np.ndarray
    pending: np.ndarray
    ends: np.ndarray  # in seconds

    @classmethod
    def empty(cls, space: Space) -> "_Located":
        inside, points = np.empty(0, dtype=bool), np.empty((0, space.n_dims))
        return cls((), inside, points, np.empty(0), inside, np.empty(0))

    def updated(self, space: Space, trials: tuple[Trial, ...]) -> "_Located":
        """The same for other trials; only changed ones are located again."""
        n, n_old = len(trials), len(self.trials)
        pairs = enumerate(zip(self.trials, trials))
        changed = [i for i, (old, new) in pairs if old is not new]
        grown = ((self.inside, False), (self.points, np.nan), (self.losses, np.nan))
        inside, points, losses = (_resized(array, n, fill) for array, fill in grown)
        pending, ends = _resized(self.pending, n, False), _resized(self.ends, n, np.nan)
        for i in (*changed, *range(n_old, n)):
            point = space.locate(trials[i].params)
            inside[i] = point is not None
            points[i] = np.nan if point is None else point
            losses[i], pending[i] = trials[i].loss, trials[i].state == "running"
            ends[i] = trials[i].started + trials[i].seconds
        return _Located(trials, inside, points, losses, pending, ends)


def _resized(array: np.ndarray, n: int, fill: Any) -> np.ndarray:
    """A copy of the first n rows; further ones are filled."""
    resized = np.full((n, *array.shape[1:]), fill, dtype=array.dtype)
    resized[: len(array)] = array[:n]
    return resized


def located_gradients(space: Space, history: History) -> np.ndarray:
    """Derivatives of the losses of :func:`located_trials` with respect to the coordinates.

    Returns
    -------
    gradients : ndarray of shape (n, d)
        nan where unknown.

    Examples
    --------
    >>> from skhyper import History, Trial
    >>> from skhyper.samplers import located_gradients
    >>> from skhyper.space import Space
    >>> trial = Trial(0, {"x": 2.0}, "complete", loss=0.1, gradient={"x": 0.5})
    >>> located_gradients(Space({"x": (0.0, 4.0)}), History((trial,)))
    array([[2.]])
    """
    points, kept = trials_in(space, history)
    gradients = np.full(points.shape, np.nan)
    for row, (point, trial) in enumerate(zip(points, kept)):
        if trial.state == "complete" and trial.gradient:
            gradients[row] = space.gradient_to_unit(point, trial.gradient)
    return gradients


def trials_in(space: Space, history: History) -> tuple[np.ndarray, list[Trial]]:
    """The trials that have a point in `space`, and these points, (n, d)."""
    located = _located(space, history)
    kept = [trial for trial, inside in zip(history, located.inside) if inside]
    return located.points[located.inside], kept
