"""Active-set method for support vector machines: from libsvm's solution to the exact one.

libsvm stops at a tolerance. Its solution is used for the partition of the samples into *free*
ones (strictly within their box), those at their bound, and those out (β = 0); given the
partition, the coefficients solve linear equations. Samples that then violate the
Karush-Kuhn-Tucker conditions change sides, and the equations are solved again.

In classification and regression, with ``f = K β + b`` and the residuals ``r = s (t - f)``:

    r = 0 where 0 < s β < C,    r >= 0 where s β = C,    r <= 0 where β = 0

where s is the label and t = s in classification; in regression s is the sign of β (both signs
where β = 0) and t = y - ε s.

Notation
--------
n : number of samples;  F, B : free samples, samples at their bound
K : kernel matrix, (n, n)
β, b : signed dual coefficients, (n,), and intercept
C : upper bounds of s β, (n,)
s, t, r : signs, targets and residuals, (n,)
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

# After this number of rounds samples change sides one at a time: changes of many may cycle.
_ROUNDS_AT_ONCE = 12
# Maximum number of operations in all: this constant plus the cost of inverting K.
_MAX_WORK = 2e8
# Cost of an eigendecomposition, in factorizations.
_SPECTRUM_WORK = 20
_TOLERANCE = 1e-9
# Reciprocal condition number below which equations count as singular.
_SINGULAR = 1e-13
# Residual, relative to f, above which equations count as inconsistent.
_STUCK = 1e-7
# Distance to an end of the allowed interval, relative to its width, below which the intercept
# counts as being at that end.
_NEAR = 0.05


@dataclass(frozen=True)
class Machine:
    """One machine: the data of its quadratic program.

    Attributes
    ----------
    K : ndarray of shape (n, n)
    y : ndarray of shape (n,)
        Labels ±1 in classification, targets in regression.
    upper : ndarray of shape (n,)
        C; positive.
    epsilon : float or None
        Half-width of the tube; None in classification.
    """

    K: np.ndarray
    y: np.ndarray
    upper: np.ndarray
    epsilon: float | None

    def targets(self, sign: np.ndarray) -> np.ndarray:
        return self.y if self.epsilon is None else self.y - self.epsilon * sign


@dataclass(frozen=True)
class Solution:
    """Coefficients, and the partition of the samples.

    Attributes
    ----------
    beta, b : ndarray of shape (n,), float
    sign : ndarray of shape (n,)
        s; 0 for samples that are out, in regression.
    free, bound : ndarray of bool of shape (n,)
    exact : bool
        Whether the optimality conditions hold to rounding.
    near : float
        libsvm's intercept: where it is not determined, an end of the allowed interval is taken if
        near to this, else the middle.
    rows, row_signs : ndarray
        Samples whose ``f = t`` determines the free coefficients and the intercept: the free
        ones; without free samples, the two whose limits are averaged to the intercept.
    system : Bordered or None
        Equations of the free samples; None if there are none.
    """

    beta: np.ndarray
    b: float
    sign: np.ndarray
    free: np.ndarray
    bound: np.ndarray
    near: float
    exact: bool = False
    rows: np.ndarray | None = None
    row_signs: np.ndarray | None = None
    system: "Bordered | None" = None


class Bordered:
    """Solver of ``[[K, 1], [1ᵀ, 0]] (x, c) = (p, q)``; minimum-norm where it is singular."""

    def __init__(self, K: np.ndarray):
        n = len(K)
        # The border is scaled like K, so that the condition number is that of K.
        self._scale = max(float(np.abs(np.diag(K)).mean()), np.finfo(float).tiny)
        M = np.full((n + 1, n + 1), self._scale, order="F")
        M[:n, :n] = K
        M[n, n] = 0.0
        norm = np.abs(M).sum(axis=0).max()
        self._lu, self._pivots, info = linalg.lapack.dgetrf(M)
        condition = 0.0 if info else linalg.lapack.dgecon(self._lu, norm)[0]
        self.singular = condition < _SINGULAR
        if self.singular:
            values, Q = linalg.eigh(M)
            seen = np.abs(values) > _SINGULAR * n * np.abs(values).max()
            self._inverse = (Q[:, seen] / values[seen]) @ Q[:, seen].T
            self._null = Q[:-1, ~seen]

    def solve(self, p: np.ndarray, q: float) -> tuple[np.ndarray, float]:
        """x and c."""
        side = np.append(p, q * self._scale)
        if self.singular:
            found = self._inverse @ side
        else:
            found = linalg.lapack.dgetrs(self._lu, self._pivots, side)[0]
        return found[:-1], float(found[-1] * self._scale)

    def unsolvable(self, p: np.ndarray) -> np.ndarray:
        """The part of p outside the range of the system."""
        return self._null @ (self._null.T @ p) if self.singular else np.zeros_like(p)


def polish(machine: Machine, beta: np.ndarray, b: float) -> Solution:
    """Exact solution, by an active-set method started from a nearly optimal one.

    Parameters
    ----------
    machine : Machine
    beta : ndarray of shape (n,)
        Exactly 0 or exactly at a bound for samples that are not free.
    b : float

    Returns
    -------
    solution : Solution
        With ``exact=False`` and the given coefficients if the round or work limit is reached.
    """
    bound = np.abs(beta) >= machine.upper * (1 - 1e-12)
    free = (beta != 0) & ~bound
    sign = np.sign(beta) if machine.epsilon is not None else machine.y
    given = Solution(beta, b, sign, free, bound, near=b)
    solution = given
    left, n_rounds = _MAX_WORK + len(beta) ** 3, 0
    while left > 0:
        solved, finished = _solve_equations(machine, solution)
        left -= _work(machine, solution, solved)
        if finished:
            moved = _move(machine, solved, n_rounds >= _ROUNDS_AT_ONCE)
            n_rounds += 1
            if moved is solved:
                return replace(solved, exact=True)
            solved = moved
        solution = solved
    if free.any():
        system = Bordered(machine.K[np.ix_(free, free)])
        return replace(given, rows=np.flatnonzero(free), row_signs=sign[free], system=system)
    return replace(_middle(machine, given), beta=beta, b=b)


def _work(machine: Machine, solution: Solution, solved: Solution) -> float:
    """Operations of one round."""
    n_free = float(solution.free.sum())
    regular = solved.system is not None and not solved.system.singular
    return n_free**3 * (1 if regular else _SPECTRUM_WORK) + float(len(machine.y)) ** 2


def _solve_equations(machine: Machine, solution: Solution) -> tuple[Solution, bool]:
    """β and b of the free samples, given those at their bounds.

    Returns
    -------
    solution : Solution
    finished : bool
        False if the equations were inconsistent, and one sample changed sides because of it.
    """
    K, free, sign = machine.K, solution.free, solution.sign
    beta = np.where(solution.bound, sign * machine.upper, np.where(free, solution.beta, 0.0))
    if not free.any():
        balanced = abs(beta.sum()) <= _TOLERANCE * machine.upper.max()
        solution = replace(solution, beta=beta)
        return (_middle if balanced else _balance)(machine, solution), balanced
    system, b = Bordered(K[np.ix_(free, free)]), solution.b
    targets, K_rows = machine.targets(sign)[free], K[free]
    stuck = system.unsolvable(targets - K_rows @ beta - b)
    if np.abs(stuck).max() > _STUCK * _scale_of(machine, b):
        return _along(machine, replace(solution, beta=beta), stuck), False
    for _ in range(2):  # one step of iterative refinement
        x, c = system.solve(targets - K_rows @ beta - b, -beta.sum())
        beta[free] += x
        b += c
    rows = np.flatnonzero(free)
    return replace(solution, beta=beta, b=b, system=system, rows=rows, row_signs=sign[rows]), True


def _along(machine: Machine, solution: Solution, d: np.ndarray) -> Solution:
    """Follow d, in whose direction K is flat and the objective decreases, to the first bound."""
    rows = np.flatnonzero(solution.free)
    sign, upper = solution.sign[rows], machine.upper[rows]
    size, slope = sign * solution.beta[rows], sign * d
    room = np.where(slope > 0, upper - size, size)
    steps = np.full(len(rows), np.inf)
    np.divide(np.maximum(room, 0.0), np.abs(slope), out=steps, where=slope != 0)
    first = int(np.argmin(steps))
    beta, free, bound = solution.beta.copy(), solution.free.copy(), solution.bound.copy()
    beta[rows] += steps[first] * d
    free[rows[first]] = False
    bound[rows[first]] = slope[first] > 0
    return replace(solution, beta=beta, free=free, bound=bound)


def _balance(machine: Machine, solution: Solution) -> Solution:
    """Free one sample if all are at bounds and the coefficients do not sum to 0.

    Of those that bring the sum nearer to 0, the one that decreases the dual objective most.
    """
    beta, bound = solution.beta, solution.bound
    up = -np.sign(beta.sum())  # direction in which the coefficient has to move
    sign = np.where(bound | (machine.epsilon is None), solution.sign, up)
    able = np.where(bound, sign != up, sign == up)
    gain = np.where(able, up * (machine.targets(sign) - machine.K @ beta), -np.inf)
    chosen = np.arange(len(beta)) == np.argmax(gain)
    sign = np.where(bound | chosen | (machine.epsilon is None), sign, 0.0)
    return replace(solution, sign=sign, free=chosen, bound=bound & ~chosen, system=None)


def _scale_of(machine: Machine, b: float) -> float:
    """Magnitude of f, for tolerances."""
    return float(np.abs(machine.y).max()) + abs(b) + (machine.epsilon or 0.0)


def _move(machine: Machine, solution: Solution, one: bool) -> Solution:
    """Change the sides of samples that violate the conditions; the same object if there are none.

    Parameters
    ----------
    one : bool
        Whether only the worst violation changes sides.
    """
    free, bound = solution.free, solution.bound
    f = machine.K @ solution.beta + solution.b
    tolerance = _TOLERANCE * max(_scale_of(machine, solution.b), float(np.abs(f).max()))
    sign = solution.sign
    if machine.epsilon is not None:
        # Sign with which the coefficient of a sample that is out would enter.
        sign = np.where(free | bound, sign, np.where(machine.y >= f, 1.0, -1.0))
    r = sign * (machine.targets(sign) - f)
    share = sign * solution.beta / machine.upper
    # Samples whose free coefficient is at a bound do not determine the intercept.
    beyond = np.maximum(-share, share - 1) + 2 * _TOLERANCE
    excess = np.where(free, beyond / _TOLERANCE, np.where(bound, -r, r) / tolerance)
    wrong = excess > 1
    if not wrong.any():
        return solution
    n_most = 1 if one else 5 + int(free.sum()) // 4
    if wrong.sum() > n_most:
        wrong = np.zeros(len(excess), dtype=bool)
        wrong[np.argpartition(excess, -n_most)[-n_most:]] = True
    to_bound = wrong & free & (share > 0.5)
    free, bound = free ^ wrong, (bound & ~wrong) | to_bound
    if machine.epsilon is not None:
        sign = np.where(free | bound, sign, 0.0)
    beta = np.where(bound, sign * machine.upper, np.where(free, solution.beta, 0.0))
    return replace(solution, beta=beta, sign=sign, free=free, bound=bound)


def _middle(machine: Machine, solution: Solution) -> Solution:
    """Intercept without free samples: the middle of the interval the others allow, or an end."""
    n = len(machine.y)
    g = machine.K @ solution.beta
    if machine.epsilon is None:
        rows, sign, bound = np.arange(n), machine.y, solution.bound
    else:
        # Samples that are out limit the intercept from both sides.
        out = np.flatnonzero(~solution.bound)
        rows = np.concatenate([np.flatnonzero(solution.bound), out, out])
        bound = np.arange(len(rows)) < n - len(out)
        sides = [solution.sign[solution.bound], np.ones(len(out)), -np.ones(len(out))]
        sign = np.concatenate(sides)
    y = machine.y[rows]
    limit = (y if machine.epsilon is None else y - machine.epsilon * sign) - g[rows]
    above = bound == (sign > 0)  # upper limits
    if above.all() or not above.any():
        ends = [int(np.argmin(limit) if above.all() else np.argmax(limit))] * 2
    else:
        low = int(np.argmax(np.where(above, -np.inf, limit)))
        high = int(np.argmin(np.where(above, limit, np.inf)))
        # libsvm takes the middle, but an end if rounding keeps the coefficient there below its
        # bound, as happens where class weights balance the bounds.
        width = limit[high] - limit[low]
        at_end = [e for e in (low, high) if abs(limit[e] - solution.near) <= _NEAR * width]
        ends = [at_end[0]] * 2 if len(at_end) == 1 else [low, high]
    b = float(limit[ends].mean())
    return replace(solution, b=b, rows=rows[ends], row_signs=sign[ends], system=None)
