"""Bands: groups of features that share a hyperparameter.

Notation
--------
p, B : number of features, of bands
labels : number of the band of each feature, (p,)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._sklearn import column_indices


@dataclass(frozen=True)
class Bands:
    """The band of each feature, `labels` (p,).

    `names` are those of the bands: keys of the dict, labels, or names or numbers of the features.
    """

    labels: np.ndarray
    names: list

    @classmethod
    def from_spec(cls, bands: Any, X: Any, n_features: int, feature_names: Any = None) -> "Bands":
        """The bands that an estimator's `bands` specifies: None, a dict, or labels (p,).

        X (n, p) is as the user passed it, since columns may be selected by names or types. Raises
        if a feature is in no band or in two.
        """
        if bands is None:
            names = range(n_features) if feature_names is None else feature_names
            return cls(np.arange(n_features), list(names))
        if isinstance(bands, Mapping):
            return cls(_labels_of(bands, X, n_features, feature_names), list(bands))
        given = np.asarray(bands)
        if given.shape != (n_features,):
            raise ValueError(
                f"bands must be None, a dict from names to columns, or an array with the label of "
                f"each feature, shape ({n_features},); got an array of shape {given.shape}."
            )
        names, labels = np.unique(given, return_inverse=True)
        return cls(labels.reshape(-1), names.tolist())

    def __len__(self) -> int:
        return len(self.names)

    def values(self, name: str, given: Any, low: float = 0.0, above: bool = False) -> np.ndarray:
        """The value of a hyperparameter for each band, (B,), from a number, an array or a dict.

        Raises unless all are finite and at least `low`, or above it. `name` is for messages.
        """
        if isinstance(given, Mapping):
            if set(given) != set(self.names):
                raise ValueError(
                    f"{name} must have one value for each band, {_some(self.names)}; got a dict "
                    f"with the keys {_some(list(given))}."
                )
            given = [given[band] for band in self.names]
        values = np.asarray(given, dtype=float)
        if values.ndim and values.shape != (len(self),):
            raise ValueError(
                f"{name} must be a number, a dict by band, or an array with one value for each of "
                f"the {len(self)} bands, {_some(self.names)}; got the shape {values.shape}."
            )
        allowed = values > low if above else values >= low
        if not np.all(np.isfinite(values) & allowed):
            raise ValueError(
                f"{name} must be finite and {'>' if above else '>='} {low:g}; got {given!r}."
            )
        return np.broadcast_to(values, (len(self),)).copy()

    def gradient(self, by_feature: np.ndarray, given: Any) -> Any:
        """Gradient with respect to the bands' values, of the type of `given`."""
        by_band = np.bincount(self.labels, weights=by_feature, minlength=len(self))
        if isinstance(given, Mapping):
            return {name: float(by_band[self.names.index(name)]) for name in given}
        return by_band if np.ndim(given) else float(by_band.sum())


def per_band_template(name: str, own: Mapping[str, Any]) -> Any:
    """Ones, one per band, if a hyperparameter is one number and the bands are known; else None.

    A search of ``alphas`` in one range then gives each band its own value. `name` may be nested,
    ``model__alphas``; `own` are the estimator's ``get_params(deep=True)``.
    """
    outer, _, inner = name.rpartition("__")
    bands = own.get(f"{outer}__bands" if outer else "bands")
    value = own[name]
    if inner not in _PER_BAND or bands is None or np.ndim(value) or isinstance(value, Mapping):
        return None
    if isinstance(bands, Mapping):
        return dict.fromkeys(bands, 1.0)
    return np.ones(len(np.unique(np.asarray(bands))))


_PER_BAND = ("alphas", "l1_weights", "l2_weights", "length_scales")


def _labels_of(bands: Mapping, X: Any, n_features: int, feature_names: Any) -> np.ndarray:
    """The number of the band of each feature, from a dict."""
    labels = np.full(n_features, -1)
    for number, (name, columns) in enumerate(bands.items()):
        columns = columns(X) if callable(columns) else columns
        for column in column_indices(X, columns):
            if labels[column] >= 0:
                other = list(bands)[labels[column]]
                which = column if feature_names is None else str(feature_names[column])
                raise ValueError(f"The feature {which!r} is in two bands, {other!r} and {name!r}.")
            labels[column] = number
    if (labels < 0).any():
        names = np.arange(n_features) if feature_names is None else np.asarray(feature_names)
        left = names[labels < 0].tolist()
        raise ValueError(f"The features {_some(left)} are in no band; add a band for them.")
    return labels


def _some(names: list) -> str:
    shown = ", ".join(map(repr, names[:8]))
    return f"[{shown}{', ...' if len(names) > 8 else ''}]"
