"""The guest who is signed in, on every page of the site.

    account = current_guest(request)     the account, or None: to fill a form in, or to note a booking
    session = signed_in(request)         for pages of the account: sends everybody else to sign in

The cookie is the guests' own (`cookies.GUEST`); `http.access` has looked it up before any handler runs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.authentication.errors import GuestSignInRequired
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import sessions
from hotel_booking.domains.guests.types import Account, GuestSession
from hotel_booking.http import signing_in
from hotel_booking.http.signing_in import Answer
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.site import language_of, link


def current_guest(request: Request[Any, Any, State]) -> Account | None:
    """The account of whoever is signed in."""
    session = session_of(request)
    return session.account if session is not None else None


def session_of(request: Request[Any, Any, State]) -> GuestSession | None:
    """The session that the request carries."""
    session: GuestSession | None = request.scope["state"].get("guest_session")
    return session


def signed_in(request: Request[Any, Any, State]) -> GuestSession:
    """The session of a guest who is signed in. Raises `GuestSignInRequired`."""
    session = session_of(request)
    if session is None:
        raise GuestSignInRequired("this page is for a guest who has signed in", fix="sign in")
    return session


def recently(request: Request[Any, Any, State], now: datetime) -> GuestSession:
    """The same for what is dangerous: `ConfirmIdentity` where the last proof is a while ago."""
    session = signed_in(request)
    sessions.require_recent(GUESTS, session, now)
    return session


def onward(request: Request[Any, Any, State], text: str | None) -> str:
    """Where to go on to after signing in: a page of ours. Anything else (another site, above all) is the
    account."""
    return signing_in.onward(
        text,
        home=link(language_of(request), "account"),
        ours=lambda path: path.split("/", 2)[1:2] in [[language] for language in LANGUAGES],
    )


def enter(
    request: Request[Any, Any, State], token: str, to: str, *, notice: str | None = None
) -> Response[Any]:
    """Go on as a guest who has just signed in."""
    answer = see_other(request, to, notice=notice)
    seconds = int(GUESTS.lifetime.total_seconds())
    return signing_in.keep_session(request, GUESTS, answer, token, seconds=seconds)


def leave(request: Request[Any, Any, State], answer: Answer) -> Answer:
    """Let the browser forget its session."""
    return signing_in.drop_session(request, GUESTS, answer)
