"""Upper bound of the simple regret, and the noise of cross-validation to compare it with.

References
----------
Makarova, Shen, Perrone, Klein, Faddoul, Krause, Seeger and Archambeau (2022), "Automatic
termination for hyperparameter optimization", AutoML Conference, arXiv:2104.08166.
Nadeau and Bengio (2003), "Inference for the generalization error", Machine Learning 52.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skhyper._splits import size_ratio, standard_error
from skhyper._trial import Trial

# The bound holds with probability 1 - δ (Makarova et al. 2022, section 3).
_DELTA = 0.1


@dataclass(frozen=True)
class Regret:
    """Bound of the best trial's regret, and noise of its loss.

    Attributes
    ----------
    bound : float
        Upper bound of the simple regret, the excess of the best trial's loss over the minimum of
        the space, under the surrogate; nan before the first bound.
    noise : float
        Standard error of the best trial's loss over random data; with one score per trial, the
        standard deviation of the surrogate's noise.

    Examples
    --------
    >>> from skhyper.samplers import Regret
    >>> Regret(bound=0.001, noise=0.01).negligible
    True
    """

    bound: float
    noise: float

    @property
    def negligible(self) -> bool:
        """Whether the bound is below the noise."""
        return bool(self.bound < self.noise)


def regret_bound(observed: Sequence[np.ndarray], elsewhere: Sequence[np.ndarray], d: int) -> float:
    """Lowest upper confidence bound of the trials, minus the lowest lower one of the space.

    `observed` and `elsewhere` are (mean, std) of the loss at the n trials and at points that cover
    the d-dimensional space. Eq. 4 of Makarova et al. (2022), with β = 2 log(d n² π² / (6 δ)) / 5
    as there (after Srinivas, Krause, Kakade and Seeger 2010).
    """
    n = len(observed[0])
    beta = 2.0 * np.log(d * n**2 * np.pi**2 / (6.0 * _DELTA)) / 5.0
    upper = observed[0] + np.sqrt(beta) * observed[1]
    lower = elsewhere[0] - np.sqrt(beta) * elsewhere[1]
    own = observed[0] - np.sqrt(beta) * observed[1]
    return float(upper.min() - min(lower.min(initial=np.inf), own.min()))


def fold_noise(trial: Trial, splits: Sequence[tuple]) -> float:
    """Standard error of a trial's mean score over random data; nan for one fold.

    The k folds share training data, so that s² / k, from the variance s² of their scores, is too
    small: the variance of the mean is s² (1/k + n_test / n_train) (Nadeau and Bengio 2003, eq. 9;
    eq. 6 of Makarova et al. 2022).
    """
    k = len(trial.scores)
    ratio = size_ratio(splits) if len(splits) == k > 1 else 1.0 / max(1, k - 1)
    return float(standard_error(trial.scores, ratio))
