"""What AWS is told of an instance that is restored: where from, to which moment, and that it is like the one
that served."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hotel_booking.ops.backup.engine import Backup, Until
from hotel_booking.ops.refusals import Refused


def check_reach(until: datetime, serving: Mapping[str, Any], *, now: datetime) -> None:
    """Refused where RDS's own archive does not reach that moment."""
    latest: datetime | None = serving.get("LatestRestorableTime")
    earliest = now - timedelta(days=int(serving.get("BackupRetentionPeriod") or 0))
    if latest is not None and until > latest:
        raise Refused(
            f"RDS can restore until {latest.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, and not until"
            f" {until.astimezone(UTC):%H:%M:%S}: nothing was touched",
            "It is up to five minutes behind: wait a little, or take an earlier moment.",
        )
    if until < earliest:
        raise Refused(
            f"RDS keeps {serving.get('BackupRetentionPeriod')} days, and {until:%Y-%m-%d} is before them:"
            " nothing was touched",
            "A snapshot of then may be there:",
            "  hotel-booking ops backup list",
        )


def request(
    name: str, backup: Backup, until: Until, serving: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The call of AWS that makes the instance `name`, and what it is given."""
    like: dict[str, Any] = {
        "DBInstanceClass": serving["DBInstanceClass"],
        "PubliclyAccessible": False,
        "MultiAZ": bool(serving.get("MultiAZ")),
        "CopyTagsToSnapshot": True,
        "DeletionProtection": False,  # until it serves: who looks at it may remove it again
    }
    if group := (serving.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"):
        like["DBSubnetGroupName"] = group
    if groups := [group["VpcSecurityGroupId"] for group in serving.get("VpcSecurityGroups", ())]:
        like["VpcSecurityGroupIds"] = groups
    if parameters := [group["DBParameterGroupName"] for group in serving.get("DBParameterGroups", ())]:
        like["DBParameterGroupName"] = parameters[0]
    if until == "backup":
        of = {"DBInstanceIdentifier": name, "DBSnapshotIdentifier": backup.name}
        return "restore_db_instance_from_db_snapshot", {**like, **of}
    when = {"RestoreTime": until} if isinstance(until, datetime) else {"UseLatestRestorableTime": True}
    of = {"TargetDBInstanceIdentifier": name, "SourceDBInstanceIdentifier": serving["DBInstanceIdentifier"]}
    return "restore_db_instance_to_point_in_time", {**like, **of, **when}
