"""Configuration of the documentation: ``python -m sphinx -b html -W docs docs/_build``.

Links to other projects need the network and are made with ``-t online`` only.
"""

import os
import re
import tempfile
import warnings
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).parent

project = "skhyper"
author = "The skhyper developers"
copyright = author
try:
    release = installed_version("skhyper")
except ModuleNotFoundError:
    import skhyper

    release = skhyper.__version__
version = release

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "examples", "auto_examples/*.md"]
nitpicky = True
# Without inventories, names of other packages have no target.
nitpick_ignore_regex = [("py:.*", r"(sklearn|skopt|scipy|numpy|pandas|joblib|matplotlib)\..*")]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
default_role = "literal"
# Functions in the gallery's configuration are not pickled.
suppress_warnings = ["config.cache"]

intersphinx_mapping = {}
if tags.has("online"):  # noqa: F821 (Sphinx defines it)
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "skopt": ("https://scikit-optimize.readthedocs.io/en/latest", None),
    }

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "skhyper"
html_static_path = ["_static"]
html_css_files = ["skhyper.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {
    page: []
    for page in ("api", "quickstart", "how_to_choose", "coming_from/*", "changes", "contributing")
}
html_theme_options = {
    "logo": {"text": "skhyper"},
    "navbar_align": "left",
    "header_links_before_dropdown": 5,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
}


def example_arguments(gallery_conf, script_vars):
    """Command-line arguments of an example: one that saves its plot does so out of the tree."""
    if "--output" not in Path(script_vars["src_file"]).read_text():
        return []
    name = f"skhyper_{Path(script_vars['src_file']).stem}"
    return ["--output", os.path.join(tempfile.gettempdir(), name)]


# The gallery's first examples; the others follow by name.
FIRST_EXAMPLES = ["plot_line", "plot_overfitting", "complete_digits", "tune_svc", "tune_many"]


def example_order(name):
    """Sort key of the gallery."""
    stem = Path(name).stem
    first = stem in FIRST_EXAMPLES
    return (0, FIRST_EXAMPLES.index(stem), "") if first else (1, 0, stem.removeprefix("plot_"))


sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "within_subsection_order": example_order,
    "reset_argv": example_arguments,
    "image_scrapers": ("matplotlib",),
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 1e9,
    "write_computation_times": False,
}
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

# Files outside of docs/ and examples have pages of other names than in the repository.
_PAGES = [
    (r"(?:\.\./)+benchmarks/REPORT\.md", "/benchmarks/report.md"),
    (r"(?:\.\./)+benchmarks/engine_notes\.md", "/benchmarks/engine_notes.md"),
    (r"(?:\.\./)+benchmarks/README\.md", "/benchmarks/commands.md"),
    (r"(?:\.\./)*examples/(\w+)\.py", r"/auto_examples/\1.rst"),
]


# Pages whose text is that of a file of benchmarks/.
_BENCHMARKS = {"report": "REPORT.md", "engine_notes": "engine_notes.md", "commands": "README.md"}


def use_pages(app, docname, source):
    """Make links to files that GitHub shows links to pages of the site."""
    folder, _, name = docname.partition("/")
    if folder == "benchmarks" and name in _BENCHMARKS:
        path = HERE.parent / "benchmarks" / _BENCHMARKS[name]
        app.env.note_dependency(path)
        text = path.read_text()
        text = re.sub(r"\]\((results/|\w+\.md)", r"](../../benchmarks/\1", text)
        source[0] = text.replace("](../docs/", "](../")
    for pattern, page in _PAGES:
        source[0] = re.sub(rf"\]\({pattern}", f"]({page}", source[0])
    # The empty line that doctest needs at the end of an example.
    source[0] = re.sub(r"(```python\n.*?)\n+```", r"\1\n```", source[0], flags=re.DOTALL)


def plain_references(app, what, name, obj, options, lines):
    """Make references of scikit-learn's docstrings to its own pages plain text."""
    for i, line in enumerate(lines):
        lines[i] = re.sub(r":(?:ref|term):`([^<`]+?)(?: <[^>]*>)?`", r"``\1``", line)


def skip_member(app, what, name, obj, skip, options):
    """Leave out the methods of metadata routing, which are the same for all estimators."""
    return True if re.fullmatch(r"set_\w+_request|get_metadata_routing", name) else None


def setup(app):
    app.connect("source-read", use_pages)
    app.connect("autodoc-process-docstring", plain_references)
    app.connect("autodoc-skip-member", skip_member)
