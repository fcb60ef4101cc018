"""
A line: parameters and hyperparameters
======================================

Fit ``y = a x + b`` with a penalty on the slope, and see the two kinds of numbers: the
*parameters* a and b, which ``fit`` learns, and the *hyperparameter* alpha, which a search
chooses.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score

from skhyper import GradientSearchCV
from skhyper.inspection import inspect

# %%
# The data are ten noisy points on a line with slope 0.5 and intercept 1. With so few points the
# slope of least squares is uncertain. Ridge regression shrinks it, by a penalty ``alpha * a **
# 2``.

A, B = 0.5, 1.0
rng = np.random.default_rng(13)
x = rng.uniform(0, 4, 10)
y = A * x + B + rng.normal(scale=0.8, size=10)
X = x[:, np.newaxis]

# %%
# ``GradientSearchCV`` finds the alpha with the smallest cross-validation error, and then fits a and
# b with this alpha.

search = GradientSearchCV(
    Ridge(), {"alpha": (1e-2, 1e3, "log-uniform")}, cv=10, scoring="neg_mean_squared_error"
).fit(X, y)
best = search.best_estimator_
print(f"alpha = {best.alpha:.3g}, a = {best.coef_[0]:.2f}, b = {best.intercept_:.2f}")

# %%
# ``inspect`` lists both kinds of any estimator.

print(inspect(best))

# %%
# On the left, each alpha gives one line. In the middle, each line is a point in the plane of the
# parameters: as alpha grows, the point moves away from the minimum of the training error. On the
# right, alpha is scored on data that were not used for the fit.

alphas = np.geomspace(1e-2, 1e3, 60)
fits = [Ridge(alpha).fit(X, y) for alpha in alphas]
slopes = np.array([fit.coef_[0] for fit in fits])
intercepts = np.array([fit.intercept_ for fit in fits])
colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(alphas)))

fig, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
ends = np.array([0.0, 4.0])
for i in range(0, len(alphas), 8):
    axes[0].plot(ends, slopes[i] * ends + intercepts[i], color=colors[i], lw=1.5)
axes[0].plot(ends, best.predict(ends[:, np.newaxis]), color="#D55E00", lw=3, label="chosen alpha")
axes[0].plot(ends, A * ends + B, "k:", label="truth")
axes[0].plot(x, y, "o", color="0.3", mec="white", ms=7)
axes[0].set(xlabel="x", ylabel="y", title="data and lines")
axes[0].legend(frameon=False)

a, b = np.meshgrid(np.linspace(-0.1, 1.0, 80), np.linspace(0, 2.5, 80))
errors = np.mean((a[..., np.newaxis] * x + b[..., np.newaxis] - y) ** 2, axis=-1)
axes[1].contour(
    a, b, errors, levels=errors.min() + np.array([0.02, 0.1, 0.3, 0.8, 2]), colors="0.8"
)
axes[1].scatter(slopes, intercepts, c=colors, s=14)
axes[1].plot(best.coef_, best.intercept_, "o", color="#D55E00", ms=10, mec="white")
axes[1].plot(A, B, "k*", ms=11)
axes[1].set(xlabel="slope a", ylabel="intercept b", title="parameters (contours: training error)")


def cv_error(alpha):
    return -cross_val_score(Ridge(alpha), X, y, cv=10, scoring="neg_mean_squared_error").mean()


axes[2].scatter(alphas, [cv_error(alpha) for alpha in alphas], c=colors, s=14)
trials = search.cv_results_
tried = np.asarray(trials["param_alpha"], dtype=float)
axes[2].semilogx(tried, -trials["mean_test_score"], "o", color="0.3", mec="white", label="trials")
axes[2].plot(best.alpha, -search.best_score_, "o", color="#D55E00", ms=10, mec="white")
axes[2].set(xlabel="hyperparameter alpha", title="cross-validation error")
axes[2].legend(frameon=False)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
