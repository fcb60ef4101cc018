"""Random search: independent draws by the priors."""

import numpy as np
from scipy import stats

from skhyper._trial import History, Trial
from skhyper.samplers import RandomSampler
from skhyper.space import Space


def test_draws_follow_the_priors():
    space = Space({"C": stats.loguniform(1e-3, 1e3), "n": (1, 4), "k": ["x", "y"]})
    rng = np.random.default_rng(0)
    points = [RandomSampler().ask(space, History(), rng) for _ in range(2000)]
    settings = space.from_unit(points)
    assert stats.kstest([s["C"] for s in settings], stats.loguniform(1e-3, 1e3).cdf).pvalue > 0.01
    table = stats.contingency.crosstab([s["n"] for s in settings], [s["k"] for s in settings])
    assert stats.chisquare(table.count.ravel()).pvalue > 0.01


def test_history_does_not_matter():
    space = Space({"C": (0.0, 1.0)})
    history = History((Trial(0, {"C": 0.5}, "complete", loss=1.0),), seed=3)
    np.testing.assert_array_equal(
        RandomSampler().ask(space, history, np.random.default_rng(1)),
        RandomSampler().ask(space, History(), np.random.default_rng(1)),
    )
