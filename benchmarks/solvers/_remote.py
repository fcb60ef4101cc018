"""A solver in another Python, for packages whose pins clash with ours; CPU is measured there.

``python _remote.py`` is the far end: JSON lines come in, JSON lines go out.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path


class Local:
    """A solver of this process; ``cpu`` is what its last call took."""

    def __init__(self, *args, **options):
        from solvers import make_solver

        self.solver = make_solver(*args, **options)

    def call(self, name, *args):
        """Answer of the solver's method, CPU seconds."""
        start = time.process_time()
        answer = getattr(self.solver, name)(*args)
        return answer, time.process_time() - start

    def close(self):
        pass


class Remote:
    """The same of a solver that lives in the Python `python`."""

    def __init__(self, python, *args, **options):
        self.process = subprocess.Popen(
            [python, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.call("__init__", [args, options])

    def call(self, name, *args):
        self.process.stdin.write(json.dumps([name, *args]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"The solver's process ended at {name!r}; see its messages above.")
        return json.loads(answer)

    def close(self):
        with contextlib.suppress(BrokenPipeError):  # it has died already
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def main():
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    # What a package prints must not get between the lines.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder = Path(__file__).parent
    # Our own directory holds modules named like the packages.
    sys.path[:] = [str(folder.parent)] + [p for p in sys.path if Path(p or ".") != folder]
    solver = None
    for line in sys.stdin:
        name, *args = json.loads(line)
        if solver is None:
            positional, options = args[0]
            solver, answer = Local(*positional, **options), [None, 0.0]
        else:
            answer = solver.call(name, *args)
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
