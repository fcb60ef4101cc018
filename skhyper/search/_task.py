"""The task of a search: checked data, routed metadata and scorers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.utils.validation import indexable

from skhyper._sklearn import check_method_params
from skhyper.evaluation import Objective, keep_of
from skhyper.search._rules import refit_rule
from skhyper.search._scoring import check_scoring_signature


@dataclass(frozen=True)
class Task:
    """Validated arguments of ``fit``, and objects made from them.

    `fit_params`, `split_params` and `score_params` are metadata, routed to the estimator's ``fit``,
    the splitter and the scorer; `scorers` is one scorer, or those of several metrics;
    `refit_metric` is the one that is optimized. `options` are arguments of ``fit`` that are not
    metadata (those in ``_fit_options``), `seen` are the arguments of scikit-learn's callbacks.
    """

    X: Any
    y: Any
    estimator: Any
    fit_params: Mapping[str, Any]
    split_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    scorers: Any
    refit_metric: str
    options: Mapping[str, Any]
    seen: Mapping[str, Any]

    def objective(self, search: Any, splits: Any) -> Objective:
        """The objective, which fits and scores one fold."""
        return Objective(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            splits=splits,
            scorer=self.scorers,
            fit_params=self.fit_params,
            score_params=self.score_params,
            error_score=search.error_score,
            return_train_score=search.return_train_score,
            verbose=search.verbose,
            quiet=not search._is_sklearn_search,
            keep=keep_of(search.keep, self.estimator, self.scorers, self.y),
        )

    @contextmanager
    def callback_context(self, search: Any, n_steps: int) -> Iterator[Any]:
        """The context of scikit-learn's callbacks in which the `n_steps` of a fit run."""
        root = search._init_callback_context(max_subtasks=n_steps)
        root.call_on_fit_task_begin(estimator=search, **self.seen)
        yield root
        root.call_on_fit_task_end(estimator=search, **self.seen)


def make_task(search: Any, X: Any, y: Any, params: Mapping[str, Any]) -> Task:
    """Check and route the arguments of ``fit``; uses no random numbers."""
    check_scoring_signature(search.scoring, y, as_sklearn=search._is_sklearn_search)
    scorers, refit_metric = search._get_scorers()
    X, y = indexable(X, y)
    options, params = _split_options(search, params)
    params = check_method_params(X, params=params)
    routed = search._get_routed_params_for_fit(params)
    weight = params.get("sample_weight")
    return Task(
        X=X,
        y=y,
        # Before the folds are drawn: both may share one RandomState, as in scikit-learn.
        estimator=clone(search.estimator),
        fit_params=routed.estimator.fit,
        split_params=routed.splitter.split,
        score_params=routed.scorer.score,
        scorers=scorers,
        refit_metric=refit_metric,
        options=options,
        seen={"X": X, "y": y, "metadata": None if weight is None else {"sample_weight": weight}},
    )


def _split_options(search: Any, params: Mapping[str, Any]) -> tuple[dict, dict]:
    """Options of ``fit``, and metadata, including the `fit_params` of the constructor."""
    params = {**(search.get_params(deep=False).get("fit_params") or {}), **params}
    if not all(isinstance(name, str) for name in params):
        raise TypeError(f"fit_params must have str as keys, got {search.fit_params!r}.")
    options = {name: params.pop(name) for name in search._fit_options if name in params}
    return options, params


def pick_score(search: Any) -> Callable[[Any], float]:
    """Function from the scores of a fold to the optimized one: that of `refit`, or the first."""

    def pick(scores: Any) -> float:
        if not isinstance(scores, dict):
            return scores
        if callable(search.scoring):
            search._check_refit_for_multimetric(scores)
        named = optimized_metric(search)
        return scores[next(iter(scores)) if named is None else named]

    return pick


def optimized_metric(search: Any) -> str | None:
    """Name of the metric that is optimized, if `refit` names one of several; else None."""
    rule = refit_rule(search)
    if rule is not None:
        return rule.metric
    return search.refit if isinstance(search.refit, str) else None
