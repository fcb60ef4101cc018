"""
Pixel features of handwritten digits
====================================

Tune feature extraction and classifier in one search: histograms of oriented gradients (HOG), and
patches reduced by PCA, compared with the pixels themselves.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skhyper import BayesSearchCV

# %%
# 200 digits of 8 x 8 pixels for the search; the others are held out.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=200, stratify=y, random_state=0
)


class OrientedGradients(TransformerMixin, BaseEstimator):
    """For each cell of an image, a histogram of the directions in which it gets brighter."""

    def __init__(self, n_orientations=8, cell=4):
        self.n_orientations = n_orientations
        self.cell = cell

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        down, right = np.gradient(X.reshape(-1, 8, 8), axis=(1, 2))
        angle = np.arctan2(down, right) % (2 * np.pi)
        index = (angle / (2 * np.pi) * self.n_orientations).astype(int) % self.n_orientations
        maps = np.hypot(down, right)[..., np.newaxis] * np.eye(self.n_orientations)[index]
        n = 8 // self.cell
        cells = maps.reshape(-1, n, self.cell, n, self.cell, self.n_orientations).sum(axis=(2, 4))
        return np.sqrt(cells).reshape(len(X), -1)


class PatchPCA(TransformerMixin, BaseEstimator):
    """Mean of the principal components of the patches, in each ninth of an image."""

    def __init__(self, size=3, n_components=8):
        self.size = size
        self.n_components = n_components

    def _patches(self, X):
        windows = np.lib.stride_tricks.sliding_window_view(
            X.reshape(-1, 8, 8), (self.size, self.size), axis=(1, 2)
        )
        return windows.reshape(*windows.shape[:3], -1)

    def fit(self, X, y=None):
        patches = self._patches(X)
        flat = patches.reshape(-1, patches.shape[-1])
        self.pca_ = PCA(min(self.n_components, flat.shape[1]), random_state=0).fit(flat)
        return self

    def transform(self, X):
        responses = (self._patches(X) - self.pca_.mean_) @ self.pca_.components_.T
        rows = [np.array_split(part, 3, axis=2) for part in np.array_split(responses, 3, axis=1)]
        return np.hstack([part.mean(axis=(1, 2)) for row in rows for part in row])


# %%
# The three pipelines end with the same classifier, tuned over the same ranges.

svc = {"svc__C": (1e-1, 1e3, "log-uniform"), "svc__gamma": (1e-5, 1e-1, "log-uniform")}
tasks = {
    "pixels": (make_pipeline(StandardScaler(), SVC()), svc),
    "patches and PCA": (
        make_pipeline(PatchPCA(), StandardScaler(), SVC()),
        {"patchpca__size": [2, 3, 4, 5], "patchpca__n_components": (2, 16), **svc},
    ),
    "oriented gradients": (
        make_pipeline(OrientedGradients(), StandardScaler(), SVC()),
        {
            "orientedgradients__n_orientations": (3, 12),
            "orientedgradients__cell": [2, 4, 8],
            **svc,
        },
    ),
}
searches = {
    name: BayesSearchCV(pipeline, space, n_iter=25, random_state=0).fit(X_train, y_train)
    for name, (pipeline, space) in tasks.items()
}
for name, search in searches.items():
    print(
        f"{name:<18}  CV accuracy {search.best_score_:.3f}  held out "
        f"{search.score(X_test, y_test):.3f}  {search.best_params_}"
    )

# %%
# On the left, the oriented gradients of a digit, with the tuned cells. On the right, held-out
# accuracy with its standard error.

hog = searches["oriented gradients"].best_estimator_[0]
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
digit = X_test[:1]
axes[0].imshow(digit.reshape(8, 8), cmap="Greys")
n = 8 // hog.cell
histograms = hog.transform(digit).reshape(n, n, hog.n_orientations)
for i, j in np.ndindex(n, n):
    for k, strength in enumerate(histograms[i, j] / histograms.max()):
        angle = 2 * np.pi * (k + 0.5) / hog.n_orientations
        step = 0.45 * hog.cell * strength * np.array([np.cos(angle), np.sin(angle)])
        center = (np.array([j, i]) + 0.5) * hog.cell - 0.5
        axes[0].plot(*zip(center, center + step, strict=True), color="#D55E00", lw=2)
axes[0].set(
    xticks=[], yticks=[], title=f"{hog.n_orientations} orientations, cells of {hog.cell} pixels"
)
accuracy = np.array([search.score(X_test, y_test) for search in searches.values()])
error = np.sqrt(accuracy * (1 - accuracy) / len(y_test))
axes[1].errorbar(accuracy, list(searches), xerr=error, fmt="o", ms=9, color="#0072B2", capsize=4)
axes[1].set(xlabel="accuracy on held-out digits", ylim=(-0.5, 2.5), title="tuned pipelines")
axes[1].spines[["top", "right"]].set_visible(False)
