"""The timeline's lines, and what an act must find."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.core.names import without_controls
from hotel_booking.domains.incidents.errors import IncidentMovedOn, InvalidIncident
from hotel_booking.domains.incidents.status_types import COMPONENTS
from hotel_booking.domains.incidents.types import SEVERITIES, Incident

_ON_ONE_LINE = ("title", "commander", "name", "action", "owner")


async def write(
    tx: Transaction, incident_id: int, *, kind: str, actor: str, text: str, now: datetime
) -> None:
    """Add a line."""
    await tx.execute(
        "INSERT INTO incident_entry (incident_id, at, kind, actor, text) VALUES ($1, $2, $3, $4, $5)",
        incident_id,
        now,
        kind,
        " ".join(without_controls(actor).split())[:200],
        without_controls(text)[:10_000],
    )


def require_unresolved(incident: Incident) -> None:
    """Raise `IncidentMovedOn` where it is over."""
    if incident.resolved_at is not None:
        raise IncidentMovedOn(
            f"incident {incident.id} is resolved already", fix="reopen it if it has come back"
        )


def text_of(value: str, field: str, longest: int, *, required: bool = True) -> str:
    """What somebody wrote, without the space around it and what a terminal takes for a command; titles and
    names on one line. Raises `InvalidIncident`."""
    text = without_controls(value).strip()
    if field in _ON_ONE_LINE:
        text = " ".join(text.split())
    called = "text" if field == "body" else field
    if "\x00" in value:
        raise InvalidIncident("a text contains a character that can’t be stored", field=field)
    if required and not text:
        raise InvalidIncident(f"the {called} is missing", field=field, fix="write a few words")
    if len(text) > longest:
        raise InvalidIncident(f"the {called} is longer than {longest} characters", field=field)
    return text


def check_severity(severity: str) -> None:
    """Raise `InvalidIncident` for what is no severity."""
    if severity not in SEVERITIES:
        raise InvalidIncident(
            f"{severity!r} is no severity", field="severity", fix=f"one of {', '.join(SEVERITIES)}"
        )


def check_components(components: tuple[str, ...]) -> None:
    """Raise `InvalidIncident` for what the status page has not."""
    for component in components:
        if component not in COMPONENTS:
            raise InvalidIncident(
                f"the status page has no component {component!r}",
                field="components",
                fix=f"some of {', '.join(COMPONENTS)}",
            )
