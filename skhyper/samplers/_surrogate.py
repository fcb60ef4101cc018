"""The Gaussian process (GP) that :class:`GPSampler` fits to the losses of trials.

Notation
--------
points : (n, d) points of the unit cube, nan where inactive
F : (n, p) features; see :class:`Encoding`
y : (n,) losses, failed ones replaced
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhyper._trial import History
from skhyper.gp import GaussianProcess, Hyperparameters, fit_gp, gp_posterior, least_and_spread
from skhyper.samplers._base import Surrogate, located_gradients, located_trials, order_of_ends
from skhyper.samplers._encoding import Encoding
from skhyper.samplers._losses import clip_to_finite
from skhyper.samplers._rules import Rules
from skhyper.space import Space

_MAX_FITTED = 200  # trials from which hyperparameters are estimated


@dataclass(frozen=True)
class GPSurrogate(Surrogate):
    """A Gaussian process of the loss.

    Attributes
    ----------
    space : Space
    gp : GaussianProcess
        Posterior of the loss given features, conditioned on the trials ``gp.X``.
    encoding : Encoding
        Maps points to features.
    best : float
        Minimum of the predicted losses of these trials.
    """

    space: Space
    gp: GaussianProcess
    encoding: Encoding
    best: float

    def predict_points(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.gp.predict(self.encoding.encode(points))


class Observations(NamedTuple):
    """The trials of a history that are in a space.

    Losses (n,) are nan where failed or pending, gradients (n, d) nan where unknown; `gradients` is
    None if they are not used. `done` are the indices of the trials that are not pending; `n_shared`
    trials were added to proposals whose fits they share.
    """

    points: np.ndarray
    losses: np.ndarray
    pending: np.ndarray
    done: np.ndarray
    gradients: np.ndarray | None
    n_shared: int = 0

    @classmethod
    def from_history(cls, space: Space, history: History, use_gradients: bool) -> "Observations":
        gradients = located_gradients(space, history) if use_gradients else None
        ends, n_shared = order_of_ends(space, history), sum(trial.shared for trial in history)
        return cls(*located_trials(space, history), ends, gradients, n_shared)

    @property
    def n_proposals(self) -> int:
        return max(0, len(self.points) - self.n_shared)

    @property
    def n_complete(self) -> int:
        """Number of complete trials; those that were added to proposals do not count."""
        return min(int(np.isfinite(self.losses).sum()), self.n_proposals)


class SurrogateFit:
    """Fits surrogates to a growing history; refits hyperparameters when it has grown enough."""

    def __init__(self, rules: Rules, max_points: int):
        self._rules = rules
        self._max_points = max_points
        # Cache of the last fitted hyperparameters; it changes no result.
        self._cached: tuple[tuple[bytes, ...], Hyperparameters] | None = None

    def __call__(self, space: Space, observed: Observations, refit: bool = False) -> GPSurrogate:
        """The surrogate of all trials that are not pending; at least two must be complete.

        With derivatives or `refit`, hyperparameters and posterior are from all these trials.
        """
        rules, done, losses = self._rules, observed.done, observed.losses[observed.done]
        encoding = rules.encoding(space)
        F, groups = encoding.encode(observed.points[done]), encoding.groups
        y, gradients = rules.transform_losses(losses), None
        if observed.gradients is not None:
            given = observed.gradients[done]
            # Those of failed and clipped losses are unknown.
            known = (y == losses)[:, None] & (clip_to_finite(given) == given)
            gradients = encoding.encode_gradients(np.where(known, given, np.nan))
        if refit or gradients is not None:
            gp = fit_gp(
                F,
                y,
                groups=groups,
                gradients=gradients,
                max_fitted_derivatives=rules.max_fitted_derivatives,
                priors=rules.priors,
            )
        else:
            kept = least_and_spread(y, self._max_points)
            hyperparameters = self._hyperparameters(F, losses, groups)
            gp = gp_posterior(F[kept], y[kept], hyperparameters, groups=groups)
        return GPSurrogate(space, gp, encoding, float(gp.predict_mean(gp.X).min()))

    def _hyperparameters(
        self, F: np.ndarray, losses: np.ndarray, groups: np.ndarray
    ) -> Hyperparameters:
        """Hyperparameters fitted to the trials, or to all but the last few."""
        n = len(losses) - len(losses) % max(1, len(losses) // self._rules.refit_growth)
        n = max(n, int(np.flatnonzero(np.isfinite(losses))[1]) + 1)  # two are complete
        key = (groups.tobytes(), F[:n].tobytes(), losses[:n].tobytes())
        if self._cached is None or key != self._cached[0]:
            y = self._rules.transform_losses(losses[:n])
            # Only the trials from which hyperparameters are estimated: a posterior given all costs
            # O(n³).
            kept = least_and_spread(y, _MAX_FITTED)
            fitted = fit_gp(
                F[kept], y[kept], groups=groups, max_fitted=_MAX_FITTED, priors=self._rules.priors
            )
            self._cached = key, fitted.hyperparameters
        return self._cached[1]
