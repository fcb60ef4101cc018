"""The first candidates of a Bayesian search, from knowledge of other data sets."""

from typing import Any

from sklearn.base import is_classifier, is_regressor

from skhyper._sklearn import MultimetricScorer, scorer_parts
from skhyper.evaluation import SampledCandidates
from skhyper.knowledge import Knowledge, KnowledgeStarts, Suggestions, knowledge_for
from skhyper.search._plan import Plan
from skhyper.search._task import Task
from skhyper.space import Space

_N_STARTS = 8
# From metrics of scikit-learn, and signs of their scorers, to those of the shipped tables.
_METRICS = {
    ("accuracy_score", 1): "error",
    ("balanced_accuracy_score", 1): "error",
    ("f1_score", 1): "error",
    ("matthews_corrcoef", 1): "error",
    ("log_loss", -1): "log_loss",
    ("brier_score_loss", -1): "log_loss",
    ("roc_auc_score", 1): "ranking",
    ("average_precision_score", 1): "ranking",
    ("r2_score", 1): "squared_error",
    ("explained_variance_score", 1): "squared_error",
    ("mean_squared_error", -1): "squared_error",
    ("root_mean_squared_error", -1): "squared_error",
    ("mean_absolute_error", -1): "squared_error",
}


def known_starts(search: Any, task: Task, plan: Plan) -> tuple[KnowledgeStarts | None, Suggestions]:
    """The first candidates of a search, for its sampler and as its attribute ``knowledge_``."""
    space = plan.space
    assert space is not None
    found = _knowledge(search, task, space)
    if search.knowledge is not None and not isinstance(plan.candidates, SampledCandidates):
        found = "every candidate of the space is tried"
    if isinstance(found, str):
        return None, Suggestions(reason=found)
    knowledge, own = found
    starts = KnowledgeStarts(knowledge, own, _N_STARTS, len(plan.attributes["_outside"]))
    suggested = starts(space)
    reason = "" if suggested else "the space has no candidate that it knows"
    return starts, Suggestions(suggested, knowledge.source, knowledge.data_sets, reason)


def _knowledge(search: Any, task: Task, space: Space) -> tuple[Knowledge, Any] | str:
    """The knowledge and the estimator's own values, or the reason without any."""
    given = search.knowledge
    if given is None:
        return "knowledge=None"
    if search.initial_points:
        return "there are initial_points"
    own = search.estimator.get_params(deep=True)
    if isinstance(given, Knowledge):
        return given, own
    if given != "auto":
        return Knowledge.load(given), own
    if search.use_gradients:
        return "use_gradients=True"
    if search.history is not None:
        return "there is a history to start from"
    metric = _metric(search.estimator, task)
    if metric is None:
        return "there is none for this score"
    shipped, own, reason = knowledge_for(search.estimator, space.names, task.X, task.y, metric)
    return reason if shipped is None else (shipped, own)


def _metric(estimator: Any, task: Task) -> str | None:
    """The metric of the shipped tables that stands for the optimized score, if there is one."""
    scorer = task.scorers
    if isinstance(scorer, MultimetricScorer):
        scorer = scorer._scorers.get(task.refit_metric, next(iter(scorer._scorers.values())))
    parts = scorer_parts(scorer)
    if parts is not None:
        return _METRICS.get((getattr(parts[0], "__name__", ""), parts[1]))
    if is_classifier(estimator):
        return "error"
    return "squared_error" if is_regressor(estimator) else None
