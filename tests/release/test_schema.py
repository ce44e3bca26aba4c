"""Migrations in a rolling world: a release that expands the schema comes and goes under guests, and one whose
migration fails half-way, or would contract it under them, changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hotel_booking.core import schema
from tests.cluster import delivery, platform, stores
from tests.cluster.platform import NAMESPACE
from tests.migrations.next_release import NEXT, NextRelease
from tests.migrations.test_contraction import DROPPED
from tests.release.conftest import Guests
from tests.release.releases import Releases

_JOB = "hotel-booking-migrate"


@pytest.fixture(scope="module")
def world(releases: Releases) -> Iterator[Releases]:
    """What Git has in the end is what served before."""
    before = releases.serving()
    yield releases
    releases.deploy(before)


def offered(releases: Releases, tag: str, folder: Path, *, serves: str | None, statement: str) -> None:
    """Have the image of a release after this one: the same with a migration more."""
    later = NextRelease.made(folder, serves=serves, statement=statement)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    releases.known(tag)
    file = releases.cluster.folder / "images.json"
    images = json.loads(file.read_text())
    image = images[f"hotel-booking:{tag}"]
    image["folders"].append((str(later.source), "/opt/later"))
    image["env"]["PYTHONPATH"] = "/opt/later:/opt/release"
    file.write_text(json.dumps(images))


def committed(releases: Releases, tag: str) -> None:
    """Git says it, and Argo CD has been told to look: for a release whose migration does not let it come."""
    file = releases.repository.path("deployment/kubernetes/overlays/production/release/kustomization.yaml")
    file.write_text(re.sub(r"newTag: .*", f"newTag: {tag}", file.read_text()))
    releases.repository.commit(f"Release {tag}")
    delivery.refresh(releases.cluster)


def found(releases: Releases) -> tuple[str, str]:
    with psycopg.connect(stores.administrator(releases.cluster.world)) as connection:
        row = connection.execute(schema.FOUND).fetchone()
    assert row is not None
    return schema.read(str(row[0]))


def said(releases: Releases) -> str:
    """What the migration's pods say."""
    return releases.cluster.kubectl(
        "logs", "-n", NAMESPACE, "-l", f"app={_JOB}", "--tail=40", "--prefix=false", check=False
    ).stdout


@pytest.mark.parametrize(
    ("tag", "serves", "statement", "why"),
    [
        ("r20", None, "ALTER TABLE property ADD COLUMN half boolean; SELECT 1 / 0", "division by zero"),
        ("r21", NEXT, DROPPED, "older ones are running; nothing was done"),
    ],
)
def test_a_migration_that_fails_or_would_contract_changes_nothing(
    world: Releases, guests: Guests, tmp_path: Path, tag: str, serves: str | None, statement: str, why: str
) -> None:
    before, at = world.serving(), found(world)
    offered(world, tag, tmp_path, serves=serves, statement=statement)
    with guests(f"schema: {'fails half-way' if serves is None else 'contracted under guests'}") as row:
        committed(world, tag)
        world.cluster.until(f"the Job says {why}", lambda: why in said(world), 120)
    assert tag not in row.answered
    assert world.serving() == before
    assert found(world) == at
    _given_up(world, before)


def test_it_expands_under_guests_and_is_gone_back_from(
    world: Releases, guests: Guests, tmp_path: Path
) -> None:
    before = world.serving()
    statement = "ALTER TABLE property ADD COLUMN seen_by text"
    offered(world, "r22", tmp_path, serves=None, statement=statement)
    with guests("schema: expanded, and gone back from") as row:
        world.deploy("r22")
        world.until_serving("r22")
        assert found(world) == (NEXT, schema.SERVES)
        world.cluster.kubectl("rollout", "undo", "deployment/hotel-booking", "-n", NAMESPACE)
        world.until_serving(before)
        assert found(world) == (NEXT, schema.SERVES), "the schema stays"
    assert row.answered["r22"] > 0
    assert row.answered["first" if before == "first" else before] > 0


def _given_up(releases: Releases, before: str) -> None:
    """What a person does then: Git says again what serves, and Argo CD ends what it is at."""
    committed(releases, releases.known(before).rpartition(":")[2])
    cluster = releases.cluster
    ended = json.dumps({"status": {"operationState": {"phase": "Terminating"}}})
    cluster.kubectl("patch", "application", "hotel-booking", "-n", "argocd", "--type", "merge", "-p", ended)
    cluster.kubectl("delete", "job", _JOB, "-n", NAMESPACE, "--ignore-not-found")
    platform.settled(cluster)
