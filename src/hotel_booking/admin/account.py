"""The own account: password, second factors, and where one is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from markupsafe import Markup

from hotel_booking.admin.account_mail import tell
from hotel_booking.admin.browsers import browser_of
from hotel_booking.admin.staff_mail import send_notice
from hotel_booking.admin.visitors import drop_session, full_session
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication import queries
from hotel_booking.domains.authentication.errors import SignInRequired
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import new_password, passkeys, sessions
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.service import second_factor
from hotel_booking.domains.identity.service.confirmation import require_recent
from hotel_booking.domains.identity.service.second_factor import TotpSetup
from hotel_booking.http.access import signed_in
from hotel_booking.http.signing_in import Number, passkey_options, site_of
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, see_other

_ACCOUNT = "/admin/account"
_FACTORS = "/admin/account/second-factor"


@get("/account", opt=signed_in())
async def show_account(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """Who one is here, and where one is signed in."""
    member = await _member(tx, caller)
    opened = await queries.open_sessions(tx, STAFF, member.id, now=now)
    return page(
        request,
        "account/account.html",
        member=member,
        places=[(one, browser_of(one.user_agent)) for one in opened],
        here=caller.session_id,
    )


@get("/account/password", opt=signed_in())
async def ask_password(request: Request[Any, Any, State], caller: Caller, now: datetime) -> Response[str]:
    """The form for another password."""
    require_recent(caller, now)
    return page(request, "account/password.html", form=Form.of())


@post("/account/password", opt=signed_in(), status_code=200)
async def change_password(
    request: Request[Any, Any, State], database: Database, caller: Caller, now: datetime
) -> Response[Any]:
    """Another password; all other sessions end."""
    require_recent(caller, now)
    form = await read(request)
    try:
        if form.value("password") != form.value("again"):
            form.wrong("again", "doesn’t match the one above")
        form.check()
        session = full_session(request)
        await new_password.change(
            database,
            STAFF,
            owner_id=session.staff_id,
            session_id=session.id,
            password=form.value("password"),
            now=now,
        )
    except SignInRequired:
        raise
    except DomainError as error:
        return page(request, "account/password.html", status=422, form=form.failed(error))
    await tell(database, session.staff_id, "password_changed", now=now)
    return see_other(
        request, _ACCOUNT, notice="Your password has been changed. You have been signed out everywhere else."
    )


@post("/account/sessions/{session_id:int}/end", opt=signed_in(), status_code=200)
async def end_session(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, session_id: Number
) -> Response[bytes]:
    """Sign out in one place."""
    member = await _member(tx, caller)
    await sessions.end_own(tx, STAFF, owner_id=member.id, session_id=session_id)
    if session_id == caller.session_id:
        return drop_session(request, see_other(request, "/admin/sign-in", notice="You have been signed out."))
    return see_other(request, _ACCOUNT, notice="That session has been signed out.")


@post("/account/sessions/end-others", opt=signed_in(), status_code=200)
async def end_others(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[bytes]:
    """Sign out everywhere else."""
    member = await _member(tx, caller)
    if await sessions.end_all(tx, STAFF, owner_id=member.id, but=caller.session_id):
        await send_notice(tx, member, what="signed_out_everywhere", now=now)
    return see_other(request, _ACCOUNT, notice="You have been signed out everywhere else.")


@post("/account/sessions/end-all", opt=signed_in(), status_code=200)
async def end_everywhere(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[bytes]:
    """Sign out everywhere, here too."""
    member = await _member(tx, caller)
    await sessions.end_all(tx, STAFF, owner_id=member.id)
    await send_notice(tx, member, what="signed_out_everywhere", now=now)
    answer = see_other(request, "/admin/sign-in", notice="You have been signed out everywhere.")
    return drop_session(request, answer)


@get("/account/second-factor", opt=signed_in())
async def show_factors(request: Request[Any, Any, State], tx: Transaction, caller: Caller) -> Response[str]:
    """The app, the passkeys and the recovery codes."""
    return await _factors(request, tx, caller, Form.of())


@post("/account/second-factor/app", opt=signed_in(), status_code=200)
async def begin_app(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, settings: Settings, now: datetime
) -> Response[Any]:
    """Choose a secret for an authenticator app."""
    require_recent(caller, now)
    member = await _member(tx, caller)
    try:
        await second_factor.begin_totp(tx, member=member, secret_key=settings.secret_key)
    except DomainError as error:
        return await _factors(request, tx, caller, Form.of().failed(error), status=422)
    return see_other(request, f"{_FACTORS}/app")


@get("/account/second-factor/app", opt=signed_in())
async def show_app(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, settings: Settings, now: datetime
) -> Response[Any]:
    """The QR code of the set-up under way, and the field for the first code."""
    require_recent(caller, now)
    member = await _member(tx, caller)
    setup = await second_factor.totp_begun(tx, member=member, secret_key=settings.secret_key)
    return see_other(request, _FACTORS) if setup is None else _app(request, Form.of(), setup)


@post("/account/second-factor/app/confirm", opt=signed_in(), status_code=200)
async def confirm_app(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, settings: Settings, now: datetime
) -> Response[Any]:
    """The first code: from now on the app is asked for."""
    require_recent(caller, now)
    member = await _member(tx, caller)
    form = await read(request)
    try:
        code = form.text("code", required=True, longest=20)
        form.check()
        codes = await second_factor.confirm_totp(
            tx, member=member, code=code, secret_key=settings.secret_key, now=now
        )
    except DomainError as error:
        setup = await second_factor.totp_begun(tx, member=member, secret_key=settings.secret_key)
        if setup is None:
            return see_other(request, _FACTORS)
        return _app(request, form.failed(error), setup, status=422)
    return await _added(request, tx, caller, member, codes, "app_added", now)


@post("/account/second-factor/app/remove", opt=signed_in(), status_code=200)
async def remove_app(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[bytes]:
    """Ask for codes of the app no more."""
    require_recent(caller, now)
    member = await _member(tx, caller)
    if await second_factor.remove_totp(tx, staff_id=member.id):
        await send_notice(tx, member, what="app_removed", now=now)
    return see_other(request, _FACTORS, notice="The authenticator app has been removed.")


@post("/account/second-factor/passkeys/options", opt=signed_in(), status_code=200)
async def new_passkey_options(
    tx: Transaction, caller: Caller, settings: Settings, now: datetime
) -> Response[str]:
    """What the browser needs to make a passkey."""
    require_recent(caller, now)
    return passkey_options(
        await passkeys.registration_options(
            tx,
            STAFF,
            owner=await _member(tx, caller),
            session_id=caller.session_id or 0,
            site=site_of(settings),
            now=now,
        )
    )


@post("/account/second-factor/passkeys", opt=signed_in(), status_code=200)
async def add_passkey(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, settings: Settings, now: datetime
) -> Response[Any]:
    """The passkey that the browser made."""
    require_recent(caller, now)
    member = await _member(tx, caller)
    form = await read(request)
    try:
        name = form.text("name", longest=100)
        form.check()
        await passkeys.register(
            tx,
            STAFF,
            owner=member,
            session_id=caller.session_id or 0,
            credential=form.value("credential"),
            name=name or browser_of(request.headers.get("user-agent", "")),
            site=site_of(settings),
            now=now,
        )
    except DomainError as error:
        again = Form.of(name=form.value("name")).failed(error)
        return await _factors(request, tx, caller, again, status=422)
    codes = await second_factor.first_recovery_codes(tx, staff_id=member.id)
    return await _added(request, tx, caller, member, codes, "passkey_added", now)


@post("/account/second-factor/passkeys/{passkey_id:int}/remove", opt=signed_in(), status_code=200)
async def remove_passkey(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, passkey_id: Number, now: datetime
) -> Response[bytes]:
    """Take a passkey away."""
    require_recent(caller, now)
    member = await _member(tx, caller)
    name = await second_factor.remove_passkey(tx, staff_id=member.id, passkey_id=passkey_id)
    await send_notice(tx, member, what="passkey_removed", now=now)
    return see_other(request, _FACTORS, notice=f"The passkey {name[:60]} has been removed.")


@post("/account/second-factor/recovery-codes", opt=signed_in(), status_code=200)
async def renew_codes(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[Any]:
    """Ten new recovery codes, shown this once; the old ones open nothing any more."""
    require_recent(caller, now)
    member = await _member(tx, caller)
    if not member.second_factor:
        return see_other(request, _FACTORS)
    codes = await second_factor.new_recovery_codes(tx, staff_id=member.id)
    await send_notice(tx, member, what="recovery_codes_renewed", now=now)
    return page(request, "account/recovery_codes.html", codes=codes, first=False)


async def _member(tx: Transaction, caller: Caller) -> Staff:
    member = await accounts.staff_by_id(tx, caller.staff_id or 0)
    if member is None:
        raise SignInRequired("this account is gone", fix="sign in again")
    return member


async def _factors(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, form: Form, *, status: int = 200
) -> Response[str]:
    member = await _member(tx, caller)
    return page(
        request,
        "account/second_factor.html",
        status=status,
        member=member,
        form=form,
        keys=await queries.passkeys(tx, STAFF, member.id),
        codes_left=await accounts.recovery_codes_left(tx, member.id),
    )


def _app(
    request: Request[Any, Any, State], form: Form, setup: TotpSetup, *, status: int = 200
) -> Response[str]:
    # White under the code in the dark scheme too, for cameras; by attributes, for the policy allows no style.
    import segno

    drawing = segno.make(setup.uri, error="m").svg_inline(border=2, light="#ffffff", omitsize=True)
    return page(
        request,
        "account/app.html",
        status=status,
        form=form,
        setup=setup,
        drawing=Markup(drawing),  # noqa: S704  # drawn by segno from our own text
    )


async def _added(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    member: Staff,
    codes: list[str],
    what: str,
    now: datetime,
) -> Response[Any]:
    """A second factor came. Sessions of the time when none was asked for end, and the codes are shown."""
    if not member.second_factor:
        await sessions.end_all(tx, STAFF, owner_id=member.id, but=caller.session_id)
    await send_notice(tx, member, what=what, now=now)
    if codes:
        return page(request, "account/recovery_codes.html", codes=codes, first=True)
    return see_other(request, _FACTORS, notice="The second factor has been added.")


handlers = [
    show_account,
    ask_password,
    change_password,
    end_session,
    end_others,
    end_everywhere,
    show_factors,
    begin_app,
    show_app,
    confirm_app,
    remove_app,
    new_passkey_options,
    add_passkey,
    remove_passkey,
    renew_codes,
]
