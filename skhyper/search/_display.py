"""HTML of a search in a notebook: scikit-learn's diagram and, once fitted, the results."""

import importlib
from typing import Any


class Displayed:
    """Mixin that adds the results of a fitted search to scikit-learn's HTML."""

    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + _results(self)  # type: ignore[misc]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if "text/html" in bundle:  # not with set_config(display="text")
            bundle["text/html"] += _results(self)
        return bundle


def _results(search: Any) -> str:
    """The results as HTML; empty before ``fit``.

    The package is imported by name, as it is of a higher layer, and only when it is needed.
    """
    return importlib.import_module("skhyper.reporting").results_html(search)
