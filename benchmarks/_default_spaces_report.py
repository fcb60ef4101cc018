"""Sections of REPORT.md about default search spaces."""

from _markdown import provenance, table

_PAIRS = (("full", "defaults"), ("full", "grid"), ("small", "full"))


def default_spaces(result):
    lines = ["## Default spaces: held-out scores", ""]
    lines += [
        "`BayesSearchCV(estimator)` without a search space, 30 trials, against the estimator's own "
        "defaults and against `GridSearchCV` with a hand-written grid of about 60 candidates, on "
        "real data sets: a third of at most 900 rows is held out. Mean difference of the held-out "
        "loss ± its standard error over data sets, negative where the first is better, and the "
        "number of data sets on which it is worse. The loss is the error rate of decision trees, "
        "k-NN and SVC, the log-loss of other classifiers, 1 - R2 in regression. *Small* is the "
        'space of `size="small"`; 0 where it is the same, - where not measured.',
        "",
    ]
    rows = []
    for family, found in result["summary"].items():
        cells = [cell(found.get(f"loss: {one} - {other}")) for one, other in _PAIRS]
        ratio = f"{found['cpu: full / grid']:.2g}"
        rows.append([family, str(found["data sets"]), *cells, ratio])
    head = [f"{one} - {other}" for one, other in _PAIRS]
    lines += [*table(["family", "data sets", *head, "CPU time, full / grid"], rows), ""]
    return lines + provenance(result | {"seeds": []})


def cell(entry):
    if entry is None:
        return "-"
    mean, error, n_worse = entry
    return f"{mean:+.4f} ± {error:.4f} ({n_worse})"


def default_space_times(result):
    lines = ["## Default spaces: the slowest candidates", ""]
    lines += [
        "CPU time of a fit relative to that of the estimator's defaults, on 2,000 rows with 20 "
        "features: all hyperparameters at their slower ends (the slowest of up to three such "
        "candidates), and the slowest of three random candidates. Bar: 20, or 1 s where the "
        "defaults take no time.",
        "",
    ]
    rows = []
    for name, found in sorted(result["results"].items()):
        seconds = found["default_cpu_seconds"]
        slowest = found["slowest_ratio"]
        met = slowest <= 20 or slowest * seconds <= 1
        text = f"{slowest:.3g}"
        rows.append(
            [name, f"{seconds:.3f}", text, f"{max(found['draws']):.3g}", "yes" if met else "**no**"]
        )
    head = ["estimator", "defaults, CPU s", "slowest corner", "slowest draw", "bar met"]
    lines += [*table(head, rows), ""]
    return lines + provenance(result | {"seeds": []})


def small_default_spaces(result):
    lines = ["## Default spaces: small or full", ""]
    lines += [
        "A vote of a decision tree, k-NN and stochastic gradient descent: 12 hyperparameters, 7 in "
        f"the small space, on {len(result['results'])} real data sets. Mean difference of the best "
        "log-loss so far, small minus full, ± its standard error, and the number of data sets on "
        "which the small space is worse.",
        "",
    ]
    rows = []
    for n in (15, 30, 60):
        rows.append(
            [n, *(cell(result["summary"][f"{kind} at {n}"]) for kind in ("cv", "held_out"))]
        )
    lines += [*table(["trials", "cross-validation", "held out"], rows), ""]
    return lines + provenance(result | {"seeds": []})
