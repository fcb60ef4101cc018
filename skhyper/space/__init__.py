"""Search spaces: candidates as points of the unit cube."""

from skhyper._lazy import public_dir
from skhyper.space._branches import branches  # noqa: F401
from skhyper.space._categorical import Categorical
from skhyper.space._check import check_dimension
from skhyper.space._conditions import When
from skhyper.space._defaults import default_space, range_sources  # noqa: F401
from skhyper.space._dimensions import Dimension, Integer, Real
from skhyper.space._distribution import Distribution
from skhyper.space._requirements import is_deprecated_default, requirements_of  # noqa: F401
from skhyper.space._sampling import evenly  # noqa: F401
from skhyper.space._space import Space, check_space
from skhyper.space._vectors import as_vector, is_vector, like  # noqa: F401
from skhyper.space._why_not import why_not

# Names imported above and not listed here are for other packages of skhyper.
__all__ = [
    "Categorical",
    "Dimension",
    "Distribution",
    "Integer",
    "Real",
    "Space",
    "When",
    "check_dimension",
    "check_space",
    "default_space",
    "why_not",
]

__dir__ = public_dir(__name__)
