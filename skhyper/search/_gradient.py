"""Search by hypergradients."""

import numbers
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from skhyper._sklearn import Interval
from skhyper.evaluation import GradientObjective, Objective, SampledCandidates
from skhyper.exceptions import InvalidSpaceError
from skhyper.samplers import GradientSampler, Sampler
from skhyper.search._base import Plan
from skhyper.search._derivatives import criterion_and_names, in_one_valley, with_real_ranges
from skhyper.search._sampled import SampledSearch
from skhyper.search._validate import listed

__all__ = ["GradientSearchCV"]


class GradientSearchCV(SampledSearch):
    """Search by the gradient of the cross-validation loss, by way of the training itself.

    Each trial computes the loss and its derivatives by all hyperparameters that have one, at
    about the cost of the loss. L-BFGS-B goes downhill from the middle of the ranges, or from
    points of yours, and restarts look for other basins. Choices, integers and what else has
    no derivative are searched around these descents.

    Parameters
    ----------
    estimator : estimator object
        The estimator to tune: one that :func:`skhyper.hypergradient.inner_problem` knows, or a
        pipeline that ends with one.
    search_spaces : dict, list of dict, list of (dict, int) or Space
        What may be tried: see :class:`skhyper.space.Space`. A range for a hyperparameter that
        holds an array (or a dict) of numbers is that of each of them. ``(1, 100)`` is a range
        of real numbers for what has a derivative.
    n_iter : int, default=50
        Number of trials at most, each of them one value and gradient.
    n_restarts : int, default=3
        Number of restarts in a row that may find nothing better before the search ends.
    tol : float, default=1e-5
        A descent ends when a step lowers the criterion, or by the slope can be expected to
        lower it, by less than this part of it.
    initial_points : dict or list of dict, default=None
        Settings to start from, in place of the middle of the ranges. Names left out have the
        estimator's own values.
    constraint : callable, default=None
        ``constraint(params) -> bool``; only settings that it accepts are tried.
    max_time : float, default=None
        Seconds after which no further trial is started.
    warm_start : bool, default=False
        Whether to keep the trials of the last fit, if made on the same data and folds.
    history : History, default=None
        Trials of another search on the same data and folds; without gradients its best one is
        a point to start from.
    journal : str or os.PathLike, default=None
        File to which each trial is written as soon as it is finished; see
        :class:`BayesSearchCV`.
    n_jobs : int, default=None
        Number of folds that run at the same time, in threads: what a fold's settings share
        stays in this process.
    random_state : int, RandomState instance or None, default=None
        Seed of the restarts.
    scoring, refit, cv, verbose, error_score, return_train_score
        As in :class:`sklearn.model_selection.GridSearchCV`.

    Attributes
    ----------
    criterion_ : str
        What was minimised: minus the score where that is smooth, else its surrogate. With a
        surrogate every setting is scored all the same, and the best by score wins.
    history_ : History
        All trials, with ``criterion`` and ``gradient``: a dict from names to the derivative of
        the criterion by the hyperparameter itself.
    space_ : Space
        The search space.
    sampler_ : GradientSampler
        What placed the trials.
    n_trials_ : int
        Number of trials, those it started from included.
    stop_reason_ : str
        Why the search ended.
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, \
n_splits_, refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in :class:`sklearn.model_selection.GridSearchCV`.

    Raises
    ------
    InvalidSpaceError
        If nothing in the space has a derivative.

    See Also
    --------
    BayesSearchCV : For any estimator.
    skhyper.hypergradient.check_hypergradient : Whether the gradient of an estimator is right.

    Notes
    -----
    At the solution ``w`` of the training problem its derivative ``G(w, θ)`` vanishes, whence
    ``dL/dθ = ∂L/∂θ - uᵀ ∂G/∂θ`` with ``u = H⁻ᵀ ∂L/∂w`` and ``H = ∂G/∂w``: one system with the
    Hessian for all hyperparameters together.

    What is scored and refitted is the estimator itself. Where its solver stops early, the
    criterion and the gradient are those of the exact solution, the scores those of the
    estimator; the lasso and the elastic net are scored at their exact solution, and ridge,
    kernel ridge and Gaussian processes are solved from what a fold's settings share.

    References
    ----------
    Bengio (2000), "Gradient-based optimization of hyperparameters", Neural Computation 12.
    Pedregosa (2016), arXiv:1602.02355. Bertrand et al. (2022), "Implicit differentiation for
    fast hyperparameter selection in non-smooth convex learning", JMLR 23.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skhyper import GradientSearchCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    >>> space = {"logisticregression__C": (1e-4, 1e4, "log-uniform")}
    >>> search = GradientSearchCV(pipeline, space, scoring="neg_log_loss").fit(X, y)
    >>> print(f"C = {search.best_params_['logisticregression__C']:.1f}")
    C = 0.6
    >>> search.history_.best.gradient  # doctest: +SKIP
    {'logisticregression__C': 1.2e-06}
    """

    # Folds of one trial may run side by side; the next trial waits for their gradient.
    n_points = 1
    include_default = False
    # A descent asks for no point twice, and what it asks for must not be replaced.
    allow_repeats = True

    def __init__(
        self,
        estimator,
        search_spaces,
        *,
        n_iter=50,
        n_restarts=3,
        tol=1e-5,
        initial_points=None,
        constraint=None,
        max_time=None,
        warm_start=False,
        history=None,
        journal=None,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.search_spaces = search_spaces
        self.n_iter = n_iter
        self.n_restarts = n_restarts
        self.tol = tol
        self.initial_points = initial_points
        self.constraint = constraint
        self.max_time = max_time
        self.warm_start = warm_start
        self.history = history
        self.journal = journal
        self.random_state = random_state

    _parameter_constraints: ClassVar[dict] = {
        **SampledSearch._parameter_constraints,
        "n_restarts": [Interval(numbers.Integral, 0, None, closed="left")],
        "tol": [Interval(numbers.Real, 0, None, closed="neither")],
    }

    def _plan(self) -> Plan:
        if self.search_spaces is None:
            raise InvalidSpaceError("search_spaces is needed.")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        space = self._checked_space()
        guesses = [self._checked_guess(params, space) for params in listed(self.initial_points)]
        self._criterion, self._names = criterion_and_names(
            self.estimator, space, *self._get_scorers()
        )
        self.criterion_ = self._criterion.description
        n_iter = 50 if self.n_iter is None else self.n_iter
        self.sampler_ = GradientSampler(
            self._names,
            n_iter,
            guesses,
            self.n_restarts,
            self.tol,
            one_valley=in_one_valley(self.estimator, space),
        )
        phases = self._phases(space)
        return Plan(SampledCandidates(self.sampler_, phases, guesses, True), space, seed)

    def _spaces(self) -> Any:
        return with_real_ranges(self.search_spaces, self.estimator)

    def _sampler(self) -> Sampler:
        return self.sampler_

    def _objective(self, objective: Objective) -> GradientObjective:
        return GradientObjective.of(objective, self._criterion, self._names)
