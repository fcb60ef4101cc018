"""
Early stopping of boosting inside cross-validation
==================================================

Choose the number of boosting rounds of HistGradientBoosting and of XGBoost together with the
learning rate, without a separate validation set: all numbers of rounds share one fit per fold.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier

from skhyper import GridSearchCV

try:
    from xgboost import XGBClassifier
except ImportError:
    XGBClassifier = None
    print('XGBoost is not installed, and left out: pip install "skhyper[interop]"')

# %%
# Score three learning rates and 20 numbers of rounds by 4 folds. The early stopping of both
# libraries ends each fold at a different round. Here, the mean score over all folds decides, and
# the final fit uses that number.

X, y = load_breast_cancer(return_X_y=True)
rates, rounds = [0.03, 0.1, 0.3], np.arange(5, 101, 5)
models = {"HistGradientBoosting": (HistGradientBoostingClassifier(random_state=0), "max_iter")}
if XGBClassifier is not None:
    xgboost = XGBClassifier(max_depth=3, random_state=0, n_jobs=1)
    models["XGBoost"] = (xgboost, "n_estimators")
searches = {
    name: GridSearchCV(
        model,
        {"learning_rate": rates, rounds_name: rounds.tolist()},
        cv=4,
        scoring="neg_log_loss",
    ).fit(X, y)
    for name, (model, rounds_name) in models.items()
}
for name, search in searches.items():
    print(f"{name}: {search.best_params_}, log-loss {-search.best_score_:.3f}")
    print(f"  {search.reuse_.fits_asked} fits asked, {search.reuse_.fits_made} made")

# %%
# A small learning rate needs more rounds; with a large one, further rounds may overfit.

fig, axes = plt.subplots(
    1,
    len(searches),
    figsize=(5.5 * len(searches), 4),
    sharey=True,
    squeeze=False,
    layout="constrained",
)
for ax, (name, search) in zip(axes[0], searches.items(), strict=True):
    losses = -search.cv_results_["mean_test_score"].reshape(len(rates), -1)
    for rate, curve, color in zip(rates, losses, ("#0072B2", "#D55E00", "#009E73"), strict=True):
        ax.plot(rounds, curve, "o-", ms=3, color=color, label=f"learning rate {rate}")
        ax.plot(rounds[curve.argmin()], curve.min(), "o", ms=12, mfc="none", mec=color)
    ax.set(xlabel="rounds", title=name, ylim=(0.05, 0.4))
    ax.spines[["top", "right"]].set_visible(False)
axes[0, 0].set_ylabel("log-loss, cross-validated")
axes[0, 0].legend(frameon=False)
