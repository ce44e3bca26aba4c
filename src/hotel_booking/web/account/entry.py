"""Into the account: by password, by a mailed link, by a passkey; and opening one. Whatever is typed, the
answers never tell who has an account."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import FailedAttempt, LinkNotValid
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import (
    links,
    passkeys,
    sessions,
    sign_in,
)
from hotel_booking.domains.guests.service import register
from hotel_booking.domains.guests.service.register import NewAccount
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.signing_in import passkey_options, session_before, site_of
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.http.visitors import visitor_of
from hotel_booking.web.account.frame import account_page, again, before, tell
from hotel_booking.web.account.mailed_links import lapsed, linked_page, mail_link
from hotel_booking.web.account.messages import need
from hotel_booking.web.account.session import (
    enter,
    leave,
    onward,
    session_of,
)
from hotel_booking.web.site import language_of, link

_ENTRY = "account/entry.html"
_REGISTER = "account/register.html"
_OPEN = "account/open.html"


@get("/account/sign-in", opt=public(), include_in_schema=False)
async def ask_sign_in(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[Any]:
    """Three ways in. Whoever is signed in already goes on, unless the proof is to be repeated."""
    to = onward(request, request.query_params.get("next"))
    session = session_of(request)
    confirming = session is not None and bool(request.query_params.get("again"))
    if session is not None and not confirming:
        return see_other(request, to)
    known = session.account.email if session is not None else None
    form, mailed = await before(request, database, now), await before(request, database, now, part="mailed")
    sent = form or mailed
    empty = Form.of(email=sent.value("email") if sent is not None else known)
    return account_page(
        request, _ENTRY, form=form or empty, mailed=mailed or empty, onward=to, confirming=confirming
    )


@post("/account/sign-in", opt=public(), include_in_schema=False, status_code=200)
async def take_password(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """E-mail address and password."""
    form = await read(request)
    need(form, language_of(request), "email", "password")
    try:
        form.check()
        done = await sign_in.by_password(
            database,
            GUESTS,
            email=form.value("email"),
            password=form.value("password"),
            visitor=visitor_of(request),
            instead_of=session_before(request, GUESTS),
            now=now,
        )
    except DomainError as error:
        if isinstance(error, FailedAttempt) and error.locked is not None:
            await tell(database, error.locked, "locked", now)  # once, not for each failure after
        return await _entry_again(request, database, now, form, error)
    return enter(request, done.token, onward(request, form.value("next")))


@post("/account/sign-in/link", opt=public(), include_in_schema=False, status_code=200)
async def mail_sign_in(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """Mail a link to sign in by, where there is an account; say the same where there is none."""
    return await mail_link(
        request,
        database,
        settings,
        now,
        kind="sign_in",
        refused=partial(_entry_again, request, database, now, part="mailed"),
    )


@get("/account/sent", opt=public(), include_in_schema=False, sync_to_thread=False)
def show_sent(request: Request[Any, Any, State]) -> Response[Any]:
    """Tells to look for the mail; the same whatever was typed."""
    what = request.query_params.get("what", "")
    known = what if what in ("sign-in", "register", "password", "new-email") else "sign-in"
    return account_page(request, "account/sent.html", what=known)


@get("/account/link/{token:str}", opt=public(), include_in_schema=False)
async def ask_link(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """A mailed link to sign in by."""
    form = Form.of(next=onward(request, request.query_params.get("next")))
    return await linked_page(
        request, database, now, "account/link.html", token=token, kind="sign_in", form=form
    )


@post("/account/link/{token:str}", opt=public(), include_in_schema=False, status_code=200)
async def take_link(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """Sign in by a mailed link."""
    form = await read(request)
    to = onward(request, form.value("next"))
    try:
        done = await sign_in.by_link(
            database,
            GUESTS,
            token=token,
            visitor=visitor_of(request),
            instead_of=session_before(request, GUESTS),
            now=now,
        )
    except LinkNotValid as error:
        return lapsed(request, error, to)
    return enter(request, done.token, to)


@post("/account/sign-in/passkey/options", opt=public(), include_in_schema=False, status_code=200)
async def ask_passkey(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[str]:
    """What a passkey has to sign."""
    return passkey_options(
        await passkeys.sign_in_options(
            database, GUESTS, visitor=visitor_of(request), site=site_of(settings), now=now
        )
    )


@post("/account/sign-in/passkey", opt=public(), include_in_schema=False, status_code=200)
async def take_passkey(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """Sign in by a passkey, which says who comes."""
    form = await read(request)
    to = onward(request, form.value("next"))
    try:
        done = await sign_in.by_passkey(
            database,
            GUESTS,
            credential=form.value("credential"),
            site=site_of(settings),
            visitor=visitor_of(request),
            instead_of=session_before(request, GUESTS),
            now=now,
        )
    except DomainError as error:
        return await _entry_again(request, database, now, Form.of(next=to), error)
    return enter(request, done.token, to)


@post("/account/sign-out", opt=public(), include_in_schema=False, status_code=200)
async def sign_out(request: Request[Any, Any, State], database: Database) -> Response[Any]:
    """End the session that the request carries."""
    session = session_of(request)
    if session is not None:
        async with database.transaction() as tx:
            await sessions.end(tx, GUESTS, session_id=session.id)
    language = language_of(request)
    notice = translations(language).gettext("You’ve been signed out.")
    return leave(request, see_other(request, link(language, "account/sign-in"), notice=notice))


@get("/account/register", opt=public(), include_in_schema=False)
async def ask_register(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[Any]:
    """An account begins with an e-mail address."""
    if session_of(request) is not None:
        return see_other(request, link(language_of(request), "account"))
    form = await before(request, database, now) or Form.of()
    return account_page(request, _REGISTER, form=form)


@post("/account/register", opt=public(), include_in_schema=False, status_code=200)
async def mail_register(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """Mail a link that opens the account; where there is one already, one that opens it, and say the same."""
    return await mail_link(
        request,
        database,
        settings,
        now,
        kind="register",
        refused=partial(again, request, database, now, _REGISTER),
    )


@get("/account/open/{token:str}", opt=public(), include_in_schema=False)
async def ask_open(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """The address is proved: a name and a password, both at will, and the account is there."""
    return await linked_page(request, database, now, _OPEN, token=token, kind="register")


@post("/account/open/{token:str}", opt=public(), include_in_schema=False, status_code=200)
async def open_account(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """Open the account and sign in."""
    form = await read(request)
    language = language_of(request)
    async with database.transaction() as tx:
        email = (await links.find(tx, GUESTS, token=token, kind="register", now=now)).email
    try:
        done = await register.open_account(
            database,
            token=token,
            new=NewAccount(
                language,
                given_name=form.value("given_name"),
                family_name=form.value("family_name"),
                password=form.value("password"),
                marketing=form.flag("marketing"),
            ),
            visitor=visitor_of(request),
            instead_of=session_before(request, GUESTS),
            now=now,
        )
    except LinkNotValid:
        raise
    except DomainError as error:
        return await again(request, database, now, _OPEN, form, error, email=email)
    notice = translations(language).gettext("Your account is ready.")
    return enter(request, done.token, link(language, "account"), notice=notice)


async def _entry_again(
    request: Request[Any, Any, State],
    database: Database,
    now: datetime,
    form: Form,
    error: DomainError,
    *,
    part: str = "form",
) -> Response[Any]:
    """`part` is "mailed" for the form of who has no password."""
    to, language = onward(request, form.value("next")), language_of(request)
    confirming = session_of(request) is not None
    came = to if to != link(language, "account") else None
    page = link(language, "account/sign-in", next=came, again="1" if confirming else None)
    shown, other = Form.of(email=form.value("email")), Form.of(email=form.value("email"))
    shown.errors |= form.errors
    values = {"mailed" if part == "form" else "form": other, "onward": to, "confirming": confirming}
    return await again(request, database, now, _ENTRY, shown, error, page=page, part=part, **values)


def to_sign_in(request: Request[Any, Any, State], _error: Exception) -> Response[Any]:
    """Whoever has to sign in, or to prove again who they are, does so and comes back."""
    came = request.scope["path"] if request.method == "GET" else ""
    where = link(language_of(request), "account/sign-in")
    question = "&".join(
        part
        for part in (
            f"next={quote(came or _page_of(request))}",
            "again=1" if session_of(request) is not None else "",
        )
        if part
    )
    return see_other(request, f"{where}?{question}")


def _page_of(request: Request[Any, Any, State]) -> str:
    # What was posted is not repeated; its page is, from where it was sent.
    parts = request.scope["path"].split("/")
    return "/".join(parts[:4])


handlers = [
    ask_sign_in,
    take_password,
    mail_sign_in,
    show_sent,
    ask_link,
    take_link,
    ask_passkey,
    take_passkey,
    sign_out,
    ask_register,
    mail_register,
    ask_open,
    open_account,
]
