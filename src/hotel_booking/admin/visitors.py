"""What the pages of signing in share: who asks, where they go on to, and the cookie of their session."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import urlsplit

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.domains.authentication.errors import LockedOut
from hotel_booking.domains.identity.errors import SignInRequired
from hotel_booking.domains.identity.service.sessions import Session
from hotel_booking.http import cookies
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import page
from hotel_booking.http.visitors import know_device

HOME = "/admin"
_LONGEST_NEXT = 500
Answer = TypeVar("Answer", bound=Response[Any])


def session_of(request: Request[Any, Any, State]) -> Session | None:
    """The session that the request carries, also one that owes its second factor."""
    session: Session | None = request.scope["state"].get("session")
    return session


def full_session(request: Request[Any, Any, State]) -> Session:
    """The session of somebody who is signed in. Raises `SignInRequired`."""
    session = session_of(request)
    if session is None or session.level != "full":
        raise SignInRequired("this page is for staff", fix="sign in")
    return session


def onward(text: str | None) -> str:
    """Where to go on to: a page of the panel. Anything else (another site, above all) is its front door."""
    if not text or len(text) > _LONGEST_NEXT or "\\" in text or not text.isprintable() or " " in text:
        return HOME
    try:
        parts = urlsplit(text)
    except ValueError:
        return HOME
    ours = parts.path == HOME or parts.path.startswith(HOME + "/")
    return text if ours and not (parts.scheme or parts.netloc) and ".." not in parts.path else HOME


def keep_session(request: Request[Any, Any, State], answer: Answer, token: str) -> Answer:
    """Let the browser carry the session from now on."""
    answer.cookies.append(cookies.write(request.scope, cookies.STAFF, token))
    return know_device(request, answer)


def drop_session(request: Request[Any, Any, State], answer: Answer) -> Answer:
    """Let the browser forget its session."""
    answer.cookies.append(cookies.write(request.scope, cookies.STAFF, "", seconds=0))
    return answer


def locked_page(
    request: Request[Any, Any, State], template: str, form: Form, error: LockedOut, **values: Any
) -> Response[str]:
    """The form again, saying how long to wait."""
    return page(
        request,
        template,
        status=429,
        headers={"retry-after": str(error.retry_after)},
        form=form.failed(error),
        **values,
    )
