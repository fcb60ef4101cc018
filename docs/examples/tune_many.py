"""
41 hyperparameters of one pipeline
==================================

Tune 41 hyperparameters of a pipeline by gradients: a penalty and 40 length-scales of kernel ridge
regression.

Run it from a clone::

    python docs/examples/tune_many.py

There are two tasks of 100 samples and 40 features. In the first, 5 features matter, and separate
length-scales help. In the second, all features matter a little and there is much noise: separate
length-scales would overfit the folds, and a prior prevents this. 1000 held-out samples show the
difference. Takes about 10 seconds.
"""

import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import BayesSearchCV, GradientSearchCV, SearchCV

N_TRAIN, N_FEATURES, SEED = 100, 40, 0
SPACE = {
    "kernelridge__alpha": (1e-4, 1e3, "log-uniform"),
    "kernelridge__kernel__length_scale": (1e-1, 1e3, "log-uniform"),
}


def few_matter():
    X, y = make_friedman1(n_samples=1100, n_features=N_FEATURES, noise=1.0, random_state=SEED)
    return X, y - y.mean()


def all_matter():
    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(1100, N_FEATURES))
    return X, X @ rng.normal(size=N_FEATURES) / 6 + rng.normal(size=len(X))


TASKS = {"5 of 40 matter": few_matter, "all matter a little": all_matter}


def searches():
    """Names and searches; the first one has two hyperparameters, the others 41."""
    one = make_pipeline(StandardScaler(), KernelRidge(kernel=RBF(1.0)))
    each = make_pipeline(StandardScaler(), KernelRidge(kernel=RBF(np.ones(N_FEATURES))))
    return {
        "gradient, 2": GradientSearchCV(one, SPACE, random_state=SEED),
        "random, 41": SearchCV(each, SPACE, sampler="random", n_iter=200, random_state=SEED),
        "Bayesian, 41": BayesSearchCV(each, SPACE, n_iter=50, random_state=SEED),
        "gradient, 41": GradientSearchCV(each, SPACE, n_iter=50, random_state=SEED),
    }


def main():
    _, axes = plt.subplots(1, 2, figsize=(10, 3.5), sharey=True, layout="constrained")
    for ax, (title, make) in zip(axes, TASKS.items(), strict=True):
        X, y = make()
        print(f"\n{title:<19}  trials  seconds  CV R2  held-out R2")
        for row, (name, search) in enumerate(searches().items()):
            start = time.perf_counter()
            search.fit(X[:N_TRAIN], y[:N_TRAIN])
            seconds = time.perf_counter() - start
            held_out = search.score(X[N_TRAIN:], y[N_TRAIN:])
            print(
                f"{name:<19}  {search.n_trials_:>6}  {seconds:>7.1f}  "
                f"{search.best_score_:>5.2f}  {held_out:>11.2f}"
            )
            ax.plot([search.best_score_, held_out], [row, row], color="0.8", lw=3, zorder=0)
            ax.plot(search.best_score_, row, "o", color="0.6", ms=9, label="cross-validation")
            ax.plot(held_out, row, "o", color="#D55E00", ms=9, label="held out")
        ax.set_yticks(range(len(searches())), list(searches()))
        ax.set(title=title, xlabel="R²", ylim=(-0.5, 3.5))
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[1].legend(handles[:2], labels[:2], frameon=False)


if __name__ == "__main__":
    main()
