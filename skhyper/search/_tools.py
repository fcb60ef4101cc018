"""Support of tools that recognize scikit-learn's searches by class: MLflow and skl2onnx.

Neither is a dependency, and neither is imported here: they are supported if the user has imported
them.

MLflow's autologging replaces ``fit`` of scikit-learn's classes. ``GridSearchCV`` and
``RandomizedSearchCV``, which are subclasses of them, then run that ``fit``
(:func:`replaced_fit`); the other searches log themselves (:func:`mlflow_run`), as each of their
fits would otherwise be a separate run.
"""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn import model_selection

_SKLEARN_SEARCHES = model_selection.GridSearchCV, model_selection.RandomizedSearchCV


def overrides_run_search(search: Any) -> bool:
    """Whether a subclass of scikit-learn's two classes, outside of skhyper, has its strategy."""
    owner = next(cls for cls in type(search).__mro__ if "_run_search" in vars(cls))
    return isinstance(search, _SKLEARN_SEARCHES) and not owner.__module__.startswith("skhyper.")


def replaced_fit(search: Any) -> Callable | None:
    """The ``fit`` of scikit-learn's class, if a tool has replaced it or a subclass relies on it.

    Only scikit-learn's ``fit`` calls ``_run_search``, which subclasses override.
    """
    for cls in _SKLEARN_SEARCHES:
        # scikit-learn's two classes inherit their fit.
        if isinstance(search, cls) and ("fit" in vars(cls) or overrides_run_search(search)):
            fit: Callable = cls.fit
            return fit
    return None


@contextlib.contextmanager
def mlflow_run(search: Any) -> Iterator[None]:
    """Context that logs a search as one run of MLflow, if its autologging is on.

    The run has the parameters of the search and its best score and candidate; the best trials, at
    most ``mlflow.sklearn.autolog(max_tuning_runs=...)``, are child runs.
    """
    mlflow = _autologging_mlflow()
    if mlflow is None or isinstance(search, _SKLEARN_SEARCHES):
        yield
        return
    with mlflow.start_run(nested=mlflow.active_run() is not None):
        with mlflow.utils.autologging_utils.disable_autologging():
            yield
        try:
            _log(mlflow, search)
        except Exception as error:  # noqa: BLE001  (the fitted search must not be lost)
            warnings.warn(f"MLflow could not log the search: {error!r}", stacklevel=2)


def _autologging_mlflow() -> Any:
    """MLflow, if its autologging of scikit-learn is on and not already logging a fit, else None.

    MLflow has no public function for this; with versions that lack the private names, searches are
    not logged.
    """
    mlflow = sys.modules.get("mlflow")
    if mlflow is None or "mlflow.sklearn" not in sys.modules:
        return None
    try:
        tools = mlflow.utils.autologging_utils
        off = (
            tools.autologging_is_disabled("sklearn")
            or tools._AUTOLOGGING_GLOBALLY_DISABLED
            or tools._has_active_training_session()
            or not callable(tools.disable_autologging)
            or not callable(tools.get_autologging_config)
        )
    except AttributeError:
        return None
    return None if off else mlflow


def _log(mlflow: Any, search: Any) -> None:
    config = mlflow.utils.autologging_utils.get_autologging_config
    cls = type(search)
    mlflow.set_tags(
        {"estimator_name": cls.__name__, "estimator_class": f"{cls.__module__}.{cls.__name__}"}
    )
    best = {f"best_{name}": value for name, value in getattr(search, "best_params_", {}).items()}
    mlflow.log_params(_loggable(search.get_params(deep=False) | best))
    if np.isfinite(getattr(search, "best_score_", np.nan)):
        mlflow.log_metric("best_cv_score", float(search.best_score_))
    if config("sklearn", "log_models", True) and hasattr(search, "best_estimator_"):
        mlflow.sklearn.log_model(search.best_estimator_, name="best_estimator")
    n_children = config("sklearn", "max_tuning_runs", None)
    done = sorted(search.history_, key=lambda t: np.inf if np.isnan(t.loss) else t.loss)
    own = search.estimator.get_params(deep=True)
    for trial in done[:n_children]:
        row = {name: values[trial.number] for name, values in search.cv_results_.items()}
        with mlflow.start_run(nested=True):
            mlflow.log_params(_loggable(own | dict(trial.params)))
            mlflow.log_metrics(_aggregates(row))


def _loggable(params: dict[str, Any]) -> dict[str, str]:
    """Values as text of at most 500 characters, the limit of MLflow."""
    return {name: str(value)[:500] for name, value in params.items()}


def _aggregates(row: dict[str, Any]) -> dict[str, float]:
    """Means, standard deviations and ranks of a row of ``cv_results_``."""
    kept = {n: v for n, v in row.items() if n.startswith(("mean_", "std_", "rank_"))}
    return {name: float(value) for name, value in kept.items() if np.isfinite(value)}


def register_for_onnx(cls: type) -> None:
    """Register a search class with skl2onnx, if imported, as scikit-learn's GridSearchCV."""
    if "skl2onnx" not in sys.modules:
        return
    try:
        from skl2onnx._parse import sklearn_parsers_map
        from skl2onnx._supported_operators import sklearn_operator_name_map
    except ImportError:  # private names, which a version may lack
        return
    for registered in (sklearn_parsers_map, sklearn_operator_name_map):
        if model_selection.GridSearchCV in registered:
            registered.setdefault(cls, registered[model_selection.GridSearchCV])
