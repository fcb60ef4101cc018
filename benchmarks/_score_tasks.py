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

# Name: data set, maximum number of rows, pipeline, scoring. Spaces are the default ones. Quick
# ones come first.
TASKS = {
    "digits, PCA + k-NN": ("digits", 900, make_pipeline(PCA(), KNeighborsClassifier()), ACCURACY),
    "phoneme, k-NN": (
        "phoneme",
        2000,
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        LOSS,
    ),
    "contraceptive, tree": ("contraceptive", None, DecisionTreeClassifier(random_state=0), LOSS),
    "sonar, SVC": ("sonar", None, make_pipeline(StandardScaler(), SVC()), ACCURACY),
    "diabetes, SVR": ("diabetes", None, make_pipeline(StandardScaler(), SVR()), R2),
    "vowel, SVC": ("vowel", 600, make_pipeline(StandardScaler(), SVC()), ACCURACY),
    "spambase, logistic": (
        "spambase",
        1500,
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)),
        LOSS,
    ),
    "diabetes, elastic net of squares": (
        "diabetes",
        None,
        make_pipeline(PolynomialFeatures(2), StandardScaler(), ElasticNet(max_iter=20_000)),
        R2,
    ),
    "digits, PCA + SVC": ("digits", 900, make_pipeline(StandardScaler(), PCA(), SVC()), ACCURACY),
    "diabetes, boosting": ("diabetes", None, GradientBoostingRegressor(random_state=0), R2),
    "text, tf-idf + logistic": (
        "docstrings",
        900,
        make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)),
        LOSS,
    ),
    "spambase, extra trees": ("spambase", 1000, ExtraTreesClassifier(random_state=0), LOSS),
    "vehicle, random forest": ("vehicle", None, RandomForestClassifier(random_state=0), LOSS),
    "german, boosting": (
        "german",
        None,
        HistGradientBoostingClassifier(early_stopping=False, random_state=0),
        LOSS,
    ),
}
