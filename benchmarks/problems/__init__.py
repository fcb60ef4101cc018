"""Problems for searches: a space, a loss to be minimised, and what is known of its values.

The two parts never meet: engines are tuned on ``"tune"`` and judged on ``"report"``. Which problem
is in which part was settled before any engine was run on them. The tuning part had 13 problems at
first, which is too few: what seemed good on them was not on 21 more.
"""

import json
from pathlib import Path

from problems._functions import FUNCTIONS
from problems._lcbench import lcbench
from problems._problem import Problem
from problems._tasks import TASKS

__all__ = ["REFERENCE", "Problem", "load_problems", "reference", "regret"]

# Best known value and median of random draws of each problem.
REFERENCE = Path(__file__).parent / "reference.json"


def load_problems(part=None, names=None, data=None):
    """Problems by name, those of LCBench left out where their data are not there.

    Parameters
    ----------
    part : {"tune", "report"} or None
    names : list of str or None
        All, or these.
    data : path or None
        Directory that holds ``yahpo/``; by default the environment variable SKHYPER_BENCH_DATA.
    """
    found = {p.name: p for p in [*FUNCTIONS, *TASKS, *lcbench(data)]}
    if unknown := set(names or ()) - set(found):
        raise SystemExit(f"Unknown problems {sorted(unknown)}; there are {sorted(found)}.")
    return {
        name: problem
        for name, problem in found.items()
        if (part is None or problem.part == part) and (not names or name in names)
    }


def reference():
    """``{name: {"best": ..., "median": ...}}`` of the problems that have been sampled."""
    return json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {}


def regret(value, best, median):
    """0 at the best known value, 1 at that of a typical random draw."""
    return (value - best) / (median - best)
