"""How much each hyperparameter matters, from the trials of a search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skhyper._text import Table, as_text
from skhyper.inspection._surrogates import Forest, ProductGP
from skhyper.inspection._trials import Located, located
from skhyper.space import Space

# Number of cells of each axis, except for categories.
_N_CELLS = 64
# Minimum number of trials for a decomposition of the variance.
_MIN_TRIALS = 5
# Interactions are computed among the columns with the largest main effects: d² is too many.
_MAX_PAIRED = 12
_N_SHOWN = 5  # maximum number of interactions in the table


@dataclass(frozen=True, eq=False, repr=False)
class Importance:
    """Importance of each hyperparameter: the result of :func:`importance`.

    Attributes
    ----------
    names : tuple of str
        The hyperparameters, the most important first.
    main : ndarray of shape (n_names,)
        Share of the variance of the loss over the search space that a hyperparameter explains
        alone, averaged over all others.
    main_std : ndarray of shape (n_names,)
        Standard deviation of `main` over refits of the surrogate to bootstrap samples.
    interactions : ndarray of shape (n_names, n_names)
        Share that two hyperparameters explain together, beyond their main effects; symmetric, 0
        on the diagonal, nan where it was not computed.
    local : ndarray of shape (n_names,)
        Importance around the best trial: variance of the loss if one hyperparameter varies and
        all others keep their best values, as a share of the sum over all.
    active : ndarray of shape (n_names,)
        Share of the trials in which the hyperparameter was active.
    r2 : float
        Share of the variance that the surrogate predicts for trials it has not seen. If it is
        low, so is the value of everything above.
    surrogate : {"gp", "forest"}
    n_trials, n_omitted : int
        Number of trials that were used, and of those that failed or lie out of the space.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import RandomizedSearchCV
    >>> from skhyper.inspection import importance
    >>> from skhyper.space import Real
    >>> space = {"C": Real(1e-3, 1e3, log=True), "tol": Real(1e-6, 1e-3, log=True)}
    >>> search = RandomizedSearchCV(SVC(), space, n_iter=30, random_state=0)
    >>> found = importance(search.fit(*load_iris(return_X_y=True)))
    >>> bool(found.main[0] > 0.5), found.surrogate
    (True, 'gp')
    """

    names: tuple[str, ...]
    main: np.ndarray
    main_std: np.ndarray
    interactions: np.ndarray
    local: np.ndarray
    active: np.ndarray
    r2: float
    surrogate: str
    n_trials: int
    n_omitted: int

    def pairs(self) -> list[tuple[str, str, float]]:
        """Pairs of hyperparameters with their interaction, the largest first."""
        rows, columns = np.triu_indices(len(self.names), 1)
        found = [
            (self.names[i], self.names[j], float(self.interactions[i, j]))
            for i, j in zip(rows, columns)
            if not np.isnan(self.interactions[i, j])
        ]
        return sorted(found, key=lambda pair: -pair[2])

    def to_frame(self) -> Any:
        """A pandas ``DataFrame`` with a row per hyperparameter."""
        import pandas

        columns = {c: getattr(self, c) for c in ("main", "main_std", "local", "active")}
        return pandas.DataFrame(columns, index=pandas.Index(self.names, name="hyperparameter"))

    def __repr__(self) -> str:
        omitted = f", {self.n_omitted} omitted" if self.n_omitted else ""
        columns = ("hyperparameter", "alone", "+-", "near the best", "active")
        values = zip(self.main, self.main_std, self.local, self.active)
        rows = [
            (name, *(f"{100 * x:.0f} %" for x in row))
            for name, row in zip(self.names, values, strict=True)
        ]
        title = (
            f"Importance: share of the variance of the loss ({self.n_trials} trials{omitted}; "
            f"{self.surrogate}, R2 {self.r2:.2f})"
        )
        text = as_text(Table(title, columns, rows, "to_frame()", frozenset(columns[1:])))
        pairs = [(f"{a} x {b}", f"{100 * v:.0f} %") for a, b, v in self.pairs() if v >= 0.005]
        if pairs:
            table = Table("Interactions", ("pair", "share"), pairs[:_N_SHOWN], "", frozenset())
            text += "\n" + as_text(table)
        return text


def importance(
    source: Any,
    *,
    metric: str | None = None,
    space: Space | None = None,
    surrogate: str = "auto",
    random_state: int = 0,
) -> Importance:
    """How much each hyperparameter matters, by functional analysis of variance (fANOVA).

    Parameters
    ----------
    source : History, fitted search or dict
        Trials of any sampler: a history, a search of skhyper or scikit-learn, or its
        ``cv_results_``.
    metric : str, default=None
        Name of a metric, if there are several; or a column of ``cv_results_`` to explain, such
        as "mean_fit_time". Needs a search or ``cv_results_``.
    space : Space, default=None
        Search space, over which variances are computed. By default that of the search; without
        one it is inferred: the range of values, on the scale on which they are spread more
        evenly, or the choices.
    surrogate : {"auto", "gp", "forest"}, default="auto"
        Model of the loss. A Gaussian process is more accurate with few trials; a forest of
        regression trees also supports conditional hyperparameters. By default the former unless
        there are any.
    random_state : int, default=0
        Seed of the bootstrap samples.

    Returns
    -------
    importance : Importance
        Printed as a table.

    Raises
    ------
    ValueError
        If fewer than five trials are complete.

    Notes
    -----
    Shares are of the variance over the entire space, where most candidates may be bad: `local`
    tells what matters around the best one. The effect of a conditional hyperparameter includes
    that of the candidates where it is inactive, in which it has none.

    References
    ----------
    Hutter, Hoos, Leyton-Brown (2014), "An efficient approach for assessing hyperparameter
    importance", ICML. Biedenkapp et al. (2018), "CAVE: configuration assessment, visualization
    and evaluation", LION (local importance).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import RandomizedSearchCV
    >>> from skhyper.inspection import importance
    >>> from skhyper.space import Real
    >>> space = {"C": Real(1e-3, 1e3, log=True), "tol": Real(1e-6, 1e-3, log=True)}
    >>> search = RandomizedSearchCV(SVC(), space, n_iter=30, random_state=0)
    >>> importance(search.fit(*load_iris(return_X_y=True))).names
    ('C', 'tol')
    """
    if surrogate not in ("auto", "gp", "forest"):
        raise ValueError(f"surrogate must be 'auto', 'gp' or 'forest'; got {surrogate!r}.")
    trials = located(source, metric, space)
    if len(trials.losses) < _MIN_TRIALS:
        raise ValueError(
            f"Importance needs at least {_MIN_TRIALS} complete trials in the search space; got "
            f"{len(trials.losses)}, and {trials.n_omitted} that failed or lie outside of it."
        )
    conditional = bool(np.isnan(trials.points).any())
    if surrogate == "gp" and conditional:
        raise ValueError(
            "surrogate='gp' does not support conditional hyperparameters: use 'forest'."
        )
    if surrogate == "auto":
        surrogate = "forest" if conditional else "gp"
    rng = np.random.default_rng(random_state)
    return _decomposed(trials, surrogate, rng)


def _decomposed(trials: Located, surrogate: str, rng: np.random.Generator) -> Importance:
    choices = [_choices(dimension) for dimension in trials.dimensions]
    n_cells = [_N_CELLS if features is None else len(features) for features in choices]
    model: Forest | ProductGP
    if surrogate == "gp":
        model = ProductGP.fit(trials.points, trials.losses, n_cells, choices, rng)
    else:
        model = Forest.fit(trials.points, trials.losses, n_cells, rng)
    parts = model.parts()
    variances = _positive(model.variances(), trials.losses)
    shares = np.array([p.main_effects() for p in parts]) / variances[:, None]
    paired = np.argsort(-shares[0], kind="stable")[:_MAX_PAIRED]
    together = parts[0].interactions(list(paired)) / variances[0]
    local = _local(model, trials, n_cells)
    local /= _positive(local.sum(), trials.losses)
    names = list(dict.fromkeys(trials.names))
    # A vector, or a name in several sub-spaces, has several columns.
    groups = [np.flatnonzero([own == name for own in trials.names]) for name in names]
    main = np.array([_of_group(shares[0], together, g) for g in groups])
    order = np.argsort(-main, kind="stable")
    between = np.array([[np.nansum(together[np.ix_(a, b)]) for b in groups] for a in groups])
    unknown = np.array([[np.isnan(together[np.ix_(a, b)]).all() for b in groups] for a in groups])
    between[unknown] = np.nan
    np.fill_diagonal(between, 0.0)
    active = ~np.isnan(trials.points)
    return Importance(
        tuple(names[i] for i in order),
        main[order],
        np.array([_spread(shares[1:, g].sum(axis=1)) for g in groups])[order],
        between[np.ix_(order, order)],
        np.array([local[g].sum() for g in groups])[order],
        np.array([active[:, g].any(axis=1).mean() for g in groups])[order],
        model.r2,
        surrogate,
        len(trials.losses),
        trials.n_omitted,
    )


def _positive(variances: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Variances; nan for those that are rounding errors beside the variance of the losses."""
    least = 1e-12 * losses.var() + 1e-24 * np.mean(losses**2)
    positive: np.ndarray = np.where(variances > least, variances, np.nan)
    return positive


def _spread(shares: np.ndarray) -> float:
    """Standard deviation of the shares that are known."""
    known = shares[np.isfinite(shares)]
    return float(known.std()) if known.size else np.nan


def _choices(dimension: Any) -> np.ndarray | None:
    """Features (n_values, p) of choices, numbers by their value; None for a range.

    Choices of different probability are treated as a range: their cells differ in size.
    """
    if dimension.kind not in ("categorical", "ordinal") or dimension.weights is not None:
        return None
    n, places = int(dimension.n_values), dimension.places
    if places is not None and not np.isnan(places).any():
        return np.asarray(places)[:, None]
    return (np.arange(n)[:, None] + 0.5) / n if dimension.kind == "ordinal" else np.eye(n)


def _of_group(shares: np.ndarray, together: np.ndarray, group: np.ndarray) -> float:
    """Share of several columns: their main effects, and their interactions with one another."""
    return float(shares[group].sum() + np.nansum(np.triu(together[np.ix_(group, group)], 1)))


def _local(model: Any, trials: Located, n_cells: Sequence[int]) -> np.ndarray:
    """Variance of the loss along each axis through the best trial, (d,)."""
    best = trials.points[np.argmin(trials.losses)]
    inactive = np.isnan(best)
    found = np.zeros(len(best))
    for column in np.flatnonzero(~inactive).tolist():
        axis = np.tile(np.where(inactive, 0.5, best), (n_cells[column], 1))
        axis[:, column] = (np.arange(n_cells[column]) + 0.5) / n_cells[column]
        found[column] = model.predict(axis).var()
    found[inactive] = np.nan if inactive.all() else 0.0
    return found
