"""Make the README of a copy of the tree the description on PyPI, where relative links are dead.

    python .ci/description.py FOLDER

If the ``[project.urls]`` of pyproject.toml have a ``Repository``, the links lead there, and the
picture is shown; otherwise only the text of the links is left.
"""

import re
import sys
import tomllib
from pathlib import Path

RELATIVE = r"\((?![a-z]+:|#)([^)]+)\)"


def description(readme, repository):
    image, link = r"!\[([^]]*)\]" + RELATIVE, r"\[([^]]+)\]" + RELATIVE
    if not repository:
        return re.sub(link, r"\1", re.sub(image + r"\s*", "", readme))
    readme = re.sub(image, rf"![\1]({repository}/raw/main/\2)", readme)
    return re.sub(link, rf"[\1]({repository}/blob/main/\2)", readme)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    path = folder / "README.md"
    repository = project.get("urls", {}).get("Repository", "").rstrip("/")
    path.write_text(description(path.read_text(encoding="utf-8"), repository), encoding="utf-8")
