"""Random search."""

import numpy as np

from skhyper._trial import History
from skhyper.samplers._base import Sampler, located_trials
from skhyper.space import Space


class RandomSampler(Sampler):
    """Independent random points, each dimension from its distribution.

    References
    ----------
    Bergstra and Bengio (2012), "Random search for hyper-parameter optimization",
    Journal of Machine Learning Research 13.

    Examples
    --------
    >>> import numpy as np
    >>> from skhyper import History
    >>> from skhyper.samplers import RandomSampler
    >>> from skhyper.space import Space
    >>> space = Space({"C": (1e-2, 1e2, "log-uniform"), "degree": (1, 5)})
    >>> RandomSampler().ask(space, History(), np.random.default_rng(0)).shape
    (2,)
    """

    starts_from_default = True
    uses_losses = False

    def ask(self, space: Space, history: History, rng: np.random.Generator) -> np.ndarray:
        # Earlier points are used only if random draws rarely satisfy a constraint.
        earlier = None if space.constraint is None else located_trials(space, history)[0]
        return space.sample(1, rng, earlier)[0]
