"""What stands for images here: a name, and its folders, variables, user and command that a pull would
bring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Image = dict[str, Any]


class Images:
    """Read from a file that the cluster writes: `{name without registry: image}`, with a tag or for all of
    them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, name: str) -> Image:
        """By the last part of its name: with its tag, else without; a digest says nothing here. Raises
        `KeyError`."""
        tagged = name.split("@")[0].rsplit("/", 1)[-1]
        known = json.loads(self._file.read_text())
        found: Image = known.get(tagged) or known[tagged.split(":")[0]]
        return found

    def mounts(self, image: Image) -> list[Image]:
        """Folders that are in every container of it."""
        return [{"source": one[0], "target": one[1], "read_only": True} for one in image["folders"]]
