"""Dependencies of a default range: the data, or other hyperparameters of the estimator."""

from collections.abc import Mapping
from typing import Any

from skhyper.space._default_data import Data
from skhyper.space._default_ranges import Spec

# Texts of the attributes of Data, and whether transformers before the estimator change them.
_TEXTS = {
    "n": ("n_samples", False),
    "p": ("n_features", True),
    "variance": ("variance of X", True),
    "alpha_max": ("correlation of X and y", True),
    "y_std": ("standard deviation of y", False),
}


class _Recorded:
    """Data that record which of their attributes are read."""

    def __init__(self, data: Data):
        self._data = data
        self.read: dict[str, None] = {}

    def __getattr__(self, name: str) -> Any:
        self.read[name] = None
        return getattr(self._data, name)


class _RecordedParams(dict):
    """Params that record which of them are read."""

    def __init__(self, own: Mapping[str, Any]):
        super().__init__(own)
        self.read: dict[str, None] = {}

    def __getitem__(self, name: str) -> Any:
        self.read[name] = None
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read[name] = None
        return super().get(name, default)


def dependencies(spec: Spec, data: Data, own: Mapping[str, Any]) -> str:
    """Dependencies of a range in words: ``"n_features, variance of X after StandardScaler"``."""
    recorded, params = _Recorded(data), _RecordedParams(own)
    spec(recorded, params)  # type: ignore[arg-type]
    used = [_TEXTS[name] for name in recorded.read if name in _TEXTS]
    text = ", ".join(name for name, _ in used)
    if data.path and any(changes for _, changes in used):
        text += f" after {', '.join(data.path)}"
    texts = [text, *(f"{name}={own[name]!r}" for name in params.read if name in own)]
    return "; ".join(filter(None, texts))
