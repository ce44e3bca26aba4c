"""Backups on the runbook's schedule, in a folder and in a bucket of S3: what is kept how long, what a change
of the configuration leads to, and what is written about secrets. By the commands that an operator and the
CronJobs run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import psycopg
import pytest
from obstore.store import S3Store

from hotel_booking.cli import ops_backup
from hotel_booking.core.clock import utc_now
from hotel_booking.ops.backup import contents, schedule
from hotel_booking.ops.backup.dump_engine import Dumps
from hotel_booking.ops.backup.files import files
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.backup.tar_backups import TarBackups
from hotel_booking.ops.embedded import Cluster
from hotel_booking.ops.embedded.programs import find_programs
from hotel_booking.ops.refusals import Refused
from tests.databases import copied
from tests.deployment import aws_double

pytestmark = pytest.mark.deploy

KEY = "the key of the tests' backups"
BUCKET = "hotel-booking-test-backups"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a double of S3 with our bucket in it."""
    log = tmp_path_factory.mktemp("moto") / "log"
    with aws_double.moto(aws_double.moto_program(), log) as port:
        endpoint = f"http://127.0.0.1:{port}"
        done = subprocess.run(
            [sys.executable, "-c", f"import boto3; boto3.client('s3').create_bucket(Bucket={BUCKET!r})"],
            env={**os.environ, **aws_double.environ(port), "AWS_REGION": "us-east-1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        yield endpoint


@pytest.fixture(params=["folder", "bucket"])
def environ(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> dict[str, str]:
    """What the commands are given: a store of their own, and one folder of configuration."""
    rules = tmp_path / "rules"
    (rules / "secrets").mkdir(parents=True)
    (rules / "alerts.yml").write_text("groups: []\n")
    (rules / "secrets" / "token").write_text("hush-hush-1")
    (tmp_path / "uploads" / "ab").mkdir(parents=True)
    (tmp_path / "uploads" / "ab" / "photo.webp").write_bytes(b"a photo")
    told = {
        "PATH": f"{find_programs()}:{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "HOTEL_ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "HOTEL_BACKUP_ENGINE": "dump",
        "HOTEL_BACKUP_KEY": KEY,
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "HOTEL_MEDIA_DIR": str(tmp_path / "uploads"),
        "HOTEL_CONFIGURATION_FOLDERS": str(rules),
        "HOTEL_SECRET_KEY": "the application's secret, which no backup of the configuration shows",
    }
    if request.param == "folder":
        (tmp_path / "store").mkdir()
        return told | {"HOTEL_BACKUP_STORE": str(tmp_path / "store")}
    endpoint = request.getfixturevalue("s3")
    return told | {
        "HOTEL_BACKUP_STORE": f"s3://{BUCKET}/{tmp_path.name}",
        "HOTEL_S3_ENDPOINT": endpoint,
        "HOTEL_S3_REGION": "us-east-1",
        "HOTEL_S3_ACCESS_KEY": "none",
        "HOTEL_S3_SECRET_KEY": "none",
    }


def store(environ: dict[str, str]) -> Store:
    return Store.from_environ(environ, lambda variable, *_: environ[variable])


def run(environ: dict[str, str], *words: str, code: int = 0) -> str:
    """What `hotel-booking ops backup` said."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("hotel-booking")), "ops", "backup", *words],
        env=environ, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def kept_by(environ: dict[str, str], clock: Clock) -> dict[str, Dumps | TarBackups]:
    """What the schedule works on, by a clock of ours."""
    url, place = environ["DATABASE_URL"], store(environ)
    return {
        "database": Dumps(files(place, "database", clock), url=url, key=KEY, clock=clock),
        "state": TarBackups("state", place, url=url, key=KEY, environ=environ, clock=clock),
        "configuration": TarBackups("configuration", place, url=url, key=KEY, environ=environ, clock=clock),
    }


def test_every_kind_is_made_when_it_is_due_and_kept_as_long_as_the_runbook_says(
    environ: dict[str, str], tmp_path: Path
) -> None:
    clock, said = Clock(), list[str]()
    kept = kept_by(environ, clock)
    made: list[str] = []

    def make(of: str) -> None:
        one = kept[of]
        if isinstance(one, Dumps):
            one.backup("full", said.append)
        elif of == "state" or one.changed():
            one.backup(said.append)
        else:
            return
        made.append(of)

    def newest(of: str) -> Callable[[], datetime | None]:
        return lambda: next((backup.begun_at for backup in kept[of].backups()), None)

    keeper = schedule.Schedule({of: newest(of) for of in kept}, make, clock=clock, say=said.append)
    for hours in (0, 1, 4):
        clock.now = datetime(2026, 3, 1, tzinfo=UTC) + hours * HOUR
        keeper.look()  # and nothing is made twice
    assert made == ["database", "state", "configuration", "database"]
    rules = Path(environ["HOTEL_CONFIGURATION_FOLDERS"]) / "alerts.yml"
    for day in (8, 35, 95):
        clock.now = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=day)
        rules.write_text(f"groups: []  # of day {day}\n")
        keeper.look()
        ages = {of: [(clock.now - backup.begun_at).days for backup in kept[of].backups()] for of in kept}
        assert (
            ages
            == {
                8: {"database": [0, 8, 8], "state": [0], "configuration": [0, 8]},
                35: {"database": [0, 27], "state": [0], "configuration": [0, 27, 35]},
                95: {"database": [0], "state": [0], "configuration": [0, 60, 87]},
            }[day]
        )
    assert not [line for line in said if "is left" in line]


@pytest.mark.nightly
@pytest.mark.parametrize("environ", ["folder"], indirect=True)
def test_a_change_of_each_kind_is_kept_within_sixty_seconds(
    environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """By the process that compose and the cluster have running. It looks three times a minute."""
    assert schedule.LOOK * 2 < 60
    there = files(store(environ), "configuration", utc_now)
    log = (tmp_path / "log").open("w+")
    keeping = subprocess.Popen(
        [str(Path(sys.executable).with_name("hotel-booking")), "ops", "backup", "keep"],
        env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    )  # fmt: skip

    def count(more_than: int) -> int:
        began = time.monotonic()
        while len(there.there()) <= more_than:
            assert keeping.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() - began < 300, "a change was not kept"
            time.sleep(0.5)
        return len(there.there())

    try:
        first = count(0)
        assert first == 1
        rules = Path(environ["HOTEL_CONFIGURATION_FOLDERS"])
        (rules / "alerts.yml").write_text("groups: []  # another\n")
        second = count(first)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
                " VALUES ('new', 'New', 'PT', 38, -9, 'Europe/Lisbon', 'EUR')"
            )
        third = count(second)
        (rules / "secrets" / "token").write_text("hush-hush-2")
        count(third)
    finally:
        keeping.terminate()
        assert keeping.wait(timeout=30) == 0
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT DISTINCT detail->>'of' FROM operations_result WHERE kind = 'backup' AND succeeded"
        ).fetchall()
    assert {of for (of,) in rows} == {"database", "state", "configuration"}


@pytest.mark.parametrize("environ", ["folder"], indirect=True)
def test_to_be_stopped_while_one_is_made_is_no_failure(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart of the service is no incident: systemd and Kubernetes look at the exit code."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    begun: list[str] = []

    def stopped(_self: object, _say: object) -> None:
        begun.append("configuration")
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(TarBackups, "backup", stopped)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        ops_backup.keep(of=["configuration"])
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
    assert begun == ["configuration"]


@pytest.mark.nightly
def test_what_was_kept_is_read_back_and_no_secret_is_in_it(
    environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    for of in ("state", "configuration"):
        assert of in run(environ, "backup", "--of", of)
        assert "every backup is whole" in run(environ, "verify", "--of", of)
        listed = run(environ, "list", "--of", of)
        assert re.search(r"\d{8}-\d{6}", listed)
        assert re.search(r"\d+ files in", run(environ, "unpack", "latest", str(tmp_path / of), "--of", of))
    assert (tmp_path / "state" / "uploads" / "ab" / "photo.webp").read_bytes() == b"a photo"
    assert list((tmp_path / "state" / "templates").rglob("*.html"))
    unpacked = tmp_path / "configuration"
    assert (unpacked / "files" / "rules" / "alerts.yml").read_text() == "groups: []\n"
    assert {f"{table}.jsonl" for table in contents.SETTINGS} == {
        path.name for path in (unpacked / "settings").iterdir()
    }
    everything = b"".join(path.read_bytes() for path in unpacked.rglob("*") if path.is_file())
    for secret in ("hush-hush", environ["HOTEL_SECRET_KEY"], KEY):
        assert secret.encode() not in everything
    assert "is not empty" in run(environ, "unpack", "latest", str(unpacked), code=2)
    assert "a database is restored" in run(environ, "unpack", "latest", "/tmp/x", "--of", "database", code=2)
    assert "is none of database" in run(environ, "backup", "--of", "everything", code=2)
    other = environ | {"HOTEL_BACKUP_KEY": "another key of sixteen characters"}
    said = run(other, "unpack", "latest", str(tmp_path / "never"), code=2)
    assert "is not the key of this backup" in said
    assert not (tmp_path / "never").exists()


def test_a_database_in_the_store_is_restored_and_a_damaged_one_is_seen(
    cluster: Cluster, environ: dict[str, str], database_url: str
) -> None:
    run(environ, "backup")
    with copied(cluster, None) as other:
        with psycopg.connect(other, autocommit=True) as connection:
            connection.execute("CREATE TABLE alembic_version AS SELECT '0001' AS version_num")
        engine = Dumps(files(store(environ), "database", utc_now), url=other, key=KEY, clock=utc_now)
        instance = engine.restore(engine.backups()[0], until="backup", say=print)
        count = "SELECT count(*) FROM information_schema.tables"
        with psycopg.connect(instance.url) as restored, psycopg.connect(database_url) as source:
            assert restored.execute(count).fetchone() == source.execute(count).fetchone()
        engine.discard(instance, print)
    place = store(environ)
    name = engine.backups()[0].name
    if place.bucket:
        content = bytearray(obstore.get(place.below("database"), name).bytes())
        content[-100] ^= 1
        obstore.put(place.below("database"), name, bytes(content))
    else:
        path = Path(place.path) / "database" / name
        assert path.stat().st_mode & 0o077 == 0, "others may read every guest's data"
        content = bytearray(path.read_bytes())
        content[-100] ^= 1
        path.write_bytes(content)
    assert "the backup is damaged" in run(environ, "verify", code=1)


@pytest.mark.parametrize("environ", ["folder"], indirect=True)
def test_what_fails_leaves_nothing_and_removes_nothing(environ: dict[str, str]) -> None:
    clock = Clock()
    engine = kept_by(environ, clock)["database"]
    assert isinstance(engine, Dumps)
    old = engine.backup("full", print)
    clock.now += timedelta(days=60)
    broken = Dumps(
        files(store(environ), "database", clock), url=environ["DATABASE_URL"] + "_no", key=KEY, clock=clock
    )
    with pytest.raises((Refused, psycopg.OperationalError)):
        broken.backup("full", print)
    assert [backup.id for backup in engine.backups()] == [old.id]
    assert [path.name for path in (Path(store(environ).path) / "database").iterdir()] == [old.name]


def test_a_bucket_that_does_not_answer_and_one_that_lets_nothing_be_removed(
    s3: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = files(Store("/x", BUCKET, "http://127.0.0.1:9", "us-east-1", "a", "b"), "database", utc_now)
    with pytest.raises(Refused, match="the bucket does not answer"):
        gone.there()
    clock, said = Clock(), list[str]()
    place = Store("/locked", BUCKET, s3, "us-east-1", "none", "none")
    engine = Dumps(files(place, "database", clock), url=database_url, key=KEY, clock=clock)
    old = engine.backup("full", said.append)
    clock.now += timedelta(days=31)

    def denied(*_: object) -> None:
        raise obstore.exceptions.PermissionDeniedError("AccessDenied")

    monkeypatch.setattr(obstore, "delete", denied)
    engine.backup("full", said.append)
    assert any("the bucket's own rule removes it" in line for line in said)
    assert old.id in [backup.id for backup in engine.backups()]
    assert isinstance(place.below("database"), S3Store)
