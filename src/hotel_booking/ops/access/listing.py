"""Who has what until when: the list beside what really stands in Kubernetes and the database."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.ops.access.bindings import Binding
from hotel_booking.ops.access.database import keeper
from hotel_booking.ops.access.granting import Places
from hotel_booking.ops.refusals import Refused


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What one person has. Of Kubernetes and the database it is what was found there, None where nobody could
    be asked."""

    person: str
    role: str
    granted_at: datetime | None
    until: datetime | None
    expired: bool
    kubernetes: bool | None
    database: bool | None
    sessions: int = 0
    aws: bool = False
    requested_by: str = ""
    approved_by: str = ""
    reason: str = ""


class AccessList(msgspec.Struct, frozen=True):
    """The lines, those that end first first, and what could not be asked."""

    lines: list[Line]
    problems: list[str]


def listed(places: Places, *, now: datetime) -> AccessList:
    """Everybody who is on the list or has something. Raises nothing of the places: it says the problems."""
    problems: list[str] = []
    bound: list[Binding] | None = None
    if places.bindings:
        try:
            bound = places.bindings.all()
        except Refused as refusal:
            problems.append(f"Kubernetes: {refusal.detail}")
    records, logins = {}, None
    if places.database:
        try:
            with keeper(places.database, who=places.who) as db:
                records = {record.person: record for record in db.all_standing()}
                logins = db.logins()
        except Refused as refusal:
            problems.append(f"database: {refusal.detail}")
    people = {*records, *(binding.person for binding in bound or ()), *(logins or ())}
    lines = []
    for person in people:
        mine = [binding for binding in bound or () if binding.person == person]
        grant = records.get(person) or next((binding.grant for binding in mine if binding.grant), None)
        until = grant.until if grant else None
        record = records.get(person)
        lines.append(
            Line(
                person=person,
                role=grant.role if grant else ", ".join(sorted({binding.role for binding in mine})) or "?",
                granted_at=grant.granted_at if grant else None,
                until=until,
                expired=until is None or until <= now,
                kubernetes=None if bound is None else bool(mine),
                database=None if logins is None else person in logins,
                sessions=(logins or {}).get(person, 0),
                aws=bool(record and record.at_aws and record.until > now),
                requested_by=grant.requested_by if grant else "",
                approved_by=grant.approved_by if grant else "",
                reason=grant.reason if grant else "",
            )
        )
    lines.sort(key=lambda line: (line.until.timestamp() if line.until else 0.0, line.person))
    return AccessList(lines, problems)
