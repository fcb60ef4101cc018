"""
The training of a network, tuned by gradients
=============================================

Tune the training of a neural network by gradients, and plot its learning curves.

Run it from a clone::

    python docs/examples/network.py [--output network.png]

A network with one hidden layer classifies handwritten digits, trained for 30 epochs by gradient
descent with momentum. GradientSearchCV differentiates the training and tunes the learning rate,
the momentum and one penalty per layer. The curves are those of the default hyperparameters, of the
middle of the ranges, where the search starts, and of the result.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skhyper import GradientSearchCV
from skhyper.neural_network import MLPClassifier

SEED, EPOCHS = 0, 30
SPACE = {
    "learning_rate": (1e-3, 1.0, "log-uniform"),
    "momentum": (0.5, 0.99),
    "alpha": (1e-3, 1e3, "log-uniform"),
}
COLORS = {"default": "#999999", "start": "#0072B2", "learned": "#D55E00"}


def make_network():
    return MLPClassifier(
        (30,),
        "tanh",
        optimizer="momentum",
        alpha=np.full(2, 1e-4),
        batch_size=50,
        max_iter=EPOCHS,
        random_state=SEED,
    )


def curves(params, X_train, X_test, y_train, y_test):
    """Held-out log-loss after each number of epochs, by separate trainings."""
    losses = []
    for n_epochs in range(1, EPOCHS + 1):
        network = clone(make_network()).set_params(**params, max_iter=n_epochs)
        network.fit(X_train, y_train)
        losses.append(log_loss(y_test, network.predict_proba(X_test)))
    return losses, network.loss_curve_, network.score(X_test, y_test)


def plot_curves(found, path):
    """Training loss on the left, loss on held-out digits on the right."""
    fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    epochs = np.arange(1, EPOCHS + 1)
    for name, (held_out, training, _) in found.items():
        style = {"color": COLORS[name], "lw": 2, "label": name}
        axes[0].plot(epochs, training, **style)
        axes[1].plot(epochs, held_out, **style)
    for ax, title in zip(
        axes, ("training loss with penalties", "log-loss on held-out digits"), strict=True
    ):
        ax.set_yscale("log")
        ax.set(xlabel="epoch", title=title)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.3)
        ax.set_yticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
        ax.minorticks_off()
    axes[1].legend(frameon=False, title="hyperparameters")
    fig.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("network.png"), help="the plot")
    output = parser.parse_args().output
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X / 16, y, train_size=600, stratify=y, random_state=SEED)
    search = GradientSearchCV(
        make_network(),
        SPACE,
        n_iter=12,
        scoring="neg_log_loss",
        cv=3,
        refit=False,
        random_state=SEED,
    ).fit(split[0], split[2])

    settings = {"default": {}, "start": search.history_[0].params, "learned": search.best_params_}
    found = {name: curves(params, *split) for name, params in settings.items()}
    print("           rate  momentum  penalties of the layers  held-out loss  accuracy")
    for name, params in settings.items():
        own = make_network().set_params(**params)
        held_out, _, accuracy = found[name]
        print(
            f"{name:<8}  {own.learning_rate:>5.3f}  {own.momentum:>8.2f}  "
            f"{own.alpha[0]:>11.4f} {own.alpha[1]:>11.4f}  {held_out[-1]:>13.3f}  {accuracy:>8.3f}"
        )
    plot_curves(found, output)
    print(f"\nThe plot is in {output}.")


if __name__ == "__main__":
    main()
