"""Which hyperparameters take a value more than once in a search, so that fits can be shared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skhyper._identity import digest
from skhyper.space import Space

# Parameters of scikit-learn's compositions that hold their parts.
_LISTS = ("steps", "transformers", "transformer_list")


@dataclass(frozen=True)
class Recurrence:
    """The hyperparameters of a search, by whether their values recur.

    Attributes
    ----------
    varying : frozenset of str
        Names of the hyperparameters with more than one value.
    unique : frozenset of str
        Those of them whose value differs in (nearly) all candidates.
    """

    varying: frozenset[str]
    unique: frozenset[str]

    @classmethod
    def from_candidates(cls, candidates: Sequence[Mapping[str, Any]]) -> "Recurrence":
        """From a list of candidates."""
        names = sorted({name for params in candidates for name in params})
        values = [params.get(name) for params in candidates for name in names]
        digests = {id(value): digest(value) for value in {id(v): v for v in values}.values()}
        counts = {
            name: len({digests[id(params.get(name))] for params in candidates}) for name in names
        }
        return cls(
            frozenset(name for name in names if counts[name] > 1),
            frozenset(name for name in names if 1 < counts[name] == len(candidates)),
        )

    @classmethod
    def from_space(cls, space: Space, n_candidates: float) -> "Recurrence":
        """From a space of which `n_candidates` are tried."""
        pairs = [pair for pair in zip(space.names, space.dimensions) if pair[0] is not None]
        names = {name for name, _ in pairs}
        unique = {name for name, dimension in pairs if dimension.n_values >= n_candidates}
        return cls(frozenset(map(str, names)), frozenset(map(str, unique)))

    def may_vary(self, name: str) -> bool:
        """Whether candidates may differ in a hyperparameter, or in the estimator that has it."""
        return any(_touches(varying, name) for varying in self.varying)

    def recurs(self, paths: Iterable[str], free: str | None = None) -> bool:
        """Whether several candidates may agree on all estimators at `paths`, and differ elsewhere.

        They may differ in the hyperparameter `free`.

        A path is the name of an estimator as a hyperparameter, such as ``"union__scaler"``.
        """
        touching = {name for path in paths for name in self.varying if _touches(name, path)}
        touching -= {free}
        return not touching & self.unique and touching != self.varying


def _touches(name: str, path: str) -> bool:
    """Whether a hyperparameter determines (a part of) the estimator at a path."""
    outer, _, last = name.rpartition("__")
    if last in _LISTS and (not outer or path.startswith(f"{outer}__")):
        return True
    return name == path or name.startswith(f"{path}__") or path.startswith(f"{name}__")
