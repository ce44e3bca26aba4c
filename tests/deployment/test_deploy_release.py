"""`scripts/deploy_release` commits what an environment runs, once, to the branch that Argo CD follows."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.deployment.checkers import ROOT

SCHEMA = "src/hotel_booking/core/schema.py"
OVERLAY = "deployment/kubernetes/overlays/staging/release/kustomization.yaml"


def image_of(tag: str) -> str:
    return f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/hotel-booking:{tag}@sha256:{'d' * 64}"


IMAGE = image_of("20300301-0123456789ab")


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
    ops = clone / "deployment" / "scripts" / "ops"
    ops.parent.mkdir(parents=True)
    ops.write_text(f'#!/bin/sh\nexec "{ROOT}/deployment/scripts/ops" "$@"\n')
    ops.chmod(0o755)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "all")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    return clone


def release(clone: Path, oldest: str, newest: str, serves: str) -> str:
    """A commit that declares its range, on main; the tag of its image."""
    git(clone, "pull", "--quiet", "--rebase", "origin", "main")
    path = clone / SCHEMA
    path.parent.mkdir(parents=True, exist_ok=True)
    declared = f'OLDEST, NEWEST, SERVES = "{oldest}", "{newest}", "{serves}"'
    path.write_text(f'"""Which schemas."""\n\n{declared}\n')
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", f"brings {newest}")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    return f"20300301-{git(clone, 'rev-parse', 'HEAD')[:12]}"


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
    tag = release(clone, "0009", "0009", "0008")
    assert deploy(clone, "staging", "--running").stdout == "none\n"
    dry = deploy(clone, "staging", image_of(tag), "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert tag in dry.stdout
    git(clone, "fetch", "--quiet")
    assert git(clone, "log", "--format=%s", "origin/main").split("\n")[0] == "brings 0009"

    done = deploy(clone, "staging", image_of(tag))
    assert done.returncode == 0, done.stderr
    git(clone, "fetch", "--quiet")
    assert git(clone, "log", "--format=%s", "-1", "origin/main") == f"staging runs {tag}\n"
    assert git(clone, "diff", "--name-only", "origin/main~1", "origin/main") == f"{OVERLAY}\n"
    written = git(clone, "show", f"origin/main:{OVERLAY}")
    assert tag in written
    assert "hotel-booking.com/schema: 0009-0009-0008" in written

    assert deploy(clone, "staging", "--running").stdout == f"{tag}\n"
    assert deploy(clone, "production", "--running").stdout == "none\n"

    again = deploy(clone, "staging", image_of(tag))
    assert again.returncode == 0
    assert f"staging ran {tag}" in again.stdout
    git(clone, "fetch", "--quiet")
    assert git(clone, "rev-list", "--count", "origin/main") == "3\n"


@pytest.mark.deploy
def test_a_schema_contracted_under_what_runs_and_one_left_behind_are_refused(clone: Path) -> None:
    first = release(clone, "0009", "0009", "0008")
    contracts = release(clone, "0010", "0011", "0010")
    between = release(clone, "0009", "0010", "0009")
    assert deploy(clone, "staging", image_of(first)).returncode == 0

    refused = deploy(clone, "staging", image_of(contracts))
    assert refused.returncode == 1
    assert f"{contracts} would contract the schema under {first}" in refused.stderr
    assert "Deploy a release of schema 0010 first" in refused.stderr
    assert deploy(clone, "staging", "--running").stdout == f"{first}\n"

    for tag in (between, first, between, contracts, between):  # by one each, there and back
        done = deploy(clone, "staging", image_of(tag))
        assert done.returncode == 0, done.stderr
    assert deploy(clone, "staging", image_of(contracts)).returncode == 0
    refused = deploy(clone, "staging", image_of(first))
    assert refused.returncode == 1
    assert "cannot be gone back to" in refused.stderr


@pytest.mark.deploy
def test_a_release_that_git_does_not_know_is_refused(clone: Path) -> None:
    refused = deploy(clone, "staging", IMAGE)
    assert refused.returncode == 1
    assert "fetch --unshallow origin" in refused.stderr


@pytest.mark.deploy
def test_what_others_committed_meanwhile_stays(clone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "origin.git"), str(other))
    (other / "theirs").write_text("theirs")
    git(other, "add", "--all")
    git(other, "commit", "--quiet", "--message", "theirs")
    git(other, "push", "--quiet", "origin", "HEAD:main")
    tag = release(clone, "0009", "0009", "0008")
    git(other, "pull", "--quiet", "--rebase", "origin", "main")
    (other / "theirs").write_text("theirs, later")
    git(other, "commit", "--quiet", "--all", "--message", "theirs, later")
    git(other, "push", "--quiet", "origin", "HEAD:main")
    assert deploy(clone, "staging", image_of(tag)).returncode == 0
    git(clone, "fetch", "--quiet")
    assert git(clone, "log", "--format=%s", "origin/main").split("\n")[:2] == [
        f"staging runs {tag}",
        "theirs, later",
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
