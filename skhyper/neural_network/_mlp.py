"""Neural networks as estimators."""

import numbers
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skhyper._sklearn import Interval, StrOptions, fit_context, sample_weights, validate_params
from skhyper.neural_network._network import ACTIVATIONS, Layer, Network
from skhyper.neural_network._optimizers import OPTIMIZERS, SCHEDULES
from skhyper.neural_network._training import Data, Run, Settings, differentiable, directions, train

__all__ = ["MLPClassifier", "MLPRegressor", "fit_with_derivatives", "pull_back"]

_POSITIVE = Interval(numbers.Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")
_PART = Interval(numbers.Real, 0, 1, closed="left")
_COUNT = Interval(numbers.Integral, 1, None, closed="left")


class BaseMLP(BaseEstimator):
    """What the two networks share."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", _COUNT],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [_POSITIVE],
        "schedule": [StrOptions(set(SCHEDULES))],
        "decay": [_NOT_NEGATIVE],
        "batch_size": [StrOptions({"auto"}), _COUNT],
        "max_iter": [_COUNT],
        "alpha": [_NOT_NEGATIVE, "array-like"],
        "momentum": [_PART],
        "beta_1": [_PART],
        "beta_2": [_PART],
        "epsilon": [_POSITIVE],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(numbers.Real, 0, 1, closed="neither")],
        "n_iter_no_change": [_COUNT],
        "tol": [_NOT_NEGATIVE],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        optimizer="adam",
        learning_rate=1e-3,
        schedule="constant",
        decay=0.01,
        batch_size="auto",
        max_iter=200,
        alpha=1e-4,
        momentum=0.9,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.decay = decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.alpha = alpha
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : estimator
        """
        self._train(X, y, sample_weight, ())
        return self

    @abstractmethod
    def _encoded(self, y: np.ndarray) -> tuple[np.ndarray, str, Any]:
        """Target of the network, kind of output, and what to stratify by; sets what it learns."""

    def _train(self, X: Any, y: Any, sample_weight: Any, names: Sequence[str]) -> np.ndarray:
        """Fit; returns the derivatives of all weights by the hyperparameters named, (k, P)."""
        X, y = self._validated(X, y)
        Y, output, strata = self._encoded(y)
        data = Data(X, Y, sample_weights(sample_weight, X))
        network = Network(self._widths(X.shape[1], Y.shape[1]), self.activation, output)
        alpha = self._penalties(len(network.shapes))
        rng = check_random_state(self.random_state)
        w, validation = network.initial(rng), None
        if self.early_stopping:
            data, validation = self._split(data, strata, rng)
        d_values = directions(names, self.alpha, len(network.shapes)) if names else None
        settings = self._settings(alpha, len(data.Y))
        try:
            run = train(network, w, data, settings, rng, validation, d_values)
        except FloatingPointError as error:
            raise ValueError(
                f"The training loss of {type(self).__name__} is not finite after {error}: lower "
                f"learning_rate={self.learning_rate:g}, or scale the data."
            ) from error
        self._keep(network, run)
        return run.dw

    def _validated(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float64, multi_output=True, y_numeric=False
        )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _widths(self, n_features: int, n_outputs: int) -> tuple[int, ...]:
        hidden = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if hidden.ndim > 1 or (hidden.size and (hidden.dtype.kind not in "iu" or hidden.min() < 1)):
            raise ValueError(
                "hidden_layer_sizes must be whole numbers above 0, one for each hidden layer; got "
                f"{self.hidden_layer_sizes!r}."
            )
        return (n_features, *map(int, hidden), n_outputs)

    def _penalties(self, n_layers: int) -> np.ndarray:
        alpha = np.asarray(self.alpha, dtype=float)
        if alpha.ndim > 0 and alpha.shape != (n_layers,):
            raise ValueError(
                f"alpha must be a number or have one for each of the {n_layers} layers of weights; "
                f"got shape {alpha.shape}."
            )
        if not (np.isfinite(alpha).all() and (alpha >= 0).all()):
            raise ValueError(f"alpha must be finite and not negative; got {self.alpha!r}.")
        return np.broadcast_to(alpha, (n_layers,))

    def _split(self, data: Data, strata: Any, rng: Any) -> tuple[Data, Data]:
        X, X_val, Y, Y_val, a, a_val = train_test_split(
            *data, test_size=self.validation_fraction, stratify=strata, random_state=rng
        )
        if not (a.sum() > 0 and a_val.sum() > 0):
            raise ValueError("Early stopping needs samples of positive weight on both sides.")
        return Data(X, Y, a), Data(X_val, Y_val, a_val)

    def _settings(self, alpha: np.ndarray, n: int) -> Settings:
        size = min(200, n) if self.batch_size == "auto" else self.batch_size
        names = ("learning_rate", "decay", "momentum", "beta_1", "beta_2", "epsilon")
        return Settings(
            self.optimizer,
            self.schedule,
            {name: getattr(self, name) for name in names} | {"alpha": alpha},
            n if self.optimizer == "gd" else size,
            self.max_iter,
            self.n_iter_no_change,
            self.tol,
        )

    def _keep(self, network: Network, run: Run) -> None:
        self._network = network
        layers = network.layers(run.w)
        self.coefs_ = [layer.W.copy() for layer in layers]
        self.intercepts_ = [layer.b.copy() for layer in layers]
        self.loss_curve_, self.validation_curve_ = run.loss_curve, run.validation_curve
        self.n_iter_, self.best_iter_ = len(run.loss_curve), run.best_iter
        self.n_layers_, self.n_outputs_ = len(network.widths), network.widths[-1]
        self.out_activation_ = network.output

    def _outputs(self, X: Any) -> np.ndarray:
        """What the last layer puts out, (n, d_L)."""
        check_is_fitted(self, "coefs_")
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return self._network.outputs(self._layers(), X)

    def _layers(self) -> list[Layer]:
        return [Layer(W, b) for W, b in zip(self.coefs_, self.intercepts_)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class MLPRegressor(RegressorMixin, BaseMLP):
    """A neural network for regression, trained by gradient descent.

    As a textbook has it: each layer is a linear map and an activation, the last one a linear map
    only. Without hidden layers it is ridge regression. Its learning rate, momentum and penalties
    can be learned by :class:`skhyper.GradientSearchCV`, which differentiates the training.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers - 2,) or int, default=(100,)
        Widths of the hidden layers; () for none.
    activation : {"identity", "logistic", "relu", "softplus", "tanh"}, default="relu"
        Of the hidden layers. Hyperparameters are best learned with a smooth one, "softplus"
        (``log(1 + exp(s))``) or "tanh": see Notes.
    optimizer : {"gd", "sgd", "momentum", "adam", "adagrad"}, default="adam"
        How a gradient becomes a step: `"gd"` takes all samples for each, the others a batch.
    learning_rate : float, default=1e-3
        Length of a step in the first epoch.
    schedule : {"constant", "inverse", "exponential", "cosine"}, default="constant"
        The learning rate after t epochs is `learning_rate` times 1, ``1 / (1 + decay t)``,
        ``exp(-decay t)`` or ``(1 + cos(π t / max_iter)) / 2``.
    decay : float, default=0.01
        See `schedule`.
    batch_size : int or "auto", default="auto"
        Number of samples in a batch; "auto" is ``min(200, n_samples)``.
    max_iter : int, default=200
        Number of epochs, at most with `early_stopping`; without it, exactly.
    alpha : float or array-like of shape (n_layers - 1,), default=1e-4
        Penalty of the squared weights (not the intercepts), of all layers or of each.
    momentum : float, default=0.9
        Share of the last step that is taken again; for `optimizer="momentum"`.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the averages of gradients and of their squares; for `optimizer="adam"`.
    epsilon : float, default=1e-8
        Keeps "adam" and "adagrad" from dividing by 0.
    early_stopping : bool, default=False
        Whether to set samples aside, and to keep the weights of the epoch of lowest loss on them.
    validation_fraction : float, default=0.1
        Share of these samples.
    n_iter_no_change : int, default=10
        Epochs in a row without a validation loss lower by `tol` that end the training.
    tol : float, default=1e-4
        See `n_iter_no_change`.
    random_state : int, RandomState instance or None, default=None
        Of the first weights, the batches and the samples set aside.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights and intercepts of each layer, of shape (width before, width) and (width,).
    loss_curve_ : list of float
        Training loss of each epoch, the mean over its batches, penalty included.
    validation_curve_ : list of float or None
        Loss on the samples set aside after each epoch, without penalty.
    best_iter_ : int
        The epoch, from 1, after which the weights are kept.
    n_iter_ : int
        Number of epochs.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in :class:`sklearn.neural_network.MLPRegressor`.

    See Also
    --------
    MLPClassifier : For classes.

    Notes
    -----
    Minimised is ``Σ_i a_i ||f(x_i) - y_i||² / 2 + Σ_l α_l ||W_l||² / 2`` over ``Σ a_i``, with
    sample weights a: with one layer, the objective of :class:`sklearn.linear_model.Ridge`.
    scikit-learn's networks divide the penalty by the size of the batch, this one by that of the
    data, whence its minimum is the same for any batch size.

    First weights and batches are those of scikit-learn's networks with the same `random_state`.

    With a smooth activation the weights are a smooth function of the hyperparameters. With "relu"
    they are one piece by piece: a sample that changes sides at some unit makes a small jump, of
    which derivatives know nothing, and after many steps there are many of them.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skhyper.neural_network import MLPRegressor
    >>> X, y = make_regression(random_state=0)
    >>> network = MLPRegressor((20, 10), learning_rate=0.01, random_state=0).fit(X, y)
    >>> [W.shape for W in network.coefs_]
    [(100, 20), (20, 10), (10, 1)]

    Linear regression by gradient descent:

    >>> linear = MLPRegressor((), optimizer="gd", learning_rate=0.1, alpha=0).fit(X, y)
    >>> linear.score(X, y) > 0.99
    True
    """

    def predict(self, X):
        """Predicted targets, of shape (n_samples,) or (n_samples, n_outputs)."""
        Z = self._outputs(X)
        return Z[:, 0] if Z.shape[1] == 1 else Z

    def _encoded(self, y: np.ndarray) -> tuple[np.ndarray, str, Any]:
        Y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        return Y.reshape(len(Y), -1), "identity", None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A neural network for classification, trained by gradient descent.

    The last layer puts out the logits of the classes, one for each, or one alone where there are
    two; the loss is the log-loss. Without hidden layers it is logistic regression. Its learning
    rate, momentum and penalties can be learned by :class:`skhyper.GradientSearchCV`, which
    differentiates the training.

    Parameters
    ----------
    hidden_layer_sizes, activation, optimizer, learning_rate, schedule, decay, batch_size, \
max_iter, alpha, momentum, beta_1, beta_2, epsilon, early_stopping, validation_fraction, \
n_iter_no_change, tol, random_state
        As in :class:`MLPRegressor`. Samples are set aside class by class.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    coefs_, intercepts_, loss_curve_, validation_curve_, best_iter_, n_iter_, n_layers_, \
n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in :class:`MLPRegressor`.

    See Also
    --------
    MLPRegressor : For numbers.

    Notes
    -----
    Minimised is ``Σ_i a_i logloss_i + Σ_l α_l ||W_l||² / 2`` over ``Σ a_i``, with sample weights
    a: with one layer, the objective of :class:`sklearn.linear_model.LogisticRegression` with
    ``C = 1 / alpha``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skhyper.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((10,), "tanh", learning_rate=0.02, random_state=0).fit(X, y)
    >>> network.score(X, y) > 0.95
    True
    """

    def predict(self, X):
        """Predicted classes, of shape (n_samples,)."""
        Z = self._outputs(X)
        numbers_of = (Z[:, 0] > 0).astype(int) if Z.shape[1] == 1 else Z.argmax(axis=1)
        return self.classes_[numbers_of]

    def predict_proba(self, X):
        """Probabilities of the classes, of shape (n_samples, n_classes)."""
        Z = self._outputs(X)
        M = self._network.means(Z)
        return np.hstack([1 - M, M]) if M.shape[1] == 1 else M

    def predict_log_proba(self, X):
        """Logarithms of the probabilities, of shape (n_samples, n_classes)."""
        return np.log(self.predict_proba(X))

    def decision_function(self, X):
        """Logits, of shape (n_samples,) for two classes, else (n_samples, n_classes)."""
        Z = self._outputs(X)
        return Z[:, 0] if Z.shape[1] == 1 else Z

    def _encoded(self, y: np.ndarray) -> tuple[np.ndarray, str, Any]:
        check_classification_targets(y)
        y = column_or_1d(y)
        self.classes_, numbers_of = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(f"MLPClassifier needs 2 classes at least; got {n_classes} class.")
        if n_classes == 2:
            return numbers_of.astype(float)[:, None], "logistic", numbers_of
        return np.eye(n_classes)[numbers_of], "softmax", numbers_of


def fit_with_derivatives(
    estimator: BaseMLP, X: Any, y: Any, names: Sequence[str], sample_weight: Any = None
) -> np.ndarray:
    """Fit a network, and differentiate the weights that are kept.

    Parameters
    ----------
    estimator : MLPRegressor or MLPClassifier
        Fitted in place.
    X, y, sample_weight
        As ``fit`` takes them.
    names : sequence of str
        Hyperparameters: `learning_rate`, `alpha`, and what the optimizer and the schedule have.

    Returns
    -------
    dw : ndarray of shape (k, P)
        One row for each name, for `alpha` one for each of its numbers. Columns are those of
        :func:`pull_back`, the weights and intercepts of each layer.
    """
    known = differentiable(estimator.optimizer, estimator.schedule)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"There are no derivatives by {unknown}; there are by {list(known)}.")
    validate_params(estimator)
    return estimator._train(X, y, sample_weight, names)


def pull_back(estimator: BaseMLP, X: Any, dZ: np.ndarray) -> np.ndarray:
    """``(∂Z/∂w)ᵀ dZ`` of a fitted network, (P,).

    Parameters
    ----------
    estimator : MLPRegressor or MLPClassifier
    X : {ndarray, CSR matrix} of shape (n, n_features)
    dZ : ndarray of shape (n, n_outputs_)
        Derivative of a loss by what the last layer puts out.
    """
    return estimator._network.pull_back(estimator._layers(), X, dZ)
