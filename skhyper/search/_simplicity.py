"""Order of hyperparameter values by the simplicity of the model.

Simpler models are smoother, sparser or smaller. Hyperparameters are known by the last part of
their names, as in ``"svc__C"``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# Smaller values make simpler models.
_SMALLER = (
    "C bins border_count coef0 degree depth eta0 gamma hidden_layer_sizes iterations k "
    "learning_rate learning_rate_init max_bins max_depth max_df max_features max_iter "
    "max_leaf_nodes max_samples n_clusters n_components n_estimators n_knots ngram_range "
    "num_leaves percentile subsample"
)
# Larger values make simpler models.
_LARGER = (
    "alpha alphas ccp_alpha epsilon l1_ratio l1_weights l2_leaf_reg l2_regularization lambda_l1 "
    "lambda_l2 length_scale length_scales min_child_samples min_child_weight min_data_in_leaf "
    "min_df min_impurity_decrease min_samples_leaf min_samples_split n_neighbors reg_alpha "
    "reg_lambda reg_param shrinkage threshold var_smoothing"
)
_SIGN = dict.fromkeys(_SMALLER.split(), 1) | dict.fromkeys(_LARGER.split(), -1)


def complexities(
    params: Sequence[Mapping[str, Any]], simpler: Callable[[dict[str, Any]], Any] | None = None
) -> np.ndarray:
    """Ranks of candidates (T,), the simplest first; those of ties are equal.

    Parameters
    ----------
    params : sequence of dict
    simpler : callable, default=None
        ``simpler(params)`` is a key, a number or a tuple, that is smaller for simpler models. By
        default the ranks of known hyperparameters are averaged, all with the same weight; those
        that a candidate lacks count as simplest.

    Raises
    ------
    ValueError
        If no hyperparameter that varies is known.
    """
    if simpler is not None:
        return _ranks([simpler(dict(p)) for p in params])
    names = list(dict.fromkeys(name for p in params for name in p))
    known = [name for name in names if name.rpartition("__")[2] in _SIGN]
    ranks = [r for r in (_ranks_of(name, params) for name in known) if r.max() > 0]
    if not ranks:
        raise ValueError(
            f"The candidates differ in {names}, for which it is unknown what makes a model "
            "simpler. Use refit=one_standard_error(simpler=key) of skhyper.inspection, with a "
            "function key(params) that is smaller for simpler models."
        )
    return np.mean([r / r.max() for r in ranks], axis=0)


def _ranks(keys: Sequence[Any]) -> np.ndarray:
    """Position of each key among the distinct keys."""
    distinct: list[Any] = []
    for key in sorted(keys):
        if not distinct or key != distinct[-1]:
            distinct.append(key)
    return np.array([distinct.index(key) for key in keys], dtype=float)


def _ranks_of(name: str, params: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Ranks of the values of a hyperparameter; all 0 if they are not sizes."""
    sign = _SIGN[name.rpartition("__")[2]]
    sizes = [_size(p[name]) if name in p else -np.inf for p in params]
    if any(size is None for size in sizes):
        return np.zeros(len(params))
    return _ranks([size if size == -np.inf else sign * size for size in sizes])


def _size(value: Any) -> float | None:
    """A number, the sum of several; None, no limit, is infinite; None if there is no size."""
    if value is None:
        return np.inf
    if isinstance(value, Mapping):
        value = list(value.values())
    try:
        return float(np.sum(np.asarray(value, dtype=float)))
    except (TypeError, ValueError):
        return None
