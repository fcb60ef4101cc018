"""Methods of a fitted search that use its trials, without further fits."""

from sklearn.utils.validation import check_is_fitted

from skhyper.search._corrected import CorrectedScore, corrected_score


class AfterSearch:
    """Mixin of searches: what their trials tell."""

    def corrected_score(
        self, *, metric: str | None = None, method: str = "bootstrap", level: float = 0.9
    ) -> CorrectedScore:
        """Score of the best candidate, corrected for its selection, without further fits.

        ``best_score_`` is that of the luckiest of many candidates, and so too high.

        Parameters
        ----------
        metric : str, default=None
            Name of the metric, if there are several; by default the optimized one.
        method : {"bootstrap", "leave-one-out", "tibshirani"}, default="bootstrap"
            See :func:`skhyper.inspection.corrected_score`.
        level : float, default=0.9
            Confidence of the interval.

        Returns
        -------
        score : CorrectedScore
            With `estimate` and `interval`.
        """
        check_is_fitted(self, "cv_results_")
        return corrected_score(self, metric=metric, method=method, level=level)
