"""Solvers of linear models on arrays, for the estimators and for their hypergradients.

They are independent of estimators: data are :class:`Centered` or :class:`Design`, penalties are one
number per feature.
"""

from skhyper._lazy import public_dir
from skhyper._numeric._curvature import Design, hessian_solver
from skhyper._numeric._data import Centered, centered_target, with_class_weights
from skhyper._numeric._elastic_net import ElasticNetSolver
from skhyper._numeric._families import Family, binomial, multinomial
from skhyper._numeric._iterations import conjugate_gradients
from skhyper._numeric._newton import newton
from skhyper._numeric._normal import NormalEquations
from skhyper._numeric._orthogonal import Orthogonal
from skhyper._numeric._shifted import Shifted
from skhyper._numeric._softmax import softmax_solver

__all__ = [
    "Centered",
    "Design",
    "ElasticNetSolver",
    "Family",
    "NormalEquations",
    "Orthogonal",
    "Shifted",
    "binomial",
    "centered_target",
    "conjugate_gradients",
    "hessian_solver",
    "multinomial",
    "newton",
    "softmax_solver",
    "with_class_weights",
]

__dir__ = public_dir(__name__)
