"""The standby's database on RDS: its replica promoted, else restored from what was copied into its region.

Nothing is kept between runs but what AWS knows: each step looks first, so that a run that was killed half-way
is taken up by the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hotel_booking.ops.aws import Aws, NotThere, wait_for
from hotel_booking.ops.environments import Place
from hotel_booking.ops.refusals import Refused

RPO = timedelta(minutes=5)  # the runbook's
_READY_SECONDS = 45 * 60.0  # a restore of a large database takes its time
_RETENTION_DAYS = 30
_LAG_KNOWN_FOR = timedelta(hours=3)
_ID = "%Y%m%d-%H%M%S"


class Way(NamedTuple):
    """How the database gets there: `none` (it takes writes already), `replica`, `backups` or `snapshot`; and
    how far behind the primary it is, where that is known, as of when."""

    how: str
    behind: timedelta | None = None
    as_of: datetime | None = None
    source: str = ""


class Database:
    """The RDS instance of a standby. `every`: seconds between two looks at what AWS is doing."""

    def __init__(
        self, place: Place, aws: Aws, *, now: Callable[[], datetime], say: Callable[[str], None], every: float
    ) -> None:
        self._place, self._aws, self._now, self._say, self._every = place, aws, now, say, every

    def found(self) -> dict[str, Any] | None:
        """The instance as AWS describes it; None where there is none in the standby's region."""
        try:
            found = self._aws.call("rds", "describe_db_instances", DBInstanceIdentifier=self._place.name)[
                "DBInstances"
            ]
        except NotThere:
            return None
        return dict(found[0]) if found else None

    def way(self, source: str, wanted: str = "") -> Way:
        """How it can be had: by the replica, else by the automated backups of `source` (the primary's name)
        that were copied here, else by its newest snapshot here; `wanted` leaves out what stands before it.
        Raises `Refused` where there is nothing."""
        instance = self.found()
        if instance is not None and not instance.get("ReadReplicaSourceDBInstanceIdentifier"):
            return Way("none")
        if instance is not None and wanted in ("", "replica"):
            behind, as_of = self._lag()
            return Way("replica", behind, as_of)
        if instance is not None:
            raise Refused(
                f"{self._place.name} is a replica, and would have to go before a restore takes its name",
                "Rename it, which loses nothing, and run this again:",
                f"  aws rds modify-db-instance --region {self._place.region} --apply-immediately"
                f" --db-instance-identifier {self._place.name}"
                f" --new-db-instance-identifier {self._place.name}-replica",
            )
        if wanted in ("", "backups") and (copied := self._copied_backups(source)):
            reaches = self.backups_reach(source)
            behind = self._now() - reaches if reaches else None
            return Way("backups", behind, reaches, copied["DBInstanceAutomatedBackupsArn"])
        if snapshot := self._newest_snapshot(source):
            made: datetime = snapshot["SnapshotCreateTime"]
            return Way("snapshot", self._now() - made, made, snapshot["DBSnapshotIdentifier"])
        raise Refused(
            f"in {self._place.region} there is no {self._place.name}, and neither backups nor snapshots of"
            f" {source} were copied there",
            "Is it the right region and account? Look for what there is:",
            f"  aws rds describe-db-instances --region {self._place.region}",
            f"  aws rds describe-db-snapshots --region {self._place.region}",
            'Only the copies in S3 are left then: docs/DISASTER_RECOVERY.md, "From the backups alone".',
        )

    def take_over(self, way: Way) -> bool:
        """Have it take writes; whether it did not before. Returns when it is available."""
        changed = way.how != "none"
        if way.how == "replica":
            # It may be changing just now: Terraform gives it its size, or an earlier run promoted it.
            wait_for(
                self._is_available,
                what=self._place.name,
                seconds=_READY_SECONDS,
                every=self._every,
            )
            if not self._takes_writes():
                self._aws.call(
                    "rds",
                    "promote_read_replica",
                    DBInstanceIdentifier=self._place.name,
                    BackupRetentionPeriod=_RETENTION_DAYS,
                )
                self._say(f"   {self._place.name} is being promoted")
        elif way.how == "backups":
            self._aws.call(
                "rds",
                "restore_db_instance_to_point_in_time",
                SourceDBInstanceAutomatedBackupsArn=way.source,
                TargetDBInstanceIdentifier=self._place.name,
                UseLatestRestorableTime=True,
                **self._own(),
            )
            self._say(f"{self._place.name} is being restored, as far as the copied backups go")
        elif way.how == "snapshot":
            self._aws.call(
                "rds",
                "restore_db_instance_from_db_snapshot",
                DBSnapshotIdentifier=way.source,
                DBInstanceIdentifier=self._place.name,
                **self._own(),
            )
            self._say(f"{self._place.name} is being restored from {way.source}")
        wait_for(self._takes_writes, what=f"{self._place.name}", seconds=_READY_SECONDS, every=self._every)
        return changed

    def own_its_password(self) -> str:
        """Have RDS keep the password of `hotel_operator` in this region: a replica's is the primary's, in the
        region that may be gone. The secret's name."""
        instance = self._instance()
        if not instance.get("MasterUserSecret"):
            self._aws.call(
                "rds",
                "modify_db_instance",
                DBInstanceIdentifier=self._place.name,
                ManageMasterUserPassword=True,
                MasterUserSecretKmsKeyId=f"alias/{self._place.name}",
                ApplyImmediately=True,
            )
            wait_for(
                lambda: bool(self._instance().get("MasterUserSecret")) and self._takes_writes(),
                what="the new password of hotel_operator",
                seconds=10 * 60,
                every=self._every,
            )
            instance = self._instance()
        return str(instance["MasterUserSecret"]["SecretArn"])

    def snapshot(self) -> str:
        """Begin a snapshot at once: what was booked since the takeover stands in no backup yet. Its name; it
        is not waited for."""
        began = self._now()
        recent = [
            found
            for found in self._aws.all_of(
                "rds", "describe_db_snapshots", "DBSnapshots", DBInstanceIdentifier=self._place.name
            )
            if (made := found.get("SnapshotCreateTime")) and began - made < timedelta(hours=1)
        ]
        if recent:
            return str(recent[-1]["DBSnapshotIdentifier"])
        name = f"{self._place.name}-{began.astimezone(UTC).strftime(_ID)}"
        self._aws.call(
            "rds", "create_db_snapshot", DBInstanceIdentifier=self._place.name, DBSnapshotIdentifier=name
        )
        return name

    def host(self) -> str:
        """DB_HOST."""
        return str(self._instance()["Endpoint"]["Address"])

    def _instance(self) -> dict[str, Any]:
        found = self.found()
        if found is None:
            raise NotThere(f"{self._place.name} is gone from {self._place.region}")
        return found

    def _is_available(self) -> bool:
        return self._settled().get("DBInstanceStatus") == "available"

    def _takes_writes(self) -> bool:
        return self._is_available() and not self._instance().get("ReadReplicaSourceDBInstanceIdentifier")

    def _settled(self) -> dict[str, Any]:
        """The instance; raises `Refused` where AWS will not bring it any further."""
        found = self._instance()
        status = found.get("DBInstanceStatus")
        if status in ("failed", "incompatible-restore", "incompatible-parameters", "storage-full"):
            raise Refused(
                f"{self._place.name} is {status}: AWS will not mend that by itself",
                f"  aws rds describe-events --region {self._place.region} --source-type db-instance"
                f" --source-identifier {self._place.name}",
            )
        return found

    def _lag(self) -> tuple[timedelta | None, datetime | None]:
        """How far behind the replica was when it was last known; RDS says -1 of one that follows nobody."""
        now = self._now()
        points = self._aws.call(
            "cloudwatch",
            "get_metric_statistics",
            Namespace="AWS/RDS",
            MetricName="ReplicaLag",
            Dimensions=[{"Name": "DBInstanceIdentifier", "Value": self._place.name}],
            StartTime=now - _LAG_KNOWN_FOR,
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        known = sorted((point["Timestamp"], point["Maximum"]) for point in points if point["Maximum"] >= 0)
        return (timedelta(seconds=known[-1][1]), known[-1][0]) if known else (None, None)

    def _copied_backups(self, source: str) -> dict[str, Any] | None:
        backups = self._aws.all_of(
            "rds",
            "describe_db_instance_automated_backups",
            "DBInstanceAutomatedBackups",
            DBInstanceIdentifier=source,
        )
        usable = [backup for backup in backups if backup.get("DBInstanceAutomatedBackupsArn")]
        return dict(usable[0]) if usable else None

    def backups_reach(self, source: str) -> datetime | None:
        """Up to when the automated backups of `source` that were copied here can restore."""
        copied = self._copied_backups(source)
        reaches = ((copied or {}).get("RestoreWindow") or {}).get("LatestTime")
        return reaches if isinstance(reaches, datetime) else None

    def _newest_snapshot(self, source: str) -> dict[str, Any] | None:
        snapshots = [
            snapshot
            for snapshot in self._aws.all_of("rds", "describe_db_snapshots", "DBSnapshots")
            if snapshot.get("DBInstanceIdentifier") == source and snapshot.get("Status") == "available"
        ]
        return max(snapshots, key=lambda one: one["SnapshotCreateTime"]) if snapshots else None

    def _own(self) -> dict[str, Any]:
        """Where Terraform would have put it: the subnets, the firewall and the parameters of this name."""
        return {
            "DBSubnetGroupName": self._place.name,
            "DBParameterGroupName": self._place.name,
            "PubliclyAccessible": False,
            "CopyTagsToSnapshot": True,
            "DeletionProtection": True,
        }
