"""What searches on other data sets taught: a start for the next one.

:func:`learn` makes :class:`Knowledge` from the trials of finished searches. A Bayesian search with
``knowledge=`` then first tries a few candidates that together did well there.
"""

from skhyper._lazy import public_dir
from skhyper.knowledge._functions import TaskFunctions
from skhyper.knowledge._knowledge import Knowledge, KnowledgeStarts, learn
from skhyper.knowledge._portfolio import portfolio

__all__ = ["Knowledge", "KnowledgeStarts", "TaskFunctions", "learn", "portfolio"]

__dir__ = public_dir(__name__)
