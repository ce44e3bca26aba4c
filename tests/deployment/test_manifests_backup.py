"""The backup's script, run as the CronJob runs it against a real PostgreSQL: a dump that can be restored, or
none."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from hotel_booking.ops.embedded import Cluster
from hotel_booking.ops.embedded.programs import find_programs
from tests.databases import copied
from tests.deployment.documents import KUBERNETES

SCRIPT = KUBERNETES / "base" / "backup.sh"
_DAY = 86_400


def environment(cluster: Cluster, url: str, folder: Path) -> dict[str, str]:
    """What the pod has; the name of the user stands where the password does."""
    with psycopg.connect(url) as connection:
        info = connection.info
        return {
            "PATH": f"{find_programs()}:{os.environ['PATH']}",
            "BACKUP_FOLDER": str(folder),
            "BACKUP_DAYS": "30",
            "DB_HOST": info.host,
            "DB_PORT": str(info.port),
            "DB_USER": info.user,
            "DB_NAME": info.dbname,
            "DB_PASSWORD": "unasked",
        }


def run(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", SCRIPT], env=environ, capture_output=True, text=True, check=False)


def old(folder: Path, name: str, days: float) -> Path:
    path = folder / name
    path.write_bytes(b"x")
    os.utime(path, (time.time() - days * _DAY, time.time() - days * _DAY))
    return path


def test_a_dump_can_be_restored_and_old_ones_go(cluster: Cluster, database_url: str, tmp_path: Path) -> None:
    environ = environment(cluster, database_url, tmp_path)
    gone, kept = old(tmp_path, "20200101-000000.dump", 40), old(tmp_path, "20200102-000000.dump", 29)
    abandoned = old(tmp_path, "20200103-000000.partial", 1)

    ran = run(environ)
    assert ran.returncode == 0, ran.stderr
    (made,) = (path for path in tmp_path.glob("*.dump") if path != kept)
    assert str(made) in ran.stdout
    assert made.stat().st_mode & 0o077 == 0, "others may read every guest's data"
    assert not gone.exists()
    assert kept.exists()
    assert not abandoned.exists()

    with copied(cluster, None) as url:
        restore = ["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", str(made)]
        subprocess.run(restore, env=environ, check=True, capture_output=True)
        with psycopg.connect(url) as restored, psycopg.connect(database_url) as source:
            count = "SELECT count(*) FROM information_schema.tables"
            assert restored.execute(count).fetchone() == source.execute(count).fetchone()


@pytest.mark.parametrize("wrong", [{"DB_NAME": "nowhere"}, {"BACKUP_FOLDER": "/nowhere"}, {"DB_HOST": ""}])
def test_what_fails_leaves_nothing_and_removes_nothing(
    cluster: Cluster, database_url: str, tmp_path: Path, wrong: dict[str, str]
) -> None:
    environ = environment(cluster, database_url, tmp_path)
    kept = old(tmp_path, "20200101-000000.dump", 40)
    ran = run(environ | wrong)
    assert ran.returncode != 0
    assert list(tmp_path.iterdir()) == [kept]


def test_a_dump_that_is_cut_off_is_none(cluster: Cluster, database_url: str, tmp_path: Path) -> None:
    """A pg_dump that ends well with half a file, as on a full disk that says nothing."""
    (tmp_path / "bin").mkdir()
    false = tmp_path / "bin" / "pg_dump"
    false.write_text('#!/bin/sh\nfor last; do :; done\nprintf PGDMP > "${last#--file=}"\n')
    false.chmod(0o755)
    folder = tmp_path / "backups"
    folder.mkdir()
    environ = environment(cluster, database_url, folder)
    ran = run(environ | {"PATH": f"{tmp_path / 'bin'}:{environ['PATH']}"})
    assert ran.returncode != 0
    assert list(folder.iterdir()) == []
