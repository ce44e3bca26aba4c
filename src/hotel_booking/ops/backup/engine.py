"""What every engine of backups does, and what it is asked for.

A restore never touches what serves: it makes a new instance beside it, which is looked at and then switched
to by one step. An engine keeps no state but in its store and in what it manages: each call finds out anew, so
that a run that was killed is taken up by the next one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol

import msgspec

from hotel_booking.ops.refusals import WrongUse

Kind = Literal["full", "diff", "incr"]
Until = datetime | Literal["backup", "end"]
"""To which state: a moment, the backup's own, or as far as the store goes."""
Say = Callable[[str], None]
"""Tells the operator what happens now: one line."""

_FORMAT = "%Y%m%d-%H%M%S"
_ID = re.compile(r"[0-9]{8}-[0-9]{6}")


class Backup(msgspec.Struct, frozen=True):
    """A whole backup. `id` is `YYYYMMDD-HHMMSS`, UTC, when it was begun; `name` is what its engine calls it.
    `bytes` is what it takes in the store. What was committed before `consistent_at` is in it."""

    id: str
    kind: str
    name: str
    begun_at: datetime
    consistent_at: datetime
    bytes: int


class Instance(msgspec.Struct, frozen=True):
    """A server with restored data that answers at `url` and that nobody uses yet. `name` is what its engine
    calls it."""

    name: str
    url: str


class Engine(Protocol):
    """One way of keeping backups. Every method raises `Refused` with what is wrong and what to do, and has
    touched nothing then that serves."""

    name: str

    def backups(self) -> Sequence[Backup]:
        """Every whole backup in the store, newest first."""

    def backup(self, kind: Kind, say: Say) -> Backup:
        """Make one; it counts only when it is whole. An engine that knows no kinds makes a full one."""

    def verify(self, backup: Backup | None, say: Say) -> Sequence[str]:
        """Read the backup (None: the whole store) and say what is wrong with it; empty where nothing is."""

    def latest(self) -> datetime | None:
        """Up to when the store can restore: the end of the last archived WAL; None where there is none."""

    def restore(self, backup: Backup, *, until: Until, say: Say) -> Instance:
        """A new instance with that state, running and taking writes. What an earlier run left half done is
        removed or taken up; the serving instance is not touched. Refused without the space for it, and for
        a moment that the store does not reach."""

    def serving(self) -> str:
        """The URL of the database that serves (it need not answer)."""

    def check_switch(self) -> None:
        """Refused where `switch` would be, whatever was restored: asked before the long work."""

    def switch(self, instance: Instance, say: Say) -> None:
        """From now on the instance serves under the address of the one before, which is kept for `back` and
        takes no writes any more. One step: killed at any moment, one of the two serves, and it can be
        repeated."""

    def back(self, say: Say) -> str:
        """Switch to the instance that served before; its name. Refused where there is none."""

    def discard(self, instance: Instance, say: Say) -> None:
        """Remove an instance that does not serve."""


def id_of(moment: datetime) -> str:
    """The id of a backup that was begun then."""
    return moment.astimezone(UTC).strftime(_FORMAT)


def chosen(backups: Sequence[Backup], backup_id: str, of: str = "database") -> Backup:
    """The backup of this id, or `latest`, among these of a kind. Raises `WrongUse` for one that is no id, or
    that is not there."""
    listed = "  hotel-booking ops backup list" + ("" if of == "database" else f" --of {of}")
    if backup_id == "latest" and backups:
        return backups[0]
    if backup_id != "latest" and not _ID.fullmatch(backup_id):
        raise WrongUse(
            f"{backup_id} is no backup's id: they are YYYYMMDD-HHMMSS (UTC), or `latest`",
            "These are there:",
            listed,
        )
    for backup in backups:
        if backup.id == backup_id:
            return backup
    nearest = [backup.id for backup in backups if backup.id <= backup_id][:1] or [
        backup.id for backup in backups[-1:]
    ]
    raise WrongUse(
        f"there is no backup {backup_id}"
        + (f"; the nearest before it is {nearest[0]}" if nearest else "; there is none at all"),
        "These are there:",
        listed,
    )
