"""Signing in and out: the password, the second step, and passkeys alone."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin import passkey_step
from hotel_booking.admin.account_mail import tell, tell_if_locked
from hotel_booking.admin.visitors import (
    again,
    drop_session,
    keep_session,
    onward,
    session_of,
)
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import SignInRequired
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import passkeys, sessions
from hotel_booking.domains.authentication.service import sign_in as first_step
from hotel_booking.domains.authentication.types import SignedIn
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.service import sign_in
from hotel_booking.domains.identity.service.sessions import Session
from hotel_booking.domains.identity.service.sign_in import SecondStep
from hotel_booking.http.access import public
from hotel_booking.http.signing_in import passkey_options, session_before, site_of
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, query, see_other
from hotel_booking.http.visitors import visitor_of

_FIRST = "sign_in/sign_in.html"
_SECOND = "sign_in/second_step.html"
_SECOND_STEP = "/admin/sign-in/second-step"


@get("/sign-in", opt=public())
async def ask_password(request: Request[Any, Any, State]) -> Response[Any]:
    """The first step; whoever is signed in already goes on."""
    to = onward(request.query_params.get("next"))
    session = session_of(request)
    if session is not None and session.level == "full":
        return see_other(request, to)
    return page(request, _FIRST, form=Form.of(next=to))


@post("/sign-in", opt=public(), status_code=200)
async def take_password(
    request: Request[Any, Any, State], database: Database, now: datetime
) -> Response[Any]:
    """E-mail and password."""
    form = await read(request)
    try:
        email = form.text("email", required=True, longest=254)
        if not form.value("password"):
            form.wrong("password", "must be filled in")
        form.check()
        step = await first_step.by_password(
            database,
            STAFF,
            email=email,
            password=form.value("password"),
            visitor=visitor_of(request),
            instead_of=session_before(request, STAFF),
            now=now,
        )
    except DomainError as error:
        await tell_if_locked(database, error, now=now)
        return again(request, _FIRST, form, error)
    return _go_on(request, step, onward(form.value("next")))


@post("/sign-in/passkey/options", opt=public(), status_code=200)
async def ask_passkey(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[str]:
    """What a passkey that signs in alone has to sign."""
    return passkey_options(
        await passkeys.sign_in_options(
            database, STAFF, visitor=visitor_of(request), site=site_of(settings), now=now
        )
    )


@post("/sign-in/passkey", opt=public(), status_code=200)
async def take_passkey(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """A passkey alone: both steps at once."""
    form = await read(request)
    try:
        step = await first_step.by_passkey(
            database,
            STAFF,
            credential=form.value("credential"),
            site=site_of(settings),
            visitor=visitor_of(request),
            instead_of=session_before(request, STAFF),
            now=now,
        )
    except DomainError as error:
        return again(request, _FIRST, _shown(form), error)
    return _go_on(request, step, onward(form.value("next")))


@get("/sign-in/second-step", opt=public())
async def ask_second_factor(request: Request[Any, Any, State], tx: Transaction) -> Response[Any]:
    """The second step, for whoever has done the first."""
    to = onward(request.query_params.get("next"))
    session = session_of(request)
    if session is not None and session.level == "full":
        return see_other(request, to)
    return page(request, _SECOND, form=Form.of(next=to), **await _ways(tx, _half(session)))


@post("/sign-in/second-step", opt=public(), status_code=200)
async def take_code(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """A code of the app, or a recovery code."""
    session = _half(session_of(request))
    form = await read(request)
    try:
        code = form.text("code", required=True, longest=100)
        form.check()
        step = await sign_in.by_code(
            database,
            session=session,
            code=code,
            secret_key=settings.secret_key,
            visitor=visitor_of(request),
            now=now,
        )
    except SignInRequired:
        raise
    except DomainError as error:
        await tell_if_locked(database, error, now=now)
        return await _second_again(request, database, session, form, error)
    if step.recovery_codes_left is not None:
        await tell(database, step.owner_id, "recovery_code_used", now=now)
    return _go_on(request, step, onward(form.value("next")))


@post("/sign-in/second-step/passkey/options", opt=public(), status_code=200)
async def second_passkey_options(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime
) -> Response[str]:
    """What a passkey has to sign as the second step."""
    return await passkey_step.options(tx, settings, _half(session_of(request)), now)


@post("/sign-in/second-step/passkey", opt=public(), status_code=200)
async def take_second_passkey(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """A passkey as the second step."""
    session = _half(session_of(request))
    return await passkey_step.take(
        request,
        database,
        settings,
        session,
        now,
        done=partial(_go_on, request),
        refused=partial(_second_again, request, database, session),
    )


@post("/sign-out", opt=public(), status_code=200)
async def sign_out(request: Request[Any, Any, State], tx: Transaction) -> Response[bytes]:
    """End the session that the request carries, whatever its level."""
    session = session_of(request)
    if session is not None:
        await sessions.end(tx, STAFF, session_id=session.id)
    return drop_session(request, see_other(request, "/admin/sign-in", notice="You have been signed out."))


def _half(session: Session | None) -> Session:
    if session is None or session.level != "password":
        raise SignInRequired("enter your email address and password first", fix="sign in")
    return session


def _go_on(request: Request[Any, Any, State], step: SignedIn, to: str) -> Response[bytes]:
    if step.level == "password":
        answer = see_other(request, query(_SECOND_STEP, next=to))
    elif isinstance(step, SecondStep) and step.recovery_codes_left is not None:
        left = step.recovery_codes_left
        answer = see_other(
            request, to, notice=f"You have {left} recovery code{'' if left == 1 else 's'} left."
        )
    else:
        answer = see_other(request, to)
    return keep_session(request, answer, step.token)


def _shown(form: Form) -> Form:
    # The passkey's answer is of no use a second time, and no field of the page.
    return Form.of(next=onward(form.value("next")))


async def _ways(tx: Transaction, session: Session) -> dict[str, Any]:
    member = await accounts.staff_by_id(tx, session.staff_id)
    return {"app": bool(member and member.totp), "passkey": bool(member and member.passkeys)}


async def _second_again(
    request: Request[Any, Any, State], database: Database, session: Session, form: Form, error: DomainError
) -> Response[str]:
    async with database.transaction() as tx:
        ways = await _ways(tx, session)
    return again(request, _SECOND, form, error, **ways)


handlers = [
    ask_password,
    take_password,
    ask_passkey,
    take_passkey,
    ask_second_factor,
    take_code,
    second_passkey_options,
    take_second_passkey,
    sign_out,
]
