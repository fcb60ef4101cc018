"""Surrogates of LCBench: seven hyperparameters of a network on data sets of OpenML.

References
----------
Pfisterer, Schneider, Moosbauer, Binder and Bischl (2022), "YAHPO Gym", AutoML Conference.
Zimmer, Lindauer and Hutter (2021), "Auto-PyTorch Tabular", IEEE TPAMI 43 (LCBench).
"""

import functools
import json
import os
from pathlib import Path

import numpy as np

from problems._problem import Problem

__all__ = ["lcbench"]

# The three of YAHPO's own suite are reported on; of the others, every other one serves to tune.
REPORT = ("167168", "189873", "189906")
TUNE = (
    *("3945", "126026", "146212", "167104", "167149", "167161", "167184", "167190", "167201"),
    *("168330", "168331", "168868", "168910", "189862", "189866"),
)
TASKS = {task: "report" for task in REPORT} | {task: "tune" for task in TUNE}
ORDER = [
    "epoch",
    "batch_size",
    "learning_rate",
    "momentum",
    "weight_decay",
    "num_layers",
    "max_units",
    "max_dropout",
]


def lcbench(data=None):
    """The problems, or none where data or onnxruntime are missing."""
    data = data or os.environ.get("SKHYPER_BENCH_DATA")
    folder = Path(data, "yahpo", "lcbench") if data else None
    if folder is None or not folder.is_dir():
        return []
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        return []
    space, epochs = _space(folder)
    return [
        Problem(f"lcbench_{task}", part, space, functools.partial(_loss, folder, task, epochs))
        for task, part in TASKS.items()
    ]


def _space(folder):
    content = json.loads((folder / "config_space.json").read_text())
    known = {entry["name"]: entry for entry in content["hyperparameters"]}
    space = {}
    for name in ORDER[1:]:
        entry = known[name]
        prior = ("log-uniform",) if entry["log"] else ()
        space[name] = (entry["lower"], entry["upper"], *prior)
    return space, known["epoch"]["upper"]


@functools.cache
def _session(folder):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )


@functools.cache
def _codes(folder):
    return json.loads((folder / "encoding.json").read_text())["OpenML_task_id"]


def _loss(folder, task, epochs, params):
    """Error on the validation set, in per cent."""
    session = _session(folder)
    category, numbers = (argument.name for argument in session.get_inputs())
    row = [epochs, *(params[name] for name in ORDER[1:])]
    inputs = {
        category: np.array([[_codes(folder)[task]]], dtype=np.int32),
        numbers: np.array([row], dtype=np.float32),
    }
    accuracy = session.run(None, inputs)[0][0, 1]
    return 100.0 - float(accuracy)
