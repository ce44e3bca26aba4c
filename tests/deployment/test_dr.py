"""Another region takes over: dr-restore.sh and what goes wrong on the way, on a double of AWS, a cluster that
is a file, and a PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from hotel_booking import migrations
from hotel_booking.core.clock import utc_now
from hotel_booking.ops.backup import approval
from hotel_booking.ops.dr.restore import Restore
from hotel_booking.ops.embedded import THROWAWAY, throwaway
from hotel_booking.ops.environments import place_of
from hotel_booking.ops.evidence import make_key, read_signers
from hotel_booking.ops.refusals import Refused, WrongUse
from tests.deployment.aws_double import Way, busy, environ, gone, reset, throttled
from tests.deployment.checkers import ROOT
from tests.doubles.kubectl import Cluster

pytestmark = pytest.mark.deploy

DR = place_of("dr")
CLEAN = "rows, newest heartbeat, invariants, ledger and audit chain: nothing is wrong"
# What the commands in the pod say; the first test has the real ones on a real database.
CANNED = {
    "migrate --check": "nothing to do\nexit 0\n",
    "ops dr roles": "the role is as it should be\nexit 0\n",
    "recovery begin --backup latest": "closed for sale\nexit 0\n",
    "recovery check": f"{CLEAN}\nexit 0\n",
}


class World:
    """AWS with production in one region and its standby in the other, as Terraform leaves them."""

    def __init__(self, way: Way, folder: Path, database: dict[str, str]) -> None:
        self.way = way
        self.aws = environ(way.port)
        self.cluster = Cluster(
            folder, context=f"arn:aws:eks:x/{DR.name}", namespace=DR.name, environ=database
        )
        self.cluster.change(answers=CANNED, login={"host": "127.0.0.1", "username": "hotel"})
        self.environ = {**self.aws, "PATH": self.cluster.path, "HOME": str(folder)}
        self.said: list[str] = []
        self.answers: dict[str, str] = {}
        self.away = True

    def client(self, service: str, region: str = DR.region) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.aws["AWS_ENDPOINT_URL"],
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )

    def build(self) -> None:
        there, here = self.client("rds", DR.other_region), self.client("rds")
        size = {"DBInstanceClass": "db.m7g.large"}
        there.create_db_instance(
            DBInstanceIdentifier="hotel-booking-production", Engine="postgres", AllocatedStorage=20,
            MasterUsername="hotel_operator", MasterUserPassword="x" * 12, **size,
        )  # fmt: skip
        arn = f"arn:aws:rds:{DR.other_region}:123456789012:db:hotel-booking-production"
        here.create_db_instance_read_replica(
            DBInstanceIdentifier=DR.name, SourceDBInstanceIdentifier=arn, **size
        )
        secrets = self.client("secretsmanager")
        for name in ("generated", "shared", "third-parties", "alerting"):
            secrets.create_secret(Name=f"hotel-booking/production/{name}", SecretString="{}")
        secrets.create_secret(
            Name="hotel-booking/dr/addresses", SecretString='{"DB_HOST": "old", "REDIS_HOST": "cache"}'
        )
        secrets.create_secret(Name="hotel-booking/dr/gateway")
        self.lags(12)

    def lose_the_replica(self) -> None:
        """Nobody has its name any more (moto cannot delete a replica of another region)."""
        self.client("rds").modify_db_instance(
            DBInstanceIdentifier=DR.name, NewDBInstanceIdentifier="elsewhere", ApplyImmediately=True
        )

    def lags(self, seconds: float) -> None:
        self.client("cloudwatch").put_metric_data(
            Namespace="AWS/RDS",
            MetricData=[
                {
                    "MetricName": "ReplicaLag",
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": DR.name}],
                    "Timestamp": datetime.now(UTC) - timedelta(seconds=30),
                    "Value": seconds,
                }
            ],
        )

    def ask(self, variable: str, what: str, example: str) -> str:
        if variable not in self.answers:
            raise WrongUse(f"{what} is needed, and {variable} is not set", f"{variable}={example}")
        return self.answers[variable]

    def restore(self, say: Callable[[str], None] | None = None) -> Restore:
        return Restore(
            DR,
            environ=self.environ,
            now=utc_now,
            say=say or self.said.append,
            ask=self.ask,
            every=0.01,
        )

    def run(self, say: Callable[[str], None] | None = None) -> None:
        restore = self.restore(say)
        restore.run(restore.look())

    def instance(self) -> dict[str, Any]:
        (found,) = self.client("rds").describe_db_instances(DBInstanceIdentifier=DR.name)["DBInstances"]
        return dict(found)

    def untouched(self) -> bool:
        return (
            not self.way.called("PromoteReadReplica")
            and not self.way.called("CreateDBSnapshot")
            and self.cluster.replicas() == {"hotel-booking": 2, "hotel-booking-worker": 2}
        )


@pytest.fixture(scope="module")
def database() -> Iterator[dict[str, str]]:
    """What the standby's pods are told of the promoted database: a migrated one here."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with throwaway({**THROWAWAY, "listen_addresses": "127.0.0.1", "port": str(port)}):
        server = f"postgresql://hotel@127.0.0.1:{port}"
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute("CREATE ROLE hotel_booking LOGIN")
            connection.execute("CREATE DATABASE hotel_booking OWNER hotel_booking")
        migrations.upgrade(f"postgresql://hotel_booking@127.0.0.1:{port}/hotel_booking")
        yield {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(port),
            "DB_USER": "hotel_booking",
            "DB_PASSWORD": "pass'word",
            "DB_NAME": "hotel_booking",
            "PGSSLMODE": "disable",
        }


@pytest.fixture
def world(
    port: int, tmp_path: Path, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    reset(port)
    way = Way(port)
    try:
        world = World(way, tmp_path / "cluster", database)
        for name, value in world.aws.items():
            monkeypatch.setenv(name, value)  # boto3 reads the process's own
        world.build()
        way.calls.clear()
        way.faults.append(gone(DR.other_region))  # production's region is lost
        yield world
    finally:
        way.close()


def test_the_replica_takes_over_and_everything_else_is_made(world: World, database: dict[str, str]) -> None:
    world.cluster.change(answers={words: CANNED[words] for words in CANNED if words.startswith("recovery")})
    world.run()
    instance = world.instance()
    assert not instance.get("ReadReplicaSourceDBInstanceIdentifier")
    assert instance["MasterUserSecret"]["SecretArn"]
    snapshots = world.client("rds").describe_db_snapshots(DBInstanceIdentifier=DR.name)["DBSnapshots"]
    assert len(snapshots) == 1
    secrets = world.client("secretsmanager")
    addresses = json.loads(secrets.get_secret_value(SecretId="hotel-booking/dr/addresses")["SecretString"])
    assert addresses == {"DB_HOST": instance["Endpoint"]["Address"], "REDIS_HOST": "cache"}
    gateway = json.loads(secrets.get_secret_value(SecretId="hotel-booking/dr/gateway")["SecretString"])
    assert gateway["tls.crt"].startswith("-----BEGIN CERTIFICATE")
    login = {**database, "DB_USER": "hotel_booking"}
    with psycopg.connect(
        f"postgresql://hotel_booking@127.0.0.1:{login['DB_PORT']}/hotel_booking"
    ) as connection:
        assert connection.execute("SELECT pg_has_role('pg_monitor', 'MEMBER')").fetchone() == (True,)
    assert world.cluster.replicas() == {"hotel-booking": 3, "hotel-booking-worker": 2}
    assert world.cluster.read()["pods"] == {}
    assert any(CLEAN in line for line in world.said)
    # The processes waited while the database was taken over, and came after the checks.
    asked = world.cluster.asked()
    assert (
        asked.index(next(line for line in asked if '"replicas":0' in line))
        < asked.index(next(line for line in asked if "recovery check" in line))
        < asked.index(next(line for line in asked if line.startswith("rollout status")))
    )


@pytest.mark.nightly
def test_a_second_run_changes_nothing_and_closes_nobody_out(world: World) -> None:
    world.run()
    first = world.way.called("PromoteReadReplica"), world.way.called("CreateDBSnapshot")
    begun = sum("recovery begin" in line for line in world.cluster.asked())
    world.run()
    assert (world.way.called("PromoteReadReplica"), world.way.called("CreateDBSnapshot")) == first
    assert sum("recovery begin" in line for line in world.cluster.asked()) == begun == 1


@pytest.mark.nightly
def test_a_run_that_is_killed_at_each_of_its_steps_is_taken_up(world: World) -> None:
    for step in range(1, 10):

        def killed(line: str, step: int = step) -> None:
            if line.startswith(f"{step}. "):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            world.run(killed)
    assert world.cluster.replicas() == {"hotel-booking": 0, "hotel-booking-worker": 0}
    world.run()
    assert not world.instance().get("ReadReplicaSourceDBInstanceIdentifier")
    assert world.way.called("PromoteReadReplica") == 1
    assert world.way.called("CreateDBSnapshot") == 1
    assert world.cluster.replicas() == {"hotel-booking": 3, "hotel-booking-worker": 2}


@pytest.mark.nightly
def test_throttled_calls_are_made_again_and_too_many_of_them_are_said(world: World) -> None:
    world.way.faults.append(throttled("DescribeDBInstances", 3))
    world.run()
    assert world.way.called("PromoteReadReplica") == 1


@pytest.mark.nightly
def test_an_api_that_takes_no_calls_is_said_and_can_be_run_again(world: World) -> None:
    world.way.faults.append(throttled("PromoteReadReplica", 2))
    restore = Restore(
        DR, environ=world.environ, now=utc_now, say=world.said.append, ask=world.ask, every=0.01, attempts=2
    )
    with pytest.raises(Refused, match="takes no more calls for now") as refused:
        restore.run(restore.look())
    assert "begins with what is there" in " ".join(refused.value.lines)
    assert world.instance()["ReadReplicaSourceDBInstanceIdentifier"]
    world.run()
    assert world.cluster.replicas() == {"hotel-booking": 3, "hotel-booking-worker": 2}


@pytest.mark.nightly
def test_a_replica_that_is_changing_just_now_is_promoted_after_that(world: World) -> None:
    world.way.faults.append(busy("DescribeDBInstances", b"modifying", 4))
    world.run()
    assert world.way.called("PromoteReadReplica") == 1
    assert not world.instance().get("ReadReplicaSourceDBInstanceIdentifier")


@pytest.mark.nightly
def test_a_replica_too_far_behind_is_promoted_only_when_the_loss_is_accepted(world: World) -> None:
    world.lags(1900)
    with pytest.raises(WrongUse, match="last 32 minutes would be lost") as refused:
        world.run()
    assert refused.value.lines == ("HOTEL_ACCEPTED_LOSS_SECONDS=1900",)
    assert world.untouched()
    world.answers["HOTEL_ACCEPTED_LOSS_SECONDS"] = "600"
    with pytest.raises(Refused, match="600 seconds may be lost, and it would be 1900"):
        world.run()
    assert world.untouched()
    world.answers["HOTEL_ACCEPTED_LOSS_SECONDS"] = "1900"
    world.run()
    assert world.way.called("PromoteReadReplica") == 1


@pytest.mark.nightly
def test_production_that_still_answers_is_not_left_selling_the_same_rooms(world: World) -> None:
    world.way.faults.clear()
    with pytest.raises(WrongUse, match="hotel-booking-production in eu-central-1 is up"):
        world.run()
    assert world.untouched()
    world.answers["HOTEL_PRODUCTION_IS_LOST"] = "yes"
    world.run()
    assert world.way.called("PromoteReadReplica") == 1


@pytest.mark.nightly
def test_without_a_replica_the_newest_copied_snapshot_is_restored(world: World) -> None:
    rds = world.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="hotel-booking-production", Engine="postgres", AllocatedStorage=20,
        MasterUsername="hotel_operator", MasterUserPassword="x" * 12, DBInstanceClass="db.m7g.large",
    )  # fmt: skip
    for name in ("old", "new"):
        rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier="hotel-booking-production")
    rds.delete_db_instance(DBInstanceIdentifier="hotel-booking-production", SkipFinalSnapshot=True)
    world.lose_the_replica()
    rds.create_db_subnet_group(
        DBSubnetGroupName=DR.name, DBSubnetGroupDescription="x", SubnetIds=_subnets(world)
    )
    rds.create_db_parameter_group(
        DBParameterGroupName=DR.name, DBParameterGroupFamily="postgres15", Description="x"
    )
    world.run()
    assert any("snapshot new" in line for line in world.said)
    assert world.instance()["DBInstanceStatus"] == "available"


def _subnets(world: World) -> list[str]:
    found = world.client("ec2").describe_subnets()["Subnets"]
    return [one["SubnetId"] for one in found][:3]


@pytest.mark.nightly
def test_a_region_without_anything_is_said_and_left(world: World) -> None:
    world.lose_the_replica()
    with pytest.raises(Refused, match="in eu-west-1 there is no hotel-booking-dr, and neither") as refused:
        world.run()
    assert "Is it the right region and account?" in refused.value.lines[0]
    assert world.untouched()


def test_kubectl_that_means_another_cluster_is_refused_before_anything(world: World) -> None:
    world.cluster.change(context="arn:aws:eks:eu-central-1:1:cluster/hotel-booking-production")
    with pytest.raises(WrongUse, match=r"kubectl means .*production, and not hotel-booking-dr") as refused:
        world.run()
    assert "aws eks update-kubeconfig --region eu-west-1 --name hotel-booking-dr" in refused.value.lines[1]
    assert world.untouched()


@pytest.mark.nightly
def test_a_secret_that_was_not_copied_is_named_before_anything(world: World) -> None:
    world.client("secretsmanager").delete_secret(
        SecretId="hotel-booking/production/third-parties", ForceDeleteWithoutRecovery=True
    )
    with pytest.raises(Refused, match="secrets are missing: hotel-booking/production/third-parties"):
        world.run()
    assert world.untouched()


def test_a_check_that_fails_leaves_the_standby_closed(world: World) -> None:
    world.cluster.change(answers={**CANNED, "recovery check": "ledger: 3 sums differ\nexit 1\n"})
    with pytest.raises(Refused, match=r"`hotel-booking recovery check` found something") as refused:
        world.run()
    assert "  ledger: 3 sums differ" in refused.value.lines
    assert world.cluster.replicas() == {"hotel-booking": 0, "hotel-booking-worker": 0}


class Operators:
    """Two people with keys, and the script from a folder of theirs."""

    def __init__(self, world: World, folder: Path) -> None:
        self.folder = folder
        self.ann, self.bob = make_key(), make_key()
        signers = folder / "signers"
        signers.write_text(f"ann restore {self.ann[1]}\nbob restore {self.bob[1]}\n")
        self.environ = {
            **os.environ,
            **world.environ,
            "HOTEL_OPS_DIR": str(folder / "ops"),
            "HOTEL_SPOOL_DIR": str(folder / "spool"),
            "HOTEL_EVIDENCE_SIGNERS": str(signers),
        }

    def run(self, *words: str, key: tuple[str, str] | None = None, code: int = 0, **more: str) -> str:
        """What the script, or `hotel-booking`, said; it ended with this code."""
        script = str(ROOT / "deployment" / "scripts" / "dr-restore.sh")
        program = (
            script if words[0].startswith("--") else str(Path(sys.executable).with_name("hotel-booking"))
        )
        done = subprocess.run(
            [program, *words], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env={**self.environ, **({"HOTEL_EVIDENCE_KEY": key[0]} if key else {}), **more},
            check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def approve(self, key: tuple[str, str], code: int = 0) -> str:
        words = ("ops", "backup", "approve", "latest", "dr", "--reason", "the region is gone")
        return self.run(*words, key=key, code=code)


@pytest.fixture
def operators(world: World, tmp_path: Path) -> Operators:
    return Operators(world, tmp_path)


@pytest.mark.nightly
def test_the_script_runs_from_anywhere_and_tells_the_minutes(
    world: World, operators: Operators, tmp_path: Path
) -> None:
    operators.approve(operators.ann)
    said = operators.run("--environment", "dr", key=operators.bob)
    assert "of the 15 minutes that the runbook promises." in said
    assert "Next: ./deployment/scripts/update-dns.sh --target dr" in said
    acts = [json.loads(path.read_text()) for path in (tmp_path / "spool").glob("*.json")]
    ours = [act for act in acts if act["action"] == "ops.dr-restore"]
    assert {act["detail"]["outcome"] for act in ours} == {"begun", "done"}
    assert "ann" in {act["detail"].get("approved_by") for act in ours}
    assert "has been used" in operators.run("--environment", "dr", key=operators.bob, code=1)


@pytest.mark.nightly
def test_it_takes_two_people(world: World, operators: Operators, tmp_path: Path) -> None:
    seed = ("--environment", "dr")
    said = operators.run(*seed, code=2, HOTEL_EVIDENCE_KEY="")
    both = r'HOTEL_EVIDENCE_KEY="\$\(cat KEY-FILE\)" HOTEL_APPROVAL=\S+'
    assert re.search(rf"^  {both} \S*/dr-restore.sh --environment dr$", said, re.MULTILINE)
    said = operators.run(*seed, key=operators.bob, code=2)
    assert "  hotel-booking ops backup approve latest dr --reason 'WHY'" in said
    assert re.search(r"^  HOTEL_APPROVAL=\S+ \S*/dr-restore.sh --environment dr$", said, re.MULTILINE)
    operators.approve(operators.bob)
    assert "it takes another person" in operators.run(*seed, key=operators.bob, code=1)
    operators.approve(make_key(), code=2)
    operators.run(
        "ops", "backup", "approve", "20260101-000000", "dr", "--reason", "x", key=operators.ann, code=2
    )
    operators.run("ops", "backup", "approve", "latest", "production", "--reason", "x", key=operators.ann)
    there = tmp_path / "ops" / "approvals"
    said = operators.run(
        *seed, key=operators.bob, code=1, HOTEL_APPROVAL=str(there / "latest-production.json")
    )
    assert "is for another restore: latest to production" in said
    assert world.untouched()
    assert "Nothing was touched" in operators.run(*seed, "--dry-run")  # looking takes nobody

    # One that fails is taken up with the same approval; it is used up where it was carried out.
    operators.approve(operators.ann)
    copy = (there / "latest-dr.json").rename(tmp_path / "theirs.json")
    world.cluster.change(answers={**CANNED, "recovery check": "ledger: 3 sums differ\nexit 1\n"})
    operators.run(*seed, key=operators.bob, code=1, HOTEL_APPROVAL=str(copy))
    world.cluster.change(answers=CANNED)
    operators.run(*seed, key=operators.bob, HOTEL_APPROVAL=str(copy))
    assert world.cluster.replicas() == {"hotel-booking": 3, "hotel-booking-worker": 2}


@pytest.mark.parametrize("target", ["dr", "production"])
def test_an_approval_counts_four_hours(tmp_path: Path, target: str) -> None:
    ann, bob = make_key(), make_key()
    signers = read_signers(f"ann restore {ann[1]}\nbob restore {bob[1]}\n")
    environ, made = {"HOTEL_OPS_DIR": str(tmp_path)}, datetime(2026, 3, 1, 12, tzinfo=UTC)
    approval.approve(
        "latest", target, "", reason="x", private_key=ann[0], signers=signers, environ=environ, now=made
    )

    def asked(hours: float) -> str:
        now = made + timedelta(hours=hours)
        return approval.require(
            target, "latest", private_key=bob[0], signers=signers, environ=environ, now=now
        )[1]

    assert asked(0) == asked(3.999) == "ann"
    with pytest.raises(Refused, match="is of 2026-03-01 12:00 UTC: it counts 4 hours") as refused:
        asked(4.001)
    assert f"  hotel-booking ops backup approve latest {target} --reason 'WHY'" in refused.value.lines
    with pytest.raises(Refused, match="it counts 4 hours"):
        asked(-1)  # of a clock that is wrong
