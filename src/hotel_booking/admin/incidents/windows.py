"""Maintenance windows: what is planned, moved, described, cancelled. All times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.incidents import maintenance, webhooks
from hotel_booking.domains.incidents.errors import InvalidWindow
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, see_other

_HERE = "/admin/incidents/maintenance"
_NO_VERSION = -1
WindowId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


@get("/incidents/maintenance", opt=staff(Permission.INCIDENTS_VIEW))
async def list_windows(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """Windows that are not over, each with its form."""
    caller.require_permission(Permission.INCIDENTS_VIEW)
    return await _page(request, tx, now)


@post("/incidents/maintenance", opt=staff(Permission.INCIDENTS_MANAGE))
async def add_window(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[Any]:
    """Set a window outside the monthly ones."""
    caller.require_permission(Permission.INCIDENTS_MANAGE)
    form = await read(request)
    try:
        starts_at, ends_at, title, body = _typed(form)
        await maintenance.schedule(tx, starts_at=starts_at, ends_at=ends_at, title=title, body=body, now=now)
        await maintenance.announce(tx, now=now)
    except DomainError as error:
        return await _page(request, tx, now, status=422, new=form.failed(error))
    return see_other(request, _HERE, notice="The window is set.")


@post("/incidents/maintenance/{window_id:int}", opt=staff(Permission.INCIDENTS_MANAGE))
async def change_window(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, window_id: WindowId
) -> Response[Any]:
    """Move a window, or describe it otherwise."""
    caller.require_permission(Permission.INCIDENTS_MANAGE)
    form = await read(request)
    window = await maintenance.find(tx, window_id)
    try:
        starts_at, ends_at, title, body = _typed(form)
        await maintenance.change(
            tx,
            window_id=window.id,
            version=form.whole("version", 1, LARGEST_INTEGER) or _NO_VERSION,
            starts_at=starts_at,
            ends_at=ends_at,
            title=title,
            body=body,
            now=now,
        )
        await maintenance.announce(tx, now=now)
    except DomainError as error:
        return await _page(request, tx, now, status=422, failed=(window.id, form.failed(error)))
    return see_other(request, _HERE, notice="The window is changed.")


@post("/incidents/maintenance/{window_id:int}/cancel", opt=staff(Permission.INCIDENTS_MANAGE))
async def cancel_window(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, window_id: WindowId
) -> Response[Any]:
    """There will be no such window."""
    caller.require_permission(Permission.INCIDENTS_MANAGE)
    form = await read(request)
    await maintenance.cancel(
        tx, window_id=window_id, version=form.whole("version", 1, LARGEST_INTEGER) or _NO_VERSION, now=now
    )
    return see_other(request, _HERE, notice="The window is cancelled.")


async def _page(
    request: Request[Any, Any, State],
    tx: Transaction,
    now: datetime,
    *,
    status: int = 200,
    new: Form | None = None,
    failed: tuple[int, Form] | None = None,
) -> Response[str]:
    windows = await maintenance.upcoming(tx, now=now)
    forms = {window.id: _form(window) for window in windows}
    if failed is not None:
        forms[failed[0]] = failed[1]
    return page(
        request,
        "incidents/maintenance.html",
        status=status,
        windows=[(window, forms[window.id], window.lasts(now)) for window in windows],
        new=new or Form.of(title=maintenance.TITLE, body=maintenance.BODY),
        untold=await webhooks.failed(tx),
        under_way=await maintenance.under_maintenance(tx, now),
    )


def _form(window: maintenance.Window) -> Form:
    return Form.of(
        starts_at=f"{window.starts_at.astimezone(UTC):%Y-%m-%dT%H:%M}",
        ends_at=f"{window.ends_at.astimezone(UTC):%Y-%m-%dT%H:%M}",
        title=window.title,
        body=window.body,
        version=window.version,
    )


def _typed(form: Form) -> tuple[datetime, datetime, str, str]:
    title = form.text("title", required=True, longest=200)
    body = form.text("body", required=True, longest=2000)
    form.check()
    return _instant(form, "starts_at"), _instant(form, "ends_at"), title, body


def _instant(form: Form, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(form.value(name))
    except ValueError:
        raise InvalidWindow(
            "this is no day and time", field=name, fix="write it as YYYY-MM-DDThh:mm"
        ) from None
    if instant.tzinfo is not None or not 2000 <= instant.year < 2100:
        raise InvalidWindow("this is no day and time of UTC", field=name, fix="write it as YYYY-MM-DDThh:mm")
    return instant.replace(tzinfo=UTC)


handlers = [list_windows, add_window, change_window, cancel_window]
