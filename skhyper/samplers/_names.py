"""The names of samplers in searches and optimizers."""

import difflib
from typing import Any

from skhyper.samplers._base import Sampler
from skhyper.samplers._gp import GPSampler
from skhyper.samplers._grid import GridSampler
from skhyper.samplers._random import RandomSampler
from skhyper.samplers._skopt import SkoptSampler
from skhyper.samplers._sobol import SobolSampler

SAMPLERS: dict[str, type[Sampler]] = {
    "random": RandomSampler,
    "grid": GridSampler,
    "sobol": SobolSampler,
    "gp": GPSampler,
    "skopt": SkoptSampler,
}


def check_sampler(sampler: Any, others: str = "") -> Sampler:
    """The sampler with a name; samplers are returned unchanged.

    Parameters
    ----------
    sampler : str or Sampler
    others : str
        Other values that the caller accepts, for the error message.

    Raises
    ------
    ValueError
        If it is neither; the message suggests the most similar name.

    Examples
    --------
    >>> from skhyper.samplers import check_sampler
    >>> check_sampler("sobol")
    SobolSampler()
    """
    if isinstance(sampler, Sampler):
        return sampler
    if isinstance(sampler, str) and sampler in SAMPLERS:
        return SAMPLERS[sampler]()
    near = difflib.get_close_matches(str(sampler).lower(), SAMPLERS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"sampler must be one of {sorted(SAMPLERS)}, a Sampler{others}; got {sampler!r}.{hint}"
    )
