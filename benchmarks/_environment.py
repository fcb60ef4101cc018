"""Where and with what a benchmark ran. Import it before numpy: it fixes the threads."""

import os

THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR", "NUMBA")
for _name in THREADS:
    os.environ[f"{_name}_NUM_THREADS"] = "1"

import datetime  # noqa: E402
import importlib.metadata  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
from pathlib import Path  # noqa: E402

PACKAGES = ("skhyper", "scikit-learn", "scikit-optimize", "numpy", "scipy", "joblib")
RESULTS = Path(__file__).parent / "results"


def environment(command: str) -> dict:
    """Versions, CPU, threads, load and the state of the code."""
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "n_cpus": os.cpu_count(),
        "threads": 1,
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "commit": _commit(),
    }


def write(name: str, content: dict) -> Path:
    """Write a result as JSON; returns its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / name
    text = json.dumps(content, indent=1)
    # A list of numbers is one line.
    text = re.sub(r"\[[-+.\deE,\s]*\]", lambda match: " ".join(match[0].split()), text)
    path.write_text(text + "\n")
    return path


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _commit() -> str:
    """Commit of the code that ran, "+" behind it where skhyper/ had been changed since."""
    root = Path(__file__).parent.parent
    try:
        run = ["git", "-C", str(root)]
        head = subprocess.check_output([*run, "rev-parse", "--short", "HEAD"], text=True).strip()
        status = [*run, "status", "--porcelain", "--", "skhyper"]
        return head + ("+" if subprocess.check_output(status, text=True).strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
