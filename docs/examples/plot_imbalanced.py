"""
Imbalanced classes
==================

Find rare events: tune the weight of the rare class, with a score that the many true negatives do
not dominate.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score, balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import BayesSearchCV

# %%
# 5 % of the samples are positive. A model that always predicts "negative" has an accuracy of 95 %.

X, y = make_classification(
    6000,
    n_features=10,
    n_informative=5,
    n_clusters_per_class=2,
    weights=[0.95],
    flip_y=0,
    class_sep=1.2,
    random_state=0,
)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.7, stratify=y, random_state=0)

# %%
# The weight of the positive class is one more hyperparameter. Each choice is a dict of class
# weights. The same search runs with two scores. Accuracy counts samples. Balanced accuracy
# is the mean of the accuracies in both classes.

pipeline = make_pipeline(
    StandardScaler(), Nystroem(n_components=80, random_state=0), LogisticRegression(max_iter=2000)
)
space = {
    "nystroem__gamma": (1e-3, 1e1, "log-uniform"),
    "logisticregression__C": (1e-2, 1e4, "log-uniform"),
    "logisticregression__class_weight": [{0: 1, 1: weight} for weight in (1, 3, 10, 20, 40)],
}
searches = {
    scoring: BayesSearchCV(pipeline, space, n_iter=25, cv=3, scoring=scoring, random_state=0).fit(
        X, y
    )
    for scoring in ("accuracy", "balanced_accuracy")
}
print("held-out samples   accuracy  balanced  weight of a positive")
for scoring, search in searches.items():
    found = search.predict(X_test)
    weight = search.best_params_["logisticregression__class_weight"] or {1: 1}
    print(
        f"{scoring:<17}  {accuracy_score(y_test, found):>8.3f}  "
        f"{balanced_accuracy_score(y_test, found):>8.3f}  {weight[1]}"
    )

# %%
# Searched by accuracy, the model misses many of the rare events. Searched by balanced accuracy,
# it finds most of them, with more false alarms. Which is better depends on the costs of the two
# kinds of errors. You can write a score that contains these costs.

fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, (scoring, search) in zip(axes, searches.items(), strict=True):
    ConfusionMatrixDisplay.from_predictions(
        y_test,
        search.predict(X_test),
        display_labels=["negative", "positive"],
        ax=ax,
        colorbar=False,
        cmap="Blues",
    )
    recall = np.mean(search.predict(X_test)[y_test == 1])
    ax.set_title(f"scoring={scoring!r}\n{recall:.0%} of positives found")
