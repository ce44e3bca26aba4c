"""The list of incidents, declaring one, and one's page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, cast

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.admin.incidents.showing import (
    COMPONENT_CHOICES,
    COMPONENT_NAMES,
    SEVERITY_CHOICES,
    actor_of,
    show_incident,
)
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.incidents import queries, service
from hotel_booking.domains.incidents.post_mortem import lasted
from hotel_booking.domains.incidents.types import PHASE_MEANS, SEVERITIES, SEVERITY_MEANS, Severity
from hotel_booking.http import pages
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, see_other

_PAGE = 50
_REPORTED = timedelta(days=90)
IncidentId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


@get("/incidents", opt=staff(Permission.INCIDENTS_VIEW))
async def list_incidents(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    which: Annotated[str, Parameter(max_length=20)] = "open",
    cursor: str | None = None,
) -> Response[str]:
    """Those that are not closed, or all; what remains to be done; how long they took."""
    caller.require_permission(Permission.INCIDENTS_VIEW)
    shown: queries.State = which if which in queries.STATES else "open"
    found = await queries.list_incidents(tx, state=shown, before=pages.decode(cursor, int), limit=_PAGE + 1)
    times = await queries.times(tx, since=now - _REPORTED, until=now + timedelta(seconds=1))
    return page(
        request,
        "incidents/list.html",
        incidents=found[:_PAGE],
        next_cursor=pages.encode(found[_PAGE - 1].id) if len(found) > _PAGE else None,
        first=cursor is None,
        which=shown,
        means=PHASE_MEANS,
        actions=await queries.open_actions(tx),
        today=now.date(),
        times=times,
        lasted=lasted,
        component_names=COMPONENT_NAMES,
    )


@get("/incidents/new", opt=staff(Permission.INCIDENTS_DECLARE))
async def new_incident(request: Request[Any, Any, State], caller: Caller) -> Response[str]:
    """The empty form, with what helps to choose the severity."""
    caller.require_permission(Permission.INCIDENTS_DECLARE)
    return _form(request, Form.of())


@post("/incidents", opt=staff(Permission.INCIDENTS_DECLARE))
async def declare_incident(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[Any]:
    """Declare it, and page whoever is on call where it is a P1 or P2."""
    caller.require_permission(Permission.INCIDENTS_DECLARE)
    form = await read(request)
    try:
        severity = form.choice("severity", SEVERITIES)
        title = form.text("title", required=True, longest=200)
        impact = form.text("impact", longest=5000)
        minutes = form.whole("minutes", 0, 60 * 24 * 7)
        components = form.choices("components", [key for key, _ in COMPONENT_CHOICES])
        form.check()
        by = actor_of(caller)
        async with tx.savepoint():
            incident = await service.declare(
                tx,
                title=title,
                severity=cast("Severity", severity),
                components=tuple(components),
                impact=impact,
                started_at=now - timedelta(minutes=minutes or 0),
                commander=by.name if form.flag("leads") else "",
                by=by,
                now=now,
            )
    except DomainError as error:
        return _form(request, form.failed(error), status=422)
    paged = " Whoever is on call is being paged." if incident.paged else ""
    return see_other(
        request, f"/admin/incidents/{incident.id}", notice=f"Declared: #{incident.channel}.{paged}"
    )


@get("/incidents/{incident_id:int}", opt=staff(Permission.INCIDENTS_VIEW))
async def show(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    settings: Settings,
    now: datetime,
    incident_id: IncidentId,
) -> Response[str]:
    """Where one is, and what to do next."""
    caller.require_permission(Permission.INCIDENTS_VIEW)
    return await show_incident(request, tx, settings, now, await queries.find(tx, incident_id))


def _form(request: Request[Any, Any, State], form: Form, *, status: int = 200) -> Response[str]:
    return page(
        request,
        "incidents/new.html",
        status=status,
        form=form,
        severities=SEVERITY_CHOICES,
        guidance=SEVERITY_MEANS,
        components=COMPONENT_CHOICES,
    )


handlers = [list_incidents, new_incident, declare_incident, show]
