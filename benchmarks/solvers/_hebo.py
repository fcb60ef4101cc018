"""HEBO with its own defaults; conditions are not told to it."""

import warnings

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from solvers import native

torch.set_num_threads(1)


class Hebo:
    def __init__(self, dims, seed, n_trials):
        np.random.seed(seed)
        torch.manual_seed(seed)
        self.optimizer = HEBO(DesignSpace().parse([_entry(d) for d in dims]), scramble_seed=seed)
        self.asked = []

    def ask(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.asked.append(self.optimizer.suggest(n_suggestions=1))
        row = self.asked[-1].iloc[0].to_dict()
        return len(self.asked) - 1, native(row)

    def tell(self, token, loss):
        self.optimizer.observe(self.asked[token], np.array([[loss]]))

    def preload(self, settings, losses):
        self.optimizer.observe(pd.DataFrame(settings), np.array(losses)[:, None])


def _entry(dim):
    if dim["kind"] == "categorical":
        return {"name": dim["name"], "type": "cat", "categories": dim["labels"]}
    kind = {
        ("real", False): "num",
        ("real", True): "pow",
        ("integer", False): "int",
        ("integer", True): "pow_int",
    }[dim["kind"], dim["log"]]
    return {"name": dim["name"], "type": kind, "lb": dim["low"], "ub": dim["high"]}
