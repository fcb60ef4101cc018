"""The description on PyPI: the README without relative links, which are dead there.

Everything else about the package stands in pyproject.toml. If its ``[project.urls]`` has a
``Repository``, the links lead there, and the picture is shown.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
RELATIVE = r"\((?![a-z]+:|#)([^)]+)\)"


def description(readme, repository):
    """Links to files lead to the repository; without one, only their text is left."""
    image, link = r"!\[([^]]*)\]" + RELATIVE, r"\[([^]]+)\]" + RELATIVE
    if not repository:
        return re.sub(link, r"\1", re.sub(image + r"\s*", "", readme))
    readme = re.sub(image, rf"![\1]({repository}/raw/main/\2)", readme)
    return re.sub(link, rf"[\1]({repository}/blob/main/\2)", readme)


project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
setup(
    long_description=description(
        (HERE / "README.md").read_text(encoding="utf-8"),
        project.get("urls", {}).get("Repository", "").rstrip("/"),
    ),
    long_description_content_type="text/markdown",
)
