"""
A sampler in the pipeline, for imbalanced classes
=================================================

Tune how a sampler of imbalanced-learn balances the classes together with the classifier, and
compare it with class weights.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skhyper import BayesSearchCV

try:
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import Pipeline
except ImportError:
    SMOTE = None
    print("imbalanced-learn is not installed: its sampler is left out")

# %%
# 4 % of the samples are positive. 80 % of all samples are held out.

X, y = make_classification(
    5000, n_features=8, n_informative=5, weights=[0.96], flip_y=0, class_sep=0.8, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.8, stratify=y, random_state=0)

# %%
# There are three pipelines. A sampler changes the training samples of each fold, but not the
# validation samples: imbalanced-learn's ``Pipeline`` takes care of that. The sampling ratio
# (positives per negative) and the number of neighbors are ordinary hyperparameters.


def classifier():
    return make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression(max_iter=2000))


C = (1e-4, 1e2, "log-uniform")
tasks = {
    "unweighted": (classifier(), {"logisticregression__C": C}),
    "class weights": (
        classifier(),
        {
            "logisticregression__C": C,
            "logisticregression__class_weight": [{0: 1, 1: w} for w in (1, 5, 10, 20, 40)],
        },
    ),
}
if SMOTE is not None:
    pipeline = Pipeline([("sample", SMOTE(random_state=0)), ("model", classifier())])
    tasks["SMOTE"] = (
        pipeline,
        {
            "sample__sampling_strategy": (0.1, 1.0),
            "sample__k_neighbors": (1, 10),
            "model__logisticregression__C": C,
        },
    )
searches = {
    name: BayesSearchCV(
        pipeline, space, n_iter=15, scoring="balanced_accuracy", random_state=0
    ).fit(X, y)
    for name, (pipeline, space) in tasks.items()
}
for name, search in searches.items():
    held_out = balanced_accuracy_score(y_test, search.predict(X_test))
    print(f"{name:<13}  CV {search.best_score_:.3f}  held out {held_out:.3f}")
    print(f"               {search.best_params_}")

# %%
# Plot the recall of each class on the held-out samples. Balanced accuracy is the mean of the two.

fig, ax = plt.subplots(figsize=(7.5, 3.5), layout="constrained")
for row, search in enumerate(searches.values()):
    found = search.predict(X_test) == y_test
    recalls = [np.mean(found[y_test == label]) for label in (0, 1)]
    ax.plot(recalls, [row, row], color="0.8", lw=3, zorder=0)
    for label, color in ((1, "#D55E00"), (0, "#0072B2")):
        text = ("negatives", "positives")[label] if row == 0 else None
        ax.plot(recalls[label], row, "o", ms=9, color=color, label=text)
    ax.plot(np.mean(recalls), row, "k|", ms=14, label="mean" if row == 0 else None)
ax.set_yticks(range(len(searches)), list(searches))
ax.set(xlabel="recall", ylim=(-0.5, len(searches) - 0.5))
ax.legend(frameon=False, loc="center left")
ax.spines[["top", "right"]].set_visible(False)
