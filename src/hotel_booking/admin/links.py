"""Forgotten passwords, and the links by mail: to choose another password, or the first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.staff_mail import send_notice
from hotel_booking.admin.visitors import HOME, drop_session, keep_session, locked_page, session_of
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import LinkNotValid, LockedOut
from hotel_booking.domains.authentication.service import link_requests, lockout
from hotel_booking.domains.authentication.service.link_requests import TOKEN
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.service import sign_in, tokens
from hotel_booking.domains.identity.service.tokens import Kind
from hotel_booking.http.access import public
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, see_other
from hotel_booking.http.visitors import visitor_of

_FORGOT = "sign_in/forgot_password.html"
_CHOOSE = "sign_in/choose_password.html"


@get("/forgot-password", opt=public())
async def ask_email(request: Request[Any, Any, State]) -> Response[str]:
    """Whose password shall be reset."""
    return page(request, _FORGOT, form=Form.of(), sent=request.query_params.get("sent") == "1")


@post("/forgot-password", opt=public(), status_code=200)
async def send_link(
    request: Request[Any, Any, State], database: Database, settings: Settings, now: datetime
) -> Response[Any]:
    """The same answer by the same work, whether there is such an account or not: a job looks."""
    form = await read(request)
    try:
        email = form.text("email", required=True, longest=254)
        form.check()
        if await lockout.may_reset(database, email=email, visitor=visitor_of(request), now=now):
            async with database.transaction() as tx:
                await link_requests.note(
                    tx,
                    kind="staff_password",
                    email=email,
                    language="en",
                    pages={"staff_password": f"{settings.public_url}/admin/password/{TOKEN}"},
                    now=now,
                )
    except LockedOut as error:
        return locked_page(request, _FORGOT, form, error, sent=False)
    except DomainError as error:
        return page(request, _FORGOT, status=422, form=form.failed(error), sent=False)
    return see_other(request, "/admin/forgot-password?sent=1")


@get("/password/{token:str}", opt=public())
async def ask_new_password(
    request: Request[Any, Any, State], tx: Transaction, token: str, now: datetime
) -> Response[str]:
    """The form behind a reset link."""
    return await _ask(request, tx, token, "password_reset", now)


@post("/password/{token:str}", opt=public(), status_code=200)
async def take_new_password(
    request: Request[Any, Any, State], database: Database, token: str, now: datetime
) -> Response[Any]:
    """Another password; then the owner signs in with it, second factor and all."""
    done = await _take(request, database, token, "password_reset", now)
    if not isinstance(done, Staff):
        return done
    async with database.transaction() as tx:
        await send_notice(tx, done, what="password_changed", now=now)
    answer = see_other(request, "/admin/sign-in", notice="Your password is changed. Sign in with it.")
    return drop_session(request, answer)


@get("/invitation/{token:str}", opt=public())
async def ask_first_password(
    request: Request[Any, Any, State], tx: Transaction, token: str, now: datetime
) -> Response[str]:
    """The form behind an invitation."""
    return await _ask(request, tx, token, "invitation", now)


@post("/invitation/{token:str}", opt=public(), status_code=200)
async def take_first_password(
    request: Request[Any, Any, State], database: Database, token: str, now: datetime
) -> Response[Any]:
    """The first password, which signs its owner in."""
    done = await _take(request, database, token, "invitation", now)
    if not isinstance(done, Staff):
        return done
    session = session_of(request)
    step = await sign_in.after_invitation(
        database,
        member=done,
        visitor=visitor_of(request),
        instead_of=session.id if session is not None else None,
        now=now,
    )
    to = HOME if step.level == "full" else "/admin/sign-in/second-step"
    return keep_session(request, see_other(request, to, notice=f"Welcome, {done.name}."), step.token)


async def _ask(
    request: Request[Any, Any, State], tx: Transaction, token: str, kind: Kind, now: datetime
) -> Response[str]:
    try:
        member = await tokens.find(tx, token=token, kind=kind, now=now)
    except LinkNotValid as error:
        return _lapsed(request, kind, error)
    return page(request, _CHOOSE, form=Form.of(), member=member, kind=kind)


async def _take(
    request: Request[Any, Any, State], database: Database, token: str, kind: Kind, now: datetime
) -> Response[str] | Staff:
    form = await read(request)
    try:
        async with database.transaction() as tx:
            member = await tokens.find(tx, token=token, kind=kind, now=now)
        if form.value("password") != form.value("again"):
            form.wrong("again", "is not the same as above")
        try:
            form.check()
            return await tokens.choose_password(
                database, token=token, kind=kind, password=form.value("password"), now=now
            )
        except LinkNotValid:
            raise
        except DomainError as error:
            return page(request, _CHOOSE, status=422, form=form.failed(error), member=member, kind=kind)
    except LinkNotValid as error:
        return _lapsed(request, kind, error)


def _lapsed(request: Request[Any, Any, State], kind: Kind, error: LinkNotValid) -> Response[str]:
    return page(request, "sign_in/lapsed_link.html", status=404, kind=kind, problem=error)


handlers = [
    ask_email,
    send_link,
    ask_new_password,
    take_new_password,
    ask_first_password,
    take_first_password,
]
