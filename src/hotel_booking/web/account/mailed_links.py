"""Links that are mailed: asking for one, the page behind it, and one that is no longer valid. The answers
never tell who has an account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import link_requests, links, lockout
from hotel_booking.domains.authentication.service.link_requests import TOKEN
from hotel_booking.domains.guests.types import normal_email
from hotel_booking.http.access import provide_now
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.http.visitors import visitor_of
from hotel_booking.web.account.frame import account_page, before
from hotel_booking.web.account.messages import need
from hotel_booking.web.account.session import onward, session_of
from hotel_booking.web.site import language_of, link

_TWICE = timedelta(seconds=30)


def mailed_link(request: Request[Any, Any, State], settings: Settings, where: str, to: str = "") -> str:
    """The whole address of a page, for a mail."""
    return settings.public_url.rstrip("/") + link(language_of(request), where, next=to)


async def address_to_mail(
    request: Request[Any, Any, State], database: Database, form: Form, now: datetime
) -> str | None:
    """The address in the form, where one more link may be mailed to it; None where enough were, which is not
    told. Raises what the form should say, and `LockedOut` for who asks too often."""
    need(form, language_of(request), "email")
    form.check()
    email = normal_email(form.value("email"))
    may = await lockout.may_mail(
        database, email=email, visitor=visitor_of(request), now=now, door=GUESTS.door
    )
    return email if may else None


async def mail_link(
    request: Request[Any, Any, State],
    database: Database,
    settings: Settings,
    now: datetime,
    *,
    kind: link_requests.Kind,
    refused: Callable[[Form, DomainError], Awaitable[Response[Any]]],
) -> Response[Any]:
    """Note that a link of the kind is to be mailed to the address in the form: a job looks whether it has an
    account. So the work and the answer are the same either way. `refused` is the form once more."""
    form = await read(request)
    to = onward(request, form.value("next")) if kind == "sign_in" else ""
    pages = {
        "sign_in": mailed_link(request, settings, f"account/link/{TOKEN}", to),
        "register": mailed_link(request, settings, f"account/open/{TOKEN}"),
        "password": mailed_link(request, settings, f"account/new-password/{TOKEN}"),
    }
    language = language_of(request)
    try:
        email = await address_to_mail(request, database, form, now)
        if email is not None:
            async with database.transaction() as tx:
                await link_requests.note(tx, kind=kind, email=email, language=language, pages=pages, now=now)
    except DomainError as error:
        return await refused(form, error)
    return see_other(request, link(language, "account/sent", what=kind.replace("_", "-")))


async def linked_page(
    request: Request[Any, Any, State],
    database: Database,
    now: datetime,
    template: str,
    /,
    *,
    token: str,
    kind: str,
    **values: Any,
) -> Response[Any]:
    """The page behind a mailed link of the kind. Looking at it does not use the link up: mail
    scanners look too."""
    async with database.transaction() as tx:
        found = await links.find(tx, GUESTS, token=token, kind=kind, now=now)
    if "form" not in values:
        values["form"] = await before(request, database, now) or Form.of()
    return account_page(request, template, email=found.email, **values)


def lapsed(request: Request[Any, Any, State], _error: Exception, to: str | None = None) -> Response[Any]:
    """A mailed link that is no longer valid. Who carries a session that was opened just now has pressed its
    button twice: they go on to where the first press led, by what that gave them. The link itself opens
    nothing again, and its page says so."""
    session = session_of(request)
    proved = session.confirmed_at if session is not None else None
    if request.method == "POST":
        twice = proved is not None and provide_now(request) - proved < _TWICE
        account = to or link(language_of(request), "account")
        return see_other(request, account if twice else request.scope["path"])
    return account_page(request, "account/lapsed.html", status=404)
