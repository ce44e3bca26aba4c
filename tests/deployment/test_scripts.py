"""Every shell script is clean by shellcheck, the wrappers in deployment/scripts among them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.deployment.checkers import FOLDER, ROOT, check, said

_SHELL = re.compile(r"\A#!(?:/bin/|/usr/bin/env )(?:sh|bash)\b")


def shell_scripts() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert listed.returncode == 0, "the scripts are looked for with git"
    files = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [file for file in files if file.is_file() and _SHELL.match(file.read_text(errors="ignore")[:40])]


@pytest.mark.deploy
def test_every_shell_script_is_clean() -> None:
    scripts = shell_scripts()
    assert len(scripts) > 7
    done = check("shellcheck", "--external-sources", "--enable=deprecate-which", *scripts)
    assert done.returncode == 0, said(done)


@pytest.mark.deploy
def test_a_careless_script_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "careless.sh"
    script.write_text("#!/bin/sh\nrm -rf $1/*\n")
    done = check("shellcheck", script)
    assert done.returncode == 1
    assert "SC2086" in done.stdout


_ASKED = {"actionlint": "-version", "gitleaks": "version", "kustomize": "version"}


@pytest.mark.deploy
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*")) or ["none"])
def test_every_checker_starts(name: str) -> None:
    """Two packages that bring a module of one name break each other, and their installation says nothing."""
    done = check(name, _ASKED.get(name, "--version"))
    assert done.returncode == 0, said(done)
