"""Proving again who one is, before something dangerous."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin import passkey_step
from hotel_booking.admin.account_mail import tell_if_locked
from hotel_booking.admin.visitors import again, full_session, keep_session, onward
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import SignInRequired
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.service import sign_in
from hotel_booking.domains.identity.service.sessions import Session
from hotel_booking.domains.identity.service.sign_in import SecondStep
from hotel_booking.http.access import signed_in
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, see_other
from hotel_booking.http.visitors import visitor_of

_CONFIRM = "sign_in/confirm.html"


@get("/confirm", opt=signed_in())
async def ask_proof(request: Request[Any, Any, State], tx: Transaction) -> Response[str]:
    """Password and code, or a passkey."""
    form = Form.of(next=onward(request.query_params.get("next")))
    return page(request, _CONFIRM, form=form, **await _ways(tx, full_session(request)))


@post("/confirm", opt=signed_in(), status_code=200)
async def take_proof(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """A fresh session in place of the one before, and back to where the act was."""
    session = full_session(request)
    form = await read(request)
    try:
        if not form.value("password"):
            form.wrong("password", "must be filled in")
        code = form.text("code", longest=100)
        form.check()
        step = await sign_in.confirm(
            database,
            session=session,
            password=form.value("password"),
            code=code,
            secret_key=settings.secret_key,
            visitor=visitor_of(request),
            now=now,
        )
    except SignInRequired:
        raise
    except DomainError as error:
        await tell_if_locked(database, error, now=now)
        return await _again(request, database, session, form, error)
    return _proved(request, step, onward(form.value("next")))


@post("/confirm/passkey/options", opt=signed_in(), status_code=200)
async def proof_options(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime
) -> Response[str]:
    """What a passkey has to sign."""
    return await passkey_step.options(tx, settings, full_session(request), now)


@post("/confirm/passkey", opt=signed_in(), status_code=200)
async def take_passkey_proof(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """The same by a passkey."""
    session = full_session(request)
    return await passkey_step.take(
        request,
        database,
        settings,
        session,
        now,
        done=partial(_proved, request),
        refused=partial(_again, request, database, session),
    )


def _proved(request: Request[Any, Any, State], step: SecondStep, to: str) -> Response[Any]:
    return keep_session(request, see_other(request, to), step.token)


async def _again(
    request: Request[Any, Any, State], database: Database, session: Session, form: Form, error: DomainError
) -> Response[str]:
    async with database.transaction() as tx:
        ways = await _ways(tx, session)
    return again(request, _CONFIRM, form, error, **ways)


async def _ways(tx: Transaction, session: Session) -> dict[str, Any]:
    member = await accounts.staff_by_id(tx, session.staff_id)
    return {
        "code": bool(member and member.second_factor),
        "passkey": bool(member and member.passkeys),
    }


handlers = [ask_proof, take_proof, proof_options, take_passkey_proof]
