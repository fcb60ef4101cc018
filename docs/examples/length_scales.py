"""
Length-scales of single features
================================

Tune one length-scale per feature, and see which features a function depends on.

Run it from a clone::

    python docs/examples/length_scales.py [--output length_scales.png]

Friedman's first function depends on 5 of 15 features: on 0 and 1 by a sine of their product, on 2
by a square, on 3 and 4 linearly. With a single length-scale, kernel ridge regression treats all
features in the same way. With one per feature, irrelevant features get very long length-scales, and
features with a linear effect longer ones than those with a curved effect.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import StandardScaler

from skhyper import GradientSearchCV
from skhyper.kernel import ARDKernelRidge

N_TRAIN, N_FEATURES, N_RELEVANT, SEED = 150, 15, 5, 0
SPACE = {
    "length_scales": (1e-1, 1e3, "log-uniform"),
    "alpha": (1e-5, 1e2, "log-uniform"),
}


def search_from(start, X, y):
    """A fitted search that starts from given hyperparameters, with one length-scale or several."""
    model = ARDKernelRidge(length_scales=start["length_scales"])
    search = GradientSearchCV(model, SPACE, initial_points=start, n_restarts=0, random_state=SEED)
    return search.fit(X, y)


def plot_scales(scales, single, path):
    """Length-scales on an inverted log scale: relevant features have high bars."""
    fig, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    features = np.arange(N_FEATURES)
    longest = SPACE["length_scales"][1]
    relevant = features < N_RELEVANT
    for which, color, label in (
        (relevant, "#0072B2", "the function depends on it"),
        (~relevant, "#999999", "it does not"),
    ):
        ax.bar(
            features[which], longest - scales[which], 0.6, scales[which], color=color, label=label
        )
        ax.plot(features[which], scales[which], "o", ms=9, color=color, mec="white")
    ax.axhline(single, color="#D55E00", ls="--", lw=1.5, label="one length-scale for all")
    ax.set_yscale("log")
    ax.set(ylim=(1.3 * longest, 1.0), xticks=features, xlabel="feature")
    ax.set_ylabel("learned length-scale (longer: matters less)")
    ax.set_title("ARDKernelRidge on Friedman's function: length-scales by GradientSearchCV")
    ax.legend(frameon=False, loc="center right")
    ax.spines[["top", "right"]].set_visible(False)
    fig.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("length_scales.png"), help="the plot")
    output = parser.parse_args().output
    X, y = make_friedman1(N_TRAIN + 1000, N_FEATURES, noise=1.0, random_state=SEED)
    X = StandardScaler().fit_transform(X)
    X_train, X_test, y_train, y_test = X[:N_TRAIN], X[N_TRAIN:], y[:N_TRAIN], y[N_TRAIN:]

    one = search_from({"length_scales": 3.0, "alpha": 0.1}, X_train, y_train)
    single = one.best_params_["length_scales"]
    start = {**one.best_params_, "length_scales": np.full(N_FEATURES, single)}
    each = search_from(start, X_train, y_train)

    scales = each.best_params_["length_scales"]
    print("feature  length-scale")
    for j in np.argsort(scales):
        print(f"{j:>7}  {scales[j]:>12.1f}")
    print("\n                          trials  CV R2  held-out R2")
    for name, search in {"one length-scale": one, "one for each feature": each}.items():
        print(
            f"{name:<24}  {search.n_trials_:>6}  {search.best_score_:>5.2f}  "
            f"{search.score(X_test, y_test):>11.2f}"
        )
    plot_scales(scales, single, output)
    print(f"\nThe plot is in {output}.")


if __name__ == "__main__":
    main()
