"""Neural networks as estimators."""

import numbers
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skhyper._sklearn import Interval, StrOptions, fit_context, sample_weights
from skhyper.neural_network._network import ACTIVATIONS, Layer, Network
from skhyper.neural_network._optimizers import OPTIMIZERS, SCHEDULES
from skhyper.neural_network._reverse import Trajectory, bytes_to_keep
from skhyper.neural_network._training import (
    Data,
    Run,
    Settings,
    directions,
    shares,
    train,
)

__all__ = ["BaseMLP", "MLPClassifier", "MLPRegressor"]

_POSITIVE = Interval(numbers.Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")
_PART = Interval(numbers.Real, 0, 1, closed="left")
_COUNT = Interval(numbers.Integral, 1, None, closed="left")


# Directions from which on reverse mode is faster.
_FEW = 3


class Slopes(NamedTuple):
    """Derivatives of the weights: a product with them and, in forward mode, themselves.

    Attributes
    ----------
    along : callable
        From a loss's derivative by the weights, (P,), to those by the hyperparameters, (k,).
    dw : ndarray of shape (k, P) or None
    """

    along: Callable[[np.ndarray], np.ndarray]
    dw: np.ndarray | None = None


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
        hidden_layer_sizes: ArrayLike = (100,),
        activation: str = "relu",
        *,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        decay: float = 0.01,
        batch_size: int | str = "auto",
        max_iter: int = 200,
        alpha: ArrayLike = 1e-4,
        momentum: float = 0.9,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: int | np.random.RandomState | None = None,
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
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, best scaled to unit variance.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, for regression best scaled too, or classes, of shape (n_samples,).
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss; all 1 by default.

        Returns
        -------
        self : estimator
            Fitted.

        Raises
        ------
        ValueError
            If a hyperparameter or the data are invalid, or the loss is no longer finite: the
            learning rate is too high.

        Warns
        -----
        ConvergenceWarning
            If the training loss is above that of a constant prediction, and does not fall.
        """
        self._train(X, y, sample_weight, ())
        return self

    @abstractmethod
    def _encoded(self, y: np.ndarray) -> tuple[np.ndarray, str, Any]:
        """Target of the network, kind of output, and what to stratify by; sets what it learns."""

    def _train(
        self, X: Any, y: Any, sample_weight: Any, names: Sequence[str], memory: int = 0
    ) -> Slopes:
        """Fit; returns derivatives of the weights by the hyperparameters named.

        They are in reverse mode where the steps of training fit into `memory`, in bytes.
        """
        X, y = self._validated(X, y)
        Y, output, strata = self._encoded(y)
        data = Data(X, Y, sample_weights(sample_weight, X))
        network = Network(self._widths(X.shape[1], Y.shape[1]), self.activation, output)
        alpha = self._penalties(len(network.shapes))
        rng = check_random_state(self.random_state)
        w, validation = network.initial(rng), None
        if self.early_stopping:
            data, validation = self._split(data, strata, rng)
        d_values = directions(names, self.alpha, len(network.shapes)) if names else {}
        settings = self._settings(alpha, len(data.Y))
        k = max(map(len, d_values.values()), default=0)
        past = None
        if k >= _FEW and bytes_to_keep(network, settings, len(data.Y)) <= memory:
            past = Trajectory(network, data, settings)
        how = {"d_values": d_values} if past is None else {"keep": past.keep}
        try:
            run = train(network, w, data, settings, rng, validation, **how)
        except FloatingPointError as error:
            raise ValueError(
                f"The training loss of {type(self).__name__} is not finite after {error}: lower "
                f"learning_rate={self.learning_rate:g}, or scale the data."
            ) from error
        self._keep(network, run)
        self._warn_of_no_progress(network, data)
        if past is None:
            return Slopes(lambda w_bar: run.dw @ w_bar, run.dw)
        return Slopes(lambda w_bar: past.pull_back(run.best_iter, d_values, w_bar))

    def _warn_of_no_progress(self, network: Network, data: Data) -> None:
        """Warn of weights that are worse than none, where more epochs do not look to be a help."""
        curve = self.loss_curve_[: self.best_iter_]
        first, last = np.split(curve, [len(curve) // 2])
        falls = np.mean(last) < min(first, default=np.inf)
        if not falls and curve[-1] > network.constant_loss(data.Y, shares(data.a)):
            warnings.warn(  # without numbers, so that a search says it once
                f"{type(self).__name__} has a training loss above that of a constant prediction, "
                "and it does not fall steadily (see loss_curve_): lower learning_rate or alpha, or "
                "scale the data.",
                ConvergenceWarning,
                stacklevel=5,
            )

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
        try:
            alpha = np.asarray(self.alpha, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"alpha must be numbers; got {self.alpha!r}.") from None
        if alpha.ndim > 0 and alpha.shape != (n_layers,):
            raise ValueError(
                f"alpha must be a number or have one for each of the {n_layers} layers of weights; "
                f"got shape {alpha.shape}."
            )
        if not (np.isfinite(alpha).all() and (alpha >= 0).all()):
            raise ValueError(f"alpha must be finite and not negative; got {self.alpha!r}.")
        return np.broadcast_to(alpha, (n_layers,))

    def _split(self, data: Data, strata: Any, rng: Any) -> tuple[Data, Data]:
        try:
            X, X_val, Y, Y_val, a, a_val = train_test_split(
                *data, test_size=self.validation_fraction, stratify=strata, random_state=rng
            )
        except ValueError as error:
            by_class = "" if strata is None else ", class by class"
            raise ValueError(
                f"early_stopping=True sets validation_fraction={self.validation_fraction:g} of the "
                f"{len(data.Y)} samples aside{by_class}, and cannot: {error}"
            ) from error
        if not (a.sum() > 0 and a_val.sum() > 0):
            raise ValueError("Early stopping needs samples of positive weight on both sides.")
        return Data(X, Y, a), Data(X_val, Y_val, a_val)

    def _settings(self, alpha: np.ndarray, n: int) -> Settings:
        size = min(200, n) if isinstance(self.batch_size, str) else self.batch_size
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

    def __sklearn_tags__(self) -> Any:
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

    def predict(self, X: Any) -> np.ndarray:
        """Predict targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As many outputs as `fit` was given.

        Raises
        ------
        NotFittedError
            If `fit` was not called before.
        ValueError
            If X is not finite, or has another number of features than in `fit`.
        """
        Z = self._outputs(X)
        return Z[:, 0] if Z.shape[1] == 1 else Z

    def _encoded(self, y: np.ndarray) -> tuple[np.ndarray, str, Any]:
        Y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        return Y.reshape(len(Y), -1), "identity", None

    def __sklearn_tags__(self) -> Any:
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

    def predict(self, X: Any) -> np.ndarray:
        """Predict classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The most likely one of `classes_` for each sample.

        Raises
        ------
        NotFittedError
            If `fit` was not called before.
        ValueError
            If X is not finite, or has another number of features than in `fit`.
        """
        Z = self._outputs(X)
        numbers_of = (Z[:, 0] > 0).astype(int) if Z.shape[1] == 1 else Z.argmax(axis=1)
        return self.classes_[numbers_of]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1.

        Raises
        ------
        NotFittedError
            If `fit` was not called before.
        ValueError
            If X is not finite, or has another number of features than in `fit`.

        Notes
        -----
        The softmax of the logits; of two classes, ``σ(z)`` is that of the second.
        """
        Z = self._outputs(X)
        M = self._network.means(Z)
        return np.hstack([1 - M, M]) if M.shape[1] == 1 else M

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.

        Raises
        ------
        NotFittedError
            If `fit` was not called before.
        ValueError
            If X is not finite, or has another number of features than in `fit`.
        """
        return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits: what the last layer puts out.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        z : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number, above 0 for the second; else one for each class.

        Raises
        ------
        NotFittedError
            If `fit` was not called before.
        ValueError
            If X is not finite, or has another number of features than in `fit`.
        """
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
