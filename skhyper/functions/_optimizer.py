"""Ask-and-tell interface: a search whose trials are run by the caller."""

import math
import numbers
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np
from scipy.optimize import OptimizeResult
from sklearn.utils import check_random_state

from skhyper._trial import History, Trial
from skhyper.evaluation import SampledCandidates, params_key
from skhyper.exceptions import ExhaustedSpaceError
from skhyper.functions._points import Points, check_value, optimize_result
from skhyper.samplers import Sampler, check_sampler
from skhyper.samplers._arguments import check_flag
from skhyper.space import Space


class Optimizer:
    """Minimization with an ask-and-tell interface: the caller evaluates the points.

    Parameters
    ----------
    space : dict, list of dict, Space, or list of dimensions
        The search space, as in the searches (see :class:`skhyper.space.Space`, which may have a
        constraint); points are then dicts. With a list of dimensions, as in scikit-optimize,
        points are lists of values.
    sampler : {"gp", "random", "grid", "sobol", "skopt"} or Sampler, default="gp"
        How points are chosen.
    random_state : int, RandomState instance or None, default=None
        Seed. The same seed and the same calls give the same points.
    initial_points : point or list of points, default=None
        Points that ``ask`` returns first.
    allow_repeats : bool, default=False
        Whether ``ask`` may return a point again: useful for noisy values of few points.

    Attributes
    ----------
    history : History
        All points as trials, in the order of proposals; those without a value yet are running.
    best_params : dict, list or None
        The point with the smallest value; None before the first value.
    best_value : float
        Its value; nan before the first.
    space : Space
    sampler : Sampler

    Raises
    ------
    InvalidSpaceError
        If the space or an initial point is invalid.
    ValueError
        If `sampler` is unknown.

    See Also
    --------
    minimize : The complete loop, for a function.

    Notes
    -----
    Samplers take pending points into account, so that several can be evaluated in parallel.
    Proposals depend only on seed and history: an optimizer can be pickled and used after loading.

    Examples
    --------
    >>> from skhyper import Optimizer
    >>> optimizer = Optimizer({"x": (-2.0, 2.0), "y": (-2.0, 2.0)}, random_state=0)
    >>> for _ in range(15):
    ...     params = optimizer.ask()
    ...     optimizer.tell(params, (params["x"] - 1) ** 2 + params["y"] ** 2)
    >>> optimizer.best_value < 0.1
    True

    Several points at the same time; nan is the value of one that failed.

    >>> first, second = optimizer.ask(2)
    >>> optimizer.tell([first, second], [float("nan"), 3.0])
    >>> [trial.state for trial in optimizer.history[-2:]]
    ['failed', 'complete']
    """

    def __init__(
        self,
        space: Any,
        *,
        sampler: str | Sampler = "gp",
        random_state: Any = None,
        initial_points: Any = None,
        allow_repeats: bool = False,
    ):
        self._points = Points(space, initial_points)
        self.sampler = check_sampler(sampler)
        self.sampler.check(self._points.space)
        check_flag("allow_repeats", allow_repeats)
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        self.history = History(seed=seed)
        self._candidates = SampledCandidates(
            self.sampler, [(self._points.space, sys.maxsize)], self._points.initial, allow_repeats
        )

    def __repr__(self) -> str:
        return f"<Optimizer of {self.space!r} by {self.sampler!r}: {self.history!r}>"

    @property
    def space(self) -> Space:
        return self._points.space

    @property
    def best_params(self) -> Any:
        best = self.history.best
        return None if best is None else self._points.from_params(best.params)

    @property
    def best_value(self) -> float:
        best = self.history.best
        return math.nan if best is None else best.loss

    @overload
    def ask(self, n: None = None) -> dict[str, Any] | list[Any]: ...
    @overload
    def ask(self, n: int) -> list[Any]: ...
    def ask(self, n: int | None = None) -> Any:
        """Propose the next point.

        Parameters
        ----------
        n : int, default=None
            Number of points to evaluate in parallel.

        Returns
        -------
        point : dict or list
            One point with ``n=None``; otherwise a list of `n` points, or fewer if no more are
            left.

        Raises
        ------
        ExhaustedSpaceError
            If all points were evaluated, or are pending.
        """
        if n is None:
            return self._ask()
        if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n < 1:
            raise ValueError(f"n must be a positive integer or None, got {n!r}.")
        points = [self._ask()]
        try:
            while len(points) < n:
                points.append(self._ask())
        except ExhaustedSpaceError:
            pass
        return points

    def _ask(self) -> Any:
        params = self._candidates.ask(self.history)
        if params is None:
            raise ExhaustedSpaceError(
                f"There is no point left to propose: {self._candidates.exhausted_reason}. Use "
                "Optimizer(..., allow_repeats=True) to propose points again."
            )
        self._put(Trial(len(self.history), params, started=time.time()))
        return self._points.from_params(params)

    def tell(self, params: Any, value: Any, seconds: float = math.nan) -> None:
        """Record the value of a point, whether it was proposed by ``ask`` or not.

        Parameters
        ----------
        params : dict or list, or list of them
            A point of the space.
        value : float, or list of float
            Its value (smaller is better); nan or infinite if it failed.
        seconds : float, default=nan
            Time that each of them took, for samplers that use it
            (``GPSampler(max_time=...)``).

        Raises
        ------
        InvalidSpaceError
            If a point lies outside of the space; no value is recorded then.
        ValueError
            If the numbers of points and values differ.
        TypeError
            If a value is not a number.
        """
        if np.ndim(value) == 0:
            params, value = [params], [value]
        elif isinstance(params, Mapping) or not isinstance(params, Sequence | np.ndarray):
            raise ValueError(f"The value of a single point must be a number, got {value!r}.")
        if len(params) != len(value):
            raise ValueError(
                f"Give one value per point; got {len(params)} points and {len(value)} values."
            )
        values = [check_value(v) for v in value]
        told = [self._points.to_params(point) for point in params]
        for point_params, loss in zip(told, values):
            self._tell(point_params, loss, float(seconds))

    def _tell(self, params: dict[str, Any], value: float, seconds: float) -> None:
        key = params_key(params, self.space)
        asked = (t for t in self.history.pending if params_key(t.params, self.space) == key)
        trial = next(asked, Trial(len(self.history), params))
        failed = not math.isfinite(value)
        self._put(
            replace(
                trial,
                state="failed" if failed else "complete",
                scores=np.array([math.nan if failed else -value]),
                loss=math.nan if failed else value,
                seconds=seconds,
                message=f"The value is {value}." if failed else "",
            )
        )

    def _put(self, trial: Trial) -> None:
        trials = self.history.trials
        trials = (*trials[: trial.number], trial, *trials[trial.number + 1 :])
        self.history = replace(self.history, trials=trials)

    def get_result(self) -> OptimizeResult:
        """The result so far, as in scikit-optimize.

        Returns
        -------
        result : scipy.optimize.OptimizeResult
            With ``x``, ``fun``, ``x_iters``, ``func_vals``, ``space`` and ``history``; with a list
            of dimensions also ``models``, as scikit-optimize's plots need it.
        """
        return optimize_result(self.history, self._points, self.sampler)
