"""The checkers that `scripts/deploy_tools` installs, by name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-deploy" / "tools"


def checker(name: str) -> str:
    """Where the checker is. One that is not there fails the test: a check that is not run is not passed."""
    path = FOLDER / name
    assert path.exists(), f"{name} is not installed: `make check-deploy` installs it (scripts/deploy_tools)"
    return str(path)


def check(
    name: str,
    *arguments: str | Path,
    cwd: Path = ROOT,
    stdin: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the checker; what it says is in the result, whatever it found."""
    return subprocess.run(
        [checker(name), *arguments],
        cwd=cwd,
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1", **(environ or {})},
        timeout=300,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What it printed, for an assertion's message."""
    return f"{done.stdout}\n{done.stderr}".strip()
