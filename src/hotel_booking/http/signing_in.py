"""What all pages of signing in share, staff's and guests': the cookie of the session, where to go on to, and
what passkeys are asked and answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from litestar import Request, Response
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.core.config import Settings
from hotel_booking.core.integers import LARGEST_BIGINT
from hotel_booking.domains.authentication.errors import LockedOut
from hotel_booking.domains.authentication.kinds import GUESTS, STAFF, AccountKind
from hotel_booking.domains.authentication.service.passkeys import Site
from hotel_booking.domains.guests.types import GuestSession
from hotel_booking.domains.identity.service.sessions import Session
from hotel_booking.http import cookies
from hotel_booking.http.visitors import know_device

# The number of a session or a passkey in an address.
Number = Annotated[int, Parameter(ge=1, le=LARGEST_BIGINT)]
Answer = TypeVar("Answer", bound=Response[Any])
_COOKIES = {STAFF.name: cookies.STAFF, GUESTS.name: cookies.GUEST}
# Where `http.access` puts the session of a request.
_SESSIONS = {STAFF.name: "session", GUESTS.name: "guest_session"}
_LONGEST_NEXT = 500


def session_before(request: Request[Any, Any, State], of: AccountKind) -> int | None:
    """The number of the session that a new one takes the place of."""
    session: Session | GuestSession | None = request.scope["state"].get(_SESSIONS[of.name])
    return session.id if session is not None else None


def keep_session(
    request: Request[Any, Any, State],
    of: AccountKind,
    answer: Answer,
    token: str,
    *,
    seconds: int | None = None,
) -> Answer:
    """Let the browser carry the session from now on, for `seconds` or until it is closed."""
    answer.cookies.append(cookies.write(request.scope, _COOKIES[of.name], token, seconds=seconds))
    return know_device(request, answer)


def drop_session(request: Request[Any, Any, State], of: AccountKind, answer: Answer) -> Answer:
    """Let the browser forget its session."""
    answer.cookies.append(cookies.write(request.scope, _COOKIES[of.name], "", seconds=0))
    return answer


def onward(text: str | None, *, home: str, ours: Callable[[str], bool]) -> str:
    """Where to go on to after signing in: an address without a host whose path is `ours`. Anything else
    (another site, above all) is `home`."""
    if not text or len(text) > _LONGEST_NEXT or "\\" in text or not text.isprintable() or " " in text:
        return home
    try:
        parts = urlsplit(text)
    except ValueError:
        return home
    if parts.scheme or parts.netloc or text.startswith("//") or ".." in parts.path or not ours(parts.path):
        return home
    return text


def wait(answer: Answer, error: Exception) -> Answer:
    """The answer, which says how many seconds to wait where too many attempts were made."""
    if isinstance(error, LockedOut):
        answer.headers["retry-after"] = str(error.retry_after)
    return answer


def status_of(error: Exception) -> int:
    """Of a form that is shown again: too many attempts, or something in it that is not right."""
    return 429 if isinstance(error, LockedOut) else 422


def passkey_options(options: str) -> Response[str]:
    """What a browser is to ask a passkey for."""
    return Response(options, media_type="application/json", headers={"cache-control": "no-store"})


def site_of(settings: Settings) -> Site:
    """Whom passkeys are made for."""
    return Site.of(settings.public_url)
