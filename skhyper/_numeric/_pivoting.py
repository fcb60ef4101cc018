"""The elastic net with one output, to rounding: block principal pivoting along a path.

With signs given, the optimality conditions are linear equations on the support. Features whose
coefficient comes out with the wrong sign leave, features whose correlation exceeds their
penalty enter, all at once, until nothing moves. From a solution at nearby penalties that takes a
few rounds; where they do not come to an end, the way to the penalties is halved.

Notation
--------
p : number of features;  σ : signs of the coefficients, 0 outside of the support, (p,)
S : support, where σ is not 0, (s,);  w : its coefficients, (s,)
μ, λ : l1 and l2 penalties, (p,);  C : correlations, see ``_quadratic``, (p,)

All of these in the units of ``_quadratic``; what goes in and comes out is in the user's.
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

__all__ = ["Pivoting"]

# Relative to the penalty: correlations that exceed it by less do so by rounding.
_SLACK = 1e-9
_MAX_ROUNDS = 20
# A round is hopeless where more features enter than are in and than these, or where two rounds
# have not lessened the number of those that move to this share.
_MANY, _PROGRESS = 50, 0.7
# The shortest part of a way.
_SHORTEST = 2.0**-20
# Solutions with more of a step left than this are looked at again.
_ROUNDING = 1e-9
# With more left than this after all corrections the equations count as singular.
_SOLVED = 1e-7
_MAX_CORRECTIONS = 5
_FEW = 5
# Where the solution is hardly determined: the first l2 penalty on the scale of G that is tried,
# and the factor to the next.
_FIRST_RIDGE, _NEXT_RIDGE = 1e-10, 1e3


@dataclass
class _Support:
    """A solution."""

    S: np.ndarray
    w: np.ndarray


class Pivoting:
    """Solutions on one set of data, each started from the one before.

    Parameters
    ----------
    quadratic : Quadratic
    n_most : int
        Largest number of features that are linearly independent.
    positive : bool, default=False
        Whether coefficients may not be negative.

    Attributes
    ----------
    S, w : ndarray of shape (s,)
        S includes all features without an l1 penalty. Of the last solution that was found.
    exact : bool
        Whether the conditions hold to rounding.
    """

    def __init__(self, quadratic: Quadratic, n_most: int, positive: bool = False):
        self._quadratic, self._n_most, self._positive = quadratic, n_most, positive
        self._sign = np.zeros(len(quadratic.c))
        self._size = float(np.abs(quadratic.c).max(initial=0.0))
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._l2 = np.zeros(len(quadratic.c))
        self.S, self.w = np.empty(0, dtype=int), np.empty(0)

    def minimise(self, l1: np.ndarray, l2: np.ndarray, nearly: bool = True) -> None:
        """Set `S`, `w` to the solution at μ, λ.

        Parameters
        ----------
        nearly : bool, default=True
            Whether, where that cannot be found, it is sought with more of an l2 penalty.
        """
        unit = self._quadratic.unit
        l1, l2 = l1 * unit, l2 * unit**2
        found, self._l2 = self._try(l1, l2), l2
        self.exact = found is not None
        ridge = _FIRST_RIDGE * self._quadratic.scale
        while found is None and nearly:
            self._l2 = l2 + ridge
            found, ridge = self._try(l1, self._l2), ridge * _NEXT_RIDGE
        if found is not None:
            self.S, self.w = found.S, found.w * unit[found.S]

    def solve(self, v: np.ndarray) -> np.ndarray:
        """``H⁻¹ v``, (s,), with the Hessian H on the support."""
        unit = self._quadratic.unit[self.S]
        return unit * self._quadratic.solve(self.S, self._l2[self.S], unit * v)

    @property
    def condition(self) -> float:
        """About the condition number of the Hessian, each feature scaled to about length 1."""
        return self._quadratic.condition(self.S, self._l2[self.S])

    def _try(self, l1: np.ndarray, l2: np.ndarray) -> _Support | None:
        self._quadratic.begin()
        try:
            return self._go(l1, l2)
        except WorkLimitError:
            return None

    def _go(self, l1: np.ndarray, l2: np.ndarray) -> _Support | None:
        """The solution at μ, λ, by way of some between the last ones and these."""
        l1_start, l2_start = self._start(l1, l2)
        l1_start = np.where((l1_start > 0) & (l1 > 0), l1_start, l1)
        free = (l1 == 0) & (not self._positive)
        self._sign = np.where(free, 1.0, self._sign)
        done, step = 0.0, 1.0
        while done < 1:
            t = min(done + step, 1.0)
            l1_t = l1 if t == 1 else l1_start ** (1 - t) * l1**t
            l2_t = (1 - t) * l2_start + t * l2
            found = self._pivot(l1_t, l2_t, free, t == 1)
            if found is None:
                step = (t - done) / 2
                if step < _SHORTEST:
                    return None
                continue
            self._sign[:] = 0.0
            self._sign[found.S] = np.where(free[found.S], 1.0, np.sign(found.w))
            self._last = l1_t, l2_t
            done, step = t, 2 * step
        return found

    def _start(self, l1: np.ndarray, l2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Penalties where the way begins: the last ones, or such that nothing is in."""
        if self._last is not None:
            return self._last
        some = l1 > 0
        ratio = np.abs(self._quadratic.c[some] / l1[some]).max(initial=1.0)
        return l1 * ratio, l2

    def _pivot(
        self, l1: np.ndarray, l2: np.ndarray, free: np.ndarray, last: bool
    ) -> _Support | None:
        """The solution, from the present signs; None where the rounds do not come to an end.

        Parameters
        ----------
        last : bool
            Whether the solution is to be exact: if not, it is only where the next one starts.
        """
        sign, moved = self._sign.copy(), []
        one_by_one = False
        limit = l1 * (1 + _SLACK) + 1e-14 * self._size
        for _ in range(_MAX_ROUNDS):
            S = np.flatnonzero(sign)
            if (l2[S] == 0).sum() > self._n_most:
                return None
            try:
                w, C, leave, enter = self._round(S, sign, l1, l2, limit, free, last)
            except SingularError as error:
                # Of features that depend on each other, such as multiples of one, some are enough.
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
            hopeless = len(moved) > 3 and moved[-1] > _PROGRESS * moved[-3]
            if (hopeless and not one_by_one) or n_enter > max(_MANY, len(S)):
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
        """Coefficients with these signs, C, who of S should leave (s,), and who enter (p,).

        Raises
        ------
        SingularError
            If nobody moves and the equations are too ill-conditioned to be solved.
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
            if leave.sum() + enter.sum() > _FEW:  # of few it must be told whether they really move
                return w, C, leave, enter
            step = solve(C[S] - wanted - l2[S] * w)
            w = w + step
            if np.linalg.norm(step) <= _ROUNDING * np.linalg.norm(w):
                return w, C, leave, enter
        if not (leave.any() or enter.any()) and np.linalg.norm(step) > _SOLVED * np.linalg.norm(w):
            raise SingularError
        return w, C, leave, enter
