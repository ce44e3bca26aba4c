"""Revoking: everything at once, in every place that answers, and the rest by the reaper."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from hotel_booking.ops.access import aws
from hotel_booking.ops.access.database import Record, keeper
from hotel_booking.ops.access.granting import Places
from hotel_booking.ops.access.terms import moment
from hotel_booking.ops.refusals import Refused


class NoAccess(Refused):
    """They have no access; nothing was changed."""


class StillStands(Refused):
    """A part could not be taken back. The reaper goes on, and an alert fires until it is done."""


def revoke(person: str, places: Places, *, now: datetime) -> list[str]:
    """Take everything back, the sessions that are open too; what was taken, in words.

    Raises `NoAccess`, or `StillStands` naming what could not be taken back.
    """
    taken: list[str] = []
    failed: list[str] = []
    for take in (_bindings, _login):
        try:
            take(person, places, taken)
        except Refused as refusal:
            failed.append(refusal.detail)
    record = _record(person, places)
    if record and record.in_kubernetes and places.bindings is None:
        failed.append("Kubernetes was not asked (--without kubernetes)")
    left_to_reap = bool(failed)
    if record and record.at_aws and record.until > now:
        try:
            aws.deny(person, record.role, places.environ, now=now)
            taken.append("AWS: its sessions are denied everything")
        except aws.AwsRefused as refusal:
            failed.append(f"{refusal.detail}; the session of AWS ends at {moment(record.until)} by itself")
    if record and places.database and (left_to_reap or not failed):
        with suppress(Refused), keeper(places.database, who=places.who) as db:
            if left_to_reap:
                db.due(person, now=now)
            else:
                db.ended(person, now=now, by=places.who)
    if failed:
        raise StillStands(
            f"not everything of {person} was taken back: {'; '.join(failed)}",
            *(["This was:", *(f"  {place}" for place in taken)] if taken else []),
            "Run this again when that answers; what the list knows of, the reaper tries each minute.",
        )
    if not taken and record is None:
        raise NoAccess(
            f"{person} has no access: nothing was revoked", "Who has:", "  hotel-booking ops access list"
        )
    return taken or ["nothing stood any more; it is off the list"]


def _bindings(person: str, places: Places, taken: list[str]) -> None:
    if places.bindings is None:
        return
    for binding in places.bindings.all():
        if binding.person == person:
            places.bindings.remove(binding.name)
            taken.append(f"Kubernetes: {binding.name}")


def _login(person: str, places: Places, taken: list[str]) -> None:
    if places.database is None:
        return
    with keeper(places.database, who=places.who) as db:
        if db.shut(person):
            db.commit()
            sessions = db.end(person)
            taken.append(f"database: the login, and {sessions} open session{'s' * (sessions != 1)}")


def _record(person: str, places: Places) -> Record | None:
    if places.database is None:
        return None
    with suppress(Refused), keeper(places.database, who=places.who) as db:
        return db.standing(person)
    return None
