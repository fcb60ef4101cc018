"""What is shown of a fitted search: a report as one page of HTML."""

from skhyper._lazy import public_dir
from skhyper.reporting._report import report

__all__ = ["report"]

__dir__ = public_dir(__name__)
