"""What comes after an incident: the post-mortem."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.incidents.pages import IncidentId
from hotel_booking.admin.incidents.showing import actor_of
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.incidents import queries, service
from hotel_booking.domains.incidents.document import document_of
from hotel_booking.domains.incidents.types import Incident
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.markdown import as_html
from hotel_booking.http.ui.render import page, see_other


@get("/incidents/{incident_id:int}/post-mortem", opt=staff(Permission.INCIDENTS_VIEW))
async def show_post_mortem(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, incident_id: IncidentId
) -> Response[str]:
    """The document as it stands, and what people add to it."""
    caller.require_permission(Permission.INCIDENTS_VIEW)
    incident = await queries.find(tx, incident_id)
    form = Form.of(
        impact=incident.impact, cause=incident.cause, lessons=incident.lessons, version=incident.version
    )
    return await _page(request, tx, incident, form)


@post("/incidents/{incident_id:int}/post-mortem", opt=staff(Permission.INCIDENTS_MANAGE))
async def write_post_mortem(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    incident_id: IncidentId,
) -> Response[Any]:
    """Keep what was written."""
    caller.require_permission(Permission.INCIDENTS_MANAGE)
    incident = await queries.find(tx, incident_id)
    form = await read(request)
    try:
        texts = {name: form.text(name, longest=10_000) for name in ("impact", "cause", "lessons")}
        version = form.whole("version", 1, LARGEST_INTEGER, required=True)
        form.check()
        async with tx.savepoint():
            await service.write_post_mortem(
                tx, incident_id=incident_id, **texts, version=version or 0, by=actor_of(caller), now=now
            )
    except DomainError as error:
        return await _page(request, tx, incident, form.failed(error), status=422)
    return see_other(request, f"/admin/incidents/{incident_id}/post-mortem", notice="Saved.")


@get("/incidents/{incident_id:int}/post-mortem/download", opt=staff(Permission.INCIDENTS_VIEW))
async def download_post_mortem(tx: Transaction, caller: Caller, incident_id: IncidentId) -> Response[str]:
    """The document as a file."""
    caller.require_permission(Permission.INCIDENTS_VIEW)
    return Response(
        await document_of(tx, incident_id),
        media_type="text/markdown",
        headers={"content-disposition": f'attachment; filename="post-mortem-{incident_id}.md"'},
    )


async def _page(
    request: Request[Any, Any, State], tx: Transaction, incident: Incident, form: Form, *, status: int = 200
) -> Response[str]:
    document = await document_of(tx, incident.id)
    return page(
        request,
        "incidents/post_mortem.html",
        status=status,
        incident=incident,
        form=form,
        # Its title stands on the page already.
        document=as_html(document.partition("\n")[2]),
    )


handlers = [show_post_mortem, write_post_mortem, download_post_mortem]
