"""The report of a search: one self-contained page of HTML."""

import os
from pathlib import Path
from typing import Any

from skhyper.reporting._record import record_of
from skhyper.reporting._sections import whole_page


def report(search: Any, path: str | os.PathLike[str]) -> Path:
    """Write a report of a fitted search: one page of HTML, to be opened in any browser.

    The page has the task (data, folds, score, search space), the best candidate, pictures, a
    sortable table of the trials, failures by message, the parameters and hyperparameters of the
    fitted model, and code that repeats the search. It loads nothing from elsewhere.

    Parameters
    ----------
    search : fitted search
        One of skhyper, or one of scikit-learn, which has recorded less: no messages of failures
        and no number of samples.
    path : str or os.PathLike
        File to write; an existing one is replaced.

    Returns
    -------
    path : Path

    Raises
    ------
    NotFittedError
        If the search has no trials.
    TypeError
        If `search` is no search.

    Notes
    -----
    The page contains values of hyperparameters, names of features and classes, and tracebacks, but
    no data, except that regressions with ``keep="predictions"`` show targets: look at it before you
    publish it. Classifications show a confusion matrix then.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skhyper import GridSearchCV, report
    >>> search = GridSearchCV(SVC(), {"C": [1, 10]}).fit(*load_iris(return_X_y=True))
    >>> report(search, tempfile.mkdtemp() + "/report.html").name
    'report.html'
    """
    content = whole_page(record_of(search))
    path = Path(path)
    # Lone surrogates, such as those of file names, are no UTF-8.
    path.write_text(content, encoding="utf-8", errors="xmlcharrefreplace")
    return path
