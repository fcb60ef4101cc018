"""
Time series with a gap
======================

Tune a forecast with folds that respect time. Adjacent weeks are similar, so shuffled folds reward
a model that interpolates between weeks, which does not help to predict the future.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import KFold, TimeSeriesSplit

from skhyper import BayesSearchCV

# %%
# The data are eight years of weekly values: a season, a trend, and noise that is correlated over
# some weeks. The search uses six years. The task is to forecast the last two.

rng = np.random.default_rng(1)
weeks = np.arange(8 * 52)
noise = np.zeros(len(weeks))
for t in weeks[1:]:
    noise[t] = 0.8 * noise[t - 1] + rng.normal(scale=0.5)
angle = 2 * np.pi * weeks / 52
y = 2 * np.sin(angle) + 0.2 * weeks / 52 + noise
X = np.column_stack([np.sin(angle), np.cos(angle), weeks / 52])
train, test = slice(0, 6 * 52), slice(6 * 52, None)

# %%
# The model is kernel ridge regression; its length-scale and penalty decide how closely it follows
# the data. The same search runs with two kinds of folds. ``TimeSeriesSplit`` always validates on
# weeks after those it trains on, and ``gap`` leaves out ten weeks in between, because the
# noise is correlated over several weeks.

space = {"alpha": (1e-3, 1e2, "log-uniform"), "gamma": (1e-3, 1e3, "log-uniform")}
folds = {
    "shuffled folds": KFold(5, shuffle=True, random_state=0),
    "past and future, with a gap": TimeSeriesSplit(4, test_size=40, gap=10),
}
mean = y[train].mean()
searches = {
    name: BayesSearchCV(
        KernelRidge(kernel="rbf"),
        space,
        n_iter=30,
        cv=cv,
        scoring="neg_mean_squared_error",
        random_state=0,
    ).fit(X[train], y[train] - mean)
    for name, cv in folds.items()
}
for name, search in searches.items():
    error = np.mean((search.predict(X[test]) + mean - y[test]) ** 2)
    print(
        f"{name:<28}  CV error {-search.best_score_:.2f}, error in the last two years {error:.2f}"
    )

# %%
# With shuffled folds, the CV error is small, and the search chooses a model that fits the noise.
# With the other folds, the CV error is close to the error of the forecast.

fig, axes = plt.subplots(2, 1, figsize=(10, 5), sharex=True, sharey=True, layout="constrained")
for ax, (name, search) in zip(axes, searches.items(), strict=True):
    ax.plot(weeks, y, ".", color="0.75", ms=3)
    ax.plot(weeks[train], search.predict(X[train]) + mean, color="#0072B2", label="fit")
    ax.plot(weeks[test], search.predict(X[test]) + mean, color="#D55E00", lw=2, label="forecast")
    ax.axvspan(6 * 52, 8 * 52, color="0.95")
    ax.set_title(name)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False, loc="upper left")
axes[1].set_xlabel("week")
