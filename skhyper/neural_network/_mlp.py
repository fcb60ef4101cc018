"""Neural networks as estimators."""

import numbers
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skhyper._banded import LogitClassifier, OutputRegressor
from skhyper._sklearn import Interval, StrOptions, fit_context, sample_weights
from skhyper.neural_network._network import ACTIVATIONS, Layer, Network
from skhyper.neural_network._optimizers import OPTIMIZERS, SCHEDULES
from skhyper.neural_network._reverse import Trajectory, bytes_needed
from skhyper.neural_network._training import Data, Run, Settings, directions, shares, train

_POSITIVE = Interval(numbers.Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")
_PART = Interval(numbers.Real, 0, 1, closed="left")
_COUNT = Interval(numbers.Integral, 1, None, closed="left")


# Minimum number of derivatives for which reverse mode is faster.
_MIN_REVERSE = 3


class WeightDerivatives(NamedTuple):
    """Derivatives of the weights with respect to the hyperparameters.

    `times` maps a loss's derivative with respect to the weights, (P,), to those with respect to
    the hyperparameters, (k,). `dw`, (k, P), are the derivatives themselves; None in reverse mode.
    """

    times: Callable[[np.ndarray], np.ndarray]
    dw: np.ndarray | None = None


class BaseMLP(BaseEstimator):
    """Base class of the two networks: hyperparameters, training, outputs."""

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
            Samples; scale features to unit variance.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, or classes of shape (n_samples,); scale the targets of a regression.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss; all 1 by default.

        Returns
        -------
        self : estimator
            Fitted estimator.

        Raises
        ------
        ValueError
            If a hyperparameter or the data are invalid, or the loss becomes infinite or nan, which
            means that the learning rate is too high.

        Warns
        -----
        ConvergenceWarning
            If the training loss exceeds that of a constant and is not decreasing.
        """
        self._train(X, y, sample_weight, ())
        return self

    @abstractmethod
    def _encoded(self, y: np.ndarray) -> tuple[np.ndarray, str, Any]:
        """Target (n, d_L), kind of output, labels to stratify by; sets attributes of the target."""

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        names: Sequence[str],
        memory: int = 0,
        record: Callable[..., None] | None = None,
    ) -> WeightDerivatives:
        """Fit; return derivatives of the weights with respect to the hyperparameters `names`.

        In reverse mode if the training steps fit into `memory`, in bytes. `record` is called before
        each step, as by ``train``.
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
        trajectory = None
        if k >= _MIN_REVERSE and bytes_needed(network, settings, len(data.Y)) <= memory:
            trajectory = Trajectory(network, data, settings)
        mode: dict[str, Any] = {"d_values": d_values, "record": record}
        if trajectory is not None:
            mode = {"record": trajectory.record}
        try:
            run = train(network, w, data, settings, rng, validation, **mode)
        except FloatingPointError as error:
            raise ValueError(
                f"The training loss of {type(self).__name__} is not finite after {error}: lower "
                f"learning_rate={self.learning_rate:g}, or scale the data."
            ) from error
        self._store(network, run)
        self._warn_if_not_decreasing(network, data)
        if trajectory is None:
            return WeightDerivatives(lambda w_bar: run.dw @ w_bar, run.dw)
        return WeightDerivatives(lambda w_bar: trajectory.pull_back(run.best_iter, d_values, w_bar))

    def _warn_if_not_decreasing(self, network: Network, data: Data) -> None:
        """Warn if the training loss exceeds that of a constant and is not decreasing."""
        curve = self.loss_curve_[: self.best_iter_]
        first, last = np.split(curve, [len(curve) // 2])
        decreasing = np.mean(last) < min(first, default=np.inf)
        if not decreasing and curve[-1] > network.constant_loss(data.Y, shares(data.a)):
            warnings.warn(  # no numbers in the message, so that a search shows it only once
                f"The training loss of {type(self).__name__} exceeds that of a constant prediction "
                "and is not decreasing (see loss_curve_): lower learning_rate or alpha, or scale "
                "the data.",
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
                "hidden_layer_sizes must be positive integers, one per hidden layer; got "
                f"{self.hidden_layer_sizes!r}."
            )
        return (n_features, *map(int, hidden), n_outputs)

    def _penalties(self, n_layers: int) -> np.ndarray:
        try:
            alpha = np.asarray(self.alpha, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(
                f"alpha must be a number or an array of numbers; got {self.alpha!r}."
            ) from None
        if alpha.ndim > 0 and alpha.shape != (n_layers,):
            raise ValueError(
                f"alpha must be a number, or have one entry per layer of weights, {n_layers}; got "
                f"shape {alpha.shape}."
            )
        if not (np.isfinite(alpha).all() and (alpha >= 0).all()):
            raise ValueError(f"alpha must be finite and non-negative; got {self.alpha!r}.")
        return np.broadcast_to(alpha, (n_layers,))

    def _split(self, data: Data, strata: Any, rng: Any) -> tuple[Data, Data]:
        try:
            X, X_val, Y, Y_val, a, a_val = train_test_split(
                *data, test_size=self.validation_fraction, stratify=strata, random_state=rng
            )
        except ValueError as error:
            stratified = "" if strata is None else " stratified"
            raise ValueError(
                f"early_stopping=True needs a{stratified} split of the {len(data.Y)} samples, with "
                f"validation_fraction={self.validation_fraction:g}: {error}"
            ) from error
        if not (a.sum() > 0 and a_val.sum() > 0):
            raise ValueError(
                "Early stopping needs samples of positive weight both for training and for "
                "validation; set early_stopping=False, or change random_state."
            )
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

    def _store(self, network: Network, run: Run) -> None:
        """Set the fitted attributes."""
        self._network = network
        layers = network.layers(run.w)
        self.coefs_ = [layer.W.copy() for layer in layers]
        self.intercepts_ = [layer.b.copy() for layer in layers]
        self.loss_curve_, self.validation_curve_ = run.loss_curve, run.validation_curve
        self.n_iter_, self.best_iter_ = len(run.loss_curve), run.best_iter
        self.n_layers_, self.n_outputs_ = len(network.widths), network.widths[-1]
        self.out_activation_ = network.output

    def _outputs(self, X: Any) -> np.ndarray:
        """Outputs of the last layer, (n, d_L)."""
        check_is_fitted(self, "coefs_")
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return self._network.outputs(self._layers(), X)

    def _layers(self) -> list[Layer]:
        return [Layer(W, b) for W, b in zip(self.coefs_, self.intercepts_)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class MLPRegressor(MultiOutputMixin, OutputRegressor, BaseMLP):
    """A neural network for regression, trained by gradient descent.

    Each hidden layer is a linear map followed by an activation; the last layer is linear. Without
    hidden layers this is ridge regression. :class:`skhyper.GradientSearchCV` can tune the learning
    rate, momentum and penalties by gradients, since the training is differentiated.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers - 2,) or int, default=(100,)
        Widths of the hidden layers; () for none.
    activation : {"identity", "logistic", "relu", "softplus", "tanh"}, default="relu"
        Activation of the hidden layers. To search hyperparameters by gradients, prefer a smooth
        one, "softplus" (``log(1 + exp(s))``) or "tanh": see Notes.
    optimizer : {"gd", "sgd", "momentum", "adam", "adagrad"}, default="adam"
        Rule that converts a gradient to a step. "gd" uses all samples in each step, the others a
        batch.
    learning_rate : float, default=1e-3
        Step size in the first epoch.
    schedule : {"constant", "inverse", "exponential", "cosine"}, default="constant"
        The learning rate after t epochs is `learning_rate` times 1, ``1 / (1 + decay t)``,
        ``exp(-decay t)`` or ``(1 + cos(π t / max_iter)) / 2``.
    decay : float, default=0.01
        Decay rate; see `schedule`.
    batch_size : int or "auto", default="auto"
        Number of samples in a batch; "auto" is ``min(200, n_samples)``.
    max_iter : int, default=200
        Number of epochs; the maximum number with `early_stopping`.
    alpha : float or array-like of shape (n_layers - 1,), default=1e-4
        l2 penalty of the weights (not the intercepts): of all layers, or one per layer.
    momentum : float, default=0.9
        Momentum coefficient, for ``optimizer="momentum"``.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of the averages of gradients and of squared gradients, for
        ``optimizer="adam"``.
    epsilon : float, default=1e-8
        Added to denominators, for ``optimizer="adam"`` and ``"adagrad"``.
    early_stopping : bool, default=False
        Whether to hold out validation samples, and to keep the weights of the epoch with the lowest
        validation loss.
    validation_fraction : float, default=0.1
        Share of samples held out for early stopping.
    n_iter_no_change : int, default=10
        With early stopping, training ends after this many consecutive epochs in which the
        validation loss did not decrease by `tol`.
    tol : float, default=1e-4
        Minimum decrease; see `n_iter_no_change`.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the batches and the validation samples.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights and intercepts of each layer, of shape (width before, width) and (width,).
    loss_curve_ : list of float
        Training loss of each epoch: mean over its batches, including the penalty.
    validation_curve_ : list of float or None
        Validation loss after each epoch, without the penalty; None without early stopping.
    best_iter_ : int
        Epoch, from 1, whose weights are kept.
    n_iter_ : int
        Number of epochs.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in :class:`sklearn.neural_network.MLPRegressor`.

    See Also
    --------
    MLPClassifier : Classification.
    sklearn.neural_network.MLPRegressor : Scikit-learn's network.

    Notes
    -----
    The objective is ``Σ_i a_i ||f(x_i) - y_i||² / 2 + Σ_l α_l ||W_l||² / 2``, divided by ``Σ a_i``,
    with sample weights a. With one layer it is that of :class:`sklearn.linear_model.Ridge`.
    scikit-learn's networks divide the penalty by the batch size; this one divides it by the number
    of samples, so that the minimum does not depend on the batch size.

    Initial weights and batches equal those of scikit-learn's networks with the same
    `random_state`.

    With a smooth activation the weights are a smooth function of the hyperparameters. With "relu"
    they are piecewise smooth: they jump where the input of a unit changes its sign for some sample.
    Derivatives do not see these jumps, and after many steps there are many.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skhyper.neural_network import MLPRegressor
    >>> X, y = make_regression(random_state=0)
    >>> network = MLPRegressor((20, 10), learning_rate=0.01, random_state=0).fit(X, y)
    >>> [W.shape for W in network.coefs_]
    [(100, 20), (20, 10), (10, 1)]

    Linear regression by gradient descent, without hidden layers:

    >>> linear = MLPRegressor((), optimizer="gd", learning_rate=0.1, alpha=0).fit(X, y)
    >>> linear.score(X, y) > 0.99
    True
    """

    def _outputs(self, X: Any) -> np.ndarray:
        Z = super()._outputs(X)
        return Z[:, 0] if Z.shape[1] == 1 else Z

    def _encoded(self, y: np.ndarray) -> tuple[np.ndarray, str, Any]:
        Y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        return Y.reshape(len(Y), -1), "identity", None


class MLPClassifier(LogitClassifier, BaseMLP):
    """A neural network for classification, trained by gradient descent.

    The outputs are the logits of the classes (one logit for two classes), the loss is the log-loss.
    Without hidden layers this is logistic regression. :class:`skhyper.GradientSearchCV` can tune
    the learning rate, momentum and penalties by gradients, since the training is differentiated.

    Parameters
    ----------
    hidden_layer_sizes, activation, optimizer, learning_rate, schedule, decay, batch_size, \
max_iter, alpha, momentum, beta_1, beta_2, epsilon, early_stopping, validation_fraction, \
n_iter_no_change, tol, random_state
        As in :class:`MLPRegressor`. Validation samples are stratified by class.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    coefs_, intercepts_, loss_curve_, validation_curve_, best_iter_, n_iter_, n_layers_, \
n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in :class:`MLPRegressor`.

    See Also
    --------
    MLPRegressor : Regression.
    sklearn.neural_network.MLPClassifier : Scikit-learn's network.

    Notes
    -----
    The objective is ``Σ_i a_i logloss_i + Σ_l α_l ||W_l||² / 2``, divided by ``Σ a_i``, with sample
    weights a. With one layer it is that of :class:`sklearn.linear_model.LogisticRegression` with
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

    def _encoded(self, y: np.ndarray) -> tuple[np.ndarray, str, Any]:
        check_classification_targets(y)
        y = column_or_1d(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(f"MLPClassifier needs at least 2 classes; got {n_classes} class.")
        if n_classes == 2:
            return indices.astype(float)[:, None], "logistic", indices
        return np.eye(n_classes)[indices], "softmax", indices
