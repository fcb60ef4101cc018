"""Ask and tell: a search whose trials the caller runs."""

import math
import numbers
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np
from scipy.optimize import OptimizeResult
from sklearn.utils import check_random_state

from skhyper._trial import History, Trial
from skhyper.evaluation import SampledCandidates, setting_key
from skhyper.exceptions import ExhaustedSpaceError
from skhyper.functions._points import Points, check_value, optimize_result
from skhyper.samplers import Sampler, check_sampler
from skhyper.samplers._arguments import check_flag
from skhyper.space import Space

__all__ = ["Optimizer"]


class Optimizer:
    """Search by asking for points and telling their values; the least value is sought.

    Parameters
    ----------
    space : dict, list of dict, Space, or list of dimensions
        What may be tried, as in the searches: see :class:`skhyper.space.Space`, which takes a
        constraint too. Points are then dicts. With a list of dimensions, as scikit-optimize has
        it, they are lists of values.
    sampler : {"gp", "random", "grid", "sobol", "skopt"} or Sampler, default="gp"
        Where points come from.
    random_state : int, RandomState instance or None, default=None
        Seed. The same seed and the same calls give the same points.
    initial_points : point or list of points, default=None
        What to ask for first.
    allow_repeats : bool, default=False
        Whether a point may be asked for again, as is worth it where values are noisy and
        there are few points.

    Attributes
    ----------
    history : History
        All points, in the order of asking, as trials; those that were asked for and not told yet
        are running.
    best_params : dict, list or None
        The point of least value, None before any.
    best_value : float
        Its value, nan before any.
    space : Space
    sampler : Sampler

    Raises
    ------
    InvalidSpaceError
        If the space or an initial point is wrong.
    ValueError
        If `sampler` is none.

    See Also
    --------
    minimize : The whole loop, for a function.

    Notes
    -----
    A sampler sees points that were asked for and not told, and looks elsewhere; so several may be
    under way at the same time. Answers depend on seed and history alone: an optimizer that
    is pickled and loaded goes on as if nothing had happened.

    Examples
    --------
    >>> from skhyper import Optimizer
    >>> optimizer = Optimizer({"x": (-2.0, 2.0), "y": (-2.0, 2.0)}, random_state=0)
    >>> for _ in range(15):
    ...     params = optimizer.ask()
    ...     optimizer.tell(params, (params["x"] - 1) ** 2 + params["y"] ** 2)
    >>> optimizer.best_value < 0.1
    True

    Several at the same time; what failed has no value.

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
            self.sampler,
            [(self._points.space, sys.maxsize)],
            self._points.first,
            allow_repeats,
        )

    def __repr__(self) -> str:
        return f"<Optimizer of {self.space!r} by {self.sampler!r}: {self.history!r}>"

    @property
    def space(self) -> Space:
        return self._points.space

    @property
    def best_params(self) -> Any:
        best = self.history.best
        return None if best is None else self._points.spelled(best.params)

    @property
    def best_value(self) -> float:
        best = self.history.best
        return math.nan if best is None else best.loss

    @overload
    def ask(self, n: None = None) -> dict[str, Any] | list[Any]: ...
    @overload
    def ask(self, n: int) -> list[Any]: ...
    def ask(self, n: int | None = None) -> Any:
        """What to try next.

        Parameters
        ----------
        n : int, default=None
            Number of points, for several at the same time.

        Returns
        -------
        point : dict or list
            With ``n=None`` one point, otherwise a list of `n`; of fewer where no more are left.

        Raises
        ------
        ExhaustedSpaceError
            If every point was tried, or is being tried.
        """
        if n is None:
            return self._ask()
        if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n < 1:
            raise ValueError(f"n must be a whole number from 1 on, or None; got {n!r}.")
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
                f"There is nothing left to ask: {self._candidates.exhausted_reason}. "
                "Optimizer(..., allow_repeats=True) asks again for what was tried."
            )
        self._put(Trial(len(self.history), params))
        return self._points.spelled(params)

    def tell(self, params: Any, value: Any, seconds: float = math.nan) -> None:
        """What came of a point, asked for or not.

        Parameters
        ----------
        params : dict or list, or list of them
            A point of the space.
        value : float, or list of float
            Its value, smaller is better; nan or infinite if it failed.
        seconds : float, default=nan
            How long each of them took, for a sampler that heeds it
            (``GPSampler(max_time=...)``).

        Raises
        ------
        InvalidSpaceError
            If a point does not lie in the space. Nothing has been told then.
        ValueError
            If there are not as many values as points.
        TypeError
            If a value is not a number.
        """
        if np.ndim(value) == 0:
            params, value = [params], [value]
        elif isinstance(params, Mapping) or not isinstance(params, Sequence | np.ndarray):
            raise ValueError(f"One point needs one number as its value, got {value!r}.")
        if len(params) != len(value):
            raise ValueError(f"Got {len(params)} points and {len(value)} values.")
        values = [check_value(v) for v in value]
        settings = [self._points.setting(point) for point in params]
        for setting, loss in zip(settings, values):
            self._tell(setting, loss, float(seconds))

    def _tell(self, params: dict[str, Any], value: float, seconds: float) -> None:
        key = setting_key(params, self.space)
        asked = (t for t in self.history.pending if setting_key(t.params, self.space) == key)
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
        """What was told so far, as scikit-optimize has it.

        Returns
        -------
        result : scipy.optimize.OptimizeResult
            With ``x``, ``fun``, ``x_iters``, ``func_vals``, ``space`` and ``history``; with a list
            of dimensions also ``models``, so that scikit-optimize's plots draw it.
        """
        return optimize_result(self.history, self._points, self.sampler)
