"""Evaluation: what a trial costs and yields, and the loop that runs trials."""

from skhyper.evaluation._candidates import ListedCandidates, SampledCandidates, setting_key
from skhyper.evaluation._evaluator import Evaluator
from skhyper.evaluation._executor import make_pool
from skhyper.evaluation._gradient_objective import GradientObjective
from skhyper.evaluation._journal import Journal
from skhyper.evaluation._objective import FoldJob, Objective, finished_trial

__all__ = [
    "Evaluator",
    "FoldJob",
    "GradientObjective",
    "Journal",
    "ListedCandidates",
    "Objective",
    "SampledCandidates",
    "finished_trial",
    "make_pool",
    "setting_key",
]
