"""Search by hypergradients."""

import math
import numbers
import os
import time
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from skhyper._sklearn import Interval, StrOptions
from skhyper._trial import History, Trial
from skhyper.evaluation import GradientObjective, Objective, SampledCandidates
from skhyper.exceptions import InvalidSpaceError, OverfittingWarning, SkhyperWarning
from skhyper.samplers import GradientSampler, Sampler, Shrinkage
from skhyper.search._base import Plan
from skhyper.search._derivatives import criterion_and_names, landscape, with_real_ranges
from skhyper.search._held_out import HeldOut, HeldOutLosses
from skhyper.search._sampled import SampledSearch
from skhyper.search._validate import listed
from skhyper.space import Space

__all__ = ["GradientSearchCV"]

# With more samples than so many for each further hyperparameter there is little to overfit.
_MANY_SAMPLES = 20
# Losses of a fit and of the solution further apart than this part are warned of.
_GAP = 0.01
# A fall of the loss by less than this part of it is none to warn of.
_FALL = 0.01


class GradientSearchCV(SampledSearch):
    """Search by the gradient of the cross-validation loss, by way of the training itself.

    Each trial computes the loss and its derivatives by all hyperparameters that have one, at
    about the cost of the loss. L-BFGS-B goes downhill from the middle of the ranges, or from
    points of yours, and restarts look for other basins; with one or two hyperparameters, a
    coarse design of the whole range comes first. Choices, integers and what else has no
    derivative are searched around these descents.

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
        Number of restarts in a row that may find nothing better before the search ends. 0 is
        the bare descent, from the middle of the ranges.
    tol : float, default=1e-5
        A descent ends when a step lowers the criterion, or by the slope can be expected to
        lower it, by less than this part of it (of 1 - R2 where R2 is the score); for SVC and
        SVR, whose solver leaves such noise, by less than 1e-4 of it.
    prior : "auto", float or None, default="auto"
        What holds the components of a vector of hyperparameters together, so that they do not
        fit the noise of the folds: ``prior / 2 * sum((t - t.mean()) ** 2)``, where ``t`` are the
        logarithms (for a range that is not log-uniform, shares of it) of the components, is
        added to what is minimised. ``inf`` is one value for all, None is no prior. "auto" finds
        the strength on samples that it holds out; it is none where there are more than 20
        samples to each component, and costs as much as some such searches where there are not.
        Single numbers have no prior.
    initial_points : dict or list of dict, default=None
        Settings to start from, in place of the middle of the ranges; with one or two
        hyperparameters, before the whole range is looked at. Names left out have the estimator's
        own values.
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
        Seed of the restarts of three hyperparameters or more.
    scoring, refit, cv, verbose, error_score, return_train_score
        As in :class:`sklearn.model_selection.GridSearchCV`.

    Attributes
    ----------
    criterion_ : str
        What was minimised: minus the score where that is smooth, else its surrogate. With a
        surrogate every setting is scored all the same, and the best by score wins.
    prior_ : float
        The strength of the prior: 0 is none, ``inf`` one value for all components.
    held_out_ : HeldOutLosses or None
        What "auto" has chosen it by: ``strengths``, and for each of them the losses of the
        folds, ``cv``, and of the samples held out of them, ``held_out``, a row for each part.
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
        As in :class:`sklearn.model_selection.GridSearchCV`. With a prior ``cv_results_`` has
        ``penalized_loss``, what was minimised, and the best setting is that of the least of it,
        not of the best score.

    Raises
    ------
    InvalidSpaceError
        If nothing in the space has a derivative.

    Warns
    -----
    OverfittingWarning
        If the loss of the folds fell as components were set apart, and that of samples held
        out of all of them did not. It is looked at where a prior of "auto" would have been.

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
        estimator: Any,
        search_spaces: Any,
        *,
        n_iter: int | None = 50,
        n_restarts: int = 3,
        tol: float = 1e-5,
        prior: float | str | None = "auto",
        initial_points: Any = None,
        constraint: Callable[[dict[str, Any]], bool] | None = None,
        max_time: float | None = None,
        warm_start: bool = False,
        history: History | None = None,
        journal: str | os.PathLike | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable = True,
        cv: Any = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
    ) -> None:
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
        self.prior = prior
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
        "prior": [StrOptions({"auto"}), Interval(numbers.Real, 0, None, closed="both"), None],
    }

    def _plan(self) -> Plan:
        if self.search_spaces is None:
            raise InvalidSpaceError("search_spaces is needed.")
        self._check_numbers()
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        space = self._checked_space()
        guesses = [
            self._checked_guess(params, space)
            for params in listed(self.initial_points, "initial_points")
        ]
        self._criterion, self._names = criterion_and_names(
            self.estimator, space, *self._get_scorers()
        )
        self.criterion_ = self._criterion.description
        n_iter = 50 if self.n_iter is None else self.n_iter
        one_valley, noise = landscape(self.estimator, space)
        self.sampler_ = GradientSampler(
            self._names,
            n_iter,
            guesses,
            self.n_restarts,
            max(self.tol, noise),
            one_valley=one_valley,
            least=self._criterion.least,
        )
        phases = self._phases(space)
        return Plan(SampledCandidates(self.sampler_, phases, guesses, True), space, seed)

    def _spaces(self) -> Any:
        return with_real_ranges(self.search_spaces, self.estimator)

    def _sampler(self) -> Sampler:
        return self.sampler_

    def _objective(self, objective: Objective) -> GradientObjective:
        whole = GradientObjective.of(objective, self._criterion, self._names)
        self.held_out_: HeldOutLosses | None = None
        if self.prior != "auto":
            self.prior_ = 0.0 if self.prior is None else float(self.prior)
            self.sampler_.prior = self.prior_
        elif self._may_overfit(objective):
            self.prior_ = math.inf  # until there is a point to find it at
            self.sampler_.prior = _Auto(self, self._held_out(whole))
        else:
            self.prior_ = 0.0
        return whole

    def _held_out(self, whole: GradientObjective) -> HeldOut:
        ends = math.inf if self.max_time is None else time.monotonic() + self.max_time
        parts = whole.objective, whole.criterion, whole.names, self.n_jobs
        return HeldOut(*parts, is_over=lambda: time.monotonic() > ends)

    def _may_overfit(self, objective: Objective) -> bool:
        X = objective.X
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        n_apart = Shrinkage.of(self.space_, self._names).n_apart
        return n_apart > 0 and n_samples < _MANY_SAMPLES * (n_apart + 1)

    def _after_trials(self) -> None:
        self._warn_of_early_stops()
        self.sampler_.prior = self.prior_  # what found it has the data

    def _warn_of_early_stops(self) -> None:
        """Warn if the score of what looks best is not that of the solution."""
        trials = [t for t in self.history_ if t.gradient is not None and self._criterion.exact]
        if not trials:
            return
        best = min(trials, key=lambda t: t.loss), min(trials, key=lambda t: t.criterion)
        gap = max(abs(t.loss - t.criterion) / max(abs(t.loss), 1e-300) for t in best)
        if gap > _GAP:
            warnings.warn(
                "Fits of the estimator stopped before the solution, or lost digits to rounding: "
                f"among the best trials their loss differs by {gap:.0%} from that of the solution "
                "(`criterion` of a trial), which is what is differentiated. Increase max_iter or "
                "scale the features.",
                SkhyperWarning,
                stacklevel=8,
            )

    def _losses_to_choose_by(self) -> np.ndarray | None:
        shrinkage = Shrinkage.of(self.space_, self._names)
        if self.prior_ == 0 or not shrinkage.vectors:
            return None
        return np.array([self._penalized(trial, shrinkage) for trial in self.history_])

    def _penalized(self, trial: Trial, shrinkage: Shrinkage) -> float:
        point = self.space_.locate(trial.params)
        if trial.state != "complete" or point is None:
            return math.nan
        lost = math.isnan(trial.criterion) and self._criterion.exact
        value = trial.loss if lost else trial.criterion
        return value + shrinkage.penalty(point, self.prior_)[0]

    def _look_back(self, objective: GradientObjective) -> None:
        """Warn where a descent without some samples does not predict these any better."""
        late = self.max_time is not None and self.stop_reason_.startswith("max_time")
        best = self.history_.best
        asked = self.prior != "auto" and math.isfinite(self.prior_) and not late
        if not asked or best is None or not self._may_overfit(objective.objective):
            return
        point = self.space_.locate(best.params)
        if point is None:
            return
        losses = self._held_out(objective).check(self.space_, point, self.prior_)
        self.held_out_ = losses
        if losses.held_out.shape[1] < 2:
            return
        (cv, cv_after), (held_out, held_out_after) = losses.cv.mean(0), losses.held_out.mean(0)
        fell = cv - cv_after > _FALL * abs(cv)
        if fell and held_out_after >= held_out:
            n = Shrinkage.of(self.space_, self._names).n_apart
            warnings.warn(
                f"The search overfits its folds: with {n} hyperparameters more than one value for "
                f"each vector their loss fell from {cv:.4g} to {cv_after:.4g}, and that of samples "
                f"held out of the folds went from {held_out:.4g} to {held_out_after:.4g}. "
                'Use prior="auto", put components into bands, or make ranges narrower.',
                OverfittingWarning,
                stacklevel=5,
            )


class _Auto:
    """Finds the strength of the prior, once, where a search first asks for it."""

    def __init__(self, search: GradientSearchCV, held_out: HeldOut):
        self._search = search
        self._held_out = held_out

    def __call__(self, space: Space, point: np.ndarray) -> float:
        search = self._search
        if search.held_out_ is None:
            search.held_out_ = self._held_out.choose(space, point)
            search.prior_ = search.held_out_.chosen
        return search.prior_
