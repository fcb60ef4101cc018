"""Knowledge from the tables of ``knowledge_tables.py``."""

import numpy as np
from _environment import RESULTS
from _knowledge_families import FAMILIES

from skhyper.knowledge import Knowledge
from skhyper.knowledge._functions import Task, fit_functions
from skhyper.knowledge._knowledge import _dimension
from skhyper.space import Space

FOLDER = RESULTS / "knowledge"


class FamilyTable:
    """The table of one family: points (N, d), losses by metric and seconds (N, T)."""

    def __init__(self, family):
        self.family, self.spec = family, FAMILIES[family]
        with np.load(FOLDER / f"{family}.npz", allow_pickle=False) as file:
            self.arrays = {name: file[name] for name in file.files}
        self.points = self.arrays["points"].astype(float)
        self.names = [str(name) for name in self.arrays["names"]]
        self.rows = self.arrays["rows"].tolist()
        self.tuned_on = self.arrays["tuned_on"]
        self.space = Space({name: _dimension(r) for name, r in self.spec.ranges.items()})

    @property
    def is_complete(self):
        return self.arrays["searched"].all() and not np.isnan(self.arrays["seconds"]).any()

    def losses(self, metric):
        return self.arrays[metric].astype(float)

    def best_and_median(self, metric):
        """Least loss of all candidates, and median of the design, of each data set (T,)."""
        losses = self.losses(metric)
        design = np.where(np.isfinite(losses), losses, np.inf)[self.tuned_on < 0]
        return np.nanmin(losses, axis=0), np.median(design, axis=0)

    def knowledge(self, metric, without=(), **options):
        """Learned from all data sets but some, and from no candidate that was tuned on those."""
        out = [self.names.index(name) for name in without]
        rows = ~np.isin(self.tuned_on, out)
        losses, seconds = self.losses(metric), self.arrays["seconds"].astype(float)
        tasks, names = [], []
        for t, name in enumerate(self.names):
            known = rows & ~np.isnan(seconds[:, t])
            loss = np.where(np.isfinite(losses[known, t]), losses[known, t], np.nan)
            if t in out or np.isfinite(loss).sum() < 5:
                continue
            tasks.append(Task(self.points[known], loss, seconds[known, t]))
            names.append(name)
        return Knowledge(
            self.spec.ranges,
            fit_functions(self.space, tasks, **options),
            tuple(names),
            self.spec.requires,
            self.spec.scaled,
        )
