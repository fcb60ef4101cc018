"""``skhyper.Optimizer`` with its Bayesian engine, random and Sobol points."""

from skhyper import Optimizer
from skhyper.samplers import GPSampler, RandomSampler, SobolSampler
from skhyper.space import When


def spelled(dims):
    """The space as skhyper has it, of plain dimensions."""
    space = {}
    for dim in dims:
        if dim["kind"] == "categorical":
            values = list(dim["labels"])
        else:
            values = (dim["low"], dim["high"], "log-uniform" if dim["log"] else "uniform")
        space[dim["name"]] = When(values, dim["when"]) if dim["when"] else values
    return space


class _Ours:
    sampler = None

    def __init__(self, dims, seed, n_trials, **options):
        sampler = self.sampler(**options)
        self.optimizer = Optimizer(spelled(dims), sampler=sampler, random_state=seed)
        self.asked = []

    def ask(self):
        self.asked.append(self.optimizer.ask())
        return len(self.asked) - 1, self.asked[-1]

    def tell(self, token, loss):
        self.optimizer.tell(self.asked[token], loss)

    def preload(self, settings, losses):
        self.optimizer.tell(settings, losses)


class Ours(_Ours):
    sampler = GPSampler


class Random(_Ours):
    sampler = RandomSampler


class Sobol(_Ours):
    sampler = SobolSampler
