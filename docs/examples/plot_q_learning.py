"""
A reinforcement-learning agent
==============================

Tune an agent that learns to walk through a grid with a cliff: its discount factor, learning rate
and exploration. A search can tune any class with ``fit`` and ``score``, so the agent is written
as an estimator.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skhyper import BayesSearchCV

# %%
# The world has 5 x 10 cells. Each step costs 1, falling off the cliff costs 30, and both the
# cliff and the goal end the episode. One step in ten goes in a random direction, so walking along
# the edge is dangerous.

ROWS, COLUMNS, GOAL = 5, 10, (4, 9)
CLIFF = {(4, column) for column in range(1, 9)}
MOVES = [(-1, 0), (0, 1), (1, 0), (0, -1)]


def step(cell, action, rng):
    """Next cell, reward, and whether the episode has ended."""
    row, column = MOVES[action if rng.random() > 0.1 else rng.integers(4)]
    cell = min(max(cell[0] + row, 0), ROWS - 1), min(max(cell[1] + column, 0), COLUMNS - 1)
    if cell in CLIFF:
        return cell, -30.0, True
    return cell, -1.0, cell == GOAL


# %%
# The agent learns by tabular Q-learning. The "samples" are the cells where episodes start.
# ``fit`` learns from some of them, ``score`` is the mean return from others, without exploration.
# Both methods seed their random number generator, so scores are reproducible.


class QLearner(BaseEstimator):
    def __init__(
        self, discount=0.9, learning_rate=0.1, exploration=0.1, n_episodes=300, random_state=0
    ):
        self.discount = discount
        self.learning_rate = learning_rate
        self.exploration = exploration
        self.n_episodes = n_episodes
        self.random_state = random_state

    def fit(self, X, y=None):
        rng = np.random.default_rng(self.random_state)
        self.values_ = np.zeros((ROWS, COLUMNS, 4))
        for episode in range(self.n_episodes):
            cell, done, n_steps = tuple(X[episode % len(X)]), False, 0
            while not done and n_steps < 100:
                explores = rng.random() < self.exploration
                action = rng.integers(4) if explores else self.values_[cell].argmax()
                following, reward, done = step(cell, action, rng)
                future = 0.0 if done else self.discount * self.values_[following].max()
                error = reward + future - self.values_[cell][action]
                self.values_[cell][action] += self.learning_rate * error
                cell, n_steps = following, n_steps + 1
        return self

    def score(self, X, y=None):
        rng = np.random.default_rng(self.random_state + 1)
        total = 0.0
        for start in np.repeat(X, 3, axis=0):
            cell, done, n_steps = tuple(start), False, 0
            while not done and n_steps < 100:
                cell, reward, done = step(cell, self.values_[cell].argmax(), rng)
                total, n_steps = total + reward, n_steps + 1
        return total / (3 * len(X))


starts = [(i, j) for i in range(ROWS) for j in range(COLUMNS) if (i, j) not in CLIFF | {GOAL}]
X = check_random_state(0).permutation(starts)

# %%
# The first trial of the search is the default agent.

space = {
    "discount": (0.5, 1.0),
    "learning_rate": (0.01, 1.0, "log-uniform"),
    "exploration": (0.001, 0.5, "log-uniform"),
}
search = BayesSearchCV(
    QLearner(), space, n_iter=30, cv=4, include_default=True, random_state=0
).fit(X)
print(f"default agent: return {search.cv_results_['mean_test_score'][0]:.1f}")
print(f"tuned agent:   return {search.best_score_:.1f}")
print({name: round(value, 3) for name, value in search.best_params_.items()})

# %%
# Plot the policies of both agents, and the return of each trial. Arrows show the best action in
# each cell.


def draw(ax, agent, title):
    ax.imshow(agent.values_.max(axis=2), cmap="Greys_r", vmin=-30, vmax=5)
    for row, column in starts:
        down, right = MOVES[agent.values_[row, column].argmax()]
        style = {
            "width": 0.03,
            "head_width": 0.25,
            "color": "#0072B2",
            "length_includes_head": True,
        }
        ax.arrow(column - 0.3 * right, row - 0.3 * down, 0.6 * right, 0.6 * down, **style)
    for row, column in CLIFF:
        ax.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 1, 1, color="#D55E00"))
    ax.text(GOAL[1], GOAL[0], "goal", ha="center", va="center", color="#009E73", weight="bold")
    ax.text(4.5, 4, "cliff", ha="center", va="center", color="white", weight="bold")
    ax.set(title=title, xticks=[], yticks=[])


fig, axes = plt.subplots(1, 3, figsize=(13, 3.2), layout="constrained")
draw(axes[0], QLearner().fit(X), "default")
draw(axes[1], search.best_estimator_, "tuned")
scores = search.cv_results_["mean_test_score"]
axes[2].plot(scores, "o", color="0.6", label="trials")
axes[2].step(
    range(len(scores)),
    np.maximum.accumulate(scores),
    where="post",
    color="#D55E00",
    label="best so far",
)
axes[2].set(xlabel="trial", title="mean return on held-out starts")
axes[2].legend(frameon=False)
axes[2].spines[["top", "right"]].set_visible(False)
