"""Forgotten passwords, and the links by mail: to choose another password, or the first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.account_mail import tell
from hotel_booking.admin.visitors import HOME, again, drop_session, keep_session
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import LinkNotValid
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import link_requests, links, lockout, new_password, sign_in
from hotel_booking.domains.authentication.service.link_requests import TOKEN
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.http.access import public
from hotel_booking.http.signing_in import session_before
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
        if await lockout.may_mail(database, email=email, visitor=visitor_of(request), now=now):
            async with database.transaction() as tx:
                await link_requests.note(
                    tx,
                    kind="staff_password",
                    email=email,
                    language="en",
                    pages={"staff_password": f"{settings.public_url}/admin/password/{TOKEN}"},
                    now=now,
                )
    except DomainError as error:
        return again(request, _FORGOT, form, error, sent=False)
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

    async def choose(password: str) -> Response[Any]:
        owner_id = await new_password.choose(
            database, STAFF, token=token, kind="password_reset", password=password, now=now
        )
        await tell(database, owner_id, "password_changed", now=now)
        answer = see_other(
            request, "/admin/sign-in", notice="Your password has been changed. Please sign in with it."
        )
        return drop_session(request, answer)

    return await _take(request, database, token, "password_reset", now, choose)


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

    async def choose(password: str) -> Response[Any]:
        step = await sign_in.by_new_password(
            database,
            STAFF,
            token=token,
            kind="invitation",
            password=password,
            visitor=visitor_of(request),
            instead_of=session_before(request, STAFF),
            now=now,
        )
        async with database.transaction() as tx:
            member = await accounts.staff_by_id(tx, step.owner_id)
        to = HOME if step.level == "full" else "/admin/sign-in/second-step"
        notice = f"Welcome, {member.name}." if member is not None else None
        return keep_session(request, see_other(request, to, notice=notice), step.token)

    return await _take(request, database, token, "invitation", now, choose)


async def _ask(
    request: Request[Any, Any, State], tx: Transaction, token: str, kind: str, now: datetime
) -> Response[str]:
    try:
        member = await _member(tx, token, kind, now)
    except LinkNotValid as error:
        return _lapsed(request, kind, error)
    return page(request, _CHOOSE, form=Form.of(), member=member, kind=kind)


async def _take(
    request: Request[Any, Any, State],
    database: Database,
    token: str,
    kind: str,
    now: datetime,
    choose: Callable[[str], Awaitable[Response[Any]]],
) -> Response[Any]:
    form = await read(request)
    try:
        async with database.transaction() as tx:
            member = await _member(tx, token, kind, now)
        if form.value("password") != form.value("again"):
            form.wrong("again", "doesn’t match the one above")
        try:
            form.check()
            return await choose(form.value("password"))
        except LinkNotValid:
            raise
        except DomainError as error:
            return again(request, _CHOOSE, form, error, member=member, kind=kind)
    except LinkNotValid as error:
        return _lapsed(request, kind, error)


async def _member(tx: Transaction, token: str, kind: str, now: datetime) -> Staff | None:
    link = await links.find(tx, STAFF, token=token, kind=kind, now=now)
    return await accounts.staff_by_id(tx, link.holder.id) if link.holder is not None else None


def _lapsed(request: Request[Any, Any, State], kind: str, error: LinkNotValid) -> Response[str]:
    return page(request, "sign_in/lapsed_link.html", status=404, kind=kind, problem=error)


handlers = [
    ask_email,
    send_link,
    ask_new_password,
    take_new_password,
    ask_first_password,
    take_first_password,
]
