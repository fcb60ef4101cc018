"""SMAC's facade for hyperparameter optimisation, with ConfigSpace's conditions."""

import logging
import tempfile

from ConfigSpace import (
    AndConjunction,
    Categorical,
    Configuration,
    ConfigurationSpace,
    Float,
    InCondition,
    Integer,
)
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory import TrialInfo, TrialValue

from solvers import native


class Smac:
    def __init__(self, dims, seed, n_trials):
        self.space = _config_space(dims, seed)
        self.folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            self.space,
            deterministic=True,
            n_trials=n_trials,
            seed=seed,
            output_directory=self.folder.name,
        )
        self.facade = HyperparameterOptimizationFacade(
            scenario, _never_called, overwrite=True, logging_level=logging.ERROR
        )
        self.infos = []

    def ask(self):
        self.infos.append(self.facade.ask())
        params = native(self.infos[-1].config)
        return len(self.infos) - 1, params

    def tell(self, token, loss):
        self.facade.tell(self.infos[token], TrialValue(cost=loss), save=False)

    def preload(self, settings, losses):
        for params, loss in zip(settings, losses, strict=True):
            config = Configuration(self.space, values=params)
            self.facade.tell(TrialInfo(config=config, seed=0), TrialValue(cost=loss), save=False)


def _never_called(config, seed=0):
    raise NotImplementedError


def _config_space(dims, seed):
    space = ConfigurationSpace(seed=seed)
    added = {dim["name"]: _hyperparameter(dim) for dim in dims}
    space.add(*added.values())
    for dim in dims:
        tests = [
            InCondition(added[dim["name"]], added[parent], labels)
            for parent, labels in dim["when"].items()
        ]
        if tests:
            space.add(AndConjunction(*tests) if len(tests) > 1 else tests[0])
    return space


def _hyperparameter(dim):
    if dim["kind"] == "categorical":
        return Categorical(dim["name"], dim["labels"])
    kind = Integer if dim["kind"] == "integer" else Float
    return kind(dim["name"], (dim["low"], dim["high"]), log=dim["log"])
