"""Into the account: by password, by a mailed link, by a passkey; and opening one. Whatever is typed, the
answers never tell who has an account."""

from __future__ import annotations

from datetime import datetime
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
    link_requests,
    links,
    lockout,
    passkeys,
    sessions,
    sign_in,
)
from hotel_booking.domains.authentication.service.link_requests import TOKEN
from hotel_booking.domains.guests import mail
from hotel_booking.domains.guests.queries import account_by_id
from hotel_booking.domains.guests.service import register
from hotel_booking.domains.guests.service.register import NewAccount
from hotel_booking.domains.guests.types import normal_email
from hotel_booking.http.access import public
from hotel_booking.http.signing_in import passkey_options, site_of, status_of, wait
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.http.visitors import visitor_of
from hotel_booking.web.account.messages import failed, need
from hotel_booking.web.account.session import (
    enter,
    leave,
    onward,
    session_before,
    session_of,
)
from hotel_booking.web.i18n.catalogues import translations
from hotel_booking.web.site import language_of, link, site

_ENTRY = "account/entry.html"
_REGISTER = "account/register.html"
_OPEN = "account/open.html"
PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


def account_page(
    request: Request[Any, Any, State], template: str, /, *, status: int = 200, **values: Any
) -> Response[Any]:
    """A page of the account: kept by nobody, and telling no other site where one was."""
    return site(request, template, status=status, headers=PRIVATE, **values)


def again(
    request: Request[Any, Any, State], template: str, form: Form, error: DomainError, /, **values: Any
) -> Response[Any]:
    """The form once more, with what is wrong."""
    answer = account_page(
        request,
        template,
        status=status_of(error),
        form=failed(form, error, language_of(request)),
        **values,
    )
    return wait(answer, error)


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


async def note_link(
    request: Request[Any, Any, State],
    database: Database,
    settings: Settings,
    form: Form,
    now: datetime,
    *,
    kind: link_requests.Kind,
    to: str = "",
) -> None:
    """Note that a link is to be mailed to the form's address, by the same work whether it has an account: a
    job looks. Raises as `address_to_mail`."""
    email = await address_to_mail(request, database, form, now)
    if email is None:
        return
    pages = {
        "sign_in": mailed_link(request, settings, f"account/link/{TOKEN}", to),
        "register": mailed_link(request, settings, f"account/open/{TOKEN}"),
        "password": mailed_link(request, settings, f"account/new-password/{TOKEN}"),
    }
    async with database.transaction() as tx:
        await link_requests.note(
            tx, kind=kind, email=email, language=language_of(request), pages=pages, now=now
        )


async def tell(database: Database, account_id: int, what: str, now: datetime) -> None:
    """The owner of an account hears by mail what happened to it, whoever did it."""
    async with database.transaction() as tx:
        account = await account_by_id(tx, account_id)
        if account is not None:
            await mail.send_notice(tx, account, what=what, now=now)


def lapsed(request: Request[Any, Any, State], _error: Exception) -> Response[Any]:
    """A mailed link that opens nothing any more."""
    return account_page(request, "account/lapsed.html", status=404)


@get("/account/sign-in", opt=public(), include_in_schema=False)
async def ask_sign_in(request: Request[Any, Any, State]) -> Response[Any]:
    """Three ways in. Whoever is signed in already goes on, unless the proof is to be repeated."""
    to = onward(request, request.query_params.get("next"))
    session = session_of(request)
    confirming = session is not None and bool(request.query_params.get("again"))
    if session is not None and not confirming:
        return see_other(request, to)
    known = session.account.email if session is not None else None
    return account_page(request, _ENTRY, form=Form.of(next=to, email=known), confirming=confirming)


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
            instead_of=session_before(request),
            now=now,
        )
    except DomainError as error:
        if isinstance(error, FailedAttempt) and error.locked is not None:
            await tell(database, error.locked, "locked", now)  # once, not for each failure after
        return _entry_again(request, form, error)
    return enter(request, done.token, onward(request, form.value("next")))


@post("/account/sign-in/link", opt=public(), include_in_schema=False, status_code=200)
async def mail_sign_in(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """Mail a link to sign in by, where there is an account; say the same where there is none."""
    form = await read(request)
    language = language_of(request)
    try:
        to = onward(request, form.value("next"))
        await note_link(request, database, settings, form, now, kind="sign_in", to=to)
    except DomainError as error:
        return _entry_again(request, form, error)
    return see_other(request, link(language, "account/sent", what="sign-in"))


@get("/account/sent", opt=public(), include_in_schema=False, sync_to_thread=False)
def show_sent(request: Request[Any, Any, State]) -> Response[Any]:
    """Look into your mail. The same whatever was typed."""
    what = request.query_params.get("what", "")
    known = what if what in ("sign-in", "register", "password", "new-email") else "sign-in"
    return account_page(request, "account/sent.html", what=known)


@get("/account/link/{token:str}", opt=public(), include_in_schema=False)
async def ask_link(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """A mailed link: looking at it does not use it up, for mail scanners look too."""
    async with database.transaction() as tx:
        found = await links.find(tx, GUESTS, token=token, kind="sign_in", now=now)
    to = onward(request, request.query_params.get("next"))
    return account_page(request, "account/link.html", form=Form.of(next=to), email=found.email)


@post("/account/link/{token:str}", opt=public(), include_in_schema=False, status_code=200)
async def take_link(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """Sign in by a mailed link."""
    form = await read(request)
    done = await sign_in.by_link(
        database,
        GUESTS,
        token=token,
        visitor=visitor_of(request),
        instead_of=session_before(request),
        now=now,
    )
    return enter(request, done.token, onward(request, form.value("next")))


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
            instead_of=session_before(request),
            now=now,
        )
    except DomainError as error:
        return _entry_again(request, Form.of(next=to), error)
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
async def ask_register(request: Request[Any, Any, State]) -> Response[Any]:
    """An account begins with an e-mail address."""
    if session_of(request) is not None:
        return see_other(request, link(language_of(request), "account"))
    return account_page(request, _REGISTER, form=Form.of())


@post("/account/register", opt=public(), include_in_schema=False, status_code=200)
async def mail_register(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """Mail a link that opens the account; where there is one already, one that opens it, and say the same."""
    form = await read(request)
    language = language_of(request)
    try:
        await note_link(request, database, settings, form, now, kind="register")
    except DomainError as error:
        return again(request, _REGISTER, form, error)
    return see_other(request, link(language, "account/sent", what="register"))


@get("/account/open/{token:str}", opt=public(), include_in_schema=False)
async def ask_open(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """The address is proved: a name and a password, both at will, and the account is there."""
    async with database.transaction() as tx:
        found = await links.find(tx, GUESTS, token=token, kind="register", now=now)
    return account_page(request, _OPEN, form=Form.of(), email=found.email)


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
            instead_of=session_before(request),
            now=now,
        )
    except LinkNotValid:
        raise
    except DomainError as error:
        return again(request, _OPEN, form, error, email=email)
    notice = translations(language).gettext("Your account is ready.")
    return enter(request, done.token, link(language, "account"), notice=notice)


def _entry_again(request: Request[Any, Any, State], form: Form, error: DomainError) -> Response[Any]:
    shown = Form.of(next=onward(request, form.value("next")), email=form.value("email"))
    shown.errors |= form.errors
    return again(request, _ENTRY, shown, error, confirming=session_of(request) is not None)


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
