"""Optuna: TPE with conditions as branches of the trial, GPSampler on the whole space.

GPSampler models the dimensions that all trials have in common and draws the others at random;
a space without branches is kinder to it.
"""

import warnings

import optuna
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

optuna.logging.set_verbosity(optuna.logging.ERROR)


class _Optuna:
    branches = True

    def __init__(self, dims, seed, n_trials, **options):
        self.distributions = {dim["name"]: _distribution(dim) for dim in dims}
        self.conditions = {dim["name"]: dim["when"] if self.branches else {} for dim in dims}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.study = optuna.create_study(sampler=self.sampler(seed, **options))
        self.trials = {}

    def ask(self):
        trial = self.study.ask()
        params = {}
        for name, distribution in self.distributions.items():
            tests = self.conditions[name]
            if all(params.get(parent) in labels for parent, labels in tests.items()):
                params[name] = _suggest(trial, name, distribution)
        self.trials[trial.number] = trial
        return trial.number, params

    def tell(self, token, loss):
        self.study.tell(self.trials.pop(token), loss)

    def preload(self, settings, losses):
        for params, loss in zip(settings, losses, strict=True):
            self.study.add_trial(
                optuna.create_trial(params=params, distributions=self.distributions, value=loss)
            )


class OptunaTPE(_Optuna):
    @staticmethod
    def sampler(seed, **options):
        return optuna.samplers.TPESampler(seed=seed, **options)


class OptunaGP(_Optuna):
    branches = False

    @staticmethod
    def sampler(seed, **options):
        import torch

        torch.set_num_threads(1)
        return optuna.samplers.GPSampler(seed=seed, **options)


def _distribution(dim):
    if dim["kind"] == "categorical":
        return CategoricalDistribution(dim["labels"])
    cls = IntDistribution if dim["kind"] == "integer" else FloatDistribution
    return cls(dim["low"], dim["high"], log=dim["log"])


def _suggest(trial, name, distribution):
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    suggest = (
        trial.suggest_int if isinstance(distribution, IntDistribution) else trial.suggest_float
    )
    return suggest(name, distribution.low, distribution.high, log=distribution.log)
