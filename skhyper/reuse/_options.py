"""What the candidates of a search share, and where it is kept."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class ReuseOptions:
    """Limits of what the candidates of a search share, for its parameter `reuse`.

    Parameters
    ----------
    memory : int, default=None
        Number of bytes that all workers may keep in memory; a quarter of the free memory by
        default.
    directory : str or os.PathLike, default=None
        Directory on a local disk for outputs that the memory has no room for. The files have no
        name, so that nothing remains, even if the search is killed. None uses no disk.
    tolerance : bool, default=False
        Whether to share fits whose scores are equal only within a tolerance, too, as with
        ``reuse="tolerance"``.

    Examples
    --------
    >>> from skhyper.reuse import ReuseOptions
    >>> ReuseOptions(memory=2_000_000_000, tolerance=True)
    ReuseOptions(memory=2000000000, directory=None, tolerance=True)
    """

    memory: int | None = None
    directory: str | os.PathLike[str] | None = None
    tolerance: bool = False

    def __post_init__(self) -> None:
        if self.memory is not None and self.memory < 1:
            raise ValueError(f"memory must be a positive number of bytes, got {self.memory!r}.")
