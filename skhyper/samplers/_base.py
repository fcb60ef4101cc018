"""What every sampler answers: where to look next, given what has been tried."""

from abc import ABC, abstractmethod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from skhyper._trial import History, Trial
from skhyper.space import Space

__all__ = ["Sampler", "located_gradients", "located_trials"]

_PLACES: WeakKeyDictionary[Space, WeakKeyDictionary[Trial, np.ndarray | None]] = WeakKeyDictionary()


class Sampler(ABC):
    """A strategy of search: a pure function from the history to the next points.

    There is no ``tell``: what was told is the history, trials still running included.
    A sampler may cache for speed, never so that its answer depends on it. A point that
    was tried before is replaced by the search; the sampler need not look for that.
    """

    @abstractmethod
    def ask(
        self, space: Space, history: History, n_points: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Points to try next.

        Parameters
        ----------
        space : Space
        history : History
            All trials so far; ``history.seed`` is the same at every call of one search.
        n_points : int
            Number of points asked for.
        rng : numpy.random.Generator
            Made anew for each call from the seed and the number of the next trial.

        Returns
        -------
        points : ndarray of shape (n, d) with n <= n_points
            Points of the unit cube. Fewer than asked for: nothing else is left to try; an
            attribute ``stop_reason`` of the sampler may say why.
        """

    def model(self, space: Space, history: History) -> Any:
        """The surrogate of the losses; None if there is none, or none yet.

        Returns
        -------
        model : object or None
            With ``predict(points) -> mean, std``, each of shape (n,), in units of the loss.
        """
        return None

    def check(self, space: Space) -> None:  # noqa: B027  (most samplers take every space)
        """Raise where the sampler's arguments do not suit `space`; called before the first trial.

        Raises
        ------
        TypeError, ValueError, ImportError
        """


def located_trials(space: Space, history: History) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, losses and pending marks of the trials that have a place in `space`.

    Returns
    -------
    points : ndarray of shape (n, d)
        nan where inactive.
    losses : ndarray of shape (n,)
        nan where failed or pending.
    pending : ndarray of shape (n,), bool
    """
    points, kept = _located(space, history)
    losses = np.array([trial.loss for trial in kept], dtype=float)
    pending = np.array([trial.state == "running" for trial in kept], dtype=bool)
    return points, losses, pending


def located_gradients(space: Space, history: History) -> np.ndarray:
    """Derivatives of the losses of :func:`located_trials` by the coordinates of their points.

    Returns
    -------
    gradients : ndarray of shape (n, d)
        nan where not known.
    """
    points, kept = _located(space, history)
    gradients = np.full(points.shape, np.nan)
    for row, (point, trial) in enumerate(zip(points, kept)):
        if trial.state == "complete" and trial.gradient:
            gradients[row] = space.gradient_to_unit(point, trial.gradient)
    return gradients


def _located(space: Space, history: History) -> tuple[np.ndarray, list[Trial]]:
    """Points (n, d) of the trials that have a place in `space`, and these trials."""
    # A trial is frozen, and so is its place: a long search would look for each again and again.
    places = _PLACES.setdefault(space, WeakKeyDictionary())
    located = []
    for trial in history:
        if trial not in places:
            places[trial] = space.locate(trial.params)
        located.append((places[trial], trial))
    kept = [(point, trial) for point, trial in located if point is not None]
    points = np.array([point for point, _ in kept]).reshape(len(kept), space.n_dims)
    return points, [trial for _, trial in kept]
