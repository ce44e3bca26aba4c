"""What is done on an incident's page: each act is a form of its own, refused beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, cast

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.admin.acts import carry_out
from hotel_booking.admin.incidents.pages import IncidentId
from hotel_booking.admin.incidents.showing import COMPONENT_CHOICES, actor_of, show_incident
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError, NotFound
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.incidents import queries, service
from hotel_booking.domains.incidents.types import (
    ROLES,
    SEVERITIES,
    UPDATE_STATUSES,
    Actor,
    Phase,
    Role,
    Severity,
    UpdateStatus,
)
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, FormProblems, read

# An act: it is given the transaction, the incident, the form, who and when, and says what is done now.
_Act = Callable[[Transaction, int, Form, Actor, datetime], Awaitable[str]]


async def _acknowledge(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    del form
    await service.acknowledge(tx, incident_id=incident_id, by=by, now=now)
    return "It is yours. Now assess it."


async def _assess(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    severity = cast("Severity", form.choice("severity", SEVERITIES))
    components = form.choices("components", [key for key, _ in COMPONENT_CHOICES])
    impact = form.text("impact", longest=5000)
    form.check()
    if (await queries.find(tx, incident_id)).kind == "finding" and form.flag("escalate"):
        await service.escalate_finding(tx, incident_id=incident_id, severity=severity, by=by, now=now)
    await service.assess(
        tx,
        incident_id=incident_id,
        severity=severity,
        components=tuple(components),
        impact=impact,
        by=by,
        now=now,
    )
    return "Assessed."


async def _move(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    phase = cast("Phase", form.text("phase", required=True, longest=20))
    form.check()
    await service.move_to(tx, incident_id=incident_id, phase=phase, by=by, now=now)
    return f"In {phase} now."


async def _role(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    role = cast("Role", form.choice("role", ROLES))
    name = form.text("name", longest=200) or by.name
    form.check()
    holder = by if name == by.name else Actor(name)
    await service.give_role(tx, incident_id=incident_id, role=role, holder=holder, by=by, now=now)
    return f"{name} is {role}."


async def _note(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    text = form.text("text", required=True, longest=5000)
    form.check()
    await service.note(tx, incident_id=incident_id, text=text, by=by, now=now)
    return "Noted."


async def _update(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    status = cast("UpdateStatus", form.choice("status", UPDATE_STATUSES))
    body = form.text("body", required=True, longest=2000)
    title = form.text("title", longest=200)
    form.check()
    await service.publish(
        tx,
        incident_id=incident_id,
        status=status,
        body=body,
        title=title,
        template=form.text("template", longest=50) or None,
        by=by,
        now=now,
    )
    return "Published on the status page."


async def _resolve(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    text = form.text("text", longest=5000)
    form.check()
    incident = await service.resolve(tx, incident_id=incident_id, text=text, by=by, now=now)
    return "Resolved. Now tell customers." if incident.updated_at is not None else "Resolved."


async def _reopen(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    text = form.text("text", longest=5000)
    form.check()
    await service.reopen(tx, incident_id=incident_id, text=text, by=by, now=now)
    return "It goes on."


async def _close(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    del form
    await service.close(tx, incident_id=incident_id, by=by, now=now)
    return "Closed."


async def _action(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    what = form.text("what", required=True, longest=500)
    owner = form.text("owner", longest=200) or by.name
    due_on = form.day("due_on")
    form.check()
    await service.add_action(
        tx, incident_id=incident_id, what=what, owner=owner, due_on=due_on, by=by, now=now
    )
    return f"{owner} does it."


async def _done(tx: Transaction, incident_id: int, form: Form, by: Actor, now: datetime) -> str:
    action_id = form.whole("action_id", 1, LARGEST_INTEGER, required=True)
    form.check()
    act = service.reopen_action if form.flag("undo") else service.finish_action
    await act(tx, incident_id=incident_id, action_id=action_id or 0, by=by, now=now)
    return "Not done after all." if form.flag("undo") else "Done."


ACTS: dict[str, _Act] = {
    "acknowledge": _acknowledge,
    "assess": _assess,
    "move": _move,
    "role": _role,
    "note": _note,
    "update": _update,
    "resolve": _resolve,
    "reopen": _reopen,
    "close": _close,
    "action": _action,
    "done": _done,
}


@post("/incidents/{incident_id:int}/{act:str}", opt=staff(Permission.INCIDENTS_MANAGE))
async def work(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    settings: Settings,
    now: datetime,
    incident_id: IncidentId,
    act: Annotated[str, Parameter(max_length=20)],
) -> Response[Any]:
    """Do one of `ACTS`; what is refused is shown on the page, beside its form."""
    caller.require_permission(Permission.INCIDENTS_MANAGE)
    chosen = ACTS.get(act)
    if chosen is None:
        raise NotFound("there is nothing at this address")
    incident = await queries.find(tx, incident_id)
    form = await read(request)

    async def carried() -> str:
        return await chosen(tx, incident_id, form, actor_of(caller), now)

    async def refused(error: DomainError) -> Response[str]:
        # What is wrong with a field stands beside it; what the incident's state forbids, at the top.
        typed = isinstance(error, FormProblems)
        forms = {act: form.failed(error) if typed else form}
        if not typed:
            forms["act"] = Form.of().failed(error)
        return await show_incident(request, tx, settings, now, incident, forms=forms, status=422)

    return await carry_out(request, tx, carried, to=f"/admin/incidents/{incident_id}", refused=refused)


handlers = [work]
