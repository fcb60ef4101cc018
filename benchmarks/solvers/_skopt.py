"""scikit-optimize's Optimizer with its own defaults; conditions are not told to it."""

import warnings

import skopt

from solvers import native


class _Skopt:
    surrogate = ""

    def __init__(self, dims, seed, n_trials):
        self.names = [dim["name"] for dim in dims]
        self.points = []
        self.optimizer = skopt.Optimizer(
            [_dimension(dim) for dim in dims], base_estimator=self.surrogate, random_state=seed
        )

    def ask(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.points.append(self.optimizer.ask())
        params = dict(zip(self.names, self.points[-1], strict=True))
        return len(self.points) - 1, native(params)

    def tell(self, token, loss):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.optimizer.tell(self.points[token], loss)

    def preload(self, settings, losses):
        points = [[params[name] for name in self.names] for params in settings]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.optimizer.tell(points, list(losses))


class SkoptGP(_Skopt):
    surrogate = "GP"


class SkoptET(_Skopt):
    surrogate = "ET"


def _dimension(dim):
    if dim["kind"] == "categorical":
        return skopt.space.Categorical(dim["labels"], name=dim["name"])
    cls = skopt.space.Integer if dim["kind"] == "integer" else skopt.space.Real
    prior = "log-uniform" if dim["log"] else "uniform"
    return cls(dim["low"], dim["high"], prior=prior, name=dim["name"])
