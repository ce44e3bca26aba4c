"""`scripts/deploy_release` commits what an environment runs, once, to the branch that Argo CD follows."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.deployment.checkers import ROOT

TAG = "20300301-0123456789ab"
IMAGE = f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/hotel-booking:{TAG}@sha256:{'d' * 64}"
OVERLAY = "deployment/kubernetes/overlays/staging/release/kustomization.yaml"


def git(where: Path, *words: str) -> str:
    told = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    author = ["-c", "user.name=A tester", "-c", "user.email=tester@hotel.example"]
    done = subprocess.run(
        ["git", *author, *words],
        cwd=where,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the files that the script needs, of a repository that it may push to."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "deployment/kubernetes", "deployment/monitoring", "scripts"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        path = clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ROOT / name).read_bytes())
        path.chmod((ROOT / name).stat().st_mode)
    # Installed once, in the checkout.
    (clone / "scripts" / "deploy_tools").write_text(f'#!/bin/sh\nexec "{ROOT}/scripts/deploy_tools"\n')
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "all")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    return clone


def deploy(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "scripts" / "deploy_release", *words],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.deploy
def test_the_image_is_committed_once_and_to_main(clone: Path) -> None:
    assert deploy(clone, "staging", "--running").stdout == "none\n"
    dry = deploy(clone, "staging", IMAGE, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert TAG in dry.stdout
    git(clone, "fetch", "--quiet")
    assert git(clone, "log", "--format=%s", "origin/main").split("\n")[0] == "all"

    done = deploy(clone, "staging", IMAGE)
    assert done.returncode == 0, done.stderr
    git(clone, "fetch", "--quiet")
    assert git(clone, "log", "--format=%s", "-1", "origin/main") == f"staging runs {TAG}\n"
    assert git(clone, "diff", "--name-only", "origin/main~1", "origin/main") == f"{OVERLAY}\n"
    assert TAG in git(clone, "show", f"origin/main:{OVERLAY}")

    assert deploy(clone, "staging", "--running").stdout == f"{TAG}\n"
    assert deploy(clone, "production", "--running").stdout == "none\n"

    again = deploy(clone, "staging", IMAGE)
    assert again.returncode == 0
    assert f"staging ran {TAG}" in again.stdout
    git(clone, "fetch", "--quiet")
    assert git(clone, "rev-list", "--count", "origin/main") == "2\n"


@pytest.mark.deploy
def test_what_others_committed_meanwhile_stays(clone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "origin.git"), str(other))
    (other / "theirs").write_text("theirs")
    git(other, "add", "--all")
    git(other, "commit", "--quiet", "--message", "theirs")
    git(other, "push", "--quiet", "origin", "HEAD:main")
    assert deploy(clone, "staging", IMAGE).returncode == 0
    git(clone, "fetch", "--quiet")
    assert git(clone, "log", "--format=%s", "origin/main").split("\n")[:2] == [
        f"staging runs {TAG}",
        "theirs",
    ]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("moon", IMAGE),
        ("staging", "hotel-booking:latest"),
        ("staging", IMAGE.partition("@")[0]),
        ("staging", IMAGE + "; rm -rf /"),
        ("staging", IMAGE, "--now"),
    ],
)
def test_what_is_no_environment_or_no_image_with_its_digest_is_wrong_use(words: tuple[str, ...]) -> None:
    done = deploy(ROOT, *words)
    assert done.returncode == 2
    assert "Usage: deploy_release" in done.stderr
