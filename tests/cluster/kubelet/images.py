"""What stands for images here: a name, and its folders, variables, user and command that a pull would
bring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Image = dict[str, Any]


class Images:
    """Read from a file that the cluster writes: `{name without registry and tag: image}`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, name: str) -> Image:
        """By the last part of its name, without tag and digest. Raises `KeyError`."""
        short = name.split("@")[0].rsplit("/", 1)[-1].split(":")[0]
        found: Image = json.loads(self._file.read_text())[short]
        return found

    def mounts(self, image: Image) -> list[Image]:
        """Folders that are in every container of it."""
        return [{"source": one[0], "target": one[1], "read_only": True} for one in image["folders"]]
