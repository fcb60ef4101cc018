"""
A Dask cluster
==============

Run a search on the workers of a Dask cluster. Here the cluster is two workers on your computer.
With the address of a scheduler, it can be any number of machines.
"""

import matplotlib.pyplot as plt
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier

from skhyper import BayesSearchCV
from skhyper.plotting import ConvergenceDisplay, WorkersDisplay

try:
    from distributed import Client
except ImportError:
    Client = None

# %%
# Call ``fit`` within joblib's ``parallel_config("dask")``: nothing else changes. Without Dask, this
# example runs in one process. ``processes=False`` keeps the workers of this small cluster in the
# same process.

X, y = load_digits(return_X_y=True)
space = {
    "max_depth": (2, 20),
    "max_features": (0.05, 1.0),
    "min_samples_leaf": (1, 20, "log-uniform"),
}
forest = ExtraTreesClassifier(n_estimators=50, random_state=0)
search = BayesSearchCV(forest, space, n_iter=20, cv=3, random_state=0)
if Client is None:
    print('Dask is not installed: pip install "skhyper[dask]"')
    search.fit(X[:500], y[:500])
else:
    with (
        Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None),
        parallel_config("dask"),
    ):
        search.fit(X[:500], y[:500])
print(f"best score {search.best_score_:.3f} after {search.n_trials_} trials")

# %%
# Above, each bar is a fold of a trial, and each row a worker. The gaps are the time in which the
# search chooses the next candidates. Below, the score of each trial.

fig, axes = plt.subplots(2, 1, figsize=(9, 6), layout="constrained")
WorkersDisplay.from_search(search, ax=axes[0])
_ = ConvergenceDisplay.from_search(search, ax=axes[1])
