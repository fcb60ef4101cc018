"""Samplers of skhyper: the Bayesian engine, random and Sobol points."""

import dataclasses

import numpy as np

from skhyper._trial import History, Trial
from skhyper.samplers import GPSampler, RandomSampler, SobolSampler
from skhyper.space import When, check_space


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


class _Sampled:
    """Asks a sampler, as the searches do."""

    sampler = None

    def __init__(self, dims, seed, n_trials, **options):
        self.space = check_space(spelled(dims))
        self.seed = seed
        self.engine = self.sampler(**options)
        self.trials = []

    def ask(self):
        n = len(self.trials)
        history = History(tuple(self.trials), seed=self.seed)
        rng = np.random.default_rng([self.seed, n])
        point = self.engine.ask(self.space, history, 1, rng)
        params = self.space.from_unit(point)[0]
        self.trials.append(Trial(n, params))
        return n, params

    def tell(self, token, loss):
        trial = self.trials[token]
        self.trials[token] = dataclasses.replace(trial, state="complete", loss=loss)

    def preload(self, settings, losses):
        for params, loss in zip(settings, losses, strict=True):
            self.trials.append(Trial(len(self.trials), params, state="complete", loss=loss))


class Ours(_Sampled):
    sampler = GPSampler


class Random(_Sampled):
    sampler = RandomSampler


class Sobol(_Sampled):
    sampler = SobolSampler
