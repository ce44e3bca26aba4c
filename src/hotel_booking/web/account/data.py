"""The guest's right to their data: a copy of all of it, and to be forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import erasure
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.account.frame import PRIVATE, account_page, again, before
from hotel_booking.web.account.messages import need
from hotel_booking.web.account.session import leave, recently, signed_in
from hotel_booking.web.site import language_of, link

_DATA = "account/data.html"


@get("/account/data", opt=public(), include_in_schema=False)
async def show_data(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[Any]:
    """What can be had and what can be erased, and what stands against it."""
    form = await before(request, database, now) or Form.of()
    return account_page(request, _DATA, form=form, **await _values(request, database, now))


@get("/account/data/export", opt=public(), include_in_schema=False)
async def export(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[bytes]:
    """All of it as one file. For who has proved who they are a moment ago."""
    account = recently(request, now).account
    async with database.transaction() as tx:
        content = await erasure.export(tx, account, now=now)
    return Response(
        content,
        media_type="application/json",
        headers={**PRIVATE, "content-disposition": 'attachment; filename="my-data.json"'},
    )


@post("/account/data/erase", opt=public(), include_in_schema=False, status_code=200)
async def erase(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[Any]:
    """Forget the guest, where nothing stands against it. There is no way back."""
    session = recently(request, now)
    form = await read(request)
    language = language_of(request)
    need(form, language, "email")
    try:
        form.check()
        async with database.transaction() as tx:
            await erasure.erase(tx, account_id=session.account.id, typed_email=form.value("email"), now=now)
    except DomainError as error:
        values = await _values(request, database, now)
        return await again(request, database, now, _DATA, form, error, **values)
    notice = translations(language).gettext("Your account and your data have been deleted.")
    return leave(request, see_other(request, link(language), notice=notice))


async def _values(request: Request[Any, Any, State], database: Database, now: datetime) -> dict[str, Any]:
    account = signed_in(request).account
    async with database.transaction() as tx:
        blockers = await erasure.blockers(tx, account, now=now)
    return {"account": account, "blockers": blockers}


handlers = [show_data, export, erase]
