"""What every differentiable transformer has to satisfy; extenders call it with theirs."""

import numpy as np
from scipy import sparse
from sklearn.base import clone

from skhyper.hypergradient import transformer_vjp
from skhyper.space import as_vector, like

_STENCIL = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}


def dense(Z):
    return np.asarray(Z.toarray() if sparse.issparse(Z) else Z, dtype=float)


def check_transformer_vjp(
    transformer, X_train, X_test, y=None, *, step=1e-4, rtol=1e-7, **fit_params
):
    """Transform as scikit-learn does; pull back as differences of scikit-learn's own have it."""
    names = list(transformer_vjp(transformer).names)
    own = {name: transformer.get_params()[name] for name in names}

    def images(params, X_train, X_test):
        fitted = clone(transformer).set_params(**params)
        Z_train = fitted.fit_transform(X_train, y, **fit_params)
        return dense(Z_train), dense(fitted.transform(X_test))

    mapped = transformer_vjp(transformer)
    Z_train = dense(mapped.fit_transform(own, X_train, y, **fit_params))
    Z_test = dense(mapped.transform(X_test))
    for ours, theirs in zip((Z_train, Z_test), images(own, X_train, X_test)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(dense(mapped.fitted.transform(X_test)), Z_test)

    rng = np.random.default_rng(54321)  # not that of the data, which would be a special case
    weights = [rng.normal(size=Z.shape) for Z in (Z_train, Z_test)]
    sides = [tuple(weights), (weights[0], None), (None, weights[1])]
    inputs = mapped.passes_inputs
    data = [np.asarray(X, dtype=float) for X in (X_train, X_test)] if inputs else []
    moved = [rng.normal(size=X.shape) for X in data]
    turned = {name: rng.normal(size=as_vector(own[name]).shape) for name in names}
    totals = []
    for dZ in sides:
        gradient, dX_train, dX_test = mapped.pull_back(*dZ, names, inputs)

        def loss(t, dZ=dZ, settings=False):
            params = {n: like(own[n], as_vector(own[n]) + t * turned[n]) for n in names}
            X = (X_train, X_test) if settings else [X + t * d for X, d in zip(data, moved)]
            Z = images(params if settings else own, *X)
            return sum(np.vdot(d, z) for d, z in zip(dZ, Z) if d is not None)

        def difference(loss, **kw):
            return sum(c * loss(k * step, **kw) for k, c in _STENCIL.items()) / step

        if names:
            slope = sum(as_vector(gradient.get(n, 0.0)) @ turned[n] for n in names)
            np.testing.assert_allclose(slope, difference(loss, settings=True), rtol=rtol, atol=rtol)
        if inputs:
            pulled = [d for d in zip((dX_train, dX_test), moved) if d[0] is not None]
            slope = sum(np.vdot(d, m) for d, m in pulled)
            scale = np.sqrt(sum(np.vdot(d, d) for d, _ in pulled))
            np.testing.assert_allclose(slope, difference(loss), rtol=rtol, atol=rtol * scale)
        totals.append([as_vector(gradient.get(n, 0.0)) for n in names])
    for both, first, second in zip(*totals):  # it is linear
        np.testing.assert_allclose(both, first + second, rtol=1e-9, atol=1e-12)
