"""Searches behind one interface, each in the way its own documentation has it.

A solver is made of the plain list of dimensions (see ``problems._problem.plain_space``) and a seed:

    token, params = solver.ask()     # choices as labels; what is inactive may be there or not
    solver.tell(token, loss)
    solver.preload(settings, losses) # trials it did not ask for, all active

Several may be asked for before the first is told.
"""

import importlib

__all__ = ["SOLVERS", "make_solver", "native"]

# Module and class, package that has it.
SOLVERS = {
    "ours": ("_ours", "Ours", "skhyper"),
    "random": ("_ours", "Random", "skhyper"),
    "sobol": ("_ours", "Sobol", "skhyper"),
    "skopt_gp": ("_skopt", "SkoptGP", "scikit-optimize"),
    "skopt_et": ("_skopt", "SkoptET", "scikit-optimize"),
    "optuna_tpe": ("_optuna", "OptunaTPE", "optuna"),
    "optuna_gp": ("_optuna", "OptunaGP", "optuna"),
    "hebo": ("_hebo", "Hebo", "HEBO"),
    "smac": ("_smac", "Smac", "smac"),
}


def make_solver(name, dims, seed, n_trials, **options):
    """The solver called `name`; `n_trials` is told to those that want to know their budget."""
    module, cls, _ = SOLVERS[name]
    return getattr(importlib.import_module(f"solvers.{module}"), cls)(
        dims, seed, n_trials, **options
    )


def native(params):
    """A setting of Python's own numbers and strings."""
    return {name: getattr(value, "item", lambda v=value: v)() for name, value in params.items()}
