"""
Penalties of groups of features
===============================

Tune one penalty per band of features, and see which bands carry signal.

Run it from a clone::

    python docs/examples/bands.py [--output bands.png]

There are eight groups of 25 features and 200 samples. Two groups determine much of the target, two
some, one a little, three nothing. Ridge regression has one penalty for all groups, BandedRidge one
per group, and GradientSearchCV tunes all eight. 2000 held-out samples show the gain.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV

from skhyper import GradientSearchCV
from skhyper.linear_model import BandedRidge

SIGNAL = {
    "blood": 1.0,
    "genes A": 0.0,
    "genes B": 0.3,
    "image": 0.0,
    "diet": 0.1,
    "sleep": 1.0,
    "text": 0.3,
    "noise": 0.0,
}
N_TRAIN, SIZE, SEED = 200, 25, 0
RANGE = (1e-1, 1e5)


def make_data():
    """Standard normal features, and a target with coefficients of the sizes in SIGNAL."""
    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(N_TRAIN + 2000, SIZE * len(SIGNAL)))
    w = np.repeat(list(SIGNAL.values()), SIZE) * rng.normal(size=X.shape[1]) / np.sqrt(SIZE)
    return X, X @ w + rng.normal(size=len(X))


def plot_penalties(penalties, single, path):
    """One bar per band on a log scale, colored by the size of its true coefficients."""
    order = sorted(SIGNAL, key=penalties.get)
    color = plt.get_cmap("viridis_r")
    fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for row, name in enumerate(order):
        ax.plot([RANGE[0], penalties[name]], [row, row], color="0.8", lw=2, zorder=1)
        shade = color(0.05 + 0.9 * SIGNAL[name]) if SIGNAL[name] else "0.6"
        ax.plot(penalties[name], row, "o", ms=12, color=shade, mec="white")
        label = f"true size {SIGNAL[name]:g}" if SIGNAL[name] else "no signal"
        box = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none"}
        style = {"xytext": (14, 0), "textcoords": "offset points", "va": "center", "bbox": box}
        ax.annotate(label, (penalties[name], row), **style)
    ax.axvline(single, color="#D55E00", ls="--", lw=1.5, zorder=0)
    ax.annotate(
        f"one penalty for all: {single:.0f}",
        (single, len(order) - 0.45),
        xytext=(6, 0),
        textcoords="offset points",
        color="#D55E00",
        va="center",
    )
    ax.set_xscale("log")
    ax.set(xlim=(RANGE[0], RANGE[1] * 30), ylim=(-0.6, len(order) - 0.1))
    ax.set_yticks(range(len(order)), order)
    ax.set_xlabel("learned penalty (searched up to 100 000)")
    ax.set_title("BandedRidge: what GradientSearchCV learned about each band")
    ax.spines[["top", "right"]].set_visible(False)
    fig.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("bands.png"), help="the plot")
    output = parser.parse_args().output
    X, y = make_data()
    train, test = slice(0, N_TRAIN), slice(N_TRAIN, None)
    bands = {name: slice(i * SIZE, (i + 1) * SIZE) for i, name in enumerate(SIGNAL)}

    one = RidgeCV(np.geomspace(*RANGE, 50)).fit(X[train], y[train])
    search = GradientSearchCV(
        BandedRidge(bands=bands), {"alphas": (*RANGE, "log-uniform")}, random_state=SEED
    ).fit(X[train], y[train])

    penalties = search.best_params_["alphas"]
    print("band      true size   penalty")
    for name in sorted(SIGNAL, key=penalties.get):
        print(f"{name:<8}  {SIGNAL[name]:>9g}  {penalties[name]:>8.1f}")
    print(f"\nheld-out R2, one penalty ({one.alpha_:.0f}): {one.score(X[test], y[test]):.3f}")
    print(
        f"held-out R2, eight penalties:    {search.score(X[test], y[test]):.3f}"
        f" ({search.n_trials_} trials)"
    )
    plot_penalties(penalties, one.alpha_, output)
    print(f"\nThe plot is in {output}.")


if __name__ == "__main__":
    main()
