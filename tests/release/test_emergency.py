"""The emergency deployment on a small control plane, with a Git repository, Argo CD's part of it and the real
incident tracker: the shortest way, and whatever fails on it goes back and says so."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.test_deploy_release import clone, git
from tests.release.by_git import committed
from tests.release.operator import DIGEST, EMERGENCY, Operator, beside
from tests.release.plane import NAMESPACE, Delivery, Gateway, Plane

__all__ = ["clone"]  # a fixture
_SEED = ("--skip-staging", "--notify-team")
_QUICK = ("--namespace", NAMESPACE, "--watch", "4", "--timeout", "20")


@pytest.fixture
def argo(plane: Plane, gateway: Gateway, clone: Path) -> Iterator[Delivery]:
    made = Delivery(plane, clone)
    yield made
    made.stop()


@pytest.fixture
def ana(tmp_path: Path, plane: Plane, gateway: Gateway, clone: Path, database_url: str) -> Operator:
    """Before her clone, with the platform's database in reach."""
    who = beside(tmp_path, plane, gateway)
    who.environ |= {"HOTEL_REPOSITORY": str(clone), "DATABASE_URL": database_url}
    return who


def tried(who: Operator, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    told = {"HOTEL_REASON": "guests cannot pay", "HOTEL_APPROVER": "ben@hotel.example", **environ}
    return who.run([str(EMERGENCY), *_SEED, *_QUICK, *words], told)


def serving(who: Operator, argo: Delivery, clone: Path) -> str:
    """A release that has come through Git; its tag."""
    tag = committed(clone, "0009", "0009", "0008")
    who.signs(tag, "build")
    done = tried(who, "--image-tag", tag)
    assert done.returncode == 0, done.stdout + done.stderr
    return tag


def in_git(clone: Path) -> str:
    git(clone, "fetch", "--quiet")
    return git(
        clone, "show", "origin/main:deployment/kubernetes/overlays/production/release/kustomization.yaml"
    )


def test_without_a_reason_or_an_approver_it_says_what_would_work(ana: Operator) -> None:
    done = ana.run([str(EMERGENCY), *_SEED], {})
    assert done.returncode == 2
    assert f"HOTEL_REASON='guests cannot pay' {EMERGENCY} --skip-staging --notify-team" in done.stderr
    alone = tried(ana, HOTEL_APPROVER="ana")
    assert alone.returncode == 2
    assert "cannot approve their own" in alone.stderr


def test_through_git_to_the_guests_with_an_incident_and_a_follow_up(
    plane: Plane, argo: Delivery, ana: Operator, clone: Path, gateway: Gateway
) -> None:
    first = serving(ana, argo, clone)
    second = committed(clone, "0009", "0009", "0008")
    ana.signs(second, "build", f"sha256:{'e' * 64}")
    done = tried(ana, "--image-tag", second)
    assert done.returncode == 0, done.stdout + done.stderr
    assert plane.image("hotel-booking").endswith(f":{second}@sha256:{'e' * 64}")
    assert f"newTag: {second}" in in_git(clone)
    assert f"production runs {second}" in git(clone, "log", "--format=%s", "-1", "origin/main")
    assert second in gateway.led[-1]
    shown = ana.hotel("incident", "show", "2").stdout
    assert f"Emergency deployment of {second}" in shown
    assert "Approved by ben@hotel.example: guests cannot pay" in shown
    assert f"to do: Let {second} go through staging" in shown
    assert "not told to slack" in done.stdout  # and it did not wait for that
    assert (
        f"Back: scripts/deploy_release production {plane.image('hotel-booking').partition(':')[0]}"
        in done.stdout
    )
    assert first in done.stdout.splitlines()[-2] + done.stdout.splitlines()[-1]


def test_an_image_that_nobody_answers_for(plane: Plane, argo: Delivery, ana: Operator, clone: Path) -> None:
    before, tag = in_git(clone), committed(clone, "0009", "0009", "0008")
    done = tried(ana, "--image-tag", tag)
    assert done.returncode == 1
    assert f"gh run download --name evidence-{tag}" in done.stderr
    ana.signs(tag, "build")
    file = ana.folder / "ops" / "evidence" / tag / "build.json"
    file.write_text(file.read_text().replace(file.read_text()[60:64], "AAAA"))
    changed = tried(ana, "--image-tag", tag)
    assert changed.returncode == 1
    assert "is no evidence" in changed.stderr
    assert in_git(clone) == before


def test_a_release_that_answers_badly_goes_back(
    plane: Plane, argo: Delivery, ana: Operator, clone: Path, gateway: Gateway
) -> None:
    first = serving(ana, argo, clone)
    second = committed(clone, "0009", "0009", "0008")
    ana.signs(second, "build", f"sha256:{'e' * 64}")
    gateway.later.add(second)
    done = tried(ana, "--image-tag", second, "--watch", "30")
    assert done.returncode == 1, done.stdout
    assert "the release answers badly" in done.stderr
    assert f"going back to {first}" in done.stdout
    assert f"newTag: {first}" in in_git(clone)
    argo.until(f":{first}@")
    assert "failed and was taken back" in ana.hotel("incident", "show", "2").stdout


def test_a_migration_that_fails_changes_no_pod_and_goes_back(
    plane: Plane, argo: Delivery, ana: Operator, clone: Path
) -> None:
    first = serving(ana, argo, clone)
    second = committed(clone, "0009", "0009", "0008")
    ana.signs(second, "build", f"sha256:{'e' * 64}")
    argo.fails.add(second)
    done = tried(ana, "--image-tag", second)
    assert done.returncode == 1
    assert "Argo CD has not brought it" in done.stderr
    assert f":{first}@" in plane.image("hotel-booking")
    assert f"newTag: {first}" in in_git(clone)


def test_a_release_that_contracts_the_schema_under_what_runs(
    plane: Plane, argo: Delivery, ana: Operator, clone: Path
) -> None:
    first = serving(ana, argo, clone)
    contracting = committed(clone, "0011", "0011", "0010")
    ana.signs(contracting, "build", f"sha256:{'e' * 64}")
    done = tried(ana, "--image-tag", contracting)
    assert done.returncode == 1
    assert "would contract the schema" in done.stderr + done.stdout
    assert f":{first}@" in plane.image("hotel-booking")


def test_without_its_tracker_it_goes_on_and_says_so(
    plane: Plane, argo: Delivery, ana: Operator, clone: Path
) -> None:
    ana.environ["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/none"
    tag = serving(ana, argo, clone)
    assert f":{tag}@" in plane.image("hotel-booking")
    done = tried(ana, "--image-tag", tag)
    assert done.returncode == 1
    assert "serves already" in done.stderr


def test_what_is_checked_out_is_built_and_pushed(
    plane: Plane, argo: Delivery, ana: Operator, clone: Path
) -> None:
    serving(ana, argo, clone)
    tag = committed(clone, "0009", "0009", "0008").partition("-")[2]
    (clone / "deployment" / "docker").mkdir(parents=True, exist_ok=True)
    build = clone / "deployment" / "docker" / "build"
    build.write_text('#!/bin/sh\necho "$@" >&2\n')
    build.chmod(0o755)
    refused = tried(ana)
    assert refused.returncode == 1
    assert "not committed" in refused.stderr
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "The fix")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    tag = git(clone, "rev-parse", "HEAD")[:12]
    repository = plane.image("hotel-booking").partition(":")[0]
    ana.has("docker", f'case "$1" in image) echo "{repository}@{DIGEST}" ;; esac\n')
    done = tried(ana)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "signed by nobody" in done.stdout
    assert f"-{tag}@{DIGEST}" in plane.image("hotel-booking")
