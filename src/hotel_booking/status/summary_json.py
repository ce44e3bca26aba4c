"""The summary for programs, in the shape of Statuspage's `/api/v2/summary.json`, so that clients made for
that read it.

What it has no word for: a component that nobody has looked at lately is `degraded_performance` there, with
the reason as its description, because a client must not show it as working.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from hotel_booking.core.languages import DEFAULT
from hotel_booking.domains.incidents.maintenance import Window
from hotel_booking.domains.incidents.status_summary import ComponentStatus, Overall
from hotel_booking.domains.incidents.status_types import COMPONENTS, Shown
from hotel_booking.domains.incidents.types import PublicIncident, PublicUpdate
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.status import words
from hotel_booking.status.snapshot import Snapshot

PAGE_ID = "hotel-booking"
_STATES: dict[Shown, str] = {
    "operational": "operational",
    "degraded": "degraded_performance",
    "partial_outage": "partial_outage",
    "major_outage": "major_outage",
    "maintenance": "under_maintenance",
    "unknown": "degraded_performance",
}
# Statuspage's own words, which clients compare with.
_OVERALL: dict[Overall, tuple[str, str]] = {
    "operational": ("none", "All Systems Operational"),
    "minor": ("minor", "Partially Degraded Service"),
    "major": ("major", "Partial System Outage"),
    "critical": ("critical", "Major Service Outage"),
    "maintenance": ("maintenance", "Service Under Maintenance"),
    "unknown": ("minor", "Not All Systems Are Being Measured"),
}
_NOT_LOOKED_AT = "Nobody has looked at this part in the last minutes."


def summary(shown: Snapshot, *, address: str) -> bytes:
    """The document; `address` is the page's own."""
    indicator, description = _OVERALL[shown.overall]
    parts = {one.key: _component(one, place) for place, one in enumerate(shown.components, start=1)}
    return msgspec.json.encode(
        {
            "page": {
                "id": PAGE_ID,
                "name": "Hotel Booking",
                "url": address,
                "time_zone": "Etc/UTC",
                "updated_at": _at(_updated(shown)),
            },
            "components": list(parts.values()),
            "incidents": [_incident(one, parts, address) for one in shown.lasting],
            "scheduled_maintenances": [
                _maintenance(one, parts, shown.at, address) for one in shown.ahead if one.cancelled_at is None
            ],
            "status": {"indicator": indicator, "description": description},
        }
    )


def _updated(shown: Snapshot) -> datetime:
    times = [one.checked_at for one in shown.components if one.checked_at is not None]
    times += [one.updates[0].at for one in shown.incidents]
    times += [one.updated_at for one in shown.windows]
    return max(times, default=shown.read_at)


def _component(one: ComponentStatus, place: int) -> dict[str, Any]:
    return {
        "id": one.key,
        "name": words.component(one.key, translations(DEFAULT)),
        "status": _STATES[one.state],
        "created_at": None,
        "updated_at": _at(one.since),
        "position": place,
        "description": _NOT_LOOKED_AT if one.state == "unknown" else None,
        "showcase": True,
        "start_date": None,
        "group_id": None,
        "page_id": PAGE_ID,
        "group": False,
        "only_show_if_degraded": False,
    }


def _incident(one: PublicIncident, parts: dict[Any, Any], address: str) -> dict[str, Any]:
    own = f"incident-{one.id}"
    return {
        "id": own,
        "name": one.title,
        "status": one.status,
        "created_at": _at(one.started_at),
        "updated_at": _at(one.updates[0].at),
        "monitoring_at": next(
            (_at(update.at) for update in one.updates if update.status == "monitoring"), None
        ),
        "resolved_at": _at(one.resolved_at),
        "impact": one.impact,
        "shortlink": f"{address}#{own}",
        "started_at": _at(one.started_at),
        "page_id": PAGE_ID,
        "incident_updates": [_update(update, own) for update in one.updates],
        "components": [parts[key] for key in COMPONENTS if key in one.components],
    }


def _update(one: PublicUpdate, incident: str) -> dict[str, Any]:
    return {
        "id": f"update-{one.id}",
        "status": one.status,
        "body": one.body,
        "incident_id": incident,
        "created_at": _at(one.at),
        "updated_at": _at(one.at),
        "display_at": _at(one.at),
        "affected_components": None,
    }


def _maintenance(one: Window, parts: dict[Any, Any], now: datetime, address: str) -> dict[str, Any]:
    own = f"maintenance-{one.id}"
    status = "in_progress" if one.lasts(now) else "scheduled"
    told = {
        "id": f"{own}-1",
        "status": status,
        "body": one.body,
        "incident_id": own,
        "created_at": _at(one.announced_at),
        "updated_at": _at(one.updated_at),
        "display_at": _at(one.announced_at),
        "affected_components": None,
    }
    return {
        "id": own,
        "name": one.title,
        "status": status,
        "created_at": _at(one.announced_at),
        "updated_at": _at(one.updated_at),
        "monitoring_at": None,
        "resolved_at": None,
        "impact": "maintenance",
        "shortlink": f"{address}#{own}",
        "started_at": _at(one.starts_at),
        "page_id": PAGE_ID,
        "incident_updates": [told],
        "components": [parts[key] for key in COMPONENTS if key in one.components],
        "scheduled_for": _at(one.starts_at),
        "scheduled_until": _at(one.ends_at),
    }


def _at(value: datetime | None) -> str | None:
    return (
        None
        if value is None
        else value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
