"""Who gets into the account: its password, passkeys, sessions, and the address that links are mailed to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication import queries
from hotel_booking.domains.authentication.errors import GuestSignInRequired, LinkNotValid
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import links, new_password, passkeys, sessions, sign_in
from hotel_booking.domains.guests import mail
from hotel_booking.domains.guests.service import register
from hotel_booking.domains.guests.types import GuestSession
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.signing_in import Number, passkey_options, session_before, site_of, status_of, wait
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.http.visitors import browser_and_system, visitor_of
from hotel_booking.web.account.frame import account_page, again, before, tell
from hotel_booking.web.account.mailed_links import address_to_mail, linked_page, mail_link, mailed_link
from hotel_booking.web.account.messages import device_of, failed, need
from hotel_booking.web.account.session import (
    enter,
    leave,
    recently,
    signed_in,
)
from hotel_booking.web.refused import sent_back
from hotel_booking.web.site import language_of, link

_FORGOTTEN = "account/forgotten.html"
_CHOOSE = "account/choose_password.html"


@get("/account/security", opt=public(), include_in_schema=False)
async def show_security(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """Everything that opens the account, and where it is open."""
    return await _page(request, database, now, await before(request, database, now) or Form.of())


@post("/account/security/password", opt=public(), include_in_schema=False, status_code=200)
async def change_password(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """Another password, or the first; all other sessions end."""
    session = recently(request, now)
    form = await read(request)
    need(form, language_of(request), "password")
    try:
        form.check()
        await new_password.change(
            database,
            GUESTS,
            owner_id=session.account.id,
            session_id=session.id,
            password=form.value("password"),
            now=now,
        )
    except GuestSignInRequired:
        raise
    except DomainError as error:
        return await _again(request, database, now, form, error)
    await tell(database, session.account.id, "password_changed", now)
    _ = _words(request)
    return _done(request, _("Your password has been saved, and you’ve been signed out on all other devices."))


@post("/account/security/password/remove", opt=public(), include_in_schema=False, status_code=200)
async def remove_password(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """Only mailed links and passkeys open the account from now on."""
    account = recently(request, now).account
    async with database.transaction() as tx:
        await new_password.remove(tx, GUESTS, owner_id=account.id, now=now)
    await tell(database, account.id, "password_changed", now)
    _ = _words(request)
    return _done(request, _("Your password has been removed."))


@post("/account/security/passkeys/options", opt=public(), include_in_schema=False, status_code=200)
async def new_passkey_options(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[str]:
    """What the browser needs to make a passkey."""
    session = recently(request, now)
    async with database.transaction() as tx:
        options = await passkeys.registration_options(
            tx,
            GUESTS,
            owner=session.account,
            session_id=session.id,
            site=site_of(settings),
            now=now,
        )
    return passkey_options(options)


@post("/account/security/passkeys", opt=public(), include_in_schema=False, status_code=200)
async def add_passkey(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """The passkey that the browser made."""
    session = recently(request, now)
    form = await read(request)
    try:
        async with database.transaction() as tx:
            await passkeys.register(
                tx,
                GUESTS,
                owner=session.account,
                session_id=session.id,
                credential=form.value("credential"),
                name=form.value("name") or _device_here(request),
                site=site_of(settings),
                now=now,
            )
            await mail.send_notice(tx, session.account, what="passkey_added", now=now)
    except DomainError as error:
        return await _again(request, database, now, Form.of(name=form.value("name")), error)
    _ = _words(request)
    return _done(request, _("Your passkey has been added."))


@post(
    "/account/security/passkeys/{passkey_id:int}/remove",
    opt=public(),
    include_in_schema=False,
    status_code=200,
)
async def remove_passkey(
    request: Request[Any, Any, State], database: Database, passkey_id: Number, now: datetime
) -> Response[Any]:
    """Take a passkey away."""
    account = recently(request, now).account
    async with database.transaction() as tx:
        await passkeys.remove(tx, GUESTS, owner_id=account.id, passkey_id=passkey_id)
        await mail.send_notice(tx, account, what="passkey_removed", now=now)
    _ = _words(request)
    return _done(request, _("The passkey has been removed."))


@post(
    "/account/security/sessions/{session_id:int}/end", opt=public(), include_in_schema=False, status_code=200
)
async def end_session(
    request: Request[Any, Any, State], database: Database, session_id: Number
) -> Response[Any]:
    """Sign out in one place."""
    session = signed_in(request)
    async with database.transaction() as tx:
        await sessions.end_own(tx, GUESTS, owner_id=session.account.id, session_id=session_id)
    if session_id == session.id:
        return leave(request, see_other(request, link(language_of(request), "account/sign-in")))
    _ = _words(request)
    return _done(request, _("That device has been signed out."))


@post("/account/security/sessions/end-others", opt=public(), include_in_schema=False, status_code=200)
async def end_others(request: Request[Any, Any, State], database: Database) -> Response[Any]:
    """Sign out everywhere else."""
    session = signed_in(request)
    async with database.transaction() as tx:
        await sessions.end_all(tx, GUESTS, owner_id=session.account.id, but=session.id)
    _ = _words(request)
    return _done(request, _("You’ve been signed out on all other devices."))


@post("/account/security/sessions/end-all", opt=public(), include_in_schema=False, status_code=200)
async def end_everywhere(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """Sign out everywhere, here too."""
    session = signed_in(request)
    async with database.transaction() as tx:
        await sessions.end_all(tx, GUESTS, owner_id=session.account.id)
        await mail.send_notice(tx, session.account, what="signed_out_everywhere", now=now)
    language = language_of(request)
    notice = translations(language).gettext("You’ve been signed out on all devices.")
    return leave(request, see_other(request, link(language, "account/sign-in"), notice=notice))


@post("/account/security/email", opt=public(), include_in_schema=False, status_code=200)
async def ask_new_email(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """Mail a link to the address that the account is to have: until it is used, nothing changes."""
    account = recently(request, now).account
    form = await read(request)
    language = language_of(request)
    try:
        email = await address_to_mail(request, database, form, now)
        if email is not None:
            async with database.transaction() as tx:
                token = await links.issue(
                    tx, GUESTS, kind="new_email", owner_id=account.id, email=email, now=now
                )
                where = mailed_link(request, settings, f"account/new-email/{token}")
                await mail.send_verify(tx, email=email, language=language, link=where, now=now)
    except DomainError as error:
        return await _again(request, database, now, form, error)
    return see_other(request, link(language, "account/sent", what="new-email"))


@get("/account/new-email/{token:str}", opt=public(), include_in_schema=False)
async def ask_confirm_email(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """The link that proves the new address."""
    return await linked_page(request, database, now, "account/new_email.html", token=token, kind="new_email")


@post("/account/new-email/{token:str}", opt=public(), include_in_schema=False, status_code=200)
async def confirm_email(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """From now on links go there; the address before hears of it."""
    account, before = await register.use_new_email(database, token=token, now=now)
    async with database.transaction() as tx:
        await mail.send_notice(tx, account, what="email_changed", now=now, to=before)
    _ = _words(request)
    return _done(request, _("Your email address has been changed."))


@get("/account/forgotten-password", opt=public(), include_in_schema=False)
async def ask_forgotten(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """For a link by which another password is chosen."""
    form = await before(request, database, now) or Form.of()
    return account_page(request, _FORGOTTEN, form=form)


@post("/account/forgotten-password", opt=public(), include_in_schema=False, status_code=200)
async def mail_password(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """Mail it, where there is an account; say the same where there is none."""
    return await mail_link(
        request,
        database,
        settings,
        now,
        kind="password",
        refused=partial(again, request, database, now, _FORGOTTEN),
    )


@get("/account/new-password/{token:str}", opt=public(), include_in_schema=False)
async def ask_new_password(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """The field for another password."""
    return await linked_page(request, database, now, _CHOOSE, token=token, kind="password")


@post("/account/new-password/{token:str}", opt=public(), include_in_schema=False, status_code=200)
async def choose_password(
    request: Request[Any, Any, State], database: Database, now: datetime, token: str
) -> Response[Any]:
    """Another password; the account is signed out everywhere, and in here."""
    form = await read(request)
    language = language_of(request)
    need(form, language, "password")
    async with database.transaction() as tx:
        email = (await links.find(tx, GUESTS, token=token, kind="password", now=now)).email
    try:
        form.check()
        done = await sign_in.by_new_password(
            database,
            GUESTS,
            token=token,
            kind="password",
            password=form.value("password"),
            visitor=visitor_of(request),
            instead_of=session_before(request, GUESTS),
            now=now,
        )
    except LinkNotValid:
        raise
    except DomainError as error:
        return await again(request, database, now, _CHOOSE, form, error, email=email)
    await tell(database, done.owner_id, "password_changed", now)
    notice = translations(language).gettext("Your password has been saved.")
    return enter(request, done.token, link(language, "account"), notice=notice)


def _device_here(request: Request[Any, Any, State]) -> str:
    return " · ".join(part for part in browser_and_system(visitor_of(request).user_agent) if part)


def _words(request: Request[Any, Any, State]) -> Callable[[str], str]:
    return translations(language_of(request)).gettext


def _done(request: Request[Any, Any, State], notice: str) -> Response[Any]:
    return see_other(request, link(language_of(request), "account/security"), notice=notice)


async def _again(
    request: Request[Any, Any, State], database: Database, now: datetime, form: Form, error: DomainError
) -> Response[Any]:
    failed(form, error, language_of(request))
    async with database.transaction() as tx:
        answer = await sent_back(
            request, tx, link(language_of(request), "account/security"), form, error, now
        )
    if answer is None:
        answer = await _page(request, database, now, form, status=status_of(error))
    return wait(answer, error)


async def _page(
    request: Request[Any, Any, State], database: Database, now: datetime, form: Form, *, status: int = 200
) -> Response[Any]:
    session: GuestSession = signed_in(request)
    account = session.account
    async with database.transaction() as tx:
        opened = await queries.open_sessions(tx, GUESTS, account.id, now=now)
        keys = await queries.passkeys(tx, GUESTS, account.id)
    language = language_of(request)
    return account_page(
        request,
        "account/security.html",
        status=status,
        account=account,
        places=[(one, device_of(one, language)) for one in opened],
        keys=keys,
        here=session.id,
        form=form,
    )


handlers = [
    show_security,
    change_password,
    remove_password,
    new_passkey_options,
    add_passkey,
    remove_passkey,
    end_session,
    end_others,
    end_everywhere,
    ask_new_email,
    ask_confirm_email,
    confirm_email,
    ask_forgotten,
    mail_password,
    ask_new_password,
    choose_password,
]
