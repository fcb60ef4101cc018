"""Evaluation of candidates: objective, pools, journal, and the loop that runs trials."""

from typing import TYPE_CHECKING

from skhyper._lazy import lazy_names
from skhyper._trial import StopReason
from skhyper.evaluation._candidates import ListedCandidates, SampledCandidates, params_key
from skhyper.evaluation._evaluator import Budget, Evaluator, Racer, Resumed
from skhyper.evaluation._executor import make_pool
from skhyper.evaluation._fit_groups import FitGroups, SharingPool
from skhyper.evaluation._fold_lines import fold_lines
from skhyper.evaluation._journal import Journal, opened_journal
from skhyper.evaluation._keep import FoldModels, expanded, keep_of
from skhyper.evaluation._objective import (
    PREDICTIONS,
    FoldJob,
    Objective,
    finished_trial,
    tabulated,
    with_missing_folds,
)
from skhyper.evaluation._observers import FailureWatch, FoldCallbacks, Observer, TrialCallbacks
from skhyper.evaluation._paths import Paths, paths_of
from skhyper.evaluation._processes import Limits
from skhyper.evaluation._racing import Racing
from skhyper.evaluation._replay import Replay, load_history
from skhyper.evaluation._retry import journaled_pool
from skhyper.evaluation._reuse import Reuse, ReuseCounter
from skhyper.evaluation._shared_fits import SharedFits, with_listener
from skhyper.evaluation._signals import Terminated, interruption_name, sigterm_interrupts
from skhyper.evaluation._values import KnownValues, StoredChoice, encoded

if TYPE_CHECKING:
    from skhyper.evaluation._gradient_objective import GradientObjective

__getattr__, __dir__ = lazy_names(
    __name__, {"GradientObjective": "skhyper.evaluation._gradient_objective"}
)

__all__ = [
    "PREDICTIONS",
    "Budget",
    "Evaluator",
    "FailureWatch",
    "FitGroups",
    "FoldCallbacks",
    "FoldJob",
    "FoldModels",
    "GradientObjective",
    "Journal",
    "KnownValues",
    "Limits",
    "ListedCandidates",
    "Objective",
    "Observer",
    "Paths",
    "Racer",
    "Racing",
    "Replay",
    "Resumed",
    "Reuse",
    "ReuseCounter",
    "SampledCandidates",
    "SharedFits",
    "SharingPool",
    "StopReason",
    "StoredChoice",
    "Terminated",
    "TrialCallbacks",
    "encoded",
    "expanded",
    "finished_trial",
    "fold_lines",
    "interruption_name",
    "journaled_pool",
    "keep_of",
    "load_history",
    "make_pool",
    "opened_journal",
    "params_key",
    "paths_of",
    "sigterm_interrupts",
    "tabulated",
    "with_listener",
    "with_missing_folds",
]
