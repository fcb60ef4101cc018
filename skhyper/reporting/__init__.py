"""Reports of a fitted search: a self-contained HTML page, and a summary in notebooks."""

from skhyper._lazy import public_dir
from skhyper.reporting._notebook import results_html
from skhyper.reporting._report import report

__all__ = ["report", "results_html"]

__dir__ = public_dir(__name__)
