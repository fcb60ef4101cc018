"""What default ranges depend on, as texts."""

from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import ElasticNet, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from skhyper.space import range_sources
from skhyper.space._default_data import Data
from skhyper.space._default_ranges import gamma, up_to
from skhyper.space._default_sources import dependencies


def test_what_is_read_of_the_data_and_of_the_params():
    assert dependencies(up_to(1, 5, 0.5), Data(), {}) == "n_samples"
    data = Data(path=("StandardScaler",))
    assert dependencies(gamma, data, {}) == "n_features, variance of X after StandardScaler"
    assert dependencies(up_to(1, 5, 0.5), data, {}) == "n_samples"
    assert dependencies(lambda data, own: own.get("a", own.get("b")), data, {"b": 1}) == "b=1"


def test_sources_of_a_pipeline():
    class OwnScaler(StandardScaler):
        pass

    own = OwnScaler()
    sources = range_sources(make_pipeline(own, PCA(), SVR()))
    assert sources["svr__C"] == ("SVR", "")
    assert sources["svr__epsilon"] == ("SVR", "standard deviation of y")
    text = "n_features, variance of X after OwnScaler (not fitted), PCA"
    assert sources["svr__gamma"] == ("SVR", text)


def test_sources_name_the_class_with_the_table():
    class Mine(Ridge):
        pass

    assert range_sources(Mine()) == {"alpha": ("Ridge", "")}
    boosting = range_sources(HistGradientBoostingClassifier(early_stopping=False))
    assert boosting["max_iter"][1] == "early_stopping=False"
    assert range_sources(KNeighborsClassifier())["n_neighbors"][1] == "n_samples"
    # Although it has no range without data.
    assert range_sources(DecisionTreeRegressor())["ccp_alpha"][1] == "standard deviation of y"
    alpha = range_sources(ElasticNet())["alpha"][1]
    assert alpha == "correlation of X and y, standard deviation of y"
