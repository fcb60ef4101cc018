"""Parameters and hyperparameters of an estimator, and analysis of the trials of a search."""

from skhyper._lazy import public_dir
from skhyper.inspection._comparison import Comparison, compare
from skhyper.inspection._curves import ValidationCurve, validation_curve
from skhyper.inspection._hyperparameters import Hyperparameter
from skhyper.inspection._importance import Importance, importance
from skhyper.inspection._inspection import Inspection, inspect
from skhyper.inspection._iterations import IterationCurve, iteration_curve
from skhyper.inspection._parameters import Parameter
from skhyper.search._corrected import CorrectedScore, corrected_score
from skhyper.search._kept import OutOfFoldPredictions
from skhyper.search._rules import fastest, one_standard_error

__all__ = [
    "Comparison",
    "CorrectedScore",
    "Hyperparameter",
    "Importance",
    "Inspection",
    "IterationCurve",
    "OutOfFoldPredictions",
    "Parameter",
    "ValidationCurve",
    "compare",
    "corrected_score",
    "fastest",
    "importance",
    "inspect",
    "iteration_curve",
    "one_standard_error",
    "validation_curve",
]

__dir__ = public_dir(__name__)
