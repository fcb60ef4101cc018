"""Search by hypergradients."""

import copy
import numbers
import os
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from skhyper._sklearn import Interval, StrOptions, n_samples
from skhyper._trial import History, StopReason
from skhyper.evaluation import Racer, SampledCandidates
from skhyper.samplers import GradientSampler
from skhyper.search._derivatives import criterion_and_names, landscape, real_spaces
from skhyper.search._plan import Finding, Plan
from skhyper.search._prior import Prior
from skhyper.search._sampled import SpaceSearch, plan_for, seed_of
from skhyper.search._spaces import DEFAULT_N_ITER, checked_initial_points, checked_space, phases
from skhyper.search._task import Task

# Relative difference between the losses of a fit and of the exact solution above which to warn.
_GAP = 0.01


class GradientSearchCV(SpaceSearch):
    """Search by hypergradients: gradients of the cross-validation loss through training.

    Each trial computes the loss and its derivatives with respect to all differentiable
    hyperparameters, at about the cost of the loss. L-BFGS-B descends from the middle of the ranges
    or from `initial_points`, and restarts search for other minima; with one or two hyperparameters,
    a coarse design of the whole range comes first. Choices, integers and other hyperparameters
    without derivatives are fixed during each descent and varied between descents.

    Parameters
    ----------
    estimator : estimator object
        The estimator to tune: one that :func:`skhyper.hypergradient.inner_problem` supports, or
        a pipeline that ends with one.
    search_spaces : dict, list of dict, list of (dict, int) or Space, default=None
        Search space: see :class:`skhyper.space.Space`. A range for a hyperparameter that is an
        array (or a dict) of numbers applies to each component. ``(1, 100)`` is a range of real
        numbers if the hyperparameter is differentiable. By default the differentiable part of
        :func:`skhyper.default_space`; ``"auto"`` is the default range of one hyperparameter.
    n_iter : int, default=50
        Maximum number of trials, each of them one value and gradient.
    n_restarts : int, default=3
        Number of consecutive restarts without improvement after which the search ends. With 0
        there is only the descent from the middle of the ranges.
    tol : float, default=1e-5
        A descent ends when the relative decrease of the criterion by a step, actual or predicted
        from the gradient, is below `tol` (relative to 1 - R2 if the score is R2); for SVC and SVR,
        below 1e-4, the noise of their solver.
    prior : "auto", float or None, default="auto"
        Strength of the prior that shrinks the components of a vector of hyperparameters towards
        a common value, so that they do not overfit the validation folds. The penalty ``prior / 2 *
        sum((t - t.mean()) ** 2)``, where ``t`` are the logarithms (for a range that is not
        log-uniform, the shares of the range) of the components, is added to the criterion. ``inf``
        is one value for all components, None is no prior. "auto" selects the strength on held-out
        samples, at the cost of several such searches; with more than 20 samples per component it
        is no prior. Single numbers have no prior.
    initial_points : dict or list of dict, default=None
        Points to start from, instead of the middle of the ranges; with one or two
        hyperparameters they come before the coarse design. Omitted names have the estimator's own
        values.
    constraint : callable, default=None
        ``constraint(params) -> bool``; only candidates that it accepts are tried.
    max_time : float, default=None
        Seconds after which the search ends, if a trial has ended. With ``n_jobs`` above 1,
        `fit_timeout` or `memory_limit`, running folds are abandoned in time for the refit;
        otherwise they are finished.
    fit_timeout : float, default=None
        Time limit of a fold in seconds, scoring included. A fold that exceeds it is ended and has
        failed. Folds then run in worker processes, also with ``n_jobs=None``.
    memory_limit : int, default=None
        Maximum number of bytes that a worker process may allocate; a fit that needs more fails.
        Imported modules take about 200 MB of it; data that workers share do not count. On Linux
        only. Folds then run in worker processes, also with ``n_jobs=None``.
    racing : False, default=False
        Other values raise an error: each step of a descent uses the gradient of the loss of all
        folds. It has the same name as in the other searches, which support it.
    warm_start : bool, default=False
        Whether to keep the trials of the last fit, if made on the same data and folds.
    history : History, default=None
        Trials of another search on the same data and folds. If it had no gradients, its best
        trial is a point to start from.
    journal : str or os.PathLike, default=None
        File to which each candidate, fold and trial is written immediately. If the search is
        killed, the same search on the same data resumes from it.
    n_jobs : int, default=None
        Number of folds that run at the same time, in threads: the candidates of a fold share
        cached results in this process.
    random_state : int, RandomState instance or None, default=None
        Seed of the restarts, which are random with three hyperparameters or more.
    keep : {"predictions", "models"}, tuple of both or None, default=None
        What to keep of the folds: out-of-fold predictions of all candidates, fitted models of the
        best one, or both. See the user guide's page on what to do after the search for the memory.
    scoring, refit, cv, verbose, error_score, return_train_score
        As in :class:`sklearn.model_selection.GridSearchCV`; `refit` may also be "1se" or
        "fastest": the simplest or the fastest candidate within one standard error of the best, see
        :func:`skhyper.inspection.one_standard_error`.

    Attributes
    ----------
    criterion_ : str
        The criterion that was minimized: minus the score if that is differentiable, else a
        surrogate loss. With a surrogate loss the best candidate is still selected by the score.
    prior_ : float
        Strength of the prior: 0 is no prior, ``inf`` one value for all components.
    held_out_ : HeldOutLosses or None
        Losses from which "auto" selected it: ``strengths``, and for each of them the losses of
        the folds, ``cv``, and of the held-out samples, ``held_out``, with one row per part.
    history_ : History
        All trials, with ``criterion`` and ``gradient``: a dict from names to the derivative of
        the criterion with respect to the hyperparameter (not its logarithm).
    space_ : Space
        The search space.
    sampler_ : GradientSampler
        The sampler that proposed the candidates.
    n_trials_ : int
        Number of trials, including those it started from.
    stop_reason_ : str
        Why the search ended.
    oof_predictions_ : OutOfFoldPredictions
        Out-of-fold predictions of the best candidate, and of others by ``of(index)``; with `keep`.
    fold_models_ : list of estimator
        The models of the best candidate, one for each fold; with `keep`.
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, \
n_splits_, refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in :class:`sklearn.model_selection.GridSearchCV`. With a prior, ``cv_results_`` has
        ``penalized_loss``, the minimized criterion; the best candidate is that of its minimum, not
        of the best score.

    Raises
    ------
    InvalidSpaceError
        If no hyperparameter of the space is differentiable.

    Warns
    -----
    OverfittingWarning
        If untying the components decreased the loss of the folds, but not that of held-out
        samples. It is checked for a given prior, where "auto" would select one.

    See Also
    --------
    BayesSearchCV : Search for any estimator.
    skhyper.hypergradient.check_hypergradient : Check of the gradient of an estimator.

    Notes
    -----
    At the solution ``w`` of the training problem its derivative ``G(w, θ)`` vanishes, hence
    ``dL/dθ = ∂L/∂θ - uᵀ ∂G/∂θ`` with ``u = H⁻ᵀ ∂L/∂w`` and ``H = ∂G/∂w``: one linear system with
    the Hessian for all hyperparameters.

    The estimator itself is scored and refitted. If its solver stops early, the criterion and the
    gradient are those of the exact solution, the scores those of the estimator. The lasso and the
    elastic net are scored at their exact solution; ridge, kernel ridge and Gaussian processes are
    solved with factorizations that the candidates of a fold share.

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

    def __init__(
        self,
        estimator: Any,
        search_spaces: Any = None,
        *,
        n_iter: int | None = 50,
        n_restarts: int = 3,
        tol: float = 1e-5,
        prior: float | str | None = "auto",
        initial_points: Any = None,
        constraint: Callable[[dict[str, Any]], bool] | None = None,
        max_time: float | None = None,
        fit_timeout: float | None = None,
        memory_limit: int | None = None,
        racing: bool = False,
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
        keep: str | tuple[str, ...] | None = None,
    ) -> None:
        self._store_arguments(locals())

    _parameter_constraints: ClassVar[dict] = {
        **SpaceSearch._parameter_constraints,
        "n_restarts": [Interval(numbers.Integral, 0, None, closed="left")],
        "racing": ["boolean", Racer],
        "tol": [Interval(numbers.Real, 0, None, closed="neither")],
        "prior": [StrOptions({"auto"}), Interval(numbers.Real, 0, None, closed="both"), None],
    }
    _parameter_constraints.pop("pre_dispatch")  # not a parameter of this class

    def _plan(self, task: Task) -> Plan:
        _check_no_racing(self.racing)
        seed = seed_of(self)
        space = checked_space(self, real_spaces(self.search_spaces, self.estimator, task.X, task.y))
        first = checked_initial_points(self, space)
        criterion, names = criterion_and_names(
            self.estimator, space, task.scorers, task.refit_metric
        )
        prior = Prior(
            self.prior, criterion, space, names, n_samples(task.X), self.n_jobs, self.max_time
        )
        quasiconvex, noise = landscape(self.estimator, space)
        sampler = GradientSampler(
            names,
            DEFAULT_N_ITER if self.n_iter is None else self.n_iter,
            first,
            self.n_restarts,
            max(self.tol, noise),
            quasiconvex=quasiconvex,
            least=criterion.least,
            prior=prior.strength if prior.is_chosen else prior,
        )

        def findings(history: History, stop_reason: StopReason) -> Iterator[Finding]:
            if criterion.exact:
                yield from _early_stops(history)
            yield from prior.overfitting(history, stop_reason)

        def attributes_after() -> dict[str, Any]:
            found = {"prior_": prior.strength, "held_out_": prior.losses}
            return {"sampler_": _with_prior(sampler, prior.strength), **found}

        # A descent never repeats a point, and its points must not be replaced.
        in_phases = phases(space, self.n_iter, self.max_time)
        candidates = SampledCandidates(sampler, in_phases, first, allow_repeats=True)
        return plan_for(
            self,
            candidates,
            space,
            seed,
            # The next trial needs the gradient of the last one.
            n_parallel=1,
            attributes={"criterion_": criterion.description, **attributes_after()},
            wrap_objective=prior.wrap,
            selection_losses=prior.selection_losses,
            findings=findings,
            attributes_after=attributes_after,
        )


def _check_no_racing(racing: Any) -> None:
    if racing is not False:
        raise ValueError(
            f"racing={racing!r}: GradientSearchCV runs all folds, since each step of a descent "
            "uses the gradient of their mean loss. Use racing=False, or BayesSearchCV."
        )


def _with_prior(sampler: GradientSampler, strength: float) -> GradientSampler:
    """A copy with a number as prior, since the callable refers to the data."""
    fixed = copy.copy(sampler)
    fixed.prior = strength
    return fixed


def _early_stops(history: History) -> Iterator[Finding]:
    """Yields a warning if the scores of the best trials are not those of the exact solution."""
    complete = [trial for trial in history if trial.state == "complete"]
    trials = [trial for trial in complete if trial.gradient is not None]
    if not trials:
        return
    best = min(trials, key=lambda t: t.loss), min(trials, key=lambda t: t.criterion)
    gap = max(abs(t.loss - t.criterion) / max(abs(t.loss), 1e-300) for t in best)
    if gap > _GAP:
        yield Finding(
            "Fits of the estimator stopped before the solution, or have large rounding errors: "
            f"among the best trials their loss differs by {gap:.0%} from that of the solution "
            "(`criterion` of a trial), to which the gradients belong. Increase max_iter or scale "
            "the features."
        )
