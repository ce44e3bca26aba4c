"""One incident's page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.incidents import checklists, clocks, queries
from hotel_booking.domains.incidents.post_mortem import lasted
from hotel_booking.domains.incidents.status_types import COMPONENTS
from hotel_booking.domains.incidents.templates import TEMPLATES
from hotel_booking.domains.incidents.types import (
    PHASE_MEANS,
    PHASES,
    ROLES,
    SEVERITIES,
    SEVERITY_MEANS,
    UPDATE_STATUSES,
    Actor,
    Incident,
)
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import page

SEVERITY_CHOICES = tuple(
    (severity, f"{severity} {SEVERITY_MEANS[severity][0]}: {SEVERITY_MEANS[severity][1]}")
    for severity in SEVERITIES
)
COMPONENT_NAMES = {
    "site": "Site",
    "api": "API",
    "admin": "Admin panel",
    "payments": "Payments",
    "notifications": "Notifications",
    "search": "Search",
}
COMPONENT_CHOICES = tuple((component, COMPONENT_NAMES[component]) for component in COMPONENTS)
_STATUS_CHOICES = tuple((status, status.capitalize()) for status in UPDATE_STATUSES)
_ROLE_CHOICES = tuple((role, role.capitalize()) for role in ROLES)


class Forms(msgspec.Struct, kw_only=True):
    """The page's forms, by their act; `act` says what is wrong with none of them, but with the incident."""

    assess: Form
    role: Form
    update: Form
    note: Form = msgspec.field(default_factory=lambda: Form.of())
    resolve: Form = msgspec.field(default_factory=lambda: Form.of())
    reopen: Form = msgspec.field(default_factory=lambda: Form.of())
    action: Form = msgspec.field(default_factory=lambda: Form.of())
    act: Form = msgspec.field(default_factory=lambda: Form.of())


def actor_of(caller: Caller) -> Actor:
    """Who acts, as the timeline names them."""
    return Actor(caller.name or "staff", caller.staff_id)


async def show_incident(
    request: Request[Any, Any, State],
    tx: Transaction,
    settings: Settings,
    now: datetime,
    incident: Incident,
    *,
    forms: Mapping[str, Form] | None = None,
    status: int = 200,
) -> Response[str]:
    """The page. `forms` are those that were refused, by their act; the others are as they begin."""
    alerts = await queries.alerts(tx, incident.id)
    updates = await queries.updates(tx, incident.id)
    values = checklists.values_of(settings, incident)
    shown = Forms(
        assess=Form.of(
            severity=incident.severity, components=list(incident.components), impact=incident.impact
        ),
        role=Form.of(role="commander"),
        update=_next_update(request, incident, first=not updates),
    )
    for act, form in (forms or {}).items():
        if act in Forms.__struct_fields__:
            setattr(shown, act, form)
    return page(
        request,
        "incidents/incident.html",
        status=status,
        incident=incident,
        forms=shown,
        phases=PHASES,
        means=PHASE_MEANS,
        severity_means=SEVERITY_MEANS,
        clocks=[
            (clock, clock.overdue(now), lasted(abs((clock.due_at - now).total_seconds())))
            for clock in clocks.running(incident)
        ],
        timeline=list(reversed(await queries.timeline(tx, incident.id))),
        roles=await queries.roles(tx, incident.id),
        alerts=alerts,
        updates=updates,
        actions=await queries.actions(tx, incident.id),
        untold=[
            one
            for one in await queries.deliveries(tx, incident.id)
            if one.status == "failed" or (one.status == "waiting" and one.last_error)
        ],
        checklists=[
            (one, [(step, checklists.command_of(step, settings, values)) for step in one.steps])
            for one in checklists.for_incident(incident, alerts)
        ],
        texts=[one for one in TEMPLATES if (one.status == "resolved") == (incident.resolved_at is not None)],
        severities=SEVERITY_CHOICES,
        components=COMPONENT_CHOICES,
        component_names=COMPONENT_NAMES,
        statuses=[
            one for one in _STATUS_CHOICES if (one[0] == "resolved") == (incident.resolved_at is not None)
        ],
        role_choices=_ROLE_CHOICES,
    )


def _next_update(request: Request[Any, Any, State], incident: Incident, *, first: bool) -> Form:
    """The form for customers, with the text that was chosen or the first that fits."""
    fits = [one for one in TEMPLATES if (one.status == "resolved") == (incident.resolved_at is not None)]
    asked = request.query_params.get("template", "")
    chosen = next((one for one in fits if one.key == asked), fits[0])
    return Form.of(
        template=chosen.key,
        status=chosen.status,
        body=chosen.body,
        title=(incident.public_title or "") if not first else "",
    )
