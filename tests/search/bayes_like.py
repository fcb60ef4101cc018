"""``BayesSearchCV`` under the names and signatures of scikit-learn's searches."""

import numpy as np

from skhyper import BayesSearchCV
from skhyper.space import Categorical


def _choices(spaces):
    """A tuple is a range to skhyper and a list of choices to scikit-learn."""
    if isinstance(spaces, list):
        return [_choices(space) for space in spaces]
    if not isinstance(spaces, dict):
        return spaces
    return {n: Categorical(v) if isinstance(v, tuple) else v for n, v in spaces.items()}


class GridSearchCV(BayesSearchCV):
    """A Bayesian search that runs until the grid is exhausted."""

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator,
            _choices(param_grid),
            n_iter=1000,
            include_default=False,
            random_state=0,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_grid = param_grid


class RandomizedSearchCV(BayesSearchCV):
    """A Bayesian search of n_iter trials."""

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator,
            _choices(param_distributions),
            n_iter=n_iter,
            include_default=False,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions


class _Sequential:
    """Never a grid: with a time limit the order matters, so each trial is asked for alone."""

    max_time = property(lambda self: 1e6, lambda self, value: None)


class SequentialGridSearchCV(_Sequential, GridSearchCV):
    """As above, one trial at a time."""


class SequentialRandomizedSearchCV(_Sequential, RandomizedSearchCV):
    """As above, one trial at a time."""
