"""The image's Containerfile as it is written. What it makes is tried in test_image.py."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.deployment.checkers import ROOT, check, said

FOLDER = ROOT / "deployment" / "docker"
TEXT = (FOLDER / "Containerfile").read_text()


def test_all_it_is_made_of_is_pinned() -> None:
    """The base by digest, which may be another by argument; uv by hash; the rest by uv.lock."""
    default = re.search(r"^ARG BASE=(\S+)$", TEXT, re.MULTILINE)
    assert default is not None
    assert re.fullmatch(r"docker\.io/library/python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}", default[1])
    assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["${BASE}", "${BASE}"]
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", (FOLDER / "uv.txt").read_text())) == 2
    assert "--require-hashes" in TEXT
    assert TEXT.count("uv sync --quiet --frozen") == 2


def test_only_what_it_is_made_of_reaches_the_build() -> None:
    ignored = (FOLDER / "Containerfile.dockerignore").read_text().splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {line[1:] for line in rules if line.startswith("!")}
    # What the wheel packs must be among it.
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    for path in packed["force-include"]:
        assert any(f"{path}/".startswith(f"{place}/") for place in allowed), path
    for place in allowed:
        assert (ROOT / place).exists(), place


@pytest.mark.deploy
def test_hadolint_finds_nothing() -> None:
    done = check("hadolint", FOLDER / "Containerfile")
    assert done.returncode == 0, said(done)
