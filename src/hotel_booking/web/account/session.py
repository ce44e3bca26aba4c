"""The guest who is signed in, on every page of the site.

    account = current_guest(request)     the account, or None: to fill a form in, or to note a booking
    session = signed_in(request)         for pages of the account: sends everybody else to sign in

The cookie is the guests' own (`cookies.GUEST`); `http.access` has looked it up before any handler runs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.domains.authentication.service.passkeys import Site
from hotel_booking.domains.guests.errors import GuestSignInRequired
from hotel_booking.domains.guests.service import sessions
from hotel_booking.domains.guests.types import Account, GuestSession
from hotel_booking.http import cookies
from hotel_booking.http.ui.render import see_other
from hotel_booking.http.visitors import know_device
from hotel_booking.web.i18n.language import LANGUAGES
from hotel_booking.web.site import language_of, link

_LONGEST_NEXT = 500
Answer = TypeVar("Answer", bound=Response[Any])


def current_guest(request: Request[Any, Any, State]) -> Account | None:
    """The account of whoever is signed in."""
    session = session_of(request)
    return session.account if session is not None else None


def session_of(request: Request[Any, Any, State]) -> GuestSession | None:
    """The session that the request carries."""
    session: GuestSession | None = request.scope["state"].get("guest_session")
    return session


def session_before(request: Request[Any, Any, State]) -> int | None:
    """The number of the session that a new one takes the place of."""
    session = session_of(request)
    return session.id if session is not None else None


def signed_in(request: Request[Any, Any, State]) -> GuestSession:
    """The session of a guest who is signed in. Raises `GuestSignInRequired`."""
    session = session_of(request)
    if session is None:
        raise GuestSignInRequired("this page is for a guest who has signed in", fix="sign in")
    return session


def recently(request: Request[Any, Any, State], now: datetime) -> GuestSession:
    """The same for what is dangerous: `ConfirmIdentity` where the last proof is a while ago."""
    session = signed_in(request)
    sessions.require_recent(session, now)
    return session


def onward(request: Request[Any, Any, State], text: str | None) -> str:
    """Where to go on to after signing in: a page of ours. Anything else (another site, above all) is the
    account."""
    home = link(language_of(request), "account")
    if not text or len(text) > _LONGEST_NEXT or "\\" in text or not text.isprintable() or " " in text:
        return home
    try:
        parts = urlsplit(text)
    except ValueError:
        return home
    ours = parts.path.split("/", 2)[1:2]
    if parts.scheme or parts.netloc or not ours or ours[0] not in LANGUAGES or ".." in parts.path:
        return home
    return text if not text.startswith("//") else home


def enter(
    request: Request[Any, Any, State], token: str, to: str, *, notice: str | None = None
) -> Response[Any]:
    """Go on as a guest who has just signed in."""
    answer = see_other(request, to, notice=notice)
    seconds = int(sessions.LIFETIME.total_seconds())
    answer.cookies.append(cookies.write(request.scope, cookies.GUEST, token, seconds=seconds))
    return know_device(request, answer)


def leave(request: Request[Any, Any, State], answer: Answer) -> Answer:
    """Let the browser forget its session."""
    answer.cookies.append(cookies.write(request.scope, cookies.GUEST, "", seconds=0))
    return answer


def site_of(settings: Settings) -> Site:
    """Whom passkeys are made for."""
    return Site.of(settings.public_url)
