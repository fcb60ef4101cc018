"""What knowledge of other data sets costs at ``fit``, in CPU milliseconds.

    python benchmarks/knowledge_costs.py

Each search has one trial of a cheap score; measured are reading the data through the pipeline and
choosing the first candidates, the median of ten fits after one that also opens the file. One
thread. ``--key before`` stores the results under another name.
"""

import argparse
import json
import time
import warnings
from unittest import mock

import _environment  # first: it sets the number of threads before numpy is imported
import numpy as np
from scipy.stats import loguniform
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from skhyper import BayesSearchCV
from skhyper.search import _bayes

PATH = _environment.RESULTS / "knowledge_costs.json"
N_FITS = 10
RANGES = {"svr__C": loguniform(1e-2, 1e4), "svr__gamma": loguniform(1e-4, 10)}


def texts(n, n_words=200, seed=0):
    """Random words with frequencies by Zipf's law."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 20_001)
    words = rng.choice(20_000, (n, n_words), p=shares / shares.sum())
    return [" ".join(f"w{i}" for i in row) for row in words], rng.integers(0, 2, n)


def cases():
    """Estimator, data, further arguments of the search."""
    cancer, digits = load_breast_cancer(return_X_y=True), load_digits(return_X_y=True)
    diabetes = load_diabetes(return_X_y=True)
    wide = make_classification(3000, 1000, n_informative=20, random_state=0)
    log_loss = {"scoring": "neg_log_loss"}
    models = [
        {"svr": [model], **{f"svr__{name}": "auto" for name in names}}
        for model, names in (
            (SVR(), ("C", "gamma")),
            (KNeighborsRegressor(), ("n_neighbors",)),
            (Ridge(), ("alpha",)),
        )
    ]
    rare = {"constraint": lambda params: params["svr__C"] < params["svr__gamma"] / 50}
    return {
        "SVC": (make_pipeline(StandardScaler(), SVC()), cancer, {}),
        "SVC, digits": (make_pipeline(StandardScaler(), SVC()), digits, {}),
        "SVR": (make_pipeline(StandardScaler(), SVR()), diabetes, {}),
        "k-NN, digits": (make_pipeline(StandardScaler(), KNeighborsClassifier()), digits, {}),
        "tree, digits": (DecisionTreeClassifier(), digits, log_loss),
        "1000 columns": (make_pipeline(StandardScaler(), SVC()), wide, {}),
        "PCA, 1000 columns": (make_pipeline(StandardScaler(), PCA(20), SVC()), wide, {}),
        "Yeo-Johnson": (make_pipeline(PowerTransformer(), SVC()), cancer, {}),
        "text": (make_pipeline(TfidfVectorizer(), SVC()), texts(1500), {}),
        "text, SVD, scaler": (
            make_pipeline(TfidfVectorizer(), TruncatedSVD(50), StandardScaler(), SVC()),
            texts(1500),
            {},
        ),
        "distributions of scipy": (
            make_pipeline(StandardScaler(), SVR()),
            diabetes,
            {"search_spaces": RANGES},
        ),
        "SVR, k-NN or ridge": (
            make_pipeline(StandardScaler(), SVR()),
            diabetes,
            {"search_spaces": models},
        ),
        "rare constraint": (make_pipeline(StandardScaler(), SVR()), diabetes, rare),
    }


def milliseconds(estimator, X, y, options):
    """CPU time of known_starts in each of several fits."""
    spent = []

    def timed(*args):
        start = time.process_time()
        try:
            return original(*args)
        finally:
            spent.append(1e3 * (time.process_time() - start))
            raise StopIteration  # no trials

    original = _bayes.known_starts
    with mock.patch.object(_bayes, "known_starts", timed):
        for _ in range(N_FITS + 1):
            search = BayesSearchCV(estimator, n_iter=20, random_state=0, **options)
            try:
                search.fit(X, y)
            except StopIteration:
                continue
    return spent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--key", default="after")
    key = parser.parse_args().key
    warnings.simplefilter("ignore")
    found = {}
    for name, (estimator, (X, y), options) in cases().items():
        first, *others = milliseconds(estimator, X, y, options)
        found[name] = {"first": round(first, 2), "median": round(float(np.median(others)), 2)}
        print(name, found[name], flush=True)
    content = json.loads(PATH.read_text()) if PATH.exists() else {}
    content |= {key: found} | _environment.environment("python benchmarks/knowledge_costs.py")
    _environment.write(PATH.name, content)


if __name__ == "__main__":
    main()
