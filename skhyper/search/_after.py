"""Methods of a fitted search that use its trials, without further fits."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skhyper.samplers import GPSampler, Sampler
from skhyper.samplers._skopt_result import skopt_result
from skhyper.search import _optuna
from skhyper.search._corrected import CorrectedScore, corrected_score


class AfterSearch:
    """Mixin of searches with methods that analyze or export their trials."""

    def corrected_score(
        self, *, metric: str | None = None, method: str = "auto", level: float = 0.9
    ) -> CorrectedScore:
        """Score of the best candidate, corrected for its selection, without further fits.

        ``best_score_`` is the score of the best of many candidates, and optimistically biased.

        Parameters
        ----------
        metric : str, default=None
            Name of the metric, if there are several; by default the optimized one.
        method : {"auto", "predictions", "bootstrap", "leave-one-out", "tibshirani"}, \
default="auto"
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

    def to_study(self, **options: Any) -> Any:
        """The trials as a study of Optuna, for its dashboard, plots and importances.

        Parameters
        ----------
        **options : object
            Arguments of ``optuna.create_study``, such as `study_name` and `storage`.

        Returns
        -------
        study : optuna.Study
            It maximizes the mean score. Stopped trials are pruned; the intermediate values are the
            mean scores of the first folds. Choices that are not numbers or strings are stored as
            text.
        """
        check_is_fitted(self, "history_")
        return _optuna.to_study(self, **options)

    def to_skopt(self) -> Any:
        """The trials as a result of scikit-optimize, for its plots.

        Returns
        -------
        result : OptimizeResult
            With the entries of ``skopt.gp_minimize``, which minimizes: values are losses. The
            last of ``models`` is a Gaussian process of all trials, if the search had none.

        Raises
        ------
        ValueError
            If the search has no search space.
        """
        check_is_fitted(self, "history_")
        space = self.space_  # type: ignore[attr-defined]
        if space is None:
            raise ValueError(
                "Results of scikit-optimize need a search space; there is only a list."
            )
        sampler = getattr(self, "sampler_", None)
        if not isinstance(sampler, Sampler) or sampler.model(space, self.history_) is None:  # type: ignore[attr-defined]
            sampler = GPSampler()
        return skopt_result(self.history_, space, sampler)  # type: ignore[attr-defined]
