"""
A Dask cluster
==============

Run a search on the workers of a Dask cluster. Here the cluster is two workers on your computer;
with the address of a scheduler it can be any number of machines.
"""

import matplotlib.pyplot as plt
import numpy as np
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from skhyper import BayesSearchCV

try:
    from distributed import Client
except ImportError:
    Client = None

# %%
# Wrap ``fit`` in joblib's ``parallel_config("dask")``: nothing else changes. Without Dask, this
# example runs in one process. ``processes=False`` keeps the workers of this small cluster in the
# same process.

X, y = load_digits(return_X_y=True)
space = {
    "n_estimators": (10, 100, "log-uniform"),
    "max_features": (0.05, 1.0),
    "min_samples_leaf": (1, 20, "log-uniform"),
}
search = BayesSearchCV(
    RandomForestClassifier(random_state=0), space, n_iter=16, cv=3, random_state=0
)
if Client is None:
    print("Dask is not installed: pip install skhyper[dask]")
    search.fit(X[:500], y[:500])
else:
    with (
        Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None),
        parallel_config("dask"),
    ):
        search.fit(X[:500], y[:500])
print(f"best score {search.best_score_:.3f} after {search.n_trials_} trials")

# %%
# Each bar is a trial, from the start of its first fold, as long as its three folds took together.
# The workers always had something to do: bars overlap.

trials = search.history_.trials
started = np.array([trial.started for trial in trials])
seconds = np.array([trial.seconds for trial in trials])
score = np.array([-trial.loss for trial in trials])
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
bars = ax.barh(np.arange(len(trials)), seconds, left=started - started.min(), color="#0072B2")
ax.bar_label(bars, [f"{value:.3f}" for value in score], padding=4, fontsize=8)
ax.set(xlabel="seconds", ylabel="trial", title="trials and their CV accuracy")
ax.invert_yaxis()
ax.spines[["top", "right"]].set_visible(False)
