"""Plots of a search, as displays in the sense of scikit-learn.

``XDisplay.from_search(search)`` computes the data of a plot, draws them and returns the display,
whose attributes are the data and the axes. matplotlib is imported at the first plot. Searches of
scikit-learn and histories are accepted too.
"""

from skhyper._lazy import public_dir
from skhyper.plotting._convergence import ConvergenceDisplay
from skhyper.plotting._fold_scores import FoldScoresDisplay
from skhyper.plotting._gradient_path import GradientPathDisplay
from skhyper.plotting._importance import ImportanceDisplay
from skhyper.plotting._iteration_curve import IterationCurveDisplay
from skhyper.plotting._parallel import ParallelCoordinatesDisplay
from skhyper.plotting._partial_dependence import PartialDependenceDisplay
from skhyper.plotting._race import RaceDisplay
from skhyper.plotting._validation_curve import ValidationCurveDisplay
from skhyper.plotting._workers import WorkersDisplay

__all__ = [
    "ConvergenceDisplay",
    "FoldScoresDisplay",
    "GradientPathDisplay",
    "ImportanceDisplay",
    "IterationCurveDisplay",
    "ParallelCoordinatesDisplay",
    "PartialDependenceDisplay",
    "RaceDisplay",
    "ValidationCurveDisplay",
    "WorkersDisplay",
]

__dir__ = public_dir(__name__)
