"""
Resume a search that was killed
===============================

Write the trials of a search to a journal, kill its process, and continue where it ended.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from skhyper import BayesSearchCV, load_history

# %%
# The search runs in a separate process, so that we can kill it. Each finished fold is written to
# the file ``journal``.

script = """
import sys
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from skhyper import BayesSearchCV

X, y = load_digits(return_X_y=True)
space = {"C": (1e-2, 1e3, "log-uniform"), "gamma": (1e-6, 1e0, "log-uniform")}
BayesSearchCV(
    SVC(), space, n_iter=25, cv=3, random_state=0, journal=sys.argv[1]
).fit(X[:600], y[:600])
"""
journal = Path(tempfile.mkdtemp()) / "search.jsonl"
process = subprocess.Popen([sys.executable, "-c", script, str(journal)])

# %%
# ``load_history`` reads the journal while another process writes it. After eight trials, kill
# the process without a warning, as a crash or a power cut would.


def n_finished():
    return np.isfinite(load_history(journal).losses).sum() if journal.exists() else 0


while process.poll() is None and n_finished() < 8:
    time.sleep(0.02)
process.kill()
process.wait()
n_before = n_finished()
print(f"killed after {n_before} trials")

# %%
# Run the same search with the same journal: it continues. Finished folds are not fitted again, and
# the result is the same as without the kill.

X, y = load_digits(return_X_y=True)
space = {"C": (1e-2, 1e3, "log-uniform"), "gamma": (1e-6, 1e0, "log-uniform")}
resumed = BayesSearchCV(SVC(), space, n_iter=25, cv=3, random_state=0, journal=journal)
resumed.fit(X[:600], y[:600])
whole = BayesSearchCV(SVC(), space, n_iter=25, cv=3, random_state=0).fit(X[:600], y[:600])
print(f"{resumed.n_trials_} trials, best score {resumed.best_score_:.3f}")
print("the same candidates:", resumed.cv_results_["params"] == whole.cv_results_["params"])

# %%
# Each dot is a trial. Errors on a log scale show small improvements.

errors = 1 - resumed.cv_results_["mean_test_score"]
number = np.arange(len(errors))
fig, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
ax.plot(number[:n_before], errors[:n_before], "o", color="#0072B2", label="before the kill")
ax.plot(number[n_before:], errors[n_before:], "o", color="#D55E00", label="after")
ax.step(
    number, np.minimum.accumulate(errors), where="post", color="0.6", label="best so far", zorder=0
)
ax.axvline(n_before - 0.5, color="k", ls=":")
ax.annotate("  kill -9", (n_before - 0.5, 0.5), va="center")
ax.set_yscale("log")
ax.set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
ax.minorticks_off()
ax.set(xlabel="trial", ylabel="CV error (1 - accuracy)")
ax.legend(frameon=False, loc="center right")
ax.spines[["top", "right"]].set_visible(False)
