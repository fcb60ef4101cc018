"""Pairs of pipeline and real data set for ``time_to_score.py``."""

from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

R2, LOSS, ACCURACY = "r2", "neg_log_loss", "accuracy"

# Name: data set, maximum number of rows, pipeline, scoring. Spaces are the default ones.
TASKS = {
    "text, tf-idf + logistic": (
        "docstrings",
        900,
        make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)),
        LOSS,
    ),
    "digits, PCA + SVC": ("digits", 900, make_pipeline(StandardScaler(), PCA(), SVC()), ACCURACY),
    "digits, PCA + k-NN": ("digits", 900, make_pipeline(PCA(), KNeighborsClassifier()), ACCURACY),
    "vowel, SVC": ("vowel", 600, make_pipeline(StandardScaler(), SVC()), ACCURACY),
    "sonar, SVC": ("sonar", None, make_pipeline(StandardScaler(), SVC()), ACCURACY),
    "diabetes, SVR": ("diabetes", None, make_pipeline(StandardScaler(), SVR()), R2),
    "diabetes, elastic net of squares": (
        "diabetes",
        None,
        make_pipeline(PolynomialFeatures(2), StandardScaler(), ElasticNet(max_iter=20_000)),
        R2,
    ),
    "spambase, logistic": (
        "spambase",
        1500,
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)),
        LOSS,
    ),
    "contraceptive, tree": ("contraceptive", None, DecisionTreeClassifier(random_state=0), LOSS),
    "phoneme, k-NN": (
        "phoneme",
        2000,
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        LOSS,
    ),
    "vehicle, random forest": ("vehicle", None, RandomForestClassifier(random_state=0), LOSS),
    "spambase, extra trees": ("spambase", 1000, ExtraTreesClassifier(random_state=0), LOSS),
    "german, boosting": (
        "german",
        None,
        HistGradientBoostingClassifier(early_stopping=False, random_state=0),
        LOSS,
    ),
    "diabetes, boosting": ("diabetes", None, GradientBoostingRegressor(random_state=0), R2),
}
