"""Warnings that point at the user's line, at any call depth."""

import sys
import warnings
from pathlib import Path

import joblib
import sklearn

from skhyper.exceptions import SkhyperWarning

# Packages whose frames are skipped.
_INSIDE = tuple(
    f"{folder.as_posix()}/"
    for folder in (
        Path(__file__).parents[1],
        Path(sklearn.__file__).parent,
        Path(joblib.__file__).parent,
    )
)


def warn(message: str, category: type[Warning] = SkhyperWarning) -> None:
    """Warn at the innermost frame outside of skhyper, scikit-learn and joblib."""
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back is not None and _is_inside(frame.f_code.co_filename):
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, category, stacklevel=stacklevel)


def _is_inside(filename: str) -> bool:
    return filename.replace("\\", "/").startswith(_INSIDE)
