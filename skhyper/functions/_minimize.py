"""The whole search of a function's least value."""

import math
import numbers
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import joblib
from scipy.optimize import OptimizeResult
from sklearn.utils import check_random_state

from skhyper._trial import History, StopReason, Trial
from skhyper.evaluation import (
    Budget,
    Evaluator,
    Observer,
    SampledCandidates,
    Terminated,
    interruption_name,
    make_pool,
    sigterm_interrupts,
)
from skhyper.functions._points import Points, check_value, optimize_result
from skhyper.samplers import GPSampler, Sampler, check_sampler
from skhyper.samplers._arguments import check_callables, check_flag, check_number
from skhyper.space import Space

__all__ = ["minimize"]


@dataclass(frozen=True)
class _FunctionObjective:
    """A function as what workers run, in the place of folds."""

    function: Callable[[Any], Any]
    points: Points
    catch: tuple[type[Exception], ...]

    def without_splits(self) -> tuple["_FunctionObjective", list[tuple]]:
        return self, [()]

    def run(self, job: Any) -> dict[str, Any]:
        start = time.perf_counter()
        value, error = math.nan, None
        try:
            value = check_value(self.function(self.points.spelled(job.params)))
            if not math.isfinite(value):
                error = f"The value is {value}."
        except self.catch:
            error = traceback.format_exc()
        return {
            "test_scores": -value,
            "fit_error": error,
            "fit_time": time.perf_counter() - start,
            "score_time": 0.0,
        }


def minimize(
    function: Callable[[Any], float],
    space: Any,
    n_iter: int | None,
    *,
    sampler: str | Sampler = "gp",
    random_state: Any = None,
    initial_points: Any = None,
    history: History | None = None,
    max_time: float | None = None,
    callback: Callable | Sequence[Callable] | None = None,
    catch: type[Exception] | Sequence[type[Exception]] = (),
    allow_repeats: bool = False,
    n_jobs: int | None = None,
) -> OptimizeResult:
    """Search for the least value of a function that is expensive to call.

    Parameters
    ----------
    function : callable
        ``function(params) -> float``, with a dict of values; with a list of values if `space` is a
        list of dimensions. A value that is nan or infinite is a failed trial.
    space : dict, list of dict, Space, or list of dimensions
        What may be tried, as in the searches: see :class:`skhyper.space.Space`, which takes a
        constraint too; or a list of dimensions, as scikit-optimize has it.
    n_iter : int or None
        Number of calls, besides the trials of `history`. None, with a `max_time`: only the time
        limits it.
    sampler : {"gp", "random", "grid", "sobol", "skopt"} or Sampler, default="gp"
        Where points come from.
    random_state : int, RandomState instance or None, default=None
        Seed. The same seed gives the same points; with `n_jobs`, if their number is the same too.
    initial_points : point or list of points, default=None
        What to try first; they count among the `n_iter` calls.
    history : History, default=None
        Trials to start from: ``result.history`` of an earlier call, or ``optimizer.history``.
    max_time : float, default=None
        Seconds after which the function is not called any more. With ``sampler="gp"``, promising
        points that are quick come first, where times differ.
    callback : callable or list of callable, default=None
        Called with the result so far after each trial; True stops.
    catch : type of Exception, or list of them, default=()
        Errors of the function that count as a failed trial. Any other one is raised, with the
        result so far as its attribute ``result``.
    allow_repeats : bool, default=False
        Whether a point may be tried again.
    n_jobs : int, default=None
        Number of calls at the same time, in processes unless ``joblib.parallel_config`` says
        otherwise; each point is then chosen without the values that are not there yet.

    Returns
    -------
    result : scipy.optimize.OptimizeResult
        ``x``, the best point (None if every call failed), and its value ``fun``; all points
        ``x_iters`` and their values ``func_vals`` (nan where failed), in the order of asking;
        ``history``, the same as trials, with times; ``space``; ``nfev``, their number; ``message``,
        why the search ended; ``success``, whether a value was found and it was not interrupted.
        With a list of dimensions, ``space`` is scikit-optimize's, and ``models`` holds the
        surrogate, so that its plots draw the result.

    Raises
    ------
    InvalidSpaceError
        If the space or an initial point is wrong; the function has not been called then.
    TypeError
        If the function returns something that is not a number.

    See Also
    --------
    Optimizer : The same by ask and tell.

    Notes
    -----
    Ctrl-C ends the search and returns what was found, as the ``message`` then says. SIGTERM ends
    it too; it is raised as a ``KeyboardInterrupt`` with the attribute ``result``.

    Examples
    --------
    >>> from skhyper import minimize
    >>> def function(params):
    ...     return (params["x"] - 1) ** 2 + params["y"] ** 2
    >>> space = {"x": (-2.0, 2.0), "y": (-2.0, 2.0)}
    >>> result = minimize(function, space, 15, random_state=0)
    >>> result.fun < 0.1
    True
    >>> result.message
    'n_iter=15 settings were tried'

    As scikit-optimize's ``gp_minimize`` is called:

    >>> result = minimize(lambda x: (x[0] - 1) ** 2, [(-2.0, 2.0)], 8, random_state=0)
    >>> len(result.x), len(result.func_vals)
    (1, 8)
    """
    _check_arguments(function, n_iter, max_time, history, allow_repeats, n_jobs)
    callbacks = check_callables("callback", callback)
    points = Points(space, initial_points)
    phases: list[tuple[Space, float]] = [
        (points.space, math.inf if n_iter is None else int(n_iter))
    ]
    first = points.first
    chosen = check_sampler(sampler)
    if sampler == "gp" and max_time is not None:
        chosen = GPSampler(max_time=max_time * joblib.effective_n_jobs(n_jobs))
    chosen.check(points.space)
    candidates = SampledCandidates(chosen, phases, first, allow_repeats)
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    base = History(seed=seed) if history is None else replace(history, seed=seed, splits=())
    objective = _FunctionObjective(function, points, _checked_catch(catch))
    n_parallel = joblib.effective_n_jobs(n_jobs)
    evaluator = Evaluator(
        candidates,
        make_pool(objective, n_jobs, "2*n_jobs", False),  # type: ignore[arg-type]
        base,
        Budget(max_time, n_parallel, ordered=random_state is not None),
        observers=[_Callbacks(callbacks, points, chosen)],
    )
    return _run(evaluator, points, chosen)


class _Callbacks(Observer):
    """Calls the user's callbacks with the result so far."""

    def __init__(self, callbacks: Sequence[Callable], points: Points, sampler: Sampler):
        self._callbacks, self._points, self._sampler = callbacks, points, sampler

    def on_trial_end(self, trial: Trial, history: History) -> StopReason | None:
        result = partial(_result, history, self._points, self._sampler, StopReason(""))
        stops = any([bool(callback(result())) for callback in self._callbacks])
        return StopReason("a callback asked to stop", "callback") if stops else None


def _check_arguments(
    function: Any, n_iter: Any, max_time: Any, history: Any, allow_repeats: Any, n_jobs: Any
) -> None:
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}.")
    check_number("max_time", max_time, whole=False, low=0, above=True, optional=True)
    check_number("n_iter", n_iter, whole=True, low=1, optional=max_time is not None)
    if n_jobs is not None and (not isinstance(n_jobs, numbers.Integral) or n_jobs == 0):
        raise ValueError(f"n_jobs must be an integer other than 0 or None, got {n_jobs!r}.")
    if history is not None and not isinstance(history, History):
        raise TypeError(f"history must be a History or None, got {history!r}.")
    check_flag("allow_repeats", allow_repeats)


def _run(evaluator: Evaluator, points: Points, sampler: Sampler) -> OptimizeResult:
    with sigterm_interrupts():
        try:
            evaluator.run()
        except BaseException as error:
            reason = StopReason(f"interrupted by {interruption_name(error)}", "interrupted")
            result = _result(evaluator.history, points, sampler, reason)
            ctrl_c = isinstance(error, KeyboardInterrupt) and not isinstance(error, Terminated)
            if ctrl_c and result.nfev:
                return result
            error.result = result  # type: ignore[attr-defined]
            raise
    return _result(evaluator.history, points, sampler, evaluator.stop_reason)


def _result(
    history: History, points: Points, sampler: Sampler, reason: StopReason
) -> OptimizeResult:
    success = history.best is not None and reason.kind != "interrupted"
    return optimize_result(history, points, sampler, message=reason, success=success)


def _checked_catch(catch: Any) -> tuple[type[Exception], ...]:
    kinds = catch if isinstance(catch, list | tuple | set) else (catch,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"catch must be a type of Exception or a list of them, got {catch!r}.")
    return tuple(kinds)
