"""A passkey as the second step of signing in, and as the proof before something dangerous: one exchange."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.admin.visitors import onward
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import SignInRequired
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import passkeys
from hotel_booking.domains.identity.service import sign_in
from hotel_booking.domains.identity.service.sessions import Session
from hotel_booking.domains.identity.service.sign_in import SecondStep
from hotel_booking.http.signing_in import passkey_options, site_of
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.visitors import visitor_of


async def options(tx: Transaction, settings: Settings, session: Session, now: datetime) -> Response[str]:
    """What a passkey of the session's owner has to sign."""
    return passkey_options(
        await passkeys.proof_options(
            tx, STAFF, owner_id=session.staff_id, session_id=session.id, site=site_of(settings), now=now
        )
    )


async def take(
    request: Request[Any, Any, State],
    database: Database,
    settings: Settings,
    session: Session,
    now: datetime,
    *,
    done: Callable[[SecondStep, str], Response[Any]],
    refused: Callable[[Form, DomainError], Awaitable[Response[Any]]],
) -> Response[Any]:
    """Check what the passkey signed. `done` answers with the new session and where to go on to; `refused` is
    the form once more."""
    form = await read(request)
    to = onward(form.value("next"))
    try:
        step = await sign_in.by_passkey(
            database,
            session=session,
            credential=form.value("credential"),
            site=site_of(settings),
            visitor=visitor_of(request),
            now=now,
        )
    except SignInRequired:
        raise
    except DomainError as error:
        # The passkey's answer is of no use a second time, and no field of the page.
        return await refused(Form.of(next=to), error)
    return done(step, to)
