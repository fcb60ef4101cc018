"""A record of fixed searches, to the last bit: what must not change while the structure does.

    python tests/golden/trace.py check [NAME ...]    compare with trace.json
    python tests/golden/trace.py write [NAME ...]    rewrite the record, in a separate commit

Rounding differs between processors and versions of numpy: the record says where it was made.
"""

import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))
from golden.searches import SEARCHES

RECORD = Path(__file__).parent / "trace.json"


def environment():
    """What the last bits depend on."""
    packages = ("numpy", "scipy", "scikit-learn", "scikit-optimize", "joblib")
    return {
        "python": platform.python_version_tuple()[:2],
        "processor": _processor(),
        **{name: version(name) for name in packages},
    }


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def plain(value):
    """Values as JSON has them; floats keep all their bits."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    return repr(value)


def of_search(search):
    """Trials, the end and the results of a fitted search."""
    trials = [
        {
            "params": trial.params,
            "state": str(trial.state),
            "scores": trial.scores,
            "loss": trial.loss,
            "gradient": trial.gradient,
            "criterion": trial.criterion,
            "message": trial.message.strip().splitlines()[-1:],
        }
        for trial in getattr(search, "history_", ())
    ]
    results = {
        key: column
        for key, column in search.cv_results_.items()
        if "_time" not in key and key.startswith(("mean", "std", "rank", "split", "penalized"))
    }
    return {
        "trials": trials,
        "stop_reason": str(getattr(search, "stop_reason_", None)),
        "best": [search.best_index_, search.best_params_],
        "results": results,
    }


def of_result(result):
    return {"x": result.x, "fun": result.fun, "points": result.x_iters, "values": result.func_vals}


def trace(name):
    """Record of one search as JSON, with the categories of its warnings."""
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        done = SEARCHES[name]()
    out = of_search(done) if hasattr(done, "cv_results_") else of_result(done)
    out["warnings"] = sorted({w.category.__name__ for w in caught})
    return json.loads(json.dumps(plain(out)))


def differences(old, new, path=""):
    """Where two records differ, the first few of each search."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(old.get(key), new.get(key), f"{path}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{path}/{i}")
    elif old != new or type(old) is not type(new):
        yield f"{path}: {old!r} -> {new!r}"


def recorded():
    """The record of each search, and whether it was made in this environment."""
    if not RECORD.exists():
        return {}, True
    record = json.loads(RECORD.read_text())
    return record["searches"], record["environment"] == json.loads(json.dumps(environment()))


def write(names):
    searches = recorded()[0] | {name: trace(name) for name in names}
    record = {"environment": environment(), "searches": {n: searches[n] for n in SEARCHES}}
    RECORD.write_text(json.dumps(record, separators=(",", ":")) + "\n")


def check(names):
    """Print what changed; the number of searches that did."""
    searches, is_here = recorded()
    say = sys.stdout.write
    if not is_here:
        say("recorded in another environment: the last bits may differ\n")
    n_changed = 0
    for name in names:
        found = list(differences(searches.get(name), trace(name)))
        n_changed += bool(found)
        say(f"{name}: {'CHANGED' if found else 'unchanged'}\n")
        say("".join(f"    {line[:200]}\n" for line in found[:6]))
    return n_changed


if __name__ == "__main__":
    action = {"check": check, "write": write}[sys.argv[1]]
    sys.exit(action(sys.argv[2:] or tuple(SEARCHES)))
