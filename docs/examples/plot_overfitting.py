"""
Over- and underfitting of a network
===================================

Follow the training and the validation loss of three networks over the epochs: one that is too
small, one that is too flexible, and one whose hyperparameters were tuned.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from skhyper import BayesSearchCV

# %%
# A noisy wave: 60 points to learn from, and 1000 to measure the error.

rng = np.random.default_rng(0)
X = rng.uniform(-3, 3, (1060, 1))
y = np.sin(1.5 * X[:, 0]) + rng.normal(scale=0.4, size=len(X))
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=60, random_state=0)

# %%
# The search tunes the width, the penalty, the learning rate and the number of epochs by
# cross-validation on the 60 points.

network = MLPRegressor(
    activation="tanh", tol=0, n_iter_no_change=10**6, batch_size=32, random_state=0
)
space = {
    "hidden_layer_sizes": [(1,), (5,), (20,), (50,)],
    "alpha": (1e-5, 1e1, "log-uniform"),
    "learning_rate_init": (3e-3, 1e-1, "log-uniform"),
    "max_iter": (30, 1000, "log-uniform"),
}
search = BayesSearchCV(
    network, space, n_iter=15, cv=3, scoring="neg_mean_squared_error", refit=False, random_state=0
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is chosen
    search.fit(X_train, y_train)
print(search.best_params_)

# %%
# ``partial_fit`` is one epoch. After each epoch, compute the loss on the training data and on
# held-out data.

networks = {
    "underfitting: 1 unit": {
        "hidden_layer_sizes": (1,),
        "alpha": 1e-5,
        "learning_rate_init": 1e-2,
    },
    "overfitting: 2 x 100 units": {
        "hidden_layer_sizes": (100, 100),
        "alpha": 0.0,
        "learning_rate_init": 1e-2,
    },
    "tuned": search.best_params_,
}
N_EPOCHS = 1000
curves, predictions = {}, {}
grid = np.linspace(-3, 3, 300)[:, np.newaxis]
for name, params in networks.items():
    model = clone(network).set_params(**params)
    curves[name] = []
    for epoch in range(1, N_EPOCHS + 1):
        model.partial_fit(X_train, y_train)
        errors = [
            np.mean((model.predict(A) - b) ** 2) for A, b in ((X_train, y_train), (X_test, y_test))
        ]
        curves[name].append(errors)
        if epoch == params.get("max_iter", N_EPOCHS):
            predictions[name] = model.predict(grid)
    print(f"{name:<26}  test error after {N_EPOCHS} epochs: {curves[name][-1][1]:.3f}")

# %%
# Above, the functions that were learned; below, the learning curves. A network underfits if both
# losses are high, and overfits if the validation loss rises while the training loss falls. The
# search stops training where the dotted line is.

fig, axes = plt.subplots(2, 3, figsize=(12, 6.5), sharey="row", layout="constrained")
for (top, bottom), (name, params) in zip(axes.T, networks.items(), strict=True):
    top.plot(X_train, y_train, ".", color="0.6")
    top.plot(grid, np.sin(1.5 * grid), "k:", lw=1)
    top.plot(grid, predictions[name], color="#D55E00", lw=2)
    top.set(title=name, ylim=(-2.2, 2.2))
    training, validation = np.transpose(curves[name])
    bottom.plot(training, color="#0072B2", label="training loss")
    bottom.plot(validation, color="#D55E00", label="validation loss")
    bottom.axhline(0.16, color="0.6", lw=1, ls="--")
    if "max_iter" in params:
        bottom.axvline(params["max_iter"], color="k", ls=":")
    bottom.set(xlabel="epoch", ylim=(0, 0.8))
axes[1, 0].annotate("noise", (N_EPOCHS, 0.16), ha="right", va="bottom", color="0.4")
axes[1, 0].legend(frameon=False, loc="upper right")
for ax in axes.flat:
    ax.spines[["top", "right"]].set_visible(False)
