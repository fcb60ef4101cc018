"""
How many clusters
=================

Choose k of k-means without labels, in two ways: by the silhouette, an internal score, and by
stability: whether two samples of the data give the same clusters.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.model_selection import RepeatedKFold

from skhyper import GridSearchCV

# %%
# Five clusters of different widths, two of which are close.

X, _ = make_blobs(
    [150, 150, 150, 150, 150],
    centers=[(-6, 0), (-2, 4), (1, -3), (5, 4), (7, 0)],
    cluster_std=[1.2, 0.9, 1.2, 0.7, 0.7],
    random_state=0,
)

# %%
# A score without labels is a function of the fitted estimator and the data of a fold. The
# silhouette compares the distances within clusters with those to the next cluster. For the
# stability, two halves of the fold are clustered separately, and both models label the whole fold:
# 1 means that the labels agree. Too few clusters can also be stable, so take the largest stable k.


def silhouette(estimator, X, y=None):
    return silhouette_score(X, estimator.predict(X))


def stability(estimator, X, y=None):
    half = np.random.default_rng(0).permutation(len(X)) % 2 == 0
    first, second = (clone(estimator).fit(X[part]).predict(X) for part in (half, ~half))
    return adjusted_rand_score(first, second)


# %%
# One search computes both scores. ``refit`` names the one that selects the best k.

search = GridSearchCV(
    KMeans(n_init=5, random_state=0),
    {"n_clusters": list(range(2, 10))},
    scoring={"silhouette": silhouette, "stability": stability},
    refit="silhouette",
    cv=RepeatedKFold(n_splits=3, n_repeats=5, random_state=0),
).fit(X)
results = search.cv_results_
k = np.array(results["param_n_clusters"], dtype=int)
stable = results["mean_test_stability"] > 0.95
choice = {"silhouette": search.best_params_["n_clusters"], "stability": k[stable].max()}
for name, value in choice.items():
    print(f"{name}: k = {value}")

# %%
# The error bars are standard errors over the folds.

fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].scatter(*X.T, c=search.predict(X), cmap="tab10", s=12)
axes[0].plot(*search.best_estimator_.cluster_centers_.T, "k+", ms=14, mew=2)
axes[0].set(title=f"k = {search.best_params_['n_clusters']}", xticks=[], yticks=[], aspect="equal")
for name, color in (("silhouette", "#0072B2"), ("stability", "#D55E00")):
    mean = results[f"mean_test_{name}"]
    error = results[f"std_test_{name}"] / np.sqrt(search.n_splits_)
    axes[1].errorbar(k, mean, error, marker="o", color=color, label=name, capsize=3)
    axes[1].plot(choice[name], mean[k == choice[name]], "o", ms=14, mfc="none", mec=color)
axes[1].set(xlabel="number of clusters k", ylabel="score on held-out data", ylim=(0, 1.05))
axes[1].legend(frameon=False)
axes[1].spines[["top", "right"]].set_visible(False)
