"""How long ``import skhyper`` takes beyond what every user of scikit-learn has imported.

python benchmarks/import_time.py
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

import _environment

REPEATS = 15
BASE = "sklearn.model_selection"
STATEMENTS = {
    "import skhyper": "import skhyper",
    "from skhyper import GradientSearchCV": "from skhyper import GradientSearchCV",
    "from skhyper.inspection import inspect": "from skhyper.inspection import inspect",
    "import skopt": "import skopt",
}
CODE = """
import json, sys, time
import {base}
before = set(sys.modules)
wall, cpu = time.perf_counter(), time.process_time()
{statement}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
new = set(sys.modules) - before
top = sorted({{name.split(".")[0] for name in new}})
print(json.dumps({{"wall": wall, "cpu": cpu, "modules": len(new), "packages": top}}))
"""


def measure(statement, cache):
    """One fresh process, byte code from `cache`; None if it cannot be imported."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    code = CODE.format(base=BASE, statement=statement)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def main():
    result = _environment.environment("python benchmarks/import_time.py")
    rows = {}
    with tempfile.TemporaryDirectory() as cache:
        names = [name for name, code in STATEMENTS.items() if measure(code, cache)]  # warms up
        runs = {name: [] for name in names}
        for _ in range(REPEATS):  # in turns, so that the machine's load meets all alike
            for name in names:
                runs[name].append(measure(STATEMENTS[name], cache))
    for name, all_of_it in runs.items():
        rows[name] = {
            **{
                f"{clock}_seconds_{what}": pick([run[clock] for run in all_of_it])
                for clock in ("cpu", "wall")
                for what, pick in (("median", statistics.median), ("min", min))
            },
            "modules": all_of_it[0]["modules"],
            "packages": all_of_it[0]["packages"],
        }
    print(_environment.write("import_time.json", {**result, "repeats": REPEATS, "imports": rows}))


if __name__ == "__main__":
    main()
