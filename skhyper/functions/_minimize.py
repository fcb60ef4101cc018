"""Minimization of a function: the complete search."""

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


@dataclass(frozen=True)
class _FunctionObjective:
    """A function as an objective that workers run; a trial has one "fold", the call."""

    function: Callable[[Any], Any]
    points: Points
    catch: tuple[type[Exception], ...]

    def without_splits(self) -> tuple["_FunctionObjective", list[tuple]]:
        return self, [()]

    def run(self, job: Any) -> dict[str, Any]:
        start = time.perf_counter()
        value, error = math.nan, None
        try:
            value = check_value(self.function(self.points.from_params(job.params)))
            if not math.isfinite(value):
                error = f"The value is {value}."
        except self.catch:
            error = traceback.format_exc()
        return self._result(value, error, time.perf_counter() - start)

    def failed(self, job: Any, error: Exception, seconds: float) -> dict[str, Any]:
        """Result of a call that was terminated, independent of `catch`."""
        return self._result(math.nan, f"{type(error).__name__}: {error}", seconds)

    def _result(self, value: float, error: str | None, seconds: float) -> dict[str, Any]:
        return {
            "test_scores": -value,
            "fit_error": error,
            "fit_time": seconds,
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
    """Minimize a function that is expensive to call.

    Parameters
    ----------
    function : callable
        ``function(params) -> float``; `params` is a dict of values, or a list of values if
        `space` is a list of dimensions. A trial whose value is nan or infinite has failed.
    space : dict, list of dict, Space, or list of dimensions
        The search space, as in the searches (see :class:`skhyper.space.Space`, which may have a
        constraint), or a list of dimensions, as in scikit-optimize.
    n_iter : int or None
        Number of calls, besides the trials of `history`. None: limited by `max_time` only.
    sampler : {"gp", "random", "grid", "sobol", "skopt"} or Sampler, default="gp"
        How points are chosen.
    random_state : int, RandomState instance or None, default=None
        Seed. The same seed and the same `n_jobs` give the same points.
    initial_points : point or list of points, default=None
        Points to evaluate first; they count towards `n_iter`.
    history : History, default=None
        Trials to start from: ``result.history`` of an earlier call, or ``optimizer.history``.
    max_time : float, default=None
        Seconds after which no further call is started; with ``n_jobs`` above 1, running calls are
        abandoned. With ``sampler="gp"``, promising points that are fast to evaluate are preferred,
        if times differ.
    callback : callable or list of callable, default=None
        Called with the result so far after each trial; the search stops if it returns True.
    catch : type of Exception, or list of them, default=()
        Exceptions of the function that count as a failed trial. Others are raised, with the result
        so far as their attribute ``result``.
    allow_repeats : bool, default=False
        Whether a point may be evaluated again.
    n_jobs : int, default=None
        Number of parallel calls, in processes unless ``joblib.parallel_config`` sets another
        backend. Each point is then chosen before the values of the running calls are known.

    Returns
    -------
    result : scipy.optimize.OptimizeResult
        ``x`` is the best point (None if every call failed), ``fun`` its value; ``x_iters`` are
        all points and ``func_vals`` their values (nan where failed), in order; ``nfev`` is their
        number and ``history`` has them as trials, with times; ``message`` says why the search
        ended; ``success`` is False if no value was found or the search was interrupted.
        With a list of dimensions, ``space`` is scikit-optimize's, and ``models`` has the
        surrogate, so that the result can be passed to its plots.

    Raises
    ------
    InvalidSpaceError
        If the space or an initial point is invalid, before the function is called.
    TypeError
        If the function returns something other than a number.

    See Also
    --------
    Optimizer : The same with an ask-and-tell interface.

    Notes
    -----
    Ctrl-C ends the search; the result so far is returned, with a corresponding ``message``.
    SIGTERM ends it too, as a ``KeyboardInterrupt`` with the attribute ``result``.

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
    'n_iter=15 candidates were tried'

    Called like scikit-optimize's ``gp_minimize``:

    >>> result = minimize(lambda x: (x[0] - 1) ** 2, [(-2.0, 2.0)], 8, random_state=0)
    >>> len(result.x), len(result.func_vals)
    (1, 8)
    """
    _check_arguments(function, n_iter, max_time, history, allow_repeats, n_jobs)
    callbacks = check_callables("callback", callback)
    points = Points(space, initial_points)
    n_calls = math.inf if n_iter is None else int(n_iter)
    chosen = check_sampler(sampler)
    if sampler == "gp" and max_time is not None:
        chosen = GPSampler(max_time=max_time * joblib.effective_n_jobs(n_jobs))
    chosen.check(points.space)
    candidates = SampledCandidates(chosen, [(points.space, n_calls)], points.initial, allow_repeats)
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    base = History(seed=seed) if history is None else replace(history, seed=seed, splits=())
    objective = _FunctionObjective(function, points, _checked_catch(catch))
    pool = make_pool(objective, n_jobs, "2*n_jobs")  # type: ignore[arg-type]
    evaluator = Evaluator(
        candidates,
        pool,
        base,
        Budget(max_time, pool.n_workers, ordered=random_state is not None),
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
