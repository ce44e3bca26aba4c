"""Who works here, and in which roles: invitations, roles, accounts that are closed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.admin.staff_mail import send_invitation, send_notice
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.caller import Caller, Grant
from hotel_booking.domains.identity.errors import StaffNotFound
from hotel_booking.domains.identity.permissions import Permission, Role
from hotel_booking.domains.identity.service import staff as service
from hotel_booking.domains.identity.service.confirmation import require_recent
from hotel_booking.domains.properties.choices import properties_within
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import Caution, page, see_other

_EVERYWHERE = "*"
_SPARE_ROWS = 2  # empty lines of the roles' form
_MOST_ROWS = 300
StaffId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


@get("/staff", opt=staff(Permission.STAFF_VIEW))
async def list_staff(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, q: str = ""
) -> Response[str]:
    """Those with a role at the caller's properties, and the group's own people."""
    return page(
        request,
        "staff/list.html",
        people=await accounts.list_staff(tx, within=_within(caller), search=q[:100].replace("\x00", "")),
        names=await _names(tx),
        q=q[:100],
    )


@get("/staff/new", opt=staff(Permission.STAFF_MANAGE))
async def new_staff(request: Request[Any, Any, State], tx: Transaction, caller: Caller) -> Response[str]:
    """The empty invitation."""
    return await _form(request, tx, caller, Form.of(rows=_SPARE_ROWS), None)


@post("/staff", opt=staff(Permission.STAFF_MANAGE))
async def invite(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, settings: Settings
) -> Response[Any]:
    """Open an account and send its invitation."""
    require_recent(caller, now)
    form = await read(request)
    try:
        name = form.text("name", required=True, longest=200)
        email = form.text("email", required=True, longest=254)
        grants = await _grants(tx, caller, form)
        form.check()
        invited = await service.invite(tx, email=email, name=name, grants=grants, by=caller, now=now)
    except DomainError as error:
        return await _form(request, tx, caller, form.failed(error), None, status=422)
    await send_invitation(tx, invited, settings=settings, by=caller.name, now=now)
    return see_other(
        request,
        f"/admin/staff/{invited.staff.id}",
        notice=_mailed(f"{invited.staff.name} has been invited.", settings),
    )


@get("/staff/{staff_id:int}", opt=staff(Permission.STAFF_VIEW))
async def show_staff(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, staff_id: StaffId
) -> Response[str]:
    """One of them, with their roles."""
    person = await _in_sight(tx, caller, staff_id)
    shown: dict[str, Any] = {"rows": len(person.grants) + _SPARE_ROWS}
    for number, grant in enumerate(person.grants):
        shown[f"role-{number}"] = grant.role.value
        shown[f"at-{number}"] = grant.slug or _EVERYWHERE
    return await _form(request, tx, caller, Form.of(**shown), person)


@post("/staff/{staff_id:int}/roles", opt=staff(Permission.STAFF_MANAGE))
async def change_roles(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, staff_id: StaffId
) -> Response[Any]:
    """Make these their roles."""
    person = await _in_sight(tx, caller, staff_id)
    require_recent(caller, now)
    form = await read(request)
    try:
        grants = await _grants(tx, caller, form)
        version = form.whole("version", 1, LARGEST_INTEGER, required=True)
        form.check()
        await service.change_grants(tx, staff_id=staff_id, grants=grants, by=caller, version=version or 0)
    except DomainError as error:
        return await _form(request, tx, caller, form.failed(error), person, status=422)
    await send_notice(tx, person, what="roles_changed", now=now)
    return see_other(request, f"/admin/staff/{staff_id}", notice="The roles have been changed.")


@post("/staff/{staff_id:int}/invite", opt=staff(Permission.STAFF_MANAGE))
async def invite_again(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    settings: Settings,
    staff_id: StaffId,
) -> Response[bytes]:
    """Send another link; the one before opens nothing any more."""
    person = await _in_sight(tx, caller, staff_id)
    invited = await service.invite_again(tx, staff_id=staff_id, by=caller, now=now)
    await send_invitation(tx, invited, settings=settings, by=caller.name, now=now)
    notice = _mailed(f"{person.name} has been sent a new link.", settings)
    return see_other(request, f"/admin/staff/{staff_id}", notice=notice)


def _mailed(told: str, settings: Settings) -> str:
    """What was done, and that the message waits where nothing sends it: a new platform has no mail yet."""
    if settings.smtp_url is not None or settings.environment == "demo":
        return told
    return Caution(f"{told} The message waits until a mail server is set up: HOTEL_SMTP_URL names it.")


@post("/staff/{staff_id:int}/close", opt=staff(Permission.STAFF_MANAGE))
async def close_account(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, staff_id: StaffId
) -> Response[bytes]:
    """Close an account and sign it out everywhere."""
    person = await _in_sight(tx, caller, staff_id)
    require_recent(caller, now)
    await service.deactivate(tx, staff_id=staff_id, by=caller)
    return see_other(request, f"/admin/staff/{staff_id}", notice=f"{person.name}’s account has been closed.")


@post("/staff/{staff_id:int}/open", opt=staff(Permission.STAFF_MANAGE))
async def open_account(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, staff_id: StaffId
) -> Response[bytes]:
    """Open a closed account again."""
    person = await _in_sight(tx, caller, staff_id)
    require_recent(caller, now)
    await service.reactivate(tx, staff_id=staff_id, by=caller)
    return see_other(
        request, f"/admin/staff/{staff_id}", notice=f"{person.name}’s account has been reopened."
    )


def _within(caller: Caller) -> frozenset[int] | None:
    return caller.properties_for(Permission.STAFF_VIEW)


async def _in_sight(tx: Transaction, caller: Caller, staff_id: int) -> Staff:
    person = await accounts.staff_by_id(tx, staff_id)
    within = _within(caller)
    if person is None or not (within is None or any(grant.property_id in within for grant in person.grants)):
        raise StaffNotFound("there is no such member of staff")
    return person


async def _names(tx: Transaction) -> dict[str, str]:
    return {row.slug: row.name for row in await properties_within(tx, None)}


async def _grants(tx: Transaction, caller: Caller, form: Form) -> list[Grant]:
    known = {
        row.slug: row.id for row in await properties_within(tx, caller.properties_for(Permission.STAFF_VIEW))
    }
    grants: list[Grant] = []
    for number in range(min(form.whole("rows", 0, _MOST_ROWS) or 0, _MOST_ROWS)):
        role = form.choice(f"role-{number}", Role, required=False)
        if not role:
            continue
        at = form.choice(f"at-{number}", [_EVERYWHERE, *known], required=True)
        if at:
            grants.append(Grant(Role(role), known.get(at), None if at == _EVERYWHERE else at))
    if not grants and not form.errors:
        form.wrong("role-0", "choose at least one role")
    return grants


async def _form(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    form: Form,
    person: Staff | None,
    status: int = 200,
) -> Response[str]:
    properties = await properties_within(tx, _within(caller))
    # Roles elsewhere are shown as they are, so that saving the form does not lose them.
    known = {row.slug: row.name for row in properties}
    for grant in person.grants if person is not None else ():
        if grant.slug is not None and grant.slug not in known:
            known[grant.slug] = grant.slug
    return page(
        request,
        "staff/form.html",
        status=status,
        form=form,
        person=person,
        roles=[(role.value, role.label) for role in Role],
        places=[(_EVERYWHERE, "Every property"), *known.items()],
        names=await _names(tx),
    )


handlers = [
    list_staff,
    new_staff,
    invite,
    show_staff,
    change_roles,
    invite_again,
    close_account,
    open_account,
]
