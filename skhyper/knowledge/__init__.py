"""Knowledge from searches on other data sets, for the first trials of a new search.

:func:`learn` creates :class:`Knowledge` from the trials of finished searches. A Bayesian search
with ``knowledge=`` then tries a few candidates first that did well there.
"""

from skhyper._lazy import public_dir
from skhyper.knowledge._branches import Branch, branches_by  # noqa: F401
from skhyper.knowledge._knowledge import (  # noqa: F401
    BranchStarts,
    Knowledge,
    KnowledgeStarts,
    Suggestions,
    learn,
)
from skhyper.knowledge._portfolio import portfolio
from skhyper.knowledge._shipped import (  # noqa: F401
    knowledge_for,
    names_of_last_step,
    own_values,
)

# Names imported above and not listed here are for other packages of skhyper.
__all__ = ["Knowledge", "learn", "portfolio"]

__dir__ = public_dir(__name__)
