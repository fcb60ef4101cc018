"""The sections of a report, each a function from a record to HTML."""

import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from skhyper._text import duration, shortened
from skhyper.inspection import compare, corrected_score, inspect
from skhyper.plotting._axes import position_in
from skhyper.reporting import _charts
from skhyper.reporting._code import code_of
from skhyper.reporting._failures import failures_of
from skhyper.reporting._importance import (
    SLOW,
    importance_bars,
    importance_caption,
    importance_of,
)
from skhyper.reporting._page import cards, facts, figure, page, plain_table, table, text
from skhyper.reporting._predictions import predictions
from skhyper.reporting._record import Record, if_possible
from skhyper.space._text import COLUMNS, rows

# Cells of the table of trials; of more trials the best are listed.
_MAX_CELLS = 25_000
_MAX_SCATTERS = 12  # pictures that are open at first; the others are collapsed
_MAX_TIED = 10
_NEAR_END = 0.02  # share of a range
_MIN_VALUES = 10  # of ranges with fewer values the ends are often the best
_PACKAGES = ("skhyper", "scikit-learn", "numpy", "scipy", "joblib", "scikit-optimize")


def whole_page(record: Record) -> str:
    """The page of a report."""
    name = type(record.search).__name__
    sections = {
        "The question": question(record),
        "The answer": answer(record),
        "Pictures": pictures(record),
        "Out-of-fold predictions": predictions(record),
        "Trials": trials(record),
        "Failures": failures(record),
        "The fitted model": model(record),
        "Repeat it": repetition(record),
    }
    return page(
        f"{name} of {_estimator_name(record.search.estimator)}",
        {title: content for title, content in sections.items() if content},
        cards(main_figures(record)),
    )


def _estimator_name(estimator: Any) -> str:
    """Name of the class; of a pipeline with its steps."""
    name = type(estimator).__name__
    steps = getattr(estimator, "steps", None)
    if not isinstance(steps, list):
        return name
    classes = [s if isinstance(s, str) else type(s).__name__ for _, s in steps]
    return f"{name} ({shortened(', '.join(classes), 120)})"


def main_figures(record: Record) -> dict[str, str]:
    """The figures at the top."""
    best = "none" if record.best is None else f"{-record.best.loss:.4g}"
    seconds = float(np.nansum([t.seconds for t in record.trials]))
    return {
        f"best {record.metric}": best,
        "trials": str(len(record.trials)),
        "without a score": str(len(record.failed)),
        "fitting and scoring": duration(seconds),
    }


def question(record: Record) -> str:
    """What was searched, on what data, and how it was scored."""
    search = record.search
    pairs = {
        "estimator": f"<code>{text(shortened(repr(search.estimator), 600))}</code>",
        "data": text(_data(search)),
        "folds": text(_folds(search, record)),
        "score": text(_scoring(record)),
        "ended": text(getattr(search, "stop_reason_", "every candidate was tried")),
    }
    return facts(pairs) + "<h3>Search space</h3>" + _space(record)


def _data(search: Any) -> str:
    samples = getattr(getattr(getattr(search, "history_", None), "splits", None), "n_samples", None)
    features = getattr(search, "n_features_in_", None)
    parts = [] if samples is None else [f"{samples} samples"]
    parts += [] if features is None else [f"{features} features"]
    classes = getattr(search, "classes_", None)
    if isinstance(classes, np.ndarray):
        shown = ", ".join(map(str, classes[:10])) + (", …" if len(classes) > 10 else "")
        parts.append(f"{len(classes)} classes: {shown}")
    names = getattr(search, "feature_names_in_", None)
    if names is not None:
        parts.append("named " + ", ".join(map(str, names[:8])) + (", …" if len(names) > 8 else ""))
    return "; ".join(parts) or "their shape is not stored by this search"


def _folds(search: Any, record: Record) -> str:
    n = getattr(search, "n_splits_", None) or len(record.trials[0].scores)
    splits = getattr(getattr(search, "history_", None), "splits", ())
    splitter = getattr(splits, "splitter", None) or getattr(search, "cv", None)
    drawn = "" if splitter is None else f", cv={shortened(repr(splitter), 200)}"
    sizes = getattr(splits, "sizes", ())
    if not sizes:
        return f"{n} folds{drawn}"
    train, test = zip(*sizes)
    return f"{n} folds{drawn}; {_span(train)} samples for training, {_span(test)} for scoring"


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _scoring(record: Record) -> str:
    others = [name for name in record.metrics if name != "training score"]
    also = f"; also computed: {', '.join(others)}" if others else ""
    return f"{record.metric}, the mean over the folds; greater is better{also}"


def _space(record: Record) -> str:
    """The search space as a table, or as the search's own argument."""
    if record.space is not None:
        lines = [[shortened(cell, 300) for cell in row] for row in rows(record.space)]
        used = [i for i in range(len(COLUMNS)) if any(line[i] for line in lines)]
        columns = [COLUMNS[i] for i in used]
        return plain_table(columns, [[line[i] for i in used] for line in lines], "search space")
    for name in ("param_grid", "param_distributions", "search_spaces"):
        value = getattr(record.search, name, None)
        dicts: list[Any] = [
            p for p in (value if isinstance(value, list) else [value]) if hasattr(p, "items")
        ]
        lines = [[k, shortened(_spec(v), 300)] for part in dicts for k, v in part.items()]
        if lines:
            return plain_table(["name", "values"], lines, "search space")
    return "<p>An explicit list of candidates: see the trials.</p>"


def _spec(value: Any) -> str:
    """Values of a hyperparameter as the user gave them."""
    if hasattr(value, "dist") and hasattr(value, "kwds"):
        arguments = [f"{a:.6g}" if isinstance(a, float) else repr(a) for a in value.args]
        arguments += [f"{name}={v!r}" for name, v in value.kwds.items()]
        return f"{value.dist.name}({', '.join(arguments)})"
    return repr(value)


def answer(record: Record) -> str:
    """The best candidate and its score, and what cannot be distinguished from it."""
    best = record.best
    if best is None:
        return f"<p>None of {len(record.trials)} trials has a score.</p>"
    lines = [[name, value_text(v, 200), _place(record, name)] for name, v in best.params.items()]
    noted = any(line[2] for line in lines)
    columns = ["hyperparameter", "best value", "note"][: 3 if noted else 2]
    best_table = plain_table(columns, [line[: len(columns)] for line in lines], "best candidate")
    n_folds = int(np.isfinite(best.scores).sum())
    error = best.standard_error
    spread = f" ± {error:.2g} (standard error over {n_folds} folds)" if np.isfinite(error) else ""
    pairs = {
        "score": f"<b>{-best.loss:.4g}</b>{text(spread)}",
        "trial": f"number {best.number}, of {len(record.trials)}",
    }
    corrected = if_possible(corrected_score, record)
    if corrected is not None:
        low, high = corrected.interval
        pairs["corrected"] = (
            f"<b>{corrected.estimate:.4g}</b>, {100 * corrected.level:.0f} % interval {low:.4g} to "
            f"{high:.4g}. The score is that of the best of {len(record.scored)} candidates, and so "
            f"optimistic; this one is corrected for the selection (method: {corrected.method})."
        )
    return facts(pairs) + best_table + _ties(record)


def _ties(record: Record) -> str:
    """Candidates that cannot be distinguished from the best one."""
    found = if_possible(compare, record)
    if found is None:
        return ""
    tied = np.flatnonzero(found.tied)
    first = tied[:_MAX_TIED]
    lines = [
        [
            str(found.rows[i]),
            _number(found.mean[i]),
            f"{found.difference[i]:.2g} ± {found.standard_error[i]:.2g}" if i else "",
            ", ".join(f"{name}={value_text(v)}" for name, v in found.params[i].items()),
        ]
        for i in first
    ]
    columns = ["trial", record.metric, "worse than the best by", "hyperparameters"]
    more = f" The first {len(first)} of them:" if len(first) < len(tied) else ""
    return (
        "<h3>What cannot be distinguished from the best</h3>"
        f"<p>{len(tied)} of {len(found)} candidates, the "
        f"best included, at level {found.level:g} (paired test over the folds, corrected for "
        f"shared training samples).{more}</p>" + plain_table(columns, lines, "tied candidates")
    )


def _place(record: Record, name: str) -> str:
    """A note if the best value is at an end of its range; empty otherwise."""
    space, best = record.space, record.best
    if space is None or best is None:
        return ""
    columns = [i for i, other in enumerate(space.names) if other == name]
    if len(columns) != 1:
        return ""
    dimension = space.dimensions[columns[0]]
    if not hasattr(dimension, "prior") or dimension.n_values < _MIN_VALUES:
        return ""
    u = position_in(space, columns[0], best.params[name])
    if np.isnan(u):
        return "outside of the search space"
    end = "lower" if u < _NEAR_END else "upper" if u > 1 - _NEAR_END else ""
    return f"at the {end} end of its range: a wider one may be better" if end else ""


def value_text(value: Any, width: int = 60) -> str:
    """A value of a hyperparameter in at most `width` characters."""
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.size > 4:
        return f"{value.size} numbers, {value.min():.4g} to {value.max():.4g}"
    named = getattr(value, "__name__", None)
    return shortened(named if isinstance(named, str) else str(value), width)


def pictures(record: Record) -> str:
    """Convergence, importance, and the scores over each hyperparameter."""
    caption = (
        "Score of each trial (dots) and the best so far (line). Triangles are scores below the "
        "axis, crosses are trials without a score."
    )
    if any(t.state == "stopped" for t in record.trials):
        caption += " Small dots are trials that were stopped early, with the score of some folds."
    shown = [figure(_charts.convergence(record.results, record.metric), caption)]
    found = importance_of(record, SLOW)
    order = {}
    if found is not None:
        shown.append(figure(importance_bars(found), importance_caption(found)))
        order = {name: i for i, name in enumerate(found.names)}
    parts = [f"<div class=figures>{''.join(shown)}</div>"]
    if found is None and len(record.trials) * len(record.names) > SLOW:
        parts.append("<p class=soft>Importance was not computed: it would take long.")
    drawn = _charts.scatter_data(record.results)
    drawn.sort(key=lambda data: order.get(_without_component(data.axis.label), len(order)))
    scatters = [
        figure(_charts.scatter(data, record.results, record.metric), _not_shown(data))
        for data in drawn
    ]
    first, rest = scatters[:_MAX_SCATTERS], scatters[_MAX_SCATTERS:]
    if first:
        parts.append("<h3>Score over each hyperparameter</h3><p class=soft>Rings: the best trial.")
        parts.append(f"<div class=figures>{''.join(first)}</div>")
    if rest:
        inner = f"<div class=figures>{''.join(rest)}</div>"
        parts.append(f"<details><summary>{len(rest)} more</summary>{inner}</details>")
    names = {_without_component(data.axis.label) for data in drawn}
    if skipped := [name for name in record.names if name not in names]:
        listed = text(shortened(", ".join(skipped), 400))
        parts.append(f"<p class=soft>Not drawn, since there are too many choices: {listed}")
    return "".join(parts)


def _without_component(name: str) -> str:
    """The name of a hyperparameter, without ``[2]`` for a component."""
    return name.partition("[")[0]


def _not_shown(data: _charts.Scatter) -> str:
    """Why trials are missing in a picture; empty if none is."""
    parts = [f"{n} with {value}" for value, n in data.missing.items() if value != "inactive"]
    if n_inactive := data.missing.get("inactive"):
        parts.insert(0, f"{n_inactive} trials where it is inactive")
    return f"Not shown: {shortened(' and '.join(parts), 200)}." if parts else ""


def trials(record: Record) -> str:
    """All trials, the best first; stopped ones after complete ones."""
    states = {"complete": 0, "stopped": 1}
    order = sorted(record.trials, key=lambda t: (states.get(t.state, 2), t.loss))
    position = {id(t): i for i, t in enumerate(record.trials)}
    with_state = len({t.state for t in record.trials}) > 1
    columns = ["trial", record.metric, "std. error", *record.names, "seconds"]
    columns += ["state"] * with_state + list(record.metrics)
    n_rows = max(50, _MAX_CELLS // len(columns))
    lines = []
    for t in order[:n_rows]:
        line = [str(t.number), _number(-t.loss), _number(t.standard_error, 2)]
        line += [value_text(t.params[n]) if n in t.params else "" for n in record.names]
        line += [_number(t.seconds, 3)] + [str(t.state)] * with_state
        lines.append(line + [_number(m[position[id(t)]]) for m in record.metrics.values()])
    marked = next((i for i, t in enumerate(order[:n_rows]) if t is record.best), None)
    right = {*columns} - {*record.names, "state"}
    in_order = "" if any(t.state == "stopped" for t in record.trials) else record.metric
    shown = table(columns, lines, sorted(right), in_order, marked, "trials")
    note = "<p class=soft>Press a heading to sort by it."
    if len(order) > n_rows:
        note += f" The best {n_rows} of {len(order)} trials; the search has all of them."
    return f"{note}</p>{shown}"


def _number(x: float, digits: int = 5) -> str:
    return f"{x:.{digits}g}" if np.isfinite(x) else ""


def failures(record: Record) -> str:
    """Failed trials, grouped by their message; empty without any."""
    parts = []
    for group in failures_of(record.trials):
        n = len(group.trials)
        numbers = shortened(", ".join(str(t.number) for t in group.trials), 120)
        example = ", ".join(f"{k}={value_text(v)}" for k, v in group.trials[0].params.items())
        trace = group.trials[0].message
        details = f"<pre>{text(trace)}</pre>" if trace.strip() else ""
        plural = "trials" if n > 1 else "trial"
        message = text(shortened(group.message, 300))
        parts.append(
            f"<details><summary><b>{n} {plural}</b>: {message}</summary><p class=soft>{plural} "
            f"{text(numbers)}; the first: {text(example)}</p>{details}</details>"
        )
    return "".join(parts)


def model(record: Record) -> str:
    """Parameters and hyperparameters of the fitted pipeline."""
    fitted = getattr(record.search, "best_estimator_", None)
    if fitted is None:
        return "<p>No candidate was fitted to all data.</p>"
    kinds = "<p><i>Parameters</i> were learned by fit; <i>hyperparameters</i> were set before.</p>"
    tables = inspect(fitted)._repr_html_()
    scrollable = '<div class=scroll tabindex=0 role=region aria-label="parameters"><table>'
    tables = tables.replace("<table>", scrollable).replace("</table>", "</table></div>")
    return kinds + tables


def repetition(record: Record) -> str:
    """Lines of code that repeat the search, and versions."""
    best = None if record.best is None else record.best.params
    code = code_of(record.search, best)
    versions = {"Python": platform.python_version()}
    packages = [*_PACKAGES, *_other_packages(record.search)]
    for name in dict.fromkeys(packages):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    return (
        f"<p>X and y are your data. {text(_repeatable(record.search))}</p>"
        f"<pre><code>{text(code)}</code></pre>"
        f"<p class=soft>Versions where this page was written: {text(listed)}.</p>"
    )


def _repeatable(search: Any) -> str:
    """Whether the code gives the same trials."""
    params = search.get_params(deep=False)
    used = [name for name in ("history", "journal", "warm_start") if params.get(name)]
    if used:
        return f"The search also started from earlier trials ({', '.join(used)})."
    if "random_state" in params and params["random_state"] is None:
        return "Without a random_state, other candidates are tried each time."
    return ""


def _other_packages(search: Any) -> list[str]:
    """Top-level packages of the estimators in the search."""
    values = [search.estimator, *search.estimator.get_params(deep=True).values()]
    modules = (type(v).__module__.split(".")[0] for v in values if hasattr(v, "get_params"))
    return [m for m in Counter(modules) if m != "sklearn"]
