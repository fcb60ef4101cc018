"""
Boosting: all numbers of rounds from one fit
============================================

Choose the number of rounds of gradient boosting together with the learning rate. A long fit
contains all shorter ones as its first rounds, so the search needs one fit per learning rate.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor

from skhyper import GridSearchCV

# %%
# 60 candidates: 20 numbers of rounds for each of three learning rates. The default,
# ``reuse="auto"``, shares fits; ``reuse=None`` fits each candidate as scikit-learn does.

X, y = load_diabetes(return_X_y=True)
rates, rounds = [0.02, 0.1, 0.5], np.arange(10, 201, 10)
grid = {"learning_rate": rates, "n_estimators": rounds.tolist()}
model = GradientBoostingRegressor(max_depth=2, random_state=0)
searches, seconds = {}, {}
for reuse in ("auto", None):
    start = time.process_time()
    searches[reuse] = GridSearchCV(model, grid, cv=4, reuse=reuse).fit(X, y)
    seconds[reuse] = time.process_time() - start

# %%
# The scores are the same to the last bit, at a fraction of the time.

scores = searches["auto"].cv_results_["mean_test_score"]
same = np.array_equal(scores, searches[None].cv_results_["mean_test_score"])
print(f"the same scores: {same}")
print(f"{seconds[None] / seconds['auto']:.0f} times as fast")
print(searches["auto"].best_params_)

# %%
# Each curve is the learning curve of one fit per fold: too few rounds underfit, too many overfit.

fig, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
for rate, curve, color in zip(
    rates, scores.reshape(len(rates), -1), ("#0072B2", "#D55E00", "#009E73"), strict=True
):
    ax.plot(rounds, curve, "o-", ms=4, color=color, label=f"learning rate {rate}")
    ax.plot(rounds[curve.argmax()], curve.max(), "o", ms=12, mfc="none", mec=color)
ax.set(xlabel="rounds (n_estimators)", ylabel="CV R²")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
