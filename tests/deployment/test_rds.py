"""The RDS engine of backups on moto: what is listed, made, copied, verified, restored, switched and taken
back, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.ops.aws import Aws, NotThere
from hotel_booking.ops.backup.configured import engine
from hotel_booking.ops.backup.engine import Backup, Instance, chosen, id_of
from hotel_booking.ops.backup.rds import Rds
from hotel_booking.ops.refusals import Refused, WrongUse
from tests.deployment.aws_double import Way, busy, environ, reset, throttled

pytestmark = pytest.mark.deploy

NAME, REGION, COPIES = "hotel-booking-production", "eu-central-1", "eu-west-1"
HOST = f"{NAME}.abc123.{REGION}.rds.amazonaws.com"
AWAY = (
    "postgresql://hotel_booking:pw@127.0.0.1:1/hotel_booking"  # nobody answers: RDS's name leads nowhere here
)


class World:
    """An instance on RDS, and the engine that keeps its backups."""

    def __init__(self, way: Way) -> None:
        self.way, self.environ, self.said = way, environ(way.port), list[str]()
        self.now = utc_now()
        self.rds = self.client(REGION)
        self.rds.create_db_instance(
            DBInstanceIdentifier=NAME, Engine="postgres", AllocatedStorage=20, StorageEncrypted=True,
            MasterUsername="hotel_operator", MasterUserPassword="x" * 12, DBInstanceClass="db.m7g.large",
            BackupRetentionPeriod=30,
        )  # fmt: skip
        self.engine = Rds(
            NAME,
            aws=Aws(REGION, environ=self.environ),
            url=AWAY,
            clock=lambda: self.now,
            copies=Aws(COPIES, environ=self.environ),
            every=0.01,
        )

    def client(self, region: str) -> Any:
        return boto3.client("rds", region_name=region, endpoint_url=self.environ["AWS_ENDPOINT_URL"])

    def backup(self) -> Backup:
        return self.engine.backup("full", self.said.append)

    def names(self) -> set[str]:
        return {one["DBInstanceIdentifier"] for one in self.rds.describe_db_instances()["DBInstances"]}


@pytest.fixture
def world(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    reset(port)
    way = Way(port)
    for name, value in environ(way.port).items():
        monkeypatch.setenv(name, value)
    try:
        yield World(way)
    finally:
        way.close()


@pytest.mark.nightly
def test_a_backup_is_a_snapshot_with_its_copy_in_the_other_region(world: World) -> None:
    world.way.faults += [
        busy("DescribeDBSnapshots", b"creating", 2),
        throttled("CreateDBSnapshot", 2),
    ]
    made = world.backup()
    assert made.id == id_of(world.now)
    assert made.name == f"{NAME}-{made.id}"
    assert made.bytes == 20 * 1024**3
    assert made in world.engine.backups()
    copied = world.client(COPIES).describe_db_snapshots()["DBSnapshots"]
    assert [one["DBSnapshotIdentifier"] for one in copied] == [made.name]
    assert world.engine.verify(made, world.said.append) == []
    with pytest.raises(WrongUse, match="there is no backup 20200101-000000"):
        chosen(world.engine.backups(), "20200101-000000")


@pytest.mark.nightly
def test_a_copy_that_is_gone_and_a_snapshot_that_is_gone_are_found(world: World) -> None:
    made = world.backup()
    world.client(COPIES).delete_db_snapshot(DBSnapshotIdentifier=made.name)
    assert world.engine.verify(made, world.said.append) == [f"{made.name} was not copied to {COPIES}"]
    world.rds.delete_db_snapshot(DBSnapshotIdentifier=made.name)
    assert world.engine.verify(made, world.said.append) == [f"{made.name} is gone"]


def test_what_is_older_than_thirty_days_goes_and_the_last_stays(world: World) -> None:
    first = world.backup()
    world.now += timedelta(days=31)
    second = world.backup()
    ours = [backup for backup in world.engine.backups() if not backup.name.startswith("rds:")]
    assert ours == [second]
    assert first.id != second.id


def test_a_restore_is_an_instance_beside_which_is_switched_to_and_back(world: World) -> None:
    made = world.backup()
    beside = world.engine.restore(made, until="backup", say=world.said.append)
    assert beside.name == f"{NAME}-restore-{made.id}"
    assert beside.url.startswith(f"postgresql://hotel_booking:pw@{beside.name}.")
    again = world.engine.restore(made, until="backup", say=world.said.append)
    assert again == beside
    assert f"{beside.name} was begun by an earlier run, and is waited for" in world.said
    world.engine.switch(beside, world.said.append)
    assert world.names() == {NAME, f"{NAME}-before"}
    world.engine.switch(beside, world.said.append)  # repeated, it is done already
    assert world.names() == {NAME, f"{NAME}-before"}
    assert world.engine.back(world.said.append) == f"{NAME}-before"
    assert world.names() == {NAME, f"{NAME}-after"}
    with pytest.raises(Refused, match="nothing was switched"):
        world.engine.back(world.said.append)


def test_a_switch_that_was_killed_between_its_two_renames_is_healed_by_another(world: World) -> None:
    made = world.backup()
    beside = world.engine.restore(made, until="backup", say=world.said.append)
    world.rds.modify_db_instance(
        DBInstanceIdentifier=NAME, NewDBInstanceIdentifier=f"{NAME}-before", ApplyImmediately=True
    )
    # Nobody else serves, so what was restored is not removed; a second run finds it, and makes no other.
    with pytest.raises(Refused, match="nobody else serves"):
        world.engine.discard(beside, world.said.append)
    world.engine.check_switch()
    assert world.engine.restore(made, until="backup", say=world.said.append) == beside
    world.engine.switch(beside, world.said.append)
    assert world.names() == {NAME, f"{NAME}-before"}


def test_a_rename_that_aws_refuses_leaves_the_one_that_serves_taking_writes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    def take_writes(_url: str, *, taken: bool, **_: object) -> None:
        told.append(taken)

    monkeypatch.setattr("hotel_booking.ops.backup.rds.take_writes", take_writes)
    beside = world.engine.restore(world.backup(), until="backup", say=world.said.append)
    world.way.faults += [lambda call: 400 if call.action == "ModifyDBInstance" else None]
    with pytest.raises(Refused):
        world.engine.switch(beside, world.said.append)
    assert told == [False, True]
    assert world.names() == {NAME, beside.name}


@pytest.mark.nightly
def test_an_earlier_instance_before_is_not_lost_by_a_switch(world: World) -> None:
    made = world.backup()
    beside = world.engine.restore(made, until="backup", say=world.said.append)
    world.engine.switch(beside, world.said.append)
    world.now += timedelta(minutes=1)
    other = world.engine.restore(world.backup(), until="backup", say=world.said.append)
    for refused in (world.engine.check_switch, lambda: world.engine.switch(other, world.said.append)):
        with pytest.raises(Refused, match=f"{NAME}-before is still there"):
            refused()
    assert world.names() == {NAME, f"{NAME}-before", other.name}
    world.engine.discard(other, world.said.append)
    assert world.names() == {NAME, f"{NAME}-before"}
    with pytest.raises(Refused, match="serves: it is not removed"):
        world.engine.discard(Instance(NAME, ""), world.said.append)


def test_a_moment_that_rds_does_not_reach_is_refused(world: World) -> None:
    made = world.backup()
    for moment, said in (
        (world.now + timedelta(hours=1), "RDS can restore until"),
        (world.now - timedelta(days=40), "RDS keeps 30 days"),
    ):
        with pytest.raises(Refused, match=said):
            world.engine.restore(made, until=moment, say=world.said.append)
    assert world.names() == {NAME}
    latest = world.engine.latest()
    assert latest is not None
    assert latest <= datetime.now(UTC)


@pytest.mark.nightly
def test_an_instance_that_is_not_there_is_said_with_the_region(world: World) -> None:
    gone = Rds("other", aws=Aws(COPIES, environ=world.environ), url=AWAY, clock=utc_now, every=0.01)
    with pytest.raises(NotThere, match="there is no RDS instance other in eu-west-1: nothing was touched"):
        gone.backup("full", world.said.append)


def test_the_host_says_instance_and_region() -> None:
    told = {
        "HOTEL_BACKUP_ENGINE": "rds",
        "DB_HOST": HOST,
        "DB_USER": "hotel_booking",
        "DB_NAME": "hotel_booking",
    }
    found = engine(told, ["hotel-booking", "ops", "backup", "list"], utc_now)
    assert isinstance(found, Rds)
    assert found.serving() == f"postgresql://hotel_booking@{HOST}:5432/hotel_booking"
    with pytest.raises(WrongUse, match="HOTEL_RDS_INSTANCE is not set"):
        engine({**told, "DB_HOST": "db.example"}, ["hotel-booking", "ops", "backup", "list"], utc_now)
