"""The knowledge that comes with skhyper, from the tables of ``knowledge_tables.py``.

    python benchmarks/knowledge_files.py

Writes ``skhyper/knowledge/files/FAMILY-METRIC.npz`` for the families and metrics for which
``knowledge.py`` found that they pay, and a list of the data sets.
"""

from pathlib import Path

import _environment  # first: it sets the number of threads before numpy is imported
from _knowledge_families import FAMILIES
from _knowledge_training import FOLDER, FamilyTable

FILES = Path(_environment.__file__).parents[1] / "skhyper" / "knowledge" / "files"
# Families and metrics that gained less than two standard errors at 5 trials and at 10, and what
# is not measured.
LEFT_OUT = {
    ("DecisionTreeClassifier", "error"),
    ("DecisionTreeRegressor", "squared_error"),
    ("ElasticNet", "squared_error"),
    ("ExtraTreesClassifier", "error"),
    ("ExtraTreesClassifier", "log_loss"),
    ("ExtraTreesClassifier", "ranking"),
    ("GradientBoostingClassifier", "error"),
    ("GradientBoostingClassifier", "ranking"),
    ("HistGradientBoostingClassifier", "error"),
    ("HistGradientBoostingClassifier", "ranking"),
    ("LGBMClassifier", "error"),
    ("LGBMClassifier", "ranking"),
    ("LogisticRegression", "error"),
    ("LogisticRegression", "log_loss"),
    ("LogisticRegression", "ranking"),
    ("MLPClassifier", "error"),
    ("MLPClassifier", "log_loss"),
    ("MLPClassifier", "ranking"),
    ("RandomForestClassifier", "error"),
    ("RandomForestClassifier", "log_loss"),
    ("RandomForestClassifier", "ranking"),
    ("RandomForestRegressor", "squared_error"),
    ("SVC", "ranking"),
    ("XGBClassifier", "error"),
    ("XGBClassifier", "ranking"),
}


def main():
    FILES.mkdir(exist_ok=True)
    for family, spec in FAMILIES.items():
        if not (FOLDER / f"{family}.npz").exists():
            continue
        table = FamilyTable(family)
        if not table.is_complete:
            continue
        for metric in spec.metrics:
            path = FILES / f"{family}-{metric}.npz"
            if (family, metric) in LEFT_OUT:
                path.unlink(missing_ok=True)
                continue
            table.knowledge(metric).save(path)
            print(f"{path.name}: {path.stat().st_size / 1e3:.1f} kB, {len(table.names)} data sets")


if __name__ == "__main__":
    main()
