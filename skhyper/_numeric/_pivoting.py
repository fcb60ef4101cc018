"""The elastic net with one output, to rounding error, by block principal pivoting along a path.

For given signs, the optimality conditions are linear equations on the support. In each round
all features whose coefficient has the wrong sign leave the support, and all whose correlation
exceeds their penalty enter, until none does. Starting from a solution at nearby penalties, this
takes a few rounds. If it does not converge, the step towards the given penalties is halved.

Notation
--------
p : number of features;  σ : signs of the coefficients, 0 outside of the support, (p,)
S : support, where σ is not 0, (s,);  w : its coefficients, (s,)
μ, λ : l1 and l2 penalties, (p,);  C : correlations, see ``_quadratic``, (p,)

All of these are in the units of ``_quadratic``; arguments and results are in the user's.
Conditions: ``C_S = μ_S σ_S + λ_S w`` with ``w σ_S > 0``, and ``|C_j| <= μ_j`` elsewhere.

References
----------
Kim and Park (2010), "Fast active-set-type algorithms for l1-regularized linear regression",
AISTATS. Hintermüller, Ito and Kunisch (2002), "The primal-dual active set strategy as a
semismooth Newton method", SIAM Journal on Optimization 13.
"""

from dataclasses import dataclass

import numpy as np

from skhyper._numeric._quadratic import Quadratic, SingularError, WorkLimitError

# Relative excess of correlations over the penalty up to which they count as equal.
_SLACK = 1e-9
_MAX_ROUNDS = 20
# Give up if more than max(50, |S|) features enter, or if the number of changes has not dropped to
# 70 % in two rounds.
_MAX_ENTERING, _PROGRESS = 50, 0.7
# Shortest step along the path, as a share of it.
_MIN_STEP = 2.0**-20
# Relative correction of w at which it counts as exact; above the second after all corrections,
# the equations count as singular.
_EXACT_RTOL = 1e-9
_SINGULAR_RTOL = 1e-7
_MAX_CORRECTIONS = 5
# Up to this number of changes, w is corrected before they are trusted.
_MAX_UNSURE = 5
# Added l2 penalty if the solution is not determined, relative to the scale of G: first value, and
# factor to the next.
_FIRST_RIDGE, _NEXT_RIDGE = 1e-10, 1e3


@dataclass
class _Support:
    """A solution: support S and coefficients w."""

    S: np.ndarray
    w: np.ndarray


class Pivoting:
    """Solver on one set of data; each solution starts from the one before.

    Parameters
    ----------
    quadratic : Quadratic
    max_rank : int
        Maximum number of linearly independent features.
    positive : bool, default=False
        Whether to restrict coefficients to be non-negative.

    Attributes
    ----------
    S, w : ndarray of shape (s,)
        The last solution found. S includes all features without an l1 penalty.
    exact : bool
        Whether the optimality conditions hold to rounding error.
    """

    def __init__(self, quadratic: Quadratic, max_rank: int, positive: bool = False):
        self._quadratic, self._max_rank, self._positive = quadratic, max_rank, positive
        self._sign = np.zeros(len(quadratic.c))
        self._size = float(np.abs(quadratic.c).max(initial=0.0))
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._l2 = np.zeros(len(quadratic.c))
        self.S, self.w = np.empty(0, dtype=int), np.empty(0)

    def minimize(self, l1: np.ndarray, l2: np.ndarray, approximate: bool = True) -> None:
        """Set `S`, `w` to the solution at μ, λ.

        Parameters
        ----------
        approximate : bool, default=True
            Whether to try again with a larger l2 penalty if the solution is not found.
        """
        unit = self._quadratic.unit
        l1, l2 = l1 * unit, l2 * unit**2
        found, self._l2 = self._solve_or_none(l1, l2), l2
        self.exact = found is not None
        ridge = _FIRST_RIDGE * self._quadratic.scale
        while found is None and approximate:
            self._l2 = l2 + ridge
            found, ridge = self._solve_or_none(l1, self._l2), ridge * _NEXT_RIDGE
        if found is not None:
            self.S, self.w = found.S, found.w * unit[found.S]

    def solve(self, v: np.ndarray) -> np.ndarray:
        """``H⁻¹ v``, (s,), with the Hessian H on the support."""
        unit = self._quadratic.unit[self.S]
        return unit * self._quadratic.solve(self.S, self._l2[self.S], unit * v)

    @property
    def condition(self) -> float:
        """Estimated condition number of the Hessian, with features scaled to about length 1."""
        return self._quadratic.condition(self.S, self._l2[self.S])

    def _solve_or_none(self, l1: np.ndarray, l2: np.ndarray) -> _Support | None:
        self._quadratic.reset_work()
        try:
            return self._follow_path(l1, l2)
        except WorkLimitError:
            return None

    def _follow_path(self, l1: np.ndarray, l2: np.ndarray) -> _Support | None:
        """The solution at μ, λ, by solutions at penalties between the last ones and these."""
        l1_start, l2_start = self._start(l1, l2)
        l1_start = np.where((l1_start > 0) & (l1 > 0), l1_start, l1)
        free = (l1 == 0) & (not self._positive)
        self._sign = np.where(free, 1.0, self._sign)
        done, step = 0.0, 1.0
        while done < 1:
            t = min(done + step, 1.0)
            l1_t = l1 if t == 1 else l1_start ** (1 - t) * l1**t
            l2_t = l2 if t == 1 else (1 - t) * l2_start + t * l2
            found = self._pivot(l1_t, l2_t, free, t == 1)
            if found is None:
                step = (t - done) / 2
                if step < _MIN_STEP:
                    return None
                continue
            self._sign[:] = 0.0
            self._sign[found.S] = np.where(free[found.S], 1.0, np.sign(found.w))
            self._last = l1_t, l2_t
            done, step = t, 2 * step
        return found

    def _start(self, l1: np.ndarray, l2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Penalties where the path starts: the last ones, or such that the support is empty."""
        if self._last is not None:
            return self._last
        some = l1 > 0
        ratio = np.abs(self._quadratic.c[some] / l1[some]).max(initial=1.0)
        return l1 * ratio, l2

    def _pivot(
        self, l1: np.ndarray, l2: np.ndarray, free: np.ndarray, last: bool
    ) -> _Support | None:
        """The solution, from the current signs; None if the rounds do not end.

        Parameters
        ----------
        last : bool
            Whether this is the end of the path. Other solutions need not be exact.
        """
        sign, moved = self._sign.copy(), []
        one_by_one = False
        limit = l1 * (1 + _SLACK) + 1e-14 * self._size
        for _ in range(_MAX_ROUNDS):
            S = np.flatnonzero(sign)
            if (l2[S] == 0).sum() > self._max_rank:
                return None
            try:
                w, C, leave, enter = self._round(S, sign, l1, l2, limit, free, last)
            except SingularError as error:
                # Of linearly dependent features, such as multiples of one, keep a basis.
                if one_by_one or error.independent is None:
                    return None
                rest = np.delete(S, error.independent)
                if free[rest].any():
                    return None
                sign[rest], one_by_one = 0.0, True
                continue
            n_enter = int(enter.sum())
            moved.append(n_enter + int(leave.sum()))
            if moved[-1] == 0:
                return _Support(S, w)
            stalled = len(moved) > 3 and moved[-1] > _PROGRESS * moved[-3]
            if (stalled and not one_by_one) or n_enter > max(_MAX_ENTERING, len(S)):
                return None
            if one_by_one and n_enter > 1:
                enter = np.arange(len(C)) == np.argmax(np.where(enter, np.abs(C) / limit, 0.0))
            sign[S[leave]] = 0.0
            sign[enter] = np.sign(C[enter])
        return None

    def _round(
        self,
        S: np.ndarray,
        sign: np.ndarray,
        l1: np.ndarray,
        l2: np.ndarray,
        limit: np.ndarray,
        free: np.ndarray,
        last: bool,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """w for these signs, C, and masks of the features of S that leave (s,) and that enter (p,).

        Raises
        ------
        SingularError
            If none leaves or enters, and the equations are too ill-conditioned to be solved.
        """
        quadratic = self._quadratic
        solve, wanted = quadratic.solver(S, l2[S]), l1[S] * sign[S]
        w = solve(quadratic.c[S] - wanted)

        def moves(C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            leave = (w * sign[S] <= 0) & ~free[S]
            return leave, (sign == 0) & ((C if self._positive else np.abs(C)) > limit)

        quick = quadratic.quick_correlations(S, w)
        if quick is not None:
            leave, enter = moves(quick)
            if not last or leave.any() or enter.any() or quadratic.is_exact(S, w, quick):
                return w, quick, leave, enter
        for _ in range(_MAX_CORRECTIONS):
            C = quadratic.correlations(S, w)
            leave, enter = moves(C)
            if leave.sum() + enter.sum() > _MAX_UNSURE:
                return w, C, leave, enter
            step = solve(C[S] - wanted - l2[S] * w)
            w = w + step
            if np.linalg.norm(step) <= _EXACT_RTOL * np.linalg.norm(w):
                return w, C, leave, enter
        unsolved = np.linalg.norm(step) > _SINGULAR_RTOL * np.linalg.norm(w)
        if not (leave.any() or enter.any()) and unsolved:
            raise SingularError
        return w, C, leave, enter
