"""The first candidates of a Bayesian search, from knowledge of other data sets."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from sklearn.base import clone, is_classifier, is_regressor

from skhyper._sklearn import MultimetricScorer, scorer_parts
from skhyper.evaluation import SampledCandidates
from skhyper.knowledge import (
    Branch,
    BranchStarts,
    Knowledge,
    KnowledgeStarts,
    Suggestions,
    branches_by,
    knowledge_for,
    names_of_last_step,
    own_values,
)
from skhyper.search._plan import Plan
from skhyper.search._task import Task
from skhyper.space import Space

# Number of known starts in all, and minimum number in each branch that has some.
_N_STARTS, _N_IN_BRANCH = 8, 2
_NO_CANDIDATE = "the space has no candidate that it knows"
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


def known_starts(search: Any, task: Task, plan: Plan) -> tuple[Any, Suggestions]:
    """The first candidates of a search, for its sampler and as its attribute ``knowledge_``."""
    space = plan.space
    assert space is not None
    reason = _reason_for_none(search, plan)
    if reason:
        return None, Suggestions(reason=reason)
    n_hidden = plan.candidates.n_hidden
    if search.knowledge != "auto":
        return _starts(_given(search.knowledge), own_values(search.estimator), space, n_hidden)
    for name in names_of_last_step(search.estimator):
        if name in space.names:
            return _branch_starts(search, task, space, name, n_hidden)
    shipped, own, reason = _shipped(search.estimator, task)
    if shipped is None:
        return None, Suggestions(reason=reason)
    return _starts(shipped, own, space, n_hidden)


def _given(knowledge: Any) -> Knowledge:
    if isinstance(knowledge, Knowledge):
        return knowledge
    try:
        return Knowledge.load(knowledge)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"There is no file {knowledge!r}: knowledge must be 'auto', a file that "
            "Knowledge.save wrote, a Knowledge, or None."
        ) from error


def _reason_for_none(search: Any, plan: Plan) -> str:
    """Why a search cannot begin with known candidates; empty if it can."""
    if search.knowledge is None:
        return "knowledge=None"
    if not isinstance(plan.candidates, SampledCandidates):
        return "every candidate of the space is tried"
    if search.initial_points:
        return "there are initial_points"
    if search.knowledge == "auto" and search.use_gradients:
        return "use_gradients=True"
    if search.knowledge == "auto" and search.history is not None:
        return "there is a history to start from"
    return ""


def _starts(
    knowledge: Knowledge, own: Mapping[str, Any], space: Space, n_hidden: int
) -> tuple[KnowledgeStarts, Suggestions]:
    starts = KnowledgeStarts(knowledge, own, _N_STARTS, n_hidden)
    suggested = starts(space)
    reason = "" if suggested else _reason_for_no_candidate(knowledge, space)
    return starts, Suggestions(suggested, knowledge.source, knowledge.data_sets, reason)


def _reason_for_no_candidate(knowledge: Knowledge, space: Space) -> str:
    if set(knowledge.ranges) & set(space.names):
        return _NO_CANDIDATE
    return f"none of {', '.join(knowledge.ranges)} is searched"


def _branch_starts(
    search: Any, task: Task, space: Space, name: str, n_hidden: int
) -> tuple[BranchStarts | None, Suggestions]:
    """Candidates of each value of the last step, in turn."""
    found = [(b, *_shipped(_estimator_of(search, b), task)) for b in branches_by(space, name)]
    n_branches = sum(knowledge is not None for _, knowledge, _, _ in found)
    n = max(_N_STARTS, _N_IN_BRANCH * n_branches)
    parts = []
    for branch, knowledge, own, reason in found:
        if knowledge is None:
            parts.append((branch.params, Suggestions(reason=reason)))
            continue
        own = {**own, **branch.params}  # the objects of the space, not clones
        chosen = knowledge.portfolio(space, own, -(-n // n_branches), branch.fixed)
        reason = "" if chosen else _NO_CANDIDATE
        suggested = Suggestions(chosen, knowledge.source, knowledge.data_sets, reason)
        parts.append((branch.params, suggested))
    known = [suggested for _, suggested in parts if suggested]
    in_turn = [params for row in zip_longest(*known) for params in row if params is not None][:n]
    sources = ", ".join(dict.fromkeys(suggested.source for suggested in known))
    data_sets = dict.fromkeys(name for suggested in known for name in suggested.data_sets)
    reason = "" if known else "; ".join(dict.fromkeys(s.reason for _, s in parts))
    starts = BranchStarts(tuple(in_turn), len(known), n_hidden) if known else None
    return starts, Suggestions(in_turn, sources, tuple(data_sets), reason, parts)


def _estimator_of(search: Any, branch: Branch) -> Any:
    """The estimator with the values that all candidates of a branch have."""
    return clone(search.estimator).set_params(**clone(dict(branch.params), safe=False))


def _shipped(estimator: Any, task: Task) -> tuple[Knowledge | None, Mapping[str, Any], str]:
    """The knowledge of an estimator, its own values, and the reason without any."""
    metric = _metric(estimator, task)
    if metric is None:
        return None, {}, "there is none for this score"
    return knowledge_for(estimator, task.X, task.y, metric)


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
