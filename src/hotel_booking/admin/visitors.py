"""What the pages of signing in share: who asks, where they go on to, and the cookie of their session."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.errors import DomainError
from hotel_booking.domains.authentication.errors import SignInRequired
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.identity.service.sessions import Session
from hotel_booking.http import signing_in
from hotel_booking.http.signing_in import Answer
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import page

HOME = "/admin"


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
    return signing_in.onward(text, home=HOME, ours=lambda path: path == HOME or path.startswith(HOME + "/"))


def keep_session(request: Request[Any, Any, State], answer: Answer, token: str) -> Answer:
    """Let the browser carry the session from now on."""
    return signing_in.keep_session(request, STAFF, answer, token)


def drop_session(request: Request[Any, Any, State], answer: Answer) -> Answer:
    """Let the browser forget its session."""
    return signing_in.drop_session(request, STAFF, answer)


def again(
    request: Request[Any, Any, State], template: str, form: Form, error: DomainError, **values: Any
) -> Response[str]:
    """The form again, with what is wrong, or how long to wait."""
    answer = page(request, template, status=signing_in.status_of(error), form=form.failed(error), **values)
    return signing_in.wait(answer, error)
