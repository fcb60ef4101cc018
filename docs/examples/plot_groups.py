"""
Groups and sample weights
=========================

Tune on data where samples belong together, such as several measurements of one patient, and where
some samples are more reliable than others.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn import config_context
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GroupKFold, KFold

from skhyper import BayesSearchCV

# %%
# 100 patients with ten measurements each. Measurements of one patient have nearly the same
# features, and share an effect that the features do not explain. Every other patient was measured
# by a device that is much less accurate; its variance is known.

N_EACH, N_FEATURES = 10, 2


def measure(n_patients, rng):
    groups = np.repeat(np.arange(n_patients), N_EACH)
    X = rng.normal(size=(n_patients, N_FEATURES))[groups]
    X += rng.normal(scale=0.05, size=X.shape)
    effect = rng.normal(scale=0.5, size=n_patients)[groups]
    variance = np.where(groups % 2, 0.05, 100.0)
    y = X[:, 0] + np.sin(2 * X[:, 1]) + effect + rng.normal(size=len(groups)) * np.sqrt(variance)
    return X, y, groups, 1 / (0.5**2 + variance)


rng = np.random.default_rng(0)
X, y, groups, weights = measure(100, rng)
X_new, y_new, _, weights_new = measure(300, rng)

# %%
# ``GroupKFold`` never has one patient in both the training and the validation samples; ``KFold``
# does. Fits and scores use the weights if both request them (scikit-learn's metadata
# routing).

space = {"alpha": (1e-3, 1e2, "log-uniform"), "gamma": (1e-2, 1e2, "log-uniform")}


def make_search(cv, weighted):
    model = KernelRidge(kernel="rbf").set_fit_request(sample_weight=weighted)
    scorer = make_scorer(r2_score).set_score_request(sample_weight=weighted)
    return BayesSearchCV(model, space, n_iter=25, cv=cv, scoring=scorer, random_state=0)


with config_context(enable_metadata_routing=True):
    searches = {
        "samples shuffled": make_search(KFold(5, shuffle=True, random_state=0), True).fit(
            X, y, sample_weight=weights
        ),
        "patients together, no weights": make_search(GroupKFold(5), False).fit(X, y, groups=groups),
        "patients together, weights": make_search(GroupKFold(5), True).fit(
            X, y, groups=groups, sample_weight=weights
        ),
    }

# %%
# New patients show which estimate is right. With shuffled folds, a model is scored on patients it
# was trained on: the score is far too high, and the model fits the effects of single
# patients. Without weights, the noise of the inaccurate device dominates.

new = {
    name: r2_score(y_new, search.predict(X_new), sample_weight=weights_new)
    for name, search in searches.items()
}
print("                               CV R2  R2 on new patients")
for name, search in searches.items():
    print(f"{name:<29}  {search.best_score_:>5.2f}  {new[name]:>18.2f}")

fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
rows = np.arange(len(searches))
estimated = [search.best_score_ for search in searches.values()]
ax.barh(rows + 0.2, estimated, 0.35, color="0.7", label="cross-validation")
ax.barh(rows - 0.2, list(new.values()), 0.35, color="#D55E00", label="new patients")
ax.set_yticks(rows, list(searches))
ax.axvline(0, color="k", lw=0.8)
ax.set_xlabel("R²")
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
ax.spines[["top", "right"]].set_visible(False)
