"""
Text: tf-idf and word embeddings
================================

Classify short texts with two kinds of features, and tune features and classifier in one search:
weighted word counts (tf-idf), and word embeddings learned by a truncated SVD of co-occurrences.
"""

import importlib
import re

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import coo_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhyper import BayesSearchCV

# %%
# The texts ship with scikit-learn: paragraphs of its docstrings with at least five words. The task
# is to predict the module of a paragraph. Paragraphs of one object are a group, which is
# never split between training and validation.

MODULES = ("cluster", "decomposition", "ensemble", "metrics", "preprocessing")
texts, labels, groups = [], [], []
for module in MODULES:
    package = importlib.import_module(f"sklearn.{module}")
    for name in package.__all__:
        for text in re.split(r"\n\s*\n", getattr(package, name).__doc__ or ""):
            if len(re.findall("[a-z]+", text)) >= 5:
                texts.append(text)
                labels.append(module)
                groups.append(f"{module}.{name}")
order = np.random.default_rng(0).permutation(len(texts))[:1000]
texts, labels, groups = (np.array(values)[order] for values in (texts, labels, groups))
print(f"{len(texts)} paragraphs of {len(set(groups))} objects")

# %%
# Word embeddings in three steps: count which words occur in the same paragraph, weight the counts
# by positive pointwise mutual information, and reduce them by an SVD. A text is the mean of its
# words' vectors.


class CooccurrenceEmbedding(TransformerMixin, BaseEstimator):
    """Mean of word vectors, which are learned from co-occurrences in the training texts."""

    def __init__(self, n_components=50, min_df=2):
        self.n_components = n_components
        self.min_df = min_df

    def fit(self, X, y=None):
        self.vectorizer_ = CountVectorizer(min_df=self.min_df, binary=True)
        counts = self.vectorizer_.fit_transform(X).astype(float)
        cooccurrences = (counts.T @ counts).tocoo()
        frequencies = np.asarray(counts.sum(axis=0)).ravel()
        expected = frequencies[cooccurrences.row] * frequencies[cooccurrences.col] / counts.shape[0]
        information = np.maximum(np.log(cooccurrences.data / expected), 0)
        ppmi = coo_array(
            (information, (cooccurrences.row, cooccurrences.col)), shape=cooccurrences.shape
        )
        svd = TruncatedSVD(self.n_components, random_state=0)
        self.vectors_ = svd.fit_transform(ppmi.tocsr())
        return self

    def transform(self, X):
        counts = self.vectorizer_.transform(X).astype(float)
        n_words = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
        return (counts @ self.vectors_) / n_words[:, np.newaxis]


# %%
# Each search tunes hyperparameters of the features and the penalty of the classifier.

pipelines = {
    "tf-idf": make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)),
    "embeddings": make_pipeline(
        CooccurrenceEmbedding(), StandardScaler(), LogisticRegression(max_iter=1000)
    ),
}
spaces = {
    "tf-idf": {
        "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
        "tfidfvectorizer__sublinear_tf": [False, True],
        "tfidfvectorizer__min_df": (1, 10),
        "logisticregression__C": (1e-1, 1e3, "log-uniform"),
    },
    "embeddings": {
        "cooccurrenceembedding__n_components": (5, 150, "log-uniform"),
        "cooccurrenceembedding__min_df": (2, 10),
        "logisticregression__C": (1e-4, 1e2, "log-uniform"),
    },
}
searches = {
    name: BayesSearchCV(
        pipeline, spaces[name], n_iter=12, cv=GroupKFold(3), include_default=True, random_state=0
    ).fit(texts, labels, groups=groups)
    for name, pipeline in pipelines.items()
}
for name, search in searches.items():
    scores = search.cv_results_["mean_test_score"]
    print(f"{name:<10}  default {scores[0]:.3f}  tuned {search.best_score_:.3f}")
    print(f"            {search.best_params_}")

# %%
# On the left, the trials of both searches. On the right, the words closest to "recall" in the
# embedding.

fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for (name, search), color in zip(searches.items(), ("#0072B2", "#D55E00"), strict=True):
    scores = search.cv_results_["mean_test_score"]
    axes[0].plot(scores, "o", color=color, alpha=0.4)
    axes[0].step(
        range(len(scores)), np.maximum.accumulate(scores), where="post", color=color, label=name
    )
axes[0].set(xlabel="trial", ylabel="accuracy", title="trials, and the best so far")
axes[0].legend(frameon=False)

embedding = searches["embeddings"].best_estimator_[0]
words = embedding.vectorizer_.get_feature_names_out()
lengths = np.linalg.norm(embedding.vectors_, axis=1)
vectors = embedding.vectors_ / np.maximum(lengths, 1e-12)[:, np.newaxis]
similarity = vectors @ vectors[np.flatnonzero(words == "recall")[0]]
closest = np.argsort(similarity)[-11:-1]
axes[1].barh(words[closest], similarity[closest], color="#D55E00")
axes[1].set(title='words closest to "recall"', xlabel="cosine similarity")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
