"""Training and validation score over rounds of boosting, trees or epochs."""

from typing import Any

import numpy as np

from skhyper.inspection import IterationCurve, iteration_curve
from skhyper.plotting._style import BLUE, ORANGE, legend_above, one_axes

# From this number of iterations on, their axis is logarithmic.
_N_LOG = 50


class IterationCurveDisplay:
    """Training and validation score over the iterations of the best candidate, with their folds.

    Lines are means over the folds, bands their standard deviation. The dotted line is at the
    highest validation score.

    Parameters
    ----------
    data : IterationCurve
        From :func:`skhyper.inspection.iteration_curve`.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.ensemble import GradientBoostingClassifier
    >>> from skhyper import GridSearchCV
    >>> from skhyper.plotting import IterationCurveDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> model = GradientBoostingClassifier(n_estimators=30, max_depth=1, random_state=0)
    >>> search = GridSearchCV(model, {"learning_rate": [0.1, 1.0]}, keep="models").fit(X, y)
    >>> IterationCurveDisplay.from_search(search, X, y).ax_.get_xlabel()
    'n_estimators'
    """

    def __init__(self, data: IterationCurve):
        self.data = data

    @classmethod
    def from_search(
        cls, search: Any, X: Any, y: Any, *, n_points: int = 20, ax: Any = None
    ) -> "IterationCurveDisplay":
        """Draw the curves of a search.

        Parameters
        ----------
        search : fitted search
            With ``keep="models"``.
        X, y : array-like
            The data that it was fitted to.
        n_points : int, default=20
            Maximum number of iterations at which scores are computed.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : IterationCurveDisplay
        """
        return cls(iteration_curve(search, X, y, n_points=n_points)).plot(ax=ax)

    def plot(self, ax: Any = None) -> "IterationCurveDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure by default.

        Returns
        -------
        display : IterationCurveDisplay
        """
        data = self.data
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        parts = (("training", ORANGE, "--", data.train), ("validation", BLUE, "-", data.test))
        for label, color, style, scores in parts:
            mean, std = scores.mean(axis=0), scores.std(axis=0)
            ax.plot(data.iterations, mean, style, color=color, marker="o", ms=3, label=label)
            ax.fill_between(data.iterations, mean - std, mean + std, color=color, alpha=0.15, lw=0)
        if np.isfinite(data.test.mean(axis=0)).any():
            ax.axvline(data.best, color="0.4", ls=":", lw=1.2, label=f"best: {data.best}")
        if data.iterations[-1] >= _N_LOG:
            ax.set_xscale("log")
        ax.set_xlabel(data.name)
        ax.set_ylabel(data.metric.replace("_", " "))
        ax.grid(alpha=0.25)
        legend_above(ax)
        return self
