"""What `hotel-booking ops access` prints."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any


def tell(grant: Any, given: Any, file: Path | None, namespace: str) -> None:
    """What was given, what was not, and what comes next."""
    from hotel_booking.ops.access.bindings import USER
    from hotel_booking.ops.access.terms import moment, told

    length = told(grant.until - grant.granted_at)
    before = f" (until now: {moment(given.extended)})" if given.extended else ""
    print(f"{grant.person} has {grant.role} until {moment(grant.until)}, in {length}{before}.")
    if grant.approved_by:
        print(f"  approved by {grant.approved_by}")
    if given.kubernetes:
        print(f"  Kubernetes: as the user {USER}{grant.person}, in {namespace}")
    if given.login:
        print(f"  database: as the role {given.login.user}; the password is in the file")
    if given.session:
        print(f"  AWS: a session until {moment(given.session.until)}; its keys are in the file")
    if file:
        print(f"\nGive them this file in a way that only they read, then remove it:\n  {file}")
    for remark in given.remarks:
        print(f"hotel-booking: {remark}", file=sys.stderr)
    print(f"\nBefore its end: hotel-booking ops access revoke --user {grant.person}")


def as_json(found: Any) -> None:
    """The lines, whole."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(found)).decode())


def as_table(found: Any, now: datetime) -> None:
    """A line for each person, what has ended and still stands in red."""
    from rich.markup import escape

    from hotel_booking.cli.screen import listing, screen
    from hotel_booking.ops.access.terms import moment, told

    console = screen()
    if not found.lines:
        console.print("Nobody has access." if not found.problems else "Nobody was seen to have access.")
        return
    table = listing("who", "role", "until", "left", "where", "approved by", "why")
    for line in found.lines:
        left = "[red]ended, still stands[/]" if line.expired else told(line.until - now) if line.until else ""
        table.add_row(
            escape(line.person),
            line.role,
            moment(line.until) if line.until else "?",
            left,
            _where(line),
            escape(line.approved_by),
            escape(line.reason),
        )
    console.print(table)


def _where(line: Any) -> str:
    places = {"Kubernetes": line.kubernetes, "database": line.database, "AWS": line.aws}
    found = []
    for name, there in places.items():
        if there is None:
            found.append(f"{name}?")
        elif there:
            sessions = f" ({line.sessions} open)" if name == "database" and line.sessions else ""
            found.append(name + sessions)
    return ", ".join(found) or "nowhere any more"
