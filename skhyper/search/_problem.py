"""Digests of everything on which the trials of a search depend, and versions of packages."""

import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import joblib
import numpy as np
import scipy
import sklearn

from skhyper._identity import digest, splitter_digest
from skhyper.evaluation import KnownValues
from skhyper.search._plan import Plan
from skhyper.search._task import Task
from skhyper.space import Categorical, Space

# Parts of a search, with the words by which a message says that they differ.
PARTS = {
    "data": "other data",
    "folds": "other folds",
    "estimator": "another estimator",
    "scoring": "another scoring",
    "space": "another search space",
}


class Problem:
    """Digests of the parts of a search; its trials may be used by all searches with equal ones.

    Attributes
    ----------
    digests : dict
        The digest of each of the parts; "data" includes metadata, "folds" is the splitter.
    fingerprint : str
        A digest of all parts but the space.
    """

    def __init__(self, search: Any, task: Task, cv: Any, space: Space | None):
        metadata = map(dict, (task.fit_params, task.split_params, task.score_params))
        self.digests = {
            "data": digest([task.X, task.y, *metadata]),
            "folds": splitter_digest(cv),
            "estimator": digest(task.estimator),
            "scoring": digest([search.scoring, search.return_train_score]),
        }
        self.fingerprint = digest(self.digests)
        self._space = space

    def with_space(self) -> dict[str, str]:
        """The digests, with that of the space."""
        space = self._space
        if space is not None:  # excluding the values of the estimator and known points
            space = space.with_defaults({}).with_accepted(np.empty((0, space.n_dims)))
        return {**self.digests, "space": digest(space)}


def known_values(plan: Plan, estimator: Any) -> KnownValues:
    """The values of hyperparameters that a journal can name: choices, lists, and defaults."""

    def values() -> Iterator[tuple[str, Any]]:
        for name, dimension in zip(plan.space.names, plan.space.dimensions) if plan.space else ():
            if name is not None and isinstance(dimension, Categorical):
                yield from ((name, choice) for choice in dimension.choices)
        for params in plan.candidates.listed:
            yield from params.items()
        yield from estimator.get_params(deep=True).items()

    return KnownValues(values())


def versions(estimator: Any) -> dict[str, str]:
    """Versions of Python and of the packages on which results may depend."""
    found = {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "joblib": joblib.__version__,
    }
    packages = {"skhyper", *_packages([estimator, *estimator.get_params(deep=True).values()])}
    for package in sorted(packages - {"sklearn", *found}):
        version = getattr(sys.modules.get(package), "__version__", None)
        if isinstance(version, str):
            found[package] = version
    return found


def _packages(objects: Iterable[Any]) -> set[str]:
    """Names of the packages in which classes of objects are defined."""
    return {type(obj).__module__.partition(".")[0] for obj in objects}


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Keys whose values differ."""
    return [key for key in one if key in other and one[key] != other[key]]
