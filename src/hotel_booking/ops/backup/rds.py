"""Backups that AWS keeps of a database on RDS: snapshots, copied into another region, and every moment of the
retention time by its automated backups.

A restore makes another instance, `NAME-restore-…`. To switch is two renames, since on RDS the name is the
address: `NAME` becomes `NAME-before`, then the new one `NAME`. Killed between the two nobody serves under the
address; running it again does what is left, and `back` undoes it. Terraform knows instances by an id of
AWS's, so it has to be told which one is meant now (docs/DISASTER_RECOVERY.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from hotel_booking.core.environment import read_settings
from hotel_booking.core.setting_files import names_database
from hotel_booking.ops.aws import Aws, NotThere, wait_for
from hotel_booking.ops.backup.engine import Backup, Instance, Kind, Say, Until, id_of
from hotel_booking.ops.backup.rds_restoring import check_reach, request
from hotel_booking.ops.backup.writes import take_writes
from hotel_booking.ops.refusals import Refused

_KEPT = timedelta(days=30)
_HOST = re.compile(r"^([a-z0-9-]+)\.[a-z0-9]+\.([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?$")
_NAMED = re.compile(r"-(\d{8}-\d{6})$")
_OURS = {"Key": "ManagedBy", "Value": "hotel-booking ops backup"}
_BEFORE, _AFTER = "-before", "-after"
_SNAPSHOT_SECONDS = 60 * 60.0
_INSTANCE_SECONDS = 90 * 60.0
_RENAME_SECONDS = 15 * 60.0


class Rds:
    """The engine on the instance `name`. Copies go to `copies_region`, encrypted by `copies_key` there, where
    one is named. `every`: seconds between two looks at what AWS is doing."""

    name = "rds"

    def __init__(
        self,
        instance: str,
        *,
        aws: Aws,
        url: str,
        clock: Callable[[], datetime],
        copies: Aws | None = None,
        copies_key: str = "",
        every: float = 15.0,
    ) -> None:
        self._instance, self._aws, self._url, self._clock = instance, aws, url, clock
        self._copies, self._copies_key, self._every = copies, copies_key, every

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str], ask: Callable[[str, str, str], str], clock: Callable[[], datetime]
    ) -> Self:
        """As the environment says: DB_HOST is RDS's own name, which says instance and region;
        HOTEL_RDS_COPIES is the region that snapshots are copied to, HOTEL_RDS_COPIES_KEY the KMS key there.
        `ask(variable, what, example)` is called for what must be there."""
        if not names_database(environ):
            ask(
                "DB_HOST",
                "the database's host",
                "hotel-booking-production.abc.eu-central-1.rds.amazonaws.com",
            )
        url = read_settings({"HOTEL_ENVIRONMENT": "demo", **environ}).database_url
        host = _HOST.match(urlsplit(url).hostname or "")
        instance = environ.get("HOTEL_RDS_INSTANCE") or (host.group(1) if host else "")
        region = environ.get("HOTEL_RDS_REGION") or (host.group(2) if host else "")
        if not instance:
            instance = ask("HOTEL_RDS_INSTANCE", "the RDS instance's name", "hotel-booking-production")
        if not region:
            region = ask("HOTEL_RDS_REGION", "the RDS instance's region", "eu-central-1")
        copies = environ.get("HOTEL_RDS_COPIES", "")
        return cls(
            instance,
            aws=Aws(region, environ=environ),
            url=url,
            clock=clock,
            copies=Aws(copies, environ=environ) if copies else None,
            copies_key=environ.get("HOTEL_RDS_COPIES_KEY", ""),
        )

    def backups(self) -> Sequence[Backup]:
        """Every snapshot of the instance that is whole, newest first: ours, and those that RDS makes."""
        whole = [snapshot for snapshot in self._snapshots() if snapshot.get("Status") == "available"]
        whole.sort(key=lambda one: _NAMED.search(one["DBSnapshotIdentifier"]) is None)  # of one id, ours
        backups: dict[str, Backup] = {}
        for snapshot in whole:
            made: datetime = snapshot["SnapshotCreateTime"]
            named = _NAMED.search(snapshot["DBSnapshotIdentifier"])
            backup = Backup(
                named.group(1) if named else id_of(made),
                "full",
                snapshot["DBSnapshotIdentifier"],
                made,
                made,
                int(snapshot.get("AllocatedStorage") or 0) * 1024**3,
            )
            backups.setdefault(backup.id, backup)
        return sorted(backups.values(), key=lambda backup: backup.id, reverse=True)

    def backup(self, kind: Kind, say: Say) -> Backup:
        """Make a snapshot and copy it into the other region; return when both are whole. AWS keeps what did
        not change only once, so every kind is a full one. Ours that are older than 30 days are removed, never
        the last."""
        del kind
        self._found(self._instance)
        name = f"{self._instance}-{id_of(self._clock())}"
        self._aws.call(
            "rds",
            "create_db_snapshot",
            DBInstanceIdentifier=self._instance,
            DBSnapshotIdentifier=name,
            Tags=[_OURS],
        )
        say(f"snapshot {name} is being made")
        self._await_snapshot(self._aws, name)
        if self._copies is not None:
            self._copy(name, say)
        for old in self._outdated(name):
            say(f"removing {old}: older than {_KEPT.days} days")
            self._aws.call("rds", "delete_db_snapshot", DBSnapshotIdentifier=old)
        return next(backup for backup in self.backups() if backup.name == name)

    def verify(self, backup: Backup | None, say: Say) -> Sequence[str]:
        """What AWS says of the snapshot (None: of all): whole, encrypted, copied. Nobody can read a snapshot
        but by restoring it: the drill does."""
        wrong: list[str] = []
        copied, seen = self._copied_names(), set[str]()
        for snapshot in self._snapshots():
            name, status = snapshot["DBSnapshotIdentifier"], snapshot.get("Status")
            seen.add(name)
            if backup is not None and name != backup.name:
                continue
            if status not in ("available", "creating"):
                wrong.append(f"{name} is {status}: it cannot be restored")
            elif not snapshot.get("Encrypted"):
                wrong.append(f"{name} is not encrypted")
            elif copied is not None and _NAMED.search(name) and name not in copied:
                wrong.append(f"{name} was not copied to {self._copies.region if self._copies else ''}")
        if backup is not None and backup.name not in seen:
            wrong.append(f"{backup.name} is gone")
        say("AWS lets nobody read a snapshot: only a restore proves it (hotel-booking ops backup drill)")
        return wrong

    def latest(self) -> datetime | None:
        """Up to when RDS can restore: within five minutes of now, while it is well."""
        found = self._found(self._instance).get("LatestRestorableTime")
        return found if isinstance(found, datetime) else None

    def restore(self, backup: Backup, *, until: Until, say: Say) -> Instance:
        """Another instance like this one: from the snapshot, or to a moment by RDS's own archive. Of a switch
        that stopped between its renames, the instance that it was about."""
        before = self._look(f"{self._instance}{_BEFORE}")
        serving = self._look(self._instance) or before or self._found(self._instance)
        halfway = serving is before
        stamp = backup.id if until == "backup" else id_of(until) if isinstance(until, datetime) else "end"
        name = f"{self._instance}-restore-{stamp}"[:63]
        if isinstance(until, datetime):
            check_reach(until, serving, now=self._clock())
        there = self._look(name)
        if there is not None and (
            (until == "end" and not halfway)
            or there.get("DBInstanceStatus") not in ("available", "creating", "backing-up", "modifying")
        ):
            say(f"{name} is of an earlier run: removed")
            self.discard(Instance(name, ""), say)
            there = None
        if there is None:
            verb, told = request(name, backup, until, serving)
            self._aws.call("rds", verb, **told)
            say(f"{name} is being made")
        else:
            say(f"{name} was begun by an earlier run, and is waited for")
        self._await_instance(name)
        return Instance(name, self._url_of(name))

    def serving(self) -> str:
        """The URL that the environment names: the address is the name, whichever instance has it."""
        return self._url

    def check_switch(self) -> None:
        """Refused while the one before an earlier switch has the name that this one would get."""
        before = f"{self._instance}{_BEFORE}"
        if self._look(self._instance) is not None and self._look(before) is not None:
            raise Refused(
                f"{before} is still there, of an earlier switch: nothing was changed",
                "Look whether it is needed, and remove it:",
                f"  aws rds delete-db-instance --region {self._aws.region}"
                f" --db-instance-identifier {before} --final-db-snapshot-identifier {before}-last",
            )

    def switch(self, instance: Instance, say: Say) -> None:
        """Two renames; see above. The one before takes no writes any more, whoever is connected to it."""
        if self._look(instance.name) is None and self._look(self._instance) is not None:
            say(f"{instance.name} serves already")
            return
        if self._look(self._instance) is not None:
            self.check_switch()
            take_writes(self._url, taken=False, say=say)
            try:
                self._rename(self._instance, f"{self._instance}{_BEFORE}", say)
            except BaseException:
                if self._stays():
                    take_writes(self._url, taken=True, say=say)
                raise
        try:
            self._rename(instance.name, self._instance, say)
        except Refused as refusal:
            raise Refused(
                f"{refusal.detail}; until it is, nobody serves as {self._instance}",
                *refusal.lines,
                "Or have the one before serve again:",
                "  hotel-booking ops backup back",
            ) from None
        # Retention and protection, which a restored instance does not have from the one before.
        keep = {"BackupRetentionPeriod": _KEPT.days, "DeletionProtection": True, "ApplyImmediately": True}
        self._aws.call("rds", "modify_db_instance", DBInstanceIdentifier=self._instance, **keep)

    def back(self, say: Say) -> str:
        """Give the instance that served before its name again."""
        before, after = f"{self._instance}{_BEFORE}", f"{self._instance}{_AFTER}"
        if self._look(before) is None:
            raise Refused(f"there is no {before} in {self._aws.region}: nothing was switched")
        if self._look(self._instance) is not None:
            self._rename(self._instance, after, say)
        self._rename(before, self._instance, say)
        take_writes(self._url, taken=True, say=say)
        return before

    def discard(self, instance: Instance, say: Say) -> None:
        """Remove an instance, never the one that serves, or is about to. Its data is in what it was restored
        from."""
        if instance.name == self._instance:
            raise Refused(f"{instance.name} serves: it is not removed")
        if not self._stays():
            raise Refused(f"nobody else serves as {self._instance}: {instance.name} is not removed")
        described = self._look(instance.name)
        if described is None:
            return
        if described.get("DeletionProtection"):
            self._aws.call(
                "rds",
                "modify_db_instance",
                DBInstanceIdentifier=instance.name,
                DeletionProtection=False,
                ApplyImmediately=True,
            )
        self._aws.call(
            "rds",
            "delete_db_instance",
            DBInstanceIdentifier=instance.name,
            SkipFinalSnapshot=True,
            DeleteAutomatedBackups=True,
        )
        say(f"{instance.name} is being removed")
        wait_for(
            lambda: self._look(instance.name) is None,
            what=f"the removal of {instance.name}",
            seconds=_INSTANCE_SECONDS,
            every=self._every,
        )

    # How it gets there -----------------------------------------------------------------------------

    def _look(self, name: str) -> dict[str, Any] | None:
        try:
            found = self._aws.call("rds", "describe_db_instances", DBInstanceIdentifier=name)["DBInstances"]
        except NotThere:
            return None
        return dict(found[0]) if found else None

    def _stays(self) -> bool:
        """Whether an instance serves under the name, and goes on to."""
        found = self._look(self._instance)
        return found is not None and found.get("DBInstanceStatus") != "renaming"

    def _found(self, name: str) -> dict[str, Any]:
        found = self._look(name)
        if found is None:
            raise NotThere(
                f"there is no RDS instance {name} in {self._aws.region}: nothing was touched",
                "Is it the right region and account?",
                f"  aws rds describe-db-instances --region {self._aws.region}",
            )
        return found

    def _snapshots(self) -> list[dict[str, Any]]:
        return self._aws.all_of(
            "rds", "describe_db_snapshots", "DBSnapshots", DBInstanceIdentifier=self._instance
        )

    def _copied_names(self) -> set[str] | None:
        if self._copies is None:
            return None
        snapshots = self._copies.all_of("rds", "describe_db_snapshots", "DBSnapshots")
        return {
            snapshot["DBSnapshotIdentifier"]
            for snapshot in snapshots
            if snapshot.get("Status") == "available"
        }

    def _copy(self, name: str, say: Say) -> None:
        assert self._copies is not None  # noqa: S101  # the caller looked
        (source,) = [snapshot for snapshot in self._snapshots() if snapshot["DBSnapshotIdentifier"] == name]
        key = {"KmsKeyId": self._copies_key} if self._copies_key else {}
        self._copies.call(
            "rds",
            "copy_db_snapshot",
            SourceDBSnapshotIdentifier=source["DBSnapshotArn"],
            TargetDBSnapshotIdentifier=name,
            SourceRegion=self._aws.region,
            CopyTags=True,
            **key,
        )
        say(f"{name} is being copied to {self._copies.region}")
        self._await_snapshot(self._copies, name)

    def _await_snapshot(self, aws: Aws, name: str) -> None:
        def whole() -> bool:
            found = aws.call("rds", "describe_db_snapshots", DBSnapshotIdentifier=name)["DBSnapshots"]
            status = found[0].get("Status") if found else "gone"
            if status in ("failed", "gone"):
                raise Refused(f"snapshot {name} in {aws.region} is {status}", "Make another one.")
            return bool(status == "available")

        wait_for(whole, what=f"snapshot {name}", seconds=_SNAPSHOT_SECONDS, every=self._every)

    def _outdated(self, newest: str) -> list[str]:
        until = self._clock() - _KEPT
        return [
            snapshot["DBSnapshotIdentifier"]
            for snapshot in self._snapshots()
            if snapshot["DBSnapshotIdentifier"] != newest
            and _NAMED.search(snapshot["DBSnapshotIdentifier"])
            and _OURS in snapshot.get("TagList", ())
            and snapshot["SnapshotCreateTime"] < until
        ]

    def _await_instance(self, name: str) -> None:
        def ready() -> bool:
            status = self._found(name).get("DBInstanceStatus")
            if status in ("failed", "incompatible-restore", "incompatible-parameters", "storage-full"):
                raise Refused(
                    f"{name} is {status}, and what serves is untouched",
                    f"  aws rds describe-events --region {self._aws.region} --source-type db-instance"
                    f" --source-identifier {name}",
                )
            return bool(status == "available")

        wait_for(ready, what=name, seconds=_INSTANCE_SECONDS, every=self._every)

    def _rename(self, name: str, to: str, say: Say) -> None:
        self._found(name)
        self._aws.call(
            "rds",
            "modify_db_instance",
            DBInstanceIdentifier=name,
            NewDBInstanceIdentifier=to,
            ApplyImmediately=True,
        )
        say(f"{name} becomes {to}")
        wait_for(
            lambda: (self._look(to) or {}).get("DBInstanceStatus") == "available",
            what=f"the new name of {name}",
            seconds=_RENAME_SECONDS,
            every=self._every,
        )

    def _url_of(self, name: str) -> str:
        parts = urlsplit(self._url)
        login, at, host = parts.netloc.rpartition("@")
        address = self._found(name)["Endpoint"]["Address"]
        port = host.rpartition(":")[2] if ":" in host else "5432"
        return urlunsplit(parts._replace(netloc=f"{login}{at}{address}:{port}"))
